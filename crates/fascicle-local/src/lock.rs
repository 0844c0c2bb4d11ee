//! Locks: one writer at a time at an object, across tasks, threads and processes.
//!
//! The lock of the object `x` in a folder is the advisory lock (`flock`) of the file `_locks/x` in that folder. It lies
//! beside the object, not beneath the root, so that programs that opened different roots around one folder exclude each
//! other, and so that it stays with a folder that is moved. The system releases it when its holder dies.
//!
//! The file is removed by whoever releases the lock. So whoever gets a lock looks whether its file is still the one
//! under the name, and begins again if not.
//!
//! In the file, after the holder's process, there may be a *note*: what whoever gets the lock next has to put right should its holder
//! die. A file with a note stays when the lock is released.

use crate::{
    confined::{Folder, file_mode},
    error::storage_error,
};
use fascicle_backend::{Error, ErrorKind, Result};
use rustix::{
    fd::OwnedFd,
    fs::{AtFlags, FlockOperation, OFlags, Stat},
    io::Errno,
};
use std::time::{Duration, Instant};

/// The working folder that holds the locks of a folder's objects.
pub const LOCKS_FOLDER: &str = "_locks";

const FIRST_PAUSE: Duration = Duration::from_micros(200);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Where a note begins, after the holder's process.
const NOTE_START: u64 = 20;
/// No longer note is read.
const MOST_NOTE_BYTES: usize = 4096;

/// A lock that is held until it is dropped. It is not inherited by other programs.
#[derive(Debug)]
pub struct FileLock {
    /// Declared first: closing it releases the lock, after its file was removed.
    handle: OwnedFd,
    folder: Folder,
    locks: Folder,
    name: String,
}

impl FileLock {
    /// Waits for the lock of the object `name` in `folder`, at most `timeout`.
    ///
    /// Errors: `Busy` when somebody else holds it all the time; `PermissionDenied` where nothing may be written.
    pub fn acquire(folder: &Folder, name: &str, timeout: Duration) -> Result<FileLock> {
        let deadline = Instant::now().checked_add(timeout);
        let folder = folder.try_clone()?;
        let mut pause = FIRST_PAUSE;
        loop {
            let locks = folder.subfolder_created(LOCKS_FOLDER)?;
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            let handle = match rustix::fs::openat(&locks, name, flags, file_mode()) {
                Ok(handle) => handle,
                // The folder was removed as empty between opening it and this.
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(storage_error("opening", &locks.path_of(name), error)),
            };
            while !try_lock(&handle, &locks, name)? {
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    return Err(busy(&handle, &locks, name, timeout));
                }
                std::thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            if is_current(&handle, &folder, name)? {
                note_holder(&handle);
                return Ok(FileLock { handle, folder, locks, name: name.to_owned() });
            }
        }
    }

    /// Whether somebody holds the lock of the object `name` in `folder` at this moment.
    pub fn is_held(folder: &Folder, name: &str) -> Result<bool> {
        let Some((locks, handle)) = opened(folder, name)? else { return Ok(false) };
        match rustix::fs::flock(&handle, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(false),
            Err(Errno::WOULDBLOCK) => Ok(true),
            Err(error) => Err(storage_error("locking", &locks.path_of(name), error)),
        }
    }

