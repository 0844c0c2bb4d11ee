//! Merging the parts that tables are stored in.

use super::prelude::*;
use arrow_array::RecordBatch;
use fascicle_backend::{CompactOptions, Compaction};
use futures::TryStreamExt;
use std::time::Duration;

behaviours! { "table_compact"
    /// Merging the parts of a table leaves its rows, their order and their number.
    the_rows_stay [Write, Tables, TableAppend, TableCompact];
    /// Small parts are merged into fewer, and what was done is told.
    small_parts_are_merged [Write, Tables, TableAppend, TableCompact];
    /// While the parts that were merged wait to be removed, every row comes once.
    every_row_comes_once_during_the_grace [Write, Tables, TableAppend, TableCompact];
    /// A dry run tells what would be done and changes nothing.
    a_dry_run_changes_nothing [Write, Tables, TableAppend, TableCompact];
    /// Rows are appended afterwards as before.
    appending_goes_on [Write, Tables, TableAppend, TableCompact];
    /// A stream that began before gives every row once.
    a_reader_that_began_before_sees_every_row_once [Write, Tables, TableAppend, TableCompact];
    /// The attributes of a table stay as they are.
    attributes_stay [Write, Attributes, Tables, TableAppend, TableCompact];
    /// A table of one part, and one without rows, stay as they are.
    nothing_to_merge_is_no_error [Write, Tables, TableCompact];
    /// What is missing is not found, and what is no table is of the wrong kind; nothing is changed.
    it_needs_a_table [Write, Tables, TableCompact];
    /// Appends and compactions at the same time lose no row and double none.
    appends_and_compactions_at_once_lose_nothing [Write, Tables, TableAppend, TableCompact];
}

fn at_once() -> CompactOptions {
    CompactOptions::default().with_grace(Duration::ZERO)
}

async fn compact(place: &Place, options: &CompactOptions) -> Result<Compaction> {
    place.table_store()?.compact(&at("t")?, options).await
}

/// A table `t` of `people(0, 10)` that was appended to nine times.
async fn in_parts(place: &Place) -> Checked {
    place.put_table("t", &samples::people(0, 1)?).await?;
    for first in 1..10 {
        place.append_table("t", &samples::people(first, 1)?).await?;
    }
    Ok(())
}

async fn the_rows_stay(subject: Subject) -> Checked {
    let place = subject.open().await?;
    in_parts(&place).await?;
    compact(&place, &at_once()).await?;
    ensure_eq!(place.table("t").await?, samples::people(0, 10)?, "the rows");
    let described = place.table_store()?.describe(&at("t")?).await?;
    ensure_eq!(described.rows, 10, "the number of rows");
    ensure_eq!(described.schema.fields(), samples::people(0, 0)?.schema().fields(), "the columns");
    for offset in [1, 9, 10] {
        let found = place.scan("t", &ScanOptions::default().with_offset(offset)).await?;
        ensure_eq!(
            samples::ids(&found),
            (offset as i64..10).collect::<Vec<_>>(),
            "the rows from {offset} on"
        );
    }
    Ok(())
}

async fn small_parts_are_merged(subject: Subject) -> Checked {
    let place = subject.open().await?;
    in_parts(&place).await?;
    let parts = place.table_store()?.describe(&at("t")?).await?.parts;
    let done = compact(&place, &at_once()).await?;
    ensure_eq!(done.parts_before, parts, "the parts before, as told");
    ensure_eq!(done.merged_parts, parts, "the merged parts, as told");
    ensure_eq!((done.parts_after, done.waiting_files), (1, 0), "the parts and waiting files after, as told");
    ensure_eq!(place.table_store()?.describe(&at("t")?).await?.parts, 1, "the parts as described");
    Ok(())
}

async fn every_row_comes_once_during_the_grace(subject: Subject) -> Checked {
    let place = subject.open().await?;
    in_parts(&place).await?;
    let waits = CompactOptions::default().with_grace(Duration::from_secs(3600));
    compact(&place, &waits).await?;
    ensure_eq!(place.table("t").await?, samples::people(0, 10)?, "the rows");
    place.append_table("t", &samples::people(10, 2)?).await?;
    ensure_eq!(place.table("t").await?, samples::people(0, 12)?, "the rows after an append");
    compact(&place, &waits).await?;
    ensure_eq!(place.table("t").await?, samples::people(0, 12)?, "the rows, merged twice");
    compact(&place, &at_once()).await?;
    ensure_eq!(place.table("t").await?, samples::people(0, 12)?, "the rows when the grace is over");
    Ok(())
}

