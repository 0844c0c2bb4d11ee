//! What killed writers leave in a place, and its removal: all of it is the store's.

use crate::ParquetBackend;
use async_trait::async_trait;
use fascicle_backend::{EntryPath, Error, ErrorKind, Flaw, FlawKind, Leftover, Maintenance, Result, Version};

#[async_trait]
impl Maintenance for ParquetBackend {
    async fn leftovers(&self) -> Result<Vec<Leftover>> {
        self.tree().leftovers(|_| ()).await
    }

    async fn collect(&self, leftover: &Leftover) -> Result<bool> {
        self.tree().collect(leftover).await
    }

    async fn flaws(&self, path: &EntryPath) -> Result<Vec<Flaw>> {
        // Reading the parts shows what is wrong with them.
        if !path.is_root() {
            self.tree().require_any(path).await?;
        }
        Ok(Vec::new())
    }

    async fn mend(&self, path: &EntryPath, kind: FlawKind) -> Result<bool> {
        self.tree().require_any(path).await?;
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("flaws of the kind '{}' do not occur here", kind.name()),
        ))
    }

    async fn remove_directory_if(&self, path: &EntryPath, meta: &Version) -> Result<bool> {
        self.tree().remove_directory_if(path, meta).await
    }
}
