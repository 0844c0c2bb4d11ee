//! Stored tables: rows with an Arrow schema.

use crate::{
    AppendOptions, BatchStream, CompactOptions, Compaction, Directory, EntryKind, EntryPath, Error,
    ErrorKind, Result, ResultExt, ScanOptions, TableDescription, TableOptions, TableStore, TableWriter,
    WriteMode,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, FieldRef, Schema, SchemaRef};
use futures::TryStreamExt;
use std::sync::Arc;

/// A handle to a stored table: schema and number of rows are known, no row is read.
#[derive(Clone, Debug)]
pub struct Table {
    directory: Directory,
    path: EntryPath,
    description: TableDescription,
}

impl Table {
    async fn open(directory: &Directory, path: EntryPath) -> Result<Self> {
        let description = store(directory)?.describe(&path).await?;
        Ok(Table { directory: directory.clone(), path, description })
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The path below the root.
    pub fn path(&self) -> &EntryPath {
        &self.path
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.description.schema
    }

    /// The number of rows at the moment the handle was opened or last [refreshed](Table::refresh).
    pub fn rows(&self) -> u64 {
        self.description.rows
    }

    /// Everything that is known without reading rows.
    pub fn description(&self) -> &TableDescription {
        &self.description
    }

    /// Looks again: another writer may have appended, or replaced the table.
    pub async fn refresh(&mut self) -> Result<()> {
        self.description = store(&self.directory)?.describe(&self.path).await?;
        Ok(())
    }

    /// All rows as one batch, in memory.
    pub async fn read(&self) -> Result<RecordBatch> {
        self.read_with(&ScanOptions::default()).await
    }

    /// Selected columns and rows as one batch, in memory.
    pub async fn read_with(&self, options: &ScanOptions) -> Result<RecordBatch> {
        let schema = match &options.projection {
            Some(columns) => project(self.schema(), columns).context("read table", &self.path)?,
            None => self.schema().clone(),
        };
        let batches: Vec<RecordBatch> = self.scan(options).await?.try_collect().await?;
        let schema = batches.first().map_or(schema, RecordBatch::schema);
        arrow_select::concat::concat_batches(&schema, &batches).map_err(|error| {
            Error::new(ErrorKind::LimitExceeded, "the rows do not fit into one batch")
                .hint("scan the table batch by batch")
                .caused_by(error)
                .during("read table")
                .at(&self.path)
        })
    }

    /// Merges the small parts that the rows are stored in, so that there are fewer and larger ones. The rows stay as they are, and
    /// the directory does not count as modified; others may read and append meanwhile.
    ///
    /// Other programs that read the table's files read the old parts until the grace that the options give is over and the table is
    /// compacted again. See the documentation of the format for what they see at that moment.
    pub async fn compact(&self, options: &CompactOptions) -> Result<Compaction> {
        store(&self.directory)?.compact(&self.path, options).await
    }

    /// Streams selected columns and rows, batch by batch, in the order they were written.
    pub async fn scan(&self, options: &ScanOptions) -> Result<BatchStream> {
        store(&self.directory)?.scan(&self.path, options).await
    }
}

impl Directory {
    /// Stores a table under `name`, replacing a table that is there.
    pub async fn put_table(&self, name: &str, batch: &RecordBatch) -> Result<()> {
        let mut writer =
            self.create_table(name, batch.schema(), &TableOptions::default(), WriteMode::Overwrite).await?;
        writer.write(batch.clone()).await?;
        writer.finish().await.map(|_| ())
    }

    /// Begins to store a table batch by batch; it appears as a whole when the writer is finished.
    pub async fn create_table(
        &self,
        name: &str,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        let path = self.entry(name)?;
        path.check_creatable(EntryKind::Table).context("write table", &path)?;
        let target = std::slice::from_ref(&path);
        self.home_of(name)?.before_put(target, EntryKind::Table, mode).await?;
        let options = self.root().options().table_defaults.fill_in(options);
        store(self)?.create(&path, schema, &options, mode).await
    }

    /// Opens the table at `name` without reading its rows. Fails with [`ErrorKind::NotFound`].
    pub async fn table(&self, name: &str) -> Result<Table> {
        Table::open(self, self.entry(name)?).await
    }

    /// Adds rows to the table at `name` and returns how many it has now; creates it when there is none.
    ///
    /// The columns are matched by name and may stand in another order; their types widen without loss to the stored
    /// ones. A missing or additional column, a type that does not widen, or a null in a column that has none is
    /// [`ErrorKind::Mismatch`] and changes nothing. The rows appear all at once; many writers may append at once.
    pub async fn append_table(&self, name: &str, batch: &RecordBatch) -> Result<u64> {
        self.append_table_with(name, batch, &AppendOptions::default()).await
    }

