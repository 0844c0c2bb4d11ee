//! Writing a table's folder on a local file system: new tables and appended parts.

use crate::{
    BlockingTableWriter, PartWriter, RowsBefore, TableSnapshot, check_same_columns, check_storable,
    local_parts::{LocalPartFolder, failure},
    parts::{PartList, commit_next, part_name},
    snapshot::open_part,
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fascicle_backend::{Error, ErrorKind, Result, TableOptions};
use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};
use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
    sync::Arc,
};

const WRITE_BUFFER_BYTES: usize = 256 << 10;

/// A new table, written into a folder that nobody looks at yet. Calls block.
pub struct NewTable {
    folder: LocalPartFolder,
    writer: PartWriter<BufWriter<File>>,
}

impl NewTable {
    /// Begins a table in `folder`, which is created when it is missing and otherwise has to be empty. When
    /// [`finish`](NewTable::finish) is done the caller moves the folder to where it belongs; until then, and if that never
    /// happens, the folder is the caller's to remove. The options' attributes are not stored here.
    ///
    /// - With `durable`, what `finish` leaves behind survives a power failure.
    /// - Errors: `Unsupported` for a type that Parquet cannot hold, before anything is written.
    pub fn create(folder: &Path, schema: &SchemaRef, options: &TableOptions, durable: bool) -> Result<Self> {
        check_storable(schema)?;
        match rustix::fs::mkdir(folder, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failure("creating", folder, errno)),
        }
        let folder = LocalPartFolder::open(folder, durable)?;
        let file = BufWriter::with_capacity(WRITE_BUFFER_BYTES, folder.create(&part_name(0))?);
        Ok(NewTable { folder, writer: PartWriter::new(file, schema, options)? })
    }

    /// Adds rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch)
    }

    /// Completes the table and returns its number of rows. Also without rows it has one part, which keeps the columns.
    pub fn finish(self) -> Result<u64> {
        let rows = self.writer.rows();
        let file = self.writer.finish(Some(RowsBefore { part: 0, rows: 0 }))?;
        complete(file, self.folder.is_durable())?;
        self.folder.sync()?;
        Ok(rows)
    }
}

/// A part that is being added to a table. Calls block. Dropping it leaves the table as it was.
pub struct PartAppend {
    folder: Arc<LocalPartFolder>,
    /// `None` once the part is complete.
    writer: Option<PartWriter<BufWriter<File>>>,
    staged: StagedFile,
}

impl PartAppend {
    /// Begins a part of the table in `folder`. It is written to the new file `staged`, which has to be on the same file
    /// system and outside of the table's folder, because other programs read everything in there.
    ///
    /// - Any number of appends, in any process, may run at once: each arrives whole.
    /// - Errors: `Mismatch` naming the differences when `schema` is not the table's; `Unsupported` for a data set that
    ///   another program wrote; `Corrupt`.
    pub fn begin(
        folder: Arc<LocalPartFolder>,
        staged: &Path,
        schema: &SchemaRef,
        options: &TableOptions,
    ) -> Result<Self> {
        let snapshot = TableSnapshot::open(Arc::clone(&folder))?;
        check_numbered(snapshot.parts())?;
        check_same_columns(snapshot.schema(), schema)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::open(staged, flags, Mode::from_raw_mode(0o666));
        let file = file.map(File::from).map_err(|errno| failure("creating", staged, errno))?;
        let staged = StagedFile(staged.to_owned());
        let file = BufWriter::with_capacity(WRITE_BUFFER_BYTES, file);
        let writer = PartWriter::new(file, snapshot.schema(), options)?;
        Ok(PartAppend { folder, writer: Some(writer), staged })
    }

    /// Adds rows; they become visible together when the part is finished.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.as_mut().ok_or_else(finished)?.write(batch)
    }

    /// Commits the part and returns how many rows the table has with it. A part without rows is not committed.
    pub fn finish(mut self) -> Result<u64> {
        let writer = self.writer.take().ok_or_else(finished)?;
        let snapshot = TableSnapshot::open(Arc::clone(&self.folder))?;
        check_numbered(snapshot.parts())?;
        let rows_before = snapshot.rows()?;
        let rows = writer.rows();
        if rows == 0 {
            return Ok(rows_before);
        }
        let place = RowsBefore { part: snapshot.parts().count(), rows: rows_before };
        complete(writer.finish(Some(place))?, self.folder.is_durable())?;
        let number = commit_next(self.folder.as_ref(), &self.staged.0, place.part)?;
        // Parts that others committed meanwhile stand before this one.
        let meanwhile = PartList::Numbered { count: number };
        let mut total = rows_before.saturating_add(rows);
        for position in place.part..number {
            total = total.saturating_add(open_part(self.folder.as_ref(), &meanwhile, position)?.rows());
        }
        Ok(total)
    }
}

impl BlockingTableWriter for PartAppend {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        PartAppend::write(self, batch)
    }

    fn finish(self) -> Result<u64> {
        PartAppend::finish(self)
    }
}

/// A file that is removed when it is no longer needed under this name.
struct StagedFile(PathBuf);

impl Drop for StagedFile {
    fn drop(&mut self) {
        // It may have been moved into the table. What cannot be removed is never read.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn check_numbered(parts: &PartList) -> Result<()> {
    match parts {
        PartList::Numbered { .. } => Ok(()),
        PartList::Foreign { .. } => Err(Error::new(
            ErrorKind::Unsupported,
            "the table was written by another program, whose files have no order in which rows could be added",
        )
        .hint("write the table anew, then append to it")),
    }
}

/// Brings everything that was written to a file to the storage.
fn complete(file: BufWriter<File>, durable: bool) -> Result<()> {
    let file = file.into_inner().map_err(|error| error.into_error())?;
    if durable {
        file.sync_all()?;
    }
    Ok(())
}

fn finished() -> Error {
    Error::new(ErrorKind::Internal, "rows were added to a part that was finished")
}

#[cfg(test)]
mod tests;
