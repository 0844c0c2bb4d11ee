//! Faults in files.

use crate::{
    Case,
    planted::{Fault, Inner},
    writers::AlteredFile,
};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{ByteStream, EntryPath, ErrorKind, FileOptions, FileWriter, Result, WriteMode};
use futures::{StreamExt, TryStreamExt};
use std::{collections::HashMap, ops::Range, sync::Mutex};

async fn content(inner: Inner<'_>, path: &EntryPath) -> Result<Vec<u8>> {
    let pieces: Vec<Bytes> = inner.files().read(path, None).await?.try_collect().await?;
    Ok(pieces.concat())
}

fn stream(content: Vec<u8>) -> ByteStream {
    futures::stream::iter([Ok(Bytes::from(content))]).boxed()
}

async fn put(inner: Inner<'_>, path: &EntryPath, content: Vec<u8>) -> Result<()> {
    let mut writer = inner.files().create(path, &FileOptions::default(), WriteMode::Overwrite).await?;
    writer.write(Bytes::from(content)).await?;
    writer.finish().await
}

/// Changes each piece that is written.
struct Written(fn(Bytes) -> Option<Bytes>);

#[async_trait]
impl Fault for Written {
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        let inner = inner.files().create(path, options, mode).await?;
        Ok(Box::new(AlteredFile { inner, alter: self.0 }))
    }
}

/// Changes which range is read.
struct Ranged(fn(Range<u64>) -> Range<u64>);

#[async_trait]
impl Fault for Ranged {
    async fn read_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream> {
        inner.files().read(path, range.map(self.0)).await
    }
}

/// Refuses ranges beyond the end.
struct RefusesLongRanges;

#[async_trait]
impl Fault for RefusesLongRanges {
    async fn read_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream> {
        let length = content(inner, path).await?.len() as u64;
        if range.as_ref().is_some_and(|range| range.end > length) {
            return Err(fascicle_backend::Error::new(
                ErrorKind::OutOfBounds,
                "the range ends beyond the file",
            ));
        }
        inner.files().read(path, range).await
    }
}

/// Reads as empty what cannot be read.
struct ReadsAsEmpty(ErrorKind);

#[async_trait]
impl Fault for ReadsAsEmpty {
    async fn read_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream> {
        match inner.files().read(path, range).await {
            Err(error) if error.kind() == self.0 => Ok(stream(vec![])),
            other => other,
        }
    }
}

/// Overwrites a file in place, so that the tail of a longer one remains.
struct LeavesTheTail;

struct InPlace {
    inner: Box<dyn FileWriter>,
    old: Vec<u8>,
    written: usize,
}

#[async_trait]
impl FileWriter for InPlace {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.written += bytes.len();
        self.inner.write(bytes).await
    }
    async fn finish(mut self: Box<Self>) -> Result<()> {
        let tail = self.old.get(self.written..).unwrap_or_default().to_vec();
        self.inner.write(Bytes::from(tail)).await?;
        self.inner.finish().await
    }
}

#[async_trait]
impl Fault for LeavesTheTail {
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        let old = content(inner, path).await.unwrap_or_default();
        let inner = inner.files().create(path, options, mode).await?;
        Ok(Box::new(InPlace { inner, old, written: 0 }))
    }
}

/// Reads the second half when it is asked for it, whatever is there by then.
struct ReadsLate;

#[async_trait]
impl Fault for ReadsLate {
    async fn read_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream> {
        let found = inner.files().read(path, range.clone()).await?;
        let length = content(inner, path).await?.len();
        if length < 1_000_000 || range.is_some() {
            return Ok(found);
        }
        // What comes late is what a writer that works in place would have put there.
        let first: Vec<u8> = content(inner, path).await?.into_iter().take(length / 2).collect();
        Ok(stream([first, vec![2; length - length / 2]].concat()))
    }
}

/// Changes what an append does.
struct Appended(fn(Vec<u8>, Bytes) -> (Vec<u8>, u64));

#[async_trait]
impl Fault for Appended {
    async fn append_file(&self, inner: Inner<'_>, path: &EntryPath, bytes: Bytes) -> Result<u64> {
        inner.files().append(path, Bytes::new()).await?;
        let (content, length) = (self.0)(content(inner, path).await?, bytes);
        put(inner, path, content).await?;
        Ok(length)
    }
}

/// Keeps appended bytes back until there are more of them.
#[derive(Default)]
struct KeepsBack(Mutex<HashMap<EntryPath, Bytes>>);

#[async_trait]
impl Fault for KeepsBack {
    async fn append_file(&self, inner: Inner<'_>, path: &EntryPath, bytes: Bytes) -> Result<u64> {
        let kept = self.0.lock().unwrap().remove(path).unwrap_or_default();
        let length = inner.files().append(path, kept).await?;
        self.0.lock().unwrap().insert(path.clone(), bytes.clone());
        Ok(length + bytes.len() as u64)
    }
}

/// Creates what is appended to.
struct AppendCreates;

#[async_trait]
impl Fault for AppendCreates {
    async fn append_file(&self, inner: Inner<'_>, path: &EntryPath, bytes: Bytes) -> Result<u64> {
        if inner.stat(path).await.is_err() {
            put(inner, path, vec![]).await?;
        }
        inner.files().append(path, bytes).await
    }
}

/// A file whose writer was given nothing does not appear.
struct NothingIsNoFile;

struct Counted {
    inner: Box<dyn FileWriter>,
    any: bool,
}

#[async_trait]
impl FileWriter for Counted {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.any |= !bytes.is_empty();
        self.inner.write(bytes).await
    }
    async fn finish(self: Box<Self>) -> Result<()> {
        if self.any { self.inner.finish().await } else { Ok(()) }
    }
}

