//! Folders of Parquet files that other programs wrote.

use super::bench::{Bench, path, refused, same};
use crate::column::{EXTENSION_METADATA, EXTENSION_NAME, TENSOR};
use arrow_array::{ArrayRef, FixedSizeListArray, Float32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use fascicle_backend::{Backend, EntryKind, ErrorKind, Values};
use parquet::arrow::ArrowWriter;
use std::{collections::HashMap, sync::Arc};

fn file(columns: &[(Field, ArrayRef)]) -> Vec<u8> {
    let fields: Vec<Field> = columns.iter().map(|(field, _)| field.clone()).collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.iter().map(|(_, array)| Arc::clone(array)).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn tensor(metadata: &str, values: Vec<Option<f32>>, length: i32) -> (Field, ArrayRef) {
    let item = Arc::new(Field::new("item", DataType::Float32, true));
    let lists = FixedSizeListArray::new(item.clone(), length, Arc::new(Float32Array::from(values)), None);
    let field =
        Field::new("img", DataType::FixedSizeList(item, length), true).with_metadata(HashMap::from([
            (EXTENSION_NAME.to_owned(), TENSOR.to_owned()),
            (EXTENSION_METADATA.to_owned(), metadata.to_owned()),
        ]));
    (field, Arc::new(lists))
}

fn numbers(name: &str, numbers: Vec<Option<i64>>) -> (Field, ArrayRef) {
    (Field::new(name, DataType::Int64, true), Arc::new(Int64Array::from(numbers)))
}

#[tokio::test]
async fn tensors_of_others_are_arrays() {
    let bench = Bench::new().await;
    let metadata = r#"{"shape":[2,3],"permutation":[0,1]}"#;
    for (name, from, rows) in [("b.parquet", 12u8, 1u8), ("a.parquet", 0, 2)] {
        let values = (from..from + rows * 6).map(|value| Some(f32::from(value))).collect();
        bench.put_object(&format!("x.array.parquet/{name}"), file(&[tensor(metadata, values, 6)])).await;
    }
    bench.put_object("x.array.parquet/_SUCCESS", Vec::new()).await;
    let (shape, values) = bench.all("x").await.unwrap();
    assert_eq!(shape.to_string(), "(3, 2, 3)");
    same(&values, &Values::Float32((0u8..18).map(f32::from).collect()));
    same(&bench.select("x", "2,:,1").await.unwrap(), &Values::Float32(vec![13.0, 16.0]));

    let stat = bench.backend.stat(&path("x")).await.unwrap();
    assert_eq!((stat.kind, stat.stored_name.as_str()), (EntryKind::Array, "x.array.parquet"));
    assert_eq!(bench.backend.list(&path("")).await.unwrap().entries.len(), 1);
    for error in [
        refused(bench.append("x", 1, Values::Float32(vec![0.0; 6])).await),
        refused(bench.write("x", "0", Values::Float32(vec![0.0; 6])).await),
        refused(
            bench
                .backend
                .write_attributes(&path("x"), &[("a".to_owned(), 1.into())].into_iter().collect())
                .await,
        ),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    bench.backend.copy(&path("x"), &path("y")).await.unwrap();
    assert_eq!(bench.all("y").await.unwrap().0.to_string(), "(3, 2, 3)");
    bench.put("x", &[2], Values::Int8(vec![1, 2])).await.unwrap();
    same(&bench.all("x").await.unwrap().1, &Values::Int8(vec![1, 2]));
    bench.backend.remove(&path("y")).await.unwrap();
    assert!(refused(bench.describe("y").await).is_not_found());
    assert!(
        bench.keys().await.iter().all(|key| key.starts_with("x.array.parquet/")),
        "{:?}",
        bench.keys().await
    );
}

#[tokio::test]
async fn what_is_no_array_is_refused_and_says_why() {
    let bench = Bench::new().await;
    let plain = |count: usize| (0..count).map(|value| Some(value as f32)).collect::<Vec<_>>();
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a\0b"]));
    for (what, bytes, kind, why) in [
        (
            "two columns",
            file(&[numbers("a", vec![Some(1)]), numbers("b", vec![Some(1)])]),
            ErrorKind::Unsupported,
            "2 columns",
        ),
        ("nulls", file(&[numbers("a", vec![Some(1), None])]), ErrorKind::Corrupt, "nulls"),
        (
            "nulls in rows",
            file(&[tensor(r#"{"shape":[2]}"#, vec![Some(1.0), None], 2)]),
            ErrorKind::Corrupt,
            "nulls",
        ),
        (
            "axes in another order",
            file(&[tensor(r#"{"shape":[2,3],"permutation":[1,0]}"#, plain(6), 6)]),
            ErrorKind::Unsupported,
            "order",
        ),
        (
            "a shape that lies",
            file(&[tensor(r#"{"shape":[7]}"#, plain(6), 6)]),
            ErrorKind::Unsupported,
            "6 values",
        ),
        (
            "a shape that overflows",
            file(&[tensor(r#"{"shape":[4294967296,4294967296]}"#, plain(6), 6)]),
            ErrorKind::Unsupported,
            "6 values",
        ),
        ("no shape", file(&[tensor("{", plain(6), 6)]), ErrorKind::Unsupported, "description"),
        ("a NUL", file(&[(Field::new("t", DataType::Utf8, false), text)]), ErrorKind::Corrupt, "NUL"),
        ("no file", b"PAR1 this is none PAR1".to_vec(), ErrorKind::Corrupt, "a.parquet"),
        ("nothing", Vec::new(), ErrorKind::Corrupt, "empty"),
    ] {
        bench.put_object("x.array.parquet/a.parquet", bytes).await;
        let error = refused(bench.all("x").await);
        assert_eq!(error.kind(), kind, "{what}: {error:?}");
        assert!(error.to_string().contains(why), "{what}: {error}");
    }
    bench.put_object("x.array.parquet/a.parquet", file(&[numbers("a", vec![Some(1)])])).await;
    bench.put_object("x.array.parquet/b.parquet", file(&[tensor(r#"{"shape":[2]}"#, plain(2), 2)])).await;
    let error = refused(bench.describe("x").await);
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("b.parquet"), "{error}");
}
