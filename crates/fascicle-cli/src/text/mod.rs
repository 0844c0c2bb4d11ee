//! Facts as text for people.

mod array;
mod elements;
mod preview;
mod stats;

pub(crate) use array::array_text;
pub(crate) use elements::{element_texts, elements_json};
pub(crate) use preview::{EDGE_ROWS, Preview, batch_json, cells};
pub(crate) use stats::Stats;

/// Rows of cells as lines, the cells of a column at the same position. Nothing follows the last column.
pub(crate) fn aligned(rows: &[Vec<String>], right: bool) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            let padding = " ".repeat(width - cell.chars().count());
            if right { format!("{padding}{cell}") } else { format!("{cell}{padding}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// A point in time in UTC, as RFC 3339 says; `None` for one that is centuries off.
pub(crate) fn utc(time: std::time::SystemTime) -> Option<String> {
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    let nanoseconds = i64::try_from(since.as_nanos()).ok()?;
    let texts =
        element_texts(&fascicle::Values::DateTime64(fascicle::TimeUnit::Nanosecond, vec![nanoseconds]));
    Some(format!("{}Z", texts.ok()?.pop()?))
}

/// Text on one line without what would drive a terminal.
pub(crate) fn printable(text: &str) -> String {
    let escaped = |character: char| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    text.chars().map(escaped).collect()
}
