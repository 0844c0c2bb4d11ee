//! A file in memory that notes where it is read.

use bytes::{Buf, Bytes, buf::Reader};
use parquet::file::reader::{ChunkReader, Length};
use std::sync::{Arc, Mutex};

/// Clones share the notes.
#[derive(Clone)]
pub(crate) struct CountedBytes {
    pub(crate) bytes: Bytes,
    read: Arc<Mutex<Vec<(usize, usize)>>>,
}

impl CountedBytes {
    pub(crate) fn new(bytes: impl Into<Bytes>) -> Self {
        CountedBytes { bytes: bytes.into(), read: Arc::default() }
    }

    /// Where it was read since the last call: beginnings and lengths.
    pub(crate) fn take(&self) -> Vec<(usize, usize)> {
        std::mem::take(&mut *self.read.lock().unwrap())
    }
}

impl Length for CountedBytes {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl ChunkReader for CountedBytes {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        let start = usize::try_from(start).unwrap();
        // How much of it is needed is not told: a header of a page.
        self.read.lock().unwrap().push((start, 64));
        Ok(self.bytes.slice(start..).reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let start = usize::try_from(start).unwrap();
        self.read.lock().unwrap().push((start, length));
        Ok(self.bytes.slice(start..start + length))
    }
}
