//! Attributes go through HDF5 unchanged.

use super::*;
use crate::h5::{Original, read_attributes};
use fascicle_backend::Attributes;
use serde_json::json;

fn attributes() -> Attributes {
    let value = json!({
        "yes": true,
        "no": false,
        "integer": -5,
        "large": u64::MAX,
        "float": 0.1,
        "whole float": 2.0,
        "negative zero": -0.0,
        "text": "ü\n",
        "empty text": "",
        "nothing": null,
        "object": {"a": [1, {"b": null}]},
        "integers": [1, -2, 3],
        "large integers": [1, u64::MAX],
        "mixed signs": [-1, u64::MAX],
        "floats": [1.0, 0.5],
        "texts": ["a", "日本", ""],
        "flags": [true, false],
        "mixed": [1, 0.5],
        "empty": [],
        "nested": [[1, 2], [3, 4]],
        "NUL": "a\0b",
        "json:name": 1,
        "a/b": "slash",
        "long": "x".repeat(200_000),
        "many": (0..20_000).collect::<Vec<_>>(),
    });
    value.as_object().unwrap().clone()
}

#[test]
fn attributes_come_back_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    let options = ArrayOptions { attributes: attributes(), ..ArrayOptions::default() };
    let values = Values::Int8(vec![1, 2]);
    write_new(&path, &shape(&[2]), &values, &options).unwrap();
    assert_eq!(read_attributes(&path).unwrap(), attributes());
    append_in_place(&path, 1, &Values::Int8(vec![3])).unwrap();
    assert_eq!(read_attributes(&path).unwrap(), attributes());
}

#[test]
fn attributes_are_replaced_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("x.h5"), folder.path().join("y.h5"));
    let values = Values::Text(vec!["a".into(), "b".into()]);
    let options = ArrayOptions { attributes: attributes(), ..ArrayOptions::default() };
    write_new(&path, &shape(&[2]), &values, &options).unwrap();
    let new = json!({"only": [1.5], "text": {"now": "an object"}}).as_object().unwrap().clone();
    let original = Original::lock(&path, OPTIONS.patience).unwrap();
    original.duplicate_with_attributes(&copy, &new).unwrap();
    assert_eq!(read_attributes(&copy).unwrap(), new);
    assert_same(&read_whole(&copy).unwrap().1, &values, "the elements");
    assert_eq!(read_attributes(&path).unwrap(), attributes());
}
