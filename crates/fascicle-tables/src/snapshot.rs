//! Reading a table: the parts that were committed at one moment.

use crate::{
    PartBatches, PartFile, Scan, ScannedBatches,
    file_name::FileName,
    part_list::{PartList, list_parts},
    parts::{ListedName, PartFolder},
    schema::{check_extends, fit_to},
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fascicle_backend::{Codec, Error, ErrorKind, Predicate, Result, ScanOptions, TableDescription};
use parquet::file::reader::ChunkReader;
use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How many parts stay open between calls.
const MOST_OPEN: usize = 64;
/// How often, and after which time, one looks again when parts vanish while they are looked at.
const LOOKS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(5);
/// How often a scan looks for parts that vanished.
const MOST_RESUMES: u32 = 1000;

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
        while_parts_move(|| Self::open_once(Arc::clone(&folder)))
    }

    /// Describes the table in `folder` as it is at this moment; see [`TableSnapshot::describe`].
    pub fn describe_folder(folder: &Arc<F>) -> Result<TableDescription> {
        while_parts_move(|| Self::open_once(Arc::clone(folder))?.describe())
    }

    /// Reads the table in `folder` as it is at this moment; see [`TableSnapshot::scan`].
    pub fn scan_folder(folder: &Arc<F>, options: &ScanOptions) -> Result<TableScan<F>> {
        while_parts_move(|| Self::open_once(Arc::clone(folder))?.scan(options))
    }

    fn open_once(folder: Arc<F>) -> Result<Self> {
        let parts = list_parts(folder.as_ref())?;
        let first = open_part(folder.as_ref(), &parts, 0)?;
        // The files of another program's data set may come from several tables.
        let identity = parts.next().and_then(|_| first.table().map(str::to_owned));
        let mut schema = Arc::clone(first.table_schema());
        let mut opened = BTreeMap::from([(0, first)]);
        // The columns of a table grow: the last part that belongs to it has them all.
        for position in (1..parts.count()).rev() {
            let part = open_part(folder.as_ref(), &parts, position)?;
            let is_last = belongs(&part, identity.as_deref());
            if is_last {
                check_part(part.table_schema(), &schema, part.name())?;
                schema = Arc::clone(part.table_schema());
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
        self.rows_of_first(self.parts.count())
    }

    /// The rows of the first `count` parts.
    fn rows_of_first(&self, count: u64) -> Result<u64> {
        let mut rows = 0u64;
        let too_many = || Error::new(ErrorKind::Corrupt, "the rows of the table cannot be counted");
        for position in (0..count).rev() {
            let (its_rows, before) =
                self.with_part(position, |part| match belongs(part, self.identity.as_deref()) {
                    true => (part.rows(), rows_before(part, &self.parts, position)),
                    false => (0, None),
                })?;
            rows = rows.checked_add(its_rows).ok_or_else(too_many)?;
            if let Some(before) = before {
                return rows.checked_add(before).ok_or_else(too_many);
            }
        }
        Ok(rows)
    }

    /// The rows before the part at `position`.
    pub(crate) fn rows_before_part(&self, position: u64) -> Result<u64> {
        let noted = self.with_part(position, |part| rows_before(part, &self.parts, position))?;
        noted.map_or_else(|| self.rows_of_first(position), Ok)
    }

    /// How the pages of the part at `position` are compressed.
    pub(crate) fn codec_of(&self, position: u64) -> Result<Option<Codec>> {
        self.with_part(position, PartFile::codec)
    }

    /// The nonces of the parts whose rows are in the part at `position`.
    pub(crate) fn nonces_of(&self, position: u64) -> Result<Vec<String>> {
        self.with_part(position, |part| part.nonces().into_iter().map(str::to_owned).collect())
    }

    /// Looks at the part at `position`, which is opened unless it is open.
    fn with_part<T>(&self, position: u64, look: impl FnOnce(&PartFile<F::Reader>) -> T) -> Result<T> {
        let known = self.opened.lock().unwrap_or_else(PoisonError::into_inner).remove(&position);
        let part = match known {
            Some(part) => part,
            None => open_part(self.folder.as_ref(), &self.parts, position)?,
        };
        let seen = look(&part);
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.len() < MOST_OPEN {
            opened.insert(position, part);
        }
        Ok(seen)
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
        self.parts.iter().map(|part| self.size_of(part)).sum()
    }

    /// The bytes of one part.
    pub(crate) fn size_of(&self, part: &ListedName) -> Result<u64> {
        size_of(self.folder.as_ref(), part)
    }

    /// Reads the rows that `options` ask for, in the order in which they were committed.
    ///
    /// - Parts that are merged with others meanwhile are looked for under their new name: every row comes once.
    /// - Cost: the footers of the parts from the first one that is not skipped on; their row groups and pages that may hold
    ///   selected rows; the columns that are projected or named by the predicate. Parts beyond the limit are not opened.
    /// - Memory: one batch, and one page of each column.
    /// - Errors: `InvalidInput` for an unknown column or a literal that does not fit; from the iterator `Corrupt`, naming the
    ///   part, and `Conflict` when the table was replaced or removed meanwhile.
    pub fn scan(&self, options: &ScanOptions) -> Result<TableScan<F>> {
        // Refuses a predicate that makes no sense before anything is read.
        Scan::new(&self.schema, options)?;
        let mut options = options.clone();
        let mut start = Start { position: 0, rows_before: 0, to_skip: 0 };
        if options.predicate.is_none() {
            start = self.seek(std::mem::take(&mut options.offset))?;
            if let Some(limit) = options.limit.and_then(|limit| usize::try_from(limit).ok()) {
                options.batch_rows = Some(options.batch_rows.unwrap_or(usize::MAX).min(limit).max(1));
            }
        }
        self.scan_from(start, self.parts.count(), true, options)
    }

    /// Reads all rows of the parts at these positions. Fails with `Conflict` when one of them vanishes.
    pub(crate) fn scan_parts(&self, positions: Range<u64>) -> Result<TableScan<F>> {
        let start = Start { position: positions.start, rows_before: 0, to_skip: 0 };
        self.scan_from(start, positions.end, false, ScanOptions::default())
    }

    fn scan_from(
        &self,
        start: Start,
        end: u64,
        resumes: bool,
        mut options: ScanOptions,
    ) -> Result<TableScan<F>> {
        let predicate = options.predicate.take();
        let columns: Vec<usize> = Scan::new(&self.schema, &options)?.needed_columns().into_iter().collect();
        let narrowed = self.schema.project(&columns).map_err(|error| {
            Error::new(ErrorKind::Internal, "the columns cannot be selected").caused_by(error)
        })?;
        let batch_rows = options.batch_rows;
        let scan = Scan::new(&narrowed, &options)?;
        Ok(scan.apply(PartsBatches {
            folder: Arc::clone(&self.folder),
            parts: self.parts.clone(),
            schema: Arc::clone(&self.schema),
            identity: self.identity.clone(),
            narrowed: Arc::new(narrowed),
            predicate,
            opened: std::mem::take(&mut *self.opened.lock().unwrap_or_else(PoisonError::into_inner)),
            position: start.position,
            end,
            rows_before: start.rows_before,
            to_skip: start.to_skip,
            batch_rows,
            current: None,
            given: 0,
            to_drop: 0,
            resumes_left: if resumes { MOST_RESUMES } else { 0 },
        }))
    }

    /// The last part before which no more than `offset` rows stand, and how many of its rows are still to be skipped. Where
    /// a part does not tell, that is the first part.
    fn seek(&self, offset: u64) -> Result<Start> {
        let (mut low, mut rows_before_low) = (0, 0);
        let mut high = if offset == 0 { 0 } else { self.parts.count() };
        // Part `low` is known to begin at or before the offset, part `high` after it.
        while high.saturating_sub(low) > 1 {
            let middle = low + (high - low) / 2;
            let before = self.with_part(middle, |part| match belongs(part, self.identity.as_deref()) {
                true => rows_before(part, &self.parts, middle),
                false => None,
            })?;
            match before {
                None => high = middle,
                Some(before) if before > offset => high = middle,
                Some(before) => (low, rows_before_low) = (middle, before),
            }
        }
        Ok(Start { position: low, rows_before: rows_before_low, to_skip: offset - rows_before_low })
    }
}

/// Where a scan begins.
struct Start {
    position: u64,
    /// The rows of all parts before that.
    rows_before: u64,
    /// How many rows of the part are left out.
    to_skip: u64,
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
    end: u64,
    /// The rows of all parts before `position`, and how many of those of the part there are left out.
    rows_before: u64,
    to_skip: u64,
    batch_rows: Option<usize>,
    current: Option<Current>,
    /// The selected rows of the current part that were returned, and those that were returned before it was opened anew.
    given: u64,
    to_drop: u64,
    resumes_left: u32,
}

/// The part that is being read.
struct Current {
    batches: PartBatches,
    /// Its rows, and where it was begun.
    rows: u64,
    skipped: u64,
}

impl<F: PartFolder> PartsBatches<F> {
    /// Opens the next part that is not skipped as a whole; `false` after the last.
    fn advance(&mut self) -> Result<bool> {
        if let Some(done) = self.current.take() {
            self.position += 1;
            self.rows_before = self.rows_before.saturating_add(done.rows);
            (self.given, self.to_drop) = (0, 0);
        }
        while self.position < self.end {
            let part = match self.opened.remove(&self.position) {
                Some(part) => part,
                None => open_part(self.folder.as_ref(), &self.parts, self.position)?,
            };
            if !belongs(&part, self.identity.as_deref()) {
                self.position += 1;
                continue;
            }
            check_part(&self.schema, part.schema(), part.name())?;
            if part.rows() <= self.to_skip {
                self.to_skip -= part.rows();
                self.rows_before = self.rows_before.saturating_add(part.rows());
                self.position += 1;
                continue;
            }
            let (rows, skipped) = (part.rows(), std::mem::take(&mut self.to_skip));
            let wanted = self.narrowed.fields().iter().map(|field| field.name().as_str());
            let batches = part.batches(wanted, self.predicate.as_ref(), skipped, self.batch_rows)?;
            self.current = Some(Current { batches, rows, skipped });
            return Ok(true);
        }
        Ok(false)
    }

    /// The next batch of selected rows.
    fn read(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let batch = self.current.as_mut().and_then(|current| current.batches.next()).transpose()?;
            let Some(batch) = batch else {
                if !self.advance()? {
                    return Ok(None);
                }
                continue;
            };
            let dropped = self.to_drop.min(batch.num_rows() as u64);
            self.to_drop -= dropped;
            // At most the number of rows, which is a `usize`.
            let kept = batch.num_rows() - dropped as usize;
            let batch = batch.slice(dropped as usize, kept);
            self.given += kept as u64;
            return fit_to(batch, &self.narrowed).map(Some);
        }
    }

    /// Looks where the rows are now that a part vanished, and goes on after those that were returned. Fails with `error` unless
    /// they are there.
    fn resume(&mut self, error: Error) -> Result<()> {
        let may_have_moved = matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound);
        if !may_have_moved || self.resumes_left == 0 {
            return Err(error);
        }
        self.resumes_left -= 1;
        let snapshot = match TableSnapshot::open(Arc::clone(&self.folder)) {
            Ok(snapshot) => snapshot,
            Err(_) => return Err(error),
        };
        let is_same = self.identity.is_some() && snapshot.identity == self.identity;
        if !is_same || check_extends(&snapshot.schema, &self.schema).is_err() {
            return Err(error);
        }
        // All rows before this one, by their numbers in the table, were passed.
        let mut begun = self.rows_before.saturating_add(self.to_skip);
        begun = begun.saturating_add(self.current.take().map_or(0, |current| current.skipped));
        if self.predicate.is_none() {
            begun = begun.saturating_add(std::mem::take(&mut self.given));
        }
        self.to_drop = self.given;
        let start = snapshot.seek(begun)?;
        (self.position, self.rows_before, self.to_skip) = (start.position, start.rows_before, start.to_skip);
        // Rows that were appended since come too: those of this moment are the ones that were read, and these.
        self.end = snapshot.parts.count();
        self.parts = snapshot.parts.clone();
        self.schema = Arc::clone(&snapshot.schema);
        self.opened = std::mem::take(&mut *snapshot.opened.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }
}

