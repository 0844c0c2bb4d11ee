//! Calls into format libraries: their errors and panics as errors of the contract.

use arrow_schema::ArrowError;
use fascicle_backend::{Error, ErrorKind, Result};
use parquet::errors::ParquetError;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// Whether a panic on this thread is caught and told as an error.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// What a call into a library may fail with.
pub(crate) trait LibraryError: std::error::Error + Send + Sync + 'static {
    /// The failure of the file system that caused it, if one did.
    fn io_error(&self) -> Option<&std::io::Error>;
}

impl LibraryError for ParquetError {
    fn io_error(&self) -> Option<&std::io::Error> {
        match self {
            ParquetError::External(cause) => cause.downcast_ref(),
            _ => None,
        }
    }
}

impl LibraryError for ArrowError {
    fn io_error(&self) -> Option<&std::io::Error> {
        match self {
            ArrowError::IoError(_, cause) => Some(cause),
            ArrowError::ExternalError(cause) => cause.downcast_ref::<std::io::Error>(),
            _ => None,
        }
    }
}

/// Runs a call that reads a file. What the library cannot make sense of is [`ErrorKind::Corrupt`], also when it panics.
pub(crate) fn reading<T, E: LibraryError>(call: impl FnOnce() -> Result<T, E>) -> Result<T> {
    guarded(ErrorKind::Corrupt, "the file cannot be read", call)
}

/// Runs a call that writes a file. What the library cannot write is [`ErrorKind::Unsupported`].
pub(crate) fn writing<T, E: LibraryError>(call: impl FnOnce() -> Result<T, E>) -> Result<T> {
    guarded(ErrorKind::Unsupported, "the table cannot be written in this format", call)
}

/// Whether a panic on this thread would be caught here and told as an error; for panic hooks, which should say nothing then.
pub fn is_guarded() -> bool {
    CAUGHT.get()
}

fn guarded<T, E: LibraryError>(
    kind: ErrorKind,
    message: &str,
    call: impl FnOnce() -> Result<T, E>,
) -> Result<T> {
    let before = CAUGHT.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(call));
    CAUGHT.set(before);
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            // The kind of the storage's failure tells more than the library's; "unexpected end" is the file's fault.
            let storage = error.io_error().map(|io| Error::from(std::io::Error::from(io.kind())).kind());
            let kind = storage.filter(|storage| *storage != ErrorKind::Corrupt).unwrap_or(kind);
            Err(Error::new(kind, format!("{message}: {error}")).caused_by(error))
        }
        Err(_) => {
            Err(Error::new(kind, message)
                .hint("the library that reads this format gave up; the file is damaged"))
        }
    }
}
