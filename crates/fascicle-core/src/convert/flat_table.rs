//! Flattened configs and metas as an Arrow table.

use super::to_arrow::refused;
use crate::config::{SideBySide, Value};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use fascicle_backend::Result;
use std::sync::Arc;

/// The name of the column that holds the dotted keys.
const FIELD_COLUMN: &str = "field";

/// Configs or metas side by side: a row for each dotted key, the keys in the text column `field`, and a text column for each
/// of the configs. A value is written as a config says it, text without quotes; where a config does not have the key, the
/// cell is null.
pub fn flat_table(configs: &SideBySide) -> Result<RecordBatch> {
    let mut fields = vec![Field::new(FIELD_COLUMN, DataType::Utf8, false)];
    let keys = configs.rows.iter().map(|(key, _)| key);
    let mut columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from_iter_values(keys))];
    for (at, name) in configs.columns.iter().enumerate() {
        let cells = configs.rows.iter().map(|(_, cells)| cells.get(at)?.as_ref().map(cell_text));
        columns.push(Arc::new(cells.collect::<StringArray>()));
        fields.push(Field::new(name, DataType::Utf8, true));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(refused)
}

/// A value as a config says it, text without quotes.
pub(super) fn cell_text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read_yaml;
    use arrow_array::cast::AsArray;

    #[test]
    fn configs_stand_side_by_side() {
        let map = |text: &str| read_yaml(text).unwrap().as_map().unwrap().clone();
        let one = map("{config: {type: Cells, n: 1.5, s: '1'}, status: done}");
        let two = map("{config: {type: Cells, m: null}, status: done}");
        let table = flat_table(&SideBySide::new([("one", &one), ("two", &two)])).unwrap();
        let names: Vec<String> = table.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["field", "one", "two"]);
        let column = |at: usize| -> Vec<Option<String>> {
            table.column(at).as_string::<i32>().iter().map(|cell| cell.map(str::to_owned)).collect()
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(column(0), ["status", "config.type", "config.n", "config.s", "config.m"].map(text));
        assert_eq!(column(1), [text("done"), text("Cells"), text("1.5"), text("1"), None]);
        assert_eq!(column(2), [text("done"), text("Cells"), None, None, text("null")]);
    }
}
