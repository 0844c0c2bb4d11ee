//! Reading a table: the parts that were committed at one moment.

use crate::{
    PartBatches, PartFile, Scan, ScannedBatches,
    part_list::{PartList, list_parts},
    parts::{PartFolder, part_number},
    schema::{check_extends, fit_to},
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fascicle_backend::{Error, ErrorKind, Predicate, Result, ScanOptions, TableDescription};
use parquet::file::reader::ChunkReader;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The parts of a table at one moment. Cost of opening: one listing and the footers of the first and the last part.
pub struct TableSnapshot<F: PartFolder> {
    folder: Arc<F>,
    parts: PartList,
    schema: SchemaRef,
    identity: Option<String>,
    /// Parts that were opened to learn this, for the first scan.
    opened: Mutex<BTreeMap<u64, PartFile<F::Reader>>>,
}

/// The rows of a table as they are read, see [`TableSnapshot::scan`].
pub type TableScan<F> = ScannedBatches<PartsBatches<F>>;

impl<F: PartFolder> TableSnapshot<F> {
    /// Takes the state of the table at this moment. Errors: `NotFound`, `Corrupt` naming the file.
    pub fn open(folder: Arc<F>) -> Result<Self> {
        let parts = list_parts(folder.as_ref())?;
        let first = open_part(folder.as_ref(), &parts, 0)?;
        // The files of another program's data set may come from several tables.
        let identity = parts.next().and_then(|_| first.table().map(str::to_owned));
        let mut schema = Arc::clone(first.schema());
        let mut opened = BTreeMap::from([(0, first)]);
        // The columns of a table grow: the last part that belongs to it has them all.
        for position in (1..parts.count()).rev() {
            let part = open_part(folder.as_ref(), &parts, position)?;
            let is_last = belongs(&part, identity.as_deref());
            if is_last {
                check_part(part.schema(), &schema, part.name())?;
                schema = Arc::clone(part.schema());
            }
            opened.insert(position, part);
            if is_last || parts.next().is_none() {
                break;
            }
        }
        Ok(TableSnapshot { folder, parts, schema, identity, opened: Mutex::new(opened) })
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The parts.
    pub fn parts(&self) -> &PartList {
        &self.parts
    }

    /// What tells the table from another one under its name; `None` where the writer did not say.
    pub fn identity(&self) -> Option<&str> {
        self.identity.as_deref()
    }

    /// The number of rows. Cost: usually nothing more; all footers where other programs wrote the parts.
    pub fn rows(&self) -> Result<u64> {
        let mut rows = 0u64;
        let too_many = || Error::new(ErrorKind::Corrupt, "the rows of the table cannot be counted");
        for position in (0..self.parts.count()).rev() {
            let known = self.opened.lock().unwrap_or_else(PoisonError::into_inner).remove(&position);
            let part = match known {
                Some(part) => part,
                None => open_part(self.folder.as_ref(), &self.parts, position)?,
            };
            let mut before = None;
            if belongs(&part, self.identity.as_deref()) {
                rows = rows.checked_add(part.rows()).ok_or_else(too_many)?;
                before = rows_before(&part, &self.parts, position);
            }
            self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(position, part);
            if let Some(before) = before {
                return rows.checked_add(before).ok_or_else(too_many);
            }
        }
        Ok(rows)
    }

    /// Describes the table. Cost: as [`TableSnapshot::rows`], and the length of every file that listing did not tell.
    pub fn describe(&self) -> Result<TableDescription> {
        Ok(TableDescription {
            schema: Arc::clone(&self.schema),
            rows: self.rows()?,
            parts: self.parts.count(),
            stored_bytes: self.stored_bytes()?,
            format: "parquet",
        })
    }

    /// The bytes of all parts.
    pub fn stored_bytes(&self) -> Result<u64> {
        let sizes = self.parts.iter().map(|part| match part.size_bytes {
            Some(bytes) => Ok(bytes),
            None => self.folder.size_bytes(&part.name),
        });
        sizes.sum()
    }

    /// Reads the rows that `options` ask for, in the order in which they were committed.
    ///
    /// - Cost: the footers of the parts from the first one that is not skipped on; their row groups and pages that may hold
    ///   selected rows; the columns that are projected or named by the predicate. Parts beyond the limit are not opened.
    /// - Memory: one batch, and one page of each column.
    /// - Errors: `InvalidInput` for an unknown column or a literal that does not fit; from the iterator `Corrupt`, naming the
    ///   part, and `Conflict` when the table was removed meanwhile.
    pub fn scan(&self, options: &ScanOptions) -> Result<TableScan<F>> {
        // Refuses a predicate that makes no sense before anything is read.
        Scan::new(&self.schema, options)?;
        let mut options = options.clone();
        let predicate = options.predicate.take();
        let columns: Vec<usize> = Scan::new(&self.schema, &options)?.needed_columns().into_iter().collect();
        let narrowed = self.schema.project(&columns).map_err(|error| {
            Error::new(ErrorKind::Internal, "the columns cannot be selected").caused_by(error)
        })?;
        let mut position = 0;
        let mut to_skip = 0;
        let mut batch_rows = options.batch_rows;
        if predicate.is_none() {
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
            identity: self.identity.clone(),
            narrowed: Arc::new(narrowed),
            predicate,
            opened: std::mem::take(&mut *self.opened.lock().unwrap_or_else(PoisonError::into_inner)),
            position,
            to_skip,
            batch_rows,
            current: None,
        }))
    }

    /// The last part before which no more than `offset` rows stand, and how many of its rows are still to be skipped. Where
    /// a part does not tell, that is the first part.
    fn seek(&self, offset: u64) -> Result<(u64, u64)> {
        let (mut low, mut rows_before_low) = (0, 0);
        let mut high = if offset == 0 { 0 } else { self.parts.count() };
        // Part `low` is known to begin at or before the offset, part `high` after it.
        while high.saturating_sub(low) > 1 {
            let middle = low + (high - low) / 2;
            let part = open_part(self.folder.as_ref(), &self.parts, middle)?;
            let before = match belongs(&part, self.identity.as_deref()) {
                true => rows_before(&part, &self.parts, middle),
                false => None,
            };
            match before {
                None => high = middle,
                Some(before) if before > offset => high = middle,
                Some(before) => (low, rows_before_low) = (middle, before),
            }
        }
        Ok((low, offset - rows_before_low))
    }
}

