//! Removing entries.

use super::{Form, META_NAME, StoredEntry, Tree, attributes::attributes_key, tombstone::removal_key};
use crate::store::child_key;
use bytes::Bytes;
use fascicle_backend::{EntryPath, Error, ErrorKind, Result, Version};
use fascicle_tables::generation_of_name;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;

impl Tree {
    /// Removes an entry, a directory with everything in it included.
    ///
    /// - On a local file system in one step. Elsewhere an array or table is gone with its key objects, which go first; a directory is
    ///   gone as soon as its meta is replaced by a tombstone, which goes last. A removal that is broken off leaves the tombstone: the
    ///   directory stays absent, and creating it again, or removing its parent, removes what is left of it.
    /// - Of any number of concurrent removers of a directory, in any process, exactly one succeeds, where the store has conditional
    ///   writes, and always on a local file system. Stores do not say whether a deletion found something: of files and tables,
    ///   several that are removed at the same time may all be told that they did it.
    /// - Cost: a request for each 1,000 objects to list them, and one to delete them, on Google Cloud Storage one for each object;
    ///   for a directory about eight more, and one for each 1,000 objects.
    /// - Errors: `NotFound`, `Corrupt`.
    pub async fn remove(&self, path: &EntryPath) -> Result<()> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::InvalidInput, "the root cannot be removed"));
        }
        let entry = self.require_any(path).await?;
        self.remove_entry(path, &entry).await
    }

    /// Removes an entry that was found.
    pub async fn remove_entry(&self, path: &EntryPath, entry: &StoredEntry) -> Result<()> {
        if entry.form == Form::Directory && !self.store().is_local() {
            return self.remove_directory(path, &entry.key).await;
        }
        // First, so that an entry which takes this one's place never has them.
        self.store().delete(&attributes_key(path, &entry.form)?).await?;
        if let Some(local) = self.store().local() {
            let failed = |error| self.store().error("removing", &entry.key, error);
            if !local.discard(&entry.key).await.map_err(failed)? {
                return Err(removed_meanwhile(path));
            }
            return Ok(());
        }
        match &entry.form {
            Form::File | Form::Single(_) | Form::Directory => self.store().delete(&entry.key).await,
            Form::Prefix(form) if form.is_told_by_names() => self.remove_parts(&entry.key, &entry.form).await,
            Form::Prefix(form) => {
                for name in form.key_names {
                    self.store().delete(&child_key(&entry.key, name)?).await?;
                }
                self.remove_prefix(&entry.key).await
            }
        }
    }

    /// Says that nothing is left of a removal of what stood at `path`, whether there was one or not.
    pub(crate) async fn forget_removal(&self, path: &EntryPath, form: &Form) -> Result<()> {
        if self.store().is_local() {
            return Ok(());
        }
        self.store().delete(&removal_key(&self.key_of(path, form)?)?).await
    }

    /// Removes a directory that is not on a local file system, if no one else does so at the same time.
    async fn remove_directory(&self, path: &EntryPath, prefix: &Path) -> Result<()> {
        self.store().put(&removal_key(prefix)?, Bytes::new()).await?;
        let tombstone = self.bury(prefix).await?;
        if self.clear_after(path, prefix, tombstone).await? { Ok(()) } else { Err(removed_meanwhile(path)) }
    }

    /// Removes the directory whose meta has this version; tells whether it did.
    pub(super) async fn remove_directory_of(
        &self,
        path: &EntryPath,
        prefix: &Path,
        meta: &Version,
    ) -> Result<bool> {
        self.store().put(&removal_key(prefix)?, Bytes::new()).await?;
        let tombstone = self.bury_state(prefix, meta).await?;
        self.clear_after(path, prefix, tombstone).await
    }

    /// Deletes what is in a directory that has one's own tombstone, if it has, and the marker of the removal; tells whether it
    /// had.
    async fn clear_after(&self, path: &EntryPath, prefix: &Path, tombstone: Option<Version>) -> Result<bool> {
        let is_mine = tombstone.is_some();
        if let Some(tombstone) = tombstone {
            self.forget_attributes(path).await?;
            self.clear_buried(prefix, tombstone).await?;
        } else if let Some(meta) = self.store().head(&child_key(prefix, META_NAME)?).await?
            && self.is_buried(&meta).await?
        {
            // Whoever wrote that tombstone needs the marker and deletes it.
            return Ok(false);
        }
        self.store().delete(&removal_key(prefix)?).await?;
        Ok(is_mine)
    }

    /// Deletes the attributes of a directory.
    pub(super) async fn forget_attributes(&self, path: &EntryPath) -> Result<()> {
        self.store().delete(&attributes_key(path, &Form::Directory)?).await
    }

    /// Removes a table: first its parts without which nobody finds it, the oldest generation first. A table that somebody else
    /// creates meanwhile stays, and what is added to this one meanwhile goes.
    async fn remove_parts(&self, prefix: &Path, form: &Form) -> Result<()> {
        let marker = removal_key(prefix)?;
        self.store().put(&marker, Bytes::new()).await?;
        let mut removed = None;
        loop {
            let objects: Vec<Path> =
                self.store().list(prefix).map_ok(|object| object.location).try_collect().await?;
            let generation = |path: &Path| path.filename().and_then(generation_of_name);
            let highest = *removed.get_or_insert_with(|| objects.iter().filter_map(generation).max());
            let (mut keys, others): (Vec<Path>, Vec<Path>) = objects
                .into_iter()
                .filter(|path| match generation(path) {
                    Some(generation) => Some(generation) <= highest,
                    None => true,
                })
                .partition(|path| form.is_key_at(prefix, path));
            if keys.is_empty() && others.is_empty() {
                return self.store().delete(&marker).await;
            }
            keys.sort();
            for key in &keys {
                self.store().delete(key).await?;
            }
            self.store().delete_all(stream::iter(others.into_iter().map(Ok)).boxed()).await?;
        }
    }

    /// Deletes every object under a prefix.
    async fn remove_prefix(&self, prefix: &Path) -> Result<()> {
        let mut objects = self.store().list(prefix).try_chunks(1000);
        while let Some(chunk) = objects.next().await {
            let chunk = chunk.map_err(|error| error.1)?;
            let keys = chunk.into_iter().map(|meta| Ok(meta.location));
            self.store().delete_all(stream::iter(keys).boxed()).await?;
        }
        Ok(())
    }
}

fn removed_meanwhile(path: &EntryPath) -> Error {
    Error::new(ErrorKind::NotFound, "it was removed meanwhile").at(path)
}
