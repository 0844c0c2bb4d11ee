//! Reading the tagged values of the golden files in `tests/golden`.

use serde_json::Value as Json;

use super::value::Value;

/// The value that tagged JSON stands for: `{"int": "1"}`, `{"map": [["key", …]]}` and so on.
pub(crate) fn untagged(json: &Json) -> Value {
    let object = match json {
        Json::Null => return Value::Null,
        Json::Bool(bool) => return Value::Bool(*bool),
        other => other.as_object().unwrap(),
    };
    let (tag, data) = object.iter().next().unwrap();
    let text = || data.as_str().unwrap();
    let items = || data.as_array().unwrap().iter();
    match tag.as_str() {
        "int" => Value::Int(text().parse().unwrap()),
        "float" => Value::Float(text().parse().unwrap()),
        "text" => Value::Text(text().to_owned()),
        "bytes" => Value::Bytes(bytes_of_hex(text())),
        "list" => Value::List(items().map(untagged).collect()),
        "map" => Value::Map(
            items().map(|pair| (pair[0].as_str().unwrap().to_owned(), untagged(&pair[1]))).collect(),
        ),
        other => panic!("no such tag: {other}"),
    }
}

pub(crate) fn bytes_of_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}
