//! The columns of a table as arrays in a directory.

use super::from_arrow::{check_fill, dtype_of};
use super::options::check_known;
use super::{ColumnRules, FromTableOptions, TableStream, arrow_to_values};
use crate::ArrayDefaults;
use arrow_array::{ArrayRef, RecordBatch, new_empty_array};
use arrow_schema::{DataType, Schema};
use fascicle_backend::{
    ArrayOptions, ArraySpec, ArrayStore, ArrayWriter, Backend, Capability, EntryKind, EntryPath, Error,
    ErrorKind, Region, Result, ResultExt, Shape,
};
use futures::{StreamExt, stream};
use std::collections::HashSet;

/// About how many bytes of a batch are converted at once.
const SLICE_BYTES: usize = 8 << 20;

/// Writes each column of a batch as an array of `directory`, which exists. As [`from_table_stream`].
pub async fn from_table(
    backend: &dyn Backend,
    directory: &EntryPath,
    table: &RecordBatch,
    options: &FromTableOptions,
) -> Result<Vec<EntryPath>> {
    let rows = table.num_rows() as u64;
    let batches = stream::iter([Ok(table.clone())]).boxed();
    from_table_stream(backend, directory, TableStream { schema: table.schema(), rows, batches }, options)
        .await
}

/// Writes each column of a table as an array of `directory`, which exists, and returns the paths of the arrays in the order of
/// the columns.
///
/// - Lists of one length become further axes, dictionaries what they stand for; otherwise as [`arrow_to_values`].
/// - Nothing is changed unless all values can be converted. The arrays then appear one after another.
/// - Memory: a part of a batch.
/// - Errors: [`ErrorKind::InvalidPath`] for a column whose name no array can have; [`ErrorKind::NotFound`] for options about
///   columns that are not there; [`ErrorKind::InvalidInput`] for two columns of one name; [`ErrorKind::Mismatch`] when the
///   stream does not have the rows it promises; what a column cannot be converted for, naming its array; and what the
///   mode refuses.
pub async fn from_table_stream(
    backend: &dyn Backend,
    directory: &EntryPath,
    mut table: TableStream,
    options: &FromTableOptions,
) -> Result<Vec<EntryPath>> {
    let store = backend.arrays().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, format!("this storage does not offer '{}'", Capability::Arrays))
    })?;
    let mut columns = plan(directory, &table.schema, options)?;
    let mut written: u64 = 0;
    while let Some(batch) = table.batches.next().await {
        let batch = batch?;
        let end = written + batch.num_rows() as u64;
        if batch.num_columns() != table.schema.fields().len() || end > table.rows {
            return Err(wrong_rows(table.rows, end)).context("store a table in", directory);
        }
        for part in parts(&batch) {
            for column in &mut columns {
                let array = part.columns().get(column.at).ok_or_else(|| wrong_rows(table.rows, end))?;
                column.write(store, array, written, table.rows, options).await?;
            }
            written += part.num_rows() as u64;
        }
    }
    if written != table.rows {
        return Err(wrong_rows(table.rows, written)).context("store a table in", directory);
    }
    for column in &mut columns {
        if column.writer.is_none() {
            column.write(store, &new_empty_array(&column.data_type), 0, 0, options).await?;
        }
    }
    let mut paths = Vec::new();
    for column in columns {
        if let Some(writer) = column.writer {
            writer.finish().await?;
        }
        paths.push(column.path);
    }
    Ok(paths)
}

/// Converts each column of a batch without storing any, and returns the paths of the arrays that they would become. Fails with
/// what [`from_table`] would fail with before it reaches the storage.
pub(crate) fn check_table(
    directory: &EntryPath,
    table: &RecordBatch,
    options: &FromTableOptions,
) -> Result<Vec<EntryPath>> {
    let columns = plan(directory, &table.schema(), options)?;
    for part in parts(table) {
        for column in &columns {
            let array = part.column(column.at);
            arrow_to_values(array, &column.rules).context("convert column", &column.path)?;
        }
    }
    Ok(columns.into_iter().map(|column| column.path).collect())
}

fn wrong_rows(promised: u64, found: u64) -> Error {
    Error::new(
        ErrorKind::Mismatch,
        format!("the table was said to have {promised} rows, but {found} or other columns came"),
    )
}

