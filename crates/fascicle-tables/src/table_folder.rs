//! Writing a new table into a folder of its own on a local file system.

use crate::{
    PartWriter, RowsBefore, check_storable,
    file_name::part_name,
    local_parts::{LocalPartFolder, failure},
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fascicle_backend::{Result, TableOptions};
use rustix::{fs::Mode, io::Errno};
use std::{fs::File, io::BufWriter, path::Path};

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
        let file = self.writer.finish(Some(RowsBefore { part: 0, rows: 0 }), None, None)?;
        complete(file, self.folder.is_durable())?;
        self.folder.sync()?;
        Ok(rows)
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

#[cfg(test)]
mod tests;
