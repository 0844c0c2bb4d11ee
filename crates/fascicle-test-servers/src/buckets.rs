//! Buckets of objects in memory.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// An object with what the service knows of it.
#[derive(Clone, Debug)]
pub struct StoredObject {
    /// The content.
    pub bytes: Bytes,
    /// Counts the writes to the server; no two states of any objects share one.
    pub generation: u64,
    /// When it was written.
    pub modified: DateTime<Utc>,
    /// Metadata of the user's, by lower-case name without the dialect's prefix.
    pub metadata: BTreeMap<String, String>,
}

impl StoredObject {
    /// The entity tag, with its quotes.
    pub(crate) fn etag(&self) -> String {
        format!("\"{:016x}\"", self.generation)
    }
}

/// A multipart upload that is under way.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    pub(crate) parts: BTreeMap<u32, Bytes>,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Objects by key, in the order of the keys' bytes.
pub(crate) type Bucket = BTreeMap<String, StoredObject>;

/// Everything that a server holds.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    pub(crate) buckets: BTreeMap<String, Bucket>,
    pub(crate) uploads: BTreeMap<String, Upload>,
    last_number: u64,
}

impl Buckets {
    /// A number that was never given before.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// The object under a key, if the bucket is there and holds it.
    pub(crate) fn object(&self, bucket: &str, key: &str) -> Option<&StoredObject> {
        self.buckets.get(bucket)?.get(key)
    }

    /// Stores an object in any case; the bucket exists.
    pub(crate) fn store(
        &mut self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        metadata: BTreeMap<String, String>,
    ) -> StoredObject {
        let object = StoredObject { bytes, generation: self.next_number(), modified: Utc::now(), metadata };
        self.buckets.entry(bucket.to_owned()).or_default().insert(key.to_owned(), object.clone());
        object
    }
}
