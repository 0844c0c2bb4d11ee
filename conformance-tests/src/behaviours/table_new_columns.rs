//! Rows that have columns which their table does not have yet, or lack some that it has.

use super::{prelude::*, table::nullable};
use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, cast::AsArray, types::Int64Type};
use arrow_schema::{DataType, Field, Schema};
use fascicle_backend::{AppendOptions, Comparison, Predicate};

behaviours! { "table_new_columns"
    /// With the option, rows with new nullable columns are added; the rows before are null in these, which come after the others.
    rows_before_are_null [Write, Tables, TableNewColumns];
    /// With the option, rows may lack nullable columns, and are null there.
    rows_may_lack_columns [Write, Tables, TableNewColumns];
    /// New columns are described, projected and filtered by like any other.
    new_columns_are_selected [Write, Tables, TableNewColumns];
    /// Without the option, new and missing columns are a mismatch, and nothing is changed.
    without_the_option_they_are_refused [Write, Tables, TableAppend, TableNewColumns];
    /// New columns that are not nullable, columns of another type, and missing ones that are not nullable are a mismatch, and nothing
    /// is changed.
    what_does_not_fit_is_refused [Write, Tables, TableNewColumns];
    /// Until the rows are finished, and when they never are, the table has the columns it had.
    an_unfinished_append_adds_no_column [Write, Tables, TableNewColumns];
    /// Appends that add different columns at the same time all arrive, and the table has all columns.
    different_columns_at_once_all_arrive [Write, Tables, TableNewColumns];
}

fn numbers(ids: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(ids.to_vec()))
}

/// Rows of the columns `id`, which is not nullable, and `name`.
fn named(ids: &[i64]) -> Result<RecordBatch, Failure> {
    let texts = StringArray::from(ids.iter().map(|id| format!("name {id}")).collect::<Vec<_>>());
    let fields = vec![Field::new("id", DataType::Int64, false), Field::new("name", DataType::Utf8, true)];
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![numbers(ids), Arc::new(texts)])?)
}

/// The same with another column of numbers instead of `name`.
fn with(ids: &[i64], column: &str, nullable: bool) -> Result<RecordBatch, Failure> {
    let fields =
        vec![Field::new("id", DataType::Int64, false), Field::new(column, DataType::Int64, nullable)];
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![numbers(ids), numbers(ids)])?)
}

async fn add(place: &Place, rows: &RecordBatch) -> Result<u64> {
    let options = AppendOptions::default().with_new_columns();
    let mut writer = place.table_store()?.append_with(&at("t")?, rows.schema(), &options).await?;
    writer.write(rows.clone()).await?;
    writer.finish().await
}

fn names(rows: &RecordBatch) -> Vec<String> {
    rows.schema().fields().iter().map(|field| field.name().clone()).collect()
}

fn column(rows: &RecordBatch, name: &str) -> Option<Vec<Option<i64>>> {
    Some(rows.column_by_name(name)?.as_primitive_opt::<Int64Type>()?.iter().collect())
}

async fn rows_before_are_null(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &named(&[0, 1])?).await?;
    ensure_eq!(add(&place, &with(&[2], "new", true)?).await?, 3, "the number of rows");
    let found = place.table("t").await?;
    ensure_eq!(names(&found), ["id", "name", "new"], "the columns");
    ensure_eq!(samples::ids(&found), [0, 1, 2], "the rows");
    ensure_eq!(column(&found, "new"), Some(vec![None, None, Some(2)]), "the new column");
    ensure!(found.column(1).is_null(2), "the row without a name has one");
    Ok(())
}

async fn rows_may_lack_columns(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &named(&[0])?).await?;
    let ids = named(&[1])?.project(&[0])?;
    ensure_eq!(add(&place, &ids).await?, 2, "the number of rows");
    add(&place, &named(&[2])?).await?;
    let found = place.table("t").await?;
    ensure_eq!(names(&found), ["id", "name"], "the columns");
    ensure_eq!(samples::ids(&found), [0, 1, 2], "the rows");
    let nulls: Vec<bool> = (0..3).map(|row| found.column(1).is_null(row)).collect();
    ensure_eq!(nulls, [false, true, false], "which names are null");
    Ok(())
}

