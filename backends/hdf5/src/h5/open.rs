//! Opening and closing HDF5 files.

use super::{
    driver::use_driver,
    library::{Handle, exclusively, marked_as_open},
    superblock::Superblock,
};
use fascicle_backend::{Error, ErrorKind, Result};
use hdf5_sys::{
    h5f::*,
    h5i::hid_t,
    h5p::{
        H5P_CLS_FILE_ACCESS, H5P_DEFAULT, H5Pcreate, H5Pset_fclose_degree, H5Pset_file_locking,
        H5Pset_libver_bounds, H5Pset_metadata_read_attempts,
    },
};
use std::{
    ffi::{CString, c_uint},
    fs::{self, File},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
    time::{Duration, Instant},
};

/// The first pause between two attempts; each further one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How long a reader waits for a writer that lets nobody read meanwhile, as datamate's, which writes for moments.
const READER_PATIENCE: Duration = Duration::from_secs(5);

/// How often the library reads metadata whose checksum is wrong before it gives up. It waits in between, doubling the
/// time from a nanosecond on: its own choice of 100 attempts would never end on a damaged file.
const METADATA_READ_ATTEMPTS: c_uint = 16;

/// What is known of a file without HDF5; a difference proves that someone wrote in between.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appearance {
    superblock: Option<Superblock>,
    inode: u64,
    modified: (i64, i64),
    /// The length in bytes.
    pub(crate) length: u64,
}

impl Appearance {
    /// Looks at the file. Fails with `WrongKind` for anything but a regular file.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        if !fs::metadata(path)?.is_file() {
            return Err(Error::new(ErrorKind::WrongKind, "this is not a regular file"));
        }
        let file = File::open(path)?;
        // The superblock first: a file that grows meanwhile is then longer than its superblock says, never shorter.
        let superblock = Superblock::read(&file)?;
        let metadata = file.metadata()?;
        Ok(Appearance {
            superblock,
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            length: metadata.len(),
        })
    }

    /// Whether the file is in the format that can be read while it is written.
    pub(crate) fn allows_concurrent_readers(&self) -> bool {
        self.superblock.is_some_and(|superblock| superblock.knows_marks())
    }

    /// Whether a writer's mark is there; a damaged superblock is no mark.
    fn is_marked(&self) -> bool {
        self.superblock.is_some_and(|superblock| superblock.is_marked() && superblock.is_sound())
    }
}

/// Repeats `attempt` while it fails with `Busy`, until `patience` is over.
pub(crate) fn patiently<T>(patience: Duration, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + patience;
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::Busy && Instant::now() < deadline => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            outcome => return outcome,
        }
    }
}

/// Opens the file for reading, works on it and closes it, again and again while what is met can be explained by a
/// writer at work, for [`READER_PATIENCE`].
pub(crate) fn reading<T>(
    path: &Path,
    mut operation: impl FnMut(Handle, &Appearance) -> Result<T>,
) -> Result<T> {
    patiently(READER_PATIENCE, || {
        let before = Appearance::of(path)?;
        let outcome = exclusively(|| operation(open_for_reading(path, &before)?, &before));
        match outcome {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                if before.is_marked() || Appearance::of(path)? != before {
                    return Err(marked_as_open().caused_by(error));
                }
                Err(error)
            }
            other => other,
        }
    })
    .map_err(|error| {
        // What looked like a writer for so long is damage that a writer left behind.
        let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<Error>());
        match source.filter(|cause| cause.kind() == ErrorKind::Corrupt) {
            Some(cause) => Error::new(ErrorKind::Corrupt, cause.message().to_owned()).caused_by(error),
            None => error,
        }
    })
}

