//! The published vectors hold, and content alone counts.

use super::*;
use crate::testing::{memory, path, put_array, put_directory, put_file, put_meta, put_table};
use crate::{ArrayOptions, ArraySpec, Attributes, Backend, Region, Shape, TimeUnit, Values, WriteMode};
use arrow_array::builder::{Int8Builder, ListBuilder};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use half::f16;
use num_complex::Complex;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// Written by `tests/golden/digest_vectors.py`, an implementation of its own.
const GOLDEN: &str = include_str!("../../tests/golden/digest_vectors.json");

const PLAIN: &str = "config:\n  type: Directory\nstatus: done\nmodified: true\n";
const CELLS: &str = "config:\n  type: Cells\n  seed: 0.0\nstatus: running\n";

fn table() -> RecordBatch {
    let mut lists = ListBuilder::new(Int8Builder::new());
    lists.append_value([Some(1), None]);
    lists.append_null();
    lists.append_value([]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![1, 2, 3])),
        Arc::new(Float64Array::from(vec![Some(0.5), None, Some(-f64::NAN)])),
        Arc::new(StringArray::from(vec!["", "ü", "abc"])),
        Arc::new(lists.finish()),
    ];
    let schema = Schema::new(vec![
        Field::new("n", DataType::Int64, false),
        Field::new("x", DataType::Float64, true),
        Field::new("s", DataType::Utf8, false),
        Field::new("l", columns[3].data_type().clone(), true),
    ]);
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

/// A backend with an entry for each published vector.
async fn published() -> Arc<dyn Backend> {
    let backend = memory();
    let to = backend.as_ref();
    let odd_nan = f64::from_bits(0xfff8_0000_0000_0001);
    put_array(to, "scalar", &[], Values::Float64(vec![1.5])).await;
    put_array(to, "integers", &[3], Values::Int64(vec![1, -2, 3])).await;
    put_array(to, "floats", &[2, 2], Values::Float64(vec![odd_nan, -0.0, -1.0, 2.0])).await;
    put_array(to, "halves", &[3], Values::Float16(vec![f16::NAN, f16::NEG_ZERO, f16::ONE])).await;
    put_array(to, "complex", &[1], Values::Complex64(vec![Complex::new(1.0, -f32::NAN)])).await;
    put_array(to, "flags", &[2], Values::Bool(vec![true, false])).await;
    put_array(to, "names", &[2], Values::Text(vec!["ü".into(), String::new()])).await;
    put_array(to, "codes", &[2], Values::FixedBytes { width: 2, bytes: b"ab\0c".to_vec() }).await;
    put_array(to, "times", &[2], Values::DateTime64(TimeUnit::Nanosecond, vec![1, i64::MIN])).await;
    let spec = ArraySpec { shape: Shape::new([0, 4]).unwrap(), dtype: crate::DType::UInt8 };
    let arrays = to.arrays().unwrap();
    let empty =
        arrays.create(&path("empty"), &spec, &ArrayOptions::default(), WriteMode::Create).await.unwrap();
    empty.finish().await.unwrap();
    put_array(to, "described", &[1], Values::Int8(vec![7])).await;
    let attributes = json!({"unit": "mV", "scale": 1.0, "window": [0.5, null, true]});
    to.write_attributes(&path("described"), attributes.as_object().unwrap()).await.unwrap();
    put_file(to, "file", b"hello\n").await;
    put_table(to, "table", &[table()]).await;
    put_directory(to, "plain", PLAIN).await;
    put_directory(to, "cells", CELLS).await;
    put_array(to, "cells/x", &[3], Values::Int64(vec![1, -2, 3])).await;
    put_file(to, "cells/f.bin", b"hello\n").await;
    put_directory(to, "cells/sub", PLAIN).await;
    put_array(to, "cells/sub/y", &[], Values::Float64(vec![1.5])).await;
    backend
}

