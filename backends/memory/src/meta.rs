//! The metas of directories and their versions.

use crate::node::Store;
use bytes::Bytes;
use fascicle_backend::{EntryPath, Error, ErrorKind, MetaRecord, MetaWriteMode, Result, Version};

impl Store {
    /// A meta record under a version that no other has.
    pub(crate) fn new_meta(&mut self, bytes: Bytes) -> MetaRecord {
        self.versions += 1;
        MetaRecord { bytes, version: Version::new(self.versions.to_string()) }
    }

    /// Writes the meta of a directory as `mode` allows.
    pub(crate) fn write_meta(
        &mut self,
        directory: &EntryPath,
        bytes: Bytes,
        mode: &MetaWriteMode,
    ) -> Result<Version> {
        match (&self.directory(directory)?.meta, mode) {
            (Some(_), MetaWriteMode::Create) => {
                return Err(Error::new(ErrorKind::AlreadyExists, "the directory has a meta already"));
            }
            (None, MetaWriteMode::UpdateIf(_)) => {
                return Err(Error::new(ErrorKind::Conflict, "the directory has no meta any more"));
            }
            (Some(stored), MetaWriteMode::UpdateIf(version)) if stored.version != *version => {
                return Err(Error::new(ErrorKind::Conflict, "the meta was changed by another writer")
                    .hint("read it again and repeat the change"));
            }
            _ => {}
        }
        let record = self.new_meta(bytes);
        let version = record.version.clone();
        self.directory_mut(directory)?.meta = Some(record);
        Ok(version)
    }
}
