//! Between the errors of the local file system and those of object stores.

use fascicle_backend::{Error, ErrorKind};
use object_store::path::Path;

const STORE: &str = "ConfinedLocalStore";

/// Runs `work` on a thread that may block, to its end even when the future is dropped.
pub(crate) async fn blocking<T, F>(work: F) -> object_store::Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> object_store::Result<T> + Send + 'static,
{
    match fascicle_local::blocking(move || Ok(work())).await {
        Ok(result) => result,
        Err(error) => Err(generic(error)),
    }
}

/// The error of an operation on the object at `path`.
pub(crate) fn failed(path: &Path, error: Error) -> object_store::Error {
    let (path, kind) = (path.to_string(), error.kind());
    let source = Box::new(error);
    match kind {
        ErrorKind::NotFound => object_store::Error::NotFound { path, source },
        ErrorKind::AlreadyExists => object_store::Error::AlreadyExists { path, source },
        _ => object_store::Error::Generic { store: STORE, source },
    }
}

/// An error that says everything itself.
pub(crate) fn generic(error: Error) -> object_store::Error {
    object_store::Error::Generic { store: STORE, source: Box::new(error) }
}

/// There is no such object.
pub(crate) fn not_found(path: &Path) -> object_store::Error {
    object_store::Error::NotFound { path: path.to_string(), source: "there is no such file".into() }
}

/// There is such an object already.
pub(crate) fn already_exists(path: &Path) -> object_store::Error {
    object_store::Error::AlreadyExists { path: path.to_string(), source: "there is such a file".into() }
}

/// The object is in another state than the caller expects.
pub(crate) fn precondition(path: &Path, why: String) -> object_store::Error {
    object_store::Error::Precondition { path: path.to_string(), source: why.into() }
}
