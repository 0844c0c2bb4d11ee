//! Tests of single parts.

use super::{counted_bytes::CountedBytes, *};
use arrow_array::{Array, ArrayRef, RecordBatch, builder::*, new_null_array, *};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, IntervalUnit, Schema, SchemaRef, TimeUnit, UnionFields, UnionMode};
use bytes::Bytes;
use fascicle_backend::{Codec, Comparison, ErrorKind, Predicate, Result, TableOptions};
use std::sync::Arc;

fn write(schema: &SchemaRef, batches: &[RecordBatch], options: &TableOptions) -> Bytes {
    let mut writer = PartWriter::new(Vec::new(), schema, options).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    Bytes::from(writer.finish(Some(RowsBefore { part: 3, rows: 17 }), None, None).unwrap())
}

fn read(bytes: &Bytes) -> Result<Vec<RecordBatch>> {
    let part = PartFile::open(bytes.clone(), "part")?;
    let schema = part.schema().clone();
    part.batches(schema.fields().iter().map(|field| field.name().as_str()), None, 0, None)?.collect()
}

/// Columns of five rows, of every type that is meant to survive, most of them with nulls.
fn columns() -> Vec<(&'static str, ArrayRef)> {
    fn cast(array: &ArrayRef, data_type: DataType) -> ArrayRef {
        arrow_cast::cast(array, &data_type).unwrap()
    }
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(0), Some(120), Some(2)]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some(""), Some("ü"), Some("a")]));
    let zone = || Some("Europe/Berlin".into());
    let item = || Arc::new(Field::new_list_field(DataType::Int64, true));
    let mut columns: Vec<(&'static str, ArrayRef)> = vec![
        ("null", new_null_array(&DataType::Null, 5)),
        ("bool", cast(&numbers, DataType::Boolean)),
        ("large texts", cast(&texts, DataType::LargeUtf8)),
        ("text views", cast(&texts, DataType::Utf8View)),
        ("bytes", cast(&texts, DataType::Binary)),
        ("large bytes", cast(&texts, DataType::LargeBinary)),
        ("byte views", cast(&texts, DataType::BinaryView)),
        (
            "dictionary",
            cast(&texts, DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8))),
        ),
        (
            "number dictionary",
            cast(&numbers, DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Int64))),
        ),
        ("years", Arc::new(IntervalYearMonthArray::from(vec![Some(1), None, Some(3), Some(-4), Some(5)]))),
        (
            "empty in a place",
            Arc::new(Float64Array::from(vec![-0.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, 1e-310])),
        ),
    ];
    let of_numbers = [
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float16,
        DataType::Float32,
        DataType::Float64,
        DataType::Decimal32(9, 2),
        DataType::Decimal64(18, 3),
        DataType::Decimal128(38, 10),
        DataType::Decimal256(76, 20),
        DataType::Decimal128(5, 0),
    ];
    columns.extend(of_numbers.into_iter().map(|data_type| ("number", cast(&numbers, data_type))));
    let of_counts = [
        DataType::Timestamp(TimeUnit::Second, None),
        DataType::Timestamp(TimeUnit::Millisecond, zone()),
        DataType::Timestamp(TimeUnit::Microsecond, Some("+01:00".into())),
        DataType::Timestamp(TimeUnit::Nanosecond, zone()),
        DataType::Timestamp(TimeUnit::Second, zone()),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::Date64,
        DataType::Duration(TimeUnit::Second),
        DataType::Duration(TimeUnit::Nanosecond),
    ];
    columns.extend(of_counts.into_iter().map(|data_type| ("count", cast(&numbers, data_type))));
    let small = cast(&numbers, DataType::Int32);
    let of_small =
        [DataType::Date32, DataType::Time32(TimeUnit::Second), DataType::Time32(TimeUnit::Millisecond)];
    columns.extend(of_small.into_iter().map(|data_type| ("small count", cast(&small, data_type))));
    columns.push(("texts", texts.clone()));

    let some = NullBuffer::from(vec![true, false, true, true, true]);
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0i32, 2, 2, 2, 4, 5]));
    let list = ListArray::new(item(), offsets, numbers.clone(), Some(some.clone()));
    columns.push(("large lists", cast(&(Arc::new(list.clone()) as ArrayRef), DataType::LargeList(item()))));
    let outer = Arc::new(Field::new("outer", list.data_type().clone(), true));
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0i32, 1, 1, 3, 3, 5]));
    columns.push((
        "lists of lists",
        Arc::new(ListArray::new(outer, offsets, Arc::new(list.clone()), Some(some.clone()))),
    ));
    let structs = StructArray::new(
        vec![Field::new("n", DataType::Int64, true), Field::new("l", list.data_type().clone(), true)].into(),
        vec![numbers.clone(), Arc::new(list.clone())],
        Some(some.clone()),
    );
    columns.push(("structs", Arc::new(structs)));
    columns.push(("lists", Arc::new(list)));
    let points: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10));
    columns.push(("points", Arc::new(FixedSizeListArray::new(item(), 2, points, Some(some)))));
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for row in 0..5 {
        maps.keys().append_value(format!("key {row}"));
        maps.values().append_option((row != 2).then_some(row));
        maps.append(row != 1).unwrap();
    }
    columns.push(("maps", Arc::new(maps.finish())));
    let mut fixed = FixedSizeBinaryBuilder::new(3);
    for row in 0..5 {
        if row == 1 { fixed.append_null() } else { fixed.append_value(b"a\0b").unwrap() }
    }
    columns.push(("fixed bytes", Arc::new(fixed.finish())));
    columns
}

