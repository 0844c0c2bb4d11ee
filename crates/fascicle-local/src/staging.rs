//! Writing aside, and publishing in one step.
//!
//! What is written lies on the root's file system, but under a name that is no entry. Publishing renames or links it to its
//! place, so that a reader finds nothing or all of it, and a process that is killed leaves nothing but a part that
//! nobody reads.

use crate::{
    confined::{Folder, Root, file_mode, folder_mode},
    error::storage_error,
    private_folder::PrivateFolder,
    sync::sync_tree,
    trash::discard,
};
use fascicle_backend::{Error, ErrorKind, Result};
use rustix::{
    fs::{AtFlags, OFlags, RenameFlags},
    io::Errno,
};
use std::{fs::File, path::PathBuf, sync::Arc};

/// The working folder that holds what is being written.
pub const STAGING_FOLDER: &str = "_staging";

/// The name of what is staged, within its private folder.
const STAGED_NAME: &str = "staged";

/// Where things are written before they are published.
#[derive(Clone, Debug)]
pub struct Staging {
    root: Arc<Root>,
    fsync: bool,
}

/// What publishing does with what stands under the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leaves it and reports [`PublishOutcome::Exists`].
    Keep,
    /// Replaces it.
    Replace,
}

/// What publishing found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum PublishOutcome {
    /// What was staged stands under the name now.
    Published,
    /// Something else stands there; what was staged is gone.
    Exists,
}

impl Staging {
    /// A staging area beneath `root`. With `fsync`, what is published survives a power failure.
    pub fn new(root: Arc<Root>, fsync: bool) -> Staging {
        Staging { root, fsync }
    }

    /// The root it lies beneath.
    pub fn root(&self) -> &Arc<Root> {
        &self.root
    }

    /// Whether what is published survives a power failure.
    pub fn fsync(&self) -> bool {
        self.fsync
    }

    /// Reserves a place where a file or a folder may be made; creates the root when it is missing.
    pub fn reserve(&self) -> Result<Staged> {
        Ok(Staged { private: PrivateFolder::create(&self.root, STAGING_FOLDER)?, fsync: self.fsync })
    }

    /// Reserves a place and creates an empty file there.
    pub fn create_file(&self) -> Result<(Staged, File)> {
        let staged = self.reserve()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(staged.private.folder(), STAGED_NAME, flags, file_mode())
            .map_err(|error| storage_error("creating", &staged.path(), error))?;
        Ok((staged, File::from(handle)))
    }

    /// Stages a file that holds `bytes`.
    pub fn write_file(&self, bytes: &[u8]) -> Result<Staged> {
        use std::io::Write;
        let (staged, mut file) = self.create_file()?;
        file.write_all(bytes).map_err(|error| storage_error("writing", &staged.path(), error))?;
        Ok(staged)
    }

    /// Stages an empty folder.
    pub fn create_folder(&self) -> Result<Staged> {
        let staged = self.reserve()?;
        rustix::fs::mkdirat(staged.private.folder(), STAGED_NAME, folder_mode())
            .map_err(|error| storage_error("creating", &staged.path(), error))?;
        Ok(staged)
    }
}

/// What is being written. Dropping it deletes it.
#[derive(Debug)]
pub struct Staged {
    private: PrivateFolder,
    fsync: bool,
}

impl Staged {
    /// Where the file or folder is, or is to be made.
    pub fn path(&self) -> PathBuf {
        self.private.folder().path_of(STAGED_NAME)
    }

    /// Puts the file or folder into `target` under `name`, in one step for readers.
    ///
    /// Of any number of concurrent callers with [`Existing::Keep`], in any process, exactly one publishes. With
    /// [`Existing::Replace`], a file or a folder takes the place of either; the old one is deleted. Where the file
    /// system cannot exchange two names at once, a folder (or what takes its place) is missing for a moment.
    ///
    /// Errors: `Unsupported` where the file system has no way to do this in one step, or is another than the root's.
    pub fn publish(self, target: &Folder, name: &str, existing: Existing) -> Result<PublishOutcome> {
        if self.fsync {
            sync_tree(&self.path())?;
        }
        let outcome = match (existing, self.path().is_dir()) {
            (Existing::Keep, false) => self.link_file(target, name),
            (Existing::Keep, true) => self.move_folder(target, name),
            (Existing::Replace, is_folder) => self.replace(target, name, is_folder),
        }?;
        if self.fsync && outcome == PublishOutcome::Published {
            target.sync()?;
        }
        Ok(outcome)
    }

