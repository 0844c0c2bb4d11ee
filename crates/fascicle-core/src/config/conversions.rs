//! Making values from the usual Rust types, and so `config.with("n_cells", 100)`.

use std::collections::{BTreeMap, HashMap};

use super::value::{Map, Value};

macro_rules! from_integers {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Value {
            fn from(integer: $integer) -> Self {
                Self::Int(i128::from(integer))
            }
        }
    )*};
}

from_integers!(i8, i16, i32, i64, i128, u8, u16, u32, u64);

impl From<usize> for Value {
    fn from(integer: usize) -> Self {
        // No platform's pointers are wider than 64 bits.
        Self::Int(integer as i128)
    }
}

impl From<isize> for Value {
    fn from(integer: isize) -> Self {
        Self::Int(integer as i128)
    }
}

impl From<f64> for Value {
    fn from(float: f64) -> Self {
        Self::Float(float)
    }
}

impl From<f32> for Value {
    /// The same number, exactly: `0.1_f32` is `0.10000000149011612`, as it is in Python.
    fn from(float: f32) -> Self {
        Self::Float(f64::from(float))
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Null
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<char> for Value {
    fn from(character: char) -> Self {
        Self::Text(character.to_string())
    }
}

impl From<std::borrow::Cow<'_, str>> for Value {
    fn from(text: std::borrow::Cow<'_, str>) -> Self {
        Self::Text(text.into_owned())
    }
}

impl From<bytes::Bytes> for Value {
    fn from(bytes: bytes::Bytes) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(option: Option<T>) -> Self {
        option.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(elements: Vec<T>) -> Self {
        Self::List(elements.into_iter().map(Into::into).collect())
    }
}

impl<T: Clone + Into<Value>> From<&[T]> for Value {
    fn from(elements: &[T]) -> Self {
        Self::List(elements.iter().cloned().map(Into::into).collect())
    }
}

impl<T: Clone + Into<Value>> From<&Vec<T>> for Value {
    fn from(elements: &Vec<T>) -> Self {
        Self::from(elements.as_slice())
    }
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(elements: [T; N]) -> Self {
        Self::List(elements.into_iter().map(Into::into).collect())
    }
}

impl<K: Into<String>, T: Into<Value>> From<BTreeMap<K, T>> for Value {
    fn from(map: BTreeMap<K, T>) -> Self {
        Self::Map(map.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl<K: Into<String>, T: Into<Value>, S> From<HashMap<K, T, S>> for Value {
    /// With the keys in alphabetical order, so that what is written doesn't change from run to run.
    fn from(map: HashMap<K, T, S>) -> Self {
        let ordered: BTreeMap<String, T> = map.into_iter().map(|(key, value)| (key.into(), value)).collect();
        Self::from(ordered)
    }
}

impl<T: Into<Value>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self::List(elements.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_types_become_values() {
        assert_eq!(Value::from(u64::MAX), Value::Int(18_446_744_073_709_551_615));
        assert_eq!(Value::from(i64::MIN), Value::Int(-9_223_372_036_854_775_808));
        assert_eq!(Value::from(0.1_f32), Value::Float(0.100_000_001_490_116_12));
        assert_eq!(Value::from(None::<i32>), Value::Null);
        assert_eq!(Value::from(Some("a")), Value::Text("a".into()));
        assert_eq!(Value::from([1, 2]), Value::from(vec![1.0, 2.0]));
        assert_eq!(Value::from(&["a", "b"][..]), Value::from(["a", "b"]));
        let hashed = HashMap::from([("b", 1), ("a", 2)]);
        let value = Value::from(hashed);
        assert_eq!(value.to_string(), "{a: 2, b: 1}");
        assert_eq!(value, Value::from(BTreeMap::from([("a", 2), ("b", 1)])));
    }
}