async fn a_dry_run_changes_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    in_parts(&place).await?;
    let (before, parts) = (place.everything().await?, place.table_store()?.describe(&at("t")?).await?.parts);
    let told = compact(&place, &at_once().with_dry_run()).await?;
    ensure_eq!((told.parts_before, told.parts_after), (parts, 1), "the parts before and after, as told");
    ensure_eq!(place.table_store()?.describe(&at("t")?).await?.parts, parts, "the parts as described");
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn appending_goes_on(subject: Subject) -> Checked {
    let place = subject.open().await?;
    in_parts(&place).await?;
    for turn in 1..4 {
        compact(&place, &at_once()).await?;
        let count = place.append_table("t", &samples::people(9 + turn, 1)?).await?;
        ensure_eq!(count, 10 + turn as u64, "the number of rows");
    }
    ensure_eq!(place.table("t").await?, samples::people(0, 13)?, "the rows");
    Ok(())
}

async fn a_reader_that_began_before_sees_every_row_once(subject: Subject) -> Checked {
    let place = subject.open().await?;
    in_parts(&place).await?;
    let options = ScanOptions::default().with_batch_rows(1);
    for taken in [0, 1, 5] {
        let mut reader = place.table_store()?.scan(&at("t")?, &options).await?;
        let mut batches: Vec<RecordBatch> = Vec::new();
        while batches.len() < taken
            && let Some(batch) = reader.try_next().await?
        {
            batches.push(batch);
        }
        compact(&place, &at_once()).await?;
        let rest: Vec<RecordBatch> = reader.try_collect().await?;
        let found: Vec<i64> = batches.iter().chain(&rest).flat_map(samples::ids).collect();
        ensure_eq!(found, (0..10).collect::<Vec<i64>>(), "the rows of a reader that had read {taken}");
        place.put_table("t", &samples::people(0, 1)?).await?;
        for first in 1..10 {
            place.append_table("t", &samples::people(first, 1)?).await?;
        }
    }
    Ok(())
}

async fn attributes_stay(subject: Subject) -> Checked {
    let place = subject.open().await?;
    in_parts(&place).await?;
    let attributes: Attributes = [("unit".to_owned(), "mV".into())].into_iter().collect();
    place.put_attributes("t", &attributes).await?;
    compact(&place, &at_once()).await?;
    ensure_eq!(place.attributes("t").await?, attributes, "the attributes");
    Ok(())
}

async fn nothing_to_merge_is_no_error(subject: Subject) -> Checked {
    let place = subject.open().await?;
    for rows in [0, 5] {
        place.put_table("t", &samples::people(0, rows)?).await?;
        for _ in 0..2 {
            let done = compact(&place, &at_once()).await?;
            ensure_eq!((done.merged_parts, done.parts_after), (0, 1), "the merged parts and those after");
        }
        ensure_eq!(place.table("t").await?, samples::people(0, rows)?, "the rows");
    }
    Ok(())
}

async fn it_needs_a_table(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    place.put_file("f", "content").await?;
    let before = place.everything().await?;
    for (path, kind) in [
        ("t", ErrorKind::NotFound),
        ("d/t", ErrorKind::NotFound),
        ("d", ErrorKind::WrongKind),
        ("f", ErrorKind::WrongKind),
    ] {
        refused(place.table_store()?.compact(&at(path)?, &at_once()).await, kind)?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn appends_and_compactions_at_once_lose_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 0)?).await?;
    let writers: Vec<_> = (0..4i64)
        .map(|task| {
            let place = place.clone();
            tokio::spawn(async move {
                for append in 0..6 {
                    place.append_table("t", &samples::people((task * 6 + append) * 2, 2)?).await?;
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    let compactors: Vec<_> = (0..2)
        .map(|_| {
            let place = place.clone();
            tokio::spawn(async move {
                for _ in 0..4 {
                    match compact(&place, &at_once()).await {
                        // The others kept at it.
                        Err(error) if error.kind() == ErrorKind::Busy => {}
                        Err(error) => return Err(error.into()),
                        Ok(_) => {}
                    }
                    tokio::task::yield_now().await;
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    for task in writers.into_iter().chain(compactors) {
        task.await??;
    }
    let found = samples::ids(&place.table("t").await?);
    ensure!(
        found.chunks(2).all(|pair| matches!(pair, [a, b] if a + 1 == *b)),
        "an append was torn: {found:?}"
    );
    let mut sorted = found;
    sorted.sort_unstable();
    ensure_eq!(sorted, (0..48).collect::<Vec<i64>>(), "the rows");
    Ok(())
}
