//! Tables: rows with an Arrow schema.

use super::prelude::*;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray,
    DurationMillisecondArray, FixedSizeBinaryArray, FixedSizeListArray, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, TimestampNanosecondArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
    types::{Float32Type, Int32Type, Int64Type},
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use fascicle_backend::{Comparison, Literal, Predicate};
use futures::TryStreamExt;
use std::collections::HashMap;

behaviours! { "table"
    /// Rows come back in the order they were written, over several batches too.
    rows_come_back_in_order [Write, Tables];
    /// Names, types, nullability and order of the columns are kept.
    the_schema_is_kept [Write, Tables];
    /// A table without rows keeps its columns.
    a_table_can_have_no_rows [Write, Tables];
    /// The number of rows and the schema are described.
    rows_and_schema_are_described [Write, Tables];
    /// Nulls are kept, and are not the values that look like them.
    nulls_are_kept [Write, Tables];
    /// Integers of every width come back, extremes included.
    integers_come_back [Write, Tables];
    /// Floats come back bit for bit: NaN, infinities and the sign of zero.
    floats_come_back [Write, Tables];
    /// Text and bytes come back as they are: `001`, `NA`, empty text, quotes, line breaks, any script.
    text_and_bytes_come_back [Write, Tables];
    /// Dates, times, timestamps with and without zone, and durations come back.
    times_come_back [Write, Tables];
    /// Decimals and fixed-size bytes come back.
    decimals_and_fixed_bytes_come_back [Write, Tables];
    /// Lists come back: empty, null, and with null items.
    lists_come_back [Write, Tables];
    /// Fixed-size lists come back.
    fixed_size_lists_come_back [Write, Tables];
    /// Structs come back, in lists and with null members too.
    structs_come_back [Write, Tables];
    /// Dictionary-encoded columns come back with their type.
    dictionaries_come_back [Write, Tables];
    /// Columns can have any names.
    columns_can_have_any_names [Write, Tables];
    /// A table appears when it is finished, and the number of its rows is returned.
    it_appears_when_it_is_finished [Write, Tables];
    /// A table that is not finished leaves nothing behind.
    dropping_the_writer_leaves_nothing [Write, Tables];
    /// Until a new version is finished, and when it never is, the old table stays.
    dropping_the_writer_leaves_the_old_table [Write, Tables];
    /// Overwriting changes schema and rows together.
    overwriting_changes_schema_and_rows [Write, Tables];
    /// A writer in the mode `Create` is refused at the end when an entry has appeared meanwhile, which stays as it is.
    finishing_is_refused_when_an_entry_has_appeared [Write, Tables];
    /// A batch of another schema is refused as a mismatch, and what was there stays.
    a_batch_of_another_schema_is_refused [Write, Tables];
    /// A missing table is not found, whatever is asked of it.
    a_missing_table_is_not_found [Write, Tables];
    /// A file and a directory are not tables.
    other_kinds_are_not_tables [Write, Tables];
    /// An array is not a table.
    an_array_is_not_a_table [Write, Arrays, Tables];
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
    /// A stream that began before the table was replaced gives the rows of one state.
    a_slow_reader_sees_one_state [Write, Tables];
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
    /// Scans see rows of all appends: projection, predicate, offset and limit.
    scans_see_all_appends [Write, Tables, TableAppend];
    /// Many appends all arrive, in order.
    many_appends_arrive_in_order [Write, Tables, TableAppend];
}

