//! Other programs read what is written here, and the other way round: pyarrow for Parquet, pandas for CSV.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use arrow_array::{ArrayRef, Int64Array, RecordBatch, builder::*, cast::AsArray, types::*, *};
use arrow_schema::{Field, Schema, SchemaRef};
use fascicle_backend::{AppendOptions, ErrorKind, ScanOptions, TableOptions};
use fascicle_judges::run_python;
use fascicle_tables::{
    CsvTable, CsvWriter, LocalPartFolder, LocalStagedPart, NewTable, PartAppend, TableHead, TableSnapshot,
};
use std::{fs::File, sync::Arc};

fn sample(first: i64) -> (SchemaRef, RecordBatch) {
    let mut lists = ListBuilder::new(Int64Builder::new());
    lists.append_value([Some(first), None]);
    lists.append_null();
    let times = TimestampMicrosecondArray::from(vec![Some(first), None]).with_timezone("Europe/Berlin");
    let words: DictionaryArray<Int32Type> = [Some("a"), None].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i", Arc::new(Int64Array::from(vec![first, first + 1]))),
        ("list", Arc::new(lists.finish())),
        ("time", Arc::new(times)),
        ("word", Arc::new(words)),
        (
            "decimal",
            Arc::new(Decimal128Array::from(vec![Some(150), None]).with_precision_and_scale(10, 2).unwrap()),
        ),
        ("half", Arc::new(Float16Array::from(vec![Some(half::f16::ONE), None]))),
        ("bytes", Arc::new(BinaryArray::from(vec![Some(&b"\0\xff"[..]), None]))),
    ];
    let fields =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), *name != "i"));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
    (schema, batch)
}

#[test]
fn pyarrow_reads_our_tables_as_one_data_set() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("t.parquet");
    let (schema, batch) = sample(0);
    let mut table = NewTable::create(&folder, &schema, &TableOptions::default(), false).unwrap();
    table.write(&batch).unwrap();
    table.finish().unwrap();
    let parts = Arc::new(LocalPartFolder::open(&folder, false).unwrap());
    let staged = LocalStagedPart::create(&place.path().join("staged")).unwrap();
    let head = TableHead::read(&parts).unwrap();
    let mut append = PartAppend::begin(parts, head, staged, &schema, &AppendOptions::default()).unwrap();
    append.write(&sample(2).1).unwrap();
    assert_eq!(append.finish().unwrap().rows(), 4);
    let script = "
import sys, pyarrow.dataset
table = pyarrow.dataset.dataset(sys.argv[1], format='parquet').to_table()
print([(f.name, str(f.type)) for f in table.schema])
for row in table.to_pylist(): print([str(value) for value in row.values()])
";
    let printed = run_python(script, [&folder]);
    assert_eq!(
        printed,
        "[('i', 'int64'), ('list', 'list<item: int64>'), ('time', 'timestamp[us, tz=Europe/Berlin]'), \
         ('word', 'dictionary<values=string, indices=int32, ordered=0>'), ('decimal', 'decimal128(10, 2)'), \
         ('half', 'halffloat'), ('bytes', 'binary')]\n\
         ['0', '[0, None]', '1970-01-01 01:00:00+01:00', 'a', '1.50', '1.0', \"b'\\\\x00\\\\xff'\"]\n\
         ['1', 'None', 'None', 'None', 'None', 'None', 'None']\n\
         ['2', '[2, None]', '1970-01-01 01:00:00.000002+01:00', 'a', '1.50', '1.0', \"b'\\\\x00\\\\xff'\"]\n\
         ['3', 'None', 'None', 'None', 'None', 'None', 'None']\n"
    );
}

#[test]
fn data_sets_of_pyarrow_are_read_here() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("t.parquet");
    let script = "
import sys, pyarrow as pa, pyarrow.dataset
table = pa.table({'i': pa.array(range(10), pa.int32()), 's': [{'x': [i, None], 'y': None} for i in range(10)]})
pyarrow.dataset.write_dataset(table, sys.argv[1], format='parquet', max_rows_per_file=4, max_rows_per_group=4)
";
    run_python(script, [&folder]);
    let parts = Arc::new(LocalPartFolder::open(&folder, false).unwrap());
    let snapshot = TableSnapshot::open(parts.clone()).unwrap();
    assert_eq!((snapshot.rows().unwrap(), snapshot.parts().count()), (10, 3));
    let scan = snapshot.scan(&ScanOptions::default()).unwrap();
    let numbers: Vec<i32> = scan
        .flat_map(|batch| batch.unwrap().column(0).as_primitive::<Int32Type>().values().to_vec())
        .collect();
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
    assert_eq!(TableHead::read(&parts).err().unwrap().kind(), ErrorKind::Unsupported);
}

#[test]
fn pandas_and_this_crate_read_each_others_csv() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("t.csv");
    let write = "
import sys, pandas as pd, numpy as np
frame = pd.DataFrame({'i': [1, -2], 'f': [0.1, np.nan], 'b': [True, False], 's': ['a,\"b\"', None], 'e': [np.nan, np.nan]})
frame.to_csv(sys.argv[1], index=False)
";
    run_python(write, [&path]);
    let table = CsvTable::open(File::open(&path).unwrap(), "t.csv").unwrap();
    let types: Vec<String> =
        table.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
    assert_eq!(types, ["Int64", "Float64", "Boolean", "Utf8", "Null"]);
    let batches: Vec<RecordBatch> =
        table.scan(&ScanOptions::default()).unwrap().map(Result::unwrap).collect();
    assert_eq!(batches[0].column(3).as_string::<i32>().value(0), "a,\"b\"");

    let new = place.path().join("new.csv");
    let mut writer = CsvWriter::append(&table, File::create(&new).unwrap(), table.schema()).unwrap();
    writer.write(&batches[0]).unwrap();
    drop(writer.finish());
    let read = "
import sys, pandas as pd
frame = pd.read_csv(sys.argv[1])
print([str(t) for t in frame.dtypes], frame['i'].tolist(), frame['b'].tolist(), frame['s'].tolist()[2], frame['f'].tolist()[2])
";
    let printed = run_python(read, [&new]);
    assert!(printed.starts_with("['int64', 'float64', 'bool', "), "{printed}");
    assert!(printed.ends_with("[1, -2, 1, -2] [True, False, True, False] a,\"b\" 0.1\n"), "{printed}");
}
