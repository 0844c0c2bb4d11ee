//! Reading a table: the parts that were committed at one moment.

use crate::{
    Filter, PartBatches, PartFile, Scan, ScannedBatches, align_batch, check_same_columns,
    parts::{PartFolder, PartList, list_parts},
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fascicle_backend::{Error, ErrorKind, Result, ScanOptions, TableDescription};
use std::sync::Arc;

/// The parts of a table at one moment. Cost of opening: one listing and the footer of the first part.
pub struct TableSnapshot<F> {
    folder: Arc<F>,
    parts: PartList,
    schema: SchemaRef,
}

/// The rows of a table as they are read, see [`TableSnapshot::scan`].
pub type TableScan<F> = ScannedBatches<PartsBatches<F>>;

impl<F: PartFolder> TableSnapshot<F> {
    /// Takes the state of the table at this moment. Errors: `NotFound`, `Corrupt` naming the file.
    pub fn open(folder: Arc<F>) -> Result<Self> {
        let parts = list_parts(folder.as_ref())?;
        let schema = Arc::clone(open_part(folder.as_ref(), &parts, 0)?.schema());
        Ok(TableSnapshot { folder, parts, schema })
    }

    /// The columns: those of the first part.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The parts.
    pub fn parts(&self) -> &PartList {
        &self.parts
    }

    /// The number of rows. Cost: usually the last part's footer; all footers where other programs wrote the parts.
    pub fn rows(&self) -> Result<u64> {
        let mut rows = 0u64;
        let too_many = || Error::new(ErrorKind::Corrupt, "the rows of the table cannot be counted");
        for position in (0..self.parts.count()).rev() {
            let part = self.part(position)?;
            rows = rows.checked_add(part.rows()).ok_or_else(too_many)?;
            if let Some(before) = part.rows_before().filter(|before| before.part == position) {
                return rows.checked_add(before.rows).ok_or_else(too_many);
            }
        }
        Ok(rows)
    }

    /// Describes the table. Cost: as [`TableSnapshot::rows`], and the length of every file.
    pub fn describe(&self) -> Result<TableDescription> {
        let mut stored_bytes = 0;
        for position in 0..self.parts.count() {
            if let Some(name) = self.parts.name(position) {
                stored_bytes += self.folder.size_bytes(&name)?;
            }
        }
        Ok(TableDescription {
            schema: Arc::clone(&self.schema),
            rows: self.rows()?,
            parts: self.parts.count(),
            stored_bytes,
            format: "parquet",
        })
    }

    /// Reads the rows that `options` ask for, in the order in which they were committed.
    ///
    /// - Cost: the footers of the parts from the first one that is not skipped on; their row groups that may hold
    ///   selected rows; the columns that are projected or named by the predicate. Parts beyond the limit are not opened.
    /// - Memory: one batch, and one page of each column.
    /// - Errors: `InvalidInput` for an unknown column or a literal that does not fit; from the iterator `Corrupt`, naming the
    ///   part, and `Conflict` when the table was removed meanwhile.
    pub fn scan(&self, options: &ScanOptions) -> Result<TableScan<F>> {
        let columns: Vec<usize> = Scan::new(&self.schema, options)?.needed_columns().into_iter().collect();
        let narrowed = self.schema.project(&columns).map_err(|error| {
            Error::new(ErrorKind::Internal, "the columns cannot be selected").caused_by(error)
        })?;
        let mut options = options.clone();
        let filter = options.predicate.as_ref().map(|predicate| Filter::new(&self.schema, predicate));
        let filter = filter.transpose()?;
        let mut position = 0;
        let mut to_skip = 0;
        let mut batch_rows = options.batch_rows;
        if filter.is_none() {
            (position, to_skip) = self.seek(std::mem::take(&mut options.offset))?;
            if let Some(limit) = options.limit.and_then(|limit| usize::try_from(limit).ok()) {
                batch_rows = Some(batch_rows.unwrap_or(usize::MAX).min(limit).max(1));
            }
        }
        let scan = Scan::new(&narrowed, &options)?;
        Ok(scan.apply(PartsBatches {
            folder: Arc::clone(&self.folder),
            parts: self.parts.clone(),
            schema: Arc::clone(&self.schema),
            narrowed: Arc::new(narrowed),
            columns,
            filter,
            position,
            to_skip,
            batch_rows,
            current: None,
        }))
    }

    fn part(&self, position: u64) -> Result<PartFile<F::Reader>> {
        open_part(self.folder.as_ref(), &self.parts, position)
    }

    /// The last part before which no more than `offset` rows stand, and how many of its rows are still to be skipped. Where
    /// a part does not tell, that is the first part.
    fn seek(&self, offset: u64) -> Result<(u64, u64)> {
        let (mut low, mut rows_before) = (0, 0);
        let mut high = if offset == 0 { 0 } else { self.parts.count() };
        // Part `low` is known to begin at or before the offset, part `high` after it.
        while high.saturating_sub(low) > 1 {
            let middle = low + (high - low) / 2;
            match self.part(middle)?.rows_before().filter(|before| before.part == middle) {
                None => high = middle,
                Some(before) if before.rows > offset => high = middle,
                Some(before) => (low, rows_before) = (middle, before.rows),
            }
        }
        Ok((low, offset - rows_before))
    }
}

/// The batches of all parts, one part after the other, with the columns that a scan needs.
pub struct PartsBatches<F> {
    folder: Arc<F>,
    parts: PartList,
    /// All columns of the table, and those that are read.
    schema: SchemaRef,
    narrowed: SchemaRef,
    columns: Vec<usize>,
    filter: Option<Filter>,
    position: u64,
    to_skip: u64,
    batch_rows: Option<usize>,
    current: Option<PartBatches>,
}

impl<F: PartFolder> PartsBatches<F> {
    /// Opens the next part; `None` after the last.
    fn advance(&mut self) -> Result<Option<PartBatches>> {
        while self.position < self.parts.count() {
            let part = open_part(self.folder.as_ref(), &self.parts, self.position)?;
            self.position += 1;
            check_same_columns(&self.schema, part.schema()).map_err(|error| {
                Error::new(
                    ErrorKind::Corrupt,
                    format!("the part '{}' differs from the first one: {}", part.name(), error.message()),
                )
            })?;
            if part.rows() <= self.to_skip {
                self.to_skip -= part.rows();
                continue;
            }
            let skipped = std::mem::take(&mut self.to_skip);
            return part.batches(&self.columns, self.filter.as_ref(), skipped, self.batch_rows).map(Some);
        }
        Ok(None)
    }
}

impl<F: PartFolder> Iterator for PartsBatches<F> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = self.current.as_mut().and_then(Iterator::next) {
                return Some(batch.and_then(|batch| align_batch(batch, &self.narrowed)));
            }
            match self.advance().transpose()? {
                Ok(batches) => self.current = Some(batches),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Opens the part at `position` of a list that was taken before.
pub(crate) fn open_part<F: PartFolder>(
    folder: &F,
    parts: &PartList,
    position: u64,
) -> Result<PartFile<F::Reader>> {
    let name = parts
        .name(position)
        .ok_or_else(|| Error::new(ErrorKind::Internal, format!("the table has no part {position}")))?;
    let reader = folder.open(&name).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::new(
            ErrorKind::Conflict,
            format!("the part '{name}' vanished, the table was replaced or removed meanwhile"),
        )
        .hint("open the table again")
        .caused_by(error),
        _ => error,
    })?;
    PartFile::open(reader, &name)
}
