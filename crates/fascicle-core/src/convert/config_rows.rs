//! Configs of many directories as a table with a row for each directory.

use super::flat_table::cell_text;
use super::to_arrow::refused;
use crate::Meta;
use crate::config::{Value, flatten};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{Field, Schema};
use fascicle_backend::{Error, ErrorKind, Result};
use indexmap::IndexMap;
use std::sync::Arc;

/// Integers up to here are floats without loss.
const MAX_EXACT_FLOAT: u128 = 1 << 53;

/// The most cells of keys.
const MAX_CELLS: usize = 50_000_000;

/// A row for each directory: its `path` and `name`, the `type`, `status` and `modified` of its meta, and a column for every
/// dotted key of any config, such as `config.seed` and `config.net.units`, in the order in which the keys are first seen.
///
/// - A column is of the type that all its values have: bool, int64 or uint64, float64 (integers among floats as far as a float
///   holds them), or text. Where values are of several types, lists or bytes, they are text as a config says them.
/// - Null stands for null and for a key that a config does not have; without a meta everything but path and name is null.
/// - Errors: [`ErrorKind::LimitExceeded`] for more than 50 million cells.
pub fn config_rows(directories: &[(String, Option<Meta>)]) -> Result<RecordBatch> {
    // Only what is there, as few directories may have many keys that no other has.
    let mut cells: IndexMap<String, Vec<(usize, Value)>> = IndexMap::new();
    for (row, (_, meta)) in directories.iter().enumerate() {
        for (key, value) in meta.iter().flat_map(|meta| flatten(meta.config.fields())) {
            cells.entry(format!("config.{key}")).or_default().push((row, value));
        }
    }
    if cells.len().saturating_mul(directories.len()) > MAX_CELLS {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("{} directories with {} keys make too large a table", directories.len(), cells.len()),
        )
        .hint("ask for fewer directories"));
    }
    let metas = || directories.iter().map(|(_, meta)| meta.as_ref());
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let texts = |texts: Vec<Option<String>>| Arc::new(StringArray::from(texts)) as ArrayRef;
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("path".to_owned(), texts(directories.iter().map(|(path, _)| Some(path.clone())).collect())),
        ("name".to_owned(), texts(directories.iter().map(|(path, _)| Some(name(path))).collect())),
        ("type".to_owned(), texts(metas().map(|meta| Some(meta?.config.type_name().to_owned())).collect())),
        ("status".to_owned(), texts(metas().map(|meta| Some(meta?.status.to_string())).collect())),
        ("modified".to_owned(), Arc::new(metas().map(|meta| Some(meta?.modified)).collect::<BooleanArray>())),
    ];
    for (key, known) in cells {
        let mut values = vec![None; directories.len()];
        for (row, value) in known {
            // A key with a dot in it and a key within a map can have one name; the later one is shown.
            if let Some(cell) = values.get_mut(row) {
                *cell = Some(value);
            }
        }
        columns.push((key, column(&values)));
    }
    let never_null = ["path", "name"];
    let fields = columns.iter().map(|(name, array)| {
        Field::new(name, array.data_type().clone(), !never_null.contains(&name.as_str()))
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new(schema, columns.into_iter().map(|(_, array)| array).collect()).map_err(refused)
}

/// The cells of one key in the narrowest type that holds all of them.
fn column(cells: &[Option<Value>]) -> ArrayRef {
    let known = || cells.iter().flatten().filter(|value| **value != Value::Null);
    let all = |holds: fn(&Value) -> bool| known().next().is_some() && known().all(holds);
    let given = || cells.iter().map(Option::as_ref);
    if all(|value| value.as_bool().is_some()) {
        return Arc::new(given().map(|cell| cell?.as_bool()).collect::<BooleanArray>());
    }
    if all(|value| matches!(value, Value::Int(int) if i64::try_from(*int).is_ok())) {
        return Arc::new(given().map(|cell| cell?.as_i64()).collect::<Int64Array>());
    }
    if all(|value| matches!(value, Value::Int(int) if u64::try_from(*int).is_ok())) {
        return Arc::new(given().map(|cell| cell?.as_u64()).collect::<UInt64Array>());
    }
    let is_float = |value: &Value| match value {
        Value::Float(_) => true,
        Value::Int(int) => int.unsigned_abs() <= MAX_EXACT_FLOAT,
        _ => false,
    };
    if all(is_float) {
        return Arc::new(given().map(|cell| cell?.as_f64()).collect::<Float64Array>());
    }
    let text = |cell: Option<&Value>| cell.filter(|value| **value != Value::Null).map(cell_text);
    Arc::new(given().map(text).collect::<StringArray>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, read_yaml};
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, Int64Type, UInt64Type};

    fn meta(fields: &str) -> Option<Meta> {
        let config = Config::from_value(read_yaml(fields).unwrap()).unwrap();
        Some(Meta { config, modified: false, ..Meta::plain() })
    }

    #[test]
    fn a_directory_is_a_row_and_a_key_a_column() {
        let rows = config_rows(&[
            ("a/X_0000".to_owned(), meta("{type: X, seed: 0, rate: 1, deep: {on: true}, odd: 1}")),
            ("broken".to_owned(), None),
            (
                "Y".to_owned(),
                meta("{type: Y, rate: 0.5, big: 18446744073709551615, odd: [1, x], none: null}"),
            ),
        ])
        .unwrap();
        let schema = rows.schema();
        let columns: Vec<String> =
            schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect();
        let expected = [
            "path Utf8",
            "name Utf8",
            "type Utf8",
            "status Utf8",
            "modified Boolean",
            "config.seed Int64",
            "config.rate Float64",
            "config.odd Utf8",
            "config.deep.on Boolean",
            "config.big UInt64",
            "config.none Utf8",
        ];
        assert_eq!(columns, expected);
        let text = |column: &str| -> Vec<Option<&str>> {
            rows.column_by_name(column).unwrap().as_string::<i32>().iter().collect()
        };
        assert_eq!(text("path"), [Some("a/X_0000"), Some("broken"), Some("Y")]);
        assert_eq!(text("name"), [Some("X_0000"), Some("broken"), Some("Y")]);
        assert_eq!(text("type"), [Some("X"), None, Some("Y")]);
        assert_eq!(text("status"), [Some("done"), None, Some("done")]);
        assert_eq!(text("config.odd"), [Some("1"), None, Some("[1, x]")]);
        assert_eq!(text("config.none"), [None, None, None]);
        let seeds = rows.column_by_name("config.seed").unwrap().as_primitive::<Int64Type>();
        assert_eq!(seeds.iter().collect::<Vec<_>>(), [Some(0), None, None]);
        let rates = rows.column_by_name("config.rate").unwrap().as_primitive::<Float64Type>();
        assert_eq!(rates.iter().collect::<Vec<_>>(), [Some(1.0), None, Some(0.5)]);
        let big = rows.column_by_name("config.big").unwrap().as_primitive::<UInt64Type>();
        assert_eq!(big.value(2), u64::MAX);
        assert!(rows.column_by_name("config.deep.on").unwrap().as_boolean().value(0));
    }

    #[test]
    fn no_directories_are_no_rows() {
        let rows = config_rows(&[]).unwrap();
        assert_eq!((rows.num_rows(), rows.num_columns()), (0, 5));
        assert_eq!(rows.column(0).len(), 0);
    }
}
