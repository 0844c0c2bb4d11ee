//! Records as files under `_index/` of the root.

use crate::{
    blocking::blocking,
    confined::{Folder, Root},
    error::storage_error,
    staging::{Existing, PublishOutcome, Staging},
};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{CreateOutcome, Error, ErrorKind, MAX_RECORD_BYTES, RecordKey, RecordStore, Result};
use rustix::fs::FileType;
use std::{io::Read, sync::Arc};

/// The folder of the root that holds the records.
pub const INDEX_FOLDER: &str = "_index";

/// Records on a local file system: the key `v1/ab/x` is the file `_index/v1/ab/x`.
///
/// - A record appears by linking a staged file, so that among processes exactly one creates it, and nobody reads a part.
/// - A key cannot continue another record's key (`a` and `a/b`): `InvalidInput`.
#[derive(Clone, Debug)]
pub struct LocalRecords {
    staging: Staging,
}

impl LocalRecords {
    /// The records of the root of `staging`.
    pub fn new(staging: Staging) -> LocalRecords {
        LocalRecords { staging }
    }

    fn root(&self) -> &Arc<Root> {
        self.staging.root()
    }

    /// The folder of a record and its name in it; creates the folder.
    fn place(&self, key: &RecordKey) -> Result<(Folder, String)> {
        let (folders, name) = key.as_str().rsplit_once('/').unwrap_or(("", key.as_str()));
        let mut folder = match self.root().folder("") {
            Err(error) if error.is_not_found() => {
                self.root().create()?;
                self.root().folder("")?
            }
            answer => answer?,
        };
        for name in std::iter::once(INDEX_FOLDER).chain(folders.split('/').filter(|name| !name.is_empty())) {
            folder = folder.subfolder_created(name).map_err(|error| continues_another(error, key))?;
        }
        Ok((folder, name.to_owned()))
    }

    /// The folder of a record and its name in it, if that folder exists.
    fn existing_place(&self, key: &RecordKey) -> Result<Option<(Folder, String)>> {
        let (folders, name) = key.as_str().rsplit_once('/').unwrap_or(("", key.as_str()));
        let path =
            if folders.is_empty() { INDEX_FOLDER.to_owned() } else { format!("{INDEX_FOLDER}/{folders}") };
        match self.root().folder(&path) {
            Ok(folder) => Ok(Some((folder, name.to_owned()))),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::WrongKind) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn put(&self, key: &RecordKey, body: &[u8], existing: Existing) -> Result<PublishOutcome> {
        let (folder, name) = self.place(key)?;
        self.staging
            .write_file(body)?
            .publish(&folder, &name, existing)
            .map_err(|error| continues_another(error, key))
    }

    fn get(&self, key: &RecordKey) -> Result<Option<Bytes>> {
        let Some((folder, name)) = self.existing_place(key)? else { return Ok(None) };
        let file = match folder.open_file(&name) {
            Err(error) if error.is_not_found() => return Ok(None),
            // The name belongs to the folder of other records.
            Err(error) if error.kind() == ErrorKind::WrongKind && folder.subfolder(&name).is_ok() => {
                return Ok(None);
            }
            answer => answer?,
        };
        let mut body = Vec::new();
        // One byte more than a record may have, so that whoever checks the limit sees that it is exceeded.
        file.take(MAX_RECORD_BYTES as u64 + 1)
            .read_to_end(&mut body)
            .map_err(|error| storage_error("reading", &folder.path_of(&name), error))?;
        Ok(Some(body.into()))
    }

    fn delete(&self, key: &RecordKey) -> Result<()> {
        let Some((folder, name)) = self.existing_place(key)? else { return Ok(()) };
        match folder.remove_file(&name) {
            Ok(true) if self.staging.fsync() => folder.sync(),
            // The name belongs to the folder of other records.
            Err(error)
                if matches!(error.kind(), ErrorKind::WrongKind | ErrorKind::PermissionDenied)
                    && folder.subfolder(&name).is_ok() =>
            {
                Ok(())
            }
            answer => answer.map(|_| ()),
        }
    }

    fn keys(&self, prefix: &RecordKey) -> Result<Vec<RecordKey>> {
        let mut keys = Vec::new();
        match self.root().folder(&format!("{INDEX_FOLDER}/{prefix}")) {
            Ok(folder) => collect_keys(&folder, prefix.as_str(), &mut keys)?,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::WrongKind) => {}
            Err(error) => return Err(error),
        }
        keys.sort();
        Ok(keys)
    }
}

fn continues_another(error: Error, key: &RecordKey) -> Error {
    match error.kind() {
        ErrorKind::WrongKind => Error::new(
            ErrorKind::InvalidInput,
            format!("the key '{key}' continues the key of another record, or is continued by one"),
        )
        .caused_by(error),
        _ => error,
    }
}

fn collect_keys(folder: &Folder, prefix: &str, keys: &mut Vec<RecordKey>) -> Result<()> {
    for (name, kind) in folder.names()? {
        // What cannot be part of a key was put there by somebody else.
        let Ok(key) = RecordKey::parse(&format!("{prefix}/{name}")) else { continue };
        match kind {
            FileType::RegularFile => keys.push(key),
            FileType::Directory => collect_subfolder(folder, &name, &key, keys)?,
            _ => match folder.look(&name)? {
                crate::Sight::File(_) => keys.push(key),
                crate::Sight::Folder(_) => collect_subfolder(folder, &name, &key, keys)?,
                _ => {}
            },
        }
    }
    Ok(())
}

