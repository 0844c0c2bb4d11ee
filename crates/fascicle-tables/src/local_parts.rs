//! The folder of a table on a local file system.

use crate::parts::{CommitOutcome, ListedName, PartFolder};
use fascicle_backend::{Error, ErrorKind, Result};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

const WRITE_BUFFER_BYTES: usize = 256 << 10;

/// A part in a file beside the table's folder, which is removed when this is dropped.
pub struct LocalStagedPart {
    // Dropped in this order: the file is closed before whatever holds its name lets go of it.
    file: BufWriter<File>,
    path: PathBuf,
    is_synced: bool,
    _holder: Option<Box<dyn Send>>,
}

impl LocalStagedPart {
    /// Creates the file, which has to be on the file system of the table's folder and outside of it, because other programs read
    /// everything in there. Fails with `AlreadyExists` when there is one.
    pub fn create(path: &Path) -> Result<Self> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, Mode::from_raw_mode(0o666));
        let file = file.map_err(|errno| failure("creating", path, errno))?;
        let file = BufWriter::with_capacity(WRITE_BUFFER_BYTES, File::from(file));
        Ok(LocalStagedPart { file, path: path.to_owned(), is_synced: false, _holder: None })
    }

    /// Keeps what holds the name of the file for as long as the part.
    #[must_use]
    pub fn held_by(mut self, holder: impl Send + 'static) -> Self {
        self._holder = Some(Box::new(holder));
        self
    }

    /// Brings everything that was written to the storage.
    fn complete(&mut self, durable: bool) -> Result<()> {
        self.file.flush()?;
        if durable && !self.is_synced {
            self.file.get_ref().sync_all()?;
            self.is_synced = true;
        }
        Ok(())
    }
}

impl Write for LocalStagedPart {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for LocalStagedPart {
    fn drop(&mut self) {
        // It may have been moved into the table. What cannot be removed is never read.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// An open folder of parts. It stays the same folder when it is moved, or another takes its place.
#[derive(Debug)]
pub struct LocalPartFolder {
    directory: OwnedFd,
    path: PathBuf,
    durable: bool,
}

impl LocalPartFolder {
    /// Opens the folder at `path`. With `durable`, commits survive a power failure. Errors: `NotFound`, `WrongKind`.
    pub fn open(path: &Path, durable: bool) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory =
            rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| failure("opening", path, errno))?;
        Ok(LocalPartFolder::from_directory(directory, path, durable))
    }

    /// Takes a folder that is open already; `path` is for messages.
    pub fn from_directory(directory: OwnedFd, path: &Path, durable: bool) -> Self {
        LocalPartFolder { directory, path: path.to_owned(), durable }
    }

    /// Waits until the names in the folder are durable, if they are to be.
    pub(crate) fn sync(&self) -> Result<()> {
        match self.durable {
            true => rustix::fs::fsync(&self.directory).map_err(|errno| failure("syncing", &self.path, errno)),
            false => Ok(()),
        }
    }

    /// Whether commits survive a power failure.
    pub(crate) fn is_durable(&self) -> bool {
        self.durable
    }

    /// Creates a file in the folder. Fails with `AlreadyExists` when there is something under the name.
    pub(crate) fn create(&self, name: &str) -> Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o666);
        let file = rustix::fs::openat(&self.directory, name, flags, mode);
        file.map(File::from).map_err(|errno| failure("creating", &self.path.join(name), errno))
    }

    /// Whether the staged file is what stands under `name`, as when the answer to an earlier commit was lost. `before` is what was
    /// known of it before the commit.
    fn is_committed(&self, staged: &Path, before: &Stat, name: &str) -> Result<bool> {
        let target = match rustix::fs::statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(target) => target,
            // What stood there was merged with other parts by now. Had it been this very file, it would have changed by that.
            Err(Errno::NOENT) => {
                let now = rustix::fs::lstat(staged).map_err(|errno| failure("looking at", staged, errno))?;
                if (now.st_ctime, now.st_ctime_nsec) == (before.st_ctime, before.st_ctime_nsec) {
                    return Ok(false);
                }
                return Err(Error::new(
                    ErrorKind::Storage,
                    "the file system did not say whether the rows were added, and they may be among those that were merged since",
                )
                .hint("look for the rows before appending them again"));
            }
            Err(errno) => return Err(failure("looking at", &self.path.join(name), errno)),
        };
        let staged_file = rustix::fs::lstat(staged).map_err(|errno| failure("looking at", staged, errno))?;
        Ok((target.st_dev, target.st_ino) == (staged_file.st_dev, staged_file.st_ino))
    }
}

impl PartFolder for LocalPartFolder {
    type Reader = File;
    type Staged = LocalStagedPart;

