//! A root folder that no path and no symbolic link leads out of.
//!
//! Folders are opened as handles, and what happens in a folder happens relative to its handle, so that a folder that is
//! swapped for a link in the meantime leads nowhere else. Where the kernel resolves paths beneath a folder (`openat2`) it
//! decides; elsewhere, and for absolute links, the path is made canonical, checked, and walked without following links.
//!
//! Libraries that only take paths get [`Folder::path_of`]; between the check and their opening it, somebody who may
//! write to the root could still put a link in its place.

use crate::{error::storage_error, sync::sync_folder};
use fascicle_backend::{Error, ErrorKind, Result};
use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat},
    io::Errno,
};
use std::{
    fs::File,
    path::{Component, Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The folder beneath which everything lies. It need not exist yet.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    follow_symlinks: bool,
    kernel_resolves: bool,
}

impl Root {
    /// A root at `path`, which is made absolute; nothing is created.
    ///
    /// Symbolic links that stay within the root are always followed, those that lead out of it only with
    /// `follow_symlinks`. Fails with [`ErrorKind::WrongKind`] when there is something that is no folder.
    pub fn new(path: &Path, follow_symlinks: bool) -> Result<Arc<Root>> {
        let path = std::path::absolute(path).map_err(|error| storage_error("locating", path, error))?;
        match std::fs::metadata(&path) {
            Ok(metadata) if !metadata.is_dir() => {
                return Err(Error::new(
                    ErrorKind::WrongKind,
                    format!("'{}' is not a folder", path.display()),
                ));
            }
            Err(error)
                if !matches!(error.raw_os_error().map(Errno::from_raw_os_error), Some(Errno::NOENT)) =>
            {
                return Err(storage_error("opening", &path, error));
            }
            Ok(_) | Err(_) => {}
        }
        Ok(Arc::new(Root { path, follow_symlinks, kernel_resolves: cfg!(target_os = "linux") }))
    }

    /// The absolute path of the root.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the root and the folders above it, where they are missing.
    pub fn create(&self) -> Result<()> {
        std::fs::create_dir_all(&self.path).map_err(|error| storage_error("creating", &self.path, error))
    }

    /// Opens the folder at `relative`, names joined by `/`; the empty path is the root itself.
    ///
    /// Errors: `NotFound`, `WrongKind`, `PermissionDenied` for a path that leads out of the root.
    pub fn folder(self: &Arc<Self>, relative: &str) -> Result<Folder> {
        let handle = if relative.is_empty() {
            self.open_root()?
        } else {
            self.open_beneath(relative, OFlags::RDONLY | OFlags::DIRECTORY)?
        };
        Ok(Folder { root: self.clone(), relative: relative.to_owned(), handle })
    }

    fn open_root(&self) -> Result<OwnedFd> {
        rustix::fs::open(&self.path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|error| storage_error("opening", &self.path, error))
    }

    /// Opens what is at `relative`, following links only as far as the root allows. Never creates anything.
    fn open_beneath(&self, relative: &str, flags: OFlags) -> Result<OwnedFd> {
        let path = self.path.join(relative);
        if !Path::new(relative).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(escapes(&path));
        }
        // A pipe would block whoever opens it; a handle that only names something knows no such flag.
        let flags = flags
            | OFlags::CLOEXEC
            | if flags.contains(NAME_ONLY) { OFlags::empty() } else { OFlags::NONBLOCK };
        let root = self.open_root()?;
        if self.follow_symlinks {
            return rustix::fs::openat(&root, relative, flags, Mode::empty())
                .map_err(|error| storage_error("opening", &path, error));
        }
        match self.kernel_resolves.then(|| open_beneath_by_kernel(&root, relative, flags)) {
            Some(Ok(handle)) => Ok(handle),
            // XDEV is an absolute link or one that leads out; the others a kernel or a sandbox without `openat2`.
            Some(Err(Errno::XDEV | Errno::NOSYS | Errno::PERM | Errno::AGAIN)) | None => {
                self.open_canonical(&root, &path, flags)
            }
            Some(Err(error)) => Err(storage_error("opening", &path, error)),
        }
    }

    /// Opens `path` by its canonical form, in which no links are left: one that appears meanwhile is refused.
    fn open_canonical(&self, root: &OwnedFd, path: &Path, flags: OFlags) -> Result<OwnedFd> {
        let canonical_root =
            self.path.canonicalize().map_err(|error| storage_error("opening", &self.path, error))?;
        let canonical = path.canonicalize().map_err(|error| storage_error("opening", path, error))?;
        let inside = canonical.strip_prefix(&canonical_root).map_err(|_| escapes(path))?;
        let failed = |error: Errno| storage_error("opening", path, error);
        let folder_flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mut names = inside.components().peekable();
        let mut handle = rustix::io::fcntl_dupfd_cloexec(root, 0).map_err(failed)?;
        if names.peek().is_none() {
            return Ok(handle);
        }
        while let Some(name) = names.next() {
            let flags = if names.peek().is_some() { folder_flags } else { flags | OFlags::NOFOLLOW };
            handle = rustix::fs::openat(&handle, name.as_os_str(), flags, Mode::empty()).map_err(failed)?;
        }
        Ok(handle)
    }
}

