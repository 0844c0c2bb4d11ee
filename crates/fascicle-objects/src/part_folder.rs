//! The parts of a table as objects under one prefix.

use crate::{
    conditional::{Condition, PutOutcome, nonce},
    store::{STAGE_PREFIX, Store, child_key, key},
};
use bytes::{Buf, Bytes};
use fascicle_backend::{Error, ErrorKind, Result};
use fascicle_tables::{CommitOutcome, ListedName, PartFolder};
use futures::TryStreamExt;
use object_store::{GetOptions, GetRange, ObjectStoreExt, path::Path};
use parquet::{
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};
use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::Read,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::runtime::Handle;

/// How many bytes are asked for at a time where a reader goes through a part bit by bit.
const BLOCK_BYTES: u64 = 1 << 20;
/// How many blocks of a part are kept.
const MOST_BLOCKS: usize = 16;

/// Parts up to this size are committed by one conditional write, longer ones by a copy of an upload.
const MOST_AT_ONCE: u64 = 64 << 20;
/// The end of a part, in which its writer's nonce stands, by which it is known again.
const END_BYTES: u64 = 64 << 10;

/// A [`PartFolder`] over a store: the part `n` is created if there is none, as `part-<n>.parquet` under the table's prefix.
///
/// Its calls block on requests, so they must be made on threads that may block, such as those of
/// [`fascicle_tables::stream_of_batches`]. Cost: listing is a request for each 1,000 parts; opening a part is one request, which brings
/// its first MiB; reading it further ones for each MiB, or larger pages, that are touched; committing is one.
#[derive(Clone)]
pub struct StorePartFolder {
    store: Store,
    prefix: Path,
    runtime: Handle,
}

impl StorePartFolder {
    /// The parts under `prefix`. Must be called within a tokio runtime, which makes the requests.
    ///
    /// Errors: `Internal` outside of a runtime.
    pub fn new(store: Store, prefix: Path) -> Result<Self> {
        let runtime = Handle::try_current().map_err(|error| {
            Error::new(ErrorKind::Internal, "tables in object stores need a tokio runtime").caused_by(error)
        })?;
        Ok(StorePartFolder { store, prefix, runtime })
    }

    /// Commits a long part: it is uploaded aside and copied to its name, if that is free.
    async fn commit_long(&self, staged: &std::path::Path, part: &Path, length: u64) -> Result<CommitOutcome> {
        if self.store.head(part).await?.is_some() {
            return Ok(CommitOutcome::Taken);
        }
        self.store.conditions().await?;
        let aside = key(&format!("{STAGE_PREFIX}/{}", nonce()?))?;
        let failed = |error| self.store.error("writing", &aside, error);
        let mut upload = self.store.objects().put_multipart(&aside).await.map_err(failed)?;
        let part_bytes = self.store.limits().part_bytes.max(crate::StoreLimits::LEAST_PART_BYTES) as u64;
        let mut start = 0;
        while start < length {
            let end = length.min(start.saturating_add(part_bytes));
            let path = staged.to_owned();
            let bytes = fascicle_local::blocking(move || read_staged(&path, start, end)).await?;
            if let Err(error) = upload.put_part(bytes.into()).await {
                // The failure of the upload is the one to report.
                let _ = upload.abort().await;
                return Err(failed(error));
            }
            start = end;
        }
        upload.complete().await.map_err(failed)?;
        match self.store.objects().rename_if_not_exists(&aside, part).await {
            Ok(()) => Ok(CommitOutcome::Committed),
            Err(error) => {
                // What is left there is never read.
                let _ = self.store.delete(&aside).await;
                let is_taken = matches!(
                    error,
                    object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }
                );
                if self.is_ours(staged, part, length).await? {
                    return Ok(CommitOutcome::Committed);
                }
                if is_taken {
                    Ok(CommitOutcome::Taken)
                } else {
                    Err(self.store.error("committing", part, error))
                }
            }
        }
    }

    /// Whether the object under a part's name is the staged file: the answer to an earlier commit may have been lost.
    async fn is_ours(&self, staged: &std::path::Path, part: &Path, length: u64) -> Result<bool> {
        let Some(meta) = self.store.head(part).await? else { return Ok(false) };
        if meta.size != length {
            return Ok(false);
        }
        let start = length.saturating_sub(END_BYTES);
        let path = staged.to_owned();
        let ours = fascicle_local::blocking(move || read_staged(&path, start, length)).await?;
        let theirs = self.store.objects().get_range(part, start..length).await;
        Ok(theirs.map_err(|error| self.store.error("reading", part, error))? == ours)
    }
}

impl fmt::Debug for StorePartFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StorePartFolder({} in {:?})", self.prefix, self.store)
    }
}

fn read_staged(path: &std::path::Path, start: u64, end: u64) -> Result<Bytes> {
    use std::os::unix::fs::FileExt;
    let failed = |error| fascicle_local::storage_error("reading", path, error);
    let length = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    File::open(path).and_then(|file| file.read_exact_at(&mut bytes, start)).map_err(failed)?;
    Ok(bytes.into())
}

impl PartFolder for StorePartFolder {
    type Reader = StorePartReader;

