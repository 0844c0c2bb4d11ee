//! Every scalar of the golden table means what ruamel.yaml says. The table is written by `tests/golden/yaml_scalars.py`.

use serde_json::Value as Json;

use super::{read_yaml, write_yaml};
use crate::config::golden::bytes_of_hex;
use crate::config::value::Value;

const GOLDEN: &str = include_str!("../../../tests/golden/yaml_scalars.json");

fn rows() -> Vec<(String, String, String)> {
    let golden: Json = serde_json::from_str(GOLDEN).unwrap();
    let text = |cell: &Json| cell.as_str().unwrap().to_owned();
    let rows = golden["scalars"].as_array().unwrap();
    rows.iter().map(|row| (text(&row[0]), text(&row[1]), text(&row[2]))).collect()
}

/// The value that an answer of the table stands for. Lists and maps hold answers themselves.
fn expected(kind: &str, text: &str) -> Value {
    match kind {
        "null" => Value::Null,
        "bool" => Value::Bool(text == "true"),
        "int" => Value::Int(text.parse().unwrap()),
        "float" => Value::Float(text.parse().unwrap()),
        "text" => Value::Text(text.to_owned()),
        "bytes" => Value::Bytes(bytes_of_hex(text)),
        "list" | "map" => nested(&serde_json::from_str(text).unwrap()),
        other => panic!("no such kind of answer: {other}"),
    }
}

fn nested(json: &Json) -> Value {
    match json {
        Json::Array(answer) if answer.len() == 2 && answer.iter().all(Json::is_string) => {
            expected(answer[0].as_str().unwrap(), answer[1].as_str().unwrap())
        }
        Json::Array(list) => Value::List(list.iter().map(nested).collect()),
        Json::Object(map) => {
            Value::Map(map.iter().map(|(key, value)| (key.clone(), nested(value))).collect())
        }
        other => panic!("no such answer: {other}"),
    }
}

#[test]
fn every_scalar_means_what_ruamel_says() {
    let rows = rows();
    assert!(rows.len() >= 200, "the table has only {} rows", rows.len());
    let mut wrong = Vec::new();
    for (scalar, kind, text) in &rows {
        let read = read_yaml(&format!("key: {scalar}\n"));
        let value = read.as_ref().ok().and_then(|document| document.get("key")).cloned();
        let agrees = match (kind.as_str(), value) {
            // Configurations have no dates: the text stays as it is written.
            ("date", value) => value == Some(Value::Text(scalar.clone())),
            // What ruamel.yaml cannot read is text or an error here, never a number.
            ("error", value) => matches!(value, None | Some(Value::Text(_) | Value::Map(_))),
            // Compared by their Debug form, which tells 1 from 1.0.
            (kind, Some(value)) => format!("{value:?}") == format!("{:?}", expected(kind, text)),
            (_, None) => false,
        };
        if !agrees {
            wrong.push(format!("{scalar:?}: ruamel.yaml says {kind} {text:?}, read as {read:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn the_spelling_of_every_scalar_can_be_stored_as_text() {
    for (scalar, ..) in rows() {
        let written = write_yaml(&Value::Text(scalar.clone())).unwrap();
        assert_eq!(read_yaml(&written), Ok(Value::Text(scalar)), "{written}");
    }
}