#[test]
fn every_type_comes_back_as_it_was() {
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (position, (name, array)) in columns().into_iter().enumerate() {
        let nullable = array.data_type() == &DataType::Null || array.null_count() > 0;
        let field = Field::new(format!("{name} {position}"), array.data_type().clone(), nullable);
        fields.push(field.with_metadata([("unit".to_owned(), "mV".to_owned())].into()));
        arrays.push(array);
    }
    let metadata = [("author".to_owned(), "me".to_owned())].into();
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    check_storable(&schema).unwrap();
    let batch = RecordBatch::try_new(schema.clone(), arrays).unwrap();
    for codec in
        [None, Some(Codec::Uncompressed), Some(Codec::Gzip { level: 9 }), Some(Codec::Zstd { level: 22 })]
    {
        let options = TableOptions { codec, ..TableOptions::default() };
        let bytes = write(&schema, &[batch.clone(), batch.slice(1, 3)], &options);
        let part = PartFile::open(bytes.clone(), "part").unwrap();
        assert_eq!(part.schema(), &schema);
        assert_eq!((part.rows(), part.rows_before()), (8, Some(RowsBefore { part: 3, rows: 17 })));
        assert_eq!((part.nonce().unwrap().len(), part.table()), (32, part.nonce()));
        let read = read(&bytes).unwrap();
        let read = arrow_select::concat::concat_batches(&read[0].schema(), &read).unwrap();
        for (column, field) in schema.fields().iter().enumerate() {
            assert_eq!(read.column(column).data_type(), field.data_type(), "{field}");
            let (first, rest) = (read.column(column).slice(0, 5), read.column(column).slice(5, 3));
            assert_same(&first, batch.column(column), field.name());
            assert_same(&rest, &batch.column(column).slice(1, 3), field.name());
        }
    }
}

/// Dictionaries may come back with their values in another order.
fn assert_same(read: &ArrayRef, written: &ArrayRef, name: &str) {
    let plain = |array: &ArrayRef| match array.data_type() {
        DataType::Dictionary(_, values) => arrow_cast::cast(array, values).unwrap(),
        _ => array.clone(),
    };
    let (read, written) = (plain(read), plain(written));
    if let (Some(read), Some(written)) =
        (read.as_any().downcast_ref::<Float64Array>(), written.as_any().downcast_ref::<Float64Array>())
    {
        let bits = |array: &Float64Array| array.iter().map(|v| v.map(f64::to_bits)).collect::<Vec<_>>();
        assert_eq!(bits(read), bits(written), "{name}");
        return;
    }
    assert_eq!(read.to_data(), written.to_data(), "{name}");
}

#[test]
fn an_empty_part_keeps_its_columns() {
    let schema = Arc::new(Schema::new(vec![
        Field::new("s", DataType::Struct(vec![Field::new("d", DataType::Float32, true)].into()), true),
        Field::new("t", DataType::Timestamp(TimeUnit::Second, Some("UTC".into())), false),
    ]));
    let bytes = write(&schema, &[], &TableOptions::default());
    assert_eq!(PartFile::open(bytes.clone(), "part").unwrap().schema(), &schema);
    assert_eq!(read(&bytes).unwrap().len(), 0);
}

