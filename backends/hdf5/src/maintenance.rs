//! What killed writers leave in a place, and mending it.

use crate::{
    Hdf5Backend,
    h5::{clear_marks_of_dead_writer, is_marked_by_dead_writer},
    layout::Form,
    tree::{Tree, lock_name, parent_of},
};
use async_trait::async_trait;
use fascicle_backend::{
    EntryKind, EntryPath, Error, ErrorKind, Flaw, FlawKind, Leftover, Maintenance, Result, Version,
};
use fascicle_local::{FileLock, blocking, collect_leftover, discard_if_same, leftovers};

#[async_trait]
impl Maintenance for Hdf5Backend {
    async fn leftovers(&self) -> Result<Vec<Leftover>> {
        let root = self.tree().root().clone();
        blocking(move || {
            leftovers(&root, &|name| name.ends_with(Form::ParquetTable.stored_name("").as_str()))
        })
        .await
    }

    async fn collect(&self, leftover: &Leftover) -> Result<bool> {
        let (root, leftover) = (self.tree().root().clone(), leftover.clone());
        blocking(move || collect_leftover(&root, &leftover)).await
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

    fn mend(&self, path: &EntryPath, kind: FlawKind) -> Result<bool> {
        if kind != FlawKind::StaleMark {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("flaws of the kind '{}' cannot be mended here", kind.name()),
            ));
        }
        let held = self.lock(path, EntryKind::Array)?;
        clear_marks_of_dead_writer(&held.file())
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
