//! How a place is used.

use fascicle_backend::{Codec, Error, ErrorKind, Result};
use std::time::Duration;

/// Options of a `ZarrBackend`. They are properties of the handle, not of what is stored: a place may be opened
/// with others at any time. What concerns new arrays is used when the caller's own options say nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZarrOptions {
    /// The bytes, uncompressed, that a chunk of a new array is made of, about.
    pub chunk_bytes: u64,
    /// How chunks of a new array are compressed.
    pub codec: Codec,
    /// Whether chunks of a new array end with a checksum (crc32c), so that damage is an error and not data.
    pub checksum: bool,
    /// A new array that would have more chunks than this is stored in shards, objects of many chunks each.
    pub max_objects: u64,
    /// The bytes, uncompressed, that a shard of a new array has at most. One chunk, if that is larger.
    pub max_shard_bytes: u64,
    /// What a chunk that is not stored means.
    pub missing_chunks: MissingChunks,
    /// How many requests for chunks are under way at once.
    pub concurrent_requests: usize,
    /// How many bytes of chunks, encoded and decoded, are in memory at once, over all calls on the handle, and as many of the
    /// indexes of shards. A single chunk or index that is larger passes alone.
    pub max_bytes_in_flight: u64,
    /// Chunks that take more than this in memory are refused with `LimitExceeded`.
    pub max_chunk_bytes: u64,
    /// How long a writer tries, while others write the same array, before it gives up with `Busy`.
    pub lock_timeout: Duration,
    /// For how long another writer's unfinished rows are left alone as long as nothing about them changes. Whoever waits
    /// measures it by its own clock. Too short a time costs the slower writer another attempt, never data.
    pub writer_patience: Duration,
}

/// What a chunk that is not stored means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingChunks {
    /// Its elements have the fill value, as Zarr defines.
    #[default]
    Fill,
    /// It was lost: reading it is `Corrupt`. Arrays of which parts were never written cannot be read then.
    Error,
}

impl Default for ZarrOptions {
    fn default() -> Self {
        ZarrOptions {
            chunk_bytes: 4 << 20,
            codec: Codec::Zstd { level: 1 },
            checksum: true,
            max_objects: 10_000,
            max_shard_bytes: 128 << 20,
            missing_chunks: MissingChunks::default(),
            concurrent_requests: 64,
            max_bytes_in_flight: 512 << 20,
            max_chunk_bytes: 1 << 30,
            lock_timeout: Duration::from_secs(30),
            writer_patience: Duration::from_secs(5),
        }
    }
}

impl ZarrOptions {
    /// Sets the bytes of a chunk of a new array.
    #[must_use]
    pub fn with_chunk_bytes(mut self, bytes: u64) -> Self {
        self.chunk_bytes = bytes;
        self
    }

    /// Sets how chunks of a new array are compressed.
    #[must_use]
    pub fn with_codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// Sets whether chunks of a new array end with a checksum.
    #[must_use]
    pub fn with_checksum(mut self, checksum: bool) -> Self {
        self.checksum = checksum;
        self
    }

    /// Sets beyond how many chunks a new array is stored in shards.
    #[must_use]
    pub fn with_max_objects(mut self, objects: u64) -> Self {
        self.max_objects = objects;
        self
    }

    /// Sets what a chunk that is not stored means.
    #[must_use]
    pub fn with_missing_chunks(mut self, missing_chunks: MissingChunks) -> Self {
        self.missing_chunks = missing_chunks;
        self
    }

    /// Sets how many requests for chunks are under way at once.
    #[must_use]
    pub fn with_concurrent_requests(mut self, requests: usize) -> Self {
        self.concurrent_requests = requests;
        self
    }

    /// Sets how many bytes of chunks are in memory at once.
    #[must_use]
    pub fn with_max_bytes_in_flight(mut self, bytes: u64) -> Self {
        self.max_bytes_in_flight = bytes;
        self
    }

    /// Sets how long a writer tries while others write.
    #[must_use]
    pub fn with_lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Sets for how long another writer's unfinished rows are left alone.
    #[must_use]
    pub fn with_writer_patience(mut self, patience: Duration) -> Self {
        self.writer_patience = patience;
        self
    }

    /// Refuses options that nothing could work with.
    pub(crate) fn check(&self) -> Result<()> {
        let zero = [
            ("chunk_bytes", self.chunk_bytes),
            ("max_objects", self.max_objects),
            ("max_shard_bytes", self.max_shard_bytes),
            ("concurrent_requests", self.concurrent_requests as u64),
            ("max_bytes_in_flight", self.max_bytes_in_flight),
            ("max_chunk_bytes", self.max_chunk_bytes),
        ];
        match zero.into_iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the option '{name}' of the zarr backend cannot be 0"),
            )),
            None => Ok(()),
        }
    }
}