#[cfg(target_os = "linux")]
fn open_beneath_by_kernel(root: &OwnedFd, relative: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    use rustix::fs::{ResolveFlags, openat2};
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    // AGAIN: something above was renamed while the kernel looked, it cannot tell whether the path still leads inside.
    let mut answer = Err(Errno::AGAIN);
    for _ in 0..16 {
        answer = openat2(root, relative, flags, Mode::empty(), resolve);
        if !matches!(answer, Err(Errno::AGAIN)) {
            break;
        }
    }
    answer
}

#[cfg(not(target_os = "linux"))]
fn open_beneath_by_kernel(_root: &OwnedFd, _relative: &str, _flags: OFlags) -> Result<OwnedFd, Errno> {
    Err(Errno::NOSYS)
}

/// Opens something only to learn what it is, without the right to read it.
#[cfg(target_os = "linux")]
const NAME_ONLY: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const NAME_ONLY: OFlags = OFlags::NONBLOCK;

fn escapes(path: &Path) -> Error {
    Error::new(ErrorKind::PermissionDenied, format!("'{}' leads out of the root", path.display()))
        .hint("open the place the symbolic link leads to, or allow it with the option follow_symlinks")
}

fn no_file(path: &Path) -> Error {
    Error::new(ErrorKind::WrongKind, format!("'{}' is no regular file", path.display()))
        .hint("a folder, a pipe, a socket or a device stands in the place of a file; move it away")
}

/// What stands under a name.
#[derive(Debug)]
pub enum Sight {
    /// Nothing.
    Absent,
    /// A regular file, or a link to one.
    File(Facts),
    /// A folder, or a link to one.
    Folder(Facts),
    /// A device, a socket, a pipe.
    Special,
    /// A symbolic link that leads to nothing, in a circle, to a folder that it is in or out of the root; the error says so.
    BadLink(Error),
}

impl Sight {
    /// Whether the name is free.
    pub fn is_absent(&self) -> bool {
        matches!(self, Sight::Absent)
    }
}

/// What the file system knows of a file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Length of a file.
    pub size_bytes: u64,
    /// When it was last changed.
    pub modified: Option<SystemTime>,
}

impl Facts {
    pub(crate) fn of(stat: &Stat) -> Facts {
        let seconds = u64::try_from(stat.st_mtime).ok();
        let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
        let modified =
            seconds.and_then(|seconds| UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds)));
        Facts { size_bytes: u64::try_from(stat.st_size).unwrap_or(0), modified }
    }
}

