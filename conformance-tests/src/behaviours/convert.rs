//! Arrays of a directory as a table, and the columns of a table as arrays.

use super::{prelude::*, rooted::*};
use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, Float64Array, Int64Array, RecordBatch, StringArray,
    cast::AsArray,
    types::{Float64Type, Int64Type},
};
use fascicle_core::{
    ArrayData,
    convert::{FromTableOptions, ToTableOptions},
};
use futures::TryStreamExt;

behaviours! { "convert"
    /// Arrays of one length become the columns of a table, in the order of their names; other entries are left out.
    arrays_become_columns [Write, Arrays];
    /// Scalars and arrays of length 1 are repeated.
    scalars_are_repeated [Write, Arrays];
    /// Arrays of other lengths are refused, naming them.
    differing_lengths_are_refused [Write, Arrays];
    /// Arrays of several axes become columns of fixed-size lists.
    further_axes_become_lists [Write, Arrays];
    /// Bytes of a fixed length become text without the zeros at their end, unless they are no text.
    bytes_become_text [Write, Arrays];
    /// Some of the arrays become a table, in the order asked for.
    some_arrays_become_a_table [Write, Arrays];
    /// A table that comes in batches has the same rows as the whole one.
    a_table_comes_in_batches [Write, Arrays];
    /// Each column of a table becomes an array.
    columns_become_arrays [Write, Arrays];
    /// When one column cannot be stored none is, and nothing is marked or created.
    all_columns_are_stored_or_none [Write, Arrays];
    /// Arrays of every dtype become a table and arrays again, unchanged.
    every_dtype_goes_there_and_back [Write, Arrays];
    /// A table whose columns became arrays is the table that these become, stored tables included.
    tables_go_there_and_back [Write, Arrays, Tables];
}

fn column_names(table: &RecordBatch) -> Vec<String> {
    table.schema().fields().iter().map(|field| field.name().clone()).collect()
}

async fn arrays_become_columns(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put("y", [0.5, 1.5, 2.5]).await?;
    directory.put("x", [1i64, 2, 3]).await?;
    directory.put("name", vec!["a".to_owned(), String::new(), "ü".to_owned()]).await?;
    directory.put_file("file", "content").await?;
    directory.put_file("sub/file", "content").await?;
    let table = directory.to_table().await?;
    ensure_eq!(column_names(&table), ["name", "x", "y"], "the columns");
    ensure_eq!(table.column(1).as_primitive::<Int64Type>().values().to_vec(), [1, 2, 3], "the integers");
    ensure_eq!(
        table.column(2).as_primitive::<Float64Type>().values().to_vec(),
        [0.5, 1.5, 2.5],
        "the floats"
    );
    let names: Vec<Option<String>> = (0..3).map(|row| text_cell(&table, "name", row)).collect();
    ensure_eq!(names, ["a", "", "ü"].map(|name| Some(name.to_owned())), "the text");
    refused(directory.dir("sub")?.to_table().await, ErrorKind::NotFound)?;
    // Nothing is remembered.
    directory.put("x", [4i64, 5, 6]).await?;
    let again = directory.to_table().await?;
    ensure_eq!(
        again.column(1).as_primitive::<Int64Type>().values().to_vec(),
        [4, 5, 6],
        "the integers afterwards"
    );
    Ok(())
}

async fn scalars_are_repeated(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put("scalar", 0.5).await?;
    directory.put("single", [7i64]).await?;
    let one_row = directory.to_table().await?;
    ensure_eq!(one_row.num_rows(), 1, "the rows of scalars alone");
    directory.put("x", [1i64, 2, 3]).await?;
    let table = directory.to_table().await?;
    ensure_eq!(table.column(0).as_primitive::<Float64Type>().values().to_vec(), [0.5; 3], "a scalar");
    ensure_eq!(table.column(1).as_primitive::<Int64Type>().values().to_vec(), [7; 3], "an array of length 1");
    directory.put("x", Vec::<i64>::new()).await?;
    ensure_eq!(directory.to_table().await?.num_rows(), 0, "the rows beside an array without any");
    Ok(())
}

