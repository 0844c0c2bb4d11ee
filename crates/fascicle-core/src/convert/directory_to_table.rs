//! The arrays of a directory as the columns of one table.

use super::options::check_known;
use super::to_arrow::{are_text, refused};
use super::{BytesForm, ToTableOptions, arrow_field, values_to_arrow};
use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::{Field, Schema, SchemaRef};
use arrow_select::take::take;
use fascicle_backend::{
    ArrayStore, Backend, BatchStream, Capability, DType, EntryKind, EntryPath, Error, ErrorKind, Region,
    Result, ResultExt, Shape, Values,
};
use futures::{StreamExt, TryStreamExt, stream};
use std::{collections::BTreeMap, sync::Arc};

/// About how many bytes a batch of a stream holds when nothing else is asked for.
const BATCH_BYTES: u64 = 8 << 20;

/// Requests that are under way at once while a table is planned.
const CONCURRENT_REQUESTS: usize = 16;

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
///   directory; otherwise as [`values_to_arrow`].
pub async fn to_table(
    backend: &dyn Backend,
    directory: &EntryPath,
    options: &ToTableOptions,
) -> Result<RecordBatch> {
    let plan = Plan::new(backend, directory, options).await?;
    let store = arrays_of(backend)?;
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for column in &plan.columns {
        let rows = if column.is_repeated { 1 } else { plan.rows };
        let values = column.read(store, 0, rows).await?;
        let form = column.form_of(&values);
        let array = column.convert(values, rows, form)?;
        arrays.push(if column.is_repeated { repeat(&array, plan.rows)? } else { array });
        fields.push(column.field(form)?);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(refused)
}

/// The same table as [`to_table`] gives, as a stream of batches.
///
/// - Memory: one batch. Where [`BytesForm::Auto`] has to decide, the arrays of fixed-length bytes are read once more
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
    let plan = Plan::new(backend.as_ref(), directory, options).await?;
    let store = arrays_of(backend.as_ref())?;
    let mut columns = Vec::new();
    let mut fields = Vec::new();
    let mut row_bytes = 1;
    for column in plan.columns {
        let form = column.scan_form(store, plan.rows).await?;
        fields.push(column.field(form)?);
        let repeated = if column.is_repeated {
            let values = column.read(store, 0, 1).await?;
            Some(column.convert(values, 1, form)?)
        } else {
            None
        };
        row_bytes += column.row_bytes();
        columns.push(StreamedColumn { column, form, repeated });
    }
    let schema = Arc::new(Schema::new(fields));
    let batch_rows = options.batch_rows.map_or((BATCH_BYTES / row_bytes).max(1), |rows| rows as u64);
    let batches = Batches { backend, schema: Arc::clone(&schema), columns, rows: plan.rows, batch_rows };
    let stream = stream::try_unfold((batches, 0), |(batches, start)| async move {
        let Some(batch) = batches.read(start).await? else { return Ok(None) };
        let next = start + batch.num_rows() as u64;
        Ok(Some((batch, (batches, next))))
    });
    Ok(TableStream { schema, rows: plan.rows, batches: stream.boxed() })
}

/// Which arrays become columns, and of how many rows.
struct Plan {
    columns: Vec<Column>,
    rows: u64,
}

impl Plan {
    async fn new(backend: &dyn Backend, directory: &EntryPath, options: &ToTableOptions) -> Result<Self> {
        let listing = backend.list(directory).await?;
        let arrays = listing.entries.iter().filter(|entry| entry.kind == EntryKind::Array);
        let mut known: Vec<&str> = arrays.map(|entry| entry.name.as_str()).collect();
        known.dedup();
        let asked = options.include.iter().flatten();
        check_known(asked.chain(&options.exclude), &known, "array").context("make a table of", directory)?;
        let names: Vec<&str> = match &options.include {
            Some(names) => names.iter().map(String::as_str).collect(),
            None => known,
        };
        let names = names.into_iter().filter(|name| !options.exclude.iter().any(|excluded| excluded == name));
        let names: Vec<&str> = names.collect();
        if names.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, "there are no arrays that could be columns"))
                .context("make a table of", directory);
        }
        let store = arrays_of(backend)?;
        let columns = names.into_iter().map(|name| Column::describe(store, directory, name, options.bytes));
        // Futures in a vector, as a stream that makes them would keep this one from changing threads.
        let columns = stream::iter(columns.collect::<Vec<_>>()).buffered(CONCURRENT_REQUESTS);
        let mut columns: Vec<Column> = columns.try_collect().await?;
        let rows = common_rows(&columns).context("make a table of", directory)?;
        for column in &mut columns {
            column.is_repeated = column.rows() == 1 && rows != 1;
        }
        Ok(Plan { columns, rows })
    }
}

