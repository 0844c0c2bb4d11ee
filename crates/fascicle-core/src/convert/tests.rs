//! Directories become tables and tables directories, over the memory backend.

use super::*;
use crate::testing::{get_array, memory, path, put_array, put_directory, put_file, put_table};
use arrow_array::builder::{FixedSizeListBuilder, Float64Builder, Int32Builder, ListBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date64Array, Decimal128Array, DictionaryArray, Float64Array,
    Int32Array, Int64Array, LargeStringArray, NullArray, RecordBatch, StringArray, TimestampMillisecondArray,
    TimestampSecondArray,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit as ArrowUnit};
use fascicle_backend::{
    Backend, DType, EntryKind, ErrorKind, ScanOptions, Shape, TimeUnit, Values, WriteMode,
};
use futures::{StreamExt, TryStreamExt, stream};
use half::f16;
use num_complex::Complex;
use std::sync::Arc;

const META: &str = "config: {type: Directory}\nstatus: done\n";

/// Three elements of every dtype, edge cases among them.
fn three_of_every_dtype() -> Vec<(&'static str, Values)> {
    let times = |counts: [i64; 3]| counts.to_vec();
    let mut all = vec![
        ("bool", Values::Bool(vec![true, false, true])),
        ("i8", Values::Int8(vec![i8::MIN, 0, i8::MAX])),
        ("i16", Values::Int16(vec![i16::MIN, 0, i16::MAX])),
        ("i32", Values::Int32(vec![i32::MIN, 0, i32::MAX])),
        ("i64", Values::Int64(vec![i64::MIN, 0, i64::MAX])),
        ("u8", Values::UInt8(vec![0, 1, u8::MAX])),
        ("u16", Values::UInt16(vec![0, 1, u16::MAX])),
        ("u32", Values::UInt32(vec![0, 1, u32::MAX])),
        ("u64", Values::UInt64(vec![0, 1, u64::MAX])),
        ("f16", Values::Float16(vec![f16::NAN, f16::NEG_ZERO, f16::MAX])),
        ("f32", Values::Float32(vec![f32::from_bits(0x7fc0_0003), -0.0, f32::MIN_POSITIVE])),
        ("f64", Values::Float64(vec![f64::from_bits(0x7ff8_0000_0000_0003), -0.0, f64::INFINITY])),
        (
            "c64",
            Values::Complex64(vec![Complex::new(1.0, -0.0), Complex::new(f32::NAN, 2.0), Complex::default()]),
        ),
        (
            "c128",
            Values::Complex128(vec![Complex::new(1.0, -2.0), Complex::default(), Complex::new(0.5, 0.25)]),
        ),
        ("bytes_text", Values::FixedBytes { width: 3, bytes: b"a\0\0\xc3\xbcb\0\0\0".to_vec() }),
        ("bytes_binary", Values::FixedBytes { width: 2, bytes: b"\xff\0ab\0\0".to_vec() }),
        ("text", Values::Text(vec!["".into(), "ü".into(), "a\tb".into()])),
    ];
    for unit in TimeUnit::ALL {
        let names = match unit {
            TimeUnit::Day => ("date_D", "delta_D"),
            TimeUnit::Hour => ("date_h", "delta_h"),
            TimeUnit::Minute => ("date_m", "delta_m"),
            TimeUnit::Second => ("date_s", "delta_s"),
            TimeUnit::Millisecond => ("date_ms", "delta_ms"),
            TimeUnit::Microsecond => ("date_us", "delta_us"),
            TimeUnit::Nanosecond => ("date_ns", "delta_ns"),
        };
        all.push((names.0, Values::DateTime64(unit, times([i64::MIN, -5, 20_000]))));
        all.push((names.1, Values::TimeDelta64(unit, times([7, i64::MIN, -1]))));
    }
    all
}

async fn directory_of(arrays: Vec<(&str, &[u64], Values)>) -> Arc<dyn Backend> {
    let backend = memory();
    put_directory(backend.as_ref(), "d", META).await;
    for (name, lengths, values) in arrays {
        put_array(backend.as_ref(), &format!("d/{name}"), lengths, values).await;
    }
    backend
}

