//! Limits: what is allowed works, what is beyond is refused and nothing is changed or allocated.

use super::prelude::*;
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use fascicle_backend::{Codec, MAX_RANK};

behaviours! { "limit"
    /// An array of the greatest number of axes works.
    the_greatest_rank_works [Write, Arrays];
    /// An array that no machine could hold is refused, or takes no room until it is written; the process lives on.
    an_absurd_array_is_refused_or_takes_no_room [Write, Arrays];
    /// Chunks without elements, of another rank, or beyond 4 GiB are refused and nothing is created.
    impossible_chunks_are_refused [Write, Arrays];
    /// Levels that a codec does not have are refused and nothing is created.
    impossible_levels_are_refused [Write, Arrays];
    /// Fixed-length bytes without a length or beyond 1 MiB are refused and nothing is created.
    impossible_widths_are_refused [Write, Arrays];
    /// The widest fixed-length bytes work.
    the_greatest_width_works [Write, Arrays];
    /// A meta of 1 MiB works, one byte more is refused and the old one stays.
    the_size_of_a_meta_is_limited [Write];
    /// Attributes beyond 1 MiB are refused and the old ones stay.
    the_size_of_attributes_is_limited [Write, Attributes];
    /// A table of hundreds of columns works.
    many_columns_work [Write, Tables];
    /// A text of a megabyte works, as an element of an array.
    a_long_text_works [Write, Arrays];
    /// Hundreds of records are all listed.
    many_records_are_listed [Write];
}

async fn the_greatest_rank_works(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let mut lengths = vec![1; MAX_RANK];
    for axis in [0, 7, MAX_RANK - 1] {
        if let Some(length) = lengths.get_mut(axis) {
            *length = 2;
        }
    }
    place.put_array("x", &lengths, samples::counting(0, 8)).await?;
    ensure_eq!(place.array("x").await?, (shape(&lengths)?, Bits(samples::counting(0, 8))), "the array");
    Ok(())
}

async fn an_absurd_array_is_refused_or_takes_no_room(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let lengths = [1 << 40, 1 << 20];
    match place.put_unwritten("x", &spec(&lengths, DType::Float64)?, &ArrayOptions::default()).await {
        Ok(()) => {
            let last = place.select("x", "-1,-1").await?;
            ensure_eq!(last, Bits(Values::Float64(vec![0.0])), "the last element");
        }
        Err(error) => {
            ensure!(
                matches!(error.kind(), ErrorKind::LimitExceeded | ErrorKind::Unsupported),
                "refused with {error:?}"
            );
            ensure_eq!(place.names("").await?, Vec::<String>::new(), "the listing");
        }
    }
    place.put_array("y", &[2], samples::counting(0, 2)).await?;
    ensure_eq!(place.array("y").await?.1, Bits(samples::counting(0, 2)), "the next array");
    Ok(())
}

/// Expects an array that cannot be made to be refused, and nothing to be there afterwards.
async fn impossible(place: &Place, dtype: DType, options: &ArrayOptions, kind: ErrorKind) -> Checked {
    let answer = place.put_unwritten("x", &spec(&[4, 4], dtype)?, options).await;
    refused(answer, kind).map_err(|failure| Failure::new(format!("{dtype}, {options:?}: {failure}")))?;
    ensure_eq!(place.names("").await?, Vec::<String>::new(), "the listing");
    Ok(())
}

async fn impossible_chunks_are_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for (chunks, kind) in [
        (vec![0, 1], ErrorKind::InvalidInput),
        (vec![2], ErrorKind::InvalidInput),
        (vec![2, 2, 2], ErrorKind::InvalidInput),
        (vec![1 << 20, 1 << 20], ErrorKind::LimitExceeded),
        (vec![u64::MAX, u64::MAX], ErrorKind::LimitExceeded),
    ] {
        impossible(&place, DType::Float64, &ArrayOptions::default().with_chunks(chunks), kind).await?;
    }
    Ok(())
}

