//! Appending to arrays, along the first axis.

use super::prelude::*;

behaviours! { "append"
    /// Appended rows come after those that were there, and the new length is returned.
    extends_along_the_first_axis [Write, Arrays, ArrayAppend];
    /// Rows of an array of several axes are appended whole.
    rows_have_the_trailing_shape [Write, Arrays, ArrayAppend];
    /// Appending no rows changes nothing and returns the length.
    zero_rows_change_nothing [Write, Arrays, ArrayAppend];
    /// An array that begins without rows grows.
    an_empty_array_grows [Write, Arrays, ArrayAppend];
    /// Rows without elements are counted.
    rows_without_elements_are_counted [Write, Arrays, ArrayAppend];
    /// Many appends all arrive, in order.
    many_appends_arrive_in_order [Write, Arrays, ArrayAppend];
    /// Appends of any size fill chunks and begin new ones.
    appends_cross_chunks [Write, Arrays, ArrayAppend];
    /// Appended elements of every dtype come back bit for bit.
    every_dtype_is_appended [Write, Arrays, ArrayAppend];
    /// Elements of another dtype are refused as a mismatch, and nothing is changed.
    another_dtype_is_refused [Write, Arrays, ArrayAppend];
    /// Elements that do not make whole rows of the array are refused as a mismatch, and nothing is changed.
    another_trailing_shape_is_refused [Write, Arrays, ArrayAppend];
    /// A scalar has no axis to append to.
    a_scalar_is_refused [Write, Arrays, ArrayAppend];
    /// A missing array is not found, and none is created.
    a_missing_array_is_not_found [Write, Arrays, ArrayAppend];
    /// What is no array cannot be appended to as one.
    other_kinds_are_refused [Write, Arrays, ArrayAppend];
    /// Appending keeps fill value, chunks and dtype.
    the_description_is_kept [Write, Arrays, ArrayAppend];
    /// An array that was overwritten grows from its new length.
    an_overwritten_array_grows_from_its_new_length [Write, Arrays, ArrayAppend];
    /// Whoever knew the shape from before an append still reads the rows it knew of.
    rows_known_before_can_still_be_read [Write, Arrays, ArrayAppend];
    /// Appended rows are overwritten in place like any others.
    appended_rows_are_written_in_place [Write, Arrays, ArrayAppend, ArrayRegionWrite];
}

async fn extends_along_the_first_axis(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[3], samples::counting(0, 3)).await?;
    ensure_eq!(place.append_rows("x", 2, samples::counting(3, 2)).await?, 5, "the new length");
    ensure_eq!(place.append_rows("x", 1, samples::counting(5, 1)).await?, 6, "the new length");
    ensure_eq!(place.array("x").await?, (shape(&[6])?, Bits(samples::counting(0, 6))), "the array");
    Ok(())
}

async fn rows_have_the_trailing_shape(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[2, 3, 4], samples::counting(0, 24)).await?;
    ensure_eq!(place.append_rows("x", 3, samples::counting(24, 36)).await?, 5, "the new length");
    ensure_eq!(place.array("x").await?, (shape(&[5, 3, 4])?, Bits(samples::counting(0, 60))), "the array");
    Ok(())
}

async fn zero_rows_change_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[3, 2], samples::counting(0, 6)).await?;
    let before = place.everything().await?;
    ensure_eq!(place.append_rows("x", 0, Values::Int64(vec![])).await?, 3, "the length");
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn an_empty_array_grows(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for (path, trailing) in [("x", &[][..]), ("y", &[2]), ("z", &[2, 2])] {
        let width = trailing.iter().product();
        let lengths = |rows| [&[rows], trailing].concat();
        place.put_array(path, &lengths(0), Values::Int64(vec![])).await?;
        place.append_rows(path, 1, samples::counting(0, width)).await?;
        place.append_rows(path, 2, samples::counting(width, 2 * width)).await?;
        let expected = (shape(&lengths(3))?, Bits(samples::counting(0, 3 * width)));
        ensure_eq!(place.array(path).await?, expected, "the array");
    }
    Ok(())
}

async fn rows_without_elements_are_counted(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[2, 0], Values::Int64(vec![])).await?;
    ensure_eq!(place.append_rows("x", 3, Values::Int64(vec![])).await?, 5, "the new length");
    ensure_eq!(place.array("x").await?.0, shape(&[5, 0])?, "the shape");
    Ok(())
}

async fn many_appends_arrive_in_order(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("loss", &[0], Values::Int64(vec![])).await?;
    for row in 0..40 {
        ensure_eq!(place.append_rows("loss", 1, samples::counting(row, 1)).await?, row + 1, "the new length");
    }
    ensure_eq!(place.array("loss").await?.1, Bits(samples::counting(0, 40)), "the elements");
    Ok(())
}

async fn appends_cross_chunks(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let options = ArrayOptions::default().with_chunks([3, 2]);
    place.put_array_with("x", &[1, 3], samples::counting(0, 3), &options, WriteMode::Create).await?;
    let mut rows = 1;
    for count in [1, 2, 4, 5, 3, 7] {
        place.append_rows("x", count, samples::counting(3 * rows, 3 * count)).await?;
        rows += count;
        let expected = (shape(&[rows, 3])?, Bits(samples::counting(0, 3 * rows)));
        ensure_eq!(place.array("x").await?, expected, "the array after {count} more rows");
    }
    Ok(())
}

