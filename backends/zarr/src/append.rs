//! Growing an array along its first axis, without a lock.
//!
//! `zarr.json` says in which state the *tail* is: the object that the next row goes into first. A writer
//!
//! 1. reads `zarr.json` and the tail, which must be in that state;
//! 2. writes its rows into the tail, on condition that it is unchanged: this is its claim;
//! 3. writes the other objects of its rows, each on condition of what it read there;
//! 4. writes `zarr.json` with the new shape and the new state of the tail, on condition that it is unchanged: the commit.
//!
//! Whoever finds the tail in another state sees that somebody wrote rows and has not committed them, and leaves them alone
//! as long as something changes. Then it *fences*: it writes `zarr.json` with the state it found, after which the other's
//! commit fails, wherever it may be. From then on the rows of the other count for nothing: rows beyond the shape are fill.
//!
//! Every write depends on a state read after the last fence that its writer knows of, so a writer that comes back from the
//! dead finds all its writes refused. This needs states that never come back; [`crate::codec::Compressor::encode`]
//! sees to it where a store names states by content.
//!
//! Cost of an append that fits into one object: two reads and two writes, just the writes if the handle made the last append.

use crate::{
    chunk_data::Patch,
    compute::compute,
    grid::{Part, parts},
    metadata::Metadata,
    objects::{Expect, Put, Stored, Tag},
    read::joined,
    stored_array::{Loaded, Patience, StoredArray, no_conditional_writes, nonce},
};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, Region, Result, Shape, Values};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// A tail of more bytes is not kept in memory between appends.
const MAX_REMEMBERED_BYTES: usize = 8 << 20;

/// How often a tail is encoded anew to differ from what is stored.
const SALTS: u32 = 4;

/// What a handle remembers of the end of an array after its own append.
#[derive(Default)]
pub(crate) struct TailCache {
    end: Option<End>,
    /// The state in which the handle's own latest claim left the tail. Nobody waits for oneself.
    claim: Option<Tag>,
}

/// The end of an array: its description and its tail, as they were at one moment.
#[derive(Clone)]
struct End {
    metadata: Arc<Metadata>,
    tag: Tag,
    tail: Option<Stored>,
}

/// What an attempt to append came to.
enum Attempt {
    Committed(u64, Option<End>),
    /// Another writer was faster somewhere.
    Lost,
}

/// The tail as it is watched while it may belong to another writer.
struct Watched {
    seen: (Option<Tag>, Tag),
    since: Instant,
}

impl StoredArray {
    /// Adds rows and returns how many the array then has.
    pub(crate) async fn append(&self, rows: u64, values: Values) -> Result<u64> {
        let values = Arc::new(values);
        // The handle's own appends queue up here, and do not disturb each other.
        let mut cache =
            tokio::time::timeout(self.options.lock_timeout, self.tail.lock()).await.map_err(|_| {
                Error::new(ErrorKind::Busy, "other tasks of this process kept appending to the array")
                    .hint("try again, or raise 'lock_timeout'")
            })?;
        let patience = Patience::new(self.options.lock_timeout);
        let mut watched: Option<Watched> = None;
        let mut has_lost = false;
        loop {
            let end = match cache.end.take() {
                Some(end) => end,
                None => {
                    let (Loaded { metadata, .. }, tag) = self.load_writable().await?;
                    check_rows(&metadata, rows, &values)?;
                    let tail = self.read_tail(&metadata, has_lost).await?;
                    End { metadata, tag, tail }
                }
            };
            let length = check_rows(&end.metadata, rows, &values)?;
            if rows == 0 {
                let now = length;
                cache.end = Some(end);
                return Ok(now);
            }
            let found = match &end.tail {
                None => None,
                Some(stored) => Some(stored.tag.clone().ok_or_else(no_conditional_writes)?),
            };
            let own = end.metadata.own.as_ref();
            if own.is_some_and(|own| own.tail == found) {
                match self.attempt(&end, rows, &values, &mut cache.claim).await? {
                    Attempt::Committed(length, end) => {
                        cache.end = end;
                        return Ok(length);
                    }
                    Attempt::Lost => {
                        has_lost = true;
                        watched = None;
                        patience.wait().await?;
                        continue;
                    }
                }
            }
            // Rows of nobody: of this very call, or of an array in which no writer has left a mark.
            let is_free = own.is_none() || cache.claim.is_some() && cache.claim == found;
            let seen = (found.clone(), end.tag.clone());
            let is_abandoned = watched.as_ref().is_some_and(|watched| {
                watched.seen == seen && watched.since.elapsed() >= self.writer_patience()
            });
            if is_free || is_abandoned {
                if let Put::Refused | Put::Unclear = self.fence(&end, found).await? {
                    patience.wait().await?;
                }
                watched = None;
                continue;
            }
            if watched.as_ref().is_none_or(|watched| watched.seen != seen) {
                watched = Some(Watched { seen, since: Instant::now() });
            }
            patience.wait().await?;
        }
    }

