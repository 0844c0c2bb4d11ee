//! Reading a part of a table: projection, predicate, offset, limit, batches.

use super::{prelude::*, table::nullable};
use arrow_array::{ArrayRef, Date32Array, Int64Array, RecordBatch};
use fascicle_backend::{Comparison, Literal, Predicate};
use futures::TryStreamExt;

behaviours! { "scan"
    /// A projection returns these columns, in this order.
    a_projection_returns_these_columns [Write, Tables];
    /// An unknown column is refused, in a projection and in a predicate.
    an_unknown_column_is_refused [Write, Tables];
    /// A predicate leaves the rows for which it holds, by each comparison and for each type of literal.
    a_predicate_leaves_the_rows_it_holds_for [Write, Tables];
    /// Predicates are joined by and, or and not.
    predicates_are_joined [Write, Tables];
    /// A comparison with null is neither true nor false.
    a_comparison_with_null_is_unknown [Write, Tables];
    /// A predicate may name columns that are not projected.
    a_predicate_may_name_other_columns [Write, Tables];
    /// Text in a predicate is parsed as the type of the column.
    text_in_a_predicate_is_parsed [Write, Tables];
    /// A literal that does not fit the type of its column is refused.
    a_literal_that_does_not_fit_is_refused [Write, Tables];
    /// Offset and limit count rows after the predicate.
    offset_and_limit_count_after_the_predicate [Write, Tables];
    /// An offset beyond the end, and a limit of zero, leave no rows.
    nothing_is_left_beyond_the_end [Write, Tables];
    /// Batches have at most as many rows as was asked for.
    batches_are_as_small_as_asked_for [Write, Tables];
    /// Scans see rows of all appends: projection, predicate, offset and limit.
    scans_see_all_appends [Write, Tables, TableAppend];
}

async fn a_projection_returns_these_columns(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let rows = samples::people(0, 10)?;
    place.put_table("t", &rows).await?;
    for columns in [&["id"][..], &["score", "id"], &["even", "name", "age"]] {
        let found = place.scan("t", &ScanOptions::default().with_projection(columns.to_vec())).await?;
        let positions: Vec<usize> =
            columns.iter().map(|name| rows.schema().index_of(name)).collect::<Result<_, _>>()?;
        ensure_eq!(found, rows.project(&positions)?, "the columns {columns:?}");
    }
    Ok(())
}

/// The ids of the rows of `people(0, 10)` that a predicate leaves.
async fn left(place: &Place, predicate: Predicate) -> Result<Vec<i64>> {
    Ok(samples::ids(&place.scan("t", &ScanOptions::default().with_predicate(predicate)).await?))
}

async fn an_unknown_column_is_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 10)?).await?;
    let options = ScanOptions::default().with_projection(["id", "nope"]);
    refused(place.scan("t", &options).await, ErrorKind::InvalidInput)?;
    refused(left(&place, Predicate::compare("nope", Comparison::Eq, 1)).await, ErrorKind::InvalidInput)?;
    refused(left(&place, Predicate::IsNull("nope".into())).await, ErrorKind::InvalidInput)?;
    Ok(())
}

async fn a_predicate_leaves_the_rows_it_holds_for(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 10)?).await?;
    for (comparison, expected) in [
        (Comparison::Eq, vec![4]),
        (Comparison::Ne, vec![0, 1, 2, 3, 5, 6, 7, 8, 9]),
        (Comparison::Lt, vec![0, 1, 2, 3]),
        (Comparison::Le, vec![0, 1, 2, 3, 4]),
        (Comparison::Gt, vec![5, 6, 7, 8, 9]),
        (Comparison::Ge, vec![4, 5, 6, 7, 8, 9]),
    ] {
        ensure_eq!(
            left(&place, Predicate::compare("id", comparison, 4)).await?,
            expected,
            "id {comparison:?} 4"
        );
    }
    let cases: [(&str, Comparison, Literal, &[i64]); 5] = [
        ("even", Comparison::Eq, true.into(), &[0, 2, 4, 6, 8]),
        ("name", Comparison::Eq, "name 3".into(), &[3]),
        ("score", Comparison::Lt, 0.6.into(), &[0, 1, 2]),
        ("id", Comparison::Ge, 8u64.into(), &[8, 9]),
        ("age", Comparison::Gt, 75i64.into(), &[8]),
    ];
    for (column, comparison, literal, expected) in cases {
        let predicate = Predicate::compare(column, comparison, literal);
        ensure_eq!(left(&place, predicate.clone()).await?, expected, "the rows with {predicate}");
    }
    Ok(())
}

async fn predicates_are_joined(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 10)?).await?;
    let even = Predicate::compare("even", Comparison::Eq, true);
    let low = Predicate::compare("id", Comparison::Lt, 3);
    ensure_eq!(left(&place, even.clone().and(low.clone())).await?, [0, 2], "even and low");
    ensure_eq!(left(&place, even.clone().or(low.clone())).await?, [0, 1, 2, 4, 6, 8], "even or low");
    ensure_eq!(left(&place, !even.or(low)).await?, [3, 5, 7, 9], "neither even nor low");
    Ok(())
}

