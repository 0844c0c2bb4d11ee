//! Reading: the chunks that a region touches, fetched and decoded side by side, straight into the caller's buffer.

use crate::{
    buffer::{SharedBuffer, Source},
    chunk_data::linear,
    codec::{IndexLocation, ShardIndex, Sharding},
    compute::compute,
    config::MissingChunks,
    grid::{AxisPart, Part, Parts, parts},
    metadata::{MAX_METADATA_BYTES, Metadata, corrupt},
    objects::{Stored, Tag},
    stored_array::{Loaded, METADATA_KEY, StoredArray, check_current},
};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, Region, Result, Values};
use std::{ops::Range, sync::Arc};
use tokio::task::JoinSet;

/// How often a region is read again because the array was replaced meanwhile.
const ATTEMPTS: u32 = 8;

/// How often a shard is read again because it was replaced meanwhile.
const SHARD_ATTEMPTS: u32 = 16;

/// Chunks of a shard that lie at most this far apart are fetched together.
const MAX_GAP_BYTES: u64 = 16 << 10;

/// Not more than this many bytes of a shard are fetched together.
const MAX_FETCH_BYTES: u64 = 8 << 20;

/// What the tasks of one call share.
struct Reading {
    array: StoredArray,
    metadata: Arc<Metadata>,
    buffer: Arc<SharedBuffer>,
    counts: Vec<u64>,
    /// The memory of a decoded chunk.
    chunk_bytes: u64,
    limit: u64,
}

/// What reading an object met.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Stored,
    Missing,
}

impl StoredArray {
    /// Reads the elements of a region into a buffer of the array's dtype.
    ///
    /// Cost: one request for the description and one for each chunk; of shards that are read in parts one for the index and
    /// one for each stretch of chunks. One more if there are several chunks, to know that they belong together.
    pub(crate) async fn read(&self, region: &Region, buffer: Values) -> Result<Values> {
        let mut loaded = self.load().await?;
        let mut buffer = buffer;
        for _ in 0..ATTEMPTS {
            check_current(&loaded.metadata, region, &buffer)?;
            let (values, outcome) = self.read_once(&loaded.metadata, region, buffer).await;
            let doubtful = !matches!(outcome, Ok(Outcome::OneState));
            let now = if doubtful { self.load_unless(&loaded).await? } else { None };
            match now {
                Some(now) if !now.metadata.is_same_array(&loaded.metadata) => {
                    loaded = now;
                    buffer = match values {
                        Some(values) => values,
                        None => return Err(replaced()),
                    };
                }
                _ => {
                    let missing = outcome? == Outcome::SomeMissing;
                    if missing && self.options.missing_chunks == MissingChunks::Error {
                        return Err(missing_chunk());
                    }
                    return values.ok_or_else(replaced);
                }
            }
        }
        Err(replaced())
    }

    /// The description, if it is not in the state any more in which it was read.
    async fn load_unless(&self, known: &Loaded) -> Result<Option<Loaded>> {
        if known.tag.is_none() {
            return Ok(None);
        }
        match self.objects.get_unless(METADATA_KEY, known.tag.as_ref(), MAX_METADATA_BYTES).await? {
            (_, true) => Ok(None),
            (Some(stored), false) if stored.tag == known.tag => Ok(None),
            (Some(stored), false) => self.parse(stored).map(Some),
            (None, false) => Err(Error::new(ErrorKind::NotFound, "the array was removed meanwhile")),
        }
    }

    /// Reads a region of the array that `metadata` describes. The buffer comes back unless a task still has it.
    async fn read_once(
        &self,
        metadata: &Arc<Metadata>,
        region: &Region,
        buffer: Values,
    ) -> (Option<Values>, Result<Outcome>) {
        let buffer = Arc::new(SharedBuffer::new(buffer));
        let outcome = self.fill(metadata, region, &buffer).await;
        (Arc::into_inner(buffer).map(SharedBuffer::into_values), outcome)
    }

    async fn fill(
        &self,
        metadata: &Arc<Metadata>,
        region: &Region,
        buffer: &Arc<SharedBuffer>,
    ) -> Result<Outcome> {
        let limit = self.options.max_chunk_bytes;
        let chunk_bytes = metadata.memory_bytes(metadata.layout.chunk_shape(), limit)?;
        let reading = Arc::new(Reading {
            array: self.clone(),
            metadata: Arc::clone(metadata),
            buffer: Arc::clone(buffer),
            counts: region.axes().iter().map(|axis| axis.count).collect(),
            chunk_bytes,
            limit,
        });
        let parts = parts(region, metadata.layout.object_shape());
        let several = parts.total() > 1;
        let mut missing = false;
        let mut tasks = JoinSet::new();
        // Parts wait in line here, not each in a task of its own.
        let most_tasks = self.options.concurrent_requests.saturating_mul(2);
        for part in parts {
            while tasks.len() >= most_tasks {
                missing |= joined(tasks.join_next().await)? == Some(Found::Missing);
            }
            let reading = Arc::clone(&reading);
            tasks.spawn(async move { reading.object(part).await });
        }
        drop(reading);
        while let Some(found) = joined(tasks.join_next().await)? {
            missing |= found == Found::Missing;
        }
        Ok(match (missing, several) {
            (true, _) => Outcome::SomeMissing,
            (false, true) => Outcome::Several,
            (false, false) => Outcome::OneState,
        })
    }
}

