//! How a place is used.

use fascicle_backend::{Codec, Error, ErrorKind, Result};
use std::time::Duration;

/// Options of a `ParquetBackend`. They are properties of the handle, not of what is stored: a place may be opened with others
/// at any time. What concerns new arrays is used when the caller's own options say nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParquetOptions {
    /// The bytes, uncompressed, that a row group of a new array is made of, about. It is what is read at least.
    pub chunk_bytes: u64,
    /// The bytes, uncompressed, after which a new array goes on in another part, about. A part is what writing a region
    /// replaces at least. What is appended in one call is one part, whatever its size.
    pub array_part_bytes: u64,
    /// How the pages of a new array are compressed.
    pub codec: Codec,
    /// How many requests for row groups are under way at once.
    pub concurrent_requests: usize,
    /// How many bytes of row groups, encoded and decoded, are in memory at once, over all calls on the handle. A single row group
    /// that is larger passes alone.
    pub max_bytes_in_flight: u64,
    /// Row groups, pages and rows that take more than this in memory are refused with `LimitExceeded`.
    pub max_chunk_bytes: u64,
    /// How long a writer tries, while others write the same array, before it gives up with `Busy`.
    pub lock_timeout: Duration,
}

impl Default for ParquetOptions {
    fn default() -> Self {
        ParquetOptions {
            chunk_bytes: 4 << 20,
            array_part_bytes: 128 << 20,
            codec: Codec::Zstd { level: 1 },
            concurrent_requests: 16,
            max_bytes_in_flight: 512 << 20,
            max_chunk_bytes: 1 << 30,
            lock_timeout: Duration::from_secs(30),
        }
    }
}

impl ParquetOptions {
    /// Sets the bytes of a row group of a new array.
    #[must_use]
    pub fn with_chunk_bytes(mut self, bytes: u64) -> Self {
        self.chunk_bytes = bytes;
        self
    }

    /// Sets the bytes after which a new array goes on in another part.
    #[must_use]
    pub fn with_array_part_bytes(mut self, bytes: u64) -> Self {
        self.array_part_bytes = bytes;
        self
    }

    /// Sets how the pages of a new array are compressed.
    #[must_use]
    pub fn with_codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Sets how long a writer tries while others write.
    #[must_use]
    pub fn with_lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Refuses options that nothing could work with.
    pub(crate) fn check(&self) -> Result<()> {
        let at_least_one = [
            ("chunk_bytes", self.chunk_bytes),
            ("array_part_bytes", self.array_part_bytes),
            ("concurrent_requests", self.concurrent_requests as u64),
            ("max_bytes_in_flight", self.max_bytes_in_flight),
            ("max_chunk_bytes", self.max_chunk_bytes),
        ];
        for (name, value) in at_least_one {
            if value == 0 {
                let why = format!("the option '{name}' of the parquet backend cannot be 0");
                return Err(Error::new(ErrorKind::InvalidInput, why));
            }
        }
        Ok(())
    }
}