    fn list(&self) -> Result<Vec<ListedName>> {
        let listing = |errno| failure("listing", &self.path, errno);
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.directory).map_err(listing)? {
            let entry = entry.map_err(listing)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "." || name == ".." {
                continue;
            }
            let file_type = match entry.file_type() {
                FileType::Unknown | FileType::Symlink => {
                    match rustix::fs::statat(&self.directory, entry.file_name(), AtFlags::empty()) {
                        Ok(facts) => FileType::from_raw_mode(facts.st_mode),
                        // It vanished, or leads nowhere: opening it tells.
                        Err(_) => FileType::RegularFile,
                    }
                }
                known => known,
            };
            let is_file = file_type == FileType::RegularFile;
            names.push(ListedName { name, is_file, size_bytes: None, tag: None });
        }
        Ok(names)
    }

    fn contains(&self, name: &str) -> Result<bool> {
        match rustix::fs::statat(&self.directory, name, AtFlags::empty()) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(failure("looking at", &self.path.join(name), errno)),
        }
    }

    fn size_bytes(&self, name: &str) -> Result<u64> {
        let facts = rustix::fs::statat(&self.directory, name, AtFlags::empty())
            .map_err(|errno| failure("looking at", &self.path.join(name), errno))?;
        Ok(u64::try_from(facts.st_size).unwrap_or(0))
    }

    fn open(&self, name: &str, _size_bytes: Option<u64>) -> Result<File> {
        let file = rustix::fs::openat(&self.directory, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        file.map(File::from).map_err(|errno| failure("opening", &self.path.join(name), errno))
    }

    fn commit(&self, staged: &mut LocalStagedPart, name: &str) -> Result<CommitOutcome> {
        staged.complete(self.durable)?;
        let staged = staged.path.as_path();
        let committing = |errno| failure("committing", &self.path.join(name), errno);
        let before = rustix::fs::lstat(staged).map_err(|errno| failure("looking at", staged, errno))?;
        let is_committed = match rustix::fs::linkat(CWD, staged, &self.directory, name, AtFlags::empty()) {
            Ok(()) => true,
            Err(Errno::EXIST) => self.is_committed(staged, &before, name)?,
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => {
                // A file system without links.
                let exclusively = RenameFlags::NOREPLACE;
                match rustix::fs::renameat_with(CWD, staged, &self.directory, name, exclusively) {
                    Ok(()) => true,
                    Err(Errno::EXIST) => false,
                    Err(errno) => return Err(committing(errno)),
                }
            }
            Err(errno) => return Err(committing(errno)),
        };
        if !is_committed {
            return Ok(CommitOutcome::Taken);
        }
        self.sync()?;
        Ok(CommitOutcome::Committed { tag: None })
    }

    fn publish(&self, name: &str, new_name: &str) -> Result<()> {
        let failed = |errno| failure("publishing", &self.path.join(name), errno);
        match rustix::fs::linkat(&self.directory, name, &self.directory, new_name, AtFlags::empty()) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => {
                // A file system without links. Readers who look for the old name look again.
                let exclusively = RenameFlags::NOREPLACE;
                match rustix::fs::renameat_with(&self.directory, name, &self.directory, new_name, exclusively)
                {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(failed(errno)),
                }
            }
            Err(errno) => return Err(failed(errno)),
        }
        self.sync()
    }

    fn remove(&self, names: &[String]) -> Result<()> {
        for name in names {
            match rustix::fs::unlinkat(&self.directory, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(failure("removing", &self.path.join(name), errno)),
            }
        }
        self.sync()
    }
}

/// The error of a system call; `doing` is a gerund.
pub(crate) fn failure(doing: &str, path: &Path, errno: Errno) -> Error {
    let cause = std::io::Error::from(errno);
    let (kind, why) = match errno {
        Errno::NOTDIR => (ErrorKind::WrongKind, "it is not a folder".to_owned()),
        _ => {
            let error = Error::from(std::io::Error::from(errno));
            (error.kind(), error.message().to_owned())
        }
    };
    Error::new(kind, format!("{doing} '{}' failed: {why}", path.display())).caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_was_taken_and_is_free_by_now_does_not_fail_a_commit() {
        let root = tempfile::tempdir().unwrap();
        let folder = LocalPartFolder::open(root.path(), false).unwrap();
        let mut staged = LocalStagedPart::create(&root.path().join("staged")).unwrap();
        std::fs::write(root.path().join("part-1"), "another's").unwrap();
        let before = rustix::fs::lstat(&staged.path).unwrap();
        assert!(!folder.is_committed(&staged.path, &before, "part-1").unwrap());
        std::fs::remove_file(root.path().join("part-1")).unwrap();
        assert!(!folder.is_committed(&staged.path, &before, "part-1").unwrap());
        // Longer than the clock of a file system stands still.
        std::thread::sleep(std::time::Duration::from_millis(30));
        assert!(matches!(folder.commit(&mut staged, "part-1").unwrap(), CommitOutcome::Committed { .. }));
        assert!(folder.is_committed(&staged.path, &before, "part-1").unwrap());
        // An answer that was lost, to a part that was merged since.
        std::fs::remove_file(root.path().join("part-1")).unwrap();
        assert_eq!(
            folder.is_committed(&staged.path, &before, "part-1").unwrap_err().kind(),
            ErrorKind::Storage
        );
    }
}
