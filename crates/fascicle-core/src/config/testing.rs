//! Random values for the property tests of this module.

use proptest::prelude::*;

use super::value::{Map, Value};

/// Text that tries every way of being quoted.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_]{1,8}",
        "[-+.0-9eEx_:]{0,8}",
        "[ a-z:#,'\"\\\\\\[\\]{}&*!|>%@`=<?~-]{0,12}",
        "[\\x00-\\x20\\x7f-\\xa0a-z]{0,6}",
        any::<String>(),
        proptest::sample::select(vec![
            "",
            "null",
            "true",
            "no",
            "~",
            "<<",
            "=",
            "---",
            "...",
            "- a",
            "? a",
            "2001-01-01",
            "1:30"
        ])
        .prop_map(str::to_owned),
    ]
}

fn any_scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i128>().prop_map(Value::Int),
        any::<i64>().prop_map(Value::from),
        (-3_i64..4).prop_map(Value::from),
        any::<f64>().prop_map(Value::Float),
        any::<f32>().prop_map(Value::from),
        (-3_i64..4).prop_map(|whole| Value::Float(whole as f64)),
        proptest::sample::select(vec![
            0.0,
            -0.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e16,
            1e15,
            5e-324,
            1e38,
            1e39
        ])
        .prop_map(Value::Float),
        any_text().prop_map(Value::Text),
        proptest::collection::vec(any::<u8>(), 0..6).prop_map(Value::Bytes),
    ]
}

/// Any value, nested up to four levels.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    any_scalar().prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::List),
            proptest::collection::vec((any_text(), inner), 0..5)
                .prop_map(|fields| Value::Map(fields.into_iter().collect())),
        ]
    })
}

/// Any fields of a configuration. None is named `type`.
pub(crate) fn any_fields() -> impl Strategy<Value = Map> {
    proptest::collection::vec(("[a-d]", any_value()), 0..4).prop_map(|fields| fields.into_iter().collect())
}
