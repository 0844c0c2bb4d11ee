//! Which elements of which chunks a region means, and where in a buffer they belong.

use fascicle_backend::{AxisRegion, Region};

/// The positions of a region along one axis that lie in one chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AxisPart {
    /// The chunk.
    pub(crate) chunk: u64,
    /// The first position, counted from the chunk's first.
    pub(crate) start: u64,
    pub(crate) step: u64,
    pub(crate) count: u64,
    /// The place of the first position in the buffer, along this axis.
    pub(crate) given: u64,
}

/// The elements of a region that lie in one chunk: an item an axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) axes: Vec<AxisPart>,
}

impl Part {
    /// The chunk's position among all chunks.
    pub(crate) fn indices(&self) -> Vec<u64> {
        self.axes.iter().map(|axis| axis.chunk).collect()
    }

    pub(crate) fn element_count(&self) -> u64 {
        self.axes.iter().map(|axis| axis.count).product()
    }

    /// Whether these are all elements of the chunk that lie inside an array of `shape`.
    pub(crate) fn is_whole(&self, chunk_shape: &[u64], shape: &[u64]) -> bool {
        self.axes.iter().zip(chunk_shape).zip(shape).all(|((axis, chunk), length)| {
            let inside = length.saturating_sub(axis.chunk * chunk).min(*chunk);
            axis.start == 0 && axis.step == 1 && axis.count == inside
        })
    }

    /// The same elements, cut further into the chunks of a shard.
    pub(crate) fn cut(&self, chunk_shape: &[u64]) -> Parts {
        let axes = self.axes.iter().zip(chunk_shape).map(|(axis, chunk)| AxisCut {
            region: AxisRegion { start: axis.start, step: axis.step, count: axis.count },
            chunk: *chunk,
            first_given: axis.given,
        });
        Parts::new(axes.collect())
    }
}

/// The parts of a region, one for each chunk that it touches, in the order of the chunks. They are found one after another: a region
/// may touch more chunks than could be kept in memory.
pub(crate) struct Parts {
    axes: Vec<AxisCut>,
    /// The next part; `None` when all were given.
    next: Option<Vec<AxisPart>>,
}

impl Parts {
    fn new(axes: Vec<AxisCut>) -> Self {
        let next = axes.iter().map(|axis| axis.part_from(0)).collect();
        Parts { axes, next }
    }

    /// How many there are, of all and not of those that are left.
    pub(crate) fn total(&self) -> u64 {
        self.axes.iter().fold(1, |total, axis| total.saturating_mul(axis.part_count()))
    }
}

/// The parts of a region of an array that is stored in chunks of `chunk_shape`.
pub(crate) fn parts(region: &Region, chunk_shape: &[u64]) -> Parts {
    let axes = region.axes().iter().zip(chunk_shape);
    Parts::new(axes.map(|(axis, chunk)| AxisCut { region: *axis, chunk: *chunk, first_given: 0 }).collect())
}

impl Iterator for Parts {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let part = Part { axes: self.next.take()? };
        // Of the axes on which there is a further part the last one goes on, and those behind it begin anew.
        let mut following = part.axes.clone();
        for (axis, place) in self.axes.iter().zip(&mut following).rev() {
            if let Some(further) = axis.part_from(place.given - axis.first_given + place.count) {
                *place = further;
                self.next = Some(following);
                break;
            }
            *place = axis.part_from(0)?;
        }
        Some(part)
    }
}

/// The positions of a region along one axis, to be cut at the ends of chunks. The region lies inside of an array, whose lengths are
/// countable.
#[derive(Clone, Copy, Debug)]
struct AxisCut {
    region: AxisRegion,
    chunk: u64,
    /// The place of the first position in the buffer.
    first_given: u64,
}

impl AxisCut {
    /// The positions from the one numbered `first` on that lie in the same chunk as that; `None` behind the last one.
    fn part_from(&self, first: u64) -> Option<AxisPart> {
        let AxisRegion { start, step, count } = self.region;
        let left = count.checked_sub(first).filter(|left| *left > 0)?;
        let at = start + first * step;
        let (chunk, within) = (at / self.chunk, at % self.chunk);
        let count = (self.chunk - within).div_ceil(step).min(left);
        Some(AxisPart { chunk, start: within, step, count, given: self.first_given + first })
    }

