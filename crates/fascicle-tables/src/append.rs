//! Adding a part to a table, wherever its parts are.

use crate::{
    BlockingTableWriter, PartWriter, RowsBefore, TableHead, check_same_columns, check_storable,
    file_name::part_name,
    parts::{CommitOutcome, ListedName, PartFolder},
    schema::{fit_to, with_new_columns},
    snapshot::open_named,
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fascicle_backend::{AppendOptions, Error, ErrorKind, Result, TableOptions};
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
    /// The columns of the part.
    schema: SchemaRef,
    options: AppendOptions,
}

impl<F: PartFolder> PartAppend<F> {
    /// Begins a part of the table in `folder`, which is written to `staged`.
    ///
    /// - Any number of appends, in any process, may run at once: each arrives whole.
    /// - `head` is what is known of the table; [`TableHead::read`] looks.
    /// - Errors: `Mismatch` naming the differences when `schema` is not the table's, or not one that the options allow;
    ///   `Unsupported` for a new column of a type that Parquet cannot hold.
    pub fn begin(
        folder: Arc<F>,
        head: TableHead,
        staged: F::Staged,
        schema: &SchemaRef,
        options: &AppendOptions,
    ) -> Result<Self> {
        let (schema, options) = (columns_after(head.schema(), schema, options)?, options.clone());
        let staged = Counted { inner: staged, bytes: 0 };
        let writer = PartWriter::new(staged, &schema, &TableOptions::default())?;
        Ok(PartAppend { folder, writer, head, schema, options })
    }

    /// Adds rows; they become visible together when the part is finished.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self.options.new_columns {
            true => self.writer.write(&fit_to(batch.clone(), &self.schema)?),
            false => self.writer.write(batch),
        }
    }

    /// Commits the part and returns what the table is with it. A part without rows is not committed.
    ///
    /// - Cost: a commit and a listing; when others add parts at the same time, for each of them a footer and another commit.
    /// - Errors: `Conflict` when the table was replaced since the append began, or got new columns at this very moment, `NotFound` when
    ///   it was removed, `Mismatch` when others gave it columns that do not fit; the rows were not added then.
    pub fn finish(self) -> Result<TableHead> {
        let PartAppend { folder, writer, head: begun, schema, .. } = self;
        let rows = writer.rows();
        if rows == 0 {
            return begun.refreshed(&folder);
        }
        // Where listings tell the state of a part, what is known is checked after the commit, which fails if it is out of date.
        let mut head = if begun.is_checkable() { begun.clone() } else { begun.refreshed(&folder)? };
        if !head.is_of_same_table(&begun) {
            return Err(replaced());
        }
        let place = RowsBefore { part: head.next(), rows: head.rows() };
        // Others may have added columns since, which this part does not have, and the other way round.
        let known = Arc::clone(head.schema());
        let columns = with_new_columns(&known, &schema)?;
        let nonce = writer.nonce().to_owned();
        let finished = writer.finish(Some(place), head.identity(), Some(&columns))?;
        let Counted { inner: mut staged, bytes } = finished;
        loop {
            let name = part_name(head.next());
            match folder.commit(&mut staged, &name)? {
                CommitOutcome::Committed { tag } => {
                    let part = ListedName { name, is_file: true, size_bytes: Some(bytes), tag };
                    let has_taken = head.has_taken(&folder, &part, &nonce);
                    if has_taken.as_ref().is_err_and(Error::is_not_found) {
                        // Of a table that was removed nothing stays behind.
                        folder.remove(std::slice::from_ref(&part.name))?;
                    }
                    if has_taken? {
                        head.add_own(part, bytes, rows);
                        head.widen(&columns);
                        return Ok(head);
                    }
                    // The name was free because the part that had it was merged with others, or the table was replaced.
                    folder.remove(&[part.name])?;
                    head = TableHead::read(&folder)?;
                }
                CommitOutcome::Taken => head = with_parts_of_others(&folder, head, name)?,
            }
            if !head.is_of_same_table(&begun) {
                return Err(replaced());
            }
            if head.schema() != &known {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    "others gave the table new columns at this very moment; none of the rows were added",
                )
                .hint("append again"));
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

/// What a table is with the part `name`, and more of them, that others committed.
fn with_parts_of_others<F: PartFolder>(
    folder: &Arc<F>,
    mut head: TableHead,
    name: String,
) -> Result<TableHead> {
    let seen = head.refreshed(folder)?;
    if seen.next() > head.next() || !seen.is_of_same_table(&head) {
        return Ok(seen);
    }
    // It was not listed yet.
    let part = ListedName { name, is_file: true, size_bytes: None, tag: None };
    let added = open_named(folder.as_ref(), &part.name, None)
        .and_then(|theirs| head.add(folder.as_ref(), part, &theirs));
    match added {
        Ok(()) => Ok(head),
        // It was merged with other parts already.
        Err(error) if error.kind() == ErrorKind::Conflict => TableHead::read(folder),
        Err(error) => Err(error),
    }
}

fn replaced() -> Error {
    Error::new(
        ErrorKind::Conflict,
        "the table was replaced by another one since the append began; none of the rows were added",
    )
    .hint("append to the new table")
}

/// The columns of a table after rows of `given` were added, as far as the options allow that.
fn columns_after(stored: &SchemaRef, given: &SchemaRef, options: &AppendOptions) -> Result<SchemaRef> {
    if !options.new_columns {
        check_same_columns(stored, given)?;
        return Ok(Arc::clone(stored));
    }
    let columns = with_new_columns(stored, given)?;
    check_storable(&columns)?;
    Ok(columns)
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
