//! The attributes of two entries.

use super::difference::Differing;
use fascicle_backend::Attributes;
use serde_json::Value;
use std::collections::BTreeSet;

/// The attributes that differ, by name.
pub(super) fn differing(this: &Attributes, other: &Attributes) -> Vec<Differing> {
    let names: BTreeSet<&String> = this.keys().chain(other.keys()).collect();
    let mut found = Vec::new();
    for name in names {
        let (this, other) = (this.get(name), other.get(name));
        let same = matches!((this, other), (Some(this), Some(other)) if same_json(this, other));
        if !same {
            found.push(Differing::Attribute {
                name: name.clone(),
                this: this.cloned(),
                other: other.cloned(),
            });
        }
    }
    found
}

/// Whether two JSON values are the same; numbers by their value, objects whatever the order of their members.
fn same_json(this: &Value, other: &Value) -> bool {
    match (this, other) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same_json(a, b)))
        }
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_compared_by_value() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let this = map(json!({"a": 1, "b": [1.0, {"x": 1, "y": 2}], "c": "1", "d": 1}));
        let other = map(json!({"a": 1.0, "b": [1, {"y": 2, "x": 1}], "c": 1, "e": null}));
        let names: Vec<String> = differing(&this, &other)
            .into_iter()
            .map(|differing| match differing {
                Differing::Attribute { name, .. } => name,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(names, ["c", "d", "e"]);
    }
}