#[test]
fn types_that_parquet_cannot_hold_are_named() {
    let union = DataType::Union(
        UnionFields::from_fields(vec![Field::new("a", DataType::Int8, true)]),
        UnionMode::Dense,
    );
    let in_list = DataType::List(Arc::new(Field::new_list_field(union.clone(), true)));
    for data_type in [
        union,
        in_list,
        DataType::Interval(IntervalUnit::MonthDayNano),
        DataType::Decimal128(5, -2),
        DataType::Struct(Vec::<Field>::new().into()),
    ] {
        let schema = Schema::new(vec![
            Field::new("fine", DataType::Int8, true),
            Field::new("odd", data_type.clone(), true),
        ]);
        let error = check_storable(&schema).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(
            error.message().contains("'odd'") && error.message().contains(&data_type.to_string()),
            "{error}"
        );
    }
}

#[test]
fn what_is_allowed_survives_or_is_refused() {
    // Each of these is either kept exactly or refused beforehand: never changed in silence.
    let item = || Arc::new(Field::new_list_field(DataType::Int32, true));
    let ends = Arc::new(Field::new("run_ends", DataType::Int32, false));
    for data_type in [
        DataType::ListView(item()),
        DataType::LargeListView(item()),
        DataType::RunEndEncoded(ends, Arc::new(Field::new("values", DataType::Utf8, true))),
        DataType::Interval(IntervalUnit::DayTime),
        DataType::Interval(IntervalUnit::YearMonth),
        DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::List(item()))),
        DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Float64)),
        DataType::Dictionary(Box::new(DataType::Int64), Box::new(DataType::Date32)),
        DataType::FixedSizeList(item(), 3),
        DataType::List(Arc::new(Field::new_list_field(DataType::Null, true))),
    ] {
        let schema = Arc::new(Schema::new(vec![Field::new("x", data_type.clone(), true)]));
        match check_storable(&schema) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
            Ok(()) => {
                let batch =
                    RecordBatch::try_new(schema.clone(), vec![new_null_array(&data_type, 3)]).unwrap();
                let bytes = write(&schema, &[batch], &TableOptions::default());
                let batches = read(&bytes).unwrap();
                assert_eq!(batches[0].column(0).data_type(), &data_type);
                assert_eq!(batches[0].column(0).logical_null_count(), 3);
            }
        }
    }
}

fn numbered(rows: std::ops::Range<i64>) -> (SchemaRef, RecordBatch) {
    let schema = Arc::new(Schema::new(vec![
        Field::new("i", DataType::Int64, false),
        Field::new("text", DataType::Utf8, true),
        Field::new("f", DataType::Float64, true),
    ]));
    let texts = StringArray::from_iter(rows.clone().map(|i| (i % 7 != 0).then(|| format!("row {i:05}"))));
    let floats =
        Float64Array::from_iter_values(rows.clone().map(|i| if i % 5 == 0 { f64::NAN } else { i as f64 }));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(rows));
    let batch =
        RecordBatch::try_new(schema.clone(), vec![numbers, Arc::new(texts), Arc::new(floats)]).unwrap();
    (schema, batch)
}

#[test]
fn columns_are_projected_and_rows_skipped() {
    let (schema, batch) = numbered(0..1000);
    let bytes = write(&schema, &[batch], &TableOptions::default());
    let open = || PartFile::open(bytes.clone(), "part").unwrap();
    let batches: Vec<_> =
        open().batches(["i", "f"], None, 990, Some(4)).unwrap().map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [4, 4, 2]);
    assert_eq!(batches[0].num_columns(), 2);
    let first: Int64Array = batches[0].column(0).to_data().into();
    assert_eq!(first.value(0), 990);
    let rows: usize =
        open().batches([], None, 10, None).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 990);
}