fn nullable(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch, Failure> {
    let fields = columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

/// Writes a table and expects it back.
async fn comes_back(subject: Subject, columns: Vec<(&str, ArrayRef)>) -> Checked {
    let place = subject.open().await?;
    let rows = nullable(columns)?;
    place.put_table("t", &rows).await?;
    ensure_eq!(place.table("t").await?.schema().fields(), rows.schema().fields(), "the columns");
    ensure_eq!(place.table("t").await?, rows, "the rows");
    Ok(())
}

async fn rows_come_back_in_order(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let schema = samples::people(0, 0)?.schema();
    let options = TableOptions::default();
    let mut writer = place.table_store()?.create(&at("t")?, schema, &options, WriteMode::Create).await?;
    for (first, count) in [(0, 3), (3, 0), (3, 1000), (1003, 1)] {
        writer.write(samples::people(first, count)?).await?;
    }
    ensure_eq!(writer.finish().await?, 1004, "the number of rows");
    ensure_eq!(place.table("t").await?, samples::people(0, 1004)?, "the rows");
    Ok(())
}

async fn the_schema_is_kept(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let rows = samples::people(0, 3)?;
    place.put_table("t", &rows).await?;
    let described = place.table_store()?.describe(&at("t")?).await?.schema;
    ensure_eq!(described.fields(), rows.schema().fields(), "the columns");
    Ok(())
}

async fn a_table_can_have_no_rows(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let none = samples::people(0, 0)?;
    let options = TableOptions::default();
    let unwritten =
        place.table_store()?.create(&at("t")?, none.schema(), &options, WriteMode::Create).await?;
    ensure_eq!(unwritten.finish().await?, 0, "the number of rows");
    place.put_table("written", &none).await?;
    for path in ["t", "written"] {
        ensure_eq!(place.table(path).await?, none, "the table '{path}'");
        ensure_eq!(place.table_store()?.describe(&at(path)?).await?.rows, 0, "the number of rows");
        ensure_eq!(place.kind(path).await?, EntryKind::Table, "the kind");
    }
    Ok(())
}

async fn rows_and_schema_are_described(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let rows = samples::people(0, 77)?;
    place.put_table("t", &rows).await?;
    let description = place.table_store()?.describe(&at("t")?).await?;
    ensure_eq!(description.rows, 77, "the number of rows");
    ensure!(description.parts >= 1, "77 rows are stored in {} parts", description.parts);
    ensure!(!description.format.is_empty(), "the format has no name");
    Ok(())
}

async fn nulls_are_kept(subject: Subject) -> Checked {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("int", Arc::new(Int64Array::from(vec![Some(0), None, Some(-1)]))),
        ("float", Arc::new(Float64Array::from(vec![Some(f64::NAN), None, Some(0.0)]))),
        ("text", Arc::new(StringArray::from(vec![Some(""), None, Some("null")]))),
        ("bool", Arc::new(BooleanArray::from(vec![Some(false), None, Some(true)]))),
        ("nothing", Arc::new(Int32Array::from(vec![None::<i32>, None, None]))),
    ];
    comes_back(subject, columns).await
}

async fn integers_come_back(subject: Subject) -> Checked {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i8", Arc::new(Int8Array::from(vec![i8::MIN, 0, i8::MAX]))),
        ("i16", Arc::new(Int16Array::from(vec![i16::MIN, 0, i16::MAX]))),
        ("i32", Arc::new(Int32Array::from(vec![i32::MIN, 0, i32::MAX]))),
        ("i64", Arc::new(Int64Array::from(vec![i64::MIN, (1 << 53) + 1, i64::MAX]))),
        ("u8", Arc::new(UInt8Array::from(vec![0, 1, u8::MAX]))),
        ("u16", Arc::new(UInt16Array::from(vec![0, 1, u16::MAX]))),
        ("u32", Arc::new(UInt32Array::from(vec![0, 1, u32::MAX]))),
        ("u64", Arc::new(UInt64Array::from(vec![0, 1 << 63, u64::MAX]))),
    ];
    comes_back(subject, columns).await
}

async fn floats_come_back(subject: Subject) -> Checked {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("f32", Arc::new(Float32Array::from(vec![-0.0, f32::NAN, f32::INFINITY, f32::MIN_POSITIVE, 0.1]))),
        ("f64", Arc::new(Float64Array::from(vec![-0.0, f64::NAN, f64::NEG_INFINITY, 5e-324, 0.1]))),
    ];
    comes_back(subject, columns).await
}

async fn text_and_bytes_come_back(subject: Subject) -> Checked {
    let texts = vec![
        "001",
        "NA",
        "",
        "nan",
        "a,b;c\td",
        "\"quoted\" 'it'",
        "line\r\nbreak",
        "ü 日本 🙂",
        " x ",
        "a\0b",
    ];
    let bytes: Vec<&[u8]> = vec![b"", b"\0", b"\xff\xfe", b"abc", b"\n", b",", b"\"", b"x", b"y", b"z\0"];
    let columns: Vec<(&str, ArrayRef)> =
        vec![("text", Arc::new(StringArray::from(texts))), ("bytes", Arc::new(BinaryArray::from(bytes)))];
    comes_back(subject, columns).await
}

async fn times_come_back(subject: Subject) -> Checked {
    let moments = vec![Some(-1), None, Some(1_700_000_000_123_456)];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("date", Arc::new(Date32Array::from(vec![Some(-1), None, Some(20_000)]))),
        ("time", Arc::new(Time64MicrosecondArray::from(vec![Some(0), None, Some(86_399_999_999)]))),
        ("local", Arc::new(TimestampMicrosecondArray::from(moments.clone()))),
        ("utc", Arc::new(TimestampMicrosecondArray::from(moments.clone()).with_timezone("UTC"))),
        ("berlin", Arc::new(TimestampNanosecondArray::from(moments).with_timezone("Europe/Berlin"))),
        ("span", Arc::new(DurationMillisecondArray::from(vec![Some(-5), None, Some(i64::MAX)]))),
    ];
    comes_back(subject, columns).await
}