    /// In how many chunks there are positions.
    fn part_count(&self) -> u64 {
        let AxisRegion { start, step, count } = self.region;
        match count.checked_sub(1) {
            None => 0,
            // No two positions share a chunk.
            Some(_) if step >= self.chunk => count,
            // No chunk between the first and the last one is stepped over.
            Some(steps) => (start + steps * step) / self.chunk - start / self.chunk + 1,
        }
    }
}

/// A row of elements that lie one after another in the buffer, and `step` apart in the chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// The first element's place in the chunk.
    pub(crate) stored: usize,
    pub(crate) step: usize,
    /// The first element's place in the buffer.
    pub(crate) given: usize,
    pub(crate) length: usize,
}

/// Calls `visit` for every run of a part, for chunks of `chunk_shape` and a buffer of a region with `counts` positions along
/// each axis. Runs are as long as they can be. A chunk and a buffer fit into memory, so nothing overflows.
pub(crate) fn for_each_run(part: &Part, chunk_shape: &[u64], counts: &[u64], mut visit: impl FnMut(Run)) {
    let axes = &part.axes;
    let rank = axes.len();
    if axes.iter().any(|axis| axis.count == 0) {
        return;
    }
    let (stored_strides, given_strides) = (strides(chunk_shape), strides(counts));
    // The last axis makes a run; as long as axes are taken whole from both sides, the next one makes it longer.
    let (mut outer, mut length, mut step) = (rank, 1, 1);
    while let Some(axis) = outer.checked_sub(1) {
        let AxisPart { count, step: axis_step, .. } = axes[axis];
        if outer < rank && axis_step != 1 && count > 1 {
            break;
        }
        length *= count;
        outer = axis;
        if outer + 1 == rank && count > 1 {
            step = axis_step;
        }
        if count != chunk_shape[axis] || count != counts[axis] || step != 1 {
            break;
        }
    }
    let stored_base: u64 = axes.iter().zip(&stored_strides).map(|(axis, stride)| axis.start * stride).sum();
    let given_base: u64 = axes.iter().zip(&given_strides).map(|(axis, stride)| axis.given * stride).sum();
    let mut position = vec![0u64; outer];
    loop {
        let (mut stored, mut given) = (stored_base, given_base);
        for axis in 0..outer {
            stored += position[axis] * axes[axis].step * stored_strides[axis];
            given += position[axis] * given_strides[axis];
        }
        visit(Run {
            stored: stored as usize,
            step: step as usize,
            given: given as usize,
            length: length as usize,
        });
        let Some(axis) = (0..outer).rev().find(|axis| position[*axis] + 1 < axes[*axis].count) else {
            return;
        };
        position[axis] += 1;
        position[axis + 1..].fill(0);
    }
}

