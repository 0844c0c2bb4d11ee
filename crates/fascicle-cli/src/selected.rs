//! A part of a stored array that is read block by block.

use crate::blocks::{self, BLOCK_BYTES, Order};
use fascicle::{Array, ArrayData, AxisRegion, DType, Region, Result, Selection, Shape};

/// The elements of an array that a selection names, in C order.
pub(crate) struct SelectedArray {
    array: Array,
    /// The positions in the array, one for each of its axes.
    region: Region,
    /// The shape that a reader sees: axes selected by an index are gone.
    shape: Shape,
}

impl SelectedArray {
    /// Selects by Python's notation; everything without it.
    pub(crate) fn new(array: Array, slice: Option<&str>) -> Result<Self> {
        let selection: Selection = slice.map_or_else(|| Ok(Selection::all()), str::parse)?;
        let located = |error: fascicle::Error| error.during("select from array").at(array.path());
        let region = selection.resolve(array.shape()).map_err(located)?;
        let shape = selection.result_shape(&region)?;
        Ok(SelectedArray { array, region, shape })
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(crate) fn dtype(&self) -> DType {
        self.array.dtype()
    }

    /// The name of the array.
    pub(crate) fn name(&self) -> &str {
        self.array.path().name()
    }

    /// The number of selected positions along each axis of the array, also along those that a reader does not see.
    pub(crate) fn counts(&self) -> Vec<u64> {
        self.region.axes().iter().map(|axis| axis.count).collect()
    }

    /// The blocks of the selected elements in C order, each of them contiguous in that order, in positions among the selected.
    pub(crate) fn blocks(&self) -> Result<blocks::Blocks> {
        Ok(blocks::blocks(&self.region.shape()?, self.dtype(), Order::C, BLOCK_BYTES))
    }

    /// Reads a block, whose shape has all axes of the array.
    pub(crate) async fn read(&self, block: &Region) -> Result<ArrayData> {
        let axes = self.region.axes().iter().zip(block.axes()).map(|(axis, part)| AxisRegion {
            start: axis.start + part.start * axis.step,
            step: axis.step * part.step,
            count: part.count,
        });
        self.array.select(blocks::selection(&Region::new(axes.collect::<Vec<_>>()))?)?.read().await
    }

    /// About as many rows of what a reader sees as fit a block, from row `start` on, with the shape that a reader sees.
    /// `None` after the last row.
    pub(crate) async fn read_rows(&self, start: u64, rows: u64) -> Result<ArrayData> {
        // The first axis that a reader sees is the first with other than one position, or any, since then it is one row.
        let counts = self.counts();
        let first = counts.iter().position(|count| Some(*count) == self.shape.rows()).unwrap_or(0);
        let axes = counts.iter().enumerate().map(|(axis, count)| match axis == first {
            true => AxisRegion { start, step: 1, count: rows },
            false => AxisRegion { start: 0, step: 1, count: *count },
        });
        let (_, values) = self.read(&Region::new(axes.collect::<Vec<_>>())).await?.into_parts();
        ArrayData::new(self.shape.with_rows(rows)?, values)
    }

    /// How many rows of what a reader sees make about a block; at least one.
    pub(crate) fn block_rows(&self) -> u64 {
        let row_elements: u64 = self.shape.trailing().iter().product();
        let row_bytes = row_elements.saturating_mul(self.dtype().memory_bytes() as u64).max(1);
        (BLOCK_BYTES / row_bytes).max(1)
    }
}
