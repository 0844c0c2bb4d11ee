//! Reading the object of a part.

use crate::store::Store;
use bytes::{Buf, Bytes};
use fascicle_backend::{Error, ErrorKind, Result};
use futures::TryStreamExt;
use object_store::{GetOptions, GetRange, path::Path};
use parquet::{
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};
use std::{
    collections::BTreeMap,
    fmt,
    io::Read,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::runtime::Handle;

/// How many bytes are asked for at a time where a reader goes through a part bit by bit.
const BLOCK_BYTES: u64 = 1 << 20;
/// How many blocks of a part are kept.
const MOST_BLOCKS: usize = 16;
/// So many bytes before the end are fetched at once: the footer of most parts is in them.
const FOOTER_BYTES: u64 = 64 << 10;

/// Reads one part. Clones share what was fetched.
#[derive(Clone, Debug)]
pub struct StorePartReader {
    inner: Arc<Reader>,
}

struct Reader {
    store: Store,
    part: Path,
    size: u64,
    /// The state that is read: parts never change, and one that is replaced all the same is noticed.
    e_tag: Option<String>,
    runtime: Handle,
    blocks: Mutex<BTreeMap<u64, Bytes>>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.part, self.store)
    }
}

impl StorePartReader {
    /// Opens a part of which the size may be known. Cost: one request, which brings the last blocks; another one for a longer part
    /// of unknown size.
    pub(crate) async fn open(
        store: Store,
        part: Path,
        size_bytes: Option<u64>,
        runtime: Handle,
    ) -> Result<StorePartReader> {
        let first = size_bytes.map_or(0, first_of_end);
        let end = size_bytes.unwrap_or(BLOCK_BYTES).max(1);
        let options = GetOptions { range: Some(GetRange::Bounded(first..end)), ..GetOptions::default() };
        let mut reader = Reader { store, part, size: 0, e_tag: None, runtime, blocks: Mutex::default() };
        let result = match reader.store.objects().get_opts(&reader.part, options).await {
            Ok(result) => result,
            Err(error) => {
                // Nothing can be read of an object without bytes, and services say so as of a wrong range.
                let found = reader.store.head(&reader.part).await?;
                let error = reader.store.error("opening", &reader.part, error);
                return match found {
                    Some(meta) if meta.size == 0 => Ok(StorePartReader { inner: Arc::new(reader) }),
                    Some(_) => Err(error),
                    None => Err(Error::new(ErrorKind::NotFound, format!("there is no '{}'", reader.part))),
                };
            }
        };
        (reader.size, reader.e_tag) = (result.meta.size, result.meta.e_tag.clone());
        if size_bytes.is_some_and(|expected| expected != reader.size) {
            let why = format!("'{}' was replaced since it was listed", reader.part);
            return Err(Error::new(ErrorKind::Conflict, why).hint("open the table again"));
        }
        let pieces: Vec<Bytes> =
            result.into_stream().try_collect().await.map_err(|error| reader.failed(error))?;
        reader.keep(first, &Bytes::from(pieces.concat()));
        let reader = StorePartReader { inner: Arc::new(reader) };
        if size_bytes.is_none() && reader.inner.size > BLOCK_BYTES {
            let (start, end) = (first_of_end(reader.inner.size), reader.inner.size);
            let bytes = reader.inner.fetch(start, end).await?;
            reader.inner.keep(start, &bytes);
        }
        Ok(reader)
    }
}

/// Where the block begins in which the end of a part begins.
fn first_of_end(size: u64) -> u64 {
    size.saturating_sub(FOOTER_BYTES) / BLOCK_BYTES * BLOCK_BYTES
}

impl Reader {
    fn failed(&self, error: object_store::Error) -> Error {
        self.store.error("reading", &self.part, error)
    }

