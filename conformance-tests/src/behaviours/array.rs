//! Arrays: creating, describing, reading and writing.

use super::prelude::*;
use fascicle_backend::{ArraySpec, ArrayWriter, AxisRegion, Codec};

behaviours! { "array"
    /// The elements of an array come back in C order.
    elements_come_back [Write, Arrays];
    /// An array without axes holds exactly one element.
    a_scalar_holds_one_element [Write, Arrays];
    /// Axes can have no elements, and such an array keeps its shape.
    axes_can_be_empty [Write, Arrays];
    /// Shape and dtype are described.
    shape_and_dtype_are_described [Write, Arrays];
    /// An array of six axes comes back.
    many_axes_work [Write, Arrays];
    /// An array of some megabytes comes back.
    a_large_array_comes_back [Write, Arrays];
    /// Arrays of one directory, and of one name in several directories, are apart.
    arrays_are_apart [Write, Arrays];
    /// An array is written in regions, in any order.
    it_is_written_in_any_order [Write, Arrays];
    /// Regions that are written with steps interleave.
    it_is_written_with_steps [Write, Arrays];
    /// What is written twice before the end holds what was written last.
    the_last_write_of_an_element_counts [Write, Arrays];
    /// Writing an empty region changes nothing.
    an_empty_region_is_nothing_to_write [Write, Arrays];
    /// Elements that are never written are zero, false or empty, whatever the dtype.
    unwritten_elements_are_zero [Write, Arrays];
    /// Elements that are never written hold the fill value, whatever the dtype.
    unwritten_elements_hold_the_fill_value [Write, Arrays];
    /// A fill value that is not zero is described.
    the_fill_value_is_described [Write, Arrays];
    /// An array appears when it is finished, not before.
    it_appears_when_it_is_finished [Write, Arrays];
    /// An array that is not finished leaves nothing behind.
    dropping_the_writer_leaves_nothing [Write, Arrays];
    /// Until a new version is finished, and when it never is, the old array stays.
    dropping_the_writer_leaves_the_old_array [Write, Arrays];
    /// Overwriting changes shape, dtype and elements together.
    overwriting_changes_shape_and_dtype [Write, Arrays];
    /// A writer in the mode `Create` is refused at the end when an entry has appeared meanwhile, which stays as it is.
    finishing_is_refused_when_an_entry_has_appeared [Write, Arrays];
    /// Whatever the size of the chunks, the elements come back, and chunks are described with one length an axis.
    any_chunks_work [Write, Arrays];
    /// Each codec either keeps every bit or is refused as unsupported with nothing created.
    every_codec_is_lossless_or_refused [Write, Arrays];
    /// A missing array is not found, whatever is asked of it.
    a_missing_array_is_not_found [Write, Arrays];
    /// A file and a directory are not arrays.
    other_kinds_are_not_arrays [Write, Arrays];
    /// A table is not an array.
    a_table_is_not_an_array [Write, Arrays, Tables];
    /// Reading a region that the array does not contain, or into a buffer of another dtype, is a conflict.
    reading_what_is_not_there_is_a_conflict [Write, Arrays];
    /// Writing a region in place changes these elements and no others.
    a_region_is_written_in_place [Write, Arrays, ArrayRegionWrite];
    /// Writing a region in place with steps changes these elements and no others.
    a_region_is_written_in_place_with_steps [Write, Arrays, ArrayRegionWrite];
    /// Writing a region in place works for every dtype.
    a_region_of_any_dtype_is_written_in_place [Write, Arrays, ArrayRegionWrite];
    /// Writing outside of the array, or elements of another dtype, is a conflict and changes nothing.
    writing_what_does_not_fit_changes_nothing [Write, Arrays, ArrayRegionWrite];
    /// A region of a missing array, or of what is no array, cannot be written.
    writing_a_region_needs_an_array [Write, Arrays, ArrayRegionWrite];
}

/// Begins to write an array at `x` of the place.
async fn begin(place: &Place, spec: &ArraySpec, mode: WriteMode) -> Result<Box<dyn ArrayWriter>> {
    place.array_store()?.create(&at("x")?, spec, &ArrayOptions::default(), mode).await
}

/// A region of `(start, step, count)` for each axis.
fn region<const N: usize>(axes: [(u64, u64, u64); N]) -> Region {
    Region::new(axes.map(|(start, step, count)| AxisRegion { start, step, count }))
}

