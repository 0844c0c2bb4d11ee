//! Appending rows to tables.

use super::prelude::*;
use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::collections::HashMap;

behaviours! { "table_append"
    /// Appended rows come after those that were there, and the new number of rows is returned.
    appended_rows_come_last [Write, Tables, TableAppend];
    /// A table that begins without rows grows.
    an_empty_table_grows [Write, Tables, TableAppend];
    /// Rows that are appended in several batches appear together, at the end.
    appended_rows_appear_together [Write, Tables, TableAppend];
    /// Rows whose append is not finished never appear.
    an_unfinished_append_leaves_nothing [Write, Tables, TableAppend];
    /// Appending no rows changes nothing and returns the number of rows.
    appending_nothing_changes_nothing [Write, Tables, TableAppend];
    /// Rows of another schema are refused as a mismatch, and nothing is changed: other names, types, nullability or order.
    another_schema_is_refused [Write, Tables, TableAppend];
    /// Metadata of a schema does not keep rows from being appended.
    metadata_of_a_schema_is_not_compared [Write, Tables, TableAppend];
    /// Appending to what is missing or is no table is refused, and nothing is changed.
    appending_needs_a_table [Write, Tables, TableAppend];
    /// Many appends all arrive, in order.
    many_appends_arrive_in_order [Write, Tables, TableAppend];
}

async fn appended_rows_come_last(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 3)?).await?;
    ensure_eq!(place.append_table("t", &samples::people(3, 4)?).await?, 7, "the number of rows");
    ensure_eq!(place.append_table("t", &samples::people(7, 1)?).await?, 8, "the number of rows");
    ensure_eq!(place.table("t").await?, samples::people(0, 8)?, "the rows");
    ensure_eq!(place.table_store()?.describe(&at("t")?).await?.rows, 8, "the number of rows as described");
    Ok(())
}

async fn an_empty_table_grows(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 0)?).await?;
    ensure_eq!(place.append_table("t", &samples::people(0, 4)?).await?, 4, "the number of rows");
    ensure_eq!(place.table("t").await?, samples::people(0, 4)?, "the rows");
    Ok(())
}

async fn appended_rows_appear_together(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 3)?).await?;
    let mut writer = place.table_store()?.append(&at("t")?, samples::people(0, 0)?.schema()).await?;
    for (first, count) in [(3, 2), (5, 500)] {
        writer.write(samples::people(first, count)?).await?;
        ensure_eq!(place.table("t").await?.num_rows(), 3, "the number of rows before the end");
    }
    ensure_eq!(writer.finish().await?, 505, "the number of rows");
    ensure_eq!(place.table("t").await?, samples::people(0, 505)?, "the rows");
    Ok(())
}

async fn an_unfinished_append_leaves_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 3)?).await?;
    let before = place.everything().await?;
    let mut writer = place.table_store()?.append(&at("t")?, samples::people(0, 0)?.schema()).await?;
    writer.write(samples::people(3, 2)?).await?;
    drop(writer);
    ensure_eq!(place.everything().await?, before, "what the place holds");
    place.append_table("t", &samples::people(3, 1)?).await?;
    ensure_eq!(place.table("t").await?, samples::people(0, 4)?, "the rows after another append");
    Ok(())
}

async fn appending_nothing_changes_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 3)?).await?;
    let none = samples::people(0, 0)?;
    ensure_eq!(place.append_table("t", &none).await?, 3, "the number of rows");
    let unwritten = place.table_store()?.append(&at("t")?, none.schema()).await?;
    ensure_eq!(unwritten.finish().await?, 3, "the number of rows");
    ensure_eq!(place.table("t").await?, samples::people(0, 3)?, "the rows");
    Ok(())
}

async fn another_schema_is_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 3)?).await?;
    let before = place.everything().await?;
    let schema = samples::people(0, 0)?.schema();
    let with = |position: usize, field: Field| -> SchemaRef {
        let fields = schema.fields().iter().enumerate();
        let fields =
            fields.map(|(at, old)| if at == position { Arc::new(field.clone()) } else { old.clone() });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    };
    let others = [
        ("another name", with(1, Field::new("years", DataType::Int64, true))),
        ("another type", with(1, Field::new("age", DataType::Int32, true))),
        ("another nullability", with(0, Field::new("id", DataType::Int64, true))),
        ("another order", Arc::new(schema.project(&[1, 0, 2, 3, 4])?)),
        ("a column less", Arc::new(schema.project(&[0, 1, 2, 3])?)),
    ];
    for (what, other) in others {
        refused(place.table_store()?.append(&at("t")?, other).await, ErrorKind::Mismatch)
            .map_err(|failure| Failure::new(format!("{what}: {failure}")))?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn metadata_of_a_schema_is_not_compared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 3)?).await?;
    let more = samples::people(3, 2)?;
    let metadata = HashMap::from([("origin".to_owned(), "elsewhere".to_owned())]);
    let schema = Arc::new(more.schema().as_ref().clone().with_metadata(metadata));
    let more = RecordBatch::try_new(schema, more.columns().to_vec())?;
    ensure_eq!(place.append_table("t", &more).await?, 5, "the number of rows");
    let found = place.table("t").await?;
    ensure_eq!(samples::ids(&found), [0, 1, 2, 3, 4], "the rows");
    Ok(())
}

async fn appending_needs_a_table(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    place.put_file("f", "content").await?;
    let before = place.everything().await?;
    let rows = samples::people(0, 1)?;
    for (path, kind) in [
        ("t", ErrorKind::NotFound),
        ("d/t", ErrorKind::NotFound),
        ("d", ErrorKind::WrongKind),
        ("f", ErrorKind::WrongKind),
    ] {
        refused(place.append_table(path, &rows).await, kind)?;
    }
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn many_appends_arrive_in_order(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 0)?).await?;
    for first in 0..20 {
        place.append_table("t", &samples::people(first, 1)?).await?;
    }
    ensure_eq!(place.table("t").await?, samples::people(0, 20)?, "the rows");
    Ok(())
}
