//! A table that was appended to several times, as one data set of pyarrow, pandas, polars and DuckDB, on each local backend.

use crate::place::Place;
use fascicle::arrow::array::types::{Float64Type, Int32Type};
use fascicle::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, DictionaryArray, FixedSizeListArray, Float32Array, Int64Array,
    ListArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use fascicle::arrow::schema::{DataType, Field};
use fascicle::{Build, BuildResult, Directory, OpenOptions};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const APPENDS: i64 = 5;
const ROWS: i64 = 4;

/// The rows from `first` on; every third value of each column but the first is null.
fn rows(first: i64) -> RecordBatch {
    let ids: Vec<i64> = (first..first + ROWS).collect();
    let unless_third = |id: &i64| id % 3 != 2;
    let text = ids.iter().map(|id| unless_third(id).then(|| format!("ü{id}, \"q\"\n")));
    let lists = ids.iter().map(|id| {
        unless_third(id)
            .then(|| (0..id % 4).map(|at| (at != 1).then_some((id * 10 + at) as f64)).collect::<Vec<_>>())
    });
    let fixed = ids.iter().map(|id| unless_third(id).then(|| vec![Some(*id as i32), Some(-*id as i32)]));
    let times = ids.iter().map(|id| unless_third(id).then_some(1_700_000_000_000_000 + id));
    let days = ids.iter().map(|id| unless_third(id).then_some(19_000 + *id as i32));
    let kind: DictionaryArray<Int32Type> =
        ids.iter().map(|id| unless_third(id).then_some(if id % 2 == 0 { "even" } else { "odd" })).collect();
    let inner = StructArray::from(vec![
        (
            Arc::new(Field::new("x", DataType::Float32, true)),
            Arc::new(
                ids.iter().map(|id| unless_third(id).then_some(*id as f32 / 2.0)).collect::<Float32Array>(),
            ) as ArrayRef,
        ),
        (
            Arc::new(Field::new("ok", DataType::Boolean, true)),
            Arc::new(ids.iter().map(|id| unless_third(id).then_some(id % 2 == 0)).collect::<BooleanArray>())
                as ArrayRef,
        ),
    ]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(ids.clone()))),
        ("text", Arc::new(text.collect::<StringArray>())),
        ("list", Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(lists))),
        ("pair", Arc::new(FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(fixed, 2))),
        ("time", Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))),
        ("day", Arc::new(days.collect::<Date32Array>())),
        ("kind", Arc::new(kind)),
        ("inner", Arc::new(inner)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .unwrap()
}

#[derive(Serialize, Deserialize)]
struct Recording {
    subject: String,
}

impl Build for Recording {
    async fn build(&self, dir: &Directory) -> BuildResult {
        for append in 0..APPENDS {
            dir.append_table("trials", &rows(append * ROWS)).await?;
        }
        dir.put_table("none", &rows(0).slice(0, 0)).await?;
        Ok(())
    }
}

#[tokio::test]
async fn other_programs_read_a_table_of_many_parts_as_one() {
    for backend in ["hdf5", "zarr", "parquet"] {
        let place = Place::new();
        let options = OpenOptions::default().with_backend(backend).with_fsync(false);
        let root = options.open(place.path("")).await.unwrap();
        let recording = root.resolve(&Recording { subject: "a".to_owned() }).await.unwrap();
        let said = place.python("judge_tables.py", &[recording.name(), &(APPENDS * ROWS).to_string()]).await;
        assert_eq!(said, "pyarrow, pandas, polars and duckdb agree", "{backend}");
        let trials = recording.table("trials").await.unwrap();
        assert_eq!(trials.read().await.unwrap().slice(ROWS as usize, ROWS as usize), rows(ROWS), "{backend}");
    }
}