async fn decimals_and_fixed_bytes_come_back(subject: Subject) -> Checked {
    let decimals =
        Decimal128Array::from(vec![Some(-1), None, Some(10i128.pow(20))]).with_precision_and_scale(30, 4)?;
    let fixed = [Some(*b"abc"), None, Some([0; 3])].into_iter();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("decimal", Arc::new(decimals)),
        ("fixed", Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(fixed, 3)?)),
    ];
    comes_back(subject, columns).await
}

async fn lists_come_back(subject: Subject) -> Checked {
    let lists = vec![Some(vec![Some(1), None, Some(3)]), Some(vec![]), None, Some(vec![None])];
    let column = ListArray::from_iter_primitive::<Int64Type, _, _>(lists);
    comes_back(subject, vec![("lists", Arc::new(column))]).await
}

async fn fixed_size_lists_come_back(subject: Subject) -> Checked {
    let pairs = vec![Some(vec![Some(1.5), Some(-0.0)]), None, Some(vec![None, Some(f32::NAN)])];
    let column = FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(pairs, 2);
    comes_back(subject, vec![("pairs", Arc::new(column))]).await
}

async fn structs_come_back(subject: Subject) -> Checked {
    let inner: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([
        Some(vec![Some(1)]),
        None,
        Some(vec![]),
    ]));
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("")]));
    let fields: Vec<Field> = [("name", &names), ("numbers", &inner)]
        .map(|(name, column)| Field::new(name, column.data_type().clone(), true))
        .into();
    let nulls = arrow_array::BooleanArray::from(vec![true, true, false]);
    let column =
        StructArray::try_new(fields.into(), vec![names, inner], Some(nulls.values().clone().into()))?;
    comes_back(subject, vec![("person", Arc::new(column))]).await
}

async fn dictionaries_come_back(subject: Subject) -> Checked {
    let column: DictionaryArray<Int32Type> =
        [Some("red"), None, Some("blue"), Some("red")].into_iter().collect();
    let place = subject.open().await?;
    let rows = nullable(vec![("colour", Arc::new(column))])?;
    place.put_table("t", &rows).await?;
    let found = place.table("t").await?;
    ensure_eq!(found.schema().fields(), rows.schema().fields(), "the columns");
    let colours = found.column(0).as_any().downcast_ref::<DictionaryArray<Int32Type>>();
    let colours = colours.and_then(|column| column.downcast_dict::<StringArray>());
    let colours: Option<Vec<Option<String>>> =
        colours.map(|column| column.into_iter().map(|text| text.map(str::to_owned)).collect());
    let expected =
        [Some("red"), None, Some("blue"), Some("red")].map(|text| text.map(str::to_owned)).to_vec();
    ensure_eq!(colours, Some(expected), "the column");
    Ok(())
}

async fn columns_can_have_any_names(subject: Subject) -> Checked {
    let names = ["a.b", "with space", "ü", "日本", "_x", "\"q\"", "a/b", "A", "a", "id", "0"];
    let columns: Vec<(&str, ArrayRef)> = names
        .into_iter()
        .enumerate()
        .map(|(number, name)| (name, Arc::new(Int64Array::from(vec![number as i64])) as ArrayRef))
        .collect();
    comes_back(subject, columns).await
}

async fn begin(
    place: &Place,
    rows: &RecordBatch,
    mode: WriteMode,
) -> Result<Box<dyn fascicle_backend::TableWriter>> {
    let mut writer =
        place.table_store()?.create(&at("t")?, rows.schema(), &TableOptions::default(), mode).await?;
    writer.write(rows.clone()).await?;
    Ok(writer)
}

async fn it_appears_when_it_is_finished(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let rows = samples::people(0, 5)?;
    let writer = begin(&place, &rows, WriteMode::Create).await?;
    refused(place.table("t").await, ErrorKind::NotFound)?;
    ensure_eq!(writer.finish().await?, 5, "the number of rows");
    ensure_eq!(place.table("t").await?, rows, "the rows");
    Ok(())
}

async fn dropping_the_writer_leaves_nothing(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let before = place.everything().await?;
    drop(begin(&place, &samples::people(0, 5)?, WriteMode::Create).await?);
    ensure_eq!(place.everything().await?, before, "what the place holds");
    begin(&place, &samples::people(0, 2)?, WriteMode::Create).await?.finish().await?;
    ensure_eq!(place.table("t").await?, samples::people(0, 2)?, "the second try");
    Ok(())
}

