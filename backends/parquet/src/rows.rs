//! Elements of rows as they lie in the rows, and as they lie in a region.

use fascicle_backend::{AxisRegion, Region, Result, Values};

/// Where the elements of a region lie in each row.
#[derive(Clone, Debug)]
pub(crate) struct RowPattern {
    /// The rows of the region.
    pub(crate) start: u64,
    pub(crate) step: u64,
    pub(crate) count: u64,
    /// The lengths of the axes within a row, and what of them is meant.
    lengths: Vec<u64>,
    axes: Vec<AxisRegion>,
    row_elements: usize,
    /// The elements of the region in each row.
    selected: usize,
}

impl RowPattern {
    /// The pattern of a region that lies inside of an array whose rows have the shape `trailing`.
    pub(crate) fn new(trailing: &[u64], region: &Region) -> Self {
        let (first, axes) = match region.axes().split_first() {
            Some((first, axes)) => (*first, axes.to_vec()),
            // A scalar is one row.
            None => (AxisRegion { start: 0, step: 1, count: 1 }, Vec::new()),
        };
        let elements = |lengths: &mut dyn Iterator<Item = u64>| {
            usize::try_from(lengths.fold(1, u64::saturating_mul)).unwrap_or(usize::MAX)
        };
        RowPattern {
            start: first.start,
            step: first.step,
            count: first.count,
            row_elements: elements(&mut trailing.iter().copied()),
            selected: elements(&mut axes.iter().map(|axis| axis.count)),
            lengths: trailing.to_vec(),
            axes,
        }
    }

    /// Whether the region takes in rows as a whole.
    fn is_whole_rows(&self) -> bool {
        self.axes.iter().zip(&self.lengths).all(|(axis, length)| is_whole(axis, *length))
    }

    /// The first row of the region at or after `row`; `None` after the last.
    pub(crate) fn next_row(&self, row: u64) -> Option<u64> {
        let at = row.saturating_sub(self.start).div_ceil(self.step);
        (at < self.count).then(|| self.start + at * self.step)
    }

    /// The row after the last of the region.
    pub(crate) fn end(&self) -> u64 {
        self.count.checked_sub(1).map_or(self.start, |steps| self.start + steps * self.step + 1)
    }

    /// Copies the elements of the region from whole rows, the first of which is `first_row`, to where they belong in the region.
    pub(crate) fn gather(&self, first_row: u64, rows: &Values, region: &mut Values) -> Result<()> {
        self.for_each_run(first_row, rows.len(), |in_rows, in_region, length| {
            region.copy_from(in_region, rows, in_rows..in_rows + length)
        })
    }

    /// Copies the elements of the region into whole rows, the first of which is `first_row`.
    pub(crate) fn scatter(&self, first_row: u64, region: &Values, rows: &mut Values) -> Result<()> {
        self.for_each_run(first_row, rows.len(), |in_rows, in_region, length| {
            rows.copy_from(in_rows, region, in_region..in_region + length)
        })
    }

    /// The stretches of elements that lie one after another both in the rows, of so many elements in all, and in the region.
    pub(crate) fn for_each_run(
        &self,
        first_row: u64,
        elements: usize,
        mut run: impl FnMut(usize, usize, usize) -> Result<()>,
    ) -> Result<()> {
        let rows = elements.checked_div(self.row_elements).unwrap_or(0);
        let end = first_row.saturating_add(rows as u64);
        let Some(mut row) = self.next_row(first_row) else { return Ok(()) };
        let place = |row: u64| {
            let in_rows = (row - first_row) as usize * self.row_elements;
            (in_rows, ((row - self.start) / self.step) as usize * self.selected)
        };
        if self.is_whole_rows() && self.step == 1 && row < end {
            let (in_rows, in_region) = place(row);
            let count = (end.min(self.end()) - row) as usize;
            return run(in_rows, in_region, count * self.row_elements);
        }
        while row < end {
            let (in_rows, mut in_region) = place(row);
            let mut within = |at: usize, length: usize| {
                run(in_rows + at, in_region, length)?;
                in_region += length;
                Ok(())
            };
            runs_of_row(&self.lengths, &self.axes, 0, &mut within)?;
            let Some(next) = self.next_row(row + 1) else { break };
            row = next;
        }
        Ok(())
    }
}

fn is_whole(axis: &AxisRegion, length: u64) -> bool {
    axis.start == 0 && axis.count == length && (axis.step == 1 || length <= 1)
}

/// The stretches of the selected elements of one row, in order.
fn runs_of_row(
    lengths: &[u64],
    axes: &[AxisRegion],
    at: usize,
    run: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<()> {
    let (Some((_, inner_lengths)), Some((axis, inner_axes))) = (lengths.split_first(), axes.split_first())
    else {
        return run(at, 1);
    };
    let stride = inner_lengths.iter().product::<u64>() as usize;
    let inner_is_whole = inner_axes.iter().zip(inner_lengths).all(|(axis, length)| is_whole(axis, *length));
    if inner_is_whole && (axis.step == 1 || axis.count <= 1) {
        let length = axis.count as usize * stride;
        return if length == 0 { Ok(()) } else { run(at + axis.start as usize * stride, length) };
    }
    for position in 0..axis.count {
        let from = at + (axis.start + position * axis.step) as usize * stride;
        if inner_is_whole {
            run(from, stride)?;
        } else {
            runs_of_row(inner_lengths, inner_axes, from, run)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use fascicle_backend::{Selection, Shape};

    /// What the region selects of an array that counts its elements, found element by element.
    fn expected(shape: &Shape, region: &Region) -> Vec<i64> {
        let mut found = vec![0u64];
        for (length, axis) in shape.iter().zip(region.axes()) {
            let positions = (0..axis.count).map(|n| axis.start + n * axis.step);
            let positions: Vec<u64> = positions.collect();
            found = found.iter().flat_map(|at| positions.iter().map(move |p| at * length + p)).collect();
        }
        found.into_iter().map(|at| at as i64).collect()
    }

    #[test]
    fn regions_are_gathered_and_scattered() {
        let shape = Shape::new([7, 3, 4, 2]).unwrap();
        let all = Values::Int64((0..7 * 24).collect());
        for text in
            ["...", "2:5", "::2", "1:6:3,1", "...,1", ":,::2,1:3", "3,2,1:4:2,0", "0:0", ":,:,0:0", "6"]
        {
            let selection: Selection = text.parse().unwrap();
            let region = selection.resolve(&shape).unwrap();
            let pattern = RowPattern::new(shape.trailing(), &region);
            let count = region.element_count().unwrap();
            let mut gathered = Values::zeros(all.dtype(), count).unwrap();
            // In pieces of three rows.
            for first in [0usize, 3, 6] {
                let rows = all.slice(first * 24..(first + 3).min(7) * 24).unwrap();
                pattern.gather(first as u64, &rows, &mut gathered).unwrap();
            }
            let expected = Values::Int64(expected(&shape, &region));
            assert!(gathered.same_bits(&expected), "{text}: {gathered:?}");

            let mut scattered = Values::Int64(vec![-1; 7 * 24]);
            pattern.scatter(0, &gathered, &mut scattered).unwrap();
            let mut again = Values::zeros(all.dtype(), count).unwrap();
            pattern.gather(0, &scattered, &mut again).unwrap();
            assert!(again.same_bits(&gathered), "{text}");
            let Values::Int64(scattered) = scattered else { unreachable!() };
            assert_eq!(scattered.iter().filter(|value| **value >= 0).count() as u64, count, "{text}");
        }
    }
}
