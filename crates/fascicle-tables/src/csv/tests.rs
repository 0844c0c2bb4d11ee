//! Tests of tables as CSV files.

use super::*;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray, cast::AsArray, types::Int64Type,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use fascicle_backend::{Comparison, ErrorKind, Predicate, Result, ScanOptions};
use std::{fs::File, io::Write, sync::Arc};

fn open(content: &[u8]) -> Result<CsvTable> {
    let mut file: File = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    CsvTable::open(file, "x.csv")
}

fn types(table: &CsvTable) -> Vec<String> {
    table.schema().fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect()
}

fn read(table: &CsvTable, options: &ScanOptions) -> RecordBatch {
    let scan = table.scan(options).unwrap();
    let batches: Vec<RecordBatch> = scan.map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&batches[0].schema(), &batches).unwrap()
}

#[test]
fn what_pandas_writes_is_read() {
    let table = open(
        "id,name,score,ok,day,note,nothing\n\
         0,\"Müller, \"\"Max\"\"\",1.0,True,2020-01-01,,\n\
         -1,\"two\nlines\",inf,False,2020-01-02,NA,\n\
         ,,1e-300,,,[],\n"
            .as_bytes(),
    )
    .unwrap();
    assert_eq!(
        types(&table),
        ["id Int64", "name Utf8", "score Float64", "ok Boolean", "day Utf8", "note Utf8", "nothing Null"]
    );
    let description = table.describe();
    assert_eq!((description.rows, description.parts, description.format), (3, 1, "csv"));
    let batch = read(&table, &ScanOptions::default());
    let names: Vec<_> = batch.column(1).as_string::<i32>().iter().collect();
    assert_eq!(names, [Some("Müller, \"Max\""), Some("two\nlines"), None]);
    let ids: Vec<_> = batch.column(0).as_primitive::<Int64Type>().iter().collect();
    assert_eq!(ids, [Some(0), Some(-1), None]);
    let options = ScanOptions::default()
        .with_predicate(Predicate::compare("score", Comparison::Ge, 1.0))
        .with_projection(["day"])
        .with_offset(1);
    assert_eq!(read(&table, &options).column(0).as_string::<i32>().value(0), "2020-01-02");
}

#[test]
fn a_header_alone_is_an_empty_table() {
    let table = open(b"a,b\n").unwrap();
    assert_eq!((types(&table), table.rows()), (vec!["a Null".to_owned(), "b Null".to_owned()], 0));
    assert_eq!(table.scan(&ScanOptions::default()).unwrap().count(), 0);
    let marked = open("\u{feff}a\r\n1\r\n".as_bytes()).unwrap();
    assert_eq!((types(&marked), marked.rows()), (vec!["a Int64".to_owned()], 1));
}

#[test]
fn what_is_no_table_is_corrupt_and_names_the_line() {
    for (content, part) in [
        (&b""[..], "no header"),
        (b"\n", "no header"),
        (b"a,b\n1,2\n3\n", "line 3 has 1 values, the header has 2"),
        (b"a,b\n1,2,3\n", "line 2"),
        (b"a\nx\n\xff\n", "line 3 is not UTF-8"),
        (b"\xff\n1\n", "line 1 is not UTF-8"),
        (b"a,b,a\n", "two columns 'a'"),
    ] {
        let error = open(content).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{content:?}");
        assert!(error.message().contains(part) && error.message().contains("x.csv"), "{error}");
    }
}

#[test]
fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
    let file = tempfile::tempfile().unwrap();
    (&file).write_all(b"a\n\"").unwrap();
    // Zeros up to here, without taking space.
    file.set_len(200 << 20).unwrap();
    let error = CsvTable::open(file, "x.csv").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("quote"), "{error}");
}

