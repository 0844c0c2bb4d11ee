//! Writing over elements of a stored array: each object that a region touches is replaced on condition that it is still what
//! was read, so that writers of neighbouring elements never undo each other's work.

use crate::{
    chunk_data::Patch,
    compute::compute,
    grid::{Part, parts},
    metadata::Metadata,
    objects::{Expect, Put, Tag},
    read::joined,
    stored_array::{Loaded, Patience, StoredArray, check_current, no_conditional_writes, nonce},
};
use fascicle_backend::{Error, ErrorKind, Region, Result, Values};
use std::sync::Arc;
use tokio::task::JoinSet;

/// What a write to an object came to.
struct Written {
    indices: Vec<u64>,
    tag: Tag,
    is_new: bool,
}

impl StoredArray {
    /// Writes the elements of a region.
    ///
    /// Cost: one request for the description, and two for each object. One or two more when new objects were made, or when
    /// the end of the array was written, whose state the description keeps.
    pub(crate) async fn write(&self, region: &Region, values: Values) -> Result<()> {
        let (Loaded { metadata, .. }, _) = self.load_writable().await?;
        check_current(&metadata, region, &values)?;
        metadata.memory_bytes(metadata.layout.object_shape(), self.options.max_chunk_bytes)?;
        let values = Arc::new(values);
        let counts: Arc<Vec<u64>> = Arc::new(region.axes().iter().map(|axis| axis.count).collect());
        let tail = crate::append::next_tail(&metadata.shape, metadata.layout.object_shape());
        let mut tail_tag = None;
        let mut any_new = false;
        let mut note = |written: Written| {
            any_new |= written.is_new;
            if Some(&written.indices) == tail.as_ref() {
                tail_tag = Some(written.tag);
            }
        };
        let mut tasks = JoinSet::new();
        for part in parts(region, metadata.layout.object_shape()) {
            while tasks.len() >= self.options.concurrent_requests {
                if let Some(written) = joined(tasks.join_next().await)? {
                    note(written);
                }
            }
            let (array, metadata) = (self.clone(), Arc::clone(&metadata));
            let (values, counts) = (Arc::clone(&values), Arc::clone(&counts));
            tasks.spawn(async move { array.write_part(&metadata, part, &values, &counts).await });
        }
        while let Some(written) = joined(tasks.join_next().await)? {
            note(written);
        }
        if let Some(tag) = tail_tag {
            return self.record_tail(&metadata, tag).await;
        }
        if any_new && !self.load().await?.metadata.is_same_array(&metadata) {
            return Err(replaced());
        }
        Ok(())
    }

    async fn write_part(
        &self,
        metadata: &Arc<Metadata>,
        part: Part,
        values: &Arc<Values>,
        counts: &Arc<Vec<u64>>,
    ) -> Result<Written> {
        let limit = self.options.max_chunk_bytes;
        let object_shape = metadata.layout.object_shape();
        let object_bytes = metadata.memory_bytes(object_shape, limit)?;
        let _memory = self.objects.limits().memory(object_bytes.saturating_mul(3)).await?;
        let indices = part.indices();
        let key = metadata.keys.key(&indices);
        // Beyond the last row may lie rows that another writer is about to commit.
        let object_rows = object_shape.first().copied().unwrap_or(1);
        let length = metadata.shape.rows().unwrap_or(1);
        let may_grow = metadata.shape.rank() > 0
            && !length.is_multiple_of(object_rows)
            && indices.first() == Some(&(length / object_rows));
        let is_whole = !may_grow && part.is_whole(object_shape, &metadata.shape);
        let patience = Patience::new(self.options.lock_timeout);
        loop {
            let (existing, tag) = if is_whole {
                (None, self.objects.head(&key).await?.map(|(tag, _)| tag))
            } else {
                match self.objects.get(&key, metadata.most_object_bytes(limit)).await? {
                    None => (None, None),
                    Some(stored) => (Some(stored.bytes), Some(stored.tag)),
                }
            };
            let (is_new, expect) = match tag {
                None => (true, Expect::Absent),
                Some(Some(tag)) => (false, Expect::State(tag)),
                Some(None) => return Err(no_conditional_writes()),
            };
            let bytes = {
                let (metadata, values, counts) =
                    (Arc::clone(metadata), Arc::clone(values), Arc::clone(counts));
                let part = part.clone();
                compute(object_bytes, move || {
                    let patch = Patch { part: &part, source: &values, counts: &counts };
                    metadata.merge(existing, &patch, None, limit, None)
                })
                .await?
            };
            match self.objects.put(&key, bytes, &expect).await? {
                Put::Done(Some(tag)) => return Ok(Written { indices, tag, is_new }),
                Put::Done(None) => return Err(no_conditional_writes()),
                Put::Refused | Put::Unclear => {
                    if !self.load().await?.metadata.is_same_array(metadata) {
                        return Err(replaced());
                    }
                    patience.wait().await?;
                }
            }
        }
    }

    /// Writes the new state of the tail into `zarr.json`, so that the next append does not take it for another writer's. An
    /// append that is under way starts again.
    async fn record_tail(&self, written_to: &Metadata, tag: Tag) -> Result<()> {
        let patience = Patience::new(self.options.lock_timeout);
        loop {
            let (Loaded { metadata, .. }, state) = self.load_writable().await?;
            if !metadata.is_same_array(written_to) {
                return Err(replaced());
            }
            let has_other_tail = metadata.shape != written_to.shape;
            let unmarked = metadata.own.is_none();
            let is_recorded = metadata.own.as_ref().is_some_and(|own| own.tail.as_ref() == Some(&tag));
            if has_other_tail || unmarked || is_recorded {
                return Ok(());
            }
            let shape = metadata.shape.clone();
            let next = metadata.committed(shape, Some(tag.clone()), self.objects.prefix(), &nonce()?);
            match self.replace_metadata(&next, &state).await? {
                Put::Done(_) => return Ok(()),
                Put::Refused | Put::Unclear => patience.wait().await?,
            }
        }
    }
}

fn replaced() -> Error {
    Error::new(ErrorKind::Conflict, "the array was replaced while elements of it were written")
        .hint("describe the array again and repeat the call")
}
