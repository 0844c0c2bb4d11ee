//! Tables.

use super::{Directory, StreamIterator, wait};
use crate::arrow::{array::RecordBatch, schema::SchemaRef};
use crate::{
    AppendOptions, CompactOptions, Compaction, EntryPath, Result, ScanOptions, TableDescription,
    TableOptions, TailOptions, WriteMode,
};
use std::fmt;

/// A handle to a stored table, as [`crate::Table`].
#[derive(Clone, Debug)]
pub struct Table {
    inner: crate::Table,
}

impl From<crate::Table> for Table {
    fn from(inner: crate::Table) -> Self {
        Table { inner }
    }
}

impl Table {
    /// The path below the root.
    pub fn path(&self) -> &EntryPath {
        self.inner.path()
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        self.inner.schema()
    }

    /// The number of rows at the moment the handle was opened or last [refreshed](Table::refresh).
    pub fn rows(&self) -> u64 {
        self.inner.rows()
    }

    /// Everything that is known without reading rows.
    pub fn description(&self) -> &TableDescription {
        self.inner.description()
    }

    /// Looks again: another writer may have appended, or replaced the table.
    pub fn refresh(&mut self) -> Result<()> {
        wait(self.inner.refresh())
    }

    /// All rows as one batch, in memory.
    pub fn read(&self) -> Result<RecordBatch> {
        wait(self.inner.read())
    }

    /// Selected columns and rows as one batch, in memory.
    pub fn read_with(&self, options: &ScanOptions) -> Result<RecordBatch> {
        wait(self.inner.read_with(options))
    }

    /// Merges the small parts that the rows are stored in. As [`crate::Table::compact`].
    pub fn compact(&self, options: &CompactOptions) -> Result<Compaction> {
        wait(self.inner.compact(options))
    }

    /// Selected columns and rows, batch by batch, in the order they were written.
    pub fn scan(&self, options: &ScanOptions) -> Result<StreamIterator<RecordBatch>> {
        wait(self.inner.scan(options)).map(StreamIterator::from)
    }

    /// The rows that are there and those that are appended, batch by batch, as [`crate::Table::tail`].
    pub fn tail(&self, options: &TailOptions) -> StreamIterator<RecordBatch> {
        StreamIterator::from(self.inner.tail(options))
    }
}

/// A table that does not need to fit into memory, as [`TableStream`](crate::convert::TableStream).
#[derive(Debug)]
pub struct TableStream {
    /// The columns.
    pub schema: SchemaRef,
    /// The number of rows.
    pub rows: u64,
    /// The rows, batch by batch.
    pub batches: StreamIterator<RecordBatch>,
}

impl From<crate::convert::TableStream> for TableStream {
    fn from(table: crate::convert::TableStream) -> Self {
        TableStream { schema: table.schema, rows: table.rows, batches: table.batches.into() }
    }
}

/// A table being stored batch by batch. Dropping it leaves everything as it was.
#[must_use = "the table appears at `finish`"]
pub struct TableWriter {
    inner: Box<dyn crate::TableWriter>,
}

impl TableWriter {
    /// Writes the next rows.
    pub fn write(&mut self, batch: RecordBatch) -> Result<()> {
        wait(self.inner.write(batch))
    }

    /// Makes the table appear, whole and durable, and returns how many rows it has.
    pub fn finish(self) -> Result<u64> {
        wait(self.inner.finish())
    }
}

impl fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableWriter").finish_non_exhaustive()
    }
}

impl Directory {
    /// Stores a table under `name`, replacing a table that is there.
    pub fn put_table(&self, name: &str, batch: &RecordBatch) -> Result<()> {
        wait(self.inner.put_table(name, batch))
    }

    /// Begins to store a table batch by batch; it appears as a whole when the writer is finished.
    pub fn create_table(
        &self,
        name: &str,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<TableWriter> {
        let inner = wait(self.inner.create_table(name, schema, options, mode))?;
        Ok(TableWriter { inner })
    }

    /// Opens the table at `name` without reading its rows. Fails with [`NotFound`](crate::ErrorKind::NotFound).
    pub fn table(&self, name: &str) -> Result<Table> {
        wait(self.inner.table(name)).map(Table::from)
    }

    /// Adds rows to the table at `name` and returns how many it has now; creates it when there is none. As
    /// [`crate::Directory::append_table`].
    pub fn append_table(&self, name: &str, batch: &RecordBatch) -> Result<u64> {
        wait(self.inner.append_table(name, batch))
    }

    /// Adds rows that may have new columns. As [`crate::Directory::append_table_with`].
    pub fn append_table_with(&self, name: &str, batch: &RecordBatch, options: &AppendOptions) -> Result<u64> {
        wait(self.inner.append_table_with(name, batch, options))
    }
}