async fn every_dtype_is_appended(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for (number, dtype) in samples::every_dtype().into_iter().enumerate() {
        let path = format!("x{number}");
        place.put_array(&path, &[2], samples::numbered(dtype, 0, 2)).await?;
        place.append_rows(&path, 3, samples::numbered(dtype, 2, 3)).await?;
        ensure_eq!(
            place.array(&path).await?.1,
            Bits(samples::numbered(dtype, 0, 5)),
            "the elements of {dtype}"
        );
    }
    Ok(())
}

async fn refused_as_mismatch(place: &Place, rows: u64, values: Values) -> Checked {
    let before = place.everything().await?;
    refused(place.append_rows("x", rows, values).await, ErrorKind::Mismatch)?;
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn another_dtype_is_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[2], Values::Int64(vec![1, 2])).await?;
    refused_as_mismatch(&place, 1, Values::Float64(vec![1.7])).await?;
    refused_as_mismatch(&place, 1, Values::Int32(vec![1])).await?;
    refused_as_mismatch(&place, 1, Values::UInt64(vec![1])).await?;
    place.put_array("x", &[1], Values::FixedBytes { width: 3, bytes: b"abc".to_vec() }).await?;
    refused_as_mismatch(&place, 1, Values::FixedBytes { width: 5, bytes: b"defgh".to_vec() }).await
}

async fn another_trailing_shape_is_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[2, 4], samples::counting(0, 8)).await?;
    for (rows, count) in [(2, 6), (1, 1), (1, 5), (4, 8), (1, 8), (3, 0)] {
        refused_as_mismatch(&place, rows, samples::counting(0, count)).await?;
    }
    Ok(())
}

async fn a_scalar_is_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[], samples::counting(0, 1)).await?;
    refused_as_mismatch(&place, 1, samples::counting(1, 1)).await
}

async fn a_missing_array_is_not_found(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    let before = place.everything().await?;
    for missing in ["x", "d/x", "no/x"] {
        refused(place.append_rows(missing, 1, samples::counting(0, 1)).await, ErrorKind::NotFound)?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn other_kinds_are_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    place.put_file("f", "content").await?;
    let before = place.everything().await?;
    for path in ["d", "f"] {
        refused(place.append_rows(path, 1, samples::counting(0, 1)).await, ErrorKind::WrongKind)?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn the_description_is_kept(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let options = ArrayOptions::default().with_chunks([4]).with_fill(Values::Int16(vec![-1]));
    place.put_unwritten("x", &spec(&[3], DType::Int16)?, &options).await?;
    let before = place.array_store()?.describe(&at("x")?).await?;
    place.append_rows("x", 2, Values::Int16(vec![7, 8])).await?;
    let after = place.array_store()?.describe(&at("x")?).await?;
    ensure_eq!(
        (after.dtype, after.chunks, after.codecs),
        (before.dtype, before.chunks, before.codecs),
        "the description"
    );
    ensure_eq!(after.fill.map(Bits), Some(Bits(Values::Int16(vec![-1]))), "the fill value");
    ensure_eq!(place.array("x").await?.1, Bits(Values::Int16(vec![-1, -1, -1, 7, 8])), "the elements");
    Ok(())
}

async fn an_overwritten_array_grows_from_its_new_length(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[5], samples::counting(0, 5)).await?;
    place.append_rows("x", 5, samples::counting(5, 5)).await?;
    place.put_array("x", &[2], samples::counting(100, 2)).await?;
    ensure_eq!(place.append_rows("x", 1, samples::counting(102, 1)).await?, 3, "the new length");
    ensure_eq!(place.array("x").await?, (shape(&[3])?, Bits(samples::counting(100, 3))), "the array");
    Ok(())
}

async fn rows_known_before_can_still_be_read(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[3], samples::counting(0, 3)).await?;
    let known = place.array_store()?.describe(&at("x")?).await?;
    place.append_rows("x", 100, samples::counting(3, 100)).await?;
    // Not described again before reading, as by a handle that was opened before.
    let buffer = Values::zeros(known.dtype, known.shape.element_count())?;
    let found = place.array_store()?.read(&at("x")?, &Region::whole(&known.shape), buffer).await?;
    ensure_eq!(Bits(found), Bits(samples::counting(0, 3)), "the rows known before");
    Ok(())
}

async fn appended_rows_are_written_in_place(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[2], samples::counting(0, 2)).await?;
    place.append_rows("x", 3, samples::counting(2, 3)).await?;
    place.write_region("x", &Region::rows(&shape(&[5])?, 1, 3), samples::counting(101, 3)).await?;
    place.append_rows("x", 1, samples::counting(5, 1)).await?;
    ensure_eq!(place.array("x").await?.1, Bits(Values::Int64(vec![0, 101, 102, 103, 4, 5])), "the elements");
    Ok(())
}
