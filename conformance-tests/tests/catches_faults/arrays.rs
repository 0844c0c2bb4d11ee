//! Faults in arrays: shapes, regions, fill values, appends.

use crate::{
    Case,
    planted::{Fault, Inner},
    writers::AlteredArray,
};
use async_trait::async_trait;
use fascicle_backend::{
    ArrayDescription, ArrayOptions, ArraySpec, ArrayStore, ArrayWriter, AxisRegion, Codec, DType, EntryPath,
    Error, ErrorKind, Region, Result, Shape, TimeUnit, Values, WriteMode,
};
use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

fn arrays<'a>(inner: Inner<'a>) -> &'a dyn ArrayStore {
    inner.arrays().unwrap()
}

/// Changes what an array is created as, or refuses it.
struct Created(fn(ArraySpec, ArrayOptions) -> Result<(ArraySpec, ArrayOptions)>);

#[async_trait]
impl Fault for Created {
    async fn create_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        let (spec, options) = (self.0)(spec.clone(), options.clone())?;
        arrays(inner).create(path, &spec, &options, mode).await
    }
}

/// Changes what a writer is given.
struct Pieces(fn(Region, Values) -> Option<(Region, Values)>);

#[async_trait]
impl Fault for Pieces {
    async fn create_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        let inner = arrays(inner).create(path, spec, options, mode).await?;
        Ok(Box::new(AlteredArray { inner, alter: self.0 }))
    }
}

/// Changes what is described.
struct Described(fn(ArrayDescription) -> ArrayDescription);

#[async_trait]
impl Fault for Described {
    async fn describe_array(&self, inner: Inner<'_>, path: &EntryPath) -> Result<ArrayDescription> {
        Ok((self.0)(arrays(inner).describe(path).await?))
    }
}

/// Changes which region is read.
struct RegionRead(fn(Region) -> Region);

#[async_trait]
impl Fault for RegionRead {
    async fn read_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        region: &Region,
        buffer: Values,
    ) -> Result<Values> {
        arrays(inner).read(path, &(self.0)(region.clone()), buffer).await
    }
}

/// Changes which region is written in place.
struct RegionWritten(fn(Region) -> Region);

#[async_trait]
impl Fault for RegionWritten {
    async fn write_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        region: &Region,
        values: Values,
    ) -> Result<()> {
        arrays(inner).write(path, &(self.0)(region.clone()), values).await
    }
}

/// Refusals of one kind are kept quiet: reading gives zeros, writing does nothing.
struct Quiet(ErrorKind);

#[async_trait]
impl Fault for Quiet {
    async fn describe_array(&self, inner: Inner<'_>, path: &EntryPath) -> Result<ArrayDescription> {
        match arrays(inner).describe(path).await {
            Err(error) if error.kind() == self.0 => Ok(ArrayDescription {
                shape: Shape::new([0])?,
                dtype: DType::Float64,
                chunks: None,
                codecs: vec![],
                fill: None,
                stored_bytes: None,
            }),
            other => other,
        }
    }
    async fn read_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        region: &Region,
        buffer: Values,
    ) -> Result<Values> {
        match arrays(inner).read(path, region, buffer.clone()).await {
            Err(error) if error.kind() == self.0 => Ok(buffer),
            other => other,
        }
    }
    async fn write_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        region: &Region,
        values: Values,
    ) -> Result<()> {
        match arrays(inner).write(path, region, values).await {
            Err(error) if error.kind() == self.0 => Ok(()),
            other => other,
        }
    }
}

/// Refusals of appends are kept quiet.
struct QuietAppends(ErrorKind);

#[async_trait]
impl Fault for QuietAppends {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        match arrays(inner).append(path, rows, values).await {
            Err(error) if error.kind() == self.0 => Ok(rows),
            other => other,
        }
    }
}

/// Changes what is appended, and what is answered.
struct Appended {
    rows: fn(u64, Values) -> (u64, Values),
    answer: fn(u64, u64) -> u64,
}

#[async_trait]
impl Fault for Appended {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let (changed_rows, values) = (self.rows)(rows, values);
        Ok((self.answer)(rows, arrays(inner).append(path, changed_rows, values).await?))
    }
}

async fn write_whole(inner: Inner<'_>, path: &EntryPath, spec: &ArraySpec, values: Values) -> Result<()> {
    let mut writer = arrays(inner).create(path, spec, &ArrayOptions::default(), WriteMode::Overwrite).await?;
    writer.write(&Region::whole(&spec.shape), values).await?;
    writer.finish().await
}

