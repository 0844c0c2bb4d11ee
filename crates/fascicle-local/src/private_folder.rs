//! Folders of one's own within a working folder of the root, deleted with everything in them when they are no longer
//! needed.

use crate::{
    confined::{Folder, Root, folder_mode},
    error::storage_error,
    nonce::nonce,
    trash::delete_folder,
};
use fascicle_backend::{Error, ErrorKind, Result};
use rustix::{fs::FlockOperation, io::Errno};
use std::sync::Arc;

/// A fresh folder `<root>/<area>/<nonce>`. A process that is killed leaves it behind, where nobody reads it.
#[derive(Debug)]
pub(crate) struct PrivateFolder {
    area_name: &'static str,
    name: String,
    root: Folder,
    folder: Folder,
}

impl PrivateFolder {
    /// Creates the folder, and the root if that is missing.
    pub(crate) fn create(root: &Arc<Root>, area_name: &'static str) -> Result<PrivateFolder> {
        let top = match root.folder("") {
            Err(error) if error.is_not_found() => {
                root.create()?;
                root.folder("")?
            }
            answer => answer?,
        };
        let name = nonce()?;
        // Others remove the area whenever it is empty, which may be just now.
        for _ in 0..1000 {
            let area = top.subfolder_created(area_name)?;
            match rustix::fs::mkdirat(&area, &name, folder_mode()) {
                Ok(()) => {
                    let folder = area.subfolder(&name)?;
                    // Held until this process ends, so that nobody takes what is in it for left behind. Where the file
                    // system has no such locks, its age tells.
                    let _ = rustix::fs::flock(&folder, FlockOperation::LockShared);
                    return Ok(PrivateFolder { area_name, name, root: top, folder });
                }
                Err(Errno::NOENT) => {}
                Err(error) => return Err(storage_error("creating", &area.path_of(&name), error)),
            }
        }
        Err(Error::new(ErrorKind::Busy, format!("'{}' keeps vanishing", top.path_of(area_name).display())))
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        delete_folder(&self.folder.path());
        if let Ok(area) = self.root.subfolder(self.area_name) {
            area.remove_if_empty(&self.name);
        }
        self.root.remove_if_empty(self.area_name);
    }
}
