//! Work on chunks that takes a while, off the threads that wait for the store.

use fascicle_backend::{Error, ErrorKind, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Below this many bytes a thread of its own costs more than it gains.
const INLINE_BYTES: u64 = 32 << 10;

/// Runs `work` on about `bytes` bytes. A panic of a decoder, which damaged data could cause, becomes an error.
pub(crate) async fn compute<T: Send + 'static>(
    bytes: u64,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let guarded = move || catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panicked()));
    if bytes <= INLINE_BYTES {
        return guarded();
    }
    tokio::task::spawn_blocking(guarded).await.unwrap_or_else(|error| Err(panicked().caused_by(error)))
}

fn panicked() -> Error {
    Error::new(ErrorKind::Corrupt, "a chunk cannot be decoded: its decoder gave up")
}
