//! Copying and moving entries.

use super::{Form, META_NAME, StoredEntry, Tree, already_exists, attributes::attributes_key};
use crate::store::key;
use fascicle_backend::{EntryPath, Error, ErrorKind, Result, WriteMode};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectStoreExt, path::Path};

impl Tree {
    /// Copies an entry with its attributes and everything in it. The store copies, no data passes through this process.
    ///
    /// - Not atomic: a reader may see the objects of the copy appear one by one, its key objects or its meta last. Two copies to one
    ///   path at once fail, both or one of them.
    /// - Cost: a request for each 1,000 objects to list them, and one (on S3 three) to copy each.
    /// - Errors: `NotFound`, `AlreadyExists`, `InvalidInput` for a target within the source.
    pub async fn copy(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        let entry = self.relocatable(from, to).await?;
        let target = self.key_of(to, &entry.form)?;
        let copied = self.copy_objects(from, &entry, to, &target).await;
        match copied {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error.at(to)),
            Err(error) => {
                // What was copied so far is no entry; the failure of the copy is the one to report.
                let _ = self.remove_entry(to, &StoredEntry { key: target, ..entry }).await;
                return Err(error);
            }
        }
        match self.rivals(to, &entry.form).await?.first() {
            None => Ok(()),
            Some(rival) => {
                self.remove_entry(to, &StoredEntry { key: target, ..entry }).await?;
                Err(already_exists(rival).at(to))
            }
        }
    }

    /// Moves an entry with its attributes.
    ///
    /// - On a local file system in one step; elsewhere the entry is copied and then removed, so that for a moment there are both.
    /// - Cost: as [`Tree::copy`] and [`Tree::remove`].
    /// - Errors: as [`Tree::copy`].
    pub async fn rename(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        let Some(local) = self.store().local() else {
            self.copy(from, to).await?;
            let entry = self.require_any(from).await?;
            let removed = self.remove_entry(from, &entry).await;
            if matches!(&removed, Err(error) if error.kind() == ErrorKind::NotFound) {
                // Somebody else removed or moved it: there is nothing of which this would be the new place.
                let copy = StoredEntry { key: self.key_of(to, &entry.form)?, ..entry };
                self.remove_entry(to, &copy).await?;
            }
            return removed;
        };
        let entry = self.relocatable(from, to).await?;
        // The attributes are copied first and removed last: whenever this ends early, the entry has them.
        let attributes = self.attributes_of(from, &entry.form).await?;
        self.put_attributes(to, &entry.form, &attributes).await?;
        let target = self.key_of(to, &entry.form)?;
        let failed = |error| self.store().error("moving", &entry.key, error);
        if !local.move_if_absent(&entry.key, &target).await.map_err(failed)? {
            return Err(Error::new(ErrorKind::AlreadyExists, "the name was taken meanwhile").at(to));
        }
        self.store().delete(&attributes_key(from, &entry.form)?).await
    }

    /// The entry at `from`, which may be moved to `to`.
    async fn relocatable(&self, from: &EntryPath, to: &EntryPath) -> Result<StoredEntry> {
        if from.is_root() {
            return Err(Error::new(ErrorKind::InvalidInput, "the root cannot be moved or copied"));
        }
        let entry = self.require_any(from).await?;
        if to.is_within(from) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the target '{to}' is, or lies within, the source"),
            )
            .at(from));
        }
        self.prepare(to, entry.form.kind(), WriteMode::Create).await?;
        Ok(entry)
    }

    async fn claim_copy(&self, from: &Path, to: &Path) -> Result<()> {
        let copied = self.store().objects().copy_if_not_exists(from, to).await;
        copied.map_err(|error| self.store().error("copying", from, error))
    }

    /// Copies the objects of an entry, then its attributes, then the objects without which nobody finds it, the outermost of them
    /// at the very last.
    async fn copy_objects(
        &self,
        path: &EntryPath,
        entry: &StoredEntry,
        to_path: &EntryPath,
        to: &Path,
    ) -> Result<()> {
        let (from, form) = (&entry.key, &entry.form);
        let late = match form {
            Form::File | Form::Single(_) => vec![from.clone()],
            form => self.copy_prefix(from, to, form).await?,
        };
        let attributes = self.attributes_of(path, form).await?;
        self.put_attributes(to_path, form, &attributes).await?;
        for source in late {
            self.claim_copy(&source, &target_of(&source, from, to)?).await?;
        }
        Ok(())
    }

    /// Copies the objects under a prefix but for those without which nobody finds an entry, and returns these, the innermost first.
    async fn copy_prefix(&self, from: &Path, to: &Path, form: &Form) -> Result<Vec<Path>> {
        let mut late = Vec::new();
        let mut objects = self.store().list(from).try_chunks(1000);
        while let Some(chunk) = objects.next().await {
            let chunk = chunk.map_err(|error| error.1)?;
            let (last, now): (Vec<Path>, Vec<Path>) = chunk
                .into_iter()
                .map(|meta| meta.location)
                .partition(|path| form.is_key_at(from, path) || path.filename() == Some(META_NAME));
            late.extend(last);
            let copies = now.into_iter().map(|source| async move {
                let copied = self.store().objects().copy(&source, &target_of(&source, from, to)?).await;
                copied.map_err(|error| self.store().error("copying", &source, error))
            });
            stream::iter(copies)
                .buffer_unordered(self.store().limits().concurrency.max(1))
                .try_collect::<Vec<()>>()
                .await?;
        }
        late.sort_by_key(|path| std::cmp::Reverse(path.parts().count()));
        Ok(late)
    }
}

/// Where the copy of an object goes when everything under `from` goes under `to`.
fn target_of(source: &Path, from: &Path, to: &Path) -> Result<Path> {
    key(&format!("{to}{}", source.as_ref().strip_prefix(from.as_ref()).unwrap_or("")))
}