/// An open folder beneath a [`Root`].
#[derive(Debug)]
pub struct Folder {
    root: Arc<Root>,
    relative: String,
    handle: OwnedFd,
}

impl Folder {
    /// Its path, for messages and for libraries that only take paths.
    pub fn path(&self) -> PathBuf {
        if self.relative.is_empty() { self.root.path.clone() } else { self.root.path.join(&self.relative) }
    }

    /// The path of what stands under `name` in it.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Another handle on the same folder.
    pub fn try_clone(&self) -> Result<Folder> {
        let handle = rustix::io::fcntl_dupfd_cloexec(&self.handle, 0)
            .map_err(|error| storage_error("opening", &self.path(), error))?;
        Ok(Folder { root: self.root.clone(), relative: self.relative.clone(), handle })
    }

    /// Whether `other` is a handle on the same folder, wherever either has been moved.
    pub fn is_same(&self, other: &Folder) -> Result<bool> {
        let identity = |folder: &Folder| {
            rustix::fs::fstat(&folder.handle)
                .map(|stat| (stat.st_dev, stat.st_ino))
                .map_err(|error| storage_error("looking at", &folder.path(), error))
        };
        Ok(identity(self)? == identity(other)?)
    }

    /// The open folder itself, for libraries that work relative to one.
    pub fn into_handle(self) -> OwnedFd {
        self.handle
    }

    /// The root it lies beneath.
    pub fn root(&self) -> &Arc<Root> {
        &self.root
    }

    fn relative_of(&self, name: &str) -> String {
        if self.relative.is_empty() { name.to_owned() } else { format!("{}/{name}", self.relative) }
    }