async fn differing_lengths_are_refused(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put("a", [1i64, 2, 3]).await?;
    directory.put("b", [1i64, 2]).await?;
    directory.put("c", 1i64).await?;
    let error = refused(directory.to_table().await, ErrorKind::Mismatch)?.to_string();
    ensure!(error.contains("3 (a)") && error.contains("2 (b)"), "the lengths are not told: {error}");
    Ok(())
}

async fn further_axes_become_lists(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put("colors", ArrayData::new(shape(&[2, 3])?, samples::counting(0, 6))?).await?;
    directory.put("deep", ArrayData::new(shape(&[2, 2, 3])?, samples::counting(0, 12))?).await?;
    let table = directory.to_table().await?;
    let colors: &FixedSizeListArray = table.column(0).as_fixed_size_list();
    ensure_eq!((colors.len(), colors.value_length()), (2, 3), "rows and length of a list");
    ensure_eq!(colors.value(1).as_primitive::<Int64Type>().values().to_vec(), [3, 4, 5], "the second row");
    let deep: &FixedSizeListArray = table.column(1).as_fixed_size_list();
    let inner = deep.value(1);
    let inner: &FixedSizeListArray = inner.as_fixed_size_list();
    ensure_eq!((deep.value_length(), inner.value_length()), (2, 3), "the lengths of lists of lists");
    ensure_eq!(inner.value(0).as_primitive::<Int64Type>().values().to_vec(), [6, 7, 8], "one of them");
    Ok(())
}

async fn bytes_become_text(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put("text", vec![*b"abc", *b"d\0\0"]).await?;
    directory.put("binary", vec![*b"\xff\x00", *b"ab"]).await?;
    let table = directory.to_table().await?;
    let text = [0, 1].map(|row| text_cell(&table, "text", row));
    ensure_eq!(text, [Some("abc".to_owned()), Some("d".to_owned())], "bytes that are text");
    let binary = table.column(0).as_fixed_size_binary();
    ensure_eq!((binary.value(0), binary.value(1)), (&b"\xff\x00"[..], &b"ab"[..]), "bytes that are no text");
    Ok(())
}

async fn some_arrays_become_a_table(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    for (name, length) in [("a", 2), ("b", 2), ("other", 5)] {
        directory.put(name, vec![1i64; length]).await?;
    }
    let table = directory.to_table_with(&ToTableOptions::default().with_include(["b", "a"])).await?;
    ensure_eq!(column_names(&table), ["b", "a"], "the columns asked for");
    let table = directory.to_table_with(&ToTableOptions::default().with_exclude(["other"])).await?;
    ensure_eq!(column_names(&table), ["a", "b"], "the columns left");
    let unknown = ToTableOptions::default().with_include(["a", "nothing"]);
    refused(directory.to_table_with(&unknown).await, ErrorKind::NotFound)?;
    Ok(())
}

async fn a_table_comes_in_batches(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put("x", (0..100i64).collect::<Vec<_>>()).await?;
    directory.put("scalar", 0.5).await?;
    let stream = directory.to_table_stream(&ToTableOptions::default().with_batch_rows(30)).await?;
    let (schema, rows) = (stream.schema.clone(), stream.rows);
    let batches: Vec<RecordBatch> = stream.batches.try_collect().await?;
    let lengths: Vec<usize> = batches.iter().map(RecordBatch::num_rows).collect();
    ensure_eq!((rows, lengths), (100, vec![30, 30, 30, 10]), "the rows");
    let joined = arrow_select::concat::concat_batches(&schema, &batches)?;
    ensure_eq!(joined, directory.to_table().await?, "the whole table");
    Ok(())
}

