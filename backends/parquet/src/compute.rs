//! Work that takes a while, off the threads that wait for the store, and how much memory it may take.

use crate::ParquetOptions;
use fascicle_backend::{Error, ErrorKind, Result};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Below this many bytes a thread of its own costs more than it gains.
const INLINE_BYTES: u64 = 32 << 10;
/// Memory is counted in units of this many bytes.
const UNIT_BYTES: u64 = 4 << 10;

/// The memory that all calls on a handle share.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    units: Arc<Semaphore>,
    all: u32,
}

impl Memory {
    pub(crate) fn new(options: &ParquetOptions) -> Self {
        let most = u64::from(u32::MAX).min(Semaphore::MAX_PERMITS as u64);
        let all = (options.max_bytes_in_flight / UNIT_BYTES).clamp(1, most);
        let all = u32::try_from(all).unwrap_or(u32::MAX);
        Memory { units: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// Waits until so many bytes are free; all of them where that is not enough.
    pub(crate) async fn take(&self, bytes: u64) -> Result<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).clamp(1, self.all);
        Arc::clone(&self.units).acquire_many_owned(units).await.map_err(|error| {
            Error::new(ErrorKind::Internal, "the memory is not shared any more").caused_by(error)
        })
    }
}

/// Runs `work` on about `bytes` bytes.
pub(crate) async fn compute<T: Send + 'static>(
    bytes: u64,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    if bytes <= INLINE_BYTES {
        return work();
    }
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|failure| {
        let why =
            if failure.is_panic() { "the work on an array panicked" } else { "the runtime is shutting down" };
        Err(Error::new(ErrorKind::Internal, why).caused_by(failure))
    })
}