async fn new_columns_are_selected(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &named(&[0, 1])?).await?;
    add(&place, &with(&[2, 3], "new", true)?).await?;
    let described = place.table_store()?.describe(&at("t")?).await?;
    ensure_eq!((described.rows, described.schema.fields().len()), (4, 3), "rows and columns as described");
    let projected = place.scan("t", &ScanOptions::default().with_projection(["new"])).await?;
    ensure_eq!(column(&projected, "new"), Some(vec![None, None, Some(2), Some(3)]), "the column alone");
    for (predicate, ids) in [
        (Predicate::compare("new", Comparison::Gt, 2), vec![3]),
        (!Predicate::compare("new", Comparison::Gt, 2), vec![2]),
        (Predicate::IsNull("new".into()), vec![0, 1]),
        (Predicate::compare("name", Comparison::Eq, "name 1"), vec![1]),
    ] {
        let found = place.scan("t", &ScanOptions::default().with_predicate(predicate.clone())).await?;
        ensure_eq!(samples::ids(&found), ids, "the rows with {predicate}");
    }
    Ok(())
}

async fn without_the_option_they_are_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &named(&[0])?).await?;
    let before = place.everything().await?;
    for rows in [with(&[1], "new", true)?, named(&[1])?.project(&[0])?] {
        refused(place.append_table("t", &rows).await, ErrorKind::Mismatch)?;
        let same = AppendOptions::default();
        let begun = place.table_store()?.append_with(&at("t")?, rows.schema(), &same).await;
        refused(begun.map(drop), ErrorKind::Mismatch)?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn what_does_not_fit_is_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &named(&[0])?).await?;
    let before = place.everything().await?;
    for (what, rows) in [
        ("a new column that is not nullable", with(&[1], "new", false)?),
        ("a column of another type", with(&[1], "name", true)?),
        ("a missing column that is not nullable", named(&[1])?.project(&[1])?),
        ("a column that is nullable now", nullable(vec![("id", numbers(&[1]))])?),
    ] {
        refused(add(&place, &rows).await, ErrorKind::Mismatch)
            .map_err(|failure| Failure::new(format!("{what}: {failure}")))?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn an_unfinished_append_adds_no_column(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &named(&[0])?).await?;
    let before = place.everything().await?;
    let rows = with(&[1], "new", true)?;
    let options = AppendOptions::default().with_new_columns();
    let mut writer = place.table_store()?.append_with(&at("t")?, rows.schema(), &options).await?;
    writer.write(rows).await?;
    ensure_eq!(place.everything().await?, before, "what the place holds before the end");
    drop(writer);
    ensure_eq!(place.everything().await?, before, "what the place holds afterwards");
    Ok(())
}

async fn different_columns_at_once_all_arrive(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &named(&[-1])?).await?;
    let tasks: Vec<_> = (0..6i64)
        .map(|task| {
            let place = place.clone();
            tokio::spawn(async move {
                let rows = with(&[task], &format!("c{}", task % 3), true)?;
                for _ in 0..100 {
                    match add(&place, &rows).await {
                        // Somebody added a column at the same moment.
                        Err(error) if error.kind() == ErrorKind::Conflict => {}
                        Err(error) => return Err(error.into()),
                        Ok(_) => return Ok(()),
                    }
                }
                Err(Failure::new("an append was told of a conflict again and again".to_owned()))
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let found = place.table("t").await?;
    let mut ids = samples::ids(&found);
    ids.sort_unstable();
    ensure_eq!(ids, (-1..6).collect::<Vec<i64>>(), "the rows");
    for name in ["c0", "c1", "c2"] {
        let values = column(&found, name).unwrap_or_default();
        ensure_eq!(values.iter().flatten().count(), 2, "the values of the column '{name}'");
    }
    Ok(())
}