/// A table of three columns, one of them with a null.
fn measured() -> Result<RecordBatch, Failure> {
    let columns: [(&str, ArrayRef, bool); 3] = [
        ("id", Arc::new(Int64Array::from(vec![1, 2])), false),
        ("name", Arc::new(StringArray::from(vec!["a", "ü"])), false),
        ("value", Arc::new(Float64Array::from(vec![Some(0.5), None])), true),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}

async fn columns_become_arrays(subject: Subject) -> Checked {
    let directory = subject.root().await?.dir("d")?;
    directory.put_columns(&measured()?, &FromTableOptions::default()).await?;
    ensure_eq!(directory.names().await?, ["id", "name", "value"], "the arrays");
    ensure_eq!(directory.array("id").await?.read::<Vec<i64>>().await?, [1, 2], "the integers");
    ensure_eq!(directory.array("name").await?.read::<Vec<String>>().await?, ["a", "ü"], "the text");
    let values: Vec<f64> = directory.array("value").await?.read().await?;
    ensure!(
        values.first() == Some(&0.5) && values.last().is_some_and(|value| value.is_nan()),
        "the floats: {values:?}"
    );
    let chosen = FromTableOptions::default().with_include(["id"]).with_dtype("id", DType::UInt8);
    directory.put_columns(&measured()?, &chosen).await?;
    ensure_eq!(directory.array("id").await?.read::<Vec<u8>>().await?, [1, 2], "of the dtype asked for");
    Ok(())
}

async fn all_columns_are_stored_or_none(subject: Subject) -> Checked {
    let (root, builds) = (subject.root().await?, Builds::default());
    let built = builds.resolve(&root, &cells(0)).await?.directory;
    let nulls: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(1)]));
    let columns: [(&str, ArrayRef, bool); 2] =
        [("id", Arc::new(Int64Array::from(vec![1, 2])), false), ("nulls", nulls, true)];
    let with_nulls = RecordBatch::try_from_iter_with_nullable(columns)?;
    let taken: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let over_a_file = RecordBatch::try_from_iter([("id", taken.clone()), ("content", taken)])?;
    for directory in [&built, &root.dir("missing")?] {
        refused(directory.put_columns(&with_nulls, &FromTableOptions::default()).await, ErrorKind::Mismatch)?;
        let unknown = FromTableOptions::default().with_include(["nothing"]);
        refused(directory.put_columns(&measured()?, &unknown).await, ErrorKind::NotFound)?;
        ensure!(!directory.contains("id").await?, "a column was stored");
    }
    refused(built.put_columns(&over_a_file, &FromTableOptions::default()).await, ErrorKind::WrongKind)?;
    ensure!(!root.contains("missing").await?, "a directory was created");
    is_complete(&built).await
}

async fn every_dtype_goes_there_and_back(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let (there, back) = (root.dir("there")?, root.dir("back")?);
    let mut arrays = Vec::new();
    for (number, dtype) in samples::every_dtype().into_iter().enumerate() {
        // Bytes that end in zeros or are no text have a form of their own, which the dtype of the column tells.
        for (form, lengths) in [("flat", &[3u64][..]), ("deep", &[3, 2])] {
            let name = format!("{form}{number:02}");
            let values = samples::numbered(dtype, 1, lengths.iter().product());
            there.put(&name, ArrayData::new(shape(lengths)?, values.clone())?).await?;
            arrays.push((name, dtype, shape(lengths)?, values));
        }
    }
    back.put_columns(&there.to_table().await?, &FromTableOptions::default()).await?;
    for (name, dtype, shape, values) in arrays {
        let array = back.array(&name).await?;
        ensure_eq!((array.dtype(), array.shape()), (dtype, &shape), "dtype and shape of '{name}'");
        let read: ArrayData = array.read().await?;
        ensure_eq!(Bits(read.values().clone()), Bits(values), "the elements of '{name}', {dtype}");
    }
    Ok(())
}

async fn tables_go_there_and_back(subject: Subject) -> Checked {
    let root = subject.root().await?;
    let (columns, tables) = (root.dir("columns")?, root.dir("tables")?);
    columns.put("id", [3i64, 4]).await?;
    columns.put("score", [0.5, 1.5]).await?;
    columns.put("name", vec!["a".to_owned(), "b".to_owned()]).await?;
    let table = columns.to_table().await?;
    tables.put_table("t", &table).await?;
    let stored = tables.table("t").await?.read().await?;
    ensure_eq!(stored, table, "the table that was stored");
    let again = root.dir("again")?;
    again.put_columns(&stored, &FromTableOptions::default()).await?;
    ensure!(columns.equals(&again).await?, "the arrays differ: {:?}", columns.diff(&again).await?);
    Ok(())
}
