//! Describing an array and reading its elements.

use super::{dataset::Dataset, open::reading};
use fascicle_backend::{ArrayDescription, Region, Result, Values};
use std::path::Path;

/// What is known of the array in the file.
///
/// - Errors: `NotFound`; `Busy` when a program that lets nobody read meanwhile writes to it for seconds; `Corrupt`, `Unsupported` for what is no array.
pub(crate) fn describe(path: &Path) -> Result<ArrayDescription> {
    reading(path, |file, appearance| {
        let dataset = Dataset::open(&file)?;
        dataset.check_storage(appearance.length)?;
        dataset.describe()
    })
}

/// Reads the elements of `region` into `values`, which has their dtype and count.
///
/// - Errors: as [`describe`], and `Conflict` when the array meanwhile has another dtype or does not contain the region.
pub(crate) fn read(path: &Path, region: &Region, mut values: Values) -> Result<Values> {
    reading(path, |file, appearance| {
        let dataset = Dataset::open(&file)?;
        dataset.check_storage(appearance.length)?;
        dataset.check_filters()?;
        dataset.check_region(region)?;
        dataset.read(region, &mut values)
    })?;
    Ok(values)
}