/// Appending writes a new array of the new rows.
struct AppendReplaces;

#[async_trait]
impl Fault for AppendReplaces {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let total = arrays(inner).append(path, rows, values.clone()).await?;
        let description = arrays(inner).describe(path).await?;
        let spec = ArraySpec { shape: description.shape.with_rows(rows)?, dtype: description.dtype };
        write_whole(inner, path, &spec, values).await?;
        Ok(total)
    }
}

/// Appending writes the array anew, without fill value and attributes.
struct AppendRewrites;

#[async_trait]
impl Fault for AppendRewrites {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let total = arrays(inner).append(path, rows, values).await?;
        let description = arrays(inner).describe(path).await?;
        let buffer = Values::zeros(description.dtype, description.shape.element_count())?;
        let all = arrays(inner).read(path, &Region::whole(&description.shape), buffer).await?;
        let spec = ArraySpec { shape: description.shape, dtype: description.dtype };
        write_whole(inner, path, &spec, all).await?;
        Ok(total)
    }
}

/// Appending creates what is missing.
struct AppendCreates;

#[async_trait]
impl Fault for AppendCreates {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        match arrays(inner).append(path, rows, values.clone()).await {
            Err(error) if error.is_not_found() => {
                let spec = ArraySpec { shape: Shape::new([rows])?, dtype: values.dtype() };
                write_whole(inner, path, &spec, values).await.map(|()| rows)
            }
            other => other,
        }
    }
}

/// A refused append has changed the array already.
struct RefusedAppendsGrow;

#[async_trait]
impl Fault for RefusedAppendsGrow {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let answer = arrays(inner).append(path, rows, values).await;
        if answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Mismatch) {
            let description = arrays(inner).describe(path).await?;
            if description.shape.rank() > 0 {
                let row = Values::zeros(description.dtype, description.shape.trailing().iter().product())?;
                arrays(inner).append(path, 1, row).await?;
            }
        }
        answer
    }
}

/// After one refused append the handle refuses all.
#[derive(Default)]
struct RefusedAppendsPoison(Mutex<HashSet<EntryPath>>);

#[async_trait]
impl Fault for RefusedAppendsPoison {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        if self.0.lock().unwrap().contains(path) {
            return Err(Error::new(ErrorKind::Busy, "an earlier append failed"));
        }
        let answer = arrays(inner).append(path, rows, values).await;
        if answer.is_err() {
            self.0.lock().unwrap().insert(path.clone());
        }
        answer
    }
}

/// The handle goes on from the length it remembers.
#[derive(Default)]
struct RemembersLengths(Mutex<HashMap<EntryPath, u64>>);

#[async_trait]
impl Fault for RemembersLengths {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let length = arrays(inner).append(path, rows, values).await?;
        let mut lengths = self.0.lock().unwrap();
        let remembered = lengths.get(path).map_or(length, |length| length + rows);
        lengths.insert(path.clone(), remembered);
        Ok(remembered)
    }
}

/// An array that grew since it was described cannot be read.
#[derive(Default)]
struct GrownArraysConflict(Mutex<HashMap<EntryPath, Shape>>);

#[async_trait]
impl Fault for GrownArraysConflict {
    async fn describe_array(&self, inner: Inner<'_>, path: &EntryPath) -> Result<ArrayDescription> {
        let description = arrays(inner).describe(path).await?;
        self.0.lock().unwrap().insert(path.clone(), description.shape.clone());
        Ok(description)
    }
    async fn read_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        region: &Region,
        buffer: Values,
    ) -> Result<Values> {
        let known = self.0.lock().unwrap().get(path).cloned();
        let now = arrays(inner).describe(path).await.ok().map(|description| description.shape);
        if known.is_some() && now.is_some() && known != now {
            return Err(Error::new(ErrorKind::Conflict, "the array has grown"));
        }
        arrays(inner).read(path, region, buffer).await
    }
}

/// Writes in place only what was there from the beginning.
#[derive(Default)]
struct AppendedRowsAreSealed(Mutex<HashMap<EntryPath, u64>>);