    /// What stands under `name`.
    pub fn look(&self, name: &str) -> Result<Sight> {
        let failed = |error: Errno| storage_error("looking at", &self.path_of(name), error);
        let stat = match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Sight::Absent),
            Err(error) => return Err(failed(error)),
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            return Ok(sight(&stat));
        }
        match self.root.open_beneath(&self.relative_of(name), NAME_ONLY) {
            Ok(handle) => {
                let stat = rustix::fs::fstat(&handle).map_err(failed)?;
                if FileType::from_raw_mode(stat.st_mode) == FileType::Directory && self.lies_beneath(&stat)? {
                    return Ok(Sight::BadLink(
                        Error::new(
                            ErrorKind::Corrupt,
                            format!(
                                "the symbolic link '{}' leads back to a folder that it is in",
                                self.path_of(name).display()
                            ),
                        )
                        .hint("remove the link"),
                    ));
                }
                Ok(sight(&stat))
            }
            Err(error) if error.is_not_found() => Ok(Sight::BadLink(Error::new(
                ErrorKind::Corrupt,
                format!("the symbolic link '{}' leads to nothing", self.path_of(name).display()),
            ))),
            Err(error) => Ok(Sight::BadLink(error)),
        }
    }

    /// Whether the folder that `stat` describes is this one or one of those above it, on the path by which it was opened. A link to such
    /// a folder leads in a circle: whoever went down all folders would never come to an end.
    fn lies_beneath(&self, stat: &Stat) -> Result<bool> {
        let is_this = |seen: Stat| (seen.st_dev, seen.st_ino) == (stat.st_dev, stat.st_ino);
        let failed = |error: Errno| storage_error("looking at", &self.path(), error);
        if is_this(rustix::fs::fstat(&self.handle).map_err(failed)?)
            || is_this(rustix::fs::fstat(&self.root.open_root()?).map_err(failed)?)
        {
            return Ok(true);
        }
        for (end, _) in self.relative.match_indices('/') {
            let above = self.relative.get(..end).unwrap_or("");
            match self.root.open_beneath(above, NAME_ONLY) {
                Ok(handle) if is_this(rustix::fs::fstat(&handle).map_err(failed)?) => return Ok(true),
                Ok(_) => {}
                // It was moved away meanwhile.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// The names in it, in no order, with the kinds the file system gives away (`Unknown` on some). Names that are not
    /// UTF-8 are left out.
    pub fn names(&self) -> Result<Vec<(String, FileType)>> {
        let failed = |error: Errno| storage_error("listing", &self.path(), error);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.handle).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if let Ok(name) = entry.file_name().to_str()
                && name != "."
                && name != ".."
            {
                names.push((name.to_owned(), entry.file_type()));
            }
        }
        Ok(names)
    }

    /// Opens a folder in it.
    pub fn subfolder(&self, name: &str) -> Result<Folder> {
        let relative = self.relative_of(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let handle = match rustix::fs::openat(&self.handle, name, flags, Mode::empty()) {
            Ok(handle) => handle,
            // A link: what it leads to is for the root to judge.
            Err(Errno::NOTDIR | Errno::LOOP) => {
                self.root.open_beneath(&relative, OFlags::RDONLY | OFlags::DIRECTORY)?
            }
            Err(error) => return Err(storage_error("opening", &self.path_of(name), error)),
        };
        Ok(Folder { root: self.root.clone(), relative, handle })
    }

    /// Opens a folder in it and holds it: as long as the handle lives, what is in the folder is not deleted, even when the
    /// folder is [discarded](crate::discard) or replaced meanwhile. Other programs may still delete it.
    pub fn subfolder_held(&self, name: &str) -> Result<Folder> {
        for _ in 0..1000 {
            let folder = self.subfolder(name)?;
            // It may have been discarded before it was held, and be half deleted; then another one has its name, or none.
            // Any other answer is that of a file system without such locks.
            let answer = rustix::fs::flock(&folder.handle, FlockOperation::NonBlockingLockShared);
            if answer != Err(Errno::WOULDBLOCK) && self.subfolder(name)?.is_same(&folder)? {
                return Ok(folder);
            }
        }
        Err(Error::new(ErrorKind::Busy, format!("'{}' keeps being replaced", self.path_of(name).display())))
    }

    /// Opens a folder in it, which is created when it is missing.
    pub fn subfolder_created(&self, name: &str) -> Result<Folder> {
        // A working folder is removed whenever it is empty, so that it may vanish again before it is opened.
        for _ in 0..1000 {
            match self.subfolder(name) {
                Err(error) if error.is_not_found() => {
                    match rustix::fs::mkdirat(&self.handle, name, folder_mode()) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => return Err(storage_error("creating", &self.path_of(name), error)),
                    }
                }
                answer => return answer,
            }
        }
        Err(Error::new(ErrorKind::Busy, format!("'{}' keeps vanishing", self.path_of(name).display())))
    }

    /// Removes a folder in it if that is empty; whether it was does not matter.
    pub(crate) fn remove_if_empty(&self, name: &str) {
        // It is removed for tidiness alone: whoever needs it creates it again.
        let _ = rustix::fs::unlinkat(&self.handle, name, AtFlags::REMOVEDIR);
    }

    /// Opens a file in it for reading.
    ///
    /// Errors: `NotFound`; `WrongKind` for what is no regular file, such as a folder or a pipe; `PermissionDenied` for a link that
    /// leads out of the root.
    pub fn open_file(&self, name: &str) -> Result<File> {
        self.open_as(name, OFlags::RDONLY)
    }

    /// Opens a file in it for reading and for writing at its end.
    pub fn open_file_for_append(&self, name: &str) -> Result<File> {
        self.open_as(name, OFlags::RDWR | OFlags::APPEND)
    }

    fn open_as(&self, name: &str, flags: OFlags) -> Result<File> {
        // A pipe that took the file's place would block whoever opens it.
        let direct = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let handle = match rustix::fs::openat(&self.handle, name, direct, Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::LOOP) => self.root.open_beneath(&self.relative_of(name), flags)?,
            // A socket cannot be opened, nor can some devices.
            Err(Errno::NXIO) if matches!(self.look(name)?, Sight::Special) => {
                return Err(no_file(&self.path_of(name)));
            }
            Err(error) => return Err(storage_error("opening", &self.path_of(name), error)),
        };
        let stat = rustix::fs::fstat(&handle)
            .map_err(|error| storage_error("looking at", &self.path_of(name), error))?;
        // A pipe would be read as an empty file, and a device without end.
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(File::from(handle)),
            _ => Err(no_file(&self.path_of(name))),
        }
    }

    /// Removes what stands under `name` unless it is a folder; a link is removed, not followed. Tells whether there was
    /// something.
    pub fn remove_file(&self, name: &str) -> Result<bool> {
        match rustix::fs::unlinkat(&self.handle, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(storage_error("removing", &self.path_of(name), error)),
        }
    }

    /// Waits until the names in it are durable.
    pub fn sync(&self) -> Result<()> {
        sync_folder(self.as_fd(), &self.path())
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

/// What a new folder allows, less what the process's mask takes away.
pub(crate) fn folder_mode() -> Mode {
    Mode::RWXU | Mode::RWXG | Mode::RWXO
}

/// What a new file allows, less what the process's mask takes away.
pub(crate) fn file_mode() -> Mode {
    Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP | Mode::ROTH | Mode::WOTH
}

fn sight(stat: &Stat) -> Sight {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Sight::File(Facts::of(stat)),
        FileType::Directory => Sight::Folder(Facts::of(stat)),
        _ => Sight::Special,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    struct Place {
        _keep: tempfile::TempDir,
        outside: PathBuf,
        root: PathBuf,
    }

    fn place() -> Place {
        let keep = tempfile::tempdir().unwrap();
        let (outside, root) = (keep.path().join("outside"), keep.path().join("root"));
        std::fs::create_dir_all(outside.join("deep")).unwrap();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(outside.join("secret"), "secret").unwrap();
        std::fs::write(root.join("a/b/x"), "inside").unwrap();
        symlink("../outside", root.join("out")).unwrap();
        symlink(&outside, root.join("out_absolute")).unwrap();
        symlink("../../outside/secret", root.join("a/secret")).unwrap();
        symlink("a/b", root.join("in")).unwrap();
        symlink(root.join("a/b/x"), root.join("in_absolute")).unwrap();
        symlink("nothing", root.join("dangling")).unwrap();
        symlink("circle", root.join("circle")).unwrap();
        Place { _keep: keep, outside, root }
    }

    fn both_resolutions(place: &Place) -> [Arc<Root>; 2] {
        [true, false].map(|kernel_resolves| {
            Arc::new(Root { path: place.root.clone(), follow_symlinks: false, kernel_resolves })
        })
    }

    #[test]
    fn links_that_lead_out_are_refused() {
        let place = place();
        for root in both_resolutions(&place) {
            for relative in
                ["out", "out/deep", "out_absolute", "out_absolute/deep", "..", "../outside", "/", "a/../.."]
            {
                let error = root.folder(relative).map(|_| ()).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{relative}: {error}");
            }
            let folder = root.folder("a").unwrap();
            assert_eq!(folder.open_file("secret").unwrap_err().kind(), ErrorKind::PermissionDenied);
            assert_eq!(
                folder.open_file_for_append("secret").unwrap_err().kind(),
                ErrorKind::PermissionDenied
            );
            assert!(matches!(folder.look("secret").unwrap(), Sight::BadLink(_)));
            assert_eq!(
                root.folder("").unwrap().subfolder("out").map(|_| ()).unwrap_err().kind(),
                ErrorKind::PermissionDenied
            );
        }
    }

    #[test]
    fn links_that_stay_inside_are_followed() {
        let place = place();
        for root in both_resolutions(&place) {
            let top = root.folder("").unwrap();
            assert!(matches!(top.look("in").unwrap(), Sight::Folder(_)));
            for (folder, name) in [("in", "x"), ("", "in_absolute"), ("a/b", "x")] {
                let folder = root.folder(folder).unwrap();
                assert!(matches!(folder.look(name).unwrap(), Sight::File(Facts { size_bytes: 6, .. })));
                assert_eq!(std::io::read_to_string(folder.open_file(name).unwrap()).unwrap(), "inside");
            }
        }
    }

    #[test]
    fn links_that_lead_nowhere_say_so() {
        let place = place();
        for root in both_resolutions(&place) {
            let top = root.folder("").unwrap();
            for name in ["dangling", "circle"] {
                match top.look(name).unwrap() {
                    Sight::BadLink(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}"),
                    other => panic!("{name} is seen as {other:?}"),
                }
            }
            assert!(matches!(top.look("missing").unwrap(), Sight::Absent));
        }
    }

    #[test]
    fn links_to_the_folders_they_are_in_are_bad() {
        let place = place();
        symlink(".", place.root.join("a/b/here")).unwrap();
        symlink("..", place.root.join("a/b/up")).unwrap();
        symlink("../..", place.root.join("a/b/top")).unwrap();
        std::fs::create_dir(place.root.join("c")).unwrap();
        symlink("../a", place.root.join("c/across")).unwrap();
        symlink("../../c", place.root.join("a/b/back")).unwrap();
        for root in both_resolutions(&place) {
            let folder = root.folder("a/b").unwrap();
            for name in ["here", "up", "top"] {
                assert!(matches!(folder.look(name).unwrap(), Sight::BadLink(_)), "{name}");
            }
            // Each leads elsewhere; one after the other they lead back.
            assert!(matches!(folder.look("back").unwrap(), Sight::Folder(_)));
            let across = folder.subfolder("back").unwrap();
            assert!(matches!(across.look("across").unwrap(), Sight::BadLink(_)));
        }
    }

    #[test]
    fn what_is_no_regular_file_is_not_opened() {
        let place = place();
        let made = std::process::Command::new("mkfifo").arg(place.root.join("a/pipe")).status().unwrap();
        assert!(made.success());
        let _socket = std::os::unix::net::UnixListener::bind(place.root.join("a/socket")).unwrap();
        symlink("pipe", place.root.join("a/linked")).unwrap();
        for root in both_resolutions(&place) {
            let folder = root.folder("a").unwrap();
            for name in ["pipe", "socket", "linked", "b"] {
                assert_eq!(folder.open_file(name).unwrap_err().kind(), ErrorKind::WrongKind, "{name}");
                assert_eq!(
                    folder.open_file_for_append(name).unwrap_err().kind(),
                    ErrorKind::WrongKind,
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn the_option_allows_links_that_lead_out() {
        let place = place();
        let root = Root::new(&place.root, true).unwrap();
        let secret = root.folder("a").unwrap().open_file("secret").unwrap();
        assert_eq!(std::io::read_to_string(secret).unwrap(), "secret");
        assert!(root.folder("out/deep").is_ok() && place.outside.exists());
        assert!(root.folder("../outside").is_err(), "a path never leads out, whatever links may do");
    }

    #[test]
    fn a_folder_swapped_for_a_link_leads_nowhere_else() {
        let place = place();
        let root = Root::new(&place.root, false).unwrap();
        let folder = root.folder("a/b").unwrap();
        std::fs::rename(place.root.join("a"), place.root.join("moved")).unwrap();
        symlink(&place.outside, place.root.join("a")).unwrap();
        assert_eq!(std::io::read_to_string(folder.open_file("x").unwrap()).unwrap(), "inside");
    }

    #[test]
    fn a_root_need_not_exist_but_cannot_be_a_file() {
        let place = place();
        let root = Root::new(&place.root.join("new/deeper"), false).unwrap();
        assert!(root.folder("").unwrap_err().is_not_found());
        root.create().unwrap();
        assert!(root.folder("").is_ok());
        let error = Root::new(&place.root.join("a/b/x"), false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongKind);
    }
}