/// The number of rows that all columns have or are repeated to.
fn common_rows(columns: &[Column]) -> Result<u64> {
    let mut names: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for column in columns.iter().filter(|column| column.rows() != 1) {
        names.entry(column.rows()).or_default().push(&column.name);
    }
    let mut lengths = names.keys();
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(1),
        (Some(length), None) => Ok(*length),
        (Some(_), Some(_)) => {
            let groups = names.iter().map(|(length, names)| format!("{length} ({})", enumerate(names)));
            Err(Error::new(
                ErrorKind::Mismatch,
                format!("the arrays have different lengths: {}", groups.collect::<Vec<_>>().join(", ")),
            )
            .hint("name the arrays that belong together"))
        }
    }
}

/// Names for a message, not too many of them.
fn enumerate(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// An array that becomes a column.
struct Column {
    name: String,
    path: EntryPath,
    dtype: DType,
    shape: Shape,
    bytes: BytesForm,
    is_repeated: bool,
}

impl Column {
    async fn describe(
        store: &dyn ArrayStore,
        directory: &EntryPath,
        name: &str,
        bytes: BytesForm,
    ) -> Result<Self> {
        let path = directory.join(name)?;
        let array = store.describe(&path).await?;
        let (dtype, shape) = (array.dtype, array.shape);
        Ok(Column { name: name.to_owned(), path, dtype, shape, bytes, is_repeated: false })
    }

    /// How many rows the array itself has.
    fn rows(&self) -> u64 {
        self.shape.rows().unwrap_or(1)
    }

    /// The bytes that a row takes in memory; text is counted with a guess.
    fn row_bytes(&self) -> u64 {
        let elements =
            self.shape.trailing().iter().fold(1, |product: u64, length| product.saturating_mul(*length));
        let extra = if self.dtype == DType::Text { 40 } else { 0 };
        elements.saturating_mul(self.dtype.memory_bytes() as u64 + extra)
    }

    async fn read(&self, store: &dyn ArrayStore, start: u64, rows: u64) -> Result<Values> {
        let region = Region::rows(&self.shape, start, rows);
        let buffer = Values::zeros(self.dtype, region.element_count()?)?;
        store.read(&self.path, &region, buffer).await
    }

    /// The form that suits values which are the whole of the array.
    fn form_of(&self, values: &Values) -> BytesForm {
        match (self.bytes, values) {
            (BytesForm::Auto, Values::FixedBytes { width, bytes }) => {
                if are_text(*width, bytes) {
                    BytesForm::Text
                } else {
                    BytesForm::Binary
                }
            }
            (form, _) => form,
        }
    }

    /// The form that suits all of the array's values, which are read for it if need be.
    async fn scan_form(&self, store: &dyn ArrayStore, rows: u64) -> Result<BytesForm> {
        if self.bytes != BytesForm::Auto || !matches!(self.dtype, DType::FixedBytes(_)) {
            return Ok(self.bytes);
        }
        let rows = if self.is_repeated { 1 } else { rows };
        let step = (BATCH_BYTES / self.row_bytes().max(1)).max(1);
        let mut start = 0;
        while start < rows {
            let count = step.min(rows - start);
            if self.form_of(&self.read(store, start, count).await?) == BytesForm::Binary {
                return Ok(BytesForm::Binary);
            }
            start += count;
        }
        Ok(BytesForm::Text)
    }

    fn field(&self, form: BytesForm) -> Result<Field> {
        arrow_field(&self.name, self.dtype, self.shape.trailing(), form).context("convert column", &self.path)
    }

    fn convert(&self, values: Values, rows: u64, form: BytesForm) -> Result<ArrayRef> {
        let shape = self.shape.with_rows(rows)?;
        values_to_arrow(values, &shape, form).context("convert column", &self.path)
    }
}

/// `rows` times the one value of `array`.
fn repeat(array: &ArrayRef, rows: u64) -> Result<ArrayRef> {
    let too_many = || Error::new(ErrorKind::LimitExceeded, format!("{rows} rows do not fit into memory"));
    let rows = usize::try_from(rows).map_err(|_| too_many())?;
    take(array, &UInt32Array::from_value(0, rows), None).map_err(refused)
}

/// A column of a stream.
struct StreamedColumn {
    column: Column,
    form: BytesForm,
    /// The only value, for a column that is repeated.
    repeated: Option<ArrayRef>,
}

/// The batches of a stream.
struct Batches {
    backend: Arc<dyn Backend>,
    schema: SchemaRef,
    columns: Vec<StreamedColumn>,
    rows: u64,
    batch_rows: u64,
}

impl Batches {
    /// The batch that begins with row `start`; `None` at the end.
    async fn read(&self, start: u64) -> Result<Option<RecordBatch>> {
        let count = self.batch_rows.min(self.rows.saturating_sub(start));
        if count == 0 {
            return Ok(None);
        }
        let store = arrays_of(self.backend.as_ref())?;
        let mut arrays = Vec::new();
        for StreamedColumn { column, form, repeated } in &self.columns {
            arrays.push(match repeated {
                Some(value) => repeat(value, count)?,
                None => column.convert(column.read(store, start, count).await?, count, *form)?,
            });
        }
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map(Some).map_err(refused)
    }
}

fn arrays_of(backend: &dyn Backend) -> Result<&dyn ArrayStore> {
    backend.arrays().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, format!("this storage does not offer '{}'", Capability::Arrays))
    })
}
