//! An array cut into parts that follow each other in memory, so that one larger than memory can be streamed.

use fascicle::{AxisRegion, AxisSelection, DType, Error, ErrorKind, Region, Result, Selection, Shape};

/// About how many bytes are held at once.
pub(crate) const BLOCK_BYTES: u64 = 8 << 20;

/// Which axis varies fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The last axis, as in C.
    C,
    /// The first axis, as in Fortran.
    Fortran,
}

/// The parts of an array in the order of its elements, each of which is contiguous in that order.
///
/// None has more than about `block_bytes`, unless a single element has. An array without elements has no parts.
pub(crate) fn blocks(shape: &Shape, dtype: DType, order: Order, block_bytes: u64) -> Blocks {
    let element_bytes = (dtype.memory_bytes() as u64).max(1);
    let rank = shape.rank();
    // Positions in this list count from the slowest axis to the fastest.
    let lengths: Vec<u64> = match order {
        Order::C => shape.to_vec(),
        Order::Fortran => shape.iter().rev().copied().collect(),
    };
    // The axes after `split` are taken whole, `split` is cut into ranges, those before it are taken position by position.
    let mut split = rank;
    let mut inner: u64 = 1;
    while split > 0 {
        split -= 1;
        let length = lengths.get(split).copied().unwrap_or(1);
        if split == 0 || inner.saturating_mul(length).saturating_mul(element_bytes) > block_bytes {
            break;
        }
        inner = inner.saturating_mul(length);
    }
    let step = (block_bytes / inner.saturating_mul(element_bytes).max(1)).max(1);
    let next = (shape.element_count() > 0).then(|| vec![0; split + usize::from(rank > 0)]);
    Blocks { lengths, order, split, step, next }
}

/// See [`blocks`].
#[derive(Clone, Debug)]
pub(crate) struct Blocks {
    lengths: Vec<u64>,
    order: Order,
    split: usize,
    step: u64,
    /// The first position of the next part along the axes up to `split`.
    next: Option<Vec<u64>>,
}

impl Iterator for Blocks {
    type Item = Region;

    fn next(&mut self) -> Option<Region> {
        let at = self.next.take()?;
        let mut axes: Vec<AxisRegion> = Vec::with_capacity(self.lengths.len());
        for (axis, length) in self.lengths.iter().enumerate() {
            axes.push(match at.get(axis) {
                None => AxisRegion { start: 0, step: 1, count: *length },
                Some(start) if axis == self.split => {
                    AxisRegion { start: *start, step: 1, count: self.step.min(length - start) }
                }
                Some(start) => AxisRegion { start: *start, step: 1, count: 1 },
            });
        }
        self.next = self.after(at);
        if self.order == Order::Fortran {
            axes.reverse();
        }
        Some(Region::new(axes))
    }
}

impl Blocks {
    /// The first position of the part after the one at `at`.
    fn after(&self, mut at: Vec<u64>) -> Option<Vec<u64>> {
        for axis in (0..at.len()).rev() {
            let (length, step) = (*self.lengths.get(axis)?, if axis == self.split { self.step } else { 1 });
            let position = at.get_mut(axis)?;
            *position = position.checked_add(step)?;
            if *position < length {
                return Some(at);
            }
            *position = 0;
        }
        None
    }
}

/// A part as a selection of the array.
pub(crate) fn selection(region: &Region) -> Result<Selection> {
    let signed = |position: u64| {
        i64::try_from(position)
            .map_err(|error| Error::new(ErrorKind::LimitExceeded, "an array is too long").caused_by(error))
    };
    let axes = region.axes().iter().map(|axis| {
        let stop = axis.start + axis.count.saturating_sub(1) * axis.step + u64::from(axis.count > 0);
        Ok(AxisSelection::Range {
            start: Some(signed(axis.start)?),
            stop: Some(signed(stop)?),
            step: signed(axis.step)?,
        })
    });
    Ok(Selection::new(axes.collect::<Result<Vec<_>>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes_of(lengths: &[u64], order: Order, block_bytes: u64) -> Vec<(Vec<u64>, Vec<u64>)> {
        let shape = Shape::new(lengths).unwrap();
        let parts = blocks(&shape, DType::UInt8, order, block_bytes);
        parts
            .map(|region| {
                assert!(region.fits(&shape));
                region.axes().iter().map(|axis| (axis.start, axis.count)).unzip()
            })
            .collect()
    }

    #[test]
    fn parts_follow_each_other_in_memory() {
        assert_eq!(shapes_of(&[4, 3], Order::C, 6), [(vec![0, 0], vec![2, 3]), (vec![2, 0], vec![2, 3])]);
        assert_eq!(
            shapes_of(&[2, 3], Order::C, 2),
            [
                (vec![0, 0], vec![1, 2]),
                (vec![0, 2], vec![1, 1]),
                (vec![1, 0], vec![1, 2]),
                (vec![1, 2], vec![1, 1])
            ]
        );
        assert_eq!(
            shapes_of(&[3, 4], Order::Fortran, 6),
            [(vec![0, 0], vec![3, 2]), (vec![0, 2], vec![3, 2])]
        );
        assert_eq!(shapes_of(&[], Order::C, 6), [(vec![], vec![])]);
        assert_eq!(shapes_of(&[5], Order::C, 1000), [(vec![0], vec![5])]);
        assert!(shapes_of(&[0, 7], Order::C, 6).is_empty());
    }

    #[test]
    fn every_element_is_in_exactly_one_part() {
        for order in [Order::C, Order::Fortran] {
            for block_bytes in [1, 2, 5, 7, 30, 1000] {
                let parts = shapes_of(&[3, 4, 5], order, block_bytes);
                let counts: Vec<u64> = parts.iter().map(|(_, counts)| counts.iter().product()).collect();
                assert_eq!(counts.iter().sum::<u64>(), 60, "{order:?} {block_bytes}");
                assert!(
                    counts.iter().all(|count| *count <= block_bytes.max(1)),
                    "{order:?} {block_bytes}: {counts:?}"
                );
            }
        }
    }
}