    fn link_file(&self, target: &Folder, name: &str) -> Result<PublishOutcome> {
        let source = self.private.folder();
        match rustix::fs::linkat(source, STAGED_NAME, target, name, AtFlags::empty()) {
            Ok(()) => Ok(PublishOutcome::Published),
            // The answer to an earlier attempt may have been lost on a network file system: then there are two links.
            Err(Errno::EXIST) => match rustix::fs::statat(source, STAGED_NAME, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if stat.st_nlink > 1 => Ok(PublishOutcome::Published),
                _ => Ok(PublishOutcome::Exists),
            },
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS | Errno::MLINK) => {
                match rename_if_absent(source, target, name) {
                    Err(Errno::INVAL | Errno::NOSYS) => Err(Error::new(
                        ErrorKind::Unsupported,
                        format!(
                            "the file system of '{}' has neither hard links nor exclusive renames",
                            target.path().display()
                        ),
                    )
                    .hint("use a place on another file system")),
                    answer => renamed(answer, target, name),
                }
            }
            Err(error) => Err(failed_at(target, name, error)),
        }
    }

    fn move_folder(&self, target: &Folder, name: &str) -> Result<PublishOutcome> {
        let source = self.private.folder();
        match rename_if_absent(source, target, name) {
            // Making a folder is exclusive everywhere, and an empty folder may be replaced by a rename.
            Err(Errno::INVAL | Errno::NOSYS) => match rustix::fs::mkdirat(target, name, folder_mode()) {
                Ok(()) => renamed(rustix::fs::renameat(source, STAGED_NAME, target, name), target, name),
                Err(Errno::EXIST) => Ok(PublishOutcome::Exists),
                Err(error) => Err(failed_at(target, name, error)),
            },
            answer => renamed(answer, target, name),
        }
    }

    fn replace(&self, target: &Folder, name: &str, is_folder: bool) -> Result<PublishOutcome> {
        let source = self.private.folder();
        let rename = || rustix::fs::renameat(source, STAGED_NAME, target, name);
        if !is_folder {
            match rename() {
                Err(Errno::ISDIR) => {}
                answer => return renamed(answer, target, name),
            }
        }
        match exchange(source, target, name) {
            // What was replaced may still be read.
            Ok(()) => discard(source, STAGED_NAME, false).map(|()| PublishOutcome::Published),
            Err(Errno::NOENT) => renamed(rename(), target, name),
            Err(Errno::INVAL | Errno::NOSYS) => {
                match discard(target, name, false) {
                    Err(error) if error.is_not_found() => {}
                    answer => answer?,
                }
                renamed(rename(), target, name)
            }
            Err(error) => Err(failed_at(target, name, error)),
        }
    }
}

fn failed_at(target: &Folder, name: &str, error: Errno) -> Error {
    storage_error("putting in place", &target.path_of(name), error)
}

