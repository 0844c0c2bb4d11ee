//! Calls into the Parquet library: its errors and panics as errors of the contract.

use arrow_schema::ArrowError;
use fascicle_backend::{Error, ErrorKind, Result};
use parquet::errors::ParquetError;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a call into the library may fail with.
pub trait LibraryError: std::error::Error + Send + Sync + 'static {
    /// The failure of the storage that caused it, if one did.
    fn io_error(&self) -> Option<&std::io::Error>;

    /// The error of the contract that code called by the library failed with.
    fn own_error(&self) -> Option<&Error>;
}

/// The error of the contract that `cause` is, or carries.
fn own_error_of<'a>(cause: &'a (dyn std::error::Error + Send + Sync + 'static)) -> Option<&'a Error> {
    if let Some(error) = cause.downcast_ref::<Error>() {
        return Some(error);
    }
    if let Some(error) = cause.downcast_ref::<ParquetError>() {
        return error.own_error();
    }
    if let Some(error) = cause.downcast_ref::<ArrowError>() {
        return error.own_error();
    }
    own_error_of(cause.downcast_ref::<std::io::Error>()?.get_ref()?)
}

impl LibraryError for ParquetError {
    fn io_error(&self) -> Option<&std::io::Error> {
        match self {
            ParquetError::External(cause) => cause.downcast_ref(),
            _ => None,
        }
    }

    fn own_error(&self) -> Option<&Error> {
        match self {
            ParquetError::External(cause) => own_error_of(cause.as_ref()),
            _ => None,
        }
    }
}

impl LibraryError for ArrowError {
    fn io_error(&self) -> Option<&std::io::Error> {
        match self {
            ArrowError::IoError(_, cause) => Some(cause),
            ArrowError::ExternalError(cause) => cause
                .downcast_ref::<std::io::Error>()
                .or_else(|| cause.downcast_ref::<ParquetError>().and_then(ParquetError::io_error)),
            _ => None,
        }
    }

    fn own_error(&self) -> Option<&Error> {
        match self {
            ArrowError::ExternalError(cause) => own_error_of(cause.as_ref()),
            ArrowError::IoError(_, cause) => own_error_of(cause),
            _ => None,
        }
    }
}

/// Runs a call that reads `file`. What the library cannot make sense of is [`ErrorKind::Corrupt`], also when it panics.
pub fn reading<T, E: LibraryError>(file: &str, call: impl FnOnce() -> Result<T, E>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(match failure_of_storage(&error) {
            Some(kind) => {
                Error::new(kind, format!("the file '{file}' cannot be read: {error}")).caused_by(error)
            }
            None => corrupt(file, &error.to_string()).caused_by(error),
        }),
        Err(panic) => Err(corrupt(file, &text_of(panic))),
    }
}

/// Runs a call that writes a part. A panic of the library is [`ErrorKind::Internal`].
pub fn writing<T, E: LibraryError>(call: impl FnOnce() -> Result<T, E>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            let kind = failure_of_storage(&error).unwrap_or(ErrorKind::Internal);
            Err(Error::new(kind, format!("the rows cannot be written: {error}")).caused_by(error))
        }
        Err(panic) => {
            Err(Error::new(ErrorKind::Internal, format!("the rows cannot be written: {}", text_of(panic))))
        }
    }
}

/// The error of a file that is not what its name says.
pub fn corrupt(file: &str, why: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the file '{file}' is damaged: {why}"))
        .hint("restore the file from a copy; the other files are untouched")
}

/// The kind of the storage's failure; `None` when the storage did as it was told.
fn failure_of_storage(error: &impl LibraryError) -> Option<ErrorKind> {
    let kind = match error.own_error() {
        Some(error) => error.kind(),
        None => Error::from(std::io::Error::from(error.io_error()?.kind())).kind(),
    };
    (kind != ErrorKind::Corrupt).then_some(kind)
}

fn text_of(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "the reason is unknown".to_owned())
}
