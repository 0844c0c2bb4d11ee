//! Adding rows to an array in place.

use super::{
    dataset::Dataset,
    driver::{check_refusals, refusals},
    foreign_writer::clear_marks_of_dead_writer,
    library::exclusively,
    open::{Appearance, close, make_durable, open_for_appending, patiently, reading},
};
use fascicle_backend::{Error, ErrorKind, Region, Result, Values};
use hdf5_sys::{
    h5d::H5Dflush,
    h5o::{H5Odisable_mdc_flushes, H5Oenable_mdc_flushes},
};
use std::{path::Path, time::Duration};

/// Who can see the file that is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Anybody, at any moment.
    Public,
    /// Nobody but the caller, who will put the file in its place afterwards.
    Private,
}

/// How a file is changed in place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InPlaceOptions {
    /// How long to wait for other programs to close the file.
    pub(crate) patience: Duration,
    /// Whether to wait until the change survives a power failure.
    pub(crate) fsync: bool,
}

/// What became of a change in place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InPlace<T> {
    /// It is done and durable.
    Done(T),
    /// Readers could meet halves of it: it has to be made to a copy, which then replaces the file.
    NeedsCopy,
    /// The file's format does not allow it: the copy has to be made by [`Original::rewrite`](super::copy::Original::rewrite).
    NeedsRewrite,
}

/// Adds `rows` rows and returns the new number of rows. The caller holds the writer's lock of the file.
///
/// - Visible to readers as a whole, and durable, on return. A writer that is killed leaves the rows from before, or all.
/// - Cost: the chunks that are written, one `fsync`; 0 rows only look.
/// - Errors: `Mismatch` for another dtype or trailing shape; `Busy` when another program has the file open for longer than the
///   patience of `options`. After an error the array is as before.
pub(crate) fn append(
    path: &Path,
    audience: Audience,
    rows: u64,
    values: &Values,
    options: InPlaceOptions,
) -> Result<InPlace<u64>> {
    let patience = options.patience;
    patiently(patience, || clear_marks_of_dead_writer(path))?;
    let (obstacle, total) = reading(path, |file, appearance| {
        let dataset = Dataset::open(&file)?;
        dataset.check_storage(appearance.length)?;
        dataset.check_filters()?;
        let total = total_rows(&dataset, rows, values)?;
        Ok((obstacle(&dataset, appearance, audience, total)?, total))
    })?;
    if rows == 0 {
        return Ok(InPlace::Done(total));
    }
    if let Some(obstacle) = obstacle {
        return Ok(obstacle);
    }
    let mut extended = None;
    let outcome = patiently(patience, || {
        exclusively(|| {
            let file = open_for_appending(path)?;
            let outcome = Dataset::open(&file).and_then(|dataset| extend(dataset, rows, values));
            extended = outcome.as_ref().ok().copied();
            let closed = close(file);
            outcome.and_then(|total| closed.map(|()| total))
        })
    });
    let total = match (outcome, extended) {
        (Ok(total), _) => total,
        (Err(error), extended) => {
            // A file that could not be closed keeps its marks. The next writer would clear them, but other programs wait for that.
            let _ = clear_marks_of_dead_writer(path);
            // The rows are there when only closing failed.
            extended.ok_or(error)?
        }
    };
    if options.fsync {
        make_durable(path)?;
    }
    Ok(InPlace::Done(total))
}

/// The number of rows after the append; `Mismatch` when the rows do not fit the array.
fn total_rows(dataset: &Dataset, rows: u64, values: &Values) -> Result<u64> {
    let shape = &dataset.shape;
    let mismatch = |why: String| Err(Error::new(ErrorKind::Mismatch, why));
    let Some(before) = shape.rows() else {
        return mismatch("a scalar has no first axis along which it could grow".to_owned());
    };
    if values.dtype() != dataset.elements.dtype {
        return mismatch(format!(
            "rows of {} do not fit an array of {}",
            values.dtype(),
            dataset.elements.dtype
        ));
    }
    if Some(values.len() as u64) != shape.with_rows(rows).ok().map(|added| added.element_count()) {
        return mismatch(format!(
            "{} elements do not make {rows} rows of an array of shape {shape}",
            values.len()
        ));
    }
    let total = before.checked_add(rows).and_then(|total| shape.with_rows(total).ok().map(|_| total));
    total.ok_or_else(|| {
        Error::new(ErrorKind::LimitExceeded, format!("an array of {before} rows cannot grow by {rows} more"))
    })
}

/// What keeps the array from being extended in place.
fn obstacle(
    dataset: &Dataset,
    appearance: &Appearance,
    audience: Audience,
    total: u64,
) -> Result<Option<InPlace<u64>>> {
    if !appearance.allows_concurrent_readers() || !dataset.can_hold(total) || dataset.has_old_chunk_index()? {
        return Ok(Some(InPlace::NeedsRewrite));
    }
    Ok((audience == Audience::Public && dataset.has_variable_length()).then_some(InPlace::NeedsCopy))
}

/// Extends the array, writes the rows and lets readers see them; after an error it has its old length again, as far as
/// the storage still accepts writes.
fn extend(mut dataset: Dataset, rows: u64, values: &Values) -> Result<u64> {
    let total = total_rows(&dataset, rows, values)?;
    let (before, refusals) = (total - rows, refusals());
    // Held back until the rows are written, so that the new length never becomes visible before them.
    call!(H5Odisable_mdc_flushes(dataset.id()))?;
    let written = dataset
        .set_rows(total)
        .and_then(|()| dataset.write(&Region::rows(&dataset.shape, before, rows), values));
    let undone = if written.is_err() { dataset.set_rows(before) } else { Ok(()) };
    call!(H5Oenable_mdc_flushes(dataset.id()))?;
    let visible = written
        .and_then(|()| call!(H5Dflush(dataset.id())).map(drop))
        .and_then(|()| check_refusals(refusals));
    if let Err(error) = visible {
        // When undoing fails as well, the storage refuses even to overwrite: the error of the append says why.
        let _ = undone
            .and_then(|()| dataset.set_rows(before))
            .and_then(|()| call!(H5Dflush(dataset.id())).map(drop));
        return Err(error);
    }
    Ok(total)
}