fn renamed(answer: Result<(), Errno>, target: &Folder, name: &str) -> Result<PublishOutcome> {
    match answer {
        Ok(()) => Ok(PublishOutcome::Published),
        Err(Errno::EXIST | Errno::NOTEMPTY) => Ok(PublishOutcome::Exists),
        Err(error) => Err(failed_at(target, name, error)),
    }
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn rename_with(source: &Folder, target: &Folder, name: &str, flags: RenameFlags) -> Result<(), Errno> {
    rustix::fs::renameat_with(source, STAGED_NAME, target, name, flags)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn rename_with(_source: &Folder, _target: &Folder, _name: &str, _flags: RenameFlags) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

fn rename_if_absent(source: &Folder, target: &Folder, name: &str) -> Result<(), Errno> {
    rename_with(source, target, name, RenameFlags::NOREPLACE)
}

fn exchange(source: &Folder, target: &Folder, name: &str) -> Result<(), Errno> {
    rename_with(source, target, name, RenameFlags::EXCHANGE)
}

/// Moves what stands under a name to another, free name, also in another folder: of any number of concurrent callers
/// exactly one succeeds.
///
/// Where the file system has no exclusive rename, the caller's lock on the new name is what keeps others away. Errors:
/// `NotFound`.
pub fn move_if_absent(
    from: &Folder,
    from_name: &str,
    to: &Folder,
    to_name: &str,
    durable: bool,
) -> Result<PublishOutcome> {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    let answer = rustix::fs::renameat_with(from, from_name, to, to_name, RenameFlags::NOREPLACE);
    #[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
    let answer: Result<(), Errno> = Err(Errno::NOSYS);
    let outcome = match answer {
        Ok(()) => PublishOutcome::Published,
        Err(Errno::EXIST | Errno::NOTEMPTY) => return Ok(PublishOutcome::Exists),
        Err(Errno::INVAL | Errno::NOSYS) => {
            match rustix::fs::statat(to, to_name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => return Ok(PublishOutcome::Exists),
                Err(_) => rustix::fs::renameat(from, from_name, to, to_name)
                    .map(|()| PublishOutcome::Published)
                    .map_err(|error| storage_error("moving", &from.path_of(from_name), error))?,
            }
        }
        Err(error) => return Err(storage_error("moving", &from.path_of(from_name), error)),
    };
    if durable {
        to.sync()?;
        from.sync()?;
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Site {
        keep: tempfile::TempDir,
        staging: Staging,
        top: Folder,
    }

    fn site() -> Site {
        let keep = tempfile::tempdir().unwrap();
        let root = Root::new(keep.path(), false).unwrap();
        let top = root.folder("").unwrap();
        Site { keep, staging: Staging::new(root, true), top }
    }

    impl Site {
        fn read(&self, name: &str) -> String {
            std::fs::read_to_string(self.keep.path().join(name)).unwrap()
        }

        fn names(&self) -> Vec<String> {
            let mut names: Vec<String> =
                self.top.names().unwrap().into_iter().map(|(name, _)| name).collect();
            names.sort();
            names
        }

        fn staged_folder(&self, content: &str) -> Staged {
            let staged = self.staging.create_folder().unwrap();
            std::fs::write(staged.path().join("part"), content).unwrap();
            staged
        }
    }

    #[test]
    fn what_is_dropped_leaves_nothing() {
        let site = site();
        let staged = site.staging.write_file(b"x").unwrap();
        assert!(staged.path().exists() && site.names() == ["_staging"]);
        drop(staged);
        drop(site.staged_folder("y"));
        assert_eq!(site.names(), [""; 0]);
    }

    #[test]
    fn what_exists_is_kept_or_replaced() {
        let site = site();
        let publish = |staged: Staged, existing| staged.publish(&site.top, "x", existing).unwrap();
        let file = |content: &[u8]| site.staging.write_file(content).unwrap();
        assert_eq!(publish(file(b"1"), Existing::Keep), PublishOutcome::Published);
        assert_eq!(publish(file(b"2"), Existing::Keep), PublishOutcome::Exists);
        assert_eq!(publish(site.staged_folder("3"), Existing::Keep), PublishOutcome::Exists);
        assert_eq!(site.read("x"), "1");
        assert_eq!(publish(file(b"4"), Existing::Replace), PublishOutcome::Published);
        assert_eq!(site.read("x"), "4");
        assert_eq!(publish(site.staged_folder("5"), Existing::Replace), PublishOutcome::Published);
        assert_eq!(site.read("x/part"), "5");
        assert_eq!(publish(file(b"6"), Existing::Keep), PublishOutcome::Exists);
        assert_eq!(publish(site.staged_folder("7"), Existing::Replace), PublishOutcome::Published);
        assert_eq!(site.read("x/part"), "7");
        assert_eq!(publish(file(b"8"), Existing::Replace), PublishOutcome::Published);
        assert_eq!((site.read("x"), site.names()), ("8".to_owned(), vec!["x".to_owned()]));
    }

    #[test]
    fn a_published_file_has_one_link_only() {
        use std::os::unix::fs::MetadataExt;
        let site = site();
        let outcome = site.staging.write_file(b"1").unwrap().publish(&site.top, "x", Existing::Keep).unwrap();
        assert_eq!(outcome, PublishOutcome::Published);
        assert_eq!(std::fs::metadata(site.keep.path().join("x")).unwrap().nlink(), 1);
    }

    #[test]
    fn moving_never_replaces() {
        let site = site();
        for name in ["a", "b"] {
            std::fs::write(site.keep.path().join(name), name).unwrap();
        }
        let go = |from, to| move_if_absent(&site.top, from, &site.top, to, true);
        assert_eq!(go("a", "b").unwrap(), PublishOutcome::Exists);
        assert_eq!(go("a", "c").unwrap(), PublishOutcome::Published);
        assert!(go("a", "d").unwrap_err().is_not_found());
        assert_eq!((site.read("c"), site.read("b")), ("a".to_owned(), "b".to_owned()));
    }
}
