//! Comparisons of places on memory backends.

use super::*;
use crate::testing::{memory, path, put_array, put_directory, put_file, put_meta, put_table};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use fascicle_backend::wrap::{CallCounts, Operation, observed};
use fascicle_backend::{Attributes, ErrorKind, Values};
use serde_json::json;
use std::sync::Arc;

const META: &str = "config:\n  type: Cells\n  seed: 0\nstatus: done\n";

/// A directory `d` with an entry of every kind.
async fn sample() -> Arc<dyn Backend> {
    let backend = memory();
    put_directory(backend.as_ref(), "d", META).await;
    put_array(backend.as_ref(), "d/x", &[2, 2], Values::Float64(vec![1.0, f64::NAN, 0.0, 4.0])).await;
    put_file(backend.as_ref(), "d/f.bin", b"hello").await;
    put_table(backend.as_ref(), "d/t", &[table(&[1, 2, 3])]).await;
    put_directory(backend.as_ref(), "d/sub", META).await;
    put_array(backend.as_ref(), "d/sub/y", &[], Values::Int8(vec![7])).await;
    backend
}

fn table(numbers: &[i64]) -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("n", DataType::Int64, false),
        Field::new("v", DataType::Float64, true),
        Field::new("s", DataType::Utf8, false),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(numbers.to_vec())),
        Arc::new(Float64Array::from_iter(numbers.iter().map(|n| (n % 2 == 0).then_some(f64::NAN)))),
        Arc::new(StringArray::from_iter_values(numbers.iter().map(ToString::to_string))),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

/// The lines of both sides; checks on the way that `equal` agrees and that exchanging the sides exchanges the lines.
async fn lines_with(
    this: &Arc<dyn Backend>,
    other: &Arc<dyn Backend>,
    options: CompareOptions,
) -> (Vec<String>, Vec<String>) {
    let d = path("d");
    let (this, other) = (Place::new(this.as_ref(), &d), Place::new(other.as_ref(), &d));
    let forth = difference_lines(&diff(this, other, &options).await.unwrap());
    let back = difference_lines(&diff(other, this, &options).await.unwrap());
    let sorted = |lines: &[String]| {
        let mut lines = lines.to_vec();
        lines.sort();
        lines
    };
    assert_eq!((sorted(&forth.this), sorted(&forth.other)), (sorted(&back.other), sorted(&back.this)));
    assert_eq!(equal(this, other, &options).await.unwrap(), forth.is_empty());
    (forth.this, forth.other)
}

async fn lines(this: &Arc<dyn Backend>, other: &Arc<dyn Backend>) -> (Vec<String>, Vec<String>) {
    lines_with(this, other, CompareOptions::default()).await
}

