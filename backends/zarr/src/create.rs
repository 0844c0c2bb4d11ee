//! New arrays: objects in a key space that nobody reads, then one write of `zarr.json` that says so.

use crate::{
    buffer::{View, copy_out},
    chunk_data::Patch,
    chunk_keys::KeySpace,
    chunking,
    claim::{Claim, Claims},
    codec::{Elements, Pipeline},
    compute::compute,
    dtype::ElementType,
    fill::Fill,
    grid::{Part, parts},
    metadata::{MAX_METADATA_BYTES, Metadata, NewMetadata, OwnMember},
    objects::{Expect, Put, Tag},
    read::joined,
    stored_array::{
        ATTRIBUTES_V2_KEY, METADATA_KEY, METADATA_V2_KEY, Patience, StoredArray, no_conditional_writes, nonce,
    },
};
use bytes::Bytes;
use fascicle_backend::{ArrayOptions, ArraySpec, DType, Error, ErrorKind, Region, Result, Values};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};
use tokio::task::JoinSet;

/// An array of at most this many bytes stays in memory until it is finished, so that it is written in one go.
const SMALL_BYTES: u64 = 8 << 20;

/// What may be there when a new array is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Nothing.
    Refuse,
    /// An array, which is replaced.
    Replace,
}

/// An array being written.
pub(crate) struct NewArray {
    array: StoredArray,
    claims: Claims,
    existing: Existing,
    metadata: Arc<Metadata>,
    is_small: bool,
    /// Objects of which some elements are missing yet.
    open: HashMap<Vec<u64>, Open>,
    open_bytes: u64,
    /// Finished objects that wait for a key space.
    waiting: HashMap<Vec<u64>, Bytes>,
    /// Objects that are being encoded or written.
    under_way: HashSet<Vec<u64>>,
    tasks: JoinSet<Result<Finished>>,
    /// Objects that are written.
    stored: HashMap<Vec<u64>, Option<Tag>>,
    claim: Option<(KeySpace, Claim)>,
    /// Whether `zarr.json` may speak of the objects: since it was sent off, and no answer said that it was refused.
    may_be_there: bool,
    /// The array in whose place it is going to be, if there is one.
    replaced: Option<Replaced>,
}

/// An object that is being put together.
struct Open {
    elements: Elements,
    written: u64,
}

/// An object that is encoded, and written when it has a tag.
enum Finished {
    Encoded(Vec<u64>, Bytes),
    Stored(Vec<u64>, Option<Tag>),
}

/// An array that is there already.
struct Replaced {
    space: KeySpace,
    tag: Option<Tag>,
    /// It is of version 2, and described elsewhere.
    is_old: bool,
}

impl NewArray {
    /// Begins an array. Nothing is written yet.
    pub(crate) fn begin(
        array: StoredArray,
        claims: Claims,
        spec: &ArraySpec,
        options: &ArrayOptions,
        existing: Existing,
    ) -> Result<Self> {
        let settings = &array.options;
        let element = ElementType::of(spec.dtype);
        spec.shape.size_bytes(spec.dtype)?;
        let codec = options.codec.unwrap_or(settings.codec);
        let pipeline = Pipeline::new(element, codec, settings.checksum);
        let layout = chunking::choose(&spec.shape, element, options.chunks.as_deref(), pipeline, settings)?;
        let fill = Fill::from_values(options.fill.as_ref(), element)?;
        let keys = KeySpace::Slashes.encoding(spec.shape.rank()).ok_or_else(no_key_space)?;
        let attributes = &options.attributes;
        let name = claims.stored_name.strip_suffix(".zarr").unwrap_or(&claims.stored_name);
        let new = NewMetadata { name, shape: &spec.shape, element, fill, layout, attributes };
        let metadata = Metadata::new(new, keys);
        metadata.memory_bytes(metadata.layout.object_shape(), settings.max_chunk_bytes)?;
        let bytes = spec.shape.element_count().saturating_mul(spec.dtype.memory_bytes() as u64);
        Ok(NewArray {
            array,
            claims,
            existing,
            metadata: Arc::new(metadata),
            // Nobody knows how long texts are.
            is_small: bytes <= SMALL_BYTES && spec.dtype != DType::Text,
            open: HashMap::new(),
            open_bytes: 0,
            waiting: HashMap::new(),
            under_way: HashSet::new(),
            tasks: JoinSet::new(),
            stored: HashMap::new(),
            claim: None,
            may_be_there: false,
            replaced: None,
        })
    }

