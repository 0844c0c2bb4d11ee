//! What is read as what, what is refused and where, and that what is written comes back.

use crate::{FileFormat, ReadOptions, TableFile, TableFileWriter, parse_type, parse_types};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array,
    Int64Array, ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow_schema::{DataType, Field, TimeUnit};
use fascicle_backend::{ErrorKind, Result};
use std::io::{Seek, Write};
use std::sync::Arc;

fn open(bytes: impl AsRef<[u8]>, format: FileFormat, options: &ReadOptions) -> Result<TableFile> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes.as_ref()).unwrap();
    file.rewind().unwrap();
    TableFile::from_file(file, "given.txt", format, options)
}

/// The columns with their types, and all rows.
fn read(
    bytes: impl AsRef<[u8]>,
    format: FileFormat,
    options: &ReadOptions,
) -> Result<(Vec<String>, RecordBatch)> {
    let file = open(bytes, format, options)?;
    let schema = file.schema().clone();
    let batches = file.collect::<Result<Vec<_>>>()?;
    let columns = (0..schema.fields().len()).map(|at| {
        let parts: Vec<&dyn Array> = batches.iter().map(|batch| batch.column(at).as_ref()).collect();
        match parts.as_slice() {
            [] => arrow_array::new_empty_array(schema.field(at).data_type()),
            parts => joined(parts),
        }
    });
    let batch = RecordBatch::try_new(schema.clone(), columns.collect()).unwrap();
    let fields = schema.fields().iter();
    Ok((fields.map(|field| format!("{} {}", field.name(), field.data_type())).collect(), batch))
}

fn joined(parts: &[&dyn Array]) -> ArrayRef {
    let data: Vec<_> = parts.iter().map(|part| part.to_data()).collect();
    let data: Vec<_> = data.iter().collect();
    let mut whole = arrow_data::transform::MutableArrayData::new(data.clone(), false, 0);
    data.iter().enumerate().for_each(|(at, part)| whole.try_extend(at, 0, part.len()).unwrap());
    arrow_array::make_array(whole.freeze())
}

fn plain() -> ReadOptions {
    ReadOptions::default()
}

fn with_types(types: &str) -> ReadOptions {
    ReadOptions { types: parse_types(types).unwrap(), ..ReadOptions::default() }
}

fn written(batch: &RecordBatch, format: FileFormat) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut writer = TableFileWriter::create(&mut bytes, format, &batch.schema())?;
    writer.write(&batch.slice(0, batch.num_rows() / 2))?;
    writer.write(&batch.slice(batch.num_rows() / 2, batch.num_rows().div_ceil(2)))?;
    writer.finish()?;
    Ok(bytes)
}

#[test]
fn columns_of_csv_are_what_all_their_cells_are() {
    let text = "a,b,c,d,e,f,g,h,i,j\n\
                1,1,1.5,true,2024-05-01,2024-05-01T12:00:00,007,NA,x,18446744073709551615\n\
                -2,2.5,1e-3,False,2024-05-02,2024-05-01 12:00:00.25,08,1,,1\n";
    let (types, batch) = read(text, FileFormat::Csv, &plain()).unwrap();
    let expected = [
        "a Int64",
        "b Float64",
        "c Float64",
        "d Boolean",
        "e Date32",
        "f Timestamp(ns)",
        "g Utf8",
        "h Utf8",
        "i Utf8",
        "j UInt64",
    ];
    assert_eq!(types, expected);
    assert_eq!((batch.num_rows(), batch.column(8).null_count()), (2, 1));
    let na = ReadOptions { null: Some("NA".to_owned()), ..plain() };
    let (types, batch) = read("h,k\nNA,\n1,\n", FileFormat::Csv, &na).unwrap();
    assert_eq!(
        (types.as_slice(), batch.column(0).null_count()),
        (&["h Int64".to_owned(), "k Utf8".to_owned()][..], 1)
    );
    let (types, _) = read("a\tb\n1\tx,y\n", FileFormat::Tsv, &plain()).unwrap();
    assert_eq!(types, ["a Int64", "b Utf8"]);
}