impl<F: PartFolder> Iterator for PartsBatches<F> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read() {
                Ok(Some(batch)) if batch.num_rows() == 0 => {}
                Ok(batch) => return batch.map(Ok),
                Err(error) => {
                    if let Err(error) = self.resume(error) {
                        self.current = None;
                        self.position = self.end;
                        return Some(Err(error));
                    }
                }
            }
        }
    }
}

/// Looks again when a part vanished that was listed: others merge parts, and their rows are elsewhere then.
pub(crate) fn while_parts_move<T>(look: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 0..LOOKS {
        match look() {
            Err(error) if error.kind() == ErrorKind::Conflict => std::thread::sleep(PAUSE),
            answer => return answer,
        }
    }
    look()
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
    let (number, _) = FileName::parse(&parts.part(position)?.name)?.parts()?;
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
    let reader = folder.open(name, size_bytes).map_err(|error| vanished(name, error))?;
    PartFile::open(reader, name)
}

/// The bytes of a part that was there before.
pub(crate) fn size_of(folder: &impl PartFolder, part: &ListedName) -> Result<u64> {
    let look = || folder.size_bytes(&part.name).map_err(|error| vanished(&part.name, error));
    part.size_bytes.map_or_else(look, Ok)
}

/// The error about a part that was there before.
fn vanished(name: &str, error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::new(
            ErrorKind::Conflict,
            format!("the part '{name}' vanished, the table was replaced or removed meanwhile"),
        )
        .hint("open the table again")
        .caused_by(error),
        _ => error,
    }
}
