//! How a new array is cut into chunks and shards when nobody says.

use crate::{codec::ChunkLayout, codec::Pipeline, config::ZarrOptions, dtype::ElementType};
use fascicle_backend::{Error, ErrorKind, Result, Shape};

/// What a text is taken to need, as nobody knows before it is written.
const TEXT_BYTES: u64 = 32;

/// Small arrays get chunks of this many bytes, beyond their last row, so that they can grow for a while within one.
const SMALL_CHUNK_BYTES: u64 = 256 << 10;

/// The layout of a new array. Chunks are slabs along the first axis, along which arrays grow and are mostly read, as large as
/// the options say; where a single row is larger, it is cut along the next axis, and so on.
pub(crate) fn choose(
    shape: &Shape,
    element: ElementType,
    chunks: Option<&[u64]>,
    pipeline: Pipeline,
    options: &ZarrOptions,
) -> Result<ChunkLayout> {
    let width = element.dtype.fixed_bytes().map_or(TEXT_BYTES, |width| width as u64);
    let chunk_shape = match chunks {
        Some(chunks) => given(chunks, shape)?,
        None => slabs(shape, width, options.chunk_bytes),
    };
    let grid: Vec<u64> =
        shape.iter().zip(&chunk_shape).map(|(length, chunk)| length.div_ceil(*chunk).max(1)).collect();
    let count: u128 = grid.iter().map(|chunks| u128::from(*chunks)).product();
    let chunk_bytes: u128 =
        chunk_shape.iter().fold(u128::from(width), |bytes, length| bytes * u128::from(*length));
    // How many chunks a shard needs to have, and how many it can have.
    let needed = count.div_ceil(u128::from(options.max_objects));
    let room = u128::from(options.max_shard_bytes) / chunk_bytes.max(1);
    let wanted = needed.min(room);
    if wanted < 2 {
        return Ok(ChunkLayout::chunked(chunk_shape, pipeline));
    }
    // A shard takes in its neighbours along the last axis first, so that it too is a slab.
    let (mut left, mut shard_shape) = (wanted, chunk_shape.clone());
    for axis in (0..shard_shape.len()).rev() {
        let factor = if axis == 0 { left } else { left.min(u128::from(grid[axis])) };
        shard_shape[axis] =
            (u128::from(chunk_shape[axis]) * factor.max(1)).min(u128::from(u64::MAX >> 2)) as u64;
        shard_shape[axis] -= shard_shape[axis] % chunk_shape[axis];
        left = (left / factor.max(1)).max(1);
    }
    ChunkLayout::sharded(shard_shape, chunk_shape, pipeline)
}

fn given(chunks: &[u64], shape: &Shape) -> Result<Vec<u64>> {
    if chunks.len() != shape.rank() || chunks.contains(&0) {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "chunks of {chunks:?} elements do not fit an array of shape {shape}: each axis needs one of at least 1"
            ),
        ));
    }
    Shape::new(chunks).map(|shape| shape.to_vec())
}

fn slabs(shape: &Shape, width: u64, target: u64) -> Vec<u64> {
    let total =
        shape.iter().fold(u128::from(width), |bytes, length| bytes.saturating_mul(u128::from(*length)));
    let target = target.min(u64::try_from(total).unwrap_or(u64::MAX).max(SMALL_CHUNK_BYTES.min(target)));
    // The bytes of one step along each axis.
    let mut steps = vec![u128::from(width); shape.rank()];
    for axis in (1..shape.rank()).rev() {
        steps[axis - 1] = steps[axis].saturating_mul(u128::from(shape[axis].max(1)));
    }
    let mut chunk = Vec::with_capacity(shape.rank());
    let mut is_cut = false;
    for (axis, length) in shape.iter().enumerate() {
        if is_cut {
            chunk.push((*length).max(1));
            continue;
        }
        let fitting = u64::try_from(u128::from(target) / steps[axis]).unwrap_or(u64::MAX).max(1);
        // Only the first axis may be longer in a chunk than in the array: it is the one that grows.
        let taken = if axis == 0 { fitting } else { fitting.min((*length).max(1)) };
        is_cut = steps[axis] <= u128::from(target);
        chunk.push(taken);
    }
    // A whole array in one chunk is not made longer than a small one has to be.
    if let (Some(first), Some(rows)) = (chunk.first_mut(), shape.rows())
        && *first > rows
    {
        let small = u64::try_from(u128::from(SMALL_CHUNK_BYTES.min(target)) / steps[0]).unwrap_or(u64::MAX);
        *first = rows.max(small).max(1);
    }
    chunk
}

#[cfg(test)]
mod tests {
    use super::*;
    use fascicle_backend::{Codec, DType};

    fn layout(
        shape: &[u64],
        dtype: DType,
        chunks: Option<&[u64]>,
        options: &ZarrOptions,
    ) -> (Vec<u64>, Vec<u64>) {
        let element = ElementType::of(dtype);
        let pipeline = Pipeline::new(element, Codec::Uncompressed, false);
        let layout = choose(&Shape::new(shape).unwrap(), element, chunks, pipeline, options).unwrap();
        (layout.object_shape().to_vec(), layout.chunk_shape().to_vec())
    }

    #[test]
    fn chunks_are_slabs_of_the_size_asked_for() {
        let options = ZarrOptions::default();
        let chunk = |shape: &[u64], dtype| {
            let (object, chunk) = layout(shape, dtype, None, &options);
            assert_eq!(object, chunk);
            chunk
        };
        assert_eq!(chunk(&[], DType::Float64), Vec::<u64>::new());
        assert_eq!(chunk(&[0], DType::Float64), [32_768]);
        assert_eq!(chunk(&[0, 0], DType::Float64), [32_768, 1]);
        assert_eq!(chunk(&[0, 64], DType::Float64), [512, 64]);
        assert_eq!(chunk(&[100_000], DType::Float64), [100_000]);
        assert_eq!(chunk(&[1 << 25], DType::Float64), [1 << 19]);
        assert_eq!(chunk(&[10_000, 1000], DType::Float32), [1048, 1000]);
        assert_eq!(chunk(&[16, 4096, 4096], DType::Float32), [1, 256, 4096]);
        assert_eq!(chunk(&[2, 1 << 24], DType::Float64), [1, 1 << 19]);
    }

    #[test]
    fn very_many_chunks_go_into_shards() {
        let options = ZarrOptions::default();
        let (object, chunk) = layout(&[1 << 20, 1 << 16], DType::Float64, None, &options);
        assert_eq!(chunk, [8, 1 << 16]);
        assert_eq!(object, [8 * 14, 1 << 16]);
        let (object, chunk) = layout(&[1000, 1000], DType::UInt8, Some(&[10, 1]), &options);
        assert_eq!((object, chunk), (vec![10, 10], vec![10, 1]));
        let few = ZarrOptions::default().with_max_objects(4);
        let (object, chunk) = layout(&[100, 6], DType::Int16, Some(&[10, 2]), &few);
        assert_eq!((object, chunk), (vec![20, 6], vec![10, 2]));
    }

    #[test]
    fn chunks_that_make_no_sense_are_refused() {
        let element = ElementType::of(DType::Int8);
        for chunks in [&[0u64, 1][..], &[1], &[u64::MAX, u64::MAX]] {
            let pipeline = Pipeline::new(element, Codec::Uncompressed, false);
            let shape = Shape::new([4, 4]).unwrap();
            assert!(choose(&shape, element, Some(chunks), pipeline, &ZarrOptions::default()).is_err());
        }
    }
}