async fn elements_come_back(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for lengths in [&[7][..], &[2, 3], &[2, 3, 4], &[1, 1, 1], &[5, 1]] {
        let values = samples::counting(100, lengths.iter().product());
        place.put_array("x", lengths, values.clone()).await?;
        ensure_eq!(place.array("x").await?, (shape(lengths)?, Bits(values)), "the array of {lengths:?}");
    }
    Ok(())
}

async fn a_scalar_holds_one_element(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[], Values::Float64(vec![0.1])).await?;
    ensure_eq!(place.array("x").await?, (shape(&[])?, Bits(Values::Float64(vec![0.1]))), "the scalar");
    Ok(())
}

async fn axes_can_be_empty(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for lengths in [&[0][..], &[0, 4], &[3, 0], &[2, 0, 5]] {
        for dtype in [DType::Float64, DType::Text] {
            place.put_array("x", lengths, Values::zeros(dtype, 0)?).await?;
            let expected = (shape(lengths)?, Bits(Values::zeros(dtype, 0)?));
            ensure_eq!(place.array("x").await?, expected, "the array of {lengths:?}");
        }
    }
    Ok(())
}

async fn shape_and_dtype_are_described(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for (dtype, lengths) in [(DType::Int16, &[4, 5][..]), (DType::Bool, &[9]), (DType::Complex64, &[])] {
        place.put_array("x", lengths, Values::zeros(dtype, lengths.iter().product())?).await?;
        let description = place.array_store()?.describe(&at("x")?).await?;
        ensure_eq!(description.shape, shape(lengths)?, "the shape");
        ensure_eq!(description.dtype, dtype, "the dtype");
    }
    Ok(())
}

async fn many_axes_work(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let values = samples::counting(0, 3 * 2 * 2 * 3 * 2);
    place.put_array("x", &[3, 2, 1, 2, 3, 2], values.clone()).await?;
    ensure_eq!(place.array("x").await?, (shape(&[3, 2, 1, 2, 3, 2])?, Bits(values)), "the array");
    ensure_eq!(place.select("x", "2,1,0,1,2,1").await?, Bits(samples::counting(71, 1)), "the last element");
    Ok(())
}

async fn a_large_array_comes_back(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let values = samples::numbered(DType::Float32, 0, 600 * 701);
    place.put_array("x", &[600, 701], values.clone()).await?;
    ensure!(place.array("x").await?.1 == Bits(values.clone()), "the {} elements differ", values.len());
    ensure_eq!(place.select("x", "599,700").await?.0.len(), 1, "one element");
    Ok(())
}

async fn arrays_are_apart(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    for (first, path) in [(0, "x"), (10, "xx"), (20, "d/x"), (30, "d/xx")] {
        place.put_array(path, &[3], samples::counting(first, 3)).await?;
    }
    place.put_array("x", &[3], samples::counting(40, 3)).await?;
    for (first, path) in [(40, "x"), (10, "xx"), (20, "d/x"), (30, "d/xx")] {
        ensure_eq!(place.array(path).await?.1, Bits(samples::counting(first, 3)), "the array '{path}'");
    }
    Ok(())
}

async fn it_is_written_in_any_order(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let spec = spec(&[10, 3], DType::Int64)?;
    let mut writer = begin(&place, &spec, WriteMode::Create).await?;
    for (start, count) in [(7, 3), (0, 2), (2, 5)] {
        let rows = Region::rows(&spec.shape, start, count);
        writer.write(&rows, samples::counting(start * 3, count * 3)).await?;
    }
    writer.finish().await?;
    ensure_eq!(place.array("x").await?, (spec.shape, Bits(samples::counting(0, 30))), "the array");
    Ok(())
}

async fn it_is_written_with_steps(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let spec = spec(&[6, 5], DType::Int64)?;
    let mut writer = begin(&place, &spec, WriteMode::Create).await?;
    // Odd rows, even columns; the rest is zero.
    writer.write(&region([(1, 2, 3), (0, 2, 3)]), samples::counting(1, 9)).await?;
    writer.finish().await?;
    let mut expected = vec![0; 30];
    for (number, (row, column)) in
        [1, 3, 5].into_iter().flat_map(|row| [0, 2, 4].map(|c| (row, c))).enumerate()
    {
        if let Some(element) = expected.get_mut(row * 5 + column) {
            *element = number as i64 + 1;
        }
    }
    ensure_eq!(place.array("x").await?.1, Bits(Values::Int64(expected)), "the elements");
    Ok(())
}

