//! The columns and rows of two tables, whatever their batches.

use super::difference::Differing;
use super::rows::differing_rows;
use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, Field, Schema};
use fascicle_backend::{BatchStream, Error, ErrorKind, Result};
use futures::{StreamExt, stream::Fuse};

/// Whether two tables have the same columns in the same order. Metadata and the names of list items do not count.
pub(super) fn same_columns(this: &Schema, other: &Schema) -> bool {
    same_fields(this.fields().iter().zip(other.fields()), this.fields().len(), other.fields().len())
}

fn same_fields<'a>(
    mut fields: impl Iterator<Item = (&'a std::sync::Arc<Field>, &'a std::sync::Arc<Field>)>,
    this_count: usize,
    other_count: usize,
) -> bool {
    this_count == other_count
        && fields.all(|(this, other)| this.name() == other.name() && same_content(this, other))
}

fn same_content(this: &Field, other: &Field) -> bool {
    this.is_nullable() == other.is_nullable() && same_type(this.data_type(), other.data_type())
}

fn same_type(this: &DataType, other: &DataType) -> bool {
    match (this, other) {
        (DataType::List(this), DataType::List(other))
        | (DataType::LargeList(this), DataType::LargeList(other)) => same_content(this, other),
        (DataType::FixedSizeList(this, this_size), DataType::FixedSizeList(other, other_size)) => {
            this_size == other_size && same_content(this, other)
        }
        (DataType::Struct(this), DataType::Struct(other)) => {
            same_fields(this.iter().zip(other), this.len(), other.len())
        }
        (this, other) => this == other,
    }
}

/// How the rows differ. With `stop_at_first` the count is that of the first batch that differs.
pub(super) async fn differing(
    this: BatchStream,
    other: BatchStream,
    stop_at_first: bool,
) -> Result<Option<Differing>> {
    let (mut this, mut other) = (Rows::new(this), Rows::new(other));
    let mut count = 0;
    let mut first: Option<((u64, usize), String, String)> = None;
    loop {
        let (this_rows, other_rows) = (this.fill().await?, other.fill().await?);
        if this_rows == 0 || other_rows == 0 {
            break;
        }
        let offset = this.taken;
        let rows = this_rows.min(other_rows);
        let (this_batch, other_batch) = (this.take(rows), other.take(rows));
        let mut differs = vec![false; rows];
        for (at, (this, other)) in this_batch.columns().iter().zip(other_batch.columns()).enumerate() {
            for (row, differs_here) in differing_rows(this, other)?.into_iter().enumerate() {
                if let (true, Some(differs)) = (differs_here, differs.get_mut(row)) {
                    *differs = true;
                    let here = (offset + row as u64, at);
                    let earlier = first.as_ref().is_none_or(|(there, ..)| here < *there);
                    if earlier {
                        first = Some((here, text_at(this, row)?, text_at(other, row)?));
                    }
                }
            }
        }
        count += differs.into_iter().filter(|differs| *differs).count() as u64;
        if stop_at_first && first.is_some() {
            break;
        }
    }
    if let Some(((row, column), this_text, other_text)) = first {
        let column = this.column_name(column);
        let total = if stop_at_first { this.taken } else { this.count_rest().await? };
        return Ok(Some(Differing::Rows {
            differing: count,
            total,
            row,
            column,
            this: this_text,
            other: other_text,
        }));
    }
    // Rows that were added after the tables were described.
    let (this, other) = (this.count_rest().await?, other.count_rest().await?);
    Ok((this != other).then_some(Differing::RowCount { this, other }))
}

fn text_at(array: &dyn Array, row: usize) -> Result<String> {
    let options = FormatOptions::new().with_null("null");
    let formatter = ArrayFormatter::try_new(array, &options)
        .map_err(|error| Error::new(ErrorKind::Unsupported, "a value has no text").caused_by(error))?;
    formatter
        .value(row)
        .try_to_string()
        .map_err(|error| Error::new(ErrorKind::Corrupt, "a value has no text").caused_by(error))
}

/// A stream of rows that is taken in pieces of any length.
struct Rows {
    stream: Fuse<BatchStream>,
    batch: Option<RecordBatch>,
    /// How many rows of the batch were taken.
    offset: usize,
    /// How many rows were taken in all.
    taken: u64,
    columns: Vec<String>,
}

impl Rows {
    fn new(stream: BatchStream) -> Self {
        Rows { stream: stream.fuse(), batch: None, offset: 0, taken: 0, columns: Vec::new() }
    }

    fn left(&self) -> usize {
        self.batch.as_ref().map_or(0, |batch| batch.num_rows().saturating_sub(self.offset))
    }

    /// Makes rows available unless the end is reached; returns how many.
    async fn fill(&mut self) -> Result<usize> {
        while self.left() == 0 {
            let Some(batch) = self.stream.next().await else { break };
            let batch = batch?;
            self.columns = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
            self.offset = 0;
            self.batch = Some(batch);
        }
        Ok(self.left())
    }

    /// The next `rows` rows, which [`Rows::fill`] made available.
    fn take(&mut self, rows: usize) -> RecordBatch {
        let schema = || std::sync::Arc::new(Schema::empty());
        let batch = self.batch.as_ref().map(|batch| batch.slice(self.offset, rows));
        self.offset += rows;
        self.taken += rows as u64;
        batch.unwrap_or_else(|| RecordBatch::new_empty(schema()))
    }

    /// Takes all rows there are; returns how many were taken in all.
    async fn count_rest(&mut self) -> Result<u64> {
        loop {
            match self.fill().await? {
                0 => return Ok(self.taken),
                rows => drop(self.take(rows)),
            }
        }
    }

    fn column_name(&self, at: usize) -> String {
        self.columns.get(at).cloned().unwrap_or_default()
    }
}
