//! Tables as folders of Parquet files.

use super::Finished;
use crate::{
    layout::Form,
    tree::{Found, Tree},
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fascicle_backend::{
    AppendOptions, BatchStream, CompactOptions, Compaction, EntryKind, EntryPath, Error, ErrorKind, Result,
    ScanOptions, TableDescription, TableOptions, WriteMode,
};
use fascicle_local::{Folder, Staged};
use fascicle_tables::{
    BlockingTableWriter, LocalPartFolder, LocalStagedPart, NewTable, OneFile, PartAppend, TableHead,
    TableSnapshot, stream_of_batches,
};
use std::sync::Arc;

/// The table's folder, whose parts stay readable as long as the handle lives.
fn folder_of(found: &Found) -> Result<Folder> {
    found.folder().subfolder_held(found.stored_name())
}

fn parts_of(folder: Folder, durable: bool) -> Arc<LocalPartFolder> {
    let path = folder.path();
    Arc::new(LocalPartFolder::from_directory(folder.into_handle(), &path, durable))
}

pub(super) fn describe(found: &Found) -> Result<TableDescription> {
    TableSnapshot::describe_folder(&parts_of(folder_of(found)?, false))
}

pub(super) fn scan(found: &Found, options: &ScanOptions) -> Result<BatchStream> {
    Ok(stream_of_batches(TableSnapshot::scan_folder(&parts_of(folder_of(found)?, false), options)?))
}

/// The file of another program that is a table of its own.
fn file_of(found: &Found) -> Result<Arc<OneFile<LocalPartFolder>>> {
    let folder = found.folder().try_clone()?;
    let path = folder.path();
    let parts = LocalPartFolder::from_directory(folder.into_handle(), &path, false);
    Ok(Arc::new(OneFile::new(parts, found.stored_name())))
}

pub(super) fn describe_file(found: &Found) -> Result<TableDescription> {
    TableSnapshot::describe_folder(&file_of(found)?)
}

pub(super) fn scan_file(found: &Found, options: &ScanOptions) -> Result<BatchStream> {
    Ok(stream_of_batches(TableSnapshot::scan_folder(&file_of(found)?, options)?))
}

/// Merges small parts in the table's folder. A table that takes its place meanwhile is in another folder.
pub(super) fn compact(tree: &Tree, found: &Found, options: &CompactOptions) -> Result<Compaction> {
    let parts = parts_of(folder_of(found)?, tree.options().fsync);
    fascicle_tables::compact(&parts, options, || {
        let staged = tree.stage()?;
        Ok(LocalStagedPart::create(&staged.path())?.held_by(staged))
    })
}

/// A new table, in the staging area until it is finished.
pub(super) struct NewParquetTable {
    // Dropped in this order: files are closed before they are deleted.
    table: NewTable,
    staged: Staged,
    finished: Finished,
}

impl NewParquetTable {
    pub(super) fn begin(
        tree: &Arc<Tree>,
        path: &EntryPath,
        schema: &SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Self> {
        let staged = tree.stage()?;
        // It becomes durable when it is put in place.
        let table = NewTable::create(&staged.path(), schema, options, false)?;
        Ok(NewParquetTable { table, staged, finished: Finished::new(tree, path, options, mode) })
    }
}

impl BlockingTableWriter for NewParquetTable {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.table.write(batch)
    }

    fn finish(self) -> Result<u64> {
        let rows = self.table.finish()?;
        self.finished.commit(self.staged, Form::ParquetTable)?;
        Ok(rows)
    }
}

/// Rows that are being added to a table: one more part, in the staging area until it is finished.
pub(super) struct ParquetAppend {
    part: PartAppend<LocalPartFolder>,
    folder: Folder,
    tree: Arc<Tree>,
    path: EntryPath,
}

impl ParquetAppend {
    pub(super) fn begin(
        tree: &Arc<Tree>,
        path: &EntryPath,
        found: &Found,
        schema: &SchemaRef,
        options: &AppendOptions,
    ) -> Result<Self> {
        let folder = folder_of(found)?;
        let parts = parts_of(folder.try_clone()?, tree.options().fsync);
        let staged = tree.stage()?;
        let head = TableHead::read(&parts)?;
        let file = LocalStagedPart::create(&staged.path())?.held_by(staged);
        let part = PartAppend::begin(parts, head, file, schema, options)?;
        Ok(ParquetAppend { part, folder, tree: tree.clone(), path: path.clone() })
    }
}

impl BlockingTableWriter for ParquetAppend {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.part.write(batch)
    }

    /// Under the table's lock, so that the part is not committed to a table that was replaced or removed meanwhile.
    fn finish(self) -> Result<u64> {
        let held = self.tree.lock(&self.path, EntryKind::Table)?;
        if held.form() != Form::ParquetTable || !folder_of(&held)?.is_same(&self.folder)? {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the table was replaced by another one since the append began; none of the rows were added",
            )
            .hint("append to the new table"));
        }
        Ok(self.part.finish()?.rows())
    }
}
