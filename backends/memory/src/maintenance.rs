//! Maintenance: nothing is ever left behind in memory, so that only the removal of directories is of use.

use crate::{MemoryBackend, node::Content};
use async_trait::async_trait;
use fascicle_backend::{EntryPath, Error, ErrorKind, Flaw, FlawKind, Leftover, Maintenance, Result, Version};

#[async_trait]
impl Maintenance for MemoryBackend {
    async fn leftovers(&self) -> Result<Vec<Leftover>> {
        Ok(Vec::new())
    }

    async fn collect(&self, _leftover: &Leftover) -> Result<bool> {
        Ok(false)
    }

    async fn flaws(&self, path: &EntryPath) -> Result<Vec<Flaw>> {
        self.shared().find(path).map(|_| Vec::new())
    }

    async fn mend(&self, path: &EntryPath, kind: FlawKind) -> Result<bool> {
        self.shared().find(path)?;
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("flaws of the kind '{}' do not occur here", kind.name()),
        ))
    }

    async fn remove_directory_if(&self, path: &EntryPath, meta: &Version) -> Result<bool> {
        let mut store = self.exclusive();
        let is_meant = match store.find(path) {
            Ok(node) => match &node.content {
                Content::Directory(directory) => {
                    directory.meta.as_ref().is_some_and(|stored| stored.version == *meta)
                }
                _ => false,
            },
            Err(error) if error.is_not_found() => false,
            Err(error) => return Err(error),
        };
        if is_meant {
            store.take(path)?;
        }
        Ok(is_meant)
    }
}