#[test]
fn rows_of_csv_end_in_any_way() {
    for text in ["\u{feff}a,b\r\n1,\"x\ny\"\r\n2,\"\"\"q\"\"\"\r\n", "a,b\n1,\"x\ny\"\n2,\"\"\"q\"\"\""] {
        let (types, batch) = read(text, FileFormat::Csv, &plain()).unwrap();
        assert_eq!(types, ["a Int64", "b Utf8"]);
        let texts = batch.column(1).as_string::<i32>();
        assert_eq!((texts.value(0), texts.value(1)), ("x\ny", "\"q\""));
    }
    let (_, none) = read("a\n", FileFormat::Csv, &plain()).unwrap();
    assert_eq!(none.num_rows(), 0);
    // A quote within a cell is a quote.
    let (_, batch) = read("a,b\n5\" pipe,x\n6,y\n", FileFormat::Csv, &plain()).unwrap();
    assert_eq!(batch.num_rows(), 2);
}

#[test]
fn types_that_are_given_are_not_inferred() {
    let options = with_types("id=string, n=int8, p=decimal(10, 2), t=timestamp[us, UTC]");
    let (types, batch) =
        read("id,n,p,t,rest\n007,1,0.10,2024-05-01T00:00:00Z,2\n", FileFormat::Csv, &options).unwrap();
    assert_eq!(types, ["id Utf8", "n Int8", "p Decimal128(10, 2)", "t Timestamp(µs, \"UTC\")", "rest Int64"]);
    assert_eq!(batch.column(0).as_string::<i32>().value(0), "007");
    for (types, kind, said) in [
        ("idd=int8", ErrorKind::InvalidInput, "did you mean 'id'"),
        ("id=List(Int64)", ErrorKind::Unsupported, "List"),
        ("id=duration[s]", ErrorKind::Unsupported, "Duration"),
        ("n=int8", ErrorKind::Corrupt, "line 2"),
    ] {
        let error = read("id,n\n1,300\n", FileFormat::Csv, &with_types(types)).unwrap_err();
        assert_eq!(error.kind(), kind, "{types}: {error}");
        assert!(
            error.chain().contains(said) && error.chain().contains("given.txt"),
            "{types}: {}",
            error.chain()
        );
    }
    for wrong in ["int7", "timestamp", "timestamp[m]", "decimal(99, 1)", "decimal(x, 1)", "time[]", ""] {
        assert_eq!(parse_type(wrong).unwrap_err().kind(), ErrorKind::InvalidInput, "{wrong}");
    }
    assert_eq!(parse_type("List(Int64)").unwrap(), DataType::new_list(DataType::Int64, true));
    assert!(parse_types("a=int8, a=int8").is_err() && parse_types("a").is_err());
}

#[test]
fn what_is_no_csv_is_refused_with_its_line() {
    let many = (0..20_000).map(|row| format!("{row},x\n")).collect::<String>();
    for (text, kind, said) in [
        (String::new(), ErrorKind::Corrupt, "empty"),
        ("a,a\n1,2\n".to_owned(), ErrorKind::InvalidInput, "'a'"),
        ("a,b\n1\n".to_owned(), ErrorKind::Corrupt, "line 2"),
        ("a,b\n1,2,3\n".to_owned(), ErrorKind::Corrupt, "line 2"),
        (format!("a,b\n{many}1\n"), ErrorKind::Corrupt, "line 20002"),
    ] {
        let error = read(text, FileFormat::Csv, &plain()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(said), "{said}: {error}");
    }
    let error = read(b"a\nx\n\xff\xfe\n", FileFormat::Csv, &plain()).unwrap_err();
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("line 3"), "{error}");
}

