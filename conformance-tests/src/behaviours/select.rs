//! Reading regions of arrays.

use super::prelude::*;
use fascicle_backend::{AxisRegion, Shape};

behaviours! { "select"
    /// A range along each axis is read.
    ranges_are_read [Write, Arrays];
    /// Every n-th position along an axis is read.
    steps_are_read [Write, Arrays];
    /// A single position along an axis is read, from the end too.
    single_positions_are_read [Write, Arrays];
    /// An empty selection is no elements and no error, wherever it stands.
    empty_selections_are_empty [Write, Arrays];
    /// A step beyond the end reads the first position only.
    a_step_beyond_the_end_reads_one [Write, Arrays];
    /// The one element of a scalar is read.
    a_scalar_is_read [Write, Arrays];
    /// Regions across the borders of chunks are read.
    regions_across_chunks_are_read [Write, Arrays];
    /// Regions of text are read.
    text_is_read [Write, Arrays];
    /// A hundred random regions, steps included, hold the elements that indexing gives.
    random_regions_hold_the_right_elements [Write, Arrays];
    /// Reading leaves the array as it is.
    reading_changes_nothing [Write, Arrays];
}

/// The positions of the elements of a region in an array of `shape`, counted in C order.
fn positions(shape: &Shape, region: &Region) -> Vec<i64> {
    shape.iter().zip(region.axes()).fold(vec![0], |before, (length, axis)| {
        let along = |position: i64| {
            (0..axis.count)
                .map(move |count| position * *length as i64 + (axis.start + count * axis.step) as i64)
        };
        before.into_iter().flat_map(along).collect()
    })
}

/// An array of `lengths` whose elements are their own positions.
async fn positions_array(place: &Place, lengths: &[u64], options: &ArrayOptions) -> Result<Shape> {
    let shape = shape(lengths)?;
    let values = samples::counting(0, shape.element_count());
    place.put_array_with("x", lengths, values, options, WriteMode::Overwrite).await?;
    Ok(shape)
}

async fn selects(place: &Place, selection: &str, expected: &[i64]) -> Checked {
    let found = place.select("x", selection).await?;
    ensure_eq!(found, Bits(Values::Int64(expected.to_vec())), "the selection '{selection}'");
    Ok(())
}

async fn ranges_are_read(subject: Subject) -> Checked {
    let place = subject.open().await?;
    positions_array(&place, &[4, 5], &ArrayOptions::default()).await?;
    selects(&place, "1:3", &[5, 6, 7, 8, 9, 10, 11, 12, 13, 14]).await?;
    selects(&place, ":,1:3", &[1, 2, 6, 7, 11, 12, 16, 17]).await?;
    selects(&place, "2:,3:", &[13, 14, 18, 19]).await?;
    selects(&place, "-2:,:-3", &[10, 11, 15, 16]).await?;
    selects(&place, "3:100,4:100", &[19]).await
}

async fn steps_are_read(subject: Subject) -> Checked {
    let place = subject.open().await?;
    positions_array(&place, &[4, 5], &ArrayOptions::default()).await?;
    selects(&place, "::2,::2", &[0, 2, 4, 10, 12, 14]).await?;
    selects(&place, "1::2,1::3", &[6, 9, 16, 19]).await?;
    selects(&place, "::3", &[0, 1, 2, 3, 4, 15, 16, 17, 18, 19]).await
}

async fn single_positions_are_read(subject: Subject) -> Checked {
    let place = subject.open().await?;
    positions_array(&place, &[4, 5], &ArrayOptions::default()).await?;
    selects(&place, "2", &[10, 11, 12, 13, 14]).await?;
    selects(&place, "-1,-1", &[19]).await?;
    selects(&place, "...,0", &[0, 5, 10, 15]).await?;
    selects(&place, "0,0", &[0]).await
}

async fn empty_selections_are_empty(subject: Subject) -> Checked {
    let place = subject.open().await?;
    positions_array(&place, &[4, 5], &ArrayOptions::default()).await?;
    for selection in ["0:0", "2:2,1:3", "4:", ":,5:", "3:1"] {
        selects(&place, selection, &[]).await?;
    }
    positions_array(&place, &[0, 5], &ArrayOptions::default()).await?;
    selects(&place, ":,1:3", &[]).await
}

async fn a_step_beyond_the_end_reads_one(subject: Subject) -> Checked {
    let place = subject.open().await?;
    positions_array(&place, &[5], &ArrayOptions::default()).await?;
    selects(&place, "::5", &[0]).await?;
    selects(&place, "3::1000", &[3]).await?;
    selects(&place, "::9223372036854775807", &[0]).await
}

async fn a_scalar_is_read(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("x", &[], samples::counting(42, 1)).await?;
    selects(&place, "...", &[42]).await
}

async fn regions_across_chunks_are_read(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let options = ArrayOptions::default().with_chunks([3, 4]);
    let shape = positions_array(&place, &[10, 9], &options).await?;
    for (row, column) in [(0, 0), (2, 3), (1, 2), (5, 5), (2, 0)] {
        let axes = [(row, 10 - row), (column, 9 - column)];
        let region = Region::new(axes.map(|(start, count)| AxisRegion { start, step: 1, count }));
        let expected = Values::Int64(positions(&shape, &region));
        ensure_eq!(place.region("x", &region).await?, Bits(expected), "the region from ({row}, {column})");
    }
    Ok(())
}

async fn text_is_read(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let texts = |positions: &[usize]| Values::Text(positions.iter().map(|i| "ü".repeat(*i)).collect());
    place.put_array("x", &[2, 3], texts(&[0, 1, 2, 3, 4, 5])).await?;
    ensure_eq!(place.select("x", ":,1:").await?, Bits(texts(&[1, 2, 4, 5])), "a range");
    ensure_eq!(place.select("x", "1,::2").await?, Bits(texts(&[3, 5])), "a step");
    Ok(())
}

async fn random_regions_hold_the_right_elements(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let mut numbers = subject.random_numbers();
    for lengths in [&[17][..], &[6, 7], &[5, 4, 6], &[2, 3, 2, 3]] {
        let chunks: Vec<u64> = lengths.iter().map(|length| numbers.u64(1..=*length)).collect();
        let shape = positions_array(&place, lengths, &ArrayOptions::default().with_chunks(chunks)).await?;
        for _ in 0..25 {
            let mut along = |length: &u64| {
                let (start, step) = (numbers.u64(0..*length), numbers.u64(1..=3));
                AxisRegion { start, step, count: numbers.u64(0..=(length - start).div_ceil(step)) }
            };
            let region = Region::new(lengths.iter().map(&mut along).collect::<Vec<_>>());
            let expected = Values::Int64(positions(&shape, &region));
            ensure_eq!(place.region("x", &region).await?, Bits(expected), "{region:?} of {shape}");
        }
    }
    Ok(())
}

async fn reading_changes_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    positions_array(&place, &[4, 5], &ArrayOptions::default()).await?;
    let before = place.everything().await?;
    for selection in ["0", "1:2,::2", "...", "4:"] {
        place.select("x", selection).await?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}
