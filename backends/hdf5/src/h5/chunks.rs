//! The shape of chunks.

use fascicle_backend::{DType, Shape};

/// The elements of a chunk that datamate asks for, whatever their size.
const USUAL_ELEMENTS: u64 = 4096;
/// Chunks of large arrays grow up to this size.
const LARGEST_BYTES: u64 = 1 << 20;
/// A large array has at least so many chunks before they grow further.
const USUAL_COUNT: u64 = 256;

/// The elements of a chunk along each axis, when the user does not say: whole rows, of 4096 elements together as datamate
/// has them, more (up to 1 MiB) in a large array, and parts of rows where a row alone takes more than 1 MiB.
pub(crate) fn usual_chunks(shape: &Shape, dtype: DType) -> Vec<u64> {
    let element_bytes = dtype.memory_bytes().max(1) as u64;
    let mut tail: Vec<u64> = shape.trailing().iter().map(|length| (*length).max(1)).collect();
    let bytes = |tail: &[u64]| {
        tail.iter().try_fold(element_bytes, |bytes, length| bytes.checked_mul(*length)).unwrap_or(u64::MAX)
    };
    while bytes(&tail) > LARGEST_BYTES {
        let Some(longest) = tail.iter_mut().max().filter(|longest| **longest > 1) else { break };
        *longest = longest.div_ceil(2);
    }
    let row_bytes = bytes(&tail);
    let row_elements = row_bytes / element_bytes;
    let total_bytes = row_bytes.saturating_mul(shape.rows().unwrap_or(0));
    let rows_by_size = (total_bytes / USUAL_COUNT).min(LARGEST_BYTES) / row_bytes;
    let rows = USUAL_ELEMENTS.div_ceil(row_elements).max(rows_by_size).min(LARGEST_BYTES / row_bytes).max(1);
    std::iter::once(rows).chain(tail).collect()
}

/// The chunks that the user asked for, cut to the axes that cannot grow: HDF5 refuses longer ones.
pub(crate) fn fitting_chunks(asked: &[u64], shape: &Shape) -> Vec<u64> {
    let lengths = shape.iter().enumerate();
    let limits = lengths.map(|(axis, length)| if axis == 0 || *length == 0 { u64::MAX } else { *length });
    asked.iter().zip(limits).map(|(asked, limit)| (*asked).min(limit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(lengths: &[u64], dtype: DType) -> Vec<u64> {
        usual_chunks(&Shape::new(lengths).unwrap(), dtype)
    }

    #[test]
    fn small_arrays_have_the_chunks_of_datamate() {
        assert_eq!(usual(&[0], DType::Float64), [4096]);
        assert_eq!(usual(&[10, 3], DType::Int64), [1366, 3]);
        assert_eq!(usual(&[2, 100, 100], DType::Float64), [1, 100, 100]);
        assert_eq!(usual(&[2, 0], DType::Float64), [4096, 1]);
    }

    #[test]
    fn chunks_are_neither_huge_nor_many() {
        assert_eq!(usual(&[1 << 30], DType::Float64), [1 << 17]);
        assert_eq!(usual(&[4, 1 << 40], DType::Float64), [1, 1 << 17]);
        assert_eq!(usual(&[0], DType::FixedBytes(1 << 20)), [1]);
        for lengths in [vec![5, 7, 1 << 31], vec![3, 1 << 20, 1 << 20], vec![1 << 40, 1000]] {
            let chunks = usual(&lengths, DType::Complex128);
            assert!(chunks.iter().product::<u64>() * 16 <= LARGEST_BYTES, "{chunks:?}");
            assert!(
                chunks[1..].iter().zip(&lengths[1..]).all(|(chunk, length)| chunk <= length),
                "{chunks:?}"
            );
        }
    }

    #[test]
    fn asked_chunks_fit_the_axes() {
        assert_eq!(fitting_chunks(&[100, 100, 100], &Shape::new([5, 7, 0]).unwrap()), [100, 7, 100]);
    }
}
