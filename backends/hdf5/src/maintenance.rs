//! What killed writers leave in a place, and mending it.

use crate::{
    Hdf5Backend, file_append,
    h5::{clear_marks_of_dead_writer, is_marked_by_dead_writer},
    layout::Form,
    tree::{Found, Tree, lock_name, parent_of},
};
use async_trait::async_trait;
use fascicle_backend::{
    EntryKind, EntryPath, Error, ErrorKind, Flaw, FlawKind, Leftover, LeftoverKind, Maintenance, Result,
    Version,
};
use fascicle_local::{FileLock, Folder, LOCKS_FOLDER, collect_leftover, discard_if_same, leftovers};
use std::time::Duration;

#[async_trait]
impl Maintenance for Hdf5Backend {
    async fn leftovers(&self) -> Result<Vec<Leftover>> {
        self.run(|tree| {
            let is_format_folder = |name: &str| name.ends_with(Form::ParquetTable.stored_name("").as_str());
            let mut found = leftovers(tree.root(), &is_format_folder)?;
            // The lock of an unfinished append says how long its file is, until it is mended.
            found.retain(|leftover| {
                // What cannot be looked at is not given up.
                leftover.kind != LeftoverKind::Lock || !tree.is_needed(&leftover.stored_as).unwrap_or(true)
            });
            Ok(found)
        })
        .await
    }

    async fn collect(&self, leftover: &Leftover) -> Result<bool> {
        let leftover = leftover.clone();
        self.run(move |tree| {
            if leftover.kind == LeftoverKind::Lock
                && let Some(is_collected) = tree.collect_noted(&leftover.stored_as)?
            {
                return Ok(is_collected);
            }
            collect_leftover(tree.root(), &leftover)
        })
        .await
    }

    async fn flaws(&self, path: &EntryPath) -> Result<Vec<Flaw>> {
        let path = path.clone();
        self.run(move |tree| tree.flaws(&path)).await
    }

    async fn mend(&self, path: &EntryPath, kind: FlawKind) -> Result<bool> {
        let path = path.clone();
        self.run(move |tree| tree.mend(&path, kind)).await
    }

    async fn remove_directory_if(&self, path: &EntryPath, meta: &Version) -> Result<bool> {
        let (path, meta) = (path.clone(), meta.clone());
        self.run(move |tree| tree.remove_directory_if(&path, &meta)).await
    }
}

impl Tree {
    fn flaws(&self, path: &EntryPath) -> Result<Vec<Flaw>> {
        if path.is_root() {
            return Ok(Vec::new());
        }
        let found = self.find_any(path)?;
        if found.form() == Form::File {
            return self.flaws_of_file(&found, path.name());
        }
        if found.form() != Form::Array {
            return Ok(Vec::new());
        }
        // Whoever holds the lock is alive, and clears its own mark.
        let is_stale = !FileLock::is_held(found.folder(), &lock_name(path.name()))?
            && is_marked_by_dead_writer(&found.file())?;
        let stale = Flaw {
            kind: FlawKind::StaleMark,
            what:
                "a writer died and left the mark of its HDF5 file, for which other programs refuse to open it"
                    .to_owned(),
            mendable: true,
        };
        Ok(is_stale.then_some(stale).into_iter().collect())
    }

    fn flaws_of_file(&self, found: &Found, name: &str) -> Result<Vec<Flaw>> {
        let is_unfinished = !FileLock::is_held(found.folder(), &lock_name(name))?
            && file_append::is_unfinished(found.folder(), name)?;
        let unfinished = Flaw {
            kind: FlawKind::BeyondTheEnd,
            what: "a writer died while it appended to the file, and left bytes behind its end that only other programs read"
                .to_owned(),
            mendable: true,
        };
        Ok(is_unfinished.then_some(unfinished).into_iter().collect())
    }

    /// The folder of what a lock is of, and the name of the lock.
    fn place_of_lock<'a>(&self, stored_as: &'a str) -> Result<(Folder, &'a str)> {
        let (path, name) = stored_as.rsplit_once('/').unwrap_or(("", stored_as));
        let above = path.strip_suffix(LOCKS_FOLDER).unwrap_or(path).trim_end_matches('/');
        Ok((self.root().folder(above)?, name))
    }

    /// Whether a lock says where a file ends that holds more.
    fn is_needed(&self, stored_as: &str) -> Result<bool> {
        let (folder, name) = self.place_of_lock(stored_as)?;
        file_append::is_unfinished(&folder, name)
    }

    /// Removes a lock with a note that nobody needs, and tells whether it did. `None` for a lock without a note.
    fn collect_noted(&self, stored_as: &str) -> Result<Option<bool>> {
        let (folder, name) = self.place_of_lock(stored_as)?;
        if FileLock::note_of(&folder, name)?.is_none() {
            return Ok(None);
        }
        let lock = match FileLock::acquire(&folder, name, Duration::ZERO) {
            Ok(lock) => lock,
            Err(error) if error.kind() == ErrorKind::Busy => return Ok(Some(false)),
            Err(error) => return Err(error),
        };
        if file_append::is_unfinished(&folder, name)? {
            return Ok(Some(false));
        }
        // Whoever releases a lock removes it.
        lock.clear_note(self.options().fsync).map(|()| Some(true))
    }

    fn mend(&self, path: &EntryPath, kind: FlawKind) -> Result<bool> {
        if kind == FlawKind::BeyondTheEnd {
            return self.mend_file(path);
        }
        if kind != FlawKind::StaleMark {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("flaws of the kind '{}' cannot be mended here", kind.name()),
            ));
        }
        let held = self.lock(path, EntryKind::Array)?;
        clear_marks_of_dead_writer(&held.file())
    }

    fn mend_file(&self, path: &EntryPath) -> Result<bool> {
        let found = self.find(path, EntryKind::File)?;
        let name = lock_name(path.name());
        let lock = FileLock::acquire(found.folder(), &name, self.options().lock_timeout)?;
        file_append::settle(found.folder(), &lock, self.options().fsync)
    }

    fn remove_directory_if(&self, path: &EntryPath, meta: &Version) -> Result<bool> {
        let Some(folder) = self.folder(&parent_of(path)?)? else { return Ok(false) };
        // Whoever creates the directory anew needs this lock.
        let _lock = self.lock_name_in(&folder, path.name())?;
        let directory = match self.folder(path)? {
            Some(directory) => directory,
            None => return Ok(false),
        };
        match self.read_meta(path)? {
            Some(current) if current.version == *meta => {}
            _ => return Ok(false),
        }
        let stored_name = Form::Directory.stored_name(path.name());
        let removed = discard_if_same(&folder, &stored_name, &directory, self.options().fsync)?;
        if removed {
            self.forget_attributes(&folder, &stored_name)?;
        }
        Ok(removed)
    }
}