    /// What the holder of the lock of the object `name` in `folder`, or one that died, has noted, as far as it may be read.
    pub fn note_of(folder: &Folder, name: &str) -> Result<Option<String>> {
        match opened(folder, name) {
            Ok(Some((locks, handle))) => read_note(&handle, &locks, name),
            Ok(None) => Ok(None),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What this holder, or one before it that died, has noted.
    pub fn note(&self) -> Result<Option<String>> {
        read_note(&self.handle, &self.locks, &self.name)
    }

    /// Notes something where nothing is noted. It is durable on return, if that is asked for.
    pub fn set_note(&self, note: &str, durable: bool) -> Result<()> {
        let failed = |error: Errno| storage_error("writing to", &self.locks.path_of(&self.name), error);
        rustix::io::retry_on_intr(|| rustix::io::pwrite(&self.handle, note.as_bytes(), NOTE_START))
            .map_err(failed)?;
        if durable {
            rustix::fs::fsync(&self.handle).map_err(failed)?;
            self.locks.sync()?;
            self.folder.sync()?;
        }
        Ok(())
    }

    /// Takes the note away, durably, if that is asked for.
    pub fn clear_note(&self, durable: bool) -> Result<()> {
        let failed = |error: Errno| storage_error("writing to", &self.locks.path_of(&self.name), error);
        rustix::fs::ftruncate(&self.handle, NOTE_START).map_err(failed)?;
        if durable {
            rustix::fs::fsync(&self.handle).map_err(failed)?;
        }
        Ok(())
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Whoever waits at this file finds that it is no longer the one under the name and begins again.
        if let Ok(None) = self.note() {
            let _ = rustix::fs::unlinkat(&self.locks, &self.name, AtFlags::empty());
            self.folder.remove_if_empty(LOCKS_FOLDER);
        }
        let _ = rustix::fs::flock(&self.handle, FlockOperation::NonBlockingUnlock);
    }
}

/// The file of a lock, and the folder it is in; `None` when there is none.
fn opened(folder: &Folder, name: &str) -> Result<Option<(Folder, OwnedFd)>> {
    let locks = match folder.subfolder(LOCKS_FOLDER) {
        Err(error) if error.is_not_found() => return Ok(None),
        answer => answer?,
    };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    match rustix::fs::openat(&locks, name, flags, file_mode()) {
        Ok(handle) => Ok(Some((locks, handle))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(storage_error("opening", &locks.path_of(name), error)),
    }
}

fn read_note(handle: &OwnedFd, locks: &Folder, name: &str) -> Result<Option<String>> {
    let mut bytes = vec![0; MOST_NOTE_BYTES];
    let length = rustix::io::retry_on_intr(|| rustix::io::pread(handle, &mut bytes, NOTE_START))
        .map_err(|error| storage_error("reading", &locks.path_of(name), error))?;
    bytes.truncate(length);
    Ok((length > 0).then(|| String::from_utf8_lossy(&bytes).into_owned()))
}

fn try_lock(handle: &OwnedFd, locks: &Folder, name: &str) -> Result<bool> {
    match rustix::fs::flock(handle, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
        Err(error) => Err(storage_error("locking", &locks.path_of(name), error)
            .hint("the file system has no advisory locks; use a place on another file system")),
    }
}

/// Whether the locked file is still the one under the name, seen from the folder of the object.
fn is_current(handle: &OwnedFd, folder: &Folder, name: &str) -> Result<bool> {
    let failed = |error: Errno| storage_error("locking", &folder.path_of(LOCKS_FOLDER).join(name), error);
    let identity = |stat: Stat| (stat.st_dev, stat.st_ino);
    let mine = identity(rustix::fs::fstat(handle).map_err(failed)?);
    match rustix::fs::statat(folder, format!("{LOCKS_FOLDER}/{name}"), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(identity(stat) == mine),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// Notes the process for the message of whoever waits in vain.
fn note_holder(handle: &OwnedFd) {
    let text = format!("{:<20}", std::process::id());
    // Without the note the message only says less.
    let _ = rustix::io::pwrite(handle, text.as_bytes(), 0);
}

fn busy(handle: &OwnedFd, locks: &Folder, name: &str, timeout: Duration) -> Error {
    let mut note = [0u8; 20];
    let length = rustix::io::pread(handle, &mut note, 0).unwrap_or(0);
    let holder = std::str::from_utf8(note.get(..length).unwrap_or(&[])).unwrap_or("").trim();
    let holder = if holder.is_empty() { "another writer".to_owned() } else { format!("process {holder}") };
    Error::new(
        ErrorKind::Busy,
        format!(
            "{holder} holds the lock '{}' and did not release it within {timeout:?}",
            locks.path_of(name).display()
        ),
    )
    .hint("wait until that writer is done, or allow more time with the option lock_timeout")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Root;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_held_lock_keeps_others_out_until_it_is_dropped() {
        let keep = tempfile::tempdir().unwrap();
        let folder = Root::new(keep.path(), false).unwrap().folder("").unwrap();
        let held = FileLock::acquire(&folder, "x", Duration::ZERO).unwrap();
        assert!(FileLock::is_held(&folder, "x").unwrap() && !FileLock::is_held(&folder, "y").unwrap());
        let error = FileLock::acquire(&folder, "x", Duration::from_millis(30)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy);
        assert!(error.is_retryable() && error.advice().is_some());
        assert!(error.message().contains(&format!("process {}", std::process::id())), "{error}");
        let other = FileLock::acquire(&folder, "y", Duration::ZERO).unwrap();
        drop(held);
        drop(FileLock::acquire(&folder, "x", Duration::ZERO).unwrap());
        drop(other);
        assert_eq!(std::fs::read_dir(keep.path()).unwrap().count(), 0, "released locks leave nothing");
    }

    #[test]
    fn a_note_outlives_its_holder_until_it_is_taken_away() {
        let keep = tempfile::tempdir().unwrap();
        let folder = Root::new(keep.path(), false).unwrap().folder("").unwrap();
        let acquire = || FileLock::acquire(&folder, "x", Duration::ZERO).unwrap();
        assert_eq!(FileLock::note_of(&folder, "x").unwrap(), None);
        let held = acquire();
        assert_eq!((held.note().unwrap(), FileLock::note_of(&folder, "x").unwrap()), (None, None));
        held.set_note("half done", true).unwrap();
        drop(held);
        assert!(!FileLock::is_held(&folder, "x").unwrap());
        assert_eq!(FileLock::note_of(&folder, "x").unwrap().as_deref(), Some("half done"));
        let next = acquire();
        assert_eq!(next.note().unwrap().as_deref(), Some("half done"));
        next.clear_note(true).unwrap();
        drop(next);
        assert_eq!(std::fs::read_dir(keep.path()).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn threads_take_turns() {
        let keep = tempfile::tempdir().unwrap();
        let root = Root::new(keep.path(), false).unwrap();
        let (inside, entered) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let folder = root.folder("").unwrap();
                        let _lock = FileLock::acquire(&folder, "x", Duration::from_secs(60)).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two threads hold the lock");
                        entered.fetch_add(1, Ordering::SeqCst);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(entered.into_inner(), 400);
    }
}
