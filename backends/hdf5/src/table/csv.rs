//! Tables as CSV files, as datamate writes them.

use super::Finished;
use crate::{
    layout::Form,
    tree::{Found, Tree},
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fascicle_backend::{
    BatchStream, EntryKind, EntryPath, Error, ErrorKind, Result, ScanOptions, TableDescription, TableOptions,
    WriteMode,
};
use fascicle_local::{Staged, storage_error};
use fascicle_tables::{
    BlockingTableWriter, CsvTable, CsvWriter, LocalPartFolder, NewTable, TableSnapshot, stream_of_batches,
};
use std::{
    fs::File,
    io::{self, BufWriter},
    sync::Arc,
};

fn open(found: &Found) -> Result<CsvTable> {
    CsvTable::open(found.folder().open_file(found.stored_name())?, found.stored_name())
}

pub(super) fn describe(found: &Found) -> Result<TableDescription> {
    Ok(open(found)?.describe())
}

pub(super) fn scan(found: &Found, options: &ScanOptions) -> Result<BatchStream> {
    Ok(stream_of_batches(open(found)?.scan(options)?))
}

pub(super) fn no_new_columns() -> Error {
    Error::new(ErrorKind::Unsupported, "tables that are CSV files cannot be given new columns")
        .hint("write the table anew with all its columns")
}

/// Brings everything to the staged file.
fn complete(writer: CsvWriter<BufWriter<File>>, staged: &Staged) -> Result<()> {
    let flushed = writer.finish().into_inner();
    flushed.map(drop).map_err(|error| storage_error("writing", &staged.path(), error.into_error()))
}

/// A new table, in the staging area until it is finished.
pub(super) struct NewCsvTable {
    // Dropped in this order: the file is closed before it is deleted.
    writer: CsvWriter<BufWriter<File>>,
    staged: Staged,
    finished: Finished,
}

impl NewCsvTable {
    pub(super) fn begin(
        tree: &Arc<Tree>,
        path: &EntryPath,
        schema: &SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Self> {
        let (staged, file) = tree.staging().create_file()?;
        let writer = CsvWriter::create(BufWriter::new(file), schema)?;
        Ok(NewCsvTable { writer, staged, finished: Finished::new(tree, path, options, mode) })
    }
}

impl BlockingTableWriter for NewCsvTable {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch)
    }

    fn finish(self) -> Result<u64> {
        let rows = self.writer.rows();
        complete(self.writer, &self.staged)?;
        self.finished.commit(self.staged, Form::CsvTable)?;
        Ok(rows)
    }
}

/// Rows that are being added to a table.
///
/// They are kept aside until the end. Only then is the table locked, and a file of its rows at that moment and the new
/// ones put in its place, so that of concurrent appends each arrives whole.
pub(super) struct CsvAppend {
    // Dropped in this order: the file is closed before it is deleted.
    rows: NewTable,
    aside: Staged,
    schema: SchemaRef,
    tree: Arc<Tree>,
    path: EntryPath,
}

impl CsvAppend {
    pub(super) fn begin(
        tree: &Arc<Tree>,
        path: &EntryPath,
        found: &Found,
        schema: &SchemaRef,
    ) -> Result<Self> {
        // Refuses rows that will not fit, before any are taken.
        CsvWriter::append(&open(found)?, io::sink(), schema)?;
        let aside = tree.stage()?;
        let rows = NewTable::create(&aside.path(), schema, &TableOptions::default(), false)?;
        Ok(CsvAppend { rows, aside, schema: schema.clone(), tree: tree.clone(), path: path.clone() })
    }
}

impl BlockingTableWriter for CsvAppend {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows.write(batch)
    }

    fn finish(self) -> Result<u64> {
        let added = self.rows.finish()?;
        let held = self.tree.lock(&self.path, EntryKind::Table)?;
        if held.form() != Form::CsvTable {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the table was replaced by another one since the append began; none of the rows were added",
            )
            .hint("append to the new table"));
        }
        let table = open(&held)?;
        if added == 0 {
            return Ok(table.rows());
        }
        let (staged, file) = self.tree.staging().create_file()?;
        let mut writer = CsvWriter::append(&table, BufWriter::new(file), &self.schema)?;
        let folder = LocalPartFolder::open(&self.aside.path(), false)?;
        for batch in TableSnapshot::open(Arc::new(folder))?.scan(&ScanOptions::default())? {
            writer.write(&batch?)?;
        }
        let rows = writer.rows();
        complete(writer, &staged)?;
        held.replace(staged)?;
        Ok(rows)
    }
}