async fn dropping_the_writer_leaves_the_old_table(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 3)?).await?;
    let before = place.everything().await?;
    for mode in [WriteMode::Overwrite, WriteMode::Replace] {
        let writer = begin(&place, &samples::people(50, 9)?, mode).await?;
        ensure_eq!(place.everything().await?, before, "what the place holds before the end, {mode:?}");
        drop(writer);
        ensure_eq!(place.everything().await?, before, "what the place holds afterwards, {mode:?}");
    }
    Ok(())
}

async fn overwriting_changes_schema_and_rows(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 100)?).await?;
    let other = nullable(vec![("id", Arc::new(StringArray::from(vec!["not a number"])))])?;
    place.put_table("t", &other).await?;
    ensure_eq!(place.table("t").await?, other, "the rows");
    ensure_eq!(place.table_store()?.describe(&at("t")?).await?.rows, 1, "the number of rows");
    ensure_eq!(place.names("").await?, ["t"], "the listing");
    Ok(())
}

async fn finishing_is_refused_when_an_entry_has_appeared(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let late = begin(&place, &samples::people(0, 2)?, WriteMode::Create).await?;
    place.put_table("t", &samples::people(5, 3)?).await?;
    refused(late.finish().await, ErrorKind::AlreadyExists)?;
    ensure_eq!(place.table("t").await?, samples::people(5, 3)?, "the rows");
    place.remove(&at("t")?).await?;
    let late = begin(&place, &samples::people(0, 2)?, WriteMode::Create).await?;
    place.put_file("t", "a file").await?;
    refused(late.finish().await, ErrorKind::AlreadyExists)?;
    ensure_eq!(place.file("t").await?, "a file".as_bytes(), "the file");
    ensure_eq!(place.names("").await?, ["t"], "the listing");
    Ok(())
}

async fn a_batch_of_another_schema_is_refused(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 3)?).await?;
    let before = place.everything().await?;
    let mut writer = begin(&place, &samples::people(0, 9)?, WriteMode::Overwrite).await?;
    let other = nullable(vec![("id", Arc::new(Int64Array::from(vec![1])))])?;
    refused(writer.write(other).await, ErrorKind::Mismatch)?;
    drop(writer);
    ensure_eq!(place.everything().await?, before, "what the place holds");
    Ok(())
}

async fn a_missing_table_is_not_found(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.make_dir("d").await?;
    for missing in ["t", "d/t", "no/t"] {
        refused(place.table_store()?.describe(&at(missing)?).await, ErrorKind::NotFound)?;
        refused(place.table(missing).await, ErrorKind::NotFound)?;
    }
    Ok(())
}

async fn not_a_table(place: &Place, path: &str) -> Checked {
    refused(place.table_store()?.describe(&at(path)?).await, ErrorKind::WrongKind)?;
    refused(place.table(path).await, ErrorKind::WrongKind)?;
    Ok(())
}

async fn other_kinds_are_not_tables(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_file("f", "content").await?;
    place.make_dir("d").await?;
    not_a_table(&place, "f").await?;
    not_a_table(&place, "d").await
}

async fn an_array_is_not_a_table(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_array("a", &[2], samples::counting(0, 2)).await?;
    not_a_table(&place, "a").await
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

async fn a_slow_reader_sees_one_state(subject: Subject) -> Checked {
    let place = subject.open().await?;
    let (old, new) = (samples::people(0, 5000)?, samples::people(9000, 4000)?);
    place.put_table("t", &old).await?;
    let options = ScanOptions::default().with_batch_rows(100);
    let reader = place.table_store()?.scan(&at("t")?, &options).await?;
    place.put_table("t", &new).await?;
    let batches: Vec<RecordBatch> = reader.try_collect().await?;
    let found: Vec<i64> = batches.iter().flat_map(samples::ids).collect();
    ensure!(
        found == samples::ids(&old) || found == samples::ids(&new),
        "{} rows are neither the old nor the new ones",
        found.len()
    );
    Ok(())
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

async fn many_appends_arrive_in_order(subject: Subject) -> Checked {
    let place = subject.open().await?;
    place.put_table("t", &samples::people(0, 0)?).await?;
    for first in 0..20 {
        place.append_table("t", &samples::people(first, 1)?).await?;
    }
    ensure_eq!(place.table("t").await?, samples::people(0, 20)?, "the rows");
    Ok(())
}
