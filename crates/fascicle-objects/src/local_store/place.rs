//! Where the file of an object is.

use super::{Inner, convert::failed};
use fascicle_backend::{Error, ErrorKind};
use fascicle_local::{FileLock, Folder};
use object_store::{Result, path::Path};

/// The folder of a path, as names joined by `/`, and the name in it.
pub(crate) fn split(path: &Path) -> Result<(&str, &str)> {
    let text = path.as_ref();
    if text.is_empty() {
        return Err(failed(path, Error::new(ErrorKind::InvalidPath, "an object has a name")));
    }
    Ok(text.rsplit_once('/').unwrap_or(("", text)))
}

impl Inner {
    /// The folder of an object, if it exists; nothing stands beneath a file.
    pub(crate) fn existing_folder(&self, path: &Path, relative: &str) -> Result<Option<Folder>> {
        match self.root.folder(relative) {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::WrongKind) => Ok(None),
            Err(error) => Err(failed(path, error)),
        }
    }

    /// The folder at `relative`, which is made when it is missing, and durable then if objects are to be.
    fn make_folder(&self, relative: &str) -> fascicle_backend::Result<Folder> {
        let mut folder = match self.root.folder("") {
            Err(error) if error.is_not_found() => {
                self.root.create()?;
                self.root.folder("")?
            }
            answer => answer?,
        };
        for name in relative.split('/').filter(|name| !name.is_empty()) {
            folder = match folder.subfolder(name) {
                Err(error) if error.is_not_found() => {
                    let made = folder.subfolder_created(name)?;
                    if self.staging.fsync() {
                        folder.sync()?;
                    }
                    made
                }
                answer => answer?,
            };
        }
        Ok(folder)
    }

    /// Opens the folder of an object, made when it is missing, for the only writer of that object. While the lock is held, the
    /// folder is not removed as empty.
    pub(crate) fn lock(&self, path: &Path) -> Result<Locked> {
        let (relative, name) = split(path)?;
        // Others remove the folder whenever it is empty, which may be just now.
        for _ in 0..1000 {
            let folder = match self.make_folder(relative) {
                Err(error) if error.is_not_found() => continue,
                answer => answer.map_err(|error| failed(path, beneath_a_file(error)))?,
            };
            match FileLock::acquire(&folder, name, self.lock_timeout) {
                Err(error) if error.is_not_found() => {}
                answer => {
                    let lock = answer.map_err(|error| failed(path, error))?;
                    return Ok(Locked { _lock: lock, folder, name: name.to_owned() });
                }
            }
        }
        Err(failed(path, Error::new(ErrorKind::Busy, "the folder of the object keeps vanishing")))
    }

    /// Removes the folders of an object that are empty, from its own up to the root, which stays.
    pub(crate) fn tidy(&self, path: &Path) {
        let mut relative = path.as_ref();
        while let Some((parent, _)) = relative.rsplit_once('/') {
            relative = parent;
            let (above, name) = parent.rsplit_once('/').unwrap_or(("", parent));
            // Tidiness alone: whoever needs the folder makes it again.
            let removed = self.root.folder(above).is_ok_and(|folder| {
                rustix::fs::unlinkat(&folder, name, rustix::fs::AtFlags::REMOVEDIR).is_ok()
            });
            if !removed {
                break;
            }
        }
    }
}

/// An object that only this writer changes.
pub(crate) struct Locked {
    pub(crate) folder: Folder,
    pub(crate) name: String,
    pub(crate) _lock: FileLock,
}

fn beneath_a_file(error: Error) -> Error {
    match error.kind() {
        ErrorKind::WrongKind => Error::new(
            ErrorKind::WrongKind,
            "on a local file system nothing can be stored beneath what is itself a file",
        )
        .caused_by(error),
        _ => error,
    }
}