#[test]
fn row_groups_without_selected_rows_are_not_read() {
    let (schema, _) = numbered(0..0);
    let mut writer = PartWriter::new(Vec::new(), &schema, &TableOptions::default()).unwrap();
    for start in [0, 100, 200] {
        writer.write(&numbered(start..start + 100).1).unwrap();
        writer.end_row_group().unwrap();
    }
    let reader = CountedBytes::new(writer.finish(None, None, None).unwrap());
    // Whether anything was read, and how many rows were selected.
    let groups_read = |predicate: Predicate| {
        let part = PartFile::open(reader.clone(), "part").unwrap();
        reader.take();
        let batches: Vec<_> =
            part.batches(["f"], Some(&predicate), 0, None).unwrap().map(Result::unwrap).collect();
        let bytes: usize = reader.take().into_iter().map(|(_, length)| length).sum();
        assert!(batches.iter().all(|batch| batch.num_columns() == 1));
        (bytes > 0, batches.iter().map(RecordBatch::num_rows).sum::<usize>())
    };
    let i = |comparison, value: i64| Predicate::compare("i", comparison, value);
    assert_eq!(groups_read(i(Comparison::Eq, 150)), (true, 1));
    assert_eq!(groups_read(i(Comparison::Lt, 100)), (true, 100));
    assert_eq!(groups_read(i(Comparison::Le, 100)), (true, 101));
    assert_eq!(groups_read(i(Comparison::Gt, 299)), (false, 0));
    assert_eq!(groups_read(i(Comparison::Ne, 1)), (true, 299));
    assert_eq!(groups_read(i(Comparison::Lt, 50).or(i(Comparison::Gt, 250))), (true, 99));
    assert_eq!(groups_read(i(Comparison::Lt, 50).and(i(Comparison::Gt, 250))), (false, 0));
    assert_eq!(groups_read(!i(Comparison::Lt, 100)), (true, 200));
    assert_eq!(groups_read(Predicate::compare("text", Comparison::Ge, "row 00298")), (true, 2));
    assert_eq!(groups_read(Predicate::compare("f", Comparison::Gt, 250.0)), (true, 40));
}

#[test]
fn only_pages_with_selected_rows_are_read() {
    // Many enough that the dictionary pages, of a MiB for each column, do not matter.
    let (schema, batch) = numbered(0..700_000);
    let options = TableOptions { codec: Some(Codec::Uncompressed), ..TableOptions::default() };
    let reader = CountedBytes::new(write(&schema, &[batch], &options));
    let bytes_read = |columns: &[&str], predicate: Option<Predicate>, skipped: u64| {
        let part = PartFile::open(reader.clone(), "part").unwrap();
        reader.take();
        let rows = part.batches(columns.iter().copied(), predicate.as_ref(), skipped, None).unwrap();
        let rows: usize = rows.map(|batch| batch.unwrap().num_rows()).sum();
        (rows, reader.take().into_iter().map(|(_, length)| length).sum::<usize>())
    };
    let i = |comparison, value: i64| Predicate::compare("i", comparison, value);
    let (all_rows, everything) = bytes_read(&["i", "text", "f"], None, 0);
    assert_eq!(all_rows, 700_000);
    // One of three columns: two of eight bytes, and texts of nine.
    let (_, one_column) = bytes_read(&["f"], None, 0);
    assert!(one_column < everything / 2, "{one_column} of {everything} bytes for a column");
    // A page of about 20,000 rows of each column.
    let (rows, bytes) = bytes_read(&["i", "text", "f"], Some(i(Comparison::Eq, 123_456)), 0);
    assert_eq!(rows, 1);
    assert!(bytes < everything / 4, "{bytes} of {everything} bytes for a row");
    let within = i(Comparison::Ge, 90_000).and(i(Comparison::Lt, 90_100));
    let (rows, bytes) = bytes_read(&["f"], Some(within), 0);
    assert_eq!(rows, 100);
    assert!(bytes < everything / 4, "{bytes} of {everything} bytes for a range");
    let ends = i(Comparison::Lt, 10).or(i(Comparison::Ge, 699_990));
    let (rows, bytes) = bytes_read(&["f"], Some(ends), 0);
    assert_eq!(rows, 20);
    assert!(bytes < everything / 3, "{bytes} of {everything} bytes for both ends");
    // Text decides, and the other columns follow it.
    let (rows, bytes) = bytes_read(&["f"], Some(Predicate::compare("text", Comparison::Ge, "row 99990")), 0);
    assert_eq!(rows, (99_990..100_000).filter(|i| i % 7 != 0).count());
    assert!(bytes < everything / 2, "{bytes} of {everything} bytes for a text");
    let (rows, bytes) = bytes_read(&["i", "text", "f"], None, 695_000);
    assert_eq!(rows, 5_000);
    assert!(bytes < everything / 4, "{bytes} of {everything} bytes after most rows");
    let (rows, _) = bytes_read(&["i"], Some(i(Comparison::Lt, 195_010)), 195_000);
    assert_eq!(rows, 10);
}

