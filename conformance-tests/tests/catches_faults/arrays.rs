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

pub(crate) fn arrays<'a>(inner: Inner<'a>) -> &'a dyn ArrayStore {
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
    ]
}
