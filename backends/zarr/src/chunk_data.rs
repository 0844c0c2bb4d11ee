//! Objects of an array in memory: decoding and encoding them, and merging elements into what is stored.

use crate::{
    buffer::{View, blank_rows, copy_back, copy_out},
    codec::{Elements, ShardIndex},
    grid::{Part, parts},
    metadata::{Metadata, corrupt},
};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, Region, Result, Shape, Values};

/// Elements of a caller's that go into one object.
pub(crate) struct Patch<'a> {
    /// Where they belong in the object.
    pub(crate) part: &'a Part,
    /// The buffer they are in, and its lengths.
    pub(crate) source: &'a Values,
    pub(crate) counts: &'a [u64],
}

impl Metadata {
    /// The bytes that the elements of a chunk of `shape` take in memory, without the texts' own. Fails with `LimitExceeded`
    /// beyond `limit`.
    pub(crate) fn memory_bytes(&self, shape: &[u64], limit: u64) -> Result<u64> {
        let width = self.element.stored_width().unwrap_or(0).max(self.element.dtype.memory_bytes()) as u128;
        let bytes = shape.iter().map(|length| u128::from(*length)).try_fold(width, u128::checked_mul);
        match bytes.and_then(|bytes| u64::try_from(bytes).ok()).filter(|bytes| *bytes <= limit) {
            Some(bytes) => Ok(bytes),
            None => Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "chunks of {shape:?} elements of {} take more than {limit} bytes",
                    self.element.dtype
                ),
            )
            .hint("raise 'max_chunk_bytes', or store the array in smaller chunks")),
        }
    }

    /// The most bytes that a stored object can reasonably have.
    pub(crate) fn most_object_bytes(&self, limit: u64) -> u64 {
        let chunk = |shape: &[u64]| match self.element.stored_width() {
            Some(_) => self.memory_bytes(shape, limit).unwrap_or(limit),
            None => limit,
        };
        let encoded = |bytes: u64| {
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            self.layout.pipeline.most_encoded_bytes(bytes) as u64
        };
        match self.layout.sharding() {
            None => encoded(chunk(self.layout.object_shape())),
            Some(sharding) => {
                let chunks = sharding.chunk_count();
                let one = encoded(chunk(&sharding.chunk_shape));
                // Shards may have holes, where chunks lay that were written again.
                one.saturating_mul(chunks).saturating_add(sharding.index.size_bytes(chunks)).saturating_mul(2)
            }
        }
    }

    /// Decodes one chunk.
    pub(crate) fn decode_chunk(&self, encoded: Bytes, limit: u64) -> Result<Elements> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.layout.pipeline.decode(encoded, self.layout.chunk_shape(), self.element, limit)
    }

    fn filled(&self, shape: &[u64]) -> Result<Elements> {
        Elements::filled(&self.fill, shape.iter().product())
    }

    /// The elements of an object that holds nothing but fill.
    pub(crate) fn filled_object(&self) -> Result<Elements> {
        self.filled(self.layout.object_shape())
    }

    /// Decodes all elements of an object.
    pub(crate) fn decode_object(&self, object: Bytes, limit: u64) -> Result<Elements> {
        let Some(sharding) = self.layout.sharding() else {
            return self.decode_chunk(object, limit).map(Elements::into_owned);
        };
        let object_shape = self.layout.object_shape();
        let chunk_shape = &sharding.chunk_shape;
        let mut elements = self.filled_object()?;
        let chunks = self.chunks_of(&object)?;
        let whole = Region::whole(&Shape::new(object_shape)?);
        for (part, chunk) in parts(&whole, chunk_shape).zip(chunks) {
            if let Some(chunk) = chunk {
                let chunk = self.decode_chunk(chunk, limit)?;
                let view = View::of_elements(&chunk, self.element.dtype.fixed_bytes());
                copy_back(&part, chunk_shape, object_shape, view, &mut elements)?;
            }
        }
        Ok(elements)
    }

    /// Encodes all elements of an object.
    pub(crate) fn encode_object(&self, elements: Elements) -> Result<Bytes> {
        let object_shape = self.layout.object_shape();
        let Some(sharding) = self.layout.sharding() else {
            return self.layout.pipeline.encode(elements, object_shape, self.element, None);
        };
        let whole = Region::whole(&Shape::new(object_shape)?);
        let view = View::of_elements(&elements, self.element.dtype.fixed_bytes());
        let chunk_shape = &sharding.chunk_shape;
        // Parts come in the order of the index.
        let chunks = parts(&whole, chunk_shape).map(|part| {
            let mut chunk = self.filled(chunk_shape)?;
            copy_out(&part, chunk_shape, object_shape, view, &mut chunk)?;
            self.layout.pipeline.encode(chunk, chunk_shape, self.element, None).map(Some)
        });
        Ok(ShardIndex::assemble(&chunks.collect::<Result<Vec<_>>>()?, sharding.index))
    }

    /// The object that holds what `existing` does, with the patch on top.
    ///
    /// From the row `blank_from` of the object on, what is stored counts as fill. `salt` is that of
    /// [`crate::codec::Compressor::encode`].
    pub(crate) fn merge(
        &self,
        existing: Option<Bytes>,
        patch: &Patch<'_>,
        blank_from: Option<u64>,
        limit: u64,
        salt: Option<u32>,
    ) -> Result<Bytes> {
        let chunk_shape = self.layout.chunk_shape();
        let Some(sharding) = self.layout.sharding() else {
            let mut elements = match existing {
                None => self.filled(chunk_shape)?,
                Some(existing) => self.decode_chunk(existing, limit)?.into_owned(),
            };
            if let Some(row) = blank_from {
                blank_rows(&mut elements, chunk_shape, row, &self.fill);
            }
            copy_out(patch.part, chunk_shape, patch.counts, View::of_values(patch.source), &mut elements)?;
            return self.layout.pipeline.encode(elements, chunk_shape, self.element, salt);
        };
        let mut chunks: Vec<Option<Bytes>> = match existing {
            None => vec![None; sharding.chunk_count() as usize],
            Some(shard) => self.chunks_of(&shard)?,
        };
        let rows = chunk_shape.first().copied().unwrap_or(1);
        let chunks_per_row: usize = sharding.chunks_per_axis.iter().skip(1).product::<u64>() as usize;
        if let Some(blank_from) = blank_from {
            let first_blank = blank_from.div_ceil(rows) as usize;
            for chunk in chunks.iter_mut().skip(first_blank.saturating_mul(chunks_per_row)) {
                *chunk = None;
            }
        }
        for piece in patch.part.cut(chunk_shape) {
            let indices = piece.indices();
            let at = linear(&indices, &sharding.chunks_per_axis);
            let slot =
                chunks.get_mut(at).ok_or_else(|| corrupt("a shard has fewer chunks than it should"))?;
            let mut elements = match slot.take() {
                Some(encoded) if !piece.is_whole(chunk_shape, self.layout.object_shape()) => {
                    self.decode_chunk(encoded, limit)?.into_owned()
                }
                _ => self.filled(chunk_shape)?,
            };
            if let Some(row) = blank_from {
                let first_row = indices.first().copied().unwrap_or(0) * rows;
                blank_rows(&mut elements, chunk_shape, row.saturating_sub(first_row).min(rows), &self.fill);
            }
            copy_out(&piece, chunk_shape, patch.counts, View::of_values(patch.source), &mut elements)?;
            *slot = Some(self.layout.pipeline.encode(elements, chunk_shape, self.element, salt)?);
        }
        Ok(ShardIndex::assemble(&chunks, sharding.index))
    }

    /// The encoded chunks of a whole shard.
    fn chunks_of(&self, shard: &Bytes) -> Result<Vec<Option<Bytes>>> {
        let Some(sharding) = self.layout.sharding() else { return Ok(vec![Some(shard.clone())]) };
        let count = sharding.chunk_count();
        let index = ShardIndex::slice_of(shard, sharding.index, count)?;
        let index = ShardIndex::decode(index, sharding.index, count, Some(shard.len() as u64))?;
        // Entries were checked to lie inside the shard.
        Ok((0..count as usize)
            .map(|chunk| {
                index.entry(chunk).map(|range| shard.slice(range.start as usize..range.end as usize))
            })
            .collect())
    }
}

/// The place of a chunk among `counts` chunks along each axis, in C order.
pub(crate) fn linear(indices: &[u64], counts: &[u64]) -> usize {
    indices.iter().zip(counts).fold(0, |at, (index, count)| at * count + index) as usize
}
