//! Arrays as tables.

use super::{directory, names, observed_directory, read, refused, rows};
use arrow_schema::DataType;
use fascicle_backend::wrap::Operation;
use fascicle_core::convert::BytesForm;
use fascicle_core::{ArrayData, ErrorKind, Shape, Values};
use fascicle_sql::QueryOptions;
use ndarray::{Array2, Array3, arr0};

#[tokio::test]
async fn arrays_of_one_length_are_one_table() {
    let lab = directory();
    lab.put("id", [1i64, 2, 3]).await.unwrap();
    lab.put("color", Array2::from_shape_fn((3, 2), |(i, j)| (i * 2 + j) as f32)).await.unwrap();
    lab.put("cube", Array3::from_shape_fn((3, 2, 1), |(i, j, _)| (i + j) as u8)).await.unwrap();
    lab.put("n", arr0(3i32)).await.unwrap();
    lab.put("once", [0.5]).await.unwrap();
    let all = read(&lab, "select * from arrays").await;
    assert_eq!(names(&all), ["color", "cube", "id", "n", "once"]);
    assert!(matches!(all.schema().field(0).data_type(), DataType::FixedSizeList(_, 2)));
    assert_eq!(
        rows(&lab, "select id, n, once, color, cube from arrays where id > 1").await,
        ["2 3 0.5 [2.0, 3.0] [[1], [2]]", "3 3 0.5 [4.0, 5.0] [[2], [3]]"]
    );
    // Elements of lists count from 1.
    assert_eq!(rows(&lab, "select sum(color[2]) from arrays").await, ["9.0"]);
    assert_eq!(rows(&lab, "select count(*) from arrays").await, ["3"]);
    // A scalar stands in every row, whether or not other columns are asked for.
    assert_eq!(rows(&lab, "select sum(n) from arrays").await, ["9"]);
    assert_eq!(rows(&lab, "select n from n").await, ["3"]);
    assert_eq!(rows(&lab, "select id from id where id <> 2").await, ["1", "3"]);
}

#[tokio::test]
async fn the_columns_that_a_query_uses_must_have_one_length() {
    let lab = directory();
    lab.put("x", [1i64, 2, 3]).await.unwrap();
    lab.put("y", [10i64, 20, 30]).await.unwrap();
    lab.put("loss", [0.5, 0.25]).await.unwrap();
    lab.put("seed", arr0(7i32)).await.unwrap();
    assert_eq!(rows(&lab, "select x + y as s, seed from arrays where y > 10").await, ["22 7", "33 7"]);
    assert_eq!(rows(&lab, "select loss, seed from arrays").await, ["0.5 7", "0.25 7"]);
    assert_eq!(rows(&lab, "select count(*) from loss").await, ["2"]);
    for sql in [
        "select * from arrays",
        "select x, loss from arrays",
        "select count(*) from arrays",
        "select seed from arrays",
    ] {
        let error = refused(&lab, sql).await;
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{sql}: {error}");
        assert!(error.message().contains("2 (loss), 3 (x"), "{sql}: {error}");
    }
    assert_eq!(rows(&lab, "select seed from seed").await, ["7"]);
}

#[tokio::test]
async fn only_the_columns_of_a_query_are_read_and_only_when_rows_are_asked_for() {
    let (lab, calls) = observed_directory();
    let long = 3_000_000u64;
    lab.put("a", (0..long).collect::<Vec<_>>()).await.unwrap();
    lab.put("b", (0..long).collect::<Vec<_>>()).await.unwrap();
    lab.put("c", (0..long).collect::<Vec<_>>()).await.unwrap();
    calls.forget();
    let answer = fascicle_sql::query(&lab, "select sum(a) from arrays where a % 2 = 0").await.unwrap();
    assert!(calls.take(Operation::ReadArray).is_empty());
    assert_eq!(answer.read().await.unwrap().num_rows(), 1);
    let read = calls.take(Operation::ReadArray);
    assert!(read.len() > 1 && read.iter().all(|path| path == "lab/a"), "{read:?}");
    calls.forget();
    assert_eq!(rows(&lab, "select b from arrays limit 2").await, ["0", "1"]);
    assert_eq!(calls.take(Operation::ReadArray), ["lab/b"]);
    calls.forget();
    assert_eq!(rows(&lab, "select count(*) from arrays").await, ["3000000"]);
    assert!(calls.take(Operation::ReadArray).is_empty());
}

#[tokio::test]
async fn bytes_are_text_unless_they_are_asked_for_as_bytes() {
    let lab = directory();
    let bytes = |bytes: &[u8]| {
        let values = Values::FixedBytes { width: 2, bytes: bytes.to_vec() };
        ArrayData::new(Shape::new([2]).unwrap(), values).unwrap()
    };
    lab.put("name", bytes(b"a\0bc")).await.unwrap();
    lab.put("raw", bytes(b"a\0\xff\xfe")).await.unwrap();
    assert_eq!(rows(&lab, "select name from arrays where name = 'a'").await, ["a"]);
    let error = refused(&lab, "select raw from arrays").await;
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert_eq!(error.path(), Some("lab/raw"));
    let options = QueryOptions::default().with_bytes(BytesForm::Binary);
    let raw = fascicle_sql::query_with(&lab, "select raw from arrays", &options).await.unwrap();
    assert_eq!(raw.schema.field(0).data_type(), &DataType::FixedSizeBinary(2));
    assert_eq!(raw.read().await.unwrap().num_rows(), 2);
}

#[tokio::test]
async fn empty_arrays_have_no_rows_and_no_arrays_no_table() {
    let lab = directory();
    let error = refused(&lab, "select * from arrays").await;
    assert_eq!(error.kind(), ErrorKind::NotFound);
    lab.put("x", Vec::<f64>::new()).await.unwrap();
    lab.put("n", arr0(1i32)).await.unwrap();
    assert_eq!(read(&lab, "select x, n from arrays").await.num_rows(), 0);
    assert_eq!(rows(&lab, "select count(*) from arrays").await, ["0"]);
}
