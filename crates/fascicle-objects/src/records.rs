//! Records as objects under `_index/`.

use crate::store::{Store, key};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{CreateOutcome, MAX_RECORD_BYTES, RecordKey, RecordStore, Result};
use futures::TryStreamExt;
use object_store::path::Path;

/// The prefix of the records.
pub const INDEX_PREFIX: &str = "_index";

/// Records in a store: the key `v1/ab/x` is the object `_index/v1/ab/x`.
///
/// - Creating is a conditional write, which a store must honour: `Unsupported` otherwise. An answer is taken at its word, as
///   [`CreateOutcome::Exists`] allows.
/// - Cost: a request each; listing one for each 1,000 records.
/// - On local file systems a key cannot continue another record's key (`a` and `a/b`).
#[derive(Clone, Debug)]
pub struct StoreRecords {
    store: Store,
}

impl StoreRecords {
    /// The records of a store.
    pub fn new(store: Store) -> Self {
        StoreRecords { store }
    }
}

fn object_key(record: &RecordKey) -> Result<Path> {
    key(&format!("{INDEX_PREFIX}/{record}"))
}

#[async_trait]
impl RecordStore for StoreRecords {
    async fn create(&self, record: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        match self.store.create_unverified(&object_key(record)?, body).await? {
            true => Ok(CreateOutcome::Created),
            false => Ok(CreateOutcome::Exists),
        }
    }

    async fn read(&self, record: &RecordKey) -> Result<Option<Bytes>> {
        let object = self.store.read(&object_key(record)?, MAX_RECORD_BYTES as u64).await?;
        Ok(object.map(|object| object.bytes))
    }

    async fn overwrite(&self, record: &RecordKey, body: Bytes) -> Result<()> {
        self.store.put(&object_key(record)?, body).await.map(drop)
    }

    async fn remove(&self, record: &RecordKey) -> Result<()> {
        self.store.delete(&object_key(record)?).await
    }

    async fn list(&self, prefix: &RecordKey) -> Result<Vec<RecordKey>> {
        let mut keys = Vec::new();
        let mut objects = self.store.list(&object_key(prefix)?);
        while let Some(object) = objects.try_next().await? {
            let name =
                object.location.as_ref().strip_prefix(INDEX_PREFIX).and_then(|name| name.strip_prefix('/'));
            // What cannot be a key was put there by somebody else.
            keys.extend(name.and_then(|name| RecordKey::parse(name).ok()));
        }
        keys.sort();
        Ok(keys)
    }
}
