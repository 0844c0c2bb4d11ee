//! The C library: calls under its lock, handles that close themselves, and its failures as errors.

use super::driver::{check_refusals, refusals};
use fascicle_backend::{Error, ErrorKind, Result};
use hdf5_sys::{h5i::H5Idec_ref, h5i::hid_t, h5pl::H5PLset_loading_state};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};

/// Makes one call into the C library under its lock; a failure becomes an [`Error`] with the library's own words.
///
/// Whoever writes such a call answers for its pointers, as in an `unsafe` block.
macro_rules! call {
    ($call:expr) => {
        hdf5::h5call!($call).map_err($crate::h5::library::failure)
    };
}

/// Makes one call into the C library under its lock and returns what it returns.
macro_rules! raw_call {
    ($call:expr) => {
        hdf5::h5lock!($call)
    };
}

/// Runs a whole operation under the library's lock, so that no other thread's operation meets its open files.
///
/// Must not be held while waiting for anything but the file system. Turns off the loading of filter plug-ins, which would
/// let a file choose code to run, and turns a panic into [`ErrorKind::Corrupt`], because only unforeseen stored
/// bytes could lead to one. Fails when the storage refused a write, see [`driver`](super::driver).
pub(crate) fn exclusively<T>(operation: impl FnOnce() -> Result<T>) -> Result<T> {
    static NO_PLUGINS: Once = Once::new();
    hdf5::sync::sync(|| {
        NO_PLUGINS.call_once(|| {
            let mut none = 0;
            // SAFETY: the library is initialised and locked, and reads one integer.
            let _ = unsafe { H5PLset_loading_state(&raw mut none) };
        });
        let refusals = refusals();
        let outcome = catch_unwind(AssertUnwindSafe(operation)).unwrap_or_else(|panic| {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            Err(Error::new(
                ErrorKind::Corrupt,
                format!("working on the HDF5 file failed unexpectedly: {text}"),
            ))
        });
        match (check_refusals(refusals), outcome) {
            (Ok(()), outcome) => outcome,
            (Err(reason), Ok(_)) => Err(reason),
            (Err(reason), Err(error)) => Err(reason.caused_by(error)),
        }
    })
}

/// An object of the library, closed when dropped.
#[derive(Debug)]
pub(crate) struct Handle(hid_t);

impl Handle {
    /// Takes over an identifier that the library has just handed out.
    pub(crate) fn owned(id: hid_t) -> Self {
        Handle(id)
    }

    /// The identifier, valid as long as this handle.
    pub(crate) fn id(&self) -> hid_t {
        self.0
    }

    /// Gives the identifier up without closing it.
    pub(crate) fn into_id(self) -> hid_t {
        let id = self.0;
        std::mem::forget(self);
        id
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        raw_call!(H5Idec_ref(self.0));
    }
}

/// What the library said about a failure.
#[derive(Debug)]
struct LibraryFailure(String);

impl fmt::Display for LibraryFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HDF5: {}", self.0)
    }
}

impl std::error::Error for LibraryFailure {}

/// Why the library failed, as far as its words tell.
pub(crate) fn failure(error: hdf5::Error) -> Error {
    let frames = error.stack();
    let descriptions: Vec<&str> =
        frames.iter().flat_map(|stack| stack.iter().map(|frame| frame.desc())).collect();
    let mut story = match descriptions.as_slice() {
        [] => error.to_string(),
        [only] => (*only).to_owned(),
        [first, .., last] => format!("{first}: {last}"),
    };
    let says = |words: &str| descriptions.iter().any(|description| description.contains(words));
    let errno = descriptions.iter().find_map(|description| errno(description));
    if let (Some(errno), false) = (errno, story.contains("errno")) {
        story.push_str(&format!(" (errno {errno})"));
    }
    let classified = if says("unable to lock file") {
        Error::new(ErrorKind::Busy, "another program has the HDF5 file open")
    } else if says("already open for write") || says("not already open for SWMR writing") {
        marked_as_open()
    } else if let Some(errno) = errno {
        let cause = Error::from(std::io::Error::from_raw_os_error(errno));
        Error::new(cause.kind(), cause.message())
    } else {
        Error::new(ErrorKind::Corrupt, "the HDF5 file cannot be read or written as it is")
    };
    classified.caused_by(LibraryFailure(story))
}

/// The error for a file whose header says that a writer has it open.
pub(crate) fn marked_as_open() -> Error {
    Error::new(ErrorKind::Busy, "the HDF5 file is marked as being written by another program")
        .hint("if that program is no longer running, an append or a write through fascicle clears the mark")
}

/// The number in `errno = 28` of the library's descriptions.
fn errno(description: &str) -> Option<i32> {
    let (_, rest) = description.split_once("errno = ")?;
    let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok().filter(|errno| *errno > 0)
}