/// What reading a region met.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// All from one object, and so from one state.
    OneState,
    /// From several objects, which belong together if the array is still the same.
    Several,
    SomeMissing,
}

/// The result of a task, `None` after the last one.
pub(crate) fn joined<T>(task: Option<Result<Result<T>, tokio::task::JoinError>>) -> Result<Option<T>> {
    match task {
        None => Ok(None),
        Some(Ok(result)) => result.map(Some),
        Some(Err(error)) => {
            Err(Error::new(ErrorKind::Internal, "a task ended before it was done").caused_by(error))
        }
    }
}

fn missing_chunk() -> Error {
    corrupt("a chunk of the array is not stored")
        .hint("it may never have been written; the option 'missing_chunks' decides")
}

fn replaced() -> Error {
    Error::new(ErrorKind::Conflict, "the array was replaced again and again while it was read")
        .hint("describe the array again and repeat the call")
}

impl Reading {
    /// Reads the elements of a part of one object.
    async fn object(self: Arc<Self>, part: Part) -> Result<Found> {
        let key = self.metadata.keys.key(&part.indices());
        match self.metadata.layout.sharding() {
            None => self.chunk(&key, part).await,
            Some(_) => self.shard(&key, part).await,
        }
    }

    async fn chunk(self: Arc<Self>, key: &str, part: Part) -> Result<Found> {
        let _memory = self.array.objects.limits().memory(self.chunk_bytes.saturating_mul(2)).await?;
        let most = self.metadata.most_object_bytes(self.limit);
        match self.array.objects.get(key, most).await? {
            None => {
                self.blank(&part)?;
                Ok(Found::Missing)
            }
            Some(Stored { bytes, .. }) => {
                let reading = Arc::clone(&self);
                compute(self.chunk_bytes, move || reading.decode(bytes, &part)).await?;
                Ok(Found::Stored)
            }
        }
    }

    /// Gives the elements of a part the fill value.
    fn blank(&self, part: &Part) -> Result<()> {
        let shape = self.metadata.layout.object_shape();
        // SAFETY: the parts of a region have no element in common, nor have the pieces of a part.
        unsafe { self.buffer.copy_in(part, shape, &self.counts, Source::Fill(&self.metadata.fill)) }
    }

    /// Decodes a chunk and copies the elements of a part.
    fn decode(&self, encoded: Bytes, part: &Part) -> Result<()> {
        let elements = self.metadata.decode_chunk(encoded, self.limit)?;
        let shape = self.metadata.layout.chunk_shape();
        // SAFETY: the parts of a region have no element in common, nor have the pieces of a part.
        unsafe { self.buffer.copy_in(part, shape, &self.counts, Source::Chunk(&elements)) }
    }

    async fn shard(self: Arc<Self>, key: &str, part: Part) -> Result<Found> {
        for _ in 0..SHARD_ATTEMPTS {
            match self.shard_once(key, &part).await? {
                Some(found) => return Ok(found),
                None => tokio::task::yield_now().await,
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("the shard '{key}' was replaced again and again while it was read"),
        ))
    }

    /// Reads a part of a shard; `None` when the shard was replaced meanwhile.
    async fn shard_once(self: &Arc<Self>, key: &str, part: &Part) -> Result<Option<Found>> {
        let Some(sharding) = self.metadata.layout.sharding() else { return Ok(Some(Found::Stored)) };
        let objects = &self.array.objects;
        let count = sharding.chunk_count();
        let index_bytes = sharding.index.size_bytes(count);
        let pieces = part.cut(&sharding.chunk_shape);
        let all_bytes = self.chunk_bytes.saturating_mul(count);
        if pieces.total() == count && all_bytes <= MAX_FETCH_BYTES {
            return self.whole_shard(key, part, pieces, sharding).await.map(Some);
        }
        let at_start = sharding.index.location == IndexLocation::Start;
        let piece_bytes = size_of::<(Range<u64>, Part)>() + size_of::<AxisPart>() * part.axes.len();
        let plan_bytes = pieces.total().saturating_mul(piece_bytes as u64);
        let _plan = objects.limits().plan(index_bytes.saturating_mul(3).saturating_add(plan_bytes)).await?;
        let (index, tag, size) = match objects.get_end(key, index_bytes, at_start).await? {
            None => {
                self.blank(part)?;
                return Ok(Some(Found::Missing));
            }
            Some((stored, size)) => {
                (ShardIndex::decode(stored.bytes, sharding.index, count, Some(size))?, stored.tag, size)
            }
        };
        let fetches = self.plan(pieces, &index, sharding, size)?;
        let mut tasks = JoinSet::new();
        for fetch in fetches {
            let (reading, key, tag) = (Arc::clone(self), key.to_owned(), tag.clone());
            tasks.spawn(async move { reading.fetch(&key, fetch, tag.as_ref()).await });
        }
        let mut is_current = true;
        while let Some(current) = joined(tasks.join_next().await)? {
            is_current &= current;
        }
        Ok(is_current.then_some(Found::Stored))
    }