#[test]
fn a_file_that_changes_while_it_is_read_is_a_conflict() {
    let mut file: File = tempfile::tempfile().unwrap();
    file.write_all(b"a\n1\n").unwrap();
    let table = CsvTable::open(file.try_clone().unwrap(), "x.csv").unwrap();
    file.write_all(b"no number\n").unwrap();
    let error = table.scan(&ScanOptions::default()).unwrap().collect::<Result<Vec<_>>>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[test]
fn many_rows_come_in_batches() {
    let content: String =
        std::iter::once("i,text\n".to_owned()).chain((0..20_000).map(|i| format!("{i},row {i}\n"))).collect();
    let table = open(content.as_bytes()).unwrap();
    assert_eq!(table.rows(), 20_000);
    let batches: Vec<_> = table.scan(&ScanOptions::default()).unwrap().map(Result::unwrap).collect();
    assert!(batches.len() > 1);
    let last = batches.last().unwrap();
    assert_eq!(last.column(0).as_primitive::<Int64Type>().value(last.num_rows() - 1), 19_999);
}

fn sample() -> (SchemaRef, RecordBatch) {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i", Arc::new(Int32Array::from(vec![Some(1), None]))),
        ("f", Arc::new(Float64Array::from(vec![1.0, f64::INFINITY]))),
        ("single", Arc::new(Float32Array::from(vec![0.1, -0.0]))),
        ("ok", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("text", Arc::new(StringArray::from(vec![Some("a, \"b\"\n"), None]))),
        ("day", Arc::new(Date32Array::from(vec![0, 1]))),
    ];
    let fields = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batch =
        RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, array)| array).collect()).unwrap();
    (schema, batch)
}

const SAMPLE_ROWS: &str = "1,1.0,0.1,true,\"a, \"\"b\"\"\n\",1970-01-01\n,inf,-0.0,,,1970-01-02\n";

#[test]
fn what_is_written_is_read_again() {
    let (schema, batch) = sample();
    let mut writer = CsvWriter::create(Vec::new(), &schema).unwrap();
    writer.write(&batch).unwrap();
    assert_eq!(writer.rows(), 2);
    let bytes = writer.finish();
    assert_eq!(String::from_utf8(bytes.clone()).unwrap(), format!("i,f,single,ok,text,day\n{SAMPLE_ROWS}"));
    let table = open(&bytes).unwrap();
    assert_eq!(
        types(&table),
        ["i Int64", "f Float64", "single Float64", "ok Boolean", "text Utf8", "day Utf8"]
    );
    assert_eq!(read(&table, &ScanOptions::default()).column(4).as_string::<i32>().value(0), "a, \"b\"\n");
    let empty = CsvWriter::create(Vec::new(), &schema).unwrap().finish();
    assert_eq!(empty, b"i,f,single,ok,text,day\n");
}

#[test]
fn rows_are_appended_behind_those_of_the_file() {
    let (schema, batch) = sample();
    for ending in ["", "\n"] {
        let old = format!("i,f,single,ok,text,day\n7,0.5,1.0,False,x,2020-01-01{ending}");
        let table = open(old.as_bytes()).unwrap();
        let mut writer = CsvWriter::append(&table, Vec::new(), &schema).unwrap();
        writer.write(&batch).unwrap();
        assert_eq!(writer.rows(), 3);
        let new = String::from_utf8(writer.finish()).unwrap();
        assert_eq!(new, format!("{}\n{SAMPLE_ROWS}", old.trim_end()));
        assert_eq!(open(new.as_bytes()).unwrap().schema(), table.schema());
    }
    // A table without rows does not know its types yet.
    let empty = open(b"i,f,single,ok,text,day\n").unwrap();
    assert!(CsvWriter::append(&empty, Vec::new(), &schema).is_ok());
}

#[test]
fn other_columns_are_not_appended() {
    let (schema, _) = sample();
    for old in ["i,f\n1,1.5\n", "f,i,single,ok,text,day\n", "i,f,single,ok,text,day\nx,0.5,1.0,True,x,x\n"] {
        let table = open(old.as_bytes()).unwrap();
        let error = CsvWriter::append(&table, Vec::new(), &schema).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{old:?}");
    }
}

#[test]
fn values_that_csv_cannot_keep_are_refused() {
    let list = DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true)));
    for data_type in [list, DataType::Binary, DataType::Decimal128(5, 2)] {
        let schema = Arc::new(Schema::new(vec![Field::new("odd", data_type.clone(), true)]));
        let error = CsvWriter::create(Vec::new(), &schema).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("'odd'") && error.message().contains(&data_type.to_string()));
    }
}

