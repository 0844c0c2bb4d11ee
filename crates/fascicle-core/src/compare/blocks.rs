//! Cuts an array into regions of bounded size, one after another in C order.

use fascicle_backend::{AxisRegion, DType, Region, Shape};

/// The bytes that a text element is counted with, as its length is not known before it is read.
const ASSUMED_TEXT_BYTES: u64 = 64;

/// Regions that together are a whole array, each contiguous in C order, in that order.
///
/// A region is rows of one axis, all of the axes after it and one position of each axis before it.
#[derive(Debug)]
pub(crate) struct Blocks {
    lengths: Vec<u64>,
    /// The axis along which an array is cut into more than single positions.
    axis: usize,
    /// Positions of that axis in a block.
    step: u64,
    /// The first position of the next block along the axes up to `axis`; `None` at the end.
    next: Option<Vec<u64>>,
}

impl Blocks {
    /// Blocks of at most `bytes`, but of at least one element. They begin at chunk boundaries where chunks fit into blocks.
    pub(crate) fn new(shape: &Shape, dtype: DType, chunks: Option<&[u64]>, bytes: u64) -> Self {
        let element_bytes = match dtype {
            DType::Text => ASSUMED_TEXT_BYTES,
            other => other.memory_bytes() as u64,
        };
        let budget = (bytes / element_bytes.max(1)).max(1);
        let lengths = shape.to_vec();
        let mut axis = lengths.len().saturating_sub(1);
        let mut inner: u64 = 1;
        while axis > 0 {
            match lengths.get(axis).and_then(|length| inner.checked_mul(*length)) {
                Some(product) if product <= budget => inner = product,
                _ => break,
            }
            axis -= 1;
        }
        let mut step = (budget / inner.max(1)).max(1);
        if let Some(chunk) = chunks.and_then(|chunks| chunks.get(axis)).filter(|chunk| **chunk > 0) {
            step = step.checked_div(*chunk).filter(|whole| *whole > 0).map_or(step, |whole| whole * chunk);
        }
        let next = (shape.element_count() > 0).then(|| vec![0; (axis + 1).min(lengths.len())]);
        Blocks { lengths, axis, step, next }
    }
}

impl Iterator for Blocks {
    type Item = Region;

    fn next(&mut self) -> Option<Region> {
        let start = self.next.take()?;
        let count_at = |axis: usize, start: u64, length: u64| {
            if axis == self.axis { self.step.min(length - start) } else { 1 }
        };
        let region = self.lengths.iter().enumerate().map(|(axis, length)| match start.get(axis) {
            Some(start) => AxisRegion { start: *start, step: 1, count: count_at(axis, *start, *length) },
            None => AxisRegion { start: 0, step: 1, count: *length },
        });
        let region = Region::new(region.collect::<Vec<_>>());
        // Counts on, the last of the cut axes fastest.
        let mut next = start;
        for (axis, (position, length)) in next.iter_mut().zip(&self.lengths).enumerate().rev() {
            *position += if axis == self.axis { self.step } else { 1 };
            if *position < *length {
                self.next = Some(next);
                break;
            }
            *position = 0;
        }
        Some(region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(lengths: &[u64], chunks: Option<&[u64]>, bytes: u64) -> Vec<Vec<(u64, u64)>> {
        let blocks = Blocks::new(&Shape::new(lengths).unwrap(), DType::Int64, chunks, bytes);
        blocks.map(|region| region.axes().iter().map(|axis| (axis.start, axis.count)).collect()).collect()
    }

    #[test]
    fn arrays_are_cut_along_the_first_axis_that_must_be() {
        assert_eq!(blocks(&[], None, 8), [vec![]]);
        assert_eq!(blocks(&[5], None, 16), [[(0, 2)], [(2, 2)], [(4, 1)]]);
        assert_eq!(blocks(&[3, 4], None, 64), [[(0, 2), (0, 4)], [(2, 1), (0, 4)]]);
        assert_eq!(
            blocks(&[2, 3], None, 16),
            [[(0, 1), (0, 2)], [(0, 1), (2, 1)], [(1, 1), (0, 2)], [(1, 1), (2, 1)]]
        );
        assert_eq!(blocks(&[2], None, 1), [[(0, 1)], [(1, 1)]]);
        assert!(blocks(&[3, 0], None, 8).is_empty());
    }

    #[test]
    fn blocks_begin_at_chunks() {
        assert_eq!(blocks(&[7], Some(&[2]), 24), [[(0, 2)], [(2, 2)], [(4, 2)], [(6, 1)]]);
        assert_eq!(blocks(&[4], Some(&[100]), 24), [[(0, 3)], [(3, 1)]]);
    }

    #[test]
    fn blocks_cover_every_element_once_and_in_order() {
        for lengths in [vec![3, 1, 4, 2], vec![1, 1, 7], vec![5, 3]] {
            for bytes in [1, 8, 24, 40, 100, 10_000] {
                let mut positions = Vec::new();
                for block in blocks(&lengths, None, bytes) {
                    let mut block_positions = vec![0];
                    for ((start, count), length) in block.iter().zip(&lengths) {
                        block_positions = block_positions
                            .iter()
                            .flat_map(|base| (*start..start + count).map(move |at| base * length + at))
                            .collect();
                    }
                    positions.extend(block_positions);
                }
                let count = lengths.iter().product::<u64>();
                assert_eq!(positions, (0..count).collect::<Vec<_>>(), "{lengths:?} in {bytes} bytes");
            }
        }
    }
}
