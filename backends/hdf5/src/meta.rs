//! The metas of directories: `_meta.yaml`, replaced as a whole by compare-and-swap.

use crate::{
    layout::{META_FILE, entry_of},
    tree::Tree,
};
use bytes::Bytes;
use fascicle_backend::{EntryKind, EntryPath, MetaRecord, MetaStamp, MetaWriteMode, Result, Version};
use fascicle_local::{FileType, Sight, file_stamp, versioned_file};

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

    /// The stamps of the metas of all directories in `directory`.
    pub(crate) fn meta_stamps(&self, directory: &EntryPath) -> Result<Vec<MetaStamp>> {
        let Some(folder) = self.directory(directory)? else { return Ok(Vec::new()) };
        let mut stamps = Vec::new();
        for (stored_name, file_type) in folder.names()? {
            let is_folder = match file_type {
                FileType::Directory => true,
                // What a link leads to is for the root to judge.
                FileType::Symlink | FileType::Unknown => {
                    matches!(folder.look(&stored_name)?, Sight::Folder(_))
                }
                _ => false,
            };
            if !is_folder || stored_name.starts_with('_') || directory.join(&stored_name).is_err() {
                continue;
            }
            if let Some((name, form)) = entry_of(&stored_name, true)
                && form.kind() == EntryKind::Directory
                && let Some(meta) = file_stamp(&folder, &stored_name, META_FILE)?
            {
                stamps.push(MetaStamp {
                    name: name.to_owned(),
                    stamp: meta.stamp,
                    is_settled: meta.is_settled,
                });
            }
        }
        Ok(stamps)
    }
}