async fn table_of(backend: &Arc<dyn Backend>, options: ToTableOptions) -> RecordBatch {
    let whole = to_table(backend.as_ref(), &path("d"), &options).await.unwrap();
    for batch_rows in [1, 2, 1000] {
        let options = options.clone().with_batch_rows(batch_rows);
        let stream = to_table_stream(backend.clone(), &path("d"), &options).await.unwrap();
        assert_eq!((&stream.schema, stream.rows), (&whole.schema(), whole.num_rows() as u64));
        let batches: Vec<RecordBatch> = stream.batches.try_collect().await.unwrap();
        assert!(batches.iter().all(|batch| batch.num_rows() <= batch_rows));
        let joined = arrow_select::concat::concat_batches(&whole.schema(), &batches).unwrap();
        assert_eq!(joined, whole);
    }
    whole
}

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

/// What a single column becomes.
async fn imported(
    array: ArrayRef,
    options: FromTableOptions,
) -> fascicle_backend::Result<(Vec<u64>, Values)> {
    let backend = directory_of(vec![]).await;
    let paths = from_table(backend.as_ref(), &path("d"), &table(vec![("x", array)]), &options).await;
    let left = backend.list(&path("d")).await.unwrap().entries.len();
    match paths {
        Ok(paths) => {
            assert_eq!((paths, left), (vec![path("d/x")], 1));
            Ok(get_array(backend.as_ref(), "d/x").await)
        }
        Err(error) => {
            assert_eq!(left, 0, "a refusal changes nothing");
            Err(error)
        }
    }
}

async fn refusal(array: ArrayRef, options: FromTableOptions) -> (ErrorKind, String) {
    let error = imported(array, options).await.unwrap_err();
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn every_dtype_goes_there_and_back() {
    for lengths in [vec![3], vec![3, 2], vec![3, 2, 0], vec![3, 1, 2]] {
        let arrays = three_of_every_dtype().into_iter().map(|(name, values)| {
            let count = lengths.iter().product::<u64>() as usize;
            let mut repeated = Values::zeros(values.dtype(), count as u64).unwrap();
            for at in 0..count {
                repeated.copy_from(at, &values, at % 3..at % 3 + 1).unwrap();
            }
            (name, lengths.as_slice(), repeated)
        });
        let arrays: Vec<_> = arrays.collect();
        let backend = directory_of(arrays.clone()).await;
        let whole = table_of(&backend, ToTableOptions::default()).await;
        assert_eq!(whole.num_columns(), arrays.len());
        put_directory(backend.as_ref(), "e", META).await;
        from_table(backend.as_ref(), &path("e"), &whole, &FromTableOptions::default()).await.unwrap();
        for (name, lengths, values) in arrays {
            let (found_lengths, found) = get_array(backend.as_ref(), &format!("e/{name}")).await;
            assert_eq!(found_lengths, lengths, "{name}");
            assert!(found.same_bits(&values), "{name} {lengths:?}: {values:?} became {found:?}");
        }
    }
}

#[tokio::test]
async fn types_are_the_documented_ones() {
    let arrays =
        three_of_every_dtype().into_iter().map(|(name, values)| (name, [3].as_slice(), values)).collect();
    let backend = directory_of(arrays).await;
    let whole = table_of(&backend, ToTableOptions::default()).await;
    let schema = whole.schema();
    let field = |name: &str| schema.field_with_name(name).unwrap();
    let complex = DataType::Struct(
        vec![Field::new("re", DataType::Float32, false), Field::new("im", DataType::Float32, false)].into(),
    );
    for (name, data_type, nullable, dtype) in [
        ("bool", DataType::Boolean, false, None),
        ("f16", DataType::Float16, false, None),
        ("c64", complex, false, None),
        ("bytes_text", DataType::Utf8, false, Some("S3")),
        ("bytes_binary", DataType::FixedSizeBinary(2), false, None),
        ("text", DataType::Utf8, false, None),
        ("date_D", DataType::Date32, true, None),
        ("date_h", DataType::Timestamp(ArrowUnit::Second, None), true, Some("datetime64[h]")),
        ("date_s", DataType::Timestamp(ArrowUnit::Second, None), true, None),
        ("date_ns", DataType::Timestamp(ArrowUnit::Nanosecond, None), true, None),
        ("delta_D", DataType::Duration(ArrowUnit::Second), true, Some("timedelta64[D]")),
        ("delta_us", DataType::Duration(ArrowUnit::Microsecond), true, None),
    ] {
        assert_eq!((field(name).data_type(), field(name).is_nullable()), (&data_type, nullable), "{name}");
        assert_eq!(field(name).metadata().get(DTYPE_KEY).map(String::as_str), dtype, "{name}");
    }
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert!(names.is_sorted());
    let texts = whole.column_by_name("bytes_text").unwrap().as_string::<i32>();
    assert_eq!(texts.iter().flatten().collect::<Vec<_>>(), ["a", "üb", ""]);
    assert!(whole.column_by_name("date_h").unwrap().is_null(0));

    let binary = ToTableOptions::default().with_bytes(BytesForm::Binary).with_include(["bytes_text"]);
    let whole = table_of(&backend, binary).await;
    assert_eq!(whole.schema().field(0).data_type(), &DataType::FixedSizeBinary(3));
    let text = ToTableOptions::default().with_bytes(BytesForm::Text).with_include(["bytes_binary"]);
    let error = to_table(backend.as_ref(), &path("d"), &text).await.unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::Mismatch, Some("d/bytes_binary")));
}