    fn writer_patience(&self) -> Duration {
        self.options.writer_patience.min(self.options.lock_timeout / 2)
    }

    /// Writes into `zarr.json` that the tail is in the state that was found. Another writer's commit fails from then on. Losing
    /// against that very commit is as good: either way the next look shows where things are.
    async fn fence(&self, end: &End, found: Option<Tag>) -> Result<Put> {
        let next =
            end.metadata.committed(end.metadata.shape.clone(), found, self.objects.prefix(), &nonce()?);
        self.replace_metadata(&next, &end.tag).await
    }

    /// Reads the object that the next row goes into. Where it should not exist yet, that is left to the write to find out,
    /// unless a write has.
    async fn read_tail(&self, metadata: &Metadata, has_lost: bool) -> Result<Option<Stored>> {
        let Some((key, first_row)) = tail_of(metadata) else { return Ok(None) };
        let is_absent = first_row == metadata.shape.rows().unwrap_or(0)
            && metadata.own.as_ref().is_some_and(|own| own.tail.is_none());
        if is_absent && !has_lost {
            return Ok(None);
        }
        self.objects.get(&key, metadata.most_object_bytes(self.options.max_chunk_bytes)).await
    }

    async fn attempt(
        &self,
        end: &End,
        rows: u64,
        values: &Arc<Values>,
        own_claim: &mut Option<Tag>,
    ) -> Result<Attempt> {
        let metadata = &end.metadata;
        let limit = self.options.max_chunk_bytes;
        metadata.memory_bytes(metadata.layout.object_shape(), limit)?;
        let length = metadata.shape.rows().unwrap_or(0);
        let shape = metadata.shape.with_rows(length.checked_add(rows).ok_or_else(too_many_rows)?)?;
        let region = Region::rows(&shape, length, rows);
        let counts: Arc<Vec<u64>> = Arc::new(region.axes().iter().map(|axis| axis.count).collect());
        let object_rows = metadata.layout.object_shape().first().copied().unwrap_or(1);
        let tail_block = length / object_rows;
        let blank_from = length % object_rows;

        // The claim.
        let mut parts = parts(&region, metadata.layout.object_shape());
        let Some(first) = parts.next() else {
            // Rows without elements: only their number is kept.
            return self.commit(end, shape, None).await;
        };
        let claim = self.put_tail(end, &first, blank_from, values, &counts).await?;
        let Some((claim_tag, claim_bytes)) = claim else { return Ok(Attempt::Lost) };
        *own_claim = Some(claim_tag.clone());
        let claim_key = first.indices();

        // All other objects, in any order.
        let next_tail = next_tail(&shape, metadata.layout.object_shape());
        let mut next_tail_object =
            (next_tail.as_deref() == Some(claim_key.as_slice())).then(|| (claim_tag, Some(claim_bytes)));
        let mut tasks = JoinSet::new();
        for part in parts {
            while tasks.len() >= self.options.concurrent_requests {
                match joined(tasks.join_next().await)? {
                    Some((indices, Some(tag))) if Some(&indices) == next_tail.as_ref() => {
                        next_tail_object = Some((tag, None));
                    }
                    Some((_, None)) => return Ok(Attempt::Lost),
                    _ => {}
                }
            }
            let blank = (part.indices().first() == Some(&tail_block)).then_some(blank_from);
            let (array, end) = (self.clone(), end.clone());
            let (values, counts) = (Arc::clone(values), Arc::clone(&counts));
            tasks.spawn(async move {
                let tag = array.put_rows(&end, &part, blank, &values, &counts).await?;
                Ok((part.indices(), tag))
            });
        }
        while let Some((indices, tag)) = joined(tasks.join_next().await)? {
            match tag {
                None => return Ok(Attempt::Lost),
                Some(tag) if Some(&indices) == next_tail.as_ref() => next_tail_object = Some((tag, None)),
                Some(_) => {}
            }
        }

        match (next_tail, next_tail_object) {
            (None, _) => self.commit(end, shape, None).await,
            (Some(_), Some((tag, bytes))) => {
                let tail = bytes.map(|bytes| Stored { bytes, tag: Some(tag.clone()) });
                match self.commit(end, shape, Some(tag)).await? {
                    Attempt::Committed(length, Some(end)) => {
                        let small = |tail: &Stored| tail.bytes.len() <= MAX_REMEMBERED_BYTES;
                        let end = tail.filter(small).map(|tail| End { tail: Some(tail), ..end });
                        Ok(Attempt::Committed(length, end))
                    }
                    other => Ok(other),
                }
            }
            (Some(_), None) => {
                Err(Error::new(ErrorKind::Internal, "an append did not write the end of the array"))
            }
        }
    }

