//! What is written is what `tests/golden/yaml_written.py` has had read by ruamel.yaml and by a reader of YAML 1.1.

use serde_json::Value as Json;

use super::{read_yaml, write_yaml};
use crate::config::golden::untagged;

const GOLDEN: &str = include_str!("../../../tests/golden/yaml_written.json");

#[test]
fn every_value_is_written_as_other_readers_read_it() {
    let rows: Json = serde_json::from_str(GOLDEN).unwrap();
    let rows = rows.as_array().unwrap();
    assert!(rows.len() >= 400, "only {} rows", rows.len());
    for row in rows {
        let value = untagged(&row[0]);
        let written = write_yaml(&value).unwrap();
        assert_eq!(written, row[1].as_str().unwrap(), "{value:?}");
        assert_eq!(format!("{:?}", read_yaml(&written).unwrap()), format!("{value:?}"));
    }
}

#[test]
#[ignore = "rewrites the table, from the values that `yaml_written.py --values` has put into it"]
fn rewrite_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/yaml_written.json");
    let rows: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let lines: Vec<String> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| serde_json::to_string(&(&row[0], write_yaml(&untagged(&row[0])).unwrap())).unwrap())
        .collect();
    std::fs::write(path, format!("[\n{}\n]\n", lines.join(",\n"))).unwrap();
}