#[async_trait]
impl Fault for NothingIsNoFile {
    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        let writer = inner.files().create(path, options, mode).await?;
        let any = inner.stat(path).await.is_ok() || !path.as_str().contains("written");
        Ok(Box::new(Counted { inner: writer, any }))
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let written = |name, alter: fn(Bytes) -> Option<Bytes>, caught_by| {
        Case::new(name, move || Written(alter), caught_by)
    };
    let ranged = |name, change: fn(Range<u64>) -> Range<u64>, caught_by| {
        Case::new(name, move || Ranged(change), caught_by)
    };
    let appended = |name, append: fn(Vec<u8>, Bytes) -> (Vec<u8>, u64), caught_by| {
        Case::new(name, move || Appended(append), caught_by)
    };
    vec![
        written(
            "files_lose_carriage_returns",
            |bytes| {
                Some(Bytes::from(bytes.iter().copied().filter(|byte| *byte != b'\r').collect::<Vec<_>>()))
            },
            &[
                "file::bytes_come_back",
                "file::pieces_are_joined_in_order",
                "file::a_large_file_comes_back",
                "file::a_range_is_read",
            ],
        ),
        written(
            "pieces_of_a_file_are_cut_at_a_megabyte",
            |bytes| Some(bytes.slice(..bytes.len().min(1 << 20))),
            &["file::a_large_file_comes_back", "file::a_slow_reader_sees_one_state"],
        ),
        written(
            "long_pieces_of_a_file_are_lost",
            |bytes| Some(bytes).filter(|bytes| bytes.len() != 70_000),
            &["file::pieces_are_joined_in_order"],
        ),
        ranged(
            "ranges_begin_one_late",
            |range| range.start.saturating_add(1).min(range.end)..range.end,
            &["file::a_range_is_read", "file::a_range_is_clipped_at_the_end"],
        ),
        ranged("ranges_are_read_to_the_end", |range| range.start..u64::MAX, &["file::a_range_is_read"]),
        Case::new("long_ranges_are_refused", || RefusesLongRanges, &["file::a_range_is_clipped_at_the_end"]),
        Case::new(
            "a_missing_file_reads_as_empty",
            || ReadsAsEmpty(ErrorKind::NotFound),
            &[
                "file::it_appears_when_it_is_finished",
                "file::a_missing_file_is_not_found",
                "remove::a_removed_file_is_gone",
                "reopen::a_second_handle_sees_every_change",
                "error::operation_and_path_are_named",
                "error::an_error_is_one_line",
                "error::hopeless_calls_are_not_retryable",
                "error::a_handle_survives_refusals",
            ],
        ),
        Case::new(
            "other_kinds_read_as_an_empty_file",
            || ReadsAsEmpty(ErrorKind::WrongKind),
            &[
                "file::a_directory_is_not_a_file",
                "file::an_array_is_not_a_file",
                "file::a_table_is_not_a_file",
                "error::operation_and_path_are_named",
            ],
        ),
        Case::new(
            "overwriting_a_file_leaves_the_tail",
            || LeavesTheTail,
            &[
                "entry::replace_takes_the_place_of_any_kind",
                "file::bytes_come_back",
                "file::overwriting_leaves_no_tail",
            ],
        ),
        Case::new(
            "files_are_read_late",
            || ReadsLate,
            &["file::a_large_file_comes_back", "file::a_slow_reader_sees_one_state"],
        ),
        Case::new("nothing_written_is_no_file", || NothingIsNoFile, &["file::an_empty_file_is_a_file"]),
        appended(
            "appending_to_a_file_replaces_it",
            |_, new| (new.to_vec(), new.len() as u64),
            &[
                "file::appending_adds_at_the_end",
                "file::many_appends_arrive_in_order",
                "file::appending_nothing_changes_nothing",
                "attributes::appending_to_a_file_keeps_them",
                "copy::a_file_and_its_copy_change_apart",
                "reopen::appended_bytes_stay",
                "given_up::appending_to_a_file_is_all_or_nothing",
            ],
        ),
        appended(
            "appending_to_a_file_tells_what_was_added",
            |old, new| ([&old[..], &new].concat(), new.len() as u64),
            &[
                "file::appending_adds_at_the_end",
                "file::many_appends_arrive_in_order",
                "file::appending_nothing_changes_nothing",
                "attributes::appending_to_a_file_keeps_them",
            ],
        ),
        appended(
            "appending_puts_bytes_first",
            |old, new| ([&new[..], &old].concat(), (old.len() + new.len()) as u64),
            &[
                "file::appending_adds_at_the_end",
                "file::many_appends_arrive_in_order",
                "attributes::appending_to_a_file_keeps_them",
                "copy::a_file_and_its_copy_change_apart",
                "reopen::appended_bytes_stay",
            ],
        ),
        appended(
            "appending_adds_a_line_break",
            |old, new| ([&old[..], &new, b"\n"].concat(), (old.len() + new.len() + 1) as u64),
            &[
                "file::appending_adds_at_the_end",
                "file::many_appends_arrive_in_order",
                "file::appending_nothing_changes_nothing",
                "attributes::appending_to_a_file_keeps_them",
                "copy::a_file_and_its_copy_change_apart",
                "reopen::appended_bytes_stay",
            ],
        ),
        Case::new(
            "appended_bytes_are_kept_back",
            KeepsBack::default,
            &[
                "file::appending_adds_at_the_end",
                "file::many_appends_arrive_in_order",
                "reopen::appended_bytes_stay",
                "fault::appending_to_a_file_is_all_or_nothing",
                "copy::a_file_and_its_copy_change_apart",
                "given_up::appending_to_a_file_is_all_or_nothing",
            ],
        ),
        Case::new("appending_creates_a_file", || AppendCreates, &["file::appending_needs_a_file"]),
    ]
}
