//! Calls into format libraries: their errors and panics as errors of the contract.

use fascicle::arrow::schema::ArrowError;
use fascicle::{Error, ErrorKind, Result};
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

/// Says nothing of panics that are told as errors, and one line of any other.
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        if !CAUGHT.get() && !is_on_a_thread_of_queries() {
            let error = Error::new(ErrorKind::Internal, format!("a defect of this program: {panic}"))
                .hint("please report it");
            crate::report::error(&error, crate::exit::Exit::Internal);
        }
    }));
}

/// Whether a panic here is caught by the library and told as an error.
fn is_on_a_thread_of_queries() -> bool {
    #[cfg(feature = "sql")]
    return std::thread::current().name() == Some(fascicle::sql::THREAD_NAME);
    #[cfg(not(feature = "sql"))]
    false
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
            Err(Error::new(kind, message).caused_by(error))
        }
        Err(_) => {
            Err(Error::new(kind, message)
                .hint("the library that reads this format gave up; the file is damaged"))
        }
    }
}