async fn of(backend: &Arc<dyn Backend>, name: &str) -> String {
    digest(Place::new(backend.as_ref(), &path(name))).await.unwrap().to_string()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[tokio::test]
async fn every_published_vector_holds() {
    let golden: Json = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(golden["format"], DIGEST_FORMAT);
    let backend = published().await;
    let vectors = golden["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), backend.list(&crate::EntryPath::root()).await.unwrap().entries.len());
    for vector in vectors {
        let name = vector["name"].as_str().unwrap();
        let canonical = hex(vector["canonical"].as_str().unwrap());
        assert_eq!(blake3::hash(&canonical).to_string(), vector["digest"], "the hash of {name}");
        assert_eq!(of(&backend, name).await, vector["digest"], "{name}");
    }
    for column in golden["columns"].as_array().unwrap() {
        let batch = table();
        let field = batch.schema().field_with_name(column["name"].as_str().unwrap()).unwrap().clone();
        let mut bytes = Vec::new();
        columns::encode_column(&mut bytes, batch.column_by_name(field.name()).unwrap(), field.is_nullable())
            .unwrap();
        assert_eq!(bytes, hex(column["canonical"].as_str().unwrap()), "{}", field.name());
    }
}

#[test]
fn the_document_shows_the_published_vectors() {
    let golden: Json = serde_json::from_str(GOLDEN).unwrap();
    let document = include_str!("../../../../docs/format/digest.md");
    for vector in golden["vectors"].as_array().unwrap() {
        let row =
            format!("| `{}` | `{}` |", vector["name"].as_str().unwrap(), vector["digest"].as_str().unwrap());
        assert!(document.contains(&row), "the document lacks {row}");
    }
}

#[tokio::test]
async fn batches_and_blocks_do_not_count() {
    let (one, many) = (memory(), memory());
    let whole = table();
    put_table(one.as_ref(), "t", std::slice::from_ref(&whole)).await;
    put_table(many.as_ref(), "t", &[whole.slice(0, 1), whole.slice(1, 0), whole.slice(1, 2)]).await;
    assert_eq!(of(&one, "t").await, of(&many, "t").await);
    // Larger than several blocks, of chunks of different shapes.
    let elements: Vec<u32> = (0..3 * 1_000_000).collect();
    put_array(one.as_ref(), "x", &[1_000_000, 3], Values::UInt32(elements.clone())).await;
    let spec = ArraySpec { shape: Shape::new([1_000_000, 3]).unwrap(), dtype: crate::DType::UInt32 };
    let options = ArrayOptions { chunks: Some(vec![777, 2]), ..ArrayOptions::default() };
    let arrays = many.arrays().unwrap();
    let mut writer = arrays.create(&path("x"), &spec, &options, WriteMode::Create).await.unwrap();
    writer.write(&Region::whole(&spec.shape), Values::UInt32(elements)).await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(of(&one, "x").await, of(&many, "x").await);
}

#[tokio::test]
async fn every_change_of_content_changes_the_digest() {
    let backend = published().await;
    let to = backend.as_ref();
    let mut seen = vec![of(&backend, "cells").await];
    let mut changed = async |what: &str| {
        let now = of(&backend, "cells").await;
        assert!(!seen.contains(&now), "{what}");
        seen.push(now);
    };
    put_array(to, "cells/x", &[3], Values::Int64(vec![1, -2, 4])).await;
    changed("an element").await;
    put_array(to, "cells/x", &[3, 1], Values::Int64(vec![1, -2, 4])).await;
    changed("a shape").await;
    put_array(to, "cells/x", &[3, 1], Values::UInt64(vec![1, 2, 4])).await;
    changed("a dtype").await;
    put_file(to, "cells/f.bin", b"hello").await;
    changed("a byte of a file").await;
    put_meta(to, "cells/sub", "config:\n  type: Other\nstatus: done\n").await;
    changed("the config of a nested directory").await;
    to.rename(&path("cells/x"), &path("cells/z")).await.unwrap();
    changed("a name").await;
    let attributes: Attributes = json!({"unit": "V"}).as_object().unwrap().clone();
    to.write_attributes(&path("cells/z"), &attributes).await.unwrap();
    changed("an attribute").await;
    put_table(to, "cells/t", &[table()]).await;
    changed("a table").await;
    put_table(to, "cells/t", &[table().slice(0, 2)]).await;
    changed("a row").await;
    put_table(to, "cells/t", &[table().project(&[1, 0, 2, 3]).unwrap()]).await;
    changed("the order of columns").await;
}

#[tokio::test]
async fn what_cannot_be_read_has_no_digest() {
    let backend = published().await;
    let missing = digest(Place::new(backend.as_ref(), &path("gone"))).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    put_meta(backend.as_ref(), "cells/sub", "config: [").await;
    let broken = digest(Place::new(backend.as_ref(), &path("cells"))).await.unwrap_err();
    assert_eq!((broken.kind(), broken.path()), (ErrorKind::Corrupt, Some("cells/sub")));
}

#[test]
fn digests_are_read_as_they_are_written() {
    let digest: Digest = blake3::hash(b"x").into();
    assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    assert_eq!("12".parse::<Digest>().unwrap_err().kind(), ErrorKind::InvalidInput);
}