    fn list(&self) -> Result<Vec<ListedName>> {
        let listed = self.runtime.block_on(self.store.list_children(&self.prefix))?;
        if listed.objects.is_empty() && listed.common_prefixes.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, format!("there is nothing under '{}'", self.prefix)));
        }
        let objects = listed.objects.iter().map(|object| (&object.location, true));
        let prefixes = listed.common_prefixes.iter().map(|prefix| (prefix, false));
        let names = objects
            .chain(prefixes)
            .filter_map(|(path, is_file)| Some(ListedName { name: path.filename()?.to_owned(), is_file }));
        Ok(names.collect())
    }

    fn contains(&self, name: &str) -> Result<bool> {
        let part = child_key(&self.prefix, name)?;
        Ok(self.runtime.block_on(self.store.head(&part))?.is_some())
    }

    fn size_bytes(&self, name: &str) -> Result<u64> {
        let part = child_key(&self.prefix, name)?;
        match self.runtime.block_on(self.store.head(&part))? {
            Some(meta) => Ok(meta.size),
            None => Err(Error::new(ErrorKind::NotFound, format!("there is no '{part}'"))),
        }
    }

    fn open(&self, name: &str) -> Result<StorePartReader> {
        let part = child_key(&self.prefix, name)?;
        self.runtime.block_on(StorePartReader::open(self.store.clone(), part, self.runtime.clone()))
    }

    fn commit(&self, staged: &std::path::Path, name: &str) -> Result<CommitOutcome> {
        let part = child_key(&self.prefix, name)?;
        let metadata = std::fs::metadata(staged);
        let length =
            metadata.map_err(|error| fascicle_local::storage_error("looking at", staged, error))?.len();
        if length > MOST_AT_ONCE {
            return self.runtime.block_on(self.commit_long(staged, &part, length));
        }
        let bytes = read_staged(staged, 0, length)?;
        match self.runtime.block_on(self.store.put_if(&part, bytes, &Condition::Absent))? {
            PutOutcome::Stored(_) => Ok(CommitOutcome::Committed),
            PutOutcome::Refused => Ok(CommitOutcome::Taken),
        }
    }
}

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
    async fn open(store: Store, part: Path, runtime: Handle) -> Result<StorePartReader> {
        let failed = |error| store.error("opening", &part, error);
        let options = GetOptions { range: Some(GetRange::Bounded(0..BLOCK_BYTES)), ..GetOptions::default() };
        let result = match store.objects().get_opts(&part, options).await {
            Ok(result) => result,
            Err(error) => {
                // Nothing can be read of an object without bytes, and services say so as of a wrong range.
                return match store.head(&part).await? {
                    Some(meta) if meta.size == 0 => Ok(StorePartReader {
                        inner: Arc::new(Reader {
                            store: store.clone(),
                            part: part.clone(),
                            size: 0,
                            e_tag: None,
                            runtime,
                            blocks: Mutex::default(),
                        }),
                    }),
                    Some(_) => Err(failed(error)),
                    None => Err(Error::new(ErrorKind::NotFound, format!("there is no '{part}'"))),
                };
            }
        };
        let (size, e_tag) = (result.meta.size, result.meta.e_tag.clone());
        let pieces: Vec<Bytes> = result.into_stream().try_collect().await.map_err(failed)?;
        let first = Bytes::from(pieces.concat());
        let blocks = Mutex::new(BTreeMap::from([(0, first)]));
        Ok(StorePartReader {
            inner: Arc::new(Reader {
                store: store.clone(),
                part: part.clone(),
                size,
                e_tag,
                runtime,
                blocks,
            }),
        })
    }
}

impl Reader {
    fn fetch(&self, start: u64, end: u64) -> Result<Bytes> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(start..end)),
            if_match: self.e_tag.clone(),
            ..GetOptions::default()
        };
        self.runtime.block_on(async {
            let failed = |error| self.store.error("reading", &self.part, error);
            let result = self.store.objects().get_opts(&self.part, options).await.map_err(failed)?;
            let pieces: Vec<Bytes> = result.into_stream().try_collect().await.map_err(failed)?;
            let bytes = Bytes::from(pieces.concat());
            if bytes.len() as u64 == end - start {
                return Ok(bytes);
            }
            let why = format!("'{}' ends within what was asked for", self.part);
            Err(Error::new(ErrorKind::Corrupt, why))
        })
    }

    /// The block with this number, kept for later.
    fn block(&self, number: u64) -> Result<Bytes> {
        if let Some(block) = self.blocks.lock().unwrap_or_else(PoisonError::into_inner).get(&number) {
            return Ok(block.clone());
        }
        let start = number.saturating_mul(BLOCK_BYTES);
        let block = self.fetch(start, self.size.min(start.saturating_add(BLOCK_BYTES)))?;
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.insert(number, block.clone());
        if blocks.len() > MOST_BLOCKS {
            // A reader goes forward: what lies furthest back is needed least, but the first block is needed for every footer.
            let oldest = blocks.keys().copied().find(|number| *number != 0);
            oldest.map(|oldest| blocks.remove(&oldest));
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
            return self.fetch(start, end);
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