async fn the_last_write_of_an_element_counts(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let spec = spec(&[6], DType::Int64)?;
    let mut writer = begin(&place, &spec, WriteMode::Create).await?;
    writer.write(&Region::whole(&spec.shape), samples::counting(0, 6)).await?;
    writer.write(&Region::rows(&spec.shape, 2, 3), samples::counting(100, 3)).await?;
    writer.finish().await?;
    let expected = Values::Int64(vec![0, 1, 100, 101, 102, 5]);
    ensure_eq!(place.array("x").await?.1, Bits(expected), "the elements");
    Ok(())
}

async fn an_empty_region_is_nothing_to_write(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let spec = spec(&[4], DType::Int64)?;
    let mut writer = begin(&place, &spec, WriteMode::Create).await?;
    writer.write(&Region::whole(&spec.shape), samples::counting(0, 4)).await?;
    for start in [0, 2, 4] {
        writer.write(&Region::rows(&spec.shape, start, 0), Values::Int64(vec![])).await?;
    }
    writer.finish().await?;
    ensure_eq!(place.array("x").await?.1, Bits(samples::counting(0, 4)), "the elements");
    Ok(())
}

async fn unwritten_elements_are_zero(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for (number, dtype) in samples::every_dtype().into_iter().enumerate() {
        let path = format!("x{number}");
        place.put_unwritten(&path, &spec(&[3, 2], dtype)?, &ArrayOptions::default()).await?;
        ensure_eq!(place.array(&path).await?.1, Bits(Values::zeros(dtype, 6)?), "the elements of {dtype}");
    }
    Ok(())
}

async fn unwritten_elements_hold_the_fill_value(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for (number, dtype) in samples::every_dtype().into_iter().enumerate() {
        let path = format!("x{number}");
        let fill = samples::numbered(dtype, 3, 1);
        let options = ArrayOptions::default().with_fill(fill.clone());
        let spec = spec(&[4], dtype)?;
        let mut writer = place.array_store()?.create(&at(&path)?, &spec, &options, WriteMode::Create).await?;
        writer.write(&Region::rows(&spec.shape, 1, 1), samples::numbered(dtype, 10, 1)).await?;
        writer.finish().await?;
        let mut expected = Values::zeros(dtype, 4)?;
        for position in 0..4 {
            expected.copy_from(position, &fill, 0..1)?;
        }
        expected.copy_from(1, &samples::numbered(dtype, 10, 1), 0..1)?;
        ensure_eq!(place.array(&path).await?.1, Bits(expected), "the elements of {dtype}");
    }
    Ok(())
}

async fn the_fill_value_is_described(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let options = ArrayOptions::default().with_fill(Values::Float64(vec![f64::NAN]));
    place.put_unwritten("x", &spec(&[2], DType::Float64)?, &options).await?;
    let fill = place.array_store()?.describe(&at("x")?).await?.fill.map(Bits);
    ensure_eq!(fill, Some(Bits(Values::Float64(vec![f64::NAN]))), "the fill value");
    Ok(())
}

async fn it_appears_when_it_is_finished(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let spec = spec(&[4], DType::Int64)?;
    let mut writer = begin(&place, &spec, WriteMode::Create).await?;
    writer.write(&Region::whole(&spec.shape), samples::counting(0, 4)).await?;
    refused(place.array("x").await, ErrorKind::NotFound)?;
    writer.finish().await?;
    ensure_eq!(place.array("x").await?.1, Bits(samples::counting(0, 4)), "the elements");
    Ok(())
}

async fn dropping_the_writer_leaves_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let (before, spec) = (place.everything().await?, spec(&[4], DType::Int64)?);
    let mut writer = begin(&place, &spec, WriteMode::Create).await?;
    writer.write(&Region::whole(&spec.shape), samples::counting(0, 4)).await?;
    drop(writer);
    ensure_eq!(place.everything().await?, before, "what the place holds");
    begin(&place, &spec, WriteMode::Create).await?.finish().await?;
    ensure_eq!(place.array("x").await?.1, Bits(Values::zeros(DType::Int64, 4)?), "the second try");
    Ok(())
}

async fn dropping_the_writer_leaves_the_old_array(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[3], samples::counting(0, 3)).await?;
    let before = place.everything().await?;
    let spec = spec(&[2, 2], DType::Float32)?;
    for mode in [WriteMode::Overwrite, WriteMode::Replace] {
        let mut writer = begin(&place, &spec, mode).await?;
        writer.write(&Region::rows(&spec.shape, 0, 1), samples::numbered(DType::Float32, 0, 2)).await?;
        ensure_eq!(place.everything().await?, before, "what the place holds before the end, {mode:?}");
        drop(writer);
        ensure_eq!(place.everything().await?, before, "what the place holds afterwards, {mode:?}");
    }
    Ok(())
}