#[test]
fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
    for (start, format) in
        [("a\nx\n\"", FileFormat::Csv), ("[{\"a\": \"", FileFormat::Json), ("{", FileFormat::JsonLines)]
    {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(start.as_bytes()).unwrap();
        // Zeros up to here, without taking space.
        file.set_len(200 << 20).unwrap();
        let error = TableFile::from_file(file, "x", format, &plain()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains("longer than 64 MiB"), "{error}");
    }
}

#[test]
fn columns_of_json_are_what_all_their_values_are() {
    let lines = "{\"z\": 1, \"f\": 1, \"u\": 18446744073709551615, \"s\": \"x\", \"l\": [1, null], \"o\": {\"in\": [{\"b\": true}]}}\n\
                 \n{\"f\": 0.5, \"s\": null, \"m\": true, \"o\": {\"more\": \"x\"}}\n{\"m\": \"text\", \"big\": 9007199254740993}\n\
                 {\"big\": 0.5}\n";
    let (types, batch) = read(lines, FileFormat::JsonLines, &plain()).unwrap();
    let expected = [
        "z Int64",
        "f Float64",
        "u UInt64",
        "s Utf8",
        "l List(Int64)",
        "o Struct(\"in\": List(Struct(\"b\": Boolean)), \"more\": Utf8)",
        "m Utf8",
        "big Utf8",
    ];
    assert_eq!(types, expected);
    assert_eq!(batch.num_rows(), 4);
    assert_eq!(batch.column(6).as_string::<i32>().value(1), "true");
    assert_eq!(batch.column(7).as_string::<i32>().value(2), "9007199254740993");
    let pretty =
        "\u{feff} [\n  {\n    \"a\": \"x, ] }\\\" y\",\n    \"b\": [1,\n 2]\n  },\n  {\"a\": null}\n]\n";
    let (types, batch) = read(pretty, FileFormat::Json, &plain()).unwrap();
    assert_eq!(
        (types.as_slice(), batch.num_rows()),
        (&["a Utf8".to_owned(), "b List(Int64)".to_owned()][..], 2)
    );
    assert_eq!(batch.column(0).as_string::<i32>().value(0), "x, ] }\" y");
    let (types, batch) =
        read("{\"t\": \"2024-05-01T00:00:00\"}", FileFormat::Json, &with_types("t=timestamp[s]")).unwrap();
    assert_eq!((types.as_slice(), batch.num_rows()), (&["t Timestamp(s)".to_owned()][..], 1));
    let (types, batch) = read("[]", FileFormat::Json, &with_types("a=int8")).unwrap();
    assert_eq!((types.as_slice(), batch.num_rows()), (&["a Int8".to_owned()][..], 0));
}

#[test]
fn what_is_no_table_in_json_is_refused_with_its_line() {
    let deep = format!("{{\"a\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for (text, format, kind, said) in [
        ("{\"a\": 1}\n{\"a\": \n", FileFormat::JsonLines, ErrorKind::Corrupt, "line 2"),
        ("{\"a\": 1}\n[1]\n", FileFormat::JsonLines, ErrorKind::Corrupt, "line 2 is no object"),
        ("{\"a\": 1}\n{\"a\": [1]}\n", FileFormat::JsonLines, ErrorKind::Mismatch, "'a' of line 2"),
        ("{\"a\": 1} {\"a\": 2}\n", FileFormat::JsonLines, ErrorKind::Corrupt, "line 1"),
        ("[{\"a\": 1}, 2]", FileFormat::Json, ErrorKind::Corrupt, "item 2 is no object"),
        ("[{\"a\": 1} {\"a\": 2}]", FileFormat::Json, ErrorKind::Corrupt, "lacks a comma"),
        ("[{\"a\": 1},]", FileFormat::Json, ErrorKind::Corrupt, "comma too many"),
        ("[{\"a\": 1}", FileFormat::Json, ErrorKind::Corrupt, "never closed"),
        ("[{\"a\": 1}] x", FileFormat::Json, ErrorKind::Corrupt, "followed by something else"),
        ("", FileFormat::Json, ErrorKind::Corrupt, "no columns"),
        ("[]", FileFormat::Json, ErrorKind::Corrupt, "no columns"),
        (deep.as_str(), FileFormat::JsonLines, ErrorKind::Corrupt, "recursion"),
    ] {
        let error = read(text, format, &plain()).unwrap_err();
        assert_eq!(error.kind(), kind, "{text:.40}: {error}");
        assert!(error.chain().contains(said), "{text:.40}: {}", error.chain());
    }
    let rows = (0..10_000).map(|row| format!("{{\"a\": {row}}}\n")).collect::<String>();
    let error =
        read(format!("{rows}{{\"a\": 300}}"), FileFormat::JsonLines, &with_types("a=int8")).unwrap_err();
    assert!(error.to_string().contains("line 129"), "{error}");
}