#[async_trait]
impl Fault for AppendedRowsAreSealed {
    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let length = arrays(inner).append(path, rows, values).await?;
        self.0.lock().unwrap().entry(path.clone()).or_insert(length - rows);
        Ok(length)
    }
    async fn write_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        region: &Region,
        values: Values,
    ) -> Result<()> {
        let sealed = self.0.lock().unwrap().get(path).copied();
        let end = region.axes().first().and_then(AxisRegion::end);
        if sealed.is_some_and(|sealed| end.is_some_and(|end| end > sealed)) {
            return Err(Error::new(ErrorKind::Conflict, "the rows are sealed"));
        }
        arrays(inner).write(path, region, values).await
    }
}

/// Only what is written first arrives.
struct LaterPiecesAreLost;

struct FirstPiece {
    inner: Box<dyn ArrayWriter>,
    any: bool,
}

#[async_trait]
impl ArrayWriter for FirstPiece {
    async fn write(&mut self, region: &Region, values: Values) -> Result<()> {
        if std::mem::replace(&mut self.any, true) {
            return Ok(());
        }
        self.inner.write(region, values).await
    }
    async fn finish(self: Box<Self>) -> Result<()> {
        self.inner.finish().await
    }
}

#[async_trait]
impl Fault for LaterPiecesAreLost {
    async fn create_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        let inner = arrays(inner).create(path, spec, options, mode).await?;
        Ok(Box::new(FirstPiece { inner, any: false }))
    }
}

/// The last element of a chunked array is lost.
struct EdgesOfChunksAreLost;

#[async_trait]
impl Fault for EdgesOfChunksAreLost {
    async fn read_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        region: &Region,
        buffer: Values,
    ) -> Result<Values> {
        let description = arrays(inner).describe(path).await?;
        let values = arrays(inner).read(path, region, buffer).await?;
        match description.chunks {
            Some(_) if !values.is_empty() => {
                let mut lost = Values::zeros(values.dtype(), values.len() as u64)?;
                lost.copy_from(0, &values, 0..values.len() - 1)?;
                Ok(lost)
            }
            _ => Ok(values),
        }
    }
}

/// Arrays of one name are one array, whatever directory they are in.
struct DirectoriesAreIgnored;

fn flat(path: &EntryPath) -> EntryPath {
    EntryPath::parse(path.name()).unwrap()
}

#[async_trait]
impl Fault for DirectoriesAreIgnored {
    async fn create_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        arrays(inner).create(&flat(path), spec, options, mode).await
    }
    async fn describe_array(&self, inner: Inner<'_>, path: &EntryPath) -> Result<ArrayDescription> {
        arrays(inner).describe(&flat(path)).await
    }
    async fn read_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        region: &Region,
        buffer: Values,
    ) -> Result<Values> {
        arrays(inner).read(&flat(path), region, buffer).await
    }
}

/// Reading marks the array as read.
struct ReadingChanges;

#[async_trait]
impl Fault for ReadingChanges {
    async fn read_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        region: &Region,
        buffer: Values,
    ) -> Result<Values> {
        let values = arrays(inner).read(path, region, buffer).await?;
        let description = arrays(inner).describe(path).await?;
        if !region.is_whole(&description.shape) && !values.is_empty() {
            let zeros = Values::zeros(description.dtype, values.len() as u64)?;
            arrays(inner).write(path, region, zeros).await?;
        }
        Ok(values)
    }
}

fn refuse<T>(kind: ErrorKind) -> Result<T> {
    Err(Error::new(kind, "this storage cannot hold that"))
}

fn without_steps(region: Region) -> Region {
    Region::new(region.axes().iter().map(|axis| AxisRegion { step: 1, ..*axis }).collect::<Vec<_>>())
}

/// The region one position further along its first axis, where there is room.
fn shifted(region: Region) -> Region {
    let mut axes = region.axes().to_vec();
    if let Some(first) = axes.first_mut().filter(|first| first.start > 0) {
        first.start -= 1;
    }
    Region::new(axes)
}