async fn overwriting_changes_shape_and_dtype(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for (lengths, dtype) in [
        (&[100][..], DType::Int64),
        (&[2, 3], DType::Text),
        (&[], DType::Bool),
        (&[4, 5, 6], DType::Complex128),
        (&[0], DType::FixedBytes(3)),
        (&[3], DType::Float16),
    ] {
        let values = samples::numbered(dtype, 0, lengths.iter().product());
        place.put_array("x", lengths, values.clone()).await?;
        ensure_eq!(place.array("x").await?, (shape(lengths)?, Bits(values)), "the array");
    }
    ensure_eq!(place.names("").await?, ["x"], "the listing");
    Ok(())
}

async fn finishing_is_refused_when_an_entry_has_appeared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let spec = spec(&[2], DType::Int64)?;
    let late = begin(&place, &spec, WriteMode::Create).await?;
    place.put_array("x", &[3], samples::counting(5, 3)).await?;
    refused(late.finish().await, ErrorKind::AlreadyExists)?;
    ensure_eq!(place.array("x").await?.1, Bits(samples::counting(5, 3)), "the elements");
    place.remove(&at("x")?).await?;
    let late = begin(&place, &spec, WriteMode::Create).await?;
    place.put_file("x", "a file").await?;
    refused(late.finish().await, ErrorKind::AlreadyExists)?;
    ensure_eq!(place.file("x").await?, "a file".as_bytes(), "the file");
    ensure_eq!(place.names("").await?, ["x"], "the listing");
    Ok(())
}

async fn any_chunks_work(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let values = samples::counting(0, 7 * 11);
    for chunks in [[1, 1], [7, 11], [3, 4], [100, 2], [2, 100]] {
        let options = ArrayOptions::default().with_chunks(chunks);
        place.put_array_with("x", &[7, 11], values.clone(), &options, WriteMode::Overwrite).await?;
        ensure_eq!(place.array("x").await?.1, Bits(values.clone()), "the elements in chunks of {chunks:?}");
        ensure_eq!(
            place.select("x", "2:6,3:9").await?,
            Bits(Values::Int64((2..6).flat_map(|row| (3..9).map(move |column| row * 11 + column)).collect())),
            "a region in chunks of {chunks:?}"
        );
        if let Some(described) = place.array_store()?.describe(&at("x")?).await?.chunks {
            ensure!(described.len() == 2 && !described.contains(&0), "chunks are described as {described:?}");
        }
    }
    Ok(())
}

async fn every_codec_is_lossless_or_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let codecs = [
        Codec::Uncompressed,
        Codec::Gzip { level: 1 },
        Codec::Gzip { level: 9 },
        Codec::Zstd { level: 1 },
        Codec::Zstd { level: 22 },
    ];
    for (number, codec) in codecs.into_iter().enumerate() {
        for dtype in [DType::Float64, DType::Text] {
            let path = format!("{dtype}{number}");
            let values = samples::numbered(dtype, 0, 500);
            let options = ArrayOptions::default().with_codec(codec);
            match place.put_array_with(&path, &[500], values.clone(), &options, WriteMode::Create).await {
                Ok(()) => ensure_eq!(place.array(&path).await?.1, Bits(values), "{dtype} with {codec:?}"),
                Err(error) => {
                    refused::<()>(Err(error), ErrorKind::Unsupported)?;
                    ensure_eq!(place.entry(&path).await?, None, "what was refused with {codec:?}");
                    ensure!(codec != Codec::Uncompressed, "an array cannot be stored uncompressed");
                }
            }
        }
    }
    Ok(())
}

async fn a_missing_array_is_not_found(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    for missing in ["x", "d/x", "no/x"] {
        refused(place.array_store()?.describe(&at(missing)?).await, ErrorKind::NotFound)?;
        let (region, buffer) = (region([(0, 1, 1)]), Values::zeros(DType::Int64, 1)?);
        refused(place.array_store()?.read(&at(missing)?, &region, buffer).await, ErrorKind::NotFound)?;
    }
    Ok(())
}

async fn not_an_array(place: &Place, path: &str) -> Checked {
    refused(place.array_store()?.describe(&at(path)?).await, ErrorKind::WrongKind)?;
    let (region, buffer) = (region([(0, 1, 1)]), Values::zeros(DType::Int64, 1)?);
    refused(place.array_store()?.read(&at(path)?, &region, buffer).await, ErrorKind::WrongKind)?;
    Ok(())
}

