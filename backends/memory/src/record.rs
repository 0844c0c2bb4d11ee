//! Records, beside the tree of entries.

use crate::MemoryBackend;
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{CreateOutcome, RecordKey, RecordStore, Result};
use std::collections::btree_map::Entry;

#[async_trait]
impl RecordStore for MemoryBackend {
    async fn create(&self, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        match self.exclusive().records.entry(key.clone()) {
            Entry::Occupied(_) => Ok(CreateOutcome::Exists),
            Entry::Vacant(place) => {
                place.insert(body);
                Ok(CreateOutcome::Created)
            }
        }
    }

    async fn read(&self, key: &RecordKey) -> Result<Option<Bytes>> {
        Ok(self.shared().records.get(key).cloned())
    }

    async fn overwrite(&self, key: &RecordKey, body: Bytes) -> Result<()> {
        self.exclusive().records.insert(key.clone(), body);
        Ok(())
    }

    async fn remove(&self, key: &RecordKey) -> Result<()> {
        self.exclusive().records.remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &RecordKey) -> Result<Vec<RecordKey>> {
        let within = |key: &&RecordKey| {
            key.as_str().strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        Ok(self.shared().records.keys().filter(within).cloned().collect())
    }
}