    async fn whole_shard(
        self: &Arc<Self>,
        key: &str,
        part: &Part,
        pieces: Parts,
        sharding: &Sharding,
    ) -> Result<Found> {
        let count = sharding.chunk_count();
        let _memory = self.array.objects.limits().memory(self.chunk_bytes.saturating_mul(count + 1)).await?;
        let most = self.metadata.most_object_bytes(self.limit);
        let Some(stored) = self.array.objects.get(key, most).await? else {
            self.blank(part)?;
            return Ok(Found::Missing);
        };
        let shard = stored.bytes;
        let index = ShardIndex::slice_of(&shard, sharding.index, count)?;
        let index = ShardIndex::decode(index, sharding.index, count, Some(shard.len() as u64))?;
        let counts = sharding.chunks_per_axis.clone();
        let (reading, bytes) = (Arc::clone(self), self.chunk_bytes.saturating_mul(count));
        compute(bytes, move || {
            for piece in pieces {
                match index.entry(linear(&piece.indices(), &counts)) {
                    Some(range) => {
                        reading.decode(shard.slice(range.start as usize..range.end as usize), &piece)?
                    }
                    None => reading.blank_piece(&piece)?,
                }
            }
            Ok(())
        })
        .await?;
        Ok(Found::Stored)
    }

    /// Which stretches of a shard are to be fetched, each with the chunks in it. Chunks that are not stored are filled at once.
    fn plan(&self, pieces: Parts, index: &ShardIndex, sharding: &Sharding, size: u64) -> Result<Vec<Fetch>> {
        let most = self.metadata.most_object_bytes(self.limit).min(size);
        let mut wanted = Vec::new();
        for piece in pieces {
            match index.entry(linear(&piece.indices(), &sharding.chunks_per_axis)) {
                None => self.blank_piece(&piece)?,
                Some(range) if range.end - range.start > most => {
                    return Err(corrupt("a shard's index gives a chunk more bytes than it can have"));
                }
                Some(range) => wanted.push((range, piece)),
            }
        }
        wanted.sort_by_key(|(range, _)| range.start);
        let mut fetches: Vec<Fetch> = Vec::new();
        for (range, piece) in wanted {
            match fetches.last_mut() {
                Some(last)
                    if range.start <= last.range.end.saturating_add(MAX_GAP_BYTES)
                        && range.end.max(last.range.end) - last.range.start <= MAX_FETCH_BYTES =>
                {
                    last.range.end = last.range.end.max(range.end);
                    last.chunks.push((range, piece));
                }
                _ => fetches.push(Fetch { range: range.clone(), chunks: vec![(range, piece)] }),
            }
        }
        Ok(fetches)
    }

    /// Gives the elements of a chunk that its shard does not hold the fill value, if that is what it means.
    fn blank_piece(&self, piece: &Part) -> Result<()> {
        if self.array.options.missing_chunks == MissingChunks::Error {
            return Err(missing_chunk());
        }
        let shape = self.metadata.layout.chunk_shape();
        // SAFETY: the parts of a region have no element in common, nor have the pieces of a part.
        unsafe { self.buffer.copy_in(piece, shape, &self.counts, Source::Fill(&self.metadata.fill)) }
    }

    /// Fetches a stretch of a shard and decodes what is wanted of it; false when the shard was replaced meanwhile.
    async fn fetch(self: Arc<Self>, key: &str, fetch: Fetch, tag: Option<&Tag>) -> Result<bool> {
        let stretch = fetch.range.end - fetch.range.start;
        let _memory = self.array.objects.limits().memory(stretch.saturating_add(self.chunk_bytes)).await?;
        if stretch == 0 {
            return Err(corrupt("a shard's index gives a chunk no bytes"));
        }
        let Some(bytes) = self.array.objects.get_part(key, fetch.range.clone(), tag).await? else {
            return Ok(false);
        };
        let work = self.chunk_bytes.saturating_mul(fetch.chunks.len() as u64);
        let reading = Arc::clone(&self);
        compute(work, move || {
            for (range, piece) in fetch.chunks {
                let start = (range.start - fetch.range.start) as usize;
                let end = (range.end - fetch.range.start) as usize;
                reading.decode(bytes.slice(start..end), &piece)?;
            }
            Ok(())
        })
        .await?;
        Ok(true)
    }
}

/// A stretch of a shard, and the chunks in it that are wanted.
struct Fetch {
    range: Range<u64>,
    chunks: Vec<(Range<u64>, Part)>,
}