#[tokio::test]
async fn short_arrays_are_repeated_and_other_entries_left_out() {
    let backend = directory_of(vec![
        ("x", &[3], Values::Int64(vec![1, 2, 3])),
        ("scalar", &[], Values::Float64(vec![0.5])),
        ("single", &[1, 2], Values::Int8(vec![7, 8])),
    ])
    .await;
    put_file(backend.as_ref(), "d/f.bin", b"").await;
    put_directory(backend.as_ref(), "d/sub", META).await;
    let whole = table_of(&backend, ToTableOptions::default()).await;
    let names: Vec<String> = whole.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["scalar", "single", "x"]);
    assert_eq!(whole.column(0).as_primitive::<Float64Type>().values(), &[0.5, 0.5, 0.5]);
    assert_eq!(whole.column(1).as_fixed_size_list().values().len(), 6);
    assert_eq!(whole.column(2).as_primitive::<Int64Type>().values(), &[1, 2, 3]);

    let chosen = table_of(&backend, ToTableOptions::default().with_include(["x", "scalar"])).await;
    assert_eq!(chosen.schema().field(0).name(), "x");
    let rest = table_of(&backend, ToTableOptions::default().with_exclude(["x"])).await;
    assert_eq!((rest.num_rows(), rest.num_columns()), (1, 2));

    put_array(backend.as_ref(), "d/empty", &[0], Values::Int8(vec![])).await;
    let none = table_of(&backend, ToTableOptions::default().with_exclude(["x"])).await;
    assert_eq!((none.num_rows(), none.num_columns()), (0, 3));
}

