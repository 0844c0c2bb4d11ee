//! Folders of one's own within a working folder of the root, deleted with everything in them when they are no longer
//! needed.

use crate::{
    confined::{Folder, Root, folder_mode},
    error::storage_error,
    nonce::nonce,
};
use fascicle_backend::{Error, ErrorKind, Result};
use rustix::io::Errno;
use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

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
        delete_as_far_as_possible(&self.folder.path());
        if let Ok(area) = self.root.subfolder(self.area_name) {
            area.remove_if_empty(&self.name);
        }
        self.root.remove_if_empty(self.area_name);
    }
}

/// Deletes a folder with everything in it, never through links. What the system does not let go of stays: it belongs to no
/// entry any more.
fn delete_as_far_as_possible(path: &Path) {
    if std::fs::remove_dir_all(path).is_err() && path.exists() {
        allow_deletion(path);
        let _ = std::fs::remove_dir_all(path);
    }
}

/// Gives back the rights on folders that were made read-only, without which nothing in them can be deleted.
fn allow_deletion(path: &Path) {
    let _ = std::fs::set_permissions(path, Permissions::from_mode(0o700));
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            allow_deletion(&entry.path());
        }
    }
}