    /// Writes the elements of a region. Objects that are complete are encoded and written while the caller goes on.
    pub(crate) async fn write(&mut self, region: &Region, values: Values) -> Result<()> {
        if values.dtype() != self.metadata.element.dtype
            || !region.fits(&self.metadata.shape)
            || region.element_count()? != values.len() as u64
        {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the elements do not fit the region they are written to",
            ));
        }
        let values = Arc::new(values);
        let counts: Arc<Vec<u64>> = Arc::new(region.axes().iter().map(|axis| axis.count).collect());
        let object_shape = self.metadata.layout.object_shape().to_vec();
        for part in parts(region, &object_shape) {
            let indices = part.indices();
            while self.under_way.contains(&indices) {
                self.join_one().await?;
            }
            self.reopen(&indices).await?;
            if !self.open.contains_key(&indices) && part.is_whole(&object_shape, &self.metadata.shape) {
                let (metadata, values, counts) =
                    (Arc::clone(&self.metadata), Arc::clone(&values), Arc::clone(&counts));
                let limit = self.array.options.max_chunk_bytes;
                let encode = move || {
                    let patch = Patch { part: &part, source: &values, counts: &counts };
                    metadata.merge(None, &patch, None, limit, None)
                };
                self.submit(indices, encode).await?;
                continue;
            }
            self.write_part(indices, &part, &object_shape, &values, &counts).await?;
        }
        Ok(())
    }

    async fn write_part(
        &mut self,
        indices: Vec<u64>,
        part: &Part,
        object_shape: &[u64],
        values: &Values,
        counts: &[u64],
    ) -> Result<()> {
        let object_bytes = self.object_bytes()?;
        if !self.open.contains_key(&indices) {
            if self.open_bytes.saturating_add(object_bytes) > self.array.options.max_bytes_in_flight / 2 {
                self.close_all().await?;
            }
            let elements = self.metadata.filled_object()?;
            self.open.insert(indices.clone(), Open { elements, written: 0 });
            self.open_bytes += object_bytes;
        }
        let Some(open) = self.open.get_mut(&indices) else { return Ok(()) };
        copy_out(part, object_shape, counts, View::of_values(values), &mut open.elements)?;
        open.written = open.written.saturating_add(part.element_count());
        let inside = indices.iter().zip(object_shape).zip(self.metadata.shape.iter());
        let inside: u64 =
            inside.map(|((index, chunk), length)| (length - index * chunk).min(*chunk)).product();
        // Elements written twice let an object be finished early. It is opened again then.
        if open.written >= inside {
            self.close(indices).await?;
        }
        Ok(())
    }

    fn object_bytes(&self) -> Result<u64> {
        self.metadata.memory_bytes(self.metadata.layout.object_shape(), self.array.options.max_chunk_bytes)
    }

    /// Brings an object that was finished before back into memory.
    async fn reopen(&mut self, indices: &[u64]) -> Result<()> {
        if self.open.contains_key(indices) {
            return Ok(());
        }
        let bytes = if let Some(bytes) = self.waiting.remove(indices) {
            bytes
        } else if self.stored.contains_key(indices) {
            let most = self.metadata.most_object_bytes(self.array.options.max_chunk_bytes);
            let stored = self.array.objects.get(&self.metadata.keys.key(indices), most).await?;
            stored.ok_or_else(taken_away)?.bytes
        } else {
            return Ok(());
        };
        let object_bytes = self.object_bytes()?;
        let (metadata, limit) = (Arc::clone(&self.metadata), self.array.options.max_chunk_bytes);
        let elements = compute(object_bytes, move || metadata.decode_object(bytes, limit)).await?;
        self.open.insert(indices.to_vec(), Open { elements, written: 0 });
        self.open_bytes += object_bytes;
        Ok(())
    }

    async fn close_all(&mut self) -> Result<()> {
        let all: Vec<Vec<u64>> = self.open.keys().cloned().collect();
        for indices in all {
            self.close(indices).await?;
        }
        Ok(())
    }

    async fn close(&mut self, indices: Vec<u64>) -> Result<()> {
        let Some(open) = self.open.remove(&indices) else { return Ok(()) };
        self.open_bytes = self.open_bytes.saturating_sub(self.object_bytes()?);
        let metadata = Arc::clone(&self.metadata);
        self.submit(indices, move || metadata.encode_object(open.elements)).await
    }

    /// Encodes an object, and writes it unless the array is small, while others are.
    async fn submit(
        &mut self,
        indices: Vec<u64>,
        encode: impl FnOnce() -> Result<Bytes> + Send + 'static,
    ) -> Result<()> {
        if !self.is_small {
            self.settle_key_space().await?;
        }
        while self.tasks.len() >= self.array.options.concurrent_requests {
            self.join_one().await?;
        }
        while let Some(finished) = self.tasks.try_join_next() {
            self.note(finished)?;
        }
        let object_bytes = self.object_bytes()?;
        let memory = self.array.objects.limits().memory(object_bytes.saturating_mul(2)).await?;
        self.under_way.insert(indices.clone());
        let key = (!self.is_small).then(|| self.metadata.keys.key(&indices));
        let expect = expectation(self.stored.get(&indices))?;
        let objects = self.array.objects.clone();
        self.tasks.spawn(async move {
            let _memory = memory;
            let bytes = compute(object_bytes, encode).await?;
            match key {
                None => Ok(Finished::Encoded(indices, bytes)),
                Some(key) => match objects.put(&key, bytes, &expect).await? {
                    Put::Done(tag) => Ok(Finished::Stored(indices, tag)),
                    Put::Refused | Put::Unclear => Err(taken_away()),
                },
            }
        });
        Ok(())
    }

    async fn join_one(&mut self) -> Result<bool> {
        match self.tasks.join_next().await {
            None => Ok(false),
            Some(finished) => self.note(finished).map(|()| true),
        }
    }

    fn note(&mut self, finished: Result<Result<Finished>, tokio::task::JoinError>) -> Result<()> {
        match joined(Some(finished))? {
            None => {}
            Some(Finished::Encoded(indices, bytes)) => {
                self.under_way.remove(&indices);
                self.waiting.insert(indices, bytes);
            }
            Some(Finished::Stored(indices, tag)) => {
                self.under_way.remove(&indices);
                self.stored.insert(indices, tag);
            }
        }
        Ok(())
    }

    /// Claims a key space and sees to it that it is empty.
    async fn settle_key_space(&mut self) -> Result<()> {
        if let Some((_, claim)) = &self.claim {
            return claim.check();
        }
        let rank = self.metadata.shape.rank();
        let mut spaces: Vec<KeySpace> =
            KeySpace::ALL.into_iter().filter(|space| space.encoding(rank).is_some()).collect();
        let patience = Patience::new(self.array.options.lock_timeout);
        loop {
            let (space, claim) = self.claims.claim(&spaces, &patience).await?;
            // Only now is it certain that nobody else brings an array into this space.
            let keys = self.array.objects.list().await?;
            let has = |name: &str| keys.iter().any(|(key, _)| key == name);
            self.replaced = match (has(METADATA_KEY), has(METADATA_V2_KEY)) {
                (true, _) => self.find_replaced().await?,
                (false, true) => Some(Replaced { space: KeySpace::Bare, tag: None, is_old: true }),
                (false, false) => None,
            };
            if self.replaced.is_some() && self.existing == Existing::Refuse {
                claim.release().await?;
                return Err(meanwhile());
            }
            if self.replaced.as_ref().is_some_and(|replaced| replaced.space == space) {
                claim.release().await?;
                spaces.retain(|other| *other != space);
                if spaces.is_empty() {
                    return Err(no_key_space());
                }
                continue;
            }
            if keys.iter().any(|(key, _)| space.contains(key)) {
                self.array.objects.delete_all(|key| space.contains(key)).await?;
            }
            let keys = space.encoding(rank).ok_or_else(no_key_space)?;
            Arc::make_mut(&mut self.metadata).set_keys(keys);
            self.claim = Some((space, claim));
            return Ok(());
        }
    }

    async fn find_replaced(&self) -> Result<Option<Replaced>> {
        let Some(stored) = self.array.objects.get(METADATA_KEY, MAX_METADATA_BYTES).await? else {
            return Ok(None);
        };
        // What cannot be read may be replaced, as far as its keys tell where it is.
        let space = match Metadata::parse(&stored.bytes) {
            Ok(metadata) => metadata.keys.key_space(metadata.shape.rank()),
            Err(error) if error.kind() == ErrorKind::WrongKind => return Err(error),
            Err(_) => KeySpace::Slashes,
        };
        Ok(Some(Replaced { space, tag: stored.tag, is_old: false }))
    }

    /// Makes the array appear.
    pub(crate) async fn finish(mut self) -> Result<()> {
        let finished = self.finish_inner().await;
        if finished.is_err() {
            self.abandon().await;
        }
        finished
    }

    async fn finish_inner(&mut self) -> Result<()> {
        self.close_all().await?;
        while self.join_one().await? {}
        self.settle_key_space().await?;
        self.is_small = false;
        let waiting: Vec<_> = self.waiting.drain().collect();
        for (indices, bytes) in waiting {
            self.submit(indices, move || Ok(bytes)).await?;
        }
        while self.join_one().await? {}

        let commit = nonce()?;
        let tail = crate::append::next_tail(&self.metadata.shape, self.metadata.layout.object_shape());
        let tail = tail.and_then(|indices| self.stored.get(&indices).cloned().flatten());
        let metadata = Arc::make_mut(&mut self.metadata);
        let at = self.array.objects.prefix().to_owned();
        metadata.own =
            Some(OwnMember { generation: commit.clone(), at, tail, commits: vec![commit.clone()] });
        let bytes = metadata.to_bytes()?;
        let patience = Patience::new(self.array.options.lock_timeout);
        loop {
            if let Some((_, claim)) = &self.claim {
                claim.check()?;
            }
            let expect = match &self.replaced {
                None | Some(Replaced { is_old: true, .. }) => Expect::Absent,
                Some(Replaced { tag, .. }) => Expect::State(tag.clone().ok_or_else(no_conditional_writes)?),
            };
            self.may_be_there = true;
            let put = self.array.objects.put(METADATA_KEY, bytes.clone(), &expect).await?;
            // Others may have changed it since it appeared.
            self.may_be_there = matches!(put, Put::Done(_)) || self.array.is_of_generation(&commit).await?;
            if self.may_be_there {
                break;
            }
            if self.existing == Existing::Refuse {
                return Err(meanwhile());
            }
            patience.wait().await?;
            let was_old = self.replaced.as_ref().is_some_and(|replaced| replaced.is_old);
            self.replaced = match self.find_replaced().await? {
                None if was_old => Some(Replaced { space: KeySpace::Bare, tag: None, is_old: true }),
                found => found,
            };
            let own_space = self.claim.as_ref().map(|(space, _)| *space);
            if self.replaced.as_ref().map(|replaced| replaced.space) == own_space {
                return Err(taken_away());
            }
        }
        // Whoever removes the directory meanwhile removes the claim before the objects, so that this tells.
        if let Some((_, claim)) = &self.claim
            && !claim.is_there().await?
        {
            self.array.objects.delete(METADATA_KEY).await?;
            self.may_be_there = false;
            return Err(Error::new(
                ErrorKind::NotFound,
                "the directory was removed while the array was written",
            ));
        }
        // The array is there. What follows only tidies up, and is made up for by whoever writes the array anew.
        if let Some((_, claim)) = self.claim.take() {
            let _ = claim.release().await;
        }
        let _ = self.remove_replaced().await;
        Ok(())
    }

    async fn remove_replaced(&mut self) -> Result<()> {
        let Some(replaced) = self.replaced.take() else { return Ok(()) };
        let Some(claim) = self.claims.try_claim(replaced.space).await? else { return Ok(()) };
        // Somebody may have put another array into this space before it was claimed.
        let is_in_use = self
            .find_replaced()
            .await?
            .is_some_and(|current| !current.is_old && current.space == replaced.space);
        if !is_in_use {
            let is_old = |key: &str| replaced.is_old && (key == METADATA_V2_KEY || key == ATTRIBUTES_V2_KEY);
            self.array.objects.delete_all(|key| replaced.space.contains(key) || is_old(key)).await?;
        }
        claim.release().await
    }

    /// Removes what was written of an array that will not appear. One that may have appeared keeps its objects, and its claim until that
    /// ends by itself: whoever claims the space next looks whether they are in use.
    async fn abandon(&mut self) {
        self.tasks.shutdown().await;
        if self.may_be_there {
            self.claim = None;
            return;
        }
        if let Some((space, claim)) = self.claim.take()
            && claim.check().is_ok()
        {
            // What stays behind is removed by whoever claims the space next.
            let removed = self.array.objects.delete_all(|key| space.contains(key)).await;
            if removed.is_ok() {
                let _ = claim.release().await;
            }
        }
    }
}

impl Drop for NewArray {
    fn drop(&mut self) {
        let Some(claim) = self.claim.take() else { return };
        if self.may_be_there {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let objects = self.array.objects.clone();
        let mut tasks = std::mem::take(&mut self.tasks);
        runtime.spawn(async move {
            tasks.shutdown().await;
            let (space, claim) = claim;
            if claim.check().is_ok() && objects.delete_all(|key| space.contains(key)).await.is_ok() {
                let _ = claim.release().await;
            }
        });
    }
}

fn expectation(stored: Option<&Option<Tag>>) -> Result<Expect> {
    match stored {
        None => Ok(Expect::Absent),
        Some(Some(tag)) => Ok(Expect::State(tag.clone())),
        Some(None) => Err(no_conditional_writes()),
    }
}

fn meanwhile() -> Error {
    Error::new(ErrorKind::AlreadyExists, "there is such an array already")
}

fn no_key_space() -> Error {
    Error::new(ErrorKind::Busy, "other writers hold every place beside the array")
        .hint("try again when they are done")
}

fn taken_away() -> Error {
    Error::new(ErrorKind::LeaseLost, "another writer has written where this array was being written")
        .hint("this happens to a program that was suspended for long; write the array again")
}
