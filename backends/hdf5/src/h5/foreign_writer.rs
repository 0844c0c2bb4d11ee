//! Whether another program writes to a file right now, and the repair of a file whose writer died.

use super::{library::marked_as_open, superblock::Superblock};
use fascicle_backend::{Error, ErrorKind, Result};
use std::{
    fs::{File, OpenOptions, TryLockError},
    os::fd::AsRawFd,
    path::Path,
};

/// Clears the marks of a writer that died, and says whether there were any. The caller holds the writer's lock, so that no
/// fascicle writer is alive; programs that do not know that lock are recognised by what the kernel knows of
/// the file: an advisory lock, or that the file is open for writing somewhere on this machine.
///
/// - Errors: `Busy` when another program writes to the file.
pub(crate) fn clear_marks_of_dead_writer(path: &Path) -> Result<bool> {
    let reader = File::open(path)?;
    if !Superblock::read(&reader)?.is_some_and(|superblock| superblock.is_marked()) {
        return Ok(false);
    }
    if is_open_for_writing(&reader) {
        return Err(marked_as_open());
    }
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let _lock = lock_exclusively(&file)?;
    let Some(superblock) = Superblock::read(&file)?.filter(Superblock::is_marked) else { return Ok(false) };
    if !superblock.is_sound() {
        return Err(Error::new(
            ErrorKind::Corrupt,
            "the superblock of the HDF5 file does not match its checksum",
        ));
    }
    superblock.repaired(file.metadata()?.len()).write(&file)?;
    Ok(true)
}

/// Whether a writer left its mark on the file and nobody has it open for writing, as far as the kernel knows. Changes nothing.
pub(crate) fn is_marked_by_dead_writer(path: &Path) -> Result<bool> {
    let reader = File::open(path)?;
    let is_marked = Superblock::read(&reader)?.is_some_and(|superblock| superblock.is_marked());
    if !is_marked || is_open_for_writing(&reader) {
        return Ok(false);
    }
    // A writer with HDF5's own lock is seen by it, wherever it runs.
    match reader.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Ok(false),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(true),
    }
}

/// Takes the lock that HDF5 itself takes, until the file is closed.
///
/// - Errors: `Busy` when any program has the file open with HDF5.
pub(crate) fn lock_exclusively(file: &File) -> Result<&File> {
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(ErrorKind::Busy, "another program has the HDF5 file open"))
        }
        // A file system without locks has no program that could hold one.
        Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Linux' command that chooses the signal of a lease, which is missing in `libc` for most of its platforms.
#[cfg(target_os = "linux")]
const F_SETSIG: i32 = 10;

/// Whether the file that `reader` reads is open for writing anywhere on this machine.
///
/// A read lease is only granted on files that nobody has open for writing. Where leases cannot be had (another user's
/// file, a network file system) the answer is no, and the advisory lock decides alone.
#[cfg(target_os = "linux")]
fn is_open_for_writing(reader: &File) -> bool {
    let control = |command: i32, argument: i32| {
        // SAFETY: the call takes integers only, and the descriptor is open.
        let answer = unsafe { libc::fcntl(reader.as_raw_fd(), command, argument) };
        if answer == -1 { Err(std::io::Error::last_os_error()) } else { Ok(answer) }
    };
    // Whoever opens the file for writing while the lease is held makes the kernel send a signal: one that nobody dies of.
    if control(F_SETSIG, libc::SIGURG).is_err() {
        return false;
    }
    match control(libc::F_SETLEASE, libc::F_RDLCK) {
        Ok(_) => {
            // Closing the file would end the lease as well.
            let _ = control(libc::F_SETLEASE, libc::F_UNLCK);
            false
        }
        Err(error) => error.raw_os_error() == Some(libc::EAGAIN),
    }
}

#[cfg(not(target_os = "linux"))]
fn is_open_for_writing(_reader: &File) -> bool {
    false
}