/// Opens a file for reading. Files that can be read while they are written are not locked, so that readers never keep a
/// writer out; others are, because nothing else shows that a writer is at work.
fn open_for_reading(path: &Path, appearance: &Appearance) -> Result<Handle> {
    if !appearance.allows_concurrent_readers() {
        return open(path, H5F_ACC_RDONLY, Locking::AsHdf5);
    }
    // For concurrent readers the library does not look for a truncated file; it would read what is missing as zeros.
    if let Some(superblock) = appearance.superblock.filter(|superblock| !superblock.is_marked()) {
        let missing = superblock.end_of_file().saturating_sub(appearance.length);
        if missing > 0 {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "the HDF5 file is truncated: {missing} of {} bytes are missing",
                    superblock.end_of_file()
                ),
            ));
        }
    }
    open(path, H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, Locking::Never)
}

/// Opens a file so that it can be read while it is changed, and stays readable should this process be killed.
pub(crate) fn open_for_appending(path: &Path) -> Result<Handle> {
    let file = open(path, H5F_ACC_RDWR | H5F_ACC_SWMR_WRITE, Locking::AsHdf5)?;
    keep_from_children(&file);
    Ok(file)
}

/// Opens a file for reading that the caller has locked.
pub(crate) fn open_for_copying(path: &Path) -> Result<Handle> {
    open(path, H5F_ACC_RDONLY, Locking::Never)
}

/// Opens a file that nobody else knows for any change.
pub(crate) fn open_privately(path: &Path) -> Result<Handle> {
    open(path, H5F_ACC_RDWR, Locking::Never)
}

/// Creates a file that nobody else knows, in place of any that is there.
pub(crate) fn create_privately(path: &Path) -> Result<Handle> {
    let (path, access) = (c_path(path)?, file_access(Locking::Never)?);
    let id = call!(H5Fcreate(path.as_ptr(), H5F_ACC_TRUNC, H5P_DEFAULT, access.id()))?;
    let file = Handle::owned(id);
    keep_from_children(&file);
    Ok(file)
}

/// Writes everything out and closes the file; `Drop` would swallow the failure.
pub(crate) fn close(file: Handle) -> Result<()> {
    call!(H5Fclose(file.into_id())).map(drop)
}

/// Waits until what was written to the file is durable.
pub(crate) fn make_durable(path: &Path) -> Result<()> {
    Ok(File::open(path)?.sync_all()?)
}

/// Whether opening a file takes the advisory lock that HDF5 programs take.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Locking {
    /// As every HDF5 program does.
    AsHdf5,
    /// Not at all.
    Never,
}

fn open(path: &Path, flags: c_uint, locking: Locking) -> Result<Handle> {
    let (path, access) = (c_path(path)?, file_access(locking)?);
    Ok(Handle::owned(call!(H5Fopen(path.as_ptr(), flags, access.id()))?))
}

fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|error| Error::new(ErrorKind::InvalidPath, "the path contains NUL").caused_by(error))
}

fn file_access(locking: Locking) -> Result<Handle> {
    let access = Handle::owned(call!(H5Pcreate(*H5P_CLS_FILE_ACCESS))?);
    let id: hid_t = access.id();
    use_driver(&access)?;
    // New objects in the format of HDF5 1.10: the first with concurrent readers, and readable by everything since.
    call!(H5Pset_libver_bounds(id, H5F_LIBVER_V110, H5F_LIBVER_LATEST))?;
    call!(H5Pset_metadata_read_attempts(id, METADATA_READ_ATTEMPTS))?;
    call!(H5Pset_file_locking(id, (locking == Locking::AsHdf5).into(), 1))?;
    call!(H5Pset_fclose_degree(id, H5F_CLOSE_STRONG))?;
    Ok(access)
}

/// Keeps a child process from inheriting the open file, and with it the lock, as far as that can be told afterwards.
fn keep_from_children(file: &Handle) {
    let mut descriptor: *mut std::ffi::c_void = std::ptr::null_mut();
    let found = raw_call!(H5Fget_vfd_handle(file.id(), H5P_DEFAULT, &raw mut descriptor));
    if found >= 0 && !descriptor.is_null() {
        // SAFETY: the default driver hands out a pointer to its file descriptor, valid while the file is open.
        unsafe {
            libc::fcntl(*descriptor.cast::<i32>(), libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}
