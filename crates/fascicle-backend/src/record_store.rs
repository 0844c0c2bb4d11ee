//! Records: small objects by which callers coordinate, outside of the tree of entries.

use crate::{Error, ErrorKind, Result};
use async_trait::async_trait;
use bytes::Bytes;
use std::fmt;

/// The largest body of a record.
pub const MAX_RECORD_BYTES: usize = 64 * 1024;

/// The key of a record: names of lower-case letters, digits, `.` and `-`, joined by `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey(String);

impl RecordKey {
    /// Parses a key. Fails with [`ErrorKind::InvalidPath`] for anything but lower-case letters, digits, `.` and `-` in
    /// the names, for a name beginning with a dot, and for more than 250 bytes.
    pub fn parse(key: &str) -> Result<Self> {
        let good_name = |name: &str| {
            !name.is_empty()
                && !name.starts_with('.')
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-')
        };
        if key.len() > 250 || !key.split('/').all(good_name) {
            return Err(Error::new(ErrorKind::InvalidPath, format!("{key:?} is not the key of a record")));
        }
        Ok(RecordKey(key.to_owned()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for RecordKey {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// What [`RecordStore::create`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateOutcome {
    /// The record is new and holds the given body.
    Created,
    /// There is, or may be, a record under the key. It may even be one's own, when an answer was lost on the way: whoever
    /// must know reads it back.
    Exists,
}

/// Records: part of every backend, because find-or-build is made of nothing else.
///
/// They live under a reserved name of the root and are never entries. A body has at most [`MAX_RECORD_BYTES`].
#[async_trait]
pub trait RecordStore: Send + Sync {
    /// Stores a record if there is none under the key: of any number of concurrent callers, in any process, exactly one
    /// creates it. When it returns `Created` the record is durable.
    async fn create(&self, key: &RecordKey, body: Bytes) -> Result<CreateOutcome>;

    /// Reads a record; `None` when there is none. Never a part of a body.
    async fn read(&self, key: &RecordKey) -> Result<Option<Bytes>>;

    /// Stores a record in any case, replacing it at once.
    async fn overwrite(&self, key: &RecordKey, body: Bytes) -> Result<()>;

    /// Removes a record; fine when there is none.
    async fn remove(&self, key: &RecordKey) -> Result<()>;

    /// The keys that begin with `prefix` and a `/`, sorted.
    async fn list(&self, prefix: &RecordKey) -> Result<Vec<RecordKey>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_plain() {
        assert!(RecordKey::parse("v1/ab/abcdef0123.0.claim").is_ok());
        for bad in ["", "/", "a//b", "../a", ".a", "A", "a_b", "a b", "a/", "ü"] {
            assert!(RecordKey::parse(bad).is_err(), "{bad:?}");
        }
    }
}
