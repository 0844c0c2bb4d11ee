//! Changing fields at dotted paths. A key that itself contains dots is found by the same words as in [`lookup`].

use super::error::{ConfigError, ConfigErrorKind};
use super::value::{Map, Value};

/// Takes the field at a dotted path out. Maps that are left empty by it go too: they only held the field.
pub(crate) fn remove_at(map: &mut Map, path: &str) -> Option<Value> {
    if let Some(value) = map.shift_remove(path) {
        return Some(value);
    }
    for (dot, _) in path.match_indices('.') {
        let (head, tail) = (&path[..dot], &path[dot + 1..]);
        let Some(Value::Map(inner)) = map.get_mut(head) else { continue };
        if let Some(value) = remove_at(inner, tail) {
            if inner.is_empty() {
                map.shift_remove(head);
            }
            return Some(value);
        }
    }
    None
}

/// Puts a field in at a dotted path, making the maps on the way. Each dot nests.
///
/// # Errors
/// `DuplicateKey` if the field is there, `Conflict` if something on the way isn't a map, `Invalid` for an empty name.
pub(crate) fn insert_at(map: &mut Map, path: &str, value: Value) -> Result<(), ConfigError> {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    if name.is_empty() {
        let message = "a dotted path holds an empty name";
        return Err(ConfigError::new(ConfigErrorKind::Invalid, message));
    }
    let Some(rest) = rest else {
        if map.contains_key(name) {
            return Err(
                ConfigError::new(ConfigErrorKind::DuplicateKey, "the field is given twice").within(name)
            );
        }
        map.insert(name.to_owned(), value);
        return Ok(());
    };
    match map.entry(name.to_owned()).or_insert_with(|| Value::Map(Map::new())) {
        Value::Map(inner) => insert_at(inner, rest, value).map_err(|error| error.within(name)),
        other => {
            let message = format!("the field is {} and cannot hold `{rest}`", other.kind_name());
            Err(ConfigError::new(ConfigErrorKind::Conflict, message).within(name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Map {
        crate::config::yaml::read_yaml(text).unwrap().as_map().unwrap().clone()
    }

    #[test]
    fn removing_takes_emptied_maps_along() {
        let mut fields = map("{a: {b: {c: 1}}, d: {e: 1, f: 2}, x.y: 3}");
        assert_eq!(remove_at(&mut fields, "a.b.c"), Some(Value::Int(1)));
        assert_eq!(remove_at(&mut fields, "d.e"), Some(Value::Int(1)));
        assert_eq!(remove_at(&mut fields, "x.y"), Some(Value::Int(3)));
        assert_eq!(remove_at(&mut fields, "d.nothing"), None);
        assert_eq!(fields, map("{d: {f: 2}}"));
    }

    #[test]
    fn inserting_makes_maps_and_refuses_contradictions() {
        let mut fields = Map::new();
        insert_at(&mut fields, "a.b", 1.into()).unwrap();
        insert_at(&mut fields, "a.c", 2.into()).unwrap();
        assert_eq!(fields, map("{a: {b: 1, c: 2}}"));
        let refused = [
            ("a.b", ConfigErrorKind::DuplicateKey),
            ("a.b.c", ConfigErrorKind::Conflict),
            ("a..c", ConfigErrorKind::Invalid),
        ];
        for (path, kind) in refused {
            assert_eq!(insert_at(&mut fields, path, 3.into()).unwrap_err().kind(), kind, "{path}");
        }
        assert_eq!(fields, map("{a: {b: 1, c: 2}}"));
    }
}
