//! Tables as text: the first and the last rows, and how many there are.

use super::{aligned, printable};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_json::writer::{JsonArray, WriterBuilder};
use fascicle::arrow::array::{Array, RecordBatch};
use fascicle::arrow::schema::{ArrowError, SchemaRef};
use fascicle::{Error, ErrorKind, Result};

/// How many rows are shown at either end.
pub(crate) const EDGE_ROWS: u64 = 5;
const CELL_WIDTH: usize = 50;

/// The rows of a table that are shown.
pub(crate) struct Preview {
    names: Vec<String>,
    rows: u64,
    shown: Vec<Vec<String>>,
}

impl Preview {
    /// Begins to show a table of so many rows; the first and the last [`EDGE_ROWS`], or all of them, are to be added.
    pub(crate) fn new(schema: &SchemaRef, rows: u64) -> Self {
        let names = schema.fields().iter().map(|field| printable(field.name())).collect();
        Preview { names, rows, shown: Vec::new() }
    }

    /// Whether rows in the middle are left out.
    pub(crate) fn is_elided(rows: u64) -> bool {
        rows > 2 * EDGE_ROWS
    }

    /// Adds rows, the first of which is row `start`.
    pub(crate) fn add(&mut self, start: u64, batch: &RecordBatch) -> Result<()> {
        let columns = batch.columns().iter().map(|column| cells(column)).collect::<Result<Vec<_>>>()?;
        self.add_cells(start, &columns);
        Ok(())
    }

    /// The same by columns of cells.
    pub(crate) fn add_cells(&mut self, start: u64, columns: &[Vec<String>]) {
        let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
        for row in 0..rows {
            let mut line = vec![(start + row as u64).to_string()];
            line.extend(columns.iter().map(|column| column.get(row).cloned().unwrap_or_default()));
            self.shown.push(line);
        }
    }

    /// The lines, the last of which says how large the table is.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = self.lines_without_size();
        lines.push(format!("[{} rows x {} columns]", self.rows, self.names.len()));
        lines
    }

    /// The lines of the rows.
    pub(crate) fn lines_without_size(&self) -> Vec<String> {
        let mut header = vec![String::new()];
        header.extend(self.names.iter().cloned());
        let mut rows = vec![header];
        for (at, row) in self.shown.iter().enumerate() {
            if at as u64 == EDGE_ROWS && Preview::is_elided(self.rows) {
                rows.push(vec!["...".to_owned(); self.names.len() + 1]);
            }
            rows.push(row.clone());
        }
        aligned(&rows, true)
    }
}

/// The cells of a column as text, cut to a readable length.
pub(crate) fn cells(column: &dyn Array) -> Result<Vec<String>> {
    let options = FormatOptions::default().with_null("null");
    let formatter = ArrayFormatter::try_new(column, &options).map_err(unprintable)?;
    let cell = |row| {
        let text = formatter.value(row).try_to_string().map_err(unprintable)?;
        let text = printable(&text);
        Ok(match text.char_indices().nth(CELL_WIDTH) {
            Some(_) => text.chars().take(CELL_WIDTH - 3).chain("...".chars()).collect(),
            None => text,
        })
    };
    (0..column.len()).map(cell).collect()
}

/// The rows of a batch as JSON objects, joined by commas; NaN and infinities are null.
pub(crate) fn batch_json(batch: &RecordBatch) -> Result<Vec<u8>> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(Vec::new());
    writer.write(batch).and_then(|()| writer.finish()).map_err(unprintable)?;
    let text = writer.into_inner();
    let inner = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]"));
    Ok(inner.unwrap_or(&[]).to_vec())
}

fn unprintable(error: ArrowError) -> Error {
    Error::new(ErrorKind::Unsupported, "a column cannot be written as text").caused_by(error)
}
