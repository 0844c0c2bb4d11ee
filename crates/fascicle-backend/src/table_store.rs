//! Tables with an Arrow schema.

use crate::{EntryPath, Result, ScanOptions, TableOptions, WriteMode};
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
