//! Removing in one step, however much there is to delete, and whoever still reads it.

use crate::{
    confined::{Folder, Root},
    error::storage_error,
    nonce::nonce,
    staging::move_if_absent,
};
use fascicle_backend::{Error, ErrorKind, Result};
use rustix::{
    fs::{AtFlags, FlockOperation, Mode, OFlags},
    io::Errno,
};
use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

/// The working folder that holds what is being deleted.
pub const TRASH_FOLDER: &str = "_trash";

/// Removes what stands under `name` in `folder`: it vanishes at once and is then deleted, with everything in it. Links are
/// removed, not followed.
///
/// - With `durable`, it cannot come back after a power failure.
/// - A folder that somebody [holds](Folder::subfolder_held) is deleted by a later call, when nobody does.
/// - Errors: `NotFound`.
pub fn discard(folder: &Folder, name: &str, durable: bool) -> Result<()> {
    move_to_trash(folder, name)?;
    if durable {
        folder.sync()?;
    }
    empty_trash(folder.root());
    Ok(())
}

/// Removes the folder `name` in `folder` as [`discard`] does, if it is the one that `same` is a handle on; tells whether it
/// did. Another one that took its name meanwhile is back under it at once.
pub fn discard_if_same(folder: &Folder, name: &str, same: &Folder, durable: bool) -> Result<bool> {
    match folder.subfolder(name) {
        Ok(current) if current.is_same(same)? => {}
        Ok(_) => return Ok(false),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::WrongKind) => return Ok(false),
        Err(error) => return Err(error),
    }
    let moved = match move_to_trash(folder, name) {
        Err(error) if error.is_not_found() => return Ok(false),
        answer => answer?,
    };
    let trash = folder.root().folder("")?.subfolder(TRASH_FOLDER)?;
    if !trash.subfolder(&moved)?.is_same(same)? {
        let _ = move_if_absent(&trash, &moved, folder, name, durable)?;
        return Ok(false);
    }
    if durable {
        folder.sync()?;
    }
    empty_trash(folder.root());
    Ok(true)
}

/// Moves what stands under a name to the trash, and returns its name there.
fn move_to_trash(folder: &Folder, name: &str) -> Result<String> {
    let root = folder.root().folder("")?;
    let target = nonce()?;
    // Others remove the trash whenever it is empty, which may be just now.
    for _ in 0..1000 {
        let trash = root.subfolder_created(TRASH_FOLDER)?;
        match rustix::fs::renameat(folder, name, &trash, &target) {
            Ok(()) => return Ok(target),
            Err(Errno::NOENT) if rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() => {}
            Err(error) => {
                root.remove_if_empty(TRASH_FOLDER);
                return Err(storage_error("removing", &folder.path_of(name), error));
            }
        }
    }
    Err(Error::new(ErrorKind::Busy, format!("'{}' keeps vanishing", root.path_of(TRASH_FOLDER).display())))
}

/// Deletes what is in the trash, what others left there included. What cannot be deleted stays: it belongs to no entry any
/// more, so that nobody waits for it and nobody is told.
fn empty_trash(root: &Arc<Root>) {
    let Ok(root) = root.folder("") else { return };
    if let Ok(trash) = root.subfolder(TRASH_FOLDER) {
        for (name, _) in trash.names().unwrap_or_default() {
            delete_unless_held(&trash, &name);
        }
    }
    root.remove_if_empty(TRASH_FOLDER);
}

pub(crate) fn delete_unless_held(trash: &Folder, name: &str) {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(trash, name, flags, Mode::empty()) {
        Ok(handle) => {
            // Any other answer is that of a file system without such locks.
            let answer = rustix::fs::flock(&handle, FlockOperation::NonBlockingLockExclusive);
            if answer != Err(Errno::WOULDBLOCK) {
                delete_folder(&trash.path_of(name));
            }
        }
        Err(Errno::ACCESS) => delete_folder(&trash.path_of(name)),
        Err(_) => drop(rustix::fs::unlinkat(trash, name, AtFlags::empty())),
    }
}

/// Deletes a folder with everything in it, never through links, as far as the system lets it go.
pub(crate) fn delete_folder(path: &Path) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn everything_is_removed_and_nothing_behind_links() {
        let keep = tempfile::tempdir().unwrap();
        let (outside, path) = (keep.path().join("outside"), keep.path().join("root"));
        std::fs::create_dir_all(&outside).unwrap();
        std::fs::write(outside.join("kept"), "kept").unwrap();
        std::fs::create_dir_all(path.join("a/b")).unwrap();
        std::fs::write(path.join("a/b/x"), "x").unwrap();
        symlink(&outside, path.join("a/link")).unwrap();
        symlink(&outside, path.join("link")).unwrap();
        std::fs::set_permissions(path.join("a/b"), std::fs::Permissions::from_mode(0o555)).unwrap();

        let root = Root::new(&path, false).unwrap();
        let top = root.folder("").unwrap();
        for name in ["a", "link"] {
            discard(&top, name, true).unwrap();
        }
        assert!(discard(&top, "a", true).unwrap_err().is_not_found());
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0, "the trash is gone, too");
        assert_eq!(std::fs::read_to_string(outside.join("kept")).unwrap(), "kept");
    }

    #[test]
    fn another_folder_of_the_same_name_stays() {
        let keep = tempfile::tempdir().unwrap();
        let top = Root::new(keep.path(), false).unwrap().folder("").unwrap();
        let make = || std::fs::create_dir(keep.path().join("a")).unwrap();
        make();
        let first = top.subfolder("a").unwrap();
        std::fs::rename(keep.path().join("a"), keep.path().join("b")).unwrap();
        assert!(!discard_if_same(&top, "a", &first, false).unwrap());
        make();
        assert!(!discard_if_same(&top, "a", &first, false).unwrap());
        assert!(discard_if_same(&top, "b", &first, false).unwrap());
        let left: Vec<_> = top.names().unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(left, ["a"]);
    }

    #[test]
    fn a_held_folder_is_readable_until_it_is_let_go() {
        let keep = tempfile::tempdir().unwrap();
        std::fs::create_dir(keep.path().join("a")).unwrap();
        std::fs::write(keep.path().join("a/x"), "x").unwrap();
        let top = Root::new(keep.path(), false).unwrap().folder("").unwrap();
        let held = top.subfolder_held("a").unwrap();
        discard(&top, "a", false).unwrap();
        assert!(top.look("a").unwrap().is_absent());
        assert_eq!(std::io::read_to_string(held.open_file("x").unwrap()).unwrap(), "x");
        drop(held);
        std::fs::write(keep.path().join("b"), "").unwrap();
        discard(&top, "b", false).unwrap();
        assert_eq!(std::fs::read_dir(keep.path()).unwrap().count(), 0, "the next one empties the trash");
    }
}