    /// Writes the first rows into the tail; none when it was not in the state that was read.
    async fn put_tail(
        &self,
        end: &End,
        part: &Part,
        blank_from: u64,
        values: &Arc<Values>,
        counts: &Arc<Vec<u64>>,
    ) -> Result<Option<(Tag, Bytes)>> {
        let key = end.metadata.keys.key(&part.indices());
        let existing = end.tail.as_ref().map(|stored| stored.bytes.clone());
        let expect = match &end.tail {
            None => Expect::Absent,
            Some(stored) => Expect::State(stored.tag.clone().ok_or_else(no_conditional_writes)?),
        };
        let mut bytes = Bytes::new();
        for _ in 0..SALTS {
            bytes =
                self.merged(&end.metadata, existing.clone(), part, Some(blank_from), values, counts).await?;
            if Some(&bytes) != existing.as_ref() {
                break;
            }
        }
        match self.objects.put(&key, bytes.clone(), &expect).await? {
            Put::Refused | Put::Unclear => Ok(None),
            Put::Done(tag) => Ok(Some((tag.ok_or_else(no_conditional_writes)?, bytes))),
        }
    }

    /// Writes rows into an object that is not the tail; none when another writer has taken over.
    async fn put_rows(
        &self,
        end: &End,
        part: &Part,
        blank_from: Option<u64>,
        values: &Arc<Values>,
        counts: &Arc<Vec<u64>>,
    ) -> Result<Option<Tag>> {
        let metadata = &end.metadata;
        let key = metadata.keys.key(&part.indices());
        let object_bytes =
            metadata.memory_bytes(metadata.layout.object_shape(), self.options.max_chunk_bytes)?;
        let _memory = self.objects.limits().memory(object_bytes.saturating_mul(3)).await?;
        // Committed rows are in it only if it is partly filled.
        let keeps = blank_from.is_some_and(|row| row > 0);
        let mut bytes = None;
        let mut expect = Expect::Absent;
        loop {
            if keeps {
                let most = metadata.most_object_bytes(self.options.max_chunk_bytes);
                let stored = self.objects.get(&key, most).await?;
                expect = match &stored {
                    None => Expect::Absent,
                    Some(stored) => Expect::State(stored.tag.clone().ok_or_else(no_conditional_writes)?),
                };
                if !self.is_unchanged(end).await? {
                    return Ok(None);
                }
                let existing = stored.map(|stored| stored.bytes);
                bytes = Some(self.merged(metadata, existing, part, blank_from, values, counts).await?);
            } else if bytes.is_none() {
                bytes = Some(self.merged(metadata, None, part, None, values, counts).await?);
            }
            let body = bytes.clone().unwrap_or_default();
            match self.objects.put(&key, body, &expect).await? {
                Put::Done(tag) => return Ok(Some(tag.ok_or_else(no_conditional_writes)?)),
                Put::Refused | Put::Unclear if keeps => {}
                Put::Refused | Put::Unclear => {
                    // What a dead writer left may be replaced, what a faster one wrote may not.
                    expect = match self.objects.head(&key).await? {
                        None => Expect::Absent,
                        Some((tag, _)) => Expect::State(tag.ok_or_else(no_conditional_writes)?),
                    };
                    if !self.is_unchanged(end).await? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Whether `zarr.json` is still in the state in which it was read, so that nobody has fenced.
    async fn is_unchanged(&self, end: &End) -> Result<bool> {
        let loaded = self.load().await?;
        Ok(loaded.tag.as_ref() == Some(&end.tag))
    }

    /// The bytes of an object with rows on top.
    async fn merged(
        &self,
        metadata: &Arc<Metadata>,
        existing: Option<Bytes>,
        part: &Part,
        blank_from: Option<u64>,
        values: &Arc<Values>,
        counts: &Arc<Vec<u64>>,
    ) -> Result<Bytes> {
        let limit = self.options.max_chunk_bytes;
        let bytes = metadata.memory_bytes(metadata.layout.object_shape(), limit)?;
        let (metadata, values, counts) = (Arc::clone(metadata), Arc::clone(values), Arc::clone(counts));
        let part = part.clone();
        let mut random = [0u8; 4];
        getrandom::fill(&mut random).map_err(|error| {
            Error::new(ErrorKind::Storage, "the system gives no random numbers").caused_by(error)
        })?;
        let salt = Some(u32::from_ne_bytes(random));
        compute(bytes, move || {
            let patch = Patch { part: &part, source: &values, counts: &counts };
            metadata.merge(existing, &patch, blank_from, limit, salt)
        })
        .await
    }

    async fn commit(&self, end: &End, shape: Shape, tail: Option<Tag>) -> Result<Attempt> {
        let commit = nonce()?;
        let length = shape.rows().unwrap_or(0);
        let next = end.metadata.committed(shape, tail, self.objects.prefix(), &commit);
        match self.replace_metadata(&next, &end.tag).await {
            Ok(Put::Done(tag)) => {
                let end = tag.map(|tag| End { metadata: Arc::new(next), tag, tail: None });
                Ok(Attempt::Committed(length, end))
            }
            Ok(put @ (Put::Refused | Put::Unclear)) => match self.load().await {
                Ok(Loaded { metadata, .. }) => {
                    let (before, now) = (end.metadata.own.as_ref(), metadata.own.as_ref());
                    let remembers = now.zip(before).is_some_and(|(now, before)| now.remembers_since(before));
                    if now.is_some_and(|now| now.has_commit(&commit)) {
                        // One's own commit, with others on top.
                        Ok(Attempt::Committed(length, None))
                    } else if matches!(put, Put::Refused) || remembers {
                        Ok(Attempt::Lost)
                    } else {
                        Err(forgotten())
                    }
                }
                Err(error) if error.kind() == ErrorKind::NotFound => Err(error),
                Err(error) => Err(unknown(error)),
            },
            Err(error) => Err(unknown(error)),
        }
    }
}

/// The key of the object that the next row goes into, and its first row; none for a scalar.
fn tail_of(metadata: &Metadata) -> Option<(String, u64)> {
    let length = metadata.shape.rows()?;
    let object_rows = *metadata.layout.object_shape().first()?;
    let mut indices = vec![0; metadata.shape.rank()];
    *indices.first_mut()? = length / object_rows;
    Some((metadata.keys.key(&indices), length / object_rows * object_rows))
}

/// The position of the object that rows after those of `shape` go into first, if it holds rows already.
pub(crate) fn next_tail(shape: &Shape, object_shape: &[u64]) -> Option<Vec<u64>> {
    let (length, object_rows) = (shape.rows()?, *object_shape.first()?);
    if length % object_rows == 0 || shape.contains(&0) {
        return None;
    }
    let mut indices = vec![0; shape.rank()];
    *indices.first_mut()? = length / object_rows;
    Some(indices)
}

/// Refuses rows that do not fit; else how many rows the array has.
fn check_rows(metadata: &Metadata, rows: u64, values: &Values) -> Result<u64> {
    let mismatch = |why: String| Err(Error::new(ErrorKind::Mismatch, why));
    let (shape, dtype) = (&metadata.shape, metadata.element.dtype);
    let Some(length) = shape.rows() else {
        return mismatch("the array is a scalar and has no first axis to grow along".to_owned());
    };
    if values.dtype() != dtype {
        return mismatch(format!("rows of {} do not fit an array of {dtype}", values.dtype()));
    }
    let trailing = Shape::new(shape.trailing())?;
    let expected = u128::from(rows) * u128::from(trailing.element_count());
    if expected != values.len() as u128 {
        return mismatch(format!(
            "{rows} rows of {} elements do not fit an array of shape {shape}, whose rows have shape {trailing} and take \
             {expected} elements",
            values.len()
        ));
    }
    let grown = length.checked_add(rows).ok_or_else(too_many_rows)?;
    shape.with_rows(grown)?;
    Ok(length)
}

fn too_many_rows() -> Error {
    Error::new(ErrorKind::LimitExceeded, "the array would have more rows than can be counted")
}

fn unknown(error: Error) -> Error {
    if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported) {
        return error;
    }
    outcome_unknown(
        error.kind(),
        "the rows were written, but the store did not say whether they became part of the array",
    )
    .caused_by(error)
}

/// Of an append whose answer was lost, when the array does not remember any more whether it happened.
fn forgotten() -> Error {
    outcome_unknown(
        ErrorKind::Unavailable,
        "the store did not say whether the rows became part of the array, and others changed it too often since to tell",
    )
}

fn outcome_unknown(kind: ErrorKind, why: &str) -> Error {
    Error::new(kind, why).hint("look at the array's length before appending them again").retryable(false)
}