async fn other_kinds_are_not_arrays(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("f", "content").await?;
    place.make_dir("d").await?;
    not_an_array(&place, "f").await?;
    not_an_array(&place, "d").await
}

async fn a_table_is_not_an_array(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 2)?).await?;
    not_an_array(&place, "t").await
}

async fn reading_what_is_not_there_is_a_conflict(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[4, 3], samples::counting(0, 12)).await?;
    let outside =
        [region([(0, 1, 5), (0, 1, 3)]), region([(4, 1, 1), (0, 1, 1)]), region([(0, 2, 3), (0, 1, 1)])];
    for region in outside.into_iter().chain([region([(0, 1, 4)]), region([])]) {
        let buffer = Values::zeros(DType::Int64, region.element_count()?)?;
        refused(place.array_store()?.read(&at("x")?, &region, buffer).await, ErrorKind::Conflict)?;
    }
    let buffer = Values::zeros(DType::Float64, 12)?;
    let whole = Region::whole(&shape(&[4, 3])?);
    refused(place.array_store()?.read(&at("x")?, &whole, buffer).await, ErrorKind::Conflict)?;
    Ok(())
}

async fn a_region_is_written_in_place(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[4, 3], samples::counting(0, 12)).await?;
    place.write_region("x", &region([(1, 1, 2), (1, 1, 2)]), samples::counting(100, 4)).await?;
    let expected = Values::Int64(vec![0, 1, 2, 3, 100, 101, 6, 102, 103, 9, 10, 11]);
    ensure_eq!(place.array("x").await?, (shape(&[4, 3])?, Bits(expected)), "the array");
    place.write_region("x", &Region::whole(&shape(&[4, 3])?), samples::counting(200, 12)).await?;
    ensure_eq!(place.array("x").await?.1, Bits(samples::counting(200, 12)), "the array written as a whole");
    Ok(())
}

async fn a_region_is_written_in_place_with_steps(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let options = ArrayOptions::default().with_chunks([4]);
    place.put_array_with("x", &[10], samples::counting(0, 10), &options, WriteMode::Create).await?;
    place.write_region("x", &region([(1, 3, 3)]), samples::counting(100, 3)).await?;
    let expected = Values::Int64(vec![0, 100, 2, 3, 101, 5, 6, 102, 8, 9]);
    ensure_eq!(place.array("x").await?.1, Bits(expected), "the elements");
    place.write_region("x", &region([(3, 1, 0)]), Values::Int64(vec![])).await?;
    Ok(())
}

async fn a_region_of_any_dtype_is_written_in_place(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for (number, dtype) in samples::every_dtype().into_iter().enumerate() {
        let path = format!("x{number}");
        place.put_array(&path, &[6], samples::numbered(dtype, 0, 6)).await?;
        place.write_region(&path, &region([(2, 1, 3)]), samples::numbered(dtype, 50, 3)).await?;
        let mut expected = samples::numbered(dtype, 0, 6);
        expected.copy_from(2, &samples::numbered(dtype, 50, 3), 0..3)?;
        ensure_eq!(place.array(&path).await?.1, Bits(expected), "the elements of {dtype}");
    }
    Ok(())
}

async fn writing_what_does_not_fit_changes_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[4], samples::counting(0, 4)).await?;
    let before = place.everything().await?;
    for region in
        [region([(2, 1, 3)]), region([(4, 1, 1)]), region([(0, 2, 3)]), region([(0, 1, 1), (0, 1, 1)])]
    {
        let values = samples::counting(9, region.element_count()?);
        refused(place.write_region("x", &region, values).await, ErrorKind::Conflict)?;
    }
    let floats = samples::numbered(DType::Float64, 0, 4);
    refused(place.write_region("x", &Region::whole(&shape(&[4])?), floats).await, ErrorKind::Conflict)?;
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn writing_a_region_needs_an_array(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("f", "content").await?;
    place.make_dir("d").await?;
    let before = place.everything().await?;
    for (path, kind) in [
        ("x", ErrorKind::NotFound),
        ("d/x", ErrorKind::NotFound),
        ("f", ErrorKind::WrongKind),
        ("d", ErrorKind::WrongKind),
    ] {
        refused(place.write_region(path, &region([(0, 1, 1)]), samples::counting(0, 1)).await, kind)?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}