pub(crate) fn cases() -> Vec<Case> {
    let created = |name,
                   change: fn(ArraySpec, ArrayOptions) -> Result<(ArraySpec, ArrayOptions)>,
                   caught_by| { Case::new(name, move || Created(change), caught_by) };
    let described = |name, change: fn(ArrayDescription) -> ArrayDescription, caught_by| {
        Case::new(name, move || Described(change), caught_by)
    };
    let pieces = |name, alter: fn(Region, Values) -> Option<(Region, Values)>, caught_by| {
        Case::new(name, move || Pieces(alter), caught_by)
    };
    let appended = |name, rows: fn(u64, Values) -> (u64, Values), answer: fn(u64, u64) -> u64, caught_by| {
        Case::new(name, move || Appended { rows, answer }, caught_by)
    };
    vec![
        created(
            "fill_values_are_ignored",
            |spec, options| Ok((spec, ArrayOptions { fill: None, ..options })),
            &[
                "array::unwritten_elements_hold_the_fill_value",
                "array::the_fill_value_is_described",
                "append::the_description_is_kept",
            ],
        ),
        created(
            "unwritten_numbers_are_not_a_number",
            |spec, options| {
                let fill = (spec.dtype == DType::Float64).then(|| Values::Float64(vec![f64::NAN]));
                Ok((spec, ArrayOptions { fill: options.fill.or(fill), ..options }))
            },
            &["array::unwritten_elements_are_zero"],
        ),
        created(
            "more_than_8_axes_are_refused",
            |spec, options| {
                if spec.shape.rank() > 8 { refuse(ErrorKind::Unsupported) } else { Ok((spec, options)) }
            },
            &["limit::the_greatest_rank_works"],
        ),
        created(
            "empty_axes_are_refused",
            |spec, options| {
                if spec.shape.contains(&0) { refuse(ErrorKind::InvalidInput) } else { Ok((spec, options)) }
            },
            &[
                "array::axes_can_be_empty",
                "array::overwriting_changes_shape_and_dtype",
                "select::empty_selections_are_empty",
                "append::an_empty_array_grows",
                "append::rows_without_elements_are_counted",
                "append::many_appends_arrive_in_order",
            ],
        ),
        created(
            "uncompressed_arrays_are_refused",
            |spec, options| match options.codec {
                Some(Codec::Uncompressed) => refuse(ErrorKind::Unsupported),
                _ => Ok((spec, options)),
            },
            &["array::every_codec_is_lossless_or_refused"],
        ),
        created(
            "an_absurd_array_is_an_internal_error",
            |spec, options| {
                if spec.shape.element_count() > 1 << 40 {
                    refuse(ErrorKind::Internal)
                } else {
                    Ok((spec, options))
                }
            },
            &["limit::an_absurd_array_is_refused_or_takes_no_room"],
        ),
        described(
            "the_fill_value_is_not_described",
            |description| ArrayDescription { fill: None, ..description },
            &["array::the_fill_value_is_described", "append::the_description_is_kept"],
        ),
        described(
            "times_are_described_in_seconds",
            |description| match description.dtype {
                DType::DateTime64(_) => {
                    ArrayDescription { dtype: DType::DateTime64(TimeUnit::Second), ..description }
                }
                _ => description,
            },
            &[
                "array::unwritten_elements_are_zero",
                "array::unwritten_elements_hold_the_fill_value",
                "array::a_region_of_any_dtype_is_written_in_place",
                "dtype::datetimes_come_back",
                "dtype::every_dtype_is_described",
                "dtype::every_dtype_can_be_a_scalar",
                "dtype::every_dtype_comes_back_from_chunks",
                "append::every_dtype_is_appended",
                "reopen::arrays_stay",
            ],
        ),
        described(
            "scalars_are_described_with_an_axis",
            |description| match description.shape.rank() {
                0 => ArrayDescription { shape: Shape::new([1]).unwrap(), ..description },
                _ => description,
            },
            &[
                "array::a_scalar_holds_one_element",
                "array::shape_and_dtype_are_described",
                "array::overwriting_changes_shape_and_dtype",
                "dtype::every_dtype_can_be_a_scalar",
                "select::a_scalar_is_read",
                "append::a_scalar_is_refused",
            ],
        ),
        described(
            "chunks_of_no_elements_are_described",
            |description| ArrayDescription {
                chunks: description.chunks.map(|chunks| vec![0; chunks.len()]),
                ..description
            },
            &["array::any_chunks_work"],
        ),
        pieces(
            "steps_of_written_regions_are_ignored",
            |region, values| Some((without_steps(region), values)),
            &["array::it_is_written_with_steps"],
        ),
        pieces(
            "large_pieces_are_lost",
            |region, values| (values.len() < 400_000).then_some((region, values)),
            &["array::a_large_array_comes_back"],
        ),
        pieces(
            "empty_regions_write_one_element",
            |region, values| match (region.axes(), values) {
                ([axis], Values::Int64(values)) if values.is_empty() && axis.start > 0 => {
                    let first = AxisRegion { start: 0, step: 1, count: 1 };
                    Some((Region::new([first]), Values::Int64(vec![-1])))
                }
                (_, values) => Some((region, values)),
            },
            &["array::an_empty_region_is_nothing_to_write"],
        ),
        pieces(
            "the_last_axis_is_reversed",
            |region, values| match values {
                Values::Int64(mut values) if region.axes().len() >= 2 && values.len() > 1 => {
                    values.reverse();
                    Some((region, Values::Int64(values)))
                }
                other => Some((region, other)),
            },
            &[
                "array::elements_come_back",
                "array::many_axes_work",
                "select::ranges_are_read",
                "select::steps_are_read",
                "select::single_positions_are_read",
            ],
        )
        .among_others(),
        Case::new(
            "later_pieces_are_lost",
            || LaterPiecesAreLost,
            &["array::it_is_written_in_any_order", "array::the_last_write_of_an_element_counts"],
        ),
        Case::new(
            "edges_of_chunks_are_lost",
            || EdgesOfChunksAreLost,
            &[
                "array::any_chunks_work",
                "array::a_region_is_written_in_place_with_steps",
                "dtype::every_dtype_comes_back_from_chunks",
                "select::regions_across_chunks_are_read",
                "select::random_regions_hold_the_right_elements",
                "append::appends_cross_chunks",
                "append::the_description_is_kept",
            ],
        ),
        Case::new(
            "directories_of_arrays_are_ignored",
            || DirectoriesAreIgnored,
            &[
                "entry::the_parent_of_an_array_must_exist",
                "array::arrays_are_apart",
                "rename::a_moved_array_grows",
                "fault::creating_an_array_is_all_or_nothing",
                "fault::overwriting_an_array_is_all_or_nothing",
                "fault::appending_to_an_array_is_all_or_nothing",
                "fault::writing_a_region_is_all_or_nothing",
                "error::operation_and_path_of_arrays_are_named",
            ],
        )
        .among_others(),
        Case::new(
            "reading_clears_what_was_read",
            || ReadingChanges,
            &[
                "select::ranges_are_read",
                "select::steps_are_read",
                "select::single_positions_are_read",
                "select::regions_across_chunks_are_read",
                "select::text_is_read",
                "select::random_regions_hold_the_right_elements",
                "select::reading_changes_nothing",
            ],
        )
        .among_others(),
        Case::new(
            "steps_of_read_regions_are_ignored",
            || RegionRead(without_steps),
            &[
                "array::reading_what_is_not_there_is_a_conflict",
                "select::steps_are_read",
                "select::text_is_read",
                "select::random_regions_hold_the_right_elements",
            ],
        ),
        Case::new(
            "regions_are_read_one_early",
            || RegionRead(shifted),
            &[
                "array::many_axes_work",
                "array::any_chunks_work",
                "array::reading_what_is_not_there_is_a_conflict",
                "select::ranges_are_read",
                "select::steps_are_read",
                "select::single_positions_are_read",
                "select::a_step_beyond_the_end_reads_one",
                "select::regions_across_chunks_are_read",
                "select::text_is_read",
                "select::random_regions_hold_the_right_elements",
            ],
        ),
        Case::new(
            "steps_of_regions_in_place_are_ignored",
            || RegionWritten(without_steps),
            &[
                "array::a_region_is_written_in_place_with_steps",
                "array::writing_what_does_not_fit_changes_nothing",
            ],
        ),
        Case::new(
            "regions_are_written_one_early",
            || RegionWritten(shifted),
            &[
                "array::a_region_is_written_in_place",
                "array::a_region_is_written_in_place_with_steps",
                "array::a_region_of_any_dtype_is_written_in_place",
                "array::writing_what_does_not_fit_changes_nothing",
                "append::appended_rows_are_written_in_place",
                "reopen::written_regions_stay",
            ],
        ),
        Case::new(
            "missing_arrays_read_as_empty",
            || Quiet(ErrorKind::NotFound),
            &[
                "array::it_appears_when_it_is_finished",
                "array::a_missing_array_is_not_found",
                "array::writing_a_region_needs_an_array",
                "remove::a_removed_array_is_gone",
                "error::operation_and_path_of_arrays_are_named",
            ],
        ),
        Case::new(
            "other_kinds_read_as_empty_arrays",
            || Quiet(ErrorKind::WrongKind),
            &[
                "array::other_kinds_are_not_arrays",
                "array::a_table_is_not_an_array",
                "array::writing_a_region_needs_an_array",
                "error::operation_and_path_of_arrays_are_named",
            ],
        ),
        Case::new(
            "reading_outside_gives_zeros",
            || Quiet(ErrorKind::Conflict),
            &[
                "array::reading_what_is_not_there_is_a_conflict",
                "array::writing_what_does_not_fit_changes_nothing",
                "error::operation_and_path_of_arrays_are_named",
            ],
        ),
        Case::new(
            "appends_that_do_not_fit_pretend",
            || QuietAppends(ErrorKind::Mismatch),
            &[
                "append::another_dtype_is_refused",
                "append::another_trailing_shape_is_refused",
                "append::a_scalar_is_refused",
                "error::an_array_survives_refusals",
                "random::arrays_follow_the_model",
            ],
        ),
        Case::new(
            "appends_to_other_kinds_pretend",
            || QuietAppends(ErrorKind::WrongKind),
            &["append::other_kinds_are_refused"],
        ),
        Case::new(
            "appending_to_an_array_replaces_it",
            || AppendReplaces,
            &[
                "append::extends_along_the_first_axis",
                "append::rows_have_the_trailing_shape",
                "append::many_appends_arrive_in_order",
                "append::appends_cross_chunks",
            ],
        )
        .among_others(),
        Case::new(
            "appending_to_an_array_rewrites_it",
            || AppendRewrites,
            &["append::the_description_is_kept", "attributes::appending_to_an_array_keeps_them"],
        ),
        Case::new("appending_creates_an_array", || AppendCreates, &["append::a_missing_array_is_not_found"]),
        appended(
            "appending_drops_the_last_row",
            |rows, values| {
                let kept = values.len().checked_div(rows as usize).map_or(0, |row| values.len() - row);
                (rows.saturating_sub(1), values.slice(0..kept).unwrap())
            },
            |_, length| length,
            &[
                "append::extends_along_the_first_axis",
                "append::rows_have_the_trailing_shape",
                "append::many_appends_arrive_in_order",
                "append::appends_cross_chunks",
                "append::every_dtype_is_appended",
            ],
        )
        .among_others(),
        appended(
            "appending_tells_what_was_added",
            |rows, values| (rows, values),
            |rows, _| rows,
            &[
                "append::extends_along_the_first_axis",
                "append::rows_have_the_trailing_shape",
                "append::zero_rows_change_nothing",
                "append::rows_without_elements_are_counted",
                "append::many_appends_arrive_in_order",
                "append::an_overwritten_array_grows_from_its_new_length",
                "rename::a_moved_array_grows",
                "reopen::appended_rows_stay",
            ],
        ),
        appended(
            "appending_nothing_tells_of_one_row",
            |rows, values| (rows, values),
            |rows, length| if rows == 0 { length + 1 } else { length },
            &["append::zero_rows_change_nothing"],
        ),
        appended(
            "rows_without_elements_are_not_counted",
            |rows, values| (if values.is_empty() { 0 } else { rows }, values),
            |_, length| length,
            &["append::rows_without_elements_are_counted", "append::another_trailing_shape_is_refused"],
        ),
        Case::new(
            "refused_appends_grow_the_array",
            || RefusedAppendsGrow,
            &[
                "append::another_dtype_is_refused",
                "append::another_trailing_shape_is_refused",
                "error::an_array_survives_refusals",
            ],
        ),
        Case::new(
            "refused_appends_poison_the_array",
            RefusedAppendsPoison::default,
            &[
                "append::another_dtype_is_refused",
                "append::another_trailing_shape_is_refused",
                "error::an_array_survives_refusals",
            ],
        ),
        Case::new(
            "lengths_are_remembered",
            RemembersLengths::default,
            &["append::an_overwritten_array_grows_from_its_new_length"],
        ),
        Case::new(
            "grown_arrays_cannot_be_read",
            GrownArraysConflict::default,
            &["append::rows_known_before_can_still_be_read"],
        ),
        Case::new(
            "appended_rows_are_sealed",
            AppendedRowsAreSealed::default,
            &["append::appended_rows_are_written_in_place"],
        ),
    ]
}