#[tokio::test]
async fn what_makes_no_table_is_refused() {
    let backend = directory_of(vec![
        ("a", &[3], Values::Int8(vec![0; 3])),
        ("b", &[5], Values::Int8(vec![0; 5])),
        ("c", &[3, 1], Values::Int8(vec![0; 3])),
    ])
    .await;
    put_directory(backend.as_ref(), "none", META).await;
    let refused = async |directory: &str, options: ToTableOptions| {
        let error = to_table(backend.as_ref(), &path(directory), &options).await.unwrap_err();
        let streamed = to_table_stream(backend.clone(), &path(directory), &options).await.unwrap_err();
        assert_eq!(streamed.to_string(), error.to_string());
        (error.kind(), error.message().to_owned())
    };
    let all = ToTableOptions::default;
    assert_eq!(
        refused("d", all()).await,
        (ErrorKind::Mismatch, "the arrays have different lengths: 3 (a, c), 5 (b)".to_owned())
    );
    assert_eq!(refused("d", all().with_include(["a", "nope"])).await.0, ErrorKind::NotFound);
    assert_eq!(refused("d", all().with_exclude(["nope"])).await.0, ErrorKind::NotFound);
    assert_eq!(refused("none", all()).await.0, ErrorKind::NotFound);
    assert_eq!(refused("gone", all()).await.0, ErrorKind::NotFound);
    assert_eq!(refused("d/a", all()).await.0, ErrorKind::WrongKind);
    let error = to_table_stream(backend.clone(), &path("d"), &all().with_batch_rows(0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    put_array(backend.as_ref(), "d/far", &[3], Values::DateTime64(TimeUnit::Day, vec![1 << 40; 3])).await;
    assert_eq!(refused_one(&backend, "far").await, (ErrorKind::LimitExceeded, Some("d/far".to_owned())));
}

async fn refused_one(backend: &Arc<dyn Backend>, name: &str) -> (ErrorKind, Option<String>) {
    let options = ToTableOptions::default().with_include([name]);
    let error = to_table(backend.as_ref(), &path("d"), &options).await.unwrap_err();
    (error.kind(), error.path().map(str::to_owned))
}

#[tokio::test]
async fn columns_of_other_types_become_arrays() {
    let plain = FromTableOptions::default;
    let dictionary: DictionaryArray<Int32Type> = vec!["b", "a", "b"].into_iter().collect();
    let zoned = TimestampMillisecondArray::from(vec![1, 2]).with_timezone("+02:00");
    let mut lists = ListBuilder::new(Int32Builder::new());
    lists.append_value([Some(1), Some(2)]);
    lists.append_value([Some(3), Some(4)]);
    let cases: Vec<(ArrayRef, FromTableOptions, Vec<u64>, Values)> = vec![
        (Arc::new(dictionary), plain(), vec![3], Values::Text(vec!["b".into(), "a".into(), "b".into()])),
        (Arc::new(LargeStringArray::from(vec!["a"])), plain(), vec![1], Values::Text(vec!["a".into()])),
        (Arc::new(zoned), plain(), vec![2], Values::DateTime64(TimeUnit::Millisecond, vec![1, 2])),
        (
            Arc::new(Date64Array::from(vec![86_400_000])),
            plain(),
            vec![1],
            Values::DateTime64(TimeUnit::Millisecond, vec![86_400_000]),
        ),
        (Arc::new(lists.finish()), plain(), vec![2, 2], Values::Int32(vec![1, 2, 3, 4])),
        (
            Arc::new(StringArray::from(vec!["done", "100"])),
            plain().with_dtype("x", DType::FixedBytes(5)),
            vec![2],
            Values::FixedBytes { width: 5, bytes: b"done\x00100\0\0".to_vec() },
        ),
        (
            Arc::new(Int64Array::from(vec![100])),
            plain().with_dtype("x", DType::FixedBytes(4)),
            vec![1],
            Values::FixedBytes { width: 4, bytes: b"100\0".to_vec() },
        ),
        (
            Arc::new(BinaryArray::from_vec(vec![b"a\xff"])),
            plain().with_dtype("x", DType::FixedBytes(3)),
            vec![1],
            Values::FixedBytes { width: 3, bytes: b"a\xff\0".to_vec() },
        ),
        (
            Arc::new(Float64Array::from(vec![1.0, 2.0])),
            plain().with_dtype("x", DType::UInt8),
            vec![2],
            Values::UInt8(vec![1, 2]),
        ),
        (
            Arc::new(Float64Array::from(vec![0.1])),
            plain().with_dtype("x", DType::Float32),
            vec![1],
            Values::Float32(vec![0.1]),
        ),
        (
            Arc::new(Float64Array::from(vec![0.5])),
            plain().with_dtype("x", DType::Complex64),
            vec![1],
            Values::Complex64(vec![Complex::new(0.5, 0.0)]),
        ),
        (
            Arc::new(TimestampSecondArray::from(vec![86_400, 172_800])),
            plain().with_dtype("x", DType::DateTime64(TimeUnit::Day)),
            vec![2],
            Values::DateTime64(TimeUnit::Day, vec![1, 2]),
        ),
        (
            Arc::new(StringArray::from(vec!["2024-01-01T00:00:01"])),
            plain().with_dtype("x", DType::DateTime64(TimeUnit::Second)),
            vec![1],
            Values::DateTime64(TimeUnit::Second, vec![1_704_067_201]),
        ),
        (Arc::new(Int32Array::from(Vec::<i32>::new())), plain(), vec![0], Values::Int32(vec![])),
    ];
    for (array, options, lengths, values) in cases {
        let what = format!("{} {:?}", array.data_type(), options.dtypes);
        let (found_lengths, found) = imported(array, options).await.unwrap();
        assert_eq!(found_lengths, lengths, "{what}");
        assert!(found.same_bits(&values), "{what}: {found:?}");
    }
}

#[tokio::test]
async fn nulls_become_what_can_stand_for_them() {
    let plain = FromTableOptions::default;
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
    let (kind, text) = refusal(numbers.clone(), plain()).await;
    assert_eq!(kind, ErrorKind::Mismatch);
    assert!(text.starts_with("cannot convert column 'd/x': 1 value is null"), "{text}");
    let (_, found) = imported(numbers.clone(), plain().with_dtype("x", DType::Float32)).await.unwrap();
    assert!(matches!(found, Values::Float32(found) if found[0] == 1.0 && found[1].is_nan()));
    let filled = plain().with_fill("x", Values::Int64(vec![-1]));
    let (_, found) = imported(numbers.clone(), filled).await.unwrap();
    assert!(found.same_bits(&Values::Int64(vec![1, -1])));
    for fill in [Values::Int32(vec![-1]), Values::Int64(vec![]), Values::Int64(vec![1, 2])] {
        let (kind, _) = refusal(numbers.clone(), plain().with_fill("x", fill)).await;
        assert_eq!(kind, ErrorKind::InvalidInput);
    }

    let texts: ArrayRef = Arc::new(StringArray::from(vec![None, Some("a")]));
    assert_eq!(refusal(texts.clone(), plain()).await.0, ErrorKind::Mismatch);
    let bytes = plain().with_dtype("x", DType::FixedBytes(2));
    assert_eq!(refusal(texts.clone(), bytes.clone()).await.0, ErrorKind::Mismatch);
    let bytes = bytes.with_fill("x", Values::FixedBytes { width: 2, bytes: b"--".to_vec() });
    let (_, found) = imported(texts.clone(), bytes).await.unwrap();
    assert_eq!(found.as_bytes().unwrap(), b"--a\0");
    let (_, found) = imported(texts, plain().with_fill("x", Values::Text(vec!["?".into()]))).await.unwrap();
    assert_eq!(found.as_text().unwrap(), ["?", "a"]);

    let bools: ArrayRef = Arc::new(BooleanArray::from(vec![None, Some(false)]));
    let (_, found) = imported(bools, plain().with_fill("x", Values::Bool(vec![true]))).await.unwrap();
    assert!(found.same_bits(&Values::Bool(vec![true, false])));
    let times: ArrayRef = Arc::new(TimestampSecondArray::from(vec![None, Some(3)]));
    let (_, found) = imported(times, plain()).await.unwrap();
    assert!(found.same_bits(&Values::DateTime64(TimeUnit::Second, vec![i64::MIN, 3])));

    let nothing: ArrayRef = Arc::new(NullArray::new(1));
    let (_, found) = imported(nothing.clone(), plain().with_dtype("x", DType::Float64)).await.unwrap();
    assert!(matches!(found, Values::Float64(found) if found[0].is_nan()));
    let (_, found) = imported(nothing, plain().with_dtype("x", DType::Complex128)).await.unwrap();
    assert!(matches!(found, Values::Complex128(found) if found[0].re.is_nan() && found[0].im.is_nan()));

    let mut rows = FixedSizeListBuilder::new(Float64Builder::new(), 2);
    rows.values().append_slice(&[1.0, 2.0, 3.0]);
    rows.values().append_null();
    rows.append(false);
    rows.append(true);
    let (lengths, found) = imported(Arc::new(rows.finish()), plain()).await.unwrap();
    let Values::Float64(found) = found else { panic!("{found:?}") };
    assert_eq!(lengths, [2, 2]);
    assert_eq!(found.iter().map(|number| number.is_nan()).collect::<Vec<_>>(), [true, true, false, true]);
}

#[tokio::test]
async fn values_that_would_change_are_refused() {
    let plain = FromTableOptions::default;
    let to = |dtype| plain().with_dtype("x", dtype);
    let floats = |value: f64| -> ArrayRef { Arc::new(Float64Array::from(vec![value])) };
    let text: ArrayRef = Arc::new(StringArray::from(vec!["hello"]));
    let mut ragged = ListBuilder::new(Int32Builder::new());
    ragged.append_value([Some(1), Some(2)]);
    ragged.append_value([Some(3)]);
    let decimals = Decimal128Array::from(vec![150]).with_precision_and_scale(5, 2).unwrap();
    let decimals: ArrayRef = Arc::new(decimals);
    let seconds: ArrayRef = Arc::new(TimestampSecondArray::from(vec![90_001]));
    let milliseconds: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![1_500]));
    let binary: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"a"]));
    let cases: Vec<(ArrayRef, FromTableOptions, ErrorKind)> = vec![
        (floats(1.7), to(DType::Int64), ErrorKind::Mismatch),
        (floats(300.0), to(DType::UInt8), ErrorKind::Mismatch),
        (floats(f64::NAN), to(DType::Int8), ErrorKind::Mismatch),
        (floats(2.0), to(DType::Bool), ErrorKind::Mismatch),
        (Arc::new(Int64Array::from(vec![(1 << 53) + 1])), to(DType::Float64), ErrorKind::Mismatch),
        (Arc::new(NullArray::new(2)), plain(), ErrorKind::Unsupported),
        (Arc::new(NullArray::new(2)), to(DType::Int8), ErrorKind::Mismatch),
        (floats(2.0), to(DType::DateTime64(TimeUnit::Second)), ErrorKind::Unsupported),
        (text.clone(), to(DType::FixedBytes(4)), ErrorKind::Mismatch),
        (text.clone(), to(DType::Int64), ErrorKind::Mismatch),
        (Arc::new(ragged.finish()), plain(), ErrorKind::Mismatch),
        (decimals.clone(), plain(), ErrorKind::Unsupported),
        (decimals, to(DType::Int64), ErrorKind::Mismatch),
        (seconds.clone(), to(DType::DateTime64(TimeUnit::Day)), ErrorKind::Mismatch),
        (seconds.clone(), to(DType::DateTime64(TimeUnit::Hour)), ErrorKind::Mismatch),
        (milliseconds, to(DType::DateTime64(TimeUnit::Second)), ErrorKind::Mismatch),
        (seconds, to(DType::Int64), ErrorKind::Unsupported),
        (binary.clone(), plain(), ErrorKind::Unsupported),
        (Arc::new(BinaryArray::from_vec(vec![b"\xff"])), to(DType::Text), ErrorKind::Mismatch),
        (text, to(DType::FixedBytes(0)), ErrorKind::InvalidInput),
    ];
    for (array, options, kind) in cases {
        let what = format!("{array:?} {:?}", options.dtypes);
        let (found, text) = refusal(array, options).await;
        assert_eq!(found, kind, "{what}: {text}");
        assert!(text.contains("'d/x'"), "{text}");
    }
}