#[test]
fn columns_that_a_part_lacks_are_null_to_its_predicate() {
    let (schema, batch) = numbered(0..10);
    let bytes = write(&schema, &[batch], &TableOptions::default());
    let rows = |predicate: Predicate| {
        let part = PartFile::open(bytes.clone(), "part").unwrap();
        let batches = part.batches(["i"], Some(&predicate), 0, None).unwrap();
        batches.map(|batch| batch.unwrap().num_rows()).sum::<usize>()
    };
    let new = Predicate::compare("new", Comparison::Eq, 1);
    let i = Predicate::compare("i", Comparison::Lt, 3);
    assert_eq!(rows(new.clone()), 0);
    assert_eq!(rows(!new.clone()), 0);
    assert_eq!(rows(Predicate::IsNull("new".into())), 10);
    assert_eq!(rows(!Predicate::IsNull("new".into())), 0);
    assert_eq!(rows(new.clone().or(i.clone())), 3);
    assert_eq!(rows(new.and(i)), 0);
}

#[test]
fn the_columns_of_the_table_are_noted_where_a_part_lacks_some() {
    let (schema, batch) = numbered(0..10);
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    let zone = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    fields.push(Arc::new(Field::new("new", zone, true)));
    let wide = Arc::new(Schema::new(fields));
    let finish = |columns: &SchemaRef| {
        let mut writer = PartWriter::new(Vec::new(), &schema, &TableOptions::default()).unwrap();
        writer.write(&batch).unwrap();
        let bytes = writer.finish(None, Some("t"), Some(columns)).unwrap();
        PartFile::open(Bytes::from(bytes), "part").unwrap()
    };
    let part = finish(&wide);
    assert_eq!((part.schema(), part.table_schema().fields()), (&schema, wide.fields()));
    assert_eq!(finish(&schema).table_schema(), &schema);
    for text in ["0", "zz", "ffff", ""] {
        let error = columns::decode_columns("part", text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{text:?}");
    }
}

/// A reproducible sequence of numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

#[test]
fn damaged_parts_are_errors_and_no_panics() {
    let (schema, batch) = numbered(0..200);
    let nested = columns().into_iter().filter(|(name, _)| ["lists", "dictionary", "maps"].contains(name));
    let (fields, arrays): (Vec<_>, Vec<_>) =
        nested.map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array)).unzip();
    let nested = Arc::new(Schema::new(fields));
    let nested_batch = RecordBatch::try_new(nested.clone(), arrays).unwrap();
    let whole = [
        write(&schema, &[batch], &TableOptions { codec: Some(Codec::Uncompressed), ..Default::default() }),
        write(&nested, &[nested_batch], &TableOptions::default()),
    ];
    let count: usize = std::env::var("FASCICLE_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let mut errors = 0;
    for seed in 1..=count as u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut bytes = whole[random.below(whole.len())].to_vec();
        match random.below(4) {
            0 => bytes.truncate(random.below(bytes.len())),
            1 => {
                let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
                bytes.drain(from.min(to)..from.max(to));
            }
            _ => {
                for _ in 0..=random.below(8) {
                    // Half of the changes go into the footer, where they do the most.
                    let tail = bytes.len().min(1500);
                    let at = if random.below(2) == 0 {
                        random.below(bytes.len())
                    } else {
                        bytes.len() - 1 - random.below(tail)
                    };
                    bytes[at] ^= 1 << random.below(8);
                }
            }
        }
        if let Err(error) = read(&Bytes::from(bytes)) {
            assert_eq!(error.kind(), ErrorKind::Corrupt, "seed {seed}: {error:?}");
            assert!(error.message().contains("'part'"), "seed {seed}: {error}");
            errors += 1;
        }
    }
    assert!(errors > count / 2, "only {errors} of {count} damaged files were noticed");
}

#[test]
fn what_is_no_parquet_file_is_corrupt() {
    for bytes in [&b""[..], b"PAR1", b"PAR1PAR1", b"PAR1\xff\xff\xff\x7fPAR1", b"hello, this is some text"] {
        let error = PartFile::open(Bytes::from_static(bytes), "part").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{bytes:?}");
    }
}