/// The selected rows of all parts, one part after the other, with the columns that a scan needs.
pub struct PartsBatches<F: PartFolder> {
    folder: Arc<F>,
    parts: PartList,
    /// All columns of the table, and those that are read.
    schema: SchemaRef,
    narrowed: SchemaRef,
    identity: Option<String>,
    predicate: Option<Predicate>,
    opened: BTreeMap<u64, PartFile<F::Reader>>,
    position: u64,
    to_skip: u64,
    batch_rows: Option<usize>,
    current: Option<PartBatches>,
}

impl<F: PartFolder> PartsBatches<F> {
    /// Opens the next part; `None` after the last.
    fn advance(&mut self) -> Result<Option<PartBatches>> {
        while self.position < self.parts.count() {
            let part = match self.opened.remove(&self.position) {
                Some(part) => part,
                None => open_part(self.folder.as_ref(), &self.parts, self.position)?,
            };
            self.position += 1;
            if !belongs(&part, self.identity.as_deref()) {
                continue;
            }
            check_part(&self.schema, part.schema(), part.name())?;
            if part.rows() <= self.to_skip {
                self.to_skip -= part.rows();
                continue;
            }
            let skipped = std::mem::take(&mut self.to_skip);
            let wanted = self.narrowed.fields().iter().map(|field| field.name().as_str());
            return part.batches(wanted, self.predicate.as_ref(), skipped, self.batch_rows).map(Some);
        }
        Ok(None)
    }
}

impl<F: PartFolder> Iterator for PartsBatches<F> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(batch) = self.current.as_mut().and_then(Iterator::next) {
                return Some(batch.and_then(|batch| fit_to(batch, &self.narrowed)));
            }
            match self.advance().transpose()? {
                Ok(batches) => self.current = Some(batches),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Whether a part is one of the table that `identity` tells from others. A writer that knew an earlier table under the same
/// name may have left one that is not.
pub(crate) fn belongs<R: ChunkReader + 'static>(part: &PartFile<R>, identity: Option<&str>) -> bool {
    match (part.table(), identity) {
        (Some(table), Some(identity)) => table == identity,
        _ => true,
    }
}

/// The rows before the part at `position`, where its writer noted them and it stands where it was meant to.
fn rows_before<R: ChunkReader + 'static>(part: &PartFile<R>, parts: &PartList, position: u64) -> Option<u64> {
    let number = part_number(&parts.part(position)?.name)?;
    part.rows_before().filter(|before| before.part == number).map(|before| before.rows)
}

/// Fails with `Corrupt`, naming the part, unless every column of `narrow` is one of `wide`, and the others are nullable.
fn check_part(wide: &SchemaRef, narrow: &SchemaRef, name: &str) -> Result<()> {
    check_extends(wide, narrow).map_err(|error| {
        let why = format!("the part '{name}' does not fit the others: {}", error.message());
        Error::new(ErrorKind::Corrupt, why)
    })
}

/// Opens the part at `position` of a list that was taken before.
pub(crate) fn open_part<F: PartFolder>(
    folder: &F,
    parts: &PartList,
    position: u64,
) -> Result<PartFile<F::Reader>> {
    let part = parts
        .part(position)
        .ok_or_else(|| Error::new(ErrorKind::Internal, format!("the table has no part {position}")))?;
    open_named(folder, &part.name, part.size_bytes)
}

/// Opens the part of this name, which was there before.
pub(crate) fn open_named<F: PartFolder>(
    folder: &F,
    name: &str,
    size_bytes: Option<u64>,
) -> Result<PartFile<F::Reader>> {
    let reader = folder.open(name, size_bytes).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::new(
            ErrorKind::Conflict,
            format!("the part '{name}' vanished, the table was replaced or removed meanwhile"),
        )
        .hint("open the table again")
        .caused_by(error),
        _ => error,
    })?;
    PartFile::open(reader, name)
}