fn collect_subfolder(folder: &Folder, name: &str, key: &RecordKey, keys: &mut Vec<RecordKey>) -> Result<()> {
    match folder.subfolder(name) {
        Ok(subfolder) => collect_keys(&subfolder, key.as_str(), keys),
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}

#[async_trait]
impl RecordStore for LocalRecords {
    async fn create(&self, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        let (this, key) = (self.clone(), key.clone());
        blocking(move || {
            Ok(match this.put(&key, &body, Existing::Keep)? {
                PublishOutcome::Published => CreateOutcome::Created,
                PublishOutcome::Exists if this.get(&key)?.is_none() => {
                    // A folder of other records stands there, or the record vanished meanwhile; both are told apart here.
                    let (folder, name) = this.place(&key)?;
                    if folder.subfolder(&name).is_ok() {
                        return Err(continues_another(
                            Error::new(ErrorKind::WrongKind, "it is a folder"),
                            &key,
                        ));
                    }
                    CreateOutcome::Exists
                }
                PublishOutcome::Exists => CreateOutcome::Exists,
            })
        })
        .await
    }

    async fn read(&self, key: &RecordKey) -> Result<Option<Bytes>> {
        let (this, key) = (self.clone(), key.clone());
        blocking(move || this.get(&key)).await
    }

    async fn overwrite(&self, key: &RecordKey, body: Bytes) -> Result<()> {
        let (this, key) = (self.clone(), key.clone());
        blocking(move || {
            let (folder, name) = this.place(&key)?;
            if folder.subfolder(&name).is_ok() {
                return Err(continues_another(Error::new(ErrorKind::WrongKind, "it is a folder"), &key));
            }
            this.put(&key, &body, Existing::Replace).map(|_| ())
        })
        .await
    }

    async fn remove(&self, key: &RecordKey) -> Result<()> {
        let (this, key) = (self.clone(), key.clone());
        blocking(move || this.delete(&key)).await
    }

    async fn list(&self, prefix: &RecordKey) -> Result<Vec<RecordKey>> {
        let (this, prefix) = (self.clone(), prefix.clone());
        blocking(move || this.keys(&prefix)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> (tempfile::TempDir, LocalRecords) {
        let keep = tempfile::tempdir().unwrap();
        let root = Root::new(&keep.path().join("root"), false).unwrap();
        (keep, LocalRecords::new(Staging::new(root, true)))
    }

    fn key(text: &str) -> RecordKey {
        RecordKey::parse(text).unwrap()
    }

    #[tokio::test]
    async fn records_are_created_once_and_listed_by_prefix() {
        let (keep, records) = records();
        assert_eq!(records.list(&key("v1")).await.unwrap(), []);
        assert_eq!(records.read(&key("v1/ab/x")).await.unwrap(), None);
        assert!(!keep.path().join("root").exists(), "reading creates nothing");
        for (name, body) in [("v1/ab/x", "1"), ("v1/ac/y.0.claim", "2"), ("v1/z", "3"), ("v10/w", "4")] {
            assert_eq!(records.create(&key(name), body.into()).await.unwrap(), CreateOutcome::Created);
            assert_eq!(records.create(&key(name), "no".into()).await.unwrap(), CreateOutcome::Exists);
            assert_eq!(records.read(&key(name)).await.unwrap().unwrap(), body);
        }
        let listed = records.list(&key("v1")).await.unwrap();
        assert_eq!(
            listed.iter().map(RecordKey::as_str).collect::<Vec<_>>(),
            ["v1/ab/x", "v1/ac/y.0.claim", "v1/z"]
        );
        records.overwrite(&key("v1/z"), "5".into()).await.unwrap();
        assert_eq!(records.read(&key("v1/z")).await.unwrap().unwrap(), "5");
        records.remove(&key("v1/z")).await.unwrap();
        records.remove(&key("v1/z")).await.unwrap();
        assert_eq!(records.read(&key("v1/z")).await.unwrap(), None);
        assert_eq!(std::fs::read(keep.path().join("root/_index/v1/ab/x")).unwrap(), b"1");
    }

    #[tokio::test]
    async fn a_key_that_continues_another_is_refused() {
        let (_keep, records) = records();
        records.create(&key("a/b"), "1".into()).await.unwrap();
        for bad in ["a", "a/b/c"] {
            assert_eq!(records.read(&key(bad)).await.unwrap(), None);
            records.remove(&key(bad)).await.unwrap();
            let created = records.create(&key(bad), "2".into()).await.unwrap_err();
            let overwritten = records.overwrite(&key(bad), "2".into()).await.unwrap_err();
            assert_eq!([created.kind(), overwritten.kind()], [ErrorKind::InvalidInput; 2], "{bad}");
        }
        assert_eq!(records.read(&key("a/b")).await.unwrap().unwrap(), "1");
    }
}