#[tokio::test]
async fn tables_that_cannot_be_stored_change_nothing() {
    let backend = directory_of(vec![("x", &[1], Values::Int8(vec![5]))]).await;
    let numbers = |numbers: &[i32]| -> ArrayRef { Arc::new(Int32Array::from(numbers.to_vec())) };
    let store = async |table: RecordBatch, options: FromTableOptions| {
        from_table(backend.as_ref(), &path("d"), &table, &options).await.map_err(|error| error.kind())
    };
    let plain = FromTableOptions::default;
    for name in ["a/b", "a.b", "_a", "", "con"] {
        let table = table(vec![("x", numbers(&[1])), (name, numbers(&[1]))]);
        assert_eq!(store(table, plain()).await.unwrap_err(), ErrorKind::InvalidPath, "{name}");
    }
    let twice =
        Schema::new(vec![Field::new("y", DataType::Int32, false), Field::new("y", DataType::Int32, false)]);
    let twice = RecordBatch::try_new(Arc::new(twice), vec![numbers(&[1]), numbers(&[2])]).unwrap();
    assert_eq!(store(twice, plain()).await.unwrap_err(), ErrorKind::InvalidInput);
    let one = || table(vec![("x", numbers(&[1])), ("bad", Arc::new(Int32Array::from(vec![None::<i32>])))]);
    assert_eq!(store(one(), plain()).await.unwrap_err(), ErrorKind::Mismatch);
    assert_eq!(store(one(), plain().with_dtype("nope", DType::Int8)).await.unwrap_err(), ErrorKind::NotFound);
    let create = plain().with_exclude(["bad"]).with_mode(WriteMode::Create);
    assert_eq!(store(one(), create).await.unwrap_err(), ErrorKind::AlreadyExists);
    let (lengths, values) = get_array(backend.as_ref(), "d/x").await;
    assert!(lengths == [1] && values.same_bits(&Values::Int8(vec![5])));
    assert_eq!(backend.list(&path("d")).await.unwrap().entries.len(), 1);

    assert_eq!(store(one(), plain().with_include(["x"])).await.unwrap(), [path("d/x")]);
    let (_, values) = get_array(backend.as_ref(), "d/x").await;
    assert!(values.same_bits(&Values::Int32(vec![1])));
}