async fn a_comparison_with_null_is_unknown(subject: Subject) -> Checked {
    let place = subject.open().await?;
    // The ages of 1, 5 and 9 are null.
    place.put_table("t", &samples::people(0, 10)?).await?;
    let is = |comparison| Predicate::compare("age", comparison, 20);
    ensure_eq!(left(&place, is(Comparison::Ne)).await?, [0, 3, 4, 6, 7, 8], "other ages");
    ensure_eq!(left(&place, !is(Comparison::Eq)).await?, [0, 3, 4, 6, 7, 8], "not that age");
    ensure_eq!(left(&place, Predicate::IsNull("age".into())).await?, [1, 5, 9], "no age");
    ensure_eq!(left(&place, !Predicate::IsNull("age".into())).await?, [0, 2, 3, 4, 6, 7, 8], "some age");
    let either = is(Comparison::Eq).or(Predicate::compare("id", Comparison::Eq, 1));
    ensure_eq!(left(&place, either).await?, [1, 2], "unknown or true is true");
    Ok(())
}

async fn a_predicate_may_name_other_columns(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let rows = samples::people(0, 10)?;
    place.put_table("t", &rows).await?;
    let predicate = Predicate::compare("name", Comparison::Eq, "name 3");
    let options = ScanOptions::default().with_projection(["score"]).with_predicate(predicate);
    ensure_eq!(place.scan("t", &options).await?, rows.slice(3, 1).project(&[3])?, "the rows");
    Ok(())
}

async fn text_in_a_predicate_is_parsed(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let days = Date32Array::from(vec![Some(19_844), Some(19_845), None, Some(19_846)]);
    let columns: Vec<(&str, ArrayRef)> =
        vec![("id", Arc::new(Int64Array::from(vec![0, 1, 2, 3]))), ("day", Arc::new(days))];
    place.put_table("t", &nullable(columns)?).await?;
    let since = Predicate::compare("day", Comparison::Ge, "2024-05-02");
    ensure_eq!(left(&place, since).await?, [1, 3], "the rows since a day");
    Ok(())
}

async fn a_literal_that_does_not_fit_is_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 10)?).await?;
    for predicate in [
        Predicate::compare("id", Comparison::Eq, "not a number"),
        Predicate::compare("even", Comparison::Eq, "neither"),
        Predicate::compare("name", Comparison::Eq, true),
    ] {
        let answer = left(&place, predicate.clone()).await;
        refused(answer, ErrorKind::InvalidInput)
            .map_err(|failure| Failure::new(format!("{predicate}: {failure}")))?;
    }
    Ok(())
}

async fn offset_and_limit_count_after_the_predicate(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 20)?).await?;
    let even = ScanOptions::default().with_predicate(Predicate::compare("even", Comparison::Eq, true));
    let found = place.scan("t", &even.clone().with_offset(2).with_limit(3)).await?;
    ensure_eq!(samples::ids(&found), [4, 6, 8], "the rows");
    let found = place.scan("t", &even.with_offset(8)).await?;
    ensure_eq!(samples::ids(&found), [16, 18], "the rows after the offset");
    let found = place.scan("t", &ScanOptions::default().with_limit(2)).await?;
    ensure_eq!(samples::ids(&found), [0, 1], "the rows within the limit");
    Ok(())
}

async fn nothing_is_left_beyond_the_end(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 5)?).await?;
    for options in [
        ScanOptions::default().with_offset(5),
        ScanOptions::default().with_offset(u64::MAX),
        ScanOptions::default().with_limit(0),
        ScanOptions::default().with_predicate(Predicate::compare("id", Comparison::Gt, 100)),
    ] {
        ensure_eq!(place.scan("t", &options).await?.num_rows(), 0, "the number of rows of {options:?}");
    }
    ensure_eq!(
        place.scan("t", &ScanOptions::default().with_limit(u64::MAX)).await?.num_rows(),
        5,
        "all rows"
    );
    Ok(())
}

async fn batches_are_as_small_as_asked_for(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 100)?).await?;
    for rows in [1, 7, 100, 1000] {
        let options = ScanOptions::default().with_batch_rows(rows);
        let batches: Vec<RecordBatch> =
            place.table_store()?.scan(&at("t")?, &options).await?.try_collect().await?;
        let largest = batches.iter().map(RecordBatch::num_rows).max();
        ensure!(
            largest.is_some_and(|largest| largest <= rows),
            "a batch of {largest:?} rows, asked for {rows}"
        );
        let all: Vec<i64> = batches.iter().flat_map(samples::ids).collect();
        ensure_eq!(all, (0..100).collect::<Vec<i64>>(), "the rows in batches of {rows}");
    }
    Ok(())
}

async fn scans_see_all_appends(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 10)?).await?;
    for first in [10, 20, 30] {
        place.append_table("t", &samples::people(first, 10)?).await?;
    }
    let options = ScanOptions::default()
        .with_projection(["id", "even"])
        .with_predicate(Predicate::compare("even", Comparison::Eq, true))
        .with_offset(3)
        .with_limit(9);
    let found = place.scan("t", &options).await?;
    ensure_eq!(samples::ids(&found), [6, 8, 10, 12, 14, 16, 18, 20, 22], "the rows");
    ensure_eq!(found.num_columns(), 2, "the number of columns");
    Ok(())
}
