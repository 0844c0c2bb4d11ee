//! Configurations and metas as tables: one row per dotted key, and many of them side by side.

use indexmap::{IndexMap, IndexSet};

use super::value::{Map, Value};

/// The fields as rows of dotted key and value, such as `config.seed` and `0`.
///
/// As in datamate, the top-level fields that aren't maps come first, and then the maps', each in order. A list is one
/// value. Unlike there, an empty map is a row too.
pub fn flatten(map: &Map) -> Vec<(String, Value)> {
    let mut rows = Vec::new();
    let (nested, flat): (Vec<_>, Vec<_>) = map.iter().partition(|(_, value)| matches!(value, Value::Map(_)));
    for (key, value) in flat.into_iter().chain(nested) {
        push_rows(&mut rows, key.clone(), value);
    }
    rows
}

fn push_rows(rows: &mut Vec<(String, Value)>, path: String, value: &Value) {
    match value {
        Value::Map(map) if !map.is_empty() => {
            for (key, value) in map {
                push_rows(rows, format!("{path}.{key}"), value);
            }
        }
        other => rows.push((path, other.clone())),
    }
}

/// Many flattened maps side by side.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SideBySide {
    /// The name of each map.
    pub columns: Vec<String>,
    /// The dotted keys, in the order in which they were first seen, each with one cell per column: the value, or none
    /// where that map doesn't have the key.
    pub rows: Vec<(String, Vec<Option<Value>>)>,
}

impl SideBySide {
    /// Flattens and joins maps: a row for every key that any of them has.
    pub fn new<'a>(maps: impl IntoIterator<Item = (impl Into<String>, &'a Map)>) -> Self {
        let mut columns = Vec::new();
        let mut keys = IndexSet::new();
        let mut cells: Vec<IndexMap<String, Value>> = Vec::new();
        for (name, map) in maps {
            let rows: IndexMap<String, Value> = flatten(map).into_iter().collect();
            keys.extend(rows.keys().cloned());
            columns.push(name.into());
            cells.push(rows);
        }
        let rows = keys
            .into_iter()
            .map(|key| {
                let row = cells.iter_mut().map(|column| column.swap_remove(&key)).collect();
                (key, row)
            })
            .collect();
        Self { columns, rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml::read_yaml;

    fn map(text: &str) -> Map {
        read_yaml(text).unwrap().as_map().unwrap().clone()
    }

    #[test]
    fn the_rows_stand_in_the_order_of_datamate() {
        let meta = map(
            "{config: {type: X, m: {y: 1, q: {r: 2}}, z: 3, l: [1, {x: 1}], e: {}}, status: done, n: null}",
        );
        let rows: Vec<String> =
            flatten(&meta).into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        let expected = [
            "status=done",
            "n=null",
            "config.type=X",
            "config.m.y=1",
            "config.m.q.r=2",
            "config.z=3",
            "config.l=[1, {x: 1}]",
            "config.e={}",
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn joining_keeps_every_row_in_the_order_first_seen() {
        let (a, b) = (
            map("{config: {n: 1, seed: 0}, status: done}"),
            map("{config: {seed: 42, extra: x}, status: done}"),
        );
        let joined = SideBySide::new([("a", &a), ("b", &b)]);
        assert_eq!(joined.columns, ["a", "b"]);
        let expected: Vec<(String, Vec<Option<Value>>)> = vec![
            ("status".into(), vec![Some("done".into()), Some("done".into())]),
            ("config.n".into(), vec![Some(1.into()), None]),
            ("config.seed".into(), vec![Some(0.into()), Some(42.into())]),
            ("config.extra".into(), vec![None, Some("x".into())]),
        ];
        assert_eq!(joined.rows, expected);
        assert_eq!(SideBySide::new(Vec::<(String, &Map)>::new()), SideBySide::default());
    }
}