#[tokio::test]
async fn streams_become_arrays_of_the_promised_length() {
    let backend = directory_of(vec![]).await;
    let batch =
        |numbers: &[i32]| table(vec![("n", Arc::new(Int32Array::from(numbers.to_vec())) as ArrayRef)]);
    let stream_of = |rows: u64, batches: Vec<RecordBatch>| TableStream {
        schema: batch(&[]).schema(),
        rows,
        batches: stream::iter(batches.into_iter().map(Ok)).boxed(),
    };
    let batches = || vec![batch(&[1, 2]), batch(&[]), batch(&[3])];
    let plain = FromTableOptions::default();
    for rows in [2, 4, 0] {
        let table = stream_of(rows, batches());
        let error = from_table_stream(backend.as_ref(), &path("d"), table, &plain).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        assert!(backend.list(&path("d")).await.unwrap().entries.is_empty());
    }
    from_table_stream(backend.as_ref(), &path("d"), stream_of(3, batches()), &plain).await.unwrap();
    let (lengths, values) = get_array(backend.as_ref(), "d/n").await;
    assert!(lengths == [3] && values.same_bits(&Values::Int32(vec![1, 2, 3])));
    from_table_stream(backend.as_ref(), &path("d"), stream_of(0, vec![]), &plain).await.unwrap();
    assert_eq!(get_array(backend.as_ref(), "d/n").await.0, [0]);

    put_table(backend.as_ref(), "t", &batches()).await;
    let store = backend.tables().unwrap();
    let known = store.describe(&path("t")).await.unwrap();
    let batches = store.scan(&path("t"), &ScanOptions::default()).await.unwrap();
    let table = TableStream { schema: known.schema, rows: known.rows, batches };
    from_table_stream(backend.as_ref(), &path("d"), table, &plain).await.unwrap();
    assert_eq!(get_array(backend.as_ref(), "d/n").await.0, [3]);
    assert_eq!(backend.stat(&path("d/n")).await.unwrap().kind, EntryKind::Array);
}

#[test]
fn elements_must_fill_the_shape() {
    let shape = Shape::new([2, 2]).unwrap();
    let error = values_to_arrow(Values::Int8(vec![0; 3]), &shape, BytesForm::Auto).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    let long = 1 << 40;
    let error = arrow_field("x", DType::Int8, &[long], BytesForm::Auto).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}
