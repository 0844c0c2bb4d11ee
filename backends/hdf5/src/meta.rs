//! The metas of directories: `_meta.yaml`, replaced as a whole by compare-and-swap.

use crate::{layout::META_FILE, tree::Tree};
use bytes::Bytes;
use fascicle_backend::{EntryPath, MetaRecord, MetaWriteMode, Result, Version};
use fascicle_local::versioned_file;

impl Tree {
    /// The meta of a directory, `None` when it has none.
    pub(crate) fn read_meta(&self, directory: &EntryPath) -> Result<Option<MetaRecord>> {
        let Some(folder) = self.directory(directory)? else { return Ok(None) };
        let state = versioned_file::read(&folder, META_FILE)?;
        Ok(state.map(|state| MetaRecord { bytes: state.bytes, version: state.version }))
    }

    /// Writes the meta of a directory as `mode` says, and returns its version.
    pub(crate) fn write_meta(
        &self,
        directory: &EntryPath,
        meta: &Bytes,
        mode: &MetaWriteMode,
    ) -> Result<Version> {
        let folder = match self.directory(directory)? {
            Some(folder) => folder,
            None => {
                self.root().create()?;
                self.root().folder("")?
            }
        };
        versioned_file::write(self.staging(), &folder, META_FILE, meta, mode, self.options().lock_timeout)
    }
}