/// How far elements that are neighbours along each axis lie apart.
pub(crate) fn strides(shape: &[u64]) -> Vec<u64> {
    let mut strides = vec![1u64; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;
    use fascicle_backend::{Selection, Shape};

    /// Checks every element that the parts of a selection name, against the selection itself.
    fn check(shape: &[u64], chunk: &[u64], inner: Option<&[u64]>, selection: &str) {
        let region = selection.parse::<Selection>().unwrap().resolve(&Shape::new(shape).unwrap()).unwrap();
        let counts: Vec<u64> = region.axes().iter().map(|axis| axis.count).collect();
        let array_strides = strides(shape);
        let expected: Vec<u64> = {
            let mut all = vec![0u64];
            for (axis, stride) in region.axes().iter().zip(&array_strides) {
                let along =
                    |base: u64| (0..axis.count).map(move |i| base + (axis.start + i * axis.step) * stride);
                all = all.into_iter().flat_map(along).collect();
            }
            all
        };
        let mut seen = vec![None; expected.len()];
        assert_eq!(parts(&region, chunk).total(), parts(&region, chunk).count() as u64);
        for outer in parts(&region, chunk) {
            let pieces: Vec<(Vec<u64>, Part)> = match inner {
                None => vec![(outer.indices().iter().zip(chunk).map(|(i, c)| i * c).collect(), outer)],
                Some(inner) => outer
                    .cut(inner)
                    .map(|piece| {
                        let origin = outer.indices().into_iter().zip(chunk).map(|(i, c)| i * c);
                        let within = piece.indices().into_iter().zip(inner).map(|(i, c)| i * c);
                        (origin.zip(within).map(|(a, b)| a + b).collect(), piece)
                    })
                    .collect(),
            };
            for (origin, piece) in pieces {
                let shape = inner.unwrap_or(chunk);
                for_each_run(&piece, shape, &counts, |run| {
                    for i in 0..run.length {
                        let mut within = (run.stored + i * run.step) as u64;
                        let mut at = 0;
                        for axis in (0..shape.len()).rev() {
                            at += (origin[axis] + within % shape[axis]) * array_strides[axis];
                            within /= shape[axis];
                        }
                        assert!(seen[run.given + i].replace(at).is_none(), "given twice");
                    }
                });
            }
        }
        let seen: Vec<u64> = seen.into_iter().map(Option::unwrap).collect();
        assert_eq!(seen, expected, "{shape:?} {chunk:?} {inner:?} {selection}");
    }

    #[test]
    fn parts_name_every_element_once_and_in_its_place() {
        for selection in [
            "...",
            "0:0",
            "3",
            "1:9:3",
            "::4,::3",
            "2:7,1:2",
            "-1,-1",
            ":,3:4",
            "9:,::7",
            "::2,:,::2",
            "0:4,0:3,0:2",
        ] {
            for (shape, chunk, inner) in [
                (&[10u64, 9, 4][..], &[4u64, 3, 2][..], None),
                (&[10, 9, 4], &[4, 9, 4], None),
                (&[10, 9, 4], &[16, 16, 16], None),
                (&[10, 9, 4], &[8, 6, 4], Some(&[4u64, 3, 2][..])),
                (&[10, 9, 4], &[8, 9, 4], Some(&[2, 9, 4])),
                (&[10, 9, 4], &[1, 1, 1], None),
            ] {
                check(shape, chunk, inner, selection);
            }
        }
        check(&[], &[], None, "...");
        check(&[100], &[7], None, "5:90:10");
    }

    #[test]
    fn runs_are_as_long_as_they_can_be() {
        let runs = |shape: &[u64], chunk: &[u64], selection: &str| {
            let region =
                selection.parse::<Selection>().unwrap().resolve(&Shape::new(shape).unwrap()).unwrap();
            let counts: Vec<u64> = region.axes().iter().map(|axis| axis.count).collect();
            let mut runs = Vec::new();
            for part in parts(&region, chunk) {
                for_each_run(&part, chunk, &counts, |run| runs.push(run.length));
            }
            runs
        };
        assert_eq!(runs(&[8, 6, 5], &[4, 6, 5], "..."), [120, 120]);
        assert_eq!(runs(&[8, 6, 5], &[4, 6, 5], "1:3"), [60]);
        assert_eq!(runs(&[8, 6, 5], &[4, 3, 5], "0"), [15, 15]);
        assert_eq!(runs(&[8, 6, 5], &[8, 6, 5], "0,::2"), [5, 5, 5]);
        assert_eq!(runs(&[8, 6], &[8, 6], ":,::2"), [3; 8]);
    }

    #[test]
    fn whole_chunks_are_recognised_at_the_edge_too() {
        let region: Region = Region::whole(&Shape::new([10, 5]).unwrap());
        assert!(parts(&region, &[4, 3]).all(|part| part.is_whole(&[4, 3], &[10, 5])));
        let region = Region::rows(&Shape::new([10, 5]).unwrap(), 0, 9);
        let whole: Vec<bool> = parts(&region, &[4, 5]).map(|part| part.is_whole(&[4, 5], &[10, 5])).collect();
        assert_eq!(whole, [true, true, false]);
    }
}