async fn impossible_levels_are_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for codec in [
        Codec::Gzip { level: 0 },
        Codec::Gzip { level: 10 },
        Codec::Zstd { level: 0 },
        Codec::Zstd { level: 23 },
    ] {
        let options = ArrayOptions::default().with_codec(codec);
        impossible(&place, DType::Float64, &options, ErrorKind::InvalidInput).await?;
    }
    Ok(())
}

async fn impossible_widths_are_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let options = ArrayOptions::default();
    impossible(&place, DType::FixedBytes(0), &options, ErrorKind::InvalidInput).await?;
    impossible(&place, DType::FixedBytes((1 << 20) + 1), &options, ErrorKind::LimitExceeded).await?;
    impossible(&place, DType::FixedBytes(u32::MAX), &options, ErrorKind::LimitExceeded).await
}

async fn the_greatest_width_works(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let values = Values::FixedBytes { width: 1 << 20, bytes: samples::bytes(1, 1 << 20) };
    place.put_array("x", &[1], values.clone()).await?;
    ensure!(place.array("x").await?.1 == Bits(values), "the element differs");
    Ok(())
}

async fn the_size_of_a_meta_is_limited(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let meta = |size: usize| Bytes::from(format!("# {}\n", "x".repeat(size - 3)));
    let directory = at("d")?;
    place.create_directory(&directory, meta(1 << 20)).await?;
    ensure!(place.meta("d").await? == meta(1 << 20), "the largest meta of a new directory differs");
    place.write_meta(&EntryPath::root(), meta(1 << 20), MetaWriteMode::Create).await?;
    ensure!(place.meta("").await? == meta(1 << 20), "the largest meta that is written differs");
    let beyond = meta((1 << 20) + 1);
    let answer = place.write_meta(&directory, beyond.clone(), MetaWriteMode::Overwrite).await;
    refused(answer, ErrorKind::LimitExceeded)?;
    ensure!(place.meta("d").await? == meta(1 << 20), "the refused meta changed the old one");
    refused(place.create_directory(&at("e")?, beyond).await, ErrorKind::LimitExceeded)?;
    ensure_eq!(place.names("").await?, ["d"], "the listing");
    Ok(())
}

async fn the_size_of_attributes_is_limited(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("x", "content").await?;
    let small: Attributes = [("a".to_owned(), 1.into())].into_iter().collect();
    place.put_attributes("x", &small).await?;
    let large: Attributes = [("a".to_owned(), "x".repeat(1 << 20).into())].into_iter().collect();
    refused(place.put_attributes("x", &large).await, ErrorKind::LimitExceeded)?;
    ensure_eq!(place.attributes("x").await?, small, "the attributes");
    Ok(())
}

async fn many_columns_work(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let column = |number: i64| {
        (format!("column {number}"), Arc::new(Int64Array::from(vec![number, -number])) as ArrayRef)
    };
    let rows = RecordBatch::try_from_iter((0..300).map(column))?;
    place.put_table("t", &rows).await?;
    ensure!(place.table("t").await? == rows, "the rows differ");
    let found = place.scan("t", &ScanOptions::default().with_projection(["column 299"])).await?;
    ensure_eq!(found, rows.project(&[299])?, "the last column");
    Ok(())
}

async fn a_long_text_works(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let values = Values::Text(vec!["short".to_owned(), "ü".repeat(500_000), String::new()]);
    place.put_array("x", &[3], values.clone()).await?;
    ensure!(place.array("x").await?.1 == Bits(values), "the elements differ");
    Ok(())
}

async fn many_records_are_listed(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let keys = (0..200)
        .map(|number| fascicle_backend::RecordKey::parse(&format!("v1/{:02}/{number:04}", number % 7)));
    let mut keys = keys.collect::<Result<Vec<_>>>()?;
    for key in &keys {
        place.records().create(key, Bytes::from_static(b"x")).await?;
    }
    keys.sort();
    ensure_eq!(place.records().list(&fascicle_backend::RecordKey::parse("v1")?).await?, keys, "the keys");
    Ok(())
}