#[test]
fn large_integers_keep_every_digit() {
    let table = open(format!("i,u\n{},{}\n", i64::MIN, u64::MAX).as_bytes()).unwrap();
    assert_eq!(types(&table), ["i Int64", "u UInt64"]);
    let batch = read(&table, &ScanOptions::default());
    let integers: Int64Array = batch.column(0).to_data().into();
    assert_eq!(integers.value(0), i64::MIN);
}

fn open_as(content: &str, fields: Vec<Field>) -> Result<CsvTable> {
    let mut file: File = tempfile::tempfile().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    CsvTable::open_as(file, "x.csv", &Arc::new(Schema::new(fields)))
}

#[test]
fn types_can_be_given() {
    let field = |name: &str, kind| Field::new(name, kind, true);
    let fields = vec![
        Field::new("id", DataType::Utf8, false),
        field("n", DataType::Int8),
        field("day", DataType::Date32),
        field("price", DataType::Decimal128(10, 2)),
        field("at", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))),
    ];
    let text = "id,n,day,price,at\n007,1,2024-05-01,1.5,2024-05-01T12:00:00Z\n008,,,,\n";
    let table = open_as(text, fields.clone()).unwrap();
    assert_eq!((table.rows(), table.schema().fields().len()), (2, 5));
    let rows = read(&table, &ScanOptions::default());
    assert_eq!(rows.schema().fields(), table.schema().fields());
    assert_eq!(rows.column(0).as_string::<i32>().value(0), "007");
    assert_eq!(rows.column(3).as_primitive::<arrow_array::types::Decimal128Type>().value(0), 150);
    assert!((1..5).all(|column| rows.column(column).is_null(1)));
    let late = Predicate::compare("day", Comparison::Ge, "2024-01-01");
    assert_eq!(read(&table, &ScanOptions::default().with_predicate(late)).num_rows(), 1);

    for (text, kind, reason) in [
        ("id,n\n1,2\n", ErrorKind::Mismatch, "[id, n] and not [id, n, day, price, at]"),
        ("id,n,day,price,at\n1,300,,,\n", ErrorKind::Corrupt, "between the lines 2 and 2 is no Int8"),
        ("id,n,day,price,at\n1,,soon,,\n", ErrorKind::Corrupt, "a value of 'day'"),
        ("id,n,day,price,at\n1,,,,\n,,,,\n", ErrorKind::Corrupt, "there is no value for 'id'"),
        ("id,n,day,price,at\n1,,\n", ErrorKind::Corrupt, "line 2 has 3 values"),
    ] {
        let error = open_as(text, fields.clone()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(reason) && error.message().contains("'x.csv'"), "{error}");
    }
    let lists = vec![field("l", DataType::Struct(vec![field("x", DataType::Int8)].into()))];
    assert_eq!(open_as("l\n1\n", lists).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn damaged_files_are_errors_and_no_panics() {
    let whole =
        b"id,name,score\n1,\"a, \"\"b\"\"\",0.5\n2,\"two\nlines\",-1e9\n3,,nan\n18446744073709551615,x,\n"
            .repeat(3);
    let count: u64 = std::env::var("FASCICLE_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    for seed in 1..=count {
        let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut below = |bound: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % bound as u64) as usize
        };
        let mut bytes = whole.clone();
        for _ in 0..=below(6) {
            let at = below(bytes.len());
            match below(3) {
                0 => bytes.truncate(at + 1),
                1 => bytes[at] ^= 1 << below(8),
                _ => bytes.insert(at, b"\",\n\0\xff"[below(5)]),
            }
        }
        match open(&bytes) {
            // What opens can be read to its end: types were inferred from every value.
            Ok(table) => {
                let rows: usize =
                    table.scan(&ScanOptions::default()).unwrap().map(|batch| batch.unwrap().num_rows()).sum();
                assert_eq!(rows as u64, table.rows(), "seed {seed}");
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "seed {seed}: {error:?}");
                assert!(error.message().contains("'x.csv'"), "seed {seed}: {error}");
            }
        }
    }
}
