//! Writing elements over those that are there.

use super::{
    append::{Audience, InPlace, InPlaceOptions},
    dataset::Dataset,
    foreign_writer::clear_marks_of_dead_writer,
    library::exclusively,
    open::{close, make_durable, open_for_appending, open_privately, patiently, reading},
};
use fascicle_backend::{Region, Result, Values};
use hdf5_sys::h5d::H5Dflush;
use std::path::Path;

/// Writes the elements of `region` in place. The caller holds the writer's lock of the file.
///
/// - Durable on return. Not atomic: readers may see some of the elements before others, and a writer that is killed may
///   leave some unwritten; where chunks are compressed, it can leave the chunk it was writing unreadable.
/// - Errors: `Conflict` for another dtype or a region that is not inside; `Busy` when another program has the file open
///   for longer than the patience of `options`.
pub(crate) fn write_region(
    path: &Path,
    audience: Audience,
    region: &Region,
    values: &Values,
    options: InPlaceOptions,
) -> Result<InPlace<()>> {
    let patience = options.patience;
    patiently(patience, || clear_marks_of_dead_writer(path))?;
    let can_be_read_meanwhile = reading(path, |file, appearance| {
        let dataset = Dataset::open(&file)?;
        dataset.check_storage(appearance.length)?;
        dataset.check_filters()?;
        dataset.check_region(region)?;
        dataset.check_dtype(values)?;
        Ok(appearance.allows_concurrent_readers()
            && !dataset.has_variable_length()
            && !dataset.has_old_chunk_index()?)
    })?;
    if audience == Audience::Public && !can_be_read_meanwhile {
        return Ok(InPlace::NeedsCopy);
    }
    let written = patiently(patience, || {
        exclusively(|| {
            let file = match audience {
                Audience::Public => open_for_appending(path)?,
                Audience::Private => open_privately(path)?,
            };
            let outcome = Dataset::open(&file).and_then(|dataset| {
                dataset.check_region(region)?;
                dataset.write(region, values)?;
                call!(H5Dflush(dataset.id())).map(drop)
            });
            let closed = close(file);
            outcome.and(closed)
        })
    });
    if written.is_err() {
        // A file that could not be closed keeps its marks. The next writer would clear them, but other programs wait for that.
        let _ = clear_marks_of_dead_writer(path);
    }
    written?;
    if options.fsync {
        make_durable(path)?;
    }
    Ok(InPlace::Done(()))
}
