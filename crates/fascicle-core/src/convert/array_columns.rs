//! Arrays of a directory as columns that are described first and read block by block.

use super::options::check_known;
use super::to_arrow::{are_text, refused};
use super::{BytesForm, ToTableOptions, arrow_field, values_to_arrow};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::{Field, Schema, SchemaRef};
use arrow_select::{concat::concat, take::take};
use fascicle_backend::{
    ArrayStore, Backend, BatchStream, Capability, DType, EntryKind, EntryPath, Error, ErrorKind, Region,
    Result, ResultExt, Shape, Values,
};
use futures::{StreamExt, TryStreamExt, stream};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// About how many bytes of memory a block of rows takes.
const BLOCK_BYTES: u64 = 8 << 20;

/// Blocks grow up to here, to end where chunks end.
const MAX_BLOCK_BYTES: u64 = 64 << 20;

/// Requests that are under way at once while arrays are described.
const CONCURRENT_REQUESTS: usize = 16;

/// The arrays of a directory as the columns of a table, described but not read: for engines that choose columns and rows
/// themselves. [`to_table`](super::to_table) is for everybody else.
///
/// Unlike there, arrays of different lengths may stand beside each other. The columns that are read together must agree.
#[derive(Clone)]
pub struct ArrayColumns {
    backend: Arc<dyn Backend>,
    directory: EntryPath,
    columns: Vec<Column>,
    schema: SchemaRef,
}

impl ArrayColumns {
    /// Describes the arrays that `options` ask for. [`BytesForm::Auto`] counts as text, as nothing is read.
    ///
    /// - Cost: one listing, and a look at each array.
    /// - Errors: [`ErrorKind::NotFound`] for a missing directory, one without arrays, and names that are no arrays in it;
    ///   [`ErrorKind::WrongKind`] for an entry that is no directory; [`ErrorKind::LimitExceeded`] for an axis longer than
    ///   Arrow can say.
    pub async fn describe(
        backend: Arc<dyn Backend>,
        directory: &EntryPath,
        options: &ToTableOptions,
    ) -> Result<Self> {
        let columns = describe(backend.as_ref(), directory, options).await?;
        let fields = columns.iter().map(|column| column.field(column.bytes)).collect::<Result<Vec<_>>>()?;
        let schema = Arc::new(Schema::new(fields));
        Ok(ArrayColumns { backend, directory: directory.clone(), columns, schema })
    }

    /// The columns, in the order of the arrays' names unless the options gave another one.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How many rows the columns at these positions have together: the one length other than 1 that any array here has,
    /// to which scalars and arrays of length 1 are repeated. Where arrays have several lengths, those at `positions` decide.
    ///
    /// Errors: [`ErrorKind::Mismatch`] when they have several lengths, or none of them decides, naming the lengths.
    pub fn rows(&self, positions: &[usize]) -> Result<u64> {
        if let Ok(rows) = common_rows(&self.columns) {
            return Ok(rows);
        }
        let chosen: Vec<Column> =
            positions.iter().filter_map(|position| self.columns.get(*position).cloned()).collect();
        let deciding = chosen.iter().any(|column| column.rows() != 1);
        let rows = if deciding { common_rows(&chosen) } else { common_rows(&self.columns) };
        rows.context("make a table of", &self.directory)
    }