    /// Adds rows as [`append_table`](Directory::append_table) does. The options may allow them to have new nullable columns, which come
    /// after the stored ones, and to lack nullable ones: the rows are null where they were written without.
    pub async fn append_table_with(
        &self,
        name: &str,
        batch: &RecordBatch,
        options: &AppendOptions,
    ) -> Result<u64> {
        let path = self.entry(name)?;
        let tables = store(self)?;
        let mut fitted = batch.clone();
        for _ in 0..64 {
            // In most cases the rows fit as they are, and the table need not be looked at.
            let begun = tables.append_with(&path, fitted.schema(), options).await;
            let outcome = match begun {
                Ok(writer) => {
                    self.home_of(name)?.before_write().await?;
                    finish(writer, fitted.clone()).await
                }
                Err(error) => Err(error),
            };
            match outcome {
                Err(error) if error.kind() == ErrorKind::Mismatch => {
                    let stored = match tables.describe(&path).await {
                        Ok(stored) => stored,
                        Err(gone) if gone.is_not_found() => continue,
                        Err(other) => return Err(other),
                    };
                    let fit = fit(batch, &stored.schema, options).context("append to table", &path)?;
                    if fit.schema().fields() == fitted.schema().fields() {
                        return Err(error);
                    }
                    fitted = fit;
                }
                Err(error) if error.is_not_found() => {
                    let options = TableOptions::default();
                    // Created without rows first, so that of several writers who find nothing every one appends.
                    let created =
                        match self.create_table(name, batch.schema(), &options, WriteMode::Create).await {
                            Ok(writer) => writer.finish().await,
                            Err(error) => Err(error),
                        };
                    if let Err(error) = created
                        && error.kind() != ErrorKind::AlreadyExists
                    {
                        return Err(error);
                    }
                    fitted = batch.clone();
                }
                // The table was replaced, or others gave it columns at the same moment; nothing was added.
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                outcome => return outcome,
            }
        }
        Err(Error::new(ErrorKind::Conflict, "the table was removed or replaced again and again")
            .during("append to table")
            .at(path))
    }
}

async fn finish(mut writer: Box<dyn TableWriter>, batch: RecordBatch) -> Result<u64> {
    writer.write(batch).await?;
    writer.finish().await
}

/// Brings the columns of a batch into the order and types of `schema`, without loss. New ones, where the options allow them, come last.
fn fit(batch: &RecordBatch, schema: &SchemaRef, options: &AppendOptions) -> Result<RecordBatch> {
    let given = batch.schema();
    let mut differences = Vec::new();
    let mut new = Vec::new();
    for (field, column) in given.fields().iter().zip(batch.columns()) {
        if schema.field_with_name(field.name()).is_err() {
            if options.new_columns {
                new.push((field.clone(), column.clone()));
                continue;
            }
            differences.push(format!("+{}: {}", field.name(), field.data_type()));
        }
    }
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for field in schema.fields() {
        let Some(column) = batch.column_by_name(field.name()) else {
            if options.new_columns && field.is_nullable() {
                continue;
            }
            differences.push(format!("-{}: {}", field.name(), field.data_type()));
            continue;
        };
        if column.data_type() != field.data_type() && !widens(column.data_type(), field.data_type()) {
            differences.push(format!(
                "≠{}: {} instead of {}",
                field.name(),
                column.data_type(),
                field.data_type()
            ));
            continue;
        }
        if !field.is_nullable() && column.null_count() > 0 {
            differences.push(format!(
                "≠{}: {} nulls in a column that has none",
                field.name(),
                column.null_count()
            ));
            continue;
        }
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let column = if column.data_type() == field.data_type() {
            column.clone()
        } else {
            cast_with_options(column, field.data_type(), &strict).map_err(|error| {
                Error::new(ErrorKind::Mismatch, format!("column '{}' cannot be converted", field.name()))
                    .caused_by(error)
            })?
        };
        fields.push(field.clone());
        columns.push(column);
    }
    if !differences.is_empty() {
        return Err(Error::new(
            ErrorKind::Mismatch,
            format!("the columns do not fit the stored table: {}", differences.join(", ")),
        )
        .hint("columns are matched by name; types must be equal or widen without loss"));
    }
    let (new_fields, new_columns): (Vec<FieldRef>, Vec<ArrayRef>) = new.into_iter().unzip();
    fields.extend(new_fields);
    columns.extend(new_columns);
    let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    RecordBatch::try_new(schema, columns).map_err(|error| {
        Error::new(ErrorKind::Mismatch, "the rows do not fit the stored table").caused_by(error)
    })
}

/// Whether every value of `narrow` is a value of `wide`.
fn widens(narrow: &DataType, wide: &DataType) -> bool {
    use DataType::*;
    if narrow == &Null {
        return true;
    }
    let plain = |data_type: &DataType| {
        Some(match data_type {
            Int8 => crate::DType::Int8,
            Int16 => crate::DType::Int16,
            Int32 => crate::DType::Int32,
            Int64 => crate::DType::Int64,
            UInt8 => crate::DType::UInt8,
            UInt16 => crate::DType::UInt16,
            UInt32 => crate::DType::UInt32,
            UInt64 => crate::DType::UInt64,
            Float16 => crate::DType::Float16,
            Float32 => crate::DType::Float32,
            Float64 => crate::DType::Float64,
            _ => return None,
        })
    };
    if let (Some(narrow), Some(wide)) = (plain(narrow), plain(wide)) {
        return narrow.widens_to(wide);
    }
    let text = |data_type: &DataType| matches!(data_type, Utf8 | LargeUtf8 | Utf8View);
    let binary = |data_type: &DataType| matches!(data_type, Binary | LargeBinary | BinaryView);
    match (narrow, wide) {
        (Dictionary(_, values), wide) => values.as_ref() == wide || widens(values, wide),
        (narrow, Dictionary(_, values)) => values.as_ref() == narrow,
        (narrow, wide) => text(narrow) && text(wide) || binary(narrow) && binary(wide),
    }
}

fn project(schema: &SchemaRef, columns: &[String]) -> Result<SchemaRef> {
    let fields = columns.iter().map(|column| {
        schema.field_with_name(column).cloned().map_err(|error| {
            let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            Error::new(ErrorKind::InvalidInput, format!("there is no column '{column}'"))
                .hint(format!("the columns are {}", known.join(", ")))
                .caused_by(error)
        })
    });
    Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?)))
}

fn store(directory: &Directory) -> Result<&dyn TableStore> {
    directory
        .root()
        .backend()
        .tables()
        .ok_or_else(|| Error::new(ErrorKind::Unsupported, "this storage does not offer 'tables'"))
}