fn owned(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

#[tokio::test]
async fn equal_content_is_equal_whatever_its_bits_and_batches() {
    let (this, other) = (sample().await, sample().await);
    let nan = f64::from_bits(0xfff8_0000_0000_0007);
    put_array(other.as_ref(), "d/x", &[2, 2], Values::Float64(vec![1.0, nan, -0.0, 4.0])).await;
    put_table(other.as_ref(), "d/t", &[table(&[1]), table(&[]), table(&[2, 3])]).await;
    assert_eq!(lines(&this, &other).await, (vec![], vec![]));
}

#[tokio::test]
async fn changes_of_data_are_counted_and_located() {
    let (this, other) = (sample().await, sample().await);
    put_array(other.as_ref(), "d/x", &[2, 2], Values::Float64(vec![1.0, f64::NAN, 2.5, 5.0])).await;
    put_array(other.as_ref(), "d/sub/y", &[], Values::Int8(vec![8])).await;
    put_file(other.as_ref(), "d/f.bin", b"help").await;
    put_table(other.as_ref(), "d/t", &[table(&[1]), table(&[5, 3])]).await;
    let (here, there) = lines(&this, &other).await;
    assert_eq!(
        here,
        owned(&[
            "≠f.bin: 5 bytes (the first difference is at byte 3)",
            "≠sub/y: 7",
            "≠t: 2 in column 'n' of row 1 (1 of 3 rows differ)",
            "≠x: 0.0 at [1, 0] (2 of 4 elements differ)",
        ])
    );
    assert_eq!(
        there,
        owned(&[
            "≠f.bin: 4 bytes (the first difference is at byte 3)",
            "≠sub/y: 8",
            "≠t: 5 in column 'n' of row 1 (1 of 3 rows differ)",
            "≠x: 2.5 at [1, 0] (2 of 4 elements differ)",
        ])
    );
    let structure = CompareOptions::default().with_data(false);
    assert_eq!(lines_with(&this, &other, structure).await, (vec![], vec![]));
}

#[tokio::test]
async fn structure_is_compared() {
    let (this, other) = (sample().await, sample().await);
    put_array(this.as_ref(), "d/a", &[3], Values::Int64(vec![1, 2, 3])).await;
    put_file(other.as_ref(), "d/b.bin", b"x").await;
    put_directory(other.as_ref(), "d/empty", META).await;
    put_array(other.as_ref(), "d/x", &[4], Values::Float64(vec![0.0; 4])).await;
    put_array(other.as_ref(), "d/sub/y", &[], Values::Int16(vec![7])).await;
    put_table(other.as_ref(), "d/t", &[table(&[1, 2])]).await;
    put_file(other.as_ref(), "d/sub2", b"").await;
    put_array(this.as_ref(), "d/sub2", &[], Values::Bool(vec![true])).await;
    let (here, there) = lines(&this, &other).await;
    assert_eq!(
        here,
        owned(&[
            "+a: array int64 (3,)",
            "-b.bin",
            "-empty",
            "≠sub/y: int8 ()",
            "≠sub2: array",
            "≠t: 3 rows",
            "≠x: float64 (2, 2)",
        ])
    );
    assert_eq!(
        there,
        owned(&[
            "-a",
            "+b.bin: file, 1 byte",
            "+empty: directory, 0 entries",
            "≠sub/y: int16 ()",
            "≠sub2: file",
            "≠t: 2 rows",
            "≠x: float64 (4,)",
        ])
    );
    let schema = Schema::new(vec![Field::new("n", DataType::Int32, false)]);
    put_table(other.as_ref(), "d/t", &[RecordBatch::new_empty(Arc::new(schema))]).await;
    let (here, there) = lines(&this, &other).await;
    assert!(here.contains(&"≠t: n: Int64, v: Float64 or null, s: Utf8".to_owned()), "{here:?}");
    assert!(there.contains(&"≠t: n: Int32".to_owned()), "{there:?}");
}

#[tokio::test]
async fn metas_are_compared_by_config_and_status() {
    let (this, other) = (sample().await, sample().await);
    put_meta(other.as_ref(), "d", "status: stopped\nmodified: true\nconfig: {seed: 42, type: Cells}\nx: 1\n")
        .await;
    put_meta(other.as_ref(), "d/sub", "config: {type: Cells, seed: 0.0, n: 1}\nstatus: done\n").await;
    let (here, there) = lines(&this, &other).await;
    assert_eq!(here, owned(&["≠config.seed: 0", "≠status: done", "-sub/config.n"]));
    assert_eq!(there, owned(&["≠config.seed: 42", "≠status: stopped", "+sub/config.n: 1"]));
    let (here, _) = lines_with(&this, &other, CompareOptions::default().with_modified(true)).await;
    assert_eq!(here, owned(&["≠config.seed: 0", "≠status: done", "≠modified: false", "-sub/config.n"]));
    let without = CompareOptions::default().with_metas(false);
    assert_eq!(lines_with(&this, &other, without).await, (vec![], vec![]));

    put_meta(other.as_ref(), "d", "config: [").await;
    let d = path("d");
    let (this, other) = (Place::new(this.as_ref(), &d), Place::new(other.as_ref(), &d));
    let error = diff(this, other, &CompareOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(equal(other, other, &CompareOptions::default()).await.unwrap());
}

#[tokio::test]
async fn a_directory_without_a_meta_is_a_plain_one() {
    let (this, other) = (memory(), memory());
    let root = path("");
    put_meta(other.as_ref(), "", "config: {type: Directory}\nstatus: done\nmodified: true\n").await;
    let places = (Place::new(this.as_ref(), &root), Place::new(other.as_ref(), &root));
    assert!(equal(places.0, places.1, &CompareOptions::default()).await.unwrap());
}

#[tokio::test]
async fn attributes_are_compared() {
    let (this, other) = (sample().await, sample().await);
    let attributes = |value: serde_json::Value| -> Attributes { value.as_object().unwrap().clone() };
    let write = async |backend: &Arc<dyn Backend>, value| {
        backend.write_attributes(&path("d/x"), &attributes(value)).await.unwrap();
    };
    write(&this, json!({"units": "mV", "rate": 1, "only": [1]})).await;
    write(&other, json!({"rate": 1.0, "units": "V"})).await;
    let (here, there) = lines(&this, &other).await;
    assert_eq!(here, owned(&["+x@only: [1]", "≠x@units: \"mV\""]));
    assert_eq!(there, owned(&["-x@only", "≠x@units: \"V\""]));
    let without = CompareOptions::default().with_attributes(false);
    assert_eq!(lines_with(&this, &other, without).await, (vec![], vec![]));
}

#[tokio::test]
async fn single_entries_and_missing_places_are_compared() {
    let backend = sample().await;
    let (x, y, gone) = (path("d/x"), path("d/sub/y"), path("gone"));
    let place = |path| Place::new(backend.as_ref(), path);
    let options = CompareOptions::default();
    assert!(equal(place(&x), place(&x), &options).await.unwrap());
    assert!(equal(place(&gone), place(&gone), &options).await.unwrap());
    let found = diff(place(&x), place(&y), &options).await.unwrap();
    assert_eq!(found[0].lines(), ("≠.: float64 (2, 2)".to_owned(), "≠.: int8 ()".to_owned()));
    let found = diff(place(&x), place(&gone), &options).await.unwrap();
    assert_eq!(found[0].lines(), ("+.: array float64 (2, 2)".to_owned(), "-.".to_owned()));
}

#[tokio::test]
async fn large_arrays_are_read_in_blocks_and_equality_stops_early() {
    const ROWS: usize = 5 << 18;
    let counts = Arc::new(CallCounts::default());
    let this: Arc<dyn Backend> = Arc::new(observed(memory(), counts.clone()));
    let mut values = vec![0i64; ROWS];
    put_array(this.as_ref(), "a", &[ROWS as u64], Values::Int64(values.clone())).await;
    values[1] = 1;
    values[ROWS - 1] = 1;
    put_array(this.as_ref(), "b", &[ROWS as u64], Values::Int64(values)).await;
    let (a, b) = (path("a"), path("b"));
    let (a, b) = (Place::new(this.as_ref(), &a), Place::new(this.as_ref(), &b));
    counts.reset();
    let found = diff(a, b, &CompareOptions::default()).await.unwrap();
    let expected = json!({
        "path": "", "differing": "elements", "count": 2, "total": ROWS, "position": [1],
        "this": format!("≠.: 0 at [1] (2 of {ROWS} elements differ)"),
        "other": format!("≠.: 1 at [1] (2 of {ROWS} elements differ)"),
    });
    assert_eq!(found.iter().map(EntryDifference::to_json).collect::<Vec<_>>(), [expected]);
    assert_eq!(counts.of(Operation::ReadArray), 2 * 3);
    counts.reset();
    assert!(!equal(a, b, &CompareOptions::default()).await.unwrap());
    assert_eq!(counts.of(Operation::ReadArray), 2);
}
