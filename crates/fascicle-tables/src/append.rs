//! Adding a part to a table, wherever its parts are.

use crate::{
    BlockingTableWriter, PartWriter, RowsBefore, TableHead, check_same_columns,
    parts::{CommitOutcome, ListedName, PartFolder, part_name},
    snapshot::open_named,
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fascicle_backend::{Error, ErrorKind, Result, TableOptions};
use std::{
    io::{self, Write},
    sync::Arc,
};

/// A part that is being added to a table. Calls block. Dropping it leaves the table as it was.
pub struct PartAppend<F: PartFolder> {
    folder: Arc<F>,
    writer: PartWriter<Counted<F::Staged>>,
    /// What was known when the append began.
    head: TableHead,
}

impl<F: PartFolder> PartAppend<F> {
    /// Begins a part of the table in `folder`, which is written to `staged`.
    ///
    /// - Any number of appends, in any process, may run at once: each arrives whole.
    /// - `head` is what is known of the table; [`TableHead::read`] looks.
    /// - Errors: `Mismatch` naming the differences when `schema` is not the table's.
    pub fn begin(
        folder: Arc<F>,
        head: TableHead,
        staged: F::Staged,
        schema: &SchemaRef,
        options: &TableOptions,
    ) -> Result<Self> {
        check_same_columns(head.schema(), schema)?;
        let staged = Counted { inner: staged, bytes: 0 };
        let writer = PartWriter::new(staged, head.schema(), options)?;
        Ok(PartAppend { folder, writer, head })
    }

    /// Adds rows; they become visible together when the part is finished.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch)
    }

    /// Commits the part and returns what the table is with it. A part without rows is not committed.
    ///
    /// - Cost: a listing and a commit; when others add parts at the same time, for each of them a footer and another commit.
    /// - Errors: `Conflict` when the table was replaced since the append began, `NotFound` when it was removed; the rows were not
    ///   added then.
    pub fn finish(self) -> Result<TableHead> {
        let PartAppend { folder, writer, head: begun } = self;
        let mut head = begun.refreshed(&folder)?;
        if !head.is_of_same_table(&begun) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "the table was replaced by another one since the append began; none of the rows were added",
            )
            .hint("append to the new table"));
        }
        let rows = writer.rows();
        if rows == 0 {
            return Ok(head);
        }
        let place = RowsBefore { part: head.next(), rows: head.rows() };
        let Counted { inner: mut staged, bytes } = writer.finish(Some(place), head.identity())?;
        loop {
            let name = part_name(head.next());
            match folder.commit(&mut staged, &name)? {
                CommitOutcome::Committed { tag } => {
                    let part = ListedName { name, is_file: true, size_bytes: Some(bytes), tag };
                    head.add_own(part, bytes, rows);
                    return Ok(head);
                }
                CommitOutcome::Taken => {
                    let theirs = open_named(folder.as_ref(), &name, None)?;
                    let part = ListedName { name, is_file: true, size_bytes: None, tag: None };
                    head.add(folder.as_ref(), part, &theirs)?;
                }
            }
        }
    }
}

impl<F: PartFolder> BlockingTableWriter for PartAppend<F> {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        PartAppend::write(self, batch)
    }

    fn finish(self) -> Result<u64> {
        Ok(PartAppend::finish(self)?.rows())
    }
}

/// Counts the bytes on their way.
struct Counted<W> {
    inner: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
