//! Values of configs and metas as JSON.
//!
//! What JSON has no number for is text: `"NaN"`, `"Infinity"`, `"-Infinity"`, and integers beyond 64 bits. Bytes are
//! base64.

use base64::Engine;
use fascicle::config::{Map, Value};
use serde_json::{Number, Value as Json};

/// A value as JSON.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(integer) => {
            Number::from_i128(*integer).map_or_else(|| Json::String(integer.to_string()), Json::Number)
        }
        Value::Float(float) => float_json(*float),
        Value::Text(text) => Json::String(text.clone()),
        Value::Bytes(bytes) => Json::String(base64::engine::general_purpose::STANDARD.encode(bytes)),
        Value::List(list) => Json::Array(list.iter().map(to_json).collect()),
        Value::Map(map) => map_json(map),
    }
}

/// A map as a JSON object.
pub(crate) fn map_json(map: &Map) -> Json {
    Json::Object(map.iter().map(|(key, value)| (key.clone(), to_json(value))).collect())
}

/// A float as JSON.
pub(crate) fn float_json(float: f64) -> Json {
    match Number::from_f64(float) {
        Some(number) => Json::Number(number),
        None if float.is_nan() => Json::String("NaN".to_owned()),
        None if float > 0.0 => Json::String("Infinity".to_owned()),
        None => Json::String("-Infinity".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_cannot_say_is_text() {
        let list = Value::List(vec![
            Value::Float(f64::NAN),
            Value::Float(f64::NEG_INFINITY),
            Value::Int(1 << 100),
            Value::Int(i128::from(u64::MAX)),
            Value::Bytes(vec![1, 2, 3]),
        ]);
        let expected = r#"["NaN","-Infinity","1267650600228229401496703205376",18446744073709551615,"AQID"]"#;
        assert_eq!(to_json(&list).to_string(), expected);
    }
}
