//! Appending to files, all or nothing.
//!
//! Bytes are added in place. Before the first of them is written, the length of the file is noted in its lock; when the last one is
//! durable, the note is taken away, which commits. Whoever reads the file while there is a note takes it to be as long as that says.
//!
//! | dies | what is left | effect |
//! |---|---|---|
//! | before the note is whole | a note that says nothing | none |
//! | before the note is taken away | the note, and a part of the bytes or all of them | none; the next writer, or `repair`, cuts them off |
//!
//! A note holds for the file in which it was made, which is known by its number and by its last bytes: a file that another program put
//! in its place is left alone.

use crate::tree::{Tree, lock_name};
use fascicle_backend::{EntryKind, EntryPath, Error, Result};
use fascicle_local::{FileLock, Folder, storage_error};
use serde_json::{Value, json};
use std::{
    fs::File,
    io::Write,
    os::unix::fs::{FileExt, MetadataExt},
};

/// By so many of its last bytes a file is known again.
const MOST_END_BYTES: u64 = 32;

/// Adds bytes to the end of a file. What a full disk allowed to write is taken back.
pub(crate) fn append(tree: &Tree, path: &EntryPath, bytes: &[u8]) -> Result<u64> {
    let held = tree.lock(path, EntryKind::File)?;
    let mut file = held.folder().open_file_for_append(held.stored_name())?;
    let failed = |error: std::io::Error| storage_error("appending to", &held.file(), error);
    let before = file.metadata().map_err(failed)?.len();
    if bytes.is_empty() {
        return Ok(before);
    }
    let durable = tree.options().fsync;
    let note = Note::of(held.stored_name(), &file).map_err(failed)?;
    held.lock().set_note(&note.to_text(), durable)?;
    let written = file.write_all(bytes).and_then(|()| if durable { file.sync_data() } else { Ok(()) });
    if let Err(error) = written {
        // The write that failed is the one to report. What cannot be taken back is left to the next writer.
        if file.set_len(before).is_ok() {
            let _ = held.lock().clear_note(durable);
        }
        return Err(failed(error));
    }
    held.lock().clear_note(durable)?;
    Ok(before + bytes.len() as u64)
}

/// Cuts off what a writer that died in an append to a file left behind it, given the lock of the file. Whether there was something.
pub(crate) fn settle(folder: &Folder, lock: &FileLock, durable: bool) -> Result<bool> {
    let Some(text) = lock.note()? else { return Ok(false) };
    let unfinished = match Note::parse(&text) {
        Some(note) => note.file_if_unfinished(folder)?.map(|_| note),
        None => None,
    };
    if let Some(note) = &unfinished {
        let file = folder.open_file_for_append(&note.stored_name)?;
        file.set_len(note.length)
            .and_then(|()| if durable { file.sync_all() } else { Ok(()) })
            .map_err(|error| storage_error("shortening", &folder.path_of(&note.stored_name), error))?;
    }
    lock.clear_note(durable)?;
    Ok(unfinished.is_some())
}

/// Whether the note in the lock of `name` is about bytes at the end of a file that do not count.
pub(crate) fn is_unfinished(folder: &Folder, name: &str) -> Result<bool> {
    match Note::read(folder, name)? {
        Some(note) => Ok(note.file_if_unfinished(folder)?.is_some()),
        None => Ok(false),
    }
}

/// How many bytes of the file of the entry `name` count, given what tells how many there are.
pub(crate) fn length(
    folder: &Folder,
    name: &str,
    stored_name: &str,
    stored_length: impl Fn() -> Result<u64>,
) -> Result<u64> {
    loop {
        let length = stored_length()?;
        if let Some(note) = Note::read(folder, name)?.filter(|note| note.stored_name == stored_name)
            && note.file_if_unfinished(folder)?.is_some()
        {
            return Ok(note.length.min(length));
        }
        // An append that was under way at the first look, and is over, has made the file longer.
        if stored_length()? == length {
            return Ok(length);
        }
    }
}

/// What is noted in the lock of a file while bytes are added to it.
struct Note {
    stored_name: String,
    /// The device and the number of the file.
    identity: (u64, u64),
    /// How long it was before.
    length: u64,
    /// Its last bytes then.
    end: Vec<u8>,
}

impl Note {
    fn of(stored_name: &str, file: &File) -> std::io::Result<Note> {
        let metadata = file.metadata()?;
        let length = metadata.len();
        let end = end_before(file, length)?;
        Ok(Note {
            stored_name: stored_name.to_owned(),
            identity: (metadata.dev(), metadata.ino()),
            length,
            end,
        })
    }

    /// The note in the lock of the entry `name`.
    fn read(folder: &Folder, name: &str) -> Result<Option<Note>> {
        Ok(FileLock::note_of(folder, &lock_name(name))?.and_then(|text| Note::parse(&text)))
    }

    fn to_text(&self) -> String {
        json!({
            "append_to": self.stored_name,
            "file": [self.identity.0, self.identity.1],
            "length": self.length,
            "end": self.end,
        })
        .to_string()
    }

    /// `None` for a note that was not written to its end: then nothing was done either.
    fn parse(text: &str) -> Option<Note> {
        let value: Value = serde_json::from_str(text).ok()?;
        let number = |value: &Value| value.as_u64();
        let end = value.get("end")?.as_array()?.iter();
        Some(Note {
            stored_name: value.get("append_to")?.as_str()?.to_owned(),
            identity: (number(value.pointer("/file/0")?)?, number(value.pointer("/file/1")?)?),
            length: number(value.get("length")?)?,
            end: end
                .map(|byte| number(byte).and_then(|byte| u8::try_from(byte).ok()))
                .collect::<Option<_>>()?,
        })
    }

    /// The file that the note is about, if it is still there and longer than it was.
    fn file_if_unfinished(&self, folder: &Folder) -> Result<Option<File>> {
        let file = match folder.open_file(&self.stored_name) {
            Ok(file) => file,
            Err(error) if is_other_thing(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let failed = |error| storage_error("reading", &folder.path_of(&self.stored_name), error);
        let metadata = file.metadata().map_err(failed)?;
        let is_it = (metadata.dev(), metadata.ino()) == self.identity
            && metadata.len() > self.length
            && end_before(&file, self.length).map_err(failed)? == self.end;
        Ok(is_it.then_some(file))
    }
}

fn is_other_thing(error: &Error) -> bool {
    use fascicle_backend::ErrorKind::{InvalidPath, NotFound, WrongKind};
    matches!(error.kind(), NotFound | WrongKind | InvalidPath)
}

/// The last bytes of the first `length` ones.
fn end_before(file: &File, length: u64) -> std::io::Result<Vec<u8>> {
    let start = length.saturating_sub(MOST_END_BYTES);
    let mut end = vec![0; usize::try_from(length - start).unwrap_or(0)];
    file.read_exact_at(&mut end, start)?;
    Ok(end)
}
