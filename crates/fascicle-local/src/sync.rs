//! Making what was written survive a power failure.

use crate::error::storage_error;
use fascicle_backend::Result;
use rustix::{fd::BorrowedFd, io::Errno};
use std::{fs::File, path::Path};

/// Waits until the names in an open folder are durable. File systems that cannot do that for folders are left alone.
pub(crate) fn sync_folder(folder: BorrowedFd<'_>, path: &Path) -> Result<()> {
    match rustix::fs::fsync(folder) {
        Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
        Err(error) => Err(storage_error("syncing", path, error)),
    }
}

/// Waits until a file, or a folder with everything in it, is durable.
pub(crate) fn sync_tree(path: &Path) -> Result<()> {
    let failed = |error: std::io::Error| storage_error("syncing", path, error);
    let metadata = path.symlink_metadata().map_err(failed)?;
    if metadata.is_symlink() {
        return Ok(());
    }
    if metadata.is_dir() {
        for entry in std::fs::read_dir(path).map_err(failed)? {
            sync_tree(&entry.map_err(failed)?.path())?;
        }
        let folder = File::open(path).map_err(failed)?;
        return sync_folder(std::os::fd::AsFd::as_fd(&folder), path);
    }
    File::open(path).and_then(|file| file.sync_all()).map_err(failed)
}