    /// Keeps whole blocks that were fetched together; `start` is where a block begins.
    fn keep(&self, start: u64, bytes: &Bytes) {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut number, mut rest) = (start / BLOCK_BYTES, bytes.clone());
        while !rest.is_empty() {
            let length = rest.len().min(usize::try_from(BLOCK_BYTES).unwrap_or(usize::MAX));
            blocks.insert(number, rest.split_to(length));
            number += 1;
        }
    }

    async fn fetch(&self, start: u64, end: u64) -> Result<Bytes> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(start..end)),
            if_match: self.e_tag.clone(),
            ..GetOptions::default()
        };
        let result = self.store.objects().get_opts(&self.part, options).await;
        let result = result.map_err(|error| self.failed(error))?;
        let pieces: Vec<Bytes> =
            result.into_stream().try_collect().await.map_err(|error| self.failed(error))?;
        let bytes = Bytes::from(pieces.concat());
        if bytes.len() as u64 == end - start {
            return Ok(bytes);
        }
        let why = format!("'{}' ends within what was asked for", self.part);
        Err(Error::new(ErrorKind::Corrupt, why))
    }

    fn fetch_now(&self, start: u64, end: u64) -> Result<Bytes> {
        self.runtime.block_on(self.fetch(start, end))
    }

    /// The block with this number, kept for later.
    fn block(&self, number: u64) -> Result<Bytes> {
        if let Some(block) = self.blocks.lock().unwrap_or_else(PoisonError::into_inner).get(&number) {
            return Ok(block.clone());
        }
        let start = number.saturating_mul(BLOCK_BYTES);
        let block = self.fetch_now(start, self.size.min(start.saturating_add(BLOCK_BYTES)))?;
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.insert(number, block.clone());
        if blocks.len() > MOST_BLOCKS {
            // A reader goes forward: what lies furthest back is needed least.
            blocks.pop_first();
        }
        Ok(block)
    }

    fn bytes(&self, start: u64, length: u64) -> Result<Bytes> {
        let end = start.checked_add(length).filter(|end| *end <= self.size).ok_or_else(|| {
            let why = format!("'{}' is asked for bytes beyond its end, {}", self.part, self.size);
            Error::new(ErrorKind::Corrupt, why)
        })?;
        if length == 0 {
            return Ok(Bytes::new());
        }
        let (first, last) = (start / BLOCK_BYTES, (end - 1) / BLOCK_BYTES);
        if last > first + 1 {
            return self.fetch_now(start, end);
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        for number in first..=last {
            let block = self.block(number)?;
            let origin = number * BLOCK_BYTES;
            let from = usize::try_from(start.saturating_sub(origin)).unwrap_or(usize::MAX);
            let to = usize::try_from(end - origin).unwrap_or(usize::MAX).min(block.len());
            if from == 0 && to == block.len() && first == last {
                return Ok(block);
            }
            if first == last && from <= to {
                return Ok(block.slice(from..to));
            }
            bytes.extend_from_slice(block.get(from..to).unwrap_or(&[]));
        }
        Ok(bytes.into())
    }
}

impl Length for StorePartReader {
    fn len(&self) -> u64 {
        self.inner.size
    }
}

impl ChunkReader for StorePartReader {
    type T = PartBytes;

    fn get_read(&self, start: u64) -> parquet::errors::Result<PartBytes> {
        Ok(PartBytes { reader: self.inner.clone(), position: start, current: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        self.inner.bytes(start, length as u64).map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// The bytes of a part from some position on.
#[derive(Debug)]
pub struct PartBytes {
    reader: Arc<Reader>,
    position: u64,
    current: Bytes,
}

impl Read for PartBytes {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.current.is_empty() && self.position < self.reader.size {
            let block_end = (self.position / BLOCK_BYTES + 1) * BLOCK_BYTES;
            let length = block_end.min(self.reader.size) - self.position;
            self.current = self.reader.bytes(self.position, length).map_err(std::io::Error::other)?;
            self.position += length;
        }
        let count = self.current.len().min(buffer.len());
        self.current.copy_to_slice(buffer.get_mut(..count).unwrap_or(&mut []));
        Ok(count)
    }
}