/// Rows of the types that CSV and JSON have when they are told, and others.
fn sample() -> RecordBatch {
    let rows = 9i64;
    let maybe = |row: i64| (row % 3 != 1).then_some(row);
    let kinds: DictionaryArray<Int32Type> =
        (0..rows).map(|row| maybe(row).map(|row| ["a", "b"][row as usize % 2])).collect();
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(
        (0..rows).map(|row| maybe(row).map(|row| (0..row % 3).map(Some).collect::<Vec<_>>())),
    );
    let inner: ArrayRef = Arc::new((0..rows).map(maybe).collect::<Int64Array>());
    let structs = StructArray::from(vec![(Arc::new(Field::new("x", DataType::Int64, true)), inner)]);
    let money: Decimal128Array = (0..rows).map(|row| maybe(row).map(i128::from)).collect();
    let bytes: BinaryArray = (0..rows).map(|row| maybe(row).map(|row| vec![row as u8, 255])).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i", Arc::new((0..rows).map(maybe).collect::<Int64Array>())),
        ("u", Arc::new((0..rows).map(|row| Some(u64::MAX - row as u64)).collect::<UInt64Array>())),
        (
            "f",
            Arc::new((0..rows).map(|row| maybe(row).map(|row| row as f64 / 3.0)).collect::<Float64Array>()),
        ),
        ("b", Arc::new((0..rows).map(|row| maybe(row).map(|row| row % 2 == 0)).collect::<BooleanArray>())),
        (
            "s",
            Arc::new(
                (0..rows)
                    .map(|row| maybe(row).map(|row| format!("ü{row}, \"q\"\n\t")))
                    .collect::<StringArray>(),
            ),
        ),
        (
            "d",
            Arc::new((0..rows).map(|row| maybe(row).map(|row| row as i32 * 1000)).collect::<Date32Array>()),
        ),
        (
            "t",
            Arc::new(
                (0..rows)
                    .map(|row| maybe(row).map(|row| row * 1_000_001))
                    .collect::<TimestampMicrosecondArray>(),
            ),
        ),
        ("m", Arc::new(money.with_precision_and_scale(10, 2).unwrap())),
        ("k", Arc::new(kinds)),
        ("l", Arc::new(lists)),
        ("o", Arc::new(structs)),
        ("y", Arc::new(bytes)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

#[test]
fn what_is_written_comes_back() {
    let whole = sample();
    let without_dictionary = whole.project(&[0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11]).unwrap();
    let types = whole
        .schema()
        .fields()
        .iter()
        .map(|field| (field.name().clone(), field.data_type().clone()))
        .collect();
    let told = ReadOptions { types, ..plain() };
    for format in [FileFormat::Parquet, FileFormat::Arrow, FileFormat::Json, FileFormat::JsonLines] {
        let options =
            if matches!(format, FileFormat::Parquet | FileFormat::Arrow) { plain() } else { told.clone() };
        let is_told = !options.types.is_empty();
        let all = if is_told { &without_dictionary } else { &whole };
        let types = options.types.iter().filter(|(name, _)| name != "k").cloned().collect();
        let options = ReadOptions { types, ..options };
        let (_, back) = read(written(all, format).unwrap(), format, &options).unwrap();
        assert_eq!(back, *all, "{format}");
        let (_, none) = read(written(&all.slice(0, 0), format).unwrap(), format, &options).unwrap();
        assert_eq!((none.num_rows(), none.schema()), (0, all.schema()), "{format}");
    }
    let flat = whole.project(&(0..9).collect::<Vec<_>>()).unwrap();
    let types = flat
        .schema()
        .fields()
        .iter()
        .map(|field| (field.name().clone(), field.data_type().clone()))
        .collect();
    let told = ReadOptions { types, ..plain() };
    for format in [FileFormat::Csv, FileFormat::Tsv] {
        let (_, back) = read(written(&flat, format).unwrap(), format, &told).unwrap();
        assert_eq!(back, flat, "{format}");
        let (types, _) = read(written(&flat, format).unwrap(), format, &plain()).unwrap();
        let inferred = [
            "i Int64",
            "u UInt64",
            "f Float64",
            "b Boolean",
            "s Utf8",
            "d Date32",
            "t Timestamp(ns)",
            "m Float64",
            "k Utf8",
        ];
        assert_eq!(types, inferred);
    }
    // A lone null is a row, though its line would be empty.
    let lone = flat.project(&[0]).unwrap();
    assert_eq!(read(written(&lone, FileFormat::Csv).unwrap(), FileFormat::Csv, &plain()).unwrap().1, lone);
    let time = parse_type("timestamp[us, Europe/Zurich]").unwrap();
    assert_eq!(time, DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Zurich".into())));
}

#[test]
fn many_rows_come_in_batches_of_bounded_size() {
    let batch = RecordBatch::try_from_iter([
        ("i", Arc::new(Int64Array::from_iter_values(0..50_000)) as ArrayRef),
        ("s", Arc::new(StringArray::from_iter_values((0..50_000).map(|row| "x".repeat(row % 100))))),
    ])
    .unwrap();
    for format in [FileFormat::Csv, FileFormat::Json, FileFormat::JsonLines, FileFormat::Parquet] {
        let file = open(written(&batch, format).unwrap(), format, &plain()).unwrap();
        let mut next = 0;
        for part in file {
            let part = part.unwrap();
            assert!(part.num_rows() <= 8192, "{format}");
            let ids = part.column(0).as_primitive::<Int64Type>();
            assert!(ids.values().iter().copied().eq(next..next + part.num_rows() as i64), "{format}");
            next += part.num_rows() as i64;
        }
        assert_eq!(next, 50_000, "{format}");
    }
}

#[test]
fn damage_is_an_error_and_never_a_panic() {
    let all = sample();
    let mut damaged = 0;
    for format in [FileFormat::Parquet, FileFormat::Arrow, FileFormat::Csv, FileFormat::Json] {
        let flat = all.project(&(0..9).collect::<Vec<_>>()).unwrap();
        let good = written(if format == FileFormat::Csv { &flat } else { &all }, format).unwrap();
        for at in (0..good.len()).step_by(1 + good.len() / 60) {
            for change in [0xff, 0x01] {
                let mut bytes = good.clone();
                bytes[at] ^= change;
                match read(&bytes, format, &plain()) {
                    Ok(_) => {}
                    Err(error) => {
                        damaged += 1;
                        assert_eq!(error.path(), Some("given.txt"), "{format} {at}");
                        assert_ne!(error.kind(), ErrorKind::Internal, "{format} {at}: {error}");
                    }
                }
            }
            let cut = read(&good[..at], format, &plain());
            assert!(cut.is_err() || format == FileFormat::Csv, "{format} cut at {at}");
        }
    }
    assert!(damaged > 50, "{damaged}");
    assert_eq!(open("x", FileFormat::Parquet, &plain()).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(
        open("FEA1 and so on", FileFormat::Arrow, &plain()).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    let error = TableFile::open("/nowhere/x.csv", &plain()).unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::NotFound, Some("/nowhere/x.csv")));
    assert_eq!(TableFile::open("/nowhere/x.txt", &plain()).unwrap_err().kind(), ErrorKind::Unsupported);
}
