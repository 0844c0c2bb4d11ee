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
use arrow_schema::{Field, Schema};
use futures::TryStreamExt;

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
    /// A stream that began before the table was replaced gives the rows of one state.
    a_slow_reader_sees_one_state [Write, Tables];
}

pub(super) fn nullable(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch, Failure> {
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
