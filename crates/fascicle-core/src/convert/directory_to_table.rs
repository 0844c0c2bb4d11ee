//! The arrays of a directory as the columns of one table.

use super::ToTableOptions;
use super::array_columns::{ColumnBlocks, ReadColumn, arrays_of, common_rows, describe, repeat};
use super::to_arrow::refused;
use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use fascicle_backend::{Backend, BatchStream, EntryPath, Error, ErrorKind, Result, ResultExt};
use std::sync::Arc;

/// A table as a stream of batches, with what is known of it beforehand.
pub struct TableStream {
    /// The columns of every batch.
    pub schema: SchemaRef,
    /// The number of rows of all batches together.
    pub rows: u64,
    /// The rows in order.
    pub batches: BatchStream,
}

impl std::fmt::Debug for TableStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableStream")
            .field("schema", &self.schema)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// The arrays of `directory` as one table: each array is a column, in the order of the names, its first axis the rows.
///
/// - Scalars and arrays of length 1 are repeated to the length of the others.
/// - Tables, files and directories within it are left out.
/// - Memory: all the columns. [`to_table_stream`] is for more than fits.
/// - Errors: [`ErrorKind::Mismatch`] when the arrays have different lengths, naming them; [`ErrorKind::NotFound`] for a missing
///   directory, one without arrays and names that are no arrays in it; [`ErrorKind::WrongKind`] for an entry that is no
///   directory; otherwise as [`values_to_arrow`](super::values_to_arrow).
pub async fn to_table(
    backend: &dyn Backend,
    directory: &EntryPath,
    options: &ToTableOptions,
) -> Result<RecordBatch> {
    let columns = describe(backend, directory, options).await?;
    let rows = common_rows(&columns).context("make a table of", directory)?;
    let store = arrays_of(backend)?;
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for column in &columns {
        let is_repeated = column.is_repeated_to(rows);
        let own_rows = if is_repeated { 1 } else { rows };
        let values = column.read(store, 0, own_rows).await?;
        let form = column.form_of(&values);
        let array = column.convert(values, own_rows, form)?;
        arrays.push(if is_repeated { repeat(&array, rows)? } else { array });
        fields.push(column.field(form)?);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(refused)
}

/// The same table as [`to_table`] gives, as a stream of batches.
///
/// - Memory: one batch. Where [`BytesForm::Auto`](super::BytesForm::Auto) has to decide, the arrays of fixed-length bytes are read once more
///   beforehand.
/// - Errors: as [`to_table`]; [`ErrorKind::InvalidInput`] for batches of no rows; the stream fails with
///   [`ErrorKind::Conflict`] when an array becomes shorter or of another dtype meanwhile.
pub async fn to_table_stream(
    backend: Arc<dyn Backend>,
    directory: &EntryPath,
    options: &ToTableOptions,
) -> Result<TableStream> {
    if options.batch_rows == Some(0) {
        return Err(Error::new(ErrorKind::InvalidInput, "a batch has at least one row"));
    }
    let columns = describe(backend.as_ref(), directory, options).await?;
    let rows = common_rows(&columns).context("make a table of", directory)?;
    let store = arrays_of(backend.as_ref())?;
    let mut read = Vec::new();
    for column in columns {
        let form = column.scan_form(store, rows).await?;
        read.push(ReadColumn::new(column, form, rows)?);
    }
    let blocks = ColumnBlocks::new(Arc::clone(&backend), read, rows)?;
    let block_rows = options.batch_rows.map_or_else(|| blocks.block_rows(), |rows| rows as u64);
    Ok(TableStream { schema: Arc::clone(blocks.schema()), rows, batches: blocks.stream(block_rows) })
}
