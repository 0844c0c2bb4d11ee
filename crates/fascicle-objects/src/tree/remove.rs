//! Removing entries.

use super::{Form, META_NAME, StoredEntry, Tree, attributes::attributes_key};
use crate::store::child_key;
use fascicle_backend::{EntryPath, Error, ErrorKind, Result};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;

impl Tree {
    /// Removes an entry, a directory with everything in it included.
    ///
    /// - On a local file system in one step. Elsewhere an array or table is gone with its key objects, which go first; a directory is
    ///   gone with its meta, which goes last, so that a removal which is broken off can be made again.
    /// - Cost: a request for each 1,000 objects to list them, and one to delete them, on Google Cloud Storage one for each object.
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
        // First, so that an entry which takes this one's place never has them.
        self.store().delete(&attributes_key(path, &entry.form)?).await?;
        if let Some(local) = self.store().local() {
            let failed = |error| self.store().error("removing", &entry.key, error);
            if !local.discard(&entry.key).await.map_err(failed)? {
                return Err(Error::new(ErrorKind::NotFound, "it was removed meanwhile").at(path));
            }
            return Ok(());
        }
        match &entry.form {
            Form::File => self.store().delete(&entry.key).await,
            Form::Prefix(form) => {
                for name in form.key_names {
                    self.store().delete(&child_key(&entry.key, name)?).await?;
                }
                self.remove_prefix(&entry.key).await
            }
            Form::Directory => self.remove_prefix(&entry.key).await,
        }
    }

    /// Deletes every object under a prefix, the metas of directories last, those of the innermost first.
    async fn remove_prefix(&self, prefix: &Path) -> Result<()> {
        let is_meta = |path: &Path| path.filename() == Some(META_NAME);
        let mut metas = Vec::new();
        let mut objects = self.store().list(prefix).try_chunks(1000);
        while let Some(chunk) = objects.next().await {
            let chunk = chunk.map_err(|error| error.1)?;
            let (late, now): (Vec<Path>, Vec<Path>) =
                chunk.into_iter().map(|meta| meta.location).partition(is_meta);
            metas.extend(late);
            self.store().delete_all(stream::iter(now.into_iter().map(Ok)).boxed()).await?;
        }
        // One after the other: of a directory that is half removed the outermost meta is left.
        metas.sort_by_key(|path| std::cmp::Reverse(path.parts().count()));
        for meta in metas {
            self.store().delete(&meta).await?;
        }
        Ok(())
    }
}