    /// Streams the columns at these positions, in this order, from the first of their [rows](ArrayColumns::rows) to at most
    /// row `limit`. A batch has at most `batch_rows` rows.
    ///
    /// - Reads no other column, and no row after the limit; blocks of rows end where chunks end as far as memory allows.
    /// - Memory: a block of some megabytes, or a single row where that is more.
    /// - Errors: as [`ArrayColumns::rows`]; the stream fails with [`ErrorKind::Mismatch`] for bytes that are no text
    ///   although they are to be, and as a read of the arrays does.
    pub fn batches(&self, positions: &[usize], limit: Option<u64>, batch_rows: usize) -> Result<BatchStream> {
        let rows = self.rows(positions)?;
        let chosen = positions.iter().filter_map(|position| self.columns.get(*position).cloned());
        let columns = chosen.map(|column| {
            let form = if column.bytes == BytesForm::Auto { BytesForm::Text } else { column.bytes };
            ReadColumn::new(column, form, rows)
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let shown = limit.map_or(rows, |limit| limit.min(rows));
        let blocks = ColumnBlocks::new(Arc::clone(&self.backend), columns, shown)?;
        let block_rows = blocks.block_rows();
        let batches = blocks.stream(block_rows).map_ok(move |block| {
            let step = batch_rows.max(1);
            let starts = (0..block.num_rows()).step_by(step);
            let is_whole = block.num_rows() <= step;
            stream::iter(starts.map(move |start| match is_whole {
                true => Ok(block.clone()),
                false => copied(&block.slice(start, step.min(block.num_rows() - start))),
            }))
        });
        Ok(batches.try_flatten().boxed())
    }
}

impl fmt::Debug for ArrayColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrayColumns")
            .field("directory", &self.directory)
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

/// Describes the arrays that become columns.
pub(super) async fn describe(
    backend: &dyn Backend,
    directory: &EntryPath,
    options: &ToTableOptions,
) -> Result<Vec<Column>> {
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
    columns.try_collect().await
}

/// The number of rows that all columns have or are repeated to.
pub(super) fn common_rows(columns: &[Column]) -> Result<u64> {
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
#[derive(Clone)]
pub(super) struct Column {
    name: String,
    path: EntryPath,
    dtype: DType,
    shape: Shape,
    /// Rows of a chunk; 1 where there are no chunks.
    chunk_rows: u64,
    bytes: BytesForm,
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
        let chunk_rows = array.chunks.as_ref().and_then(|chunks| chunks.first().copied()).unwrap_or(1).max(1);
        let (dtype, shape) = (array.dtype, array.shape);
        Ok(Column { name: name.to_owned(), path, dtype, shape, chunk_rows, bytes })
    }

    /// How many rows the array itself has.
    fn rows(&self) -> u64 {
        self.shape.rows().unwrap_or(1)
    }

    /// Whether its only value stands in each of so many rows.
    pub(super) fn is_repeated_to(&self, rows: u64) -> bool {
        self.rows() == 1 && rows != 1
    }

    /// The bytes that a row takes in memory; text is counted with a guess.
    fn row_bytes(&self) -> u64 {
        let elements =
            self.shape.trailing().iter().fold(1, |product: u64, length| product.saturating_mul(*length));
        let extra = if self.dtype == DType::Text { 40 } else { 0 };
        elements.saturating_mul(self.dtype.memory_bytes() as u64 + extra)
    }

    pub(super) async fn read(&self, store: &dyn ArrayStore, start: u64, rows: u64) -> Result<Values> {
        let region = Region::rows(&self.shape, start, rows);
        let buffer = Values::zeros(self.dtype, region.element_count()?)?;
        store.read(&self.path, &region, buffer).await
    }

    /// The form that suits values which are the whole of the array.
    pub(super) fn form_of(&self, values: &Values) -> BytesForm {
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
    pub(super) async fn scan_form(&self, store: &dyn ArrayStore, rows: u64) -> Result<BytesForm> {
        if self.bytes != BytesForm::Auto || !matches!(self.dtype, DType::FixedBytes(_)) {
            return Ok(self.bytes);
        }
        let rows = if self.is_repeated_to(rows) { 1 } else { rows };
        let step = block_rows(std::iter::once((self, false)));
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

    pub(super) fn field(&self, form: BytesForm) -> Result<Field> {
        arrow_field(&self.name, self.dtype, self.shape.trailing(), form).context("convert column", &self.path)
    }

    pub(super) fn convert(&self, values: Values, rows: u64, form: BytesForm) -> Result<ArrayRef> {
        let shape = self.shape.with_rows(rows)?;
        values_to_arrow(values, &shape, form).context("convert column", &self.path)
    }
}

/// How many rows of these columns make a block; of each whether it is repeated.
fn block_rows<'a>(columns: impl Iterator<Item = (&'a Column, bool)>) -> u64 {
    let (mut row_bytes, mut chunk_rows) = (1u64, 1);
    for (column, is_repeated) in columns {
        row_bytes = row_bytes.saturating_add(column.row_bytes());
        chunk_rows = if is_repeated { chunk_rows } else { chunk_rows.max(column.chunk_rows) };
    }
    let wanted = (BLOCK_BYTES / row_bytes).max(1);
    // What is left of a chunk when a block ends would be decoded once more for the next block.
    let to_chunks = wanted.div_ceil(chunk_rows).saturating_mul(chunk_rows);
    if to_chunks.saturating_mul(row_bytes) <= MAX_BLOCK_BYTES { to_chunks } else { wanted }
}

/// `rows` times the one value of `array`.
pub(super) fn repeat(array: &ArrayRef, rows: u64) -> Result<ArrayRef> {
    let too_many = || Error::new(ErrorKind::LimitExceeded, format!("{rows} rows do not fit into memory"));
    let rows = usize::try_from(rows).map_err(|_| too_many())?;
    take(array, &UInt32Array::from_value(0, rows), None).map_err(refused)
}

/// The rows in memory of their own: a slice would count, and be held, as all of the block that it is of.
fn copied(slice: &RecordBatch) -> Result<RecordBatch> {
    let columns = slice.columns().iter().map(|column| {
        // Of a single array a view would be made.
        concat(&[column, &column.slice(0, 0)]).map_err(refused)
    });
    let options = RecordBatchOptions::new().with_row_count(Some(slice.num_rows()));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new_with_options(slice.schema(), columns, &options).map_err(refused)
}

/// A column that is being read.
pub(super) struct ReadColumn {
    column: Column,
    form: BytesForm,
    field: Field,
    is_repeated: bool,
}

impl ReadColumn {
    /// Of a table of so many rows.
    pub(super) fn new(column: Column, form: BytesForm, rows: u64) -> Result<Self> {
        let (field, is_repeated) = (column.field(form)?, column.is_repeated_to(rows));
        Ok(ReadColumn { column, form, field, is_repeated })
    }
}

/// Columns that are read together, block by block.
pub(super) struct ColumnBlocks {
    backend: Arc<dyn Backend>,
    schema: SchemaRef,
    columns: Vec<ReadColumn>,
    rows: u64,
}

impl ColumnBlocks {
    pub(super) fn new(backend: Arc<dyn Backend>, columns: Vec<ReadColumn>, rows: u64) -> Result<Self> {
        // Refused before the first block is asked for.
        arrays_of(backend.as_ref())?;
        let fields: Vec<Field> = columns.iter().map(|column| column.field.clone()).collect();
        Ok(ColumnBlocks { backend, schema: Arc::new(Schema::new(fields)), columns, rows })
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How many rows suit memory and chunks.
    pub(super) fn block_rows(&self) -> u64 {
        block_rows(self.columns.iter().map(|read| (&read.column, read.is_repeated)))
    }

    /// The blocks in order.
    pub(super) fn stream(self, block_rows: u64) -> BatchStream {
        let begin = (self, Vec::new(), 0);
        let blocks = stream::try_unfold(begin, move |(blocks, repeated, start)| async move {
            let count = block_rows.min(blocks.rows.saturating_sub(start));
            if count == 0 {
                return Ok(None);
            }
            let repeated = if start == 0 { blocks.repeated().await? } else { repeated };
            let block = blocks.read(&repeated, start, count).await?;
            Ok(Some((block, (blocks, repeated, start + count))))
        });
        blocks.boxed()
    }

    /// For each column that is repeated its only value.
    async fn repeated(&self) -> Result<Vec<Option<ArrayRef>>> {
        let store = arrays_of(self.backend.as_ref())?;
        let mut values = Vec::with_capacity(self.columns.len());
        for ReadColumn { column, form, is_repeated, .. } in &self.columns {
            values.push(match is_repeated {
                true => Some(column.convert(column.read(store, 0, 1).await?, 1, *form)?),
                false => None,
            });
        }
        Ok(values)
    }

    async fn read(&self, repeated: &[Option<ArrayRef>], start: u64, count: u64) -> Result<RecordBatch> {
        let store = arrays_of(self.backend.as_ref())?;
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (ReadColumn { column, form, .. }, repeated) in self.columns.iter().zip(repeated) {
            arrays.push(match repeated {
                Some(value) => repeat(value, count)?,
                None => column.convert(column.read(store, start, count).await?, count, *form)?,
            });
        }
        let rows = usize::try_from(count).map_err(|_| {
            Error::new(ErrorKind::LimitExceeded, format!("{count} rows do not fit into one batch"))
        })?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options).map_err(refused)
    }
}

pub(super) fn arrays_of(backend: &dyn Backend) -> Result<&dyn ArrayStore> {
    backend.arrays().ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, format!("this storage does not offer '{}'", Capability::Arrays))
    })
}