/// A batch in parts of bounded size.
fn parts(batch: &RecordBatch) -> impl Iterator<Item = RecordBatch> + '_ {
    let rows = batch.num_rows();
    let row_bytes = batch.get_array_memory_size().checked_div(rows).unwrap_or(0).max(1);
    let step = (SLICE_BYTES / row_bytes).max(1);
    (0..rows).step_by(step).map(move |start| batch.slice(start, step.min(rows - start)))
}

/// A column that becomes an array.
struct Column {
    /// Which column of the table it is.
    at: usize,
    path: EntryPath,
    data_type: DataType,
    rules: ColumnRules,
    shape: Shape,
    writer: Option<Box<dyn ArrayWriter>>,
}

impl Column {
    /// Writes rows from row `start` on; the first ones begin the array.
    async fn write(
        &mut self,
        store: &dyn ArrayStore,
        array: &ArrayRef,
        start: u64,
        rows: u64,
        options: &FromTableOptions,
    ) -> Result<()> {
        let (shape, values) = arrow_to_values(array, &self.rules).context("convert column", &self.path)?;
        let count = shape.rows().unwrap_or(0);
        let writer = match &mut self.writer {
            Some(writer) => {
                if shape.trailing() != self.shape.trailing() {
                    return Err(Error::new(
                        ErrorKind::Mismatch,
                        format!(
                            "the rows from row {start} on have the shape {:?}, those before {:?}",
                            shape.trailing(),
                            self.shape.trailing()
                        ),
                    ))
                    .context("convert column", &self.path);
                }
                writer
            }
            None => {
                self.shape = shape.with_rows(rows)?;
                let spec = ArraySpec { shape: self.shape.clone(), dtype: values.dtype() };
                let defaults = ArrayDefaults { chunk_bytes: options.chunk_bytes, codec: options.codec };
                let array_options = defaults.fill_in(&ArrayOptions::default(), &spec);
                let writer = store.create(&self.path, &spec, &array_options, options.mode).await?;
                self.writer.insert(writer)
            }
        };
        if count > 0 {
            writer.write(&Region::rows(&self.shape, start, count), values).await?;
        }
        Ok(())
    }
}

/// Checks everything that can be known before the first row.
fn plan(directory: &EntryPath, schema: &Schema, options: &FromTableOptions) -> Result<Vec<Column>> {
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let named = options.include.iter().flatten().chain(&options.exclude);
    check_known(named.chain(options.dtypes.keys()).chain(options.fills.keys()), &names, "column")
        .context("store a table in", directory)?;
    let mut seen = HashSet::new();
    let mut columns = Vec::new();
    for (at, field) in schema.fields().iter().enumerate() {
        let name = field.name();
        let included = options.include.as_ref().is_none_or(|included| included.contains(name));
        if !included || options.exclude.contains(name) {
            continue;
        }
        if !seen.insert(name) {
            return Err(Error::new(ErrorKind::InvalidInput, format!("two columns are called '{name}'")))
                .context("store a table in", directory);
        }
        if name.is_empty() || name.contains('/') {
            return Err(Error::new(ErrorKind::InvalidPath, format!("an array cannot be called '{name}'"))
                .hint("rename the column or leave it out"))
            .context("store a table in", directory);
        }
        let path = directory.join(name)?;
        path.check_creatable(EntryKind::Array)?;
        let rules = ColumnRules::of_field(field).context("convert column", &path)?;
        let rules = ColumnRules {
            dtype: options.dtypes.get(name).copied().or(rules.dtype),
            fill: options.fills.get(name).cloned(),
        };
        let dtype = dtype_of(item_type(field.data_type()), &rules).context("convert column", &path)?;
        check_fill(dtype, rules.fill.as_ref()).context("convert column", &path)?;
        let (shape, data_type) = (Shape::scalar(), field.data_type().clone());
        columns.push(Column { at, path, data_type, rules, shape, writer: None });
    }
    Ok(columns)
}

/// The type within all lists.
fn item_type(data_type: &DataType) -> &DataType {
    let mut item = data_type;
    while let DataType::FixedSizeList(field, _) | DataType::List(field) | DataType::LargeList(field) = item {
        item = field.data_type();
    }
    item
}
