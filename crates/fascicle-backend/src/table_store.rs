//! Tables with an Arrow schema.

use crate::{
    AppendOptions, CompactOptions, Compaction, EntryPath, Error, ErrorKind, Result, ScanOptions,
    TableOptions, WriteMode,
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;

/// Batches of rows in order, all of one schema.
pub type BatchStream = BoxStream<'static, Result<RecordBatch>>;

/// What is known of a stored table without reading its rows.
#[derive(Clone, Debug)]
pub struct TableDescription {
    /// The columns.
    pub schema: SchemaRef,
    /// The number of rows.
    pub rows: u64,
    /// In how many parts the rows are stored.
    pub parts: u64,
    /// Bytes the table occupies in the storage.
    pub stored_bytes: u64,
    /// How it is stored, by the format's name (`parquet`, `csv`, `memory`).
    pub format: &'static str,
}

/// Tables: rows with an Arrow schema, nested types and nulls included.
#[async_trait]
pub trait TableStore: Send + Sync {
    /// Begins to write a table; it appears at [`TableWriter::finish`], also when no row was written.
    ///
    /// - What `mode` refuses is refused here, and again at `finish` should an entry have appeared meanwhile.
    /// - Dropping the writer leaves everything as it was.
    /// - Errors: `NotFound` (parent), `AlreadyExists`, `WrongKind`, `Unsupported` (a type the format cannot hold).
    async fn create(
        &self,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>>;

    /// Begins to add rows; they appear together at [`TableWriter::finish`].
    ///
    /// - Concurrent appends each arrive whole and contiguous, in some order; a reader sees a prefix of them.
    /// - `schema` must equal the stored one in the names, types and nullability of its columns and their order, else
    ///   `Mismatch` naming the difference. Metadata of the schema is not compared.
    /// - Errors: `NotFound`, `WrongKind`, `Mismatch`, `Busy`.
    async fn append(&self, path: &EntryPath, schema: SchemaRef) -> Result<Box<dyn TableWriter>>;

    /// Begins to add rows as [`append`](TableStore::append) does, which the options may allow to have other columns.
    ///
    /// - With [`new_columns`](AppendOptions::new_columns) the columns of `schema` that the table has must be the same and in the same
    ///   order, and those that one of them lacks be nullable, else `Mismatch` naming the difference. The table has all of them from
    ///   [`TableWriter::finish`] on, its own first; rows are null in the columns that they were written without. Without rows no column is added.
    /// - Concurrent appends that add different columns both succeed, unless they do so at the very same moment: one of them is told
    ///   `Conflict` then, and can begin again.
    /// - Errors: as `append`; `Unsupported` where the format of the table has no such thing.
    async fn append_with(
        &self,
        path: &EntryPath,
        schema: SchemaRef,
        options: &AppendOptions,
    ) -> Result<Box<dyn TableWriter>> {
        if options.new_columns {
            return Err(
                Error::new(ErrorKind::Unsupported, "tables cannot be given new columns here").at(path)
            );
        }
        self.append(path, schema).await
    }

    /// Merges the parts in which a table is stored, so that there are fewer and larger ones. The rows stay as they are.
    ///
    /// - A reader sees every row once whenever it begins, and so does one that began before. Appends go on meanwhile.
    /// - Of several compactions at once each succeeds; they do not add up.
    /// - What other programs see meanwhile is documented by the backend.
    /// - Errors: `NotFound`, `WrongKind`, `Corrupt`, `Unsupported` for a table whose parts have no order.
    async fn compact(&self, path: &EntryPath, options: &CompactOptions) -> Result<Compaction> {
        let _ = options;
        Err(Error::new(ErrorKind::Unsupported, "the parts of tables cannot be merged here").at(path))
    }

    /// Describes a table without reading its rows (for a format without statistics, as CSV, by reading it once).
    ///
    /// - Errors: `NotFound`, `WrongKind`, `Corrupt`.
    async fn describe(&self, path: &EntryPath) -> Result<TableDescription>;

    /// Streams rows in the order they were written.
    ///
    /// - The rows are those of one moment at or after the call.
    /// - Cost: the parts, row groups and columns that the options leave.
    /// - Memory: a batch at a time, whatever the size of the table.
    /// - Errors: `NotFound`, `WrongKind`, `Corrupt` (naming the part), `InvalidInput` (an unknown column, a literal that
    ///   does not fit a column's type).
    async fn scan(&self, path: &EntryPath, options: &ScanOptions) -> Result<BatchStream>;
}

/// A table, or rows of one, being written.
#[async_trait]
pub trait TableWriter: Send {
    /// Adds rows. The batch has the writer's schema, else `Mismatch`.
    async fn write(&mut self, batch: RecordBatch) -> Result<()>;

    /// Makes the rows appear, all at once and durable; returns how many the table has now.
    async fn finish(self: Box<Self>) -> Result<u64>;
}
