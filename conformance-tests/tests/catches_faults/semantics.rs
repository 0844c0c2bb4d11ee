//! Faults of a backend as the semantics on top of it show them.

use crate::{
    Case, is_of_the_contract,
    planted::{Fault, Inner},
    ways::FAULTS,
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{
    ArrayDescription, ArrayOptions, ArraySpec, ArrayWriter, Attributes, BatchStream, ByteStream,
    CreateOutcome, EntryInfo, EntryKind, EntryPath, EntryStat, Error, ErrorKind, FileOptions, FileWriter,
    Listing, MetaRecord, MetaWriteMode, RecordKey, Region, Result, ScanOptions, TableDescription,
    TableOptions, TableWriter, Values, Version, WriteMode,
};
use fascicle_conformance::all;
use futures::{StreamExt, TryStreamExt, stream};
use libtest_mimic::Failed;
use std::{
    collections::BTreeSet,
    ops::Range,
    time::{Duration, SystemTime},
};

/// What a backend does wrong.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Way {
    /// Records are not kept, and everybody is told to have created them.
    ForgetsRecords,
    /// A record that exists is replaced, and everybody is told to have created it.
    EverybodyWins,
    /// Looking for a record that is missing creates it.
    LookingCreatesRecords,
    /// There seem to be no records when they are listed.
    ListsNoRecords,
    /// A meta that is written once stays as it is.
    MetasNeverChange,
    /// There seems to be no meta.
    MetasAreNotRead,
    /// Whole numbers in a meta lose their last digit.
    MetasLoseDigits,
    /// Text in a meta loses its quotes.
    MetasLoseQuotes,
    /// A broken meta reads as an empty one.
    BrokenMetasAreEmpty,
    /// No directory is created.
    DirectoriesAreRefused,
    /// Creating a directory that exists gives it another meta and is fine.
    DirectoriesAreSharedByCreators,
    /// The last entry of a directory is not listed.
    ListsAreShort,
    /// An entry that is not there is listed where nothing is.
    ListsAreNeverEmpty,
    /// Entries are listed in reverse order.
    ListsAreReversed,
    /// Directories are said to have no meta when they are listed.
    ListsHideMetas,
    /// Entries are said to be stored under another name.
    StoredNamesAreWrong,
    /// Everything exists when it is looked at.
    EverythingExists,
    /// What is missing is an error of the storage.
    MissingIsAnError,
    /// Every entry is said to be a file.
    EverythingIsAFile,
    /// Every entry is said to occupy nothing and to be from the beginning of time.
    NothingHasASize,
    /// What is removed stays.
    NothingIsRemoved,
    /// What moves is still in its old place, too.
    MovesAreCopies,
    /// Moving and copying is refused.
    NothingMoves,
    /// A copy of a directory has its entries and another meta.
    CopiesLoseTheirMeta,
    /// Attributes are not kept.
    ForgetsAttributes,
    /// Every other append is acknowledged and lost.
    LosesAppends,
    /// What is appended takes the place of what is there.
    AppendsReplace,
    /// Regions are written to the front.
    RegionsAreWrittenToTheFront,
    /// The first element that is read is another one.
    ReadsAreOff,
    /// Arrays are described with one row less.
    DescribesARowLess,
    /// Modes are ignored: everything is replaced.
    EverythingIsReplaced,
    /// Nothing is replaced, and that is not said.
    NothingIsReplaced,
    /// The first piece of a file is lost.
    FilesLoseAPiece,
    /// Files are read from the beginning, whatever is asked for.
    RangesAreIgnored,
    /// The first row of a table is not scanned.
    ScansLoseARow,
    /// Tables are said to have no rows.
    TablesAreDescribedWithoutRows,
    /// Errors do not say where.
    ErrorsLoseTheirPath,
    /// Every refusal is an internal error.
    ErrorsLoseTheirKind,
}

struct Wrong(Way, std::sync::atomic::AtomicU64);

impl Wrong {
    fn is(&self, way: Way) -> bool {
        self.0 == way
    }

    /// Whether this is every other call.
    fn every_other(&self) -> bool {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2 == 1
    }

    fn altered(&self, meta: Bytes) -> Bytes {
        let text = String::from_utf8_lossy(&meta).into_owned();
        match self.0 {
            Way::MetasLoseDigits => Bytes::from(text.replace("100", "10").replace("7\n", "\n")),
            Way::MetasLoseQuotes => Bytes::from(text.replace(['\'', '"'], "")),
            _ => meta,
        }
    }

    fn mode(&self, mode: WriteMode) -> WriteMode {
        if self.is(Way::EverythingIsReplaced) { WriteMode::Replace } else { mode }
    }

    /// Whether a write is to be swallowed.
    async fn is_swallowed(&self, inner: Inner<'_>, path: &EntryPath) -> bool {
        self.is(Way::NothingIsReplaced) && inner.stat(path).await.is_ok()
    }
}

/// A writer that takes everything and stores nothing.
struct Swallows;

#[async_trait]
impl FileWriter for Swallows {
    async fn write(&mut self, _bytes: Bytes) -> Result<()> {
        Ok(())
    }
    async fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl ArrayWriter for Swallows {
    async fn write(&mut self, _region: &Region, _values: Values) -> Result<()> {
        Ok(())
    }
    async fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl TableWriter for Swallows {
    async fn write(&mut self, _batch: RecordBatch) -> Result<()> {
        Ok(())
    }
    async fn finish(self: Box<Self>) -> Result<u64> {
        Ok(0)
    }
}

/// A writer that loses the first piece.
struct LosesAPiece(Box<dyn FileWriter>, bool);

#[async_trait]
impl FileWriter for LosesAPiece {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if std::mem::replace(&mut self.1, true) { self.0.write(bytes).await } else { Ok(()) }
    }
    async fn finish(self: Box<Self>) -> Result<()> {
        self.0.finish().await
    }
}

#[async_trait]
impl Fault for Wrong {
    fn error(&self, error: Error) -> Error {
        match self.0 {
            Way::ErrorsLoseTheirKind => Error::new(ErrorKind::Internal, error.message()),
            Way::ErrorsLoseTheirPath => Error::new(error.kind(), "something is wrong").relocated("somewhere"),
            Way::MissingIsAnError if error.is_not_found() => Error::new(ErrorKind::Storage, "it is gone"),
            _ => error,
        }
    }

    async fn list(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Listing> {
        let mut listing = inner.list(path).await?;
        match self.0 {
            Way::ListsAreShort => drop(listing.entries.pop()),
            Way::ListsAreNeverEmpty if listing.entries.is_empty() => {
                let (name, stored_name) = ("ghost".to_owned(), "ghost".to_owned());
                listing.entries.push(EntryInfo { name, kind: EntryKind::File, stored_name });
            }
            Way::ListsAreReversed => listing.entries.reverse(),
            Way::ListsHideMetas => listing.has_meta = false,
            Way::StoredNamesAreWrong => {
                listing.entries.iter_mut().for_each(|entry| entry.stored_name.push('~'));
            }
            _ => {}
        }
        Ok(listing)
    }

    async fn stat(&self, inner: Inner<'_>, path: &EntryPath) -> Result<EntryStat> {
        let mut stat = match inner.stat(path).await {
            Err(error) if self.is(Way::EverythingExists) && error.is_not_found() => {
                inner.stat(&EntryPath::root()).await?
            }
            stat => stat?,
        };
        match self.0 {
            Way::EverythingIsAFile => stat.kind = EntryKind::File,
            Way::NothingHasASize => {
                stat.size_bytes = 0;
                stat.modified = Some(SystemTime::UNIX_EPOCH);
            }
            _ => {}
        }
        Ok(stat)
    }

    async fn create_directory(&self, inner: Inner<'_>, path: &EntryPath, meta: Bytes) -> Result<Version> {
        let meta = self.altered(meta);
        if self.is(Way::DirectoriesAreRefused) {
            return Err(Error::new(ErrorKind::Storage, "there is no room for a directory"));
        }
        match inner.create_directory(path, meta.clone()).await {
            Err(error)
                if self.is(Way::DirectoriesAreSharedByCreators)
                    && error.kind() == ErrorKind::AlreadyExists =>
            {
                inner.write_meta(path, meta, MetaWriteMode::Overwrite).await
            }
            created => created,
        }
    }

    async fn remove(&self, inner: Inner<'_>, path: &EntryPath) -> Result<()> {
        if self.is(Way::NothingIsRemoved) {
            inner.stat(path).await.map(|_| ())
        } else {
            inner.remove(path).await
        }
    }

    async fn rename(&self, inner: Inner<'_>, from: &EntryPath, to: &EntryPath) -> Result<()> {
        match self.0 {
            Way::MovesAreCopies => inner.copy(from, to).await,
            Way::NothingMoves => Err(Error::new(ErrorKind::Unsupported, "nothing moves here")),
            _ => inner.rename(from, to).await,
        }
    }

    async fn copy(&self, inner: Inner<'_>, from: &EntryPath, to: &EntryPath) -> Result<()> {
        if self.is(Way::NothingMoves) {
            return Err(Error::new(ErrorKind::Unsupported, "nothing is copied here"));
        }
        inner.copy(from, to).await?;
        if self.is(Way::CopiesLoseTheirMeta) && inner.stat(to).await?.kind == EntryKind::Directory {
            let meta = Bytes::from_static(b"config: {type: Directory}\nstatus: done\n");
            inner.write_meta(to, meta, MetaWriteMode::Overwrite).await?;
        }
        Ok(())
    }

    async fn read_meta(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Option<MetaRecord>> {
        let record = inner.read_meta(path).await?;
        match self.0 {
            Way::MetasAreNotRead => Ok(None),
            Way::BrokenMetasAreEmpty => {
                Ok(record.filter(|record| std::str::from_utf8(&record.bytes).is_ok()))
            }
            _ => Ok(record),
        }
    }

    async fn write_meta(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        meta: Bytes,
        mode: MetaWriteMode,
    ) -> Result<Version> {
        let meta = self.altered(meta);
        match self.0 {
            Way::MetasNeverChange => Ok(Version::new("1")),
            _ => inner.write_meta(path, meta, mode).await,
        }
    }

    async fn read_attributes(&self, inner: Inner<'_>, path: &EntryPath) -> Result<Attributes> {
        let attributes = inner.read_attributes(path).await?;
        Ok(if self.is(Way::ForgetsAttributes) { Attributes::new() } else { attributes })
    }

    async fn create_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        if self.is_swallowed(inner, path).await {
            return Ok(Box::new(Swallows));
        }
        let writer = inner.files().create(path, options, self.mode(mode)).await?;
        Ok(if self.is(Way::FilesLoseAPiece) { Box::new(LosesAPiece(writer, false)) } else { writer })
    }

    async fn read_file(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream> {
        let range = range.filter(|_| !self.is(Way::RangesAreIgnored));
        inner.files().read(path, range).await
    }

    async fn append_file(&self, inner: Inner<'_>, path: &EntryPath, bytes: Bytes) -> Result<u64> {
        if self.is(Way::LosesAppends) && self.every_other() {
            return Ok(inner.stat(path).await?.size_bytes);
        }
        if self.is(Way::AppendsReplace) && inner.stat(path).await.is_ok() {
            let mut writer =
                inner.files().create(path, &FileOptions::default(), WriteMode::Overwrite).await?;
            writer.write(bytes).await?;
            writer.finish().await?;
            return Ok(0);
        }
        inner.files().append(path, bytes).await
    }

    async fn create_record(&self, inner: Inner<'_>, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        match self.0 {
            Way::ForgetsRecords => Ok(CreateOutcome::Created),
            Way::EverybodyWins => {
                inner.records().overwrite(key, body).await?;
                Ok(CreateOutcome::Created)
            }
            _ => inner.records().create(key, body).await,
        }
    }

    async fn read_record(&self, inner: Inner<'_>, key: &RecordKey) -> Result<Option<Bytes>> {
        let body = inner.records().read(key).await?;
        if self.is(Way::LookingCreatesRecords) && body.is_none() {
            inner.records().create(key, Bytes::from_static(b"{}")).await?;
        }
        Ok(body)
    }

    async fn list_records(&self, inner: Inner<'_>, prefix: &RecordKey) -> Result<Vec<RecordKey>> {
        let keys = inner.records().list(prefix).await?;
        Ok(if self.is(Way::ListsNoRecords) { Vec::new() } else { keys })
    }

    async fn create_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        if self.is_swallowed(inner, path).await {
            return Ok(Box::new(Swallows));
        }
        let store = crate::planted::some(inner.arrays())?;
        store.create(path, spec, options, self.mode(mode)).await
    }

    async fn describe_array(&self, inner: Inner<'_>, path: &EntryPath) -> Result<ArrayDescription> {
        let mut description = crate::planted::some(inner.arrays())?.describe(path).await?;
        if let (Way::DescribesARowLess, Some(rows @ 1..)) = (self.0, description.shape.rows()) {
            description.shape = description.shape.with_rows(rows - 1)?;
        }
        Ok(description)
    }

    async fn read_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        region: &Region,
        buffer: Values,
    ) -> Result<Values> {
        let values = crate::planted::some(inner.arrays())?.read(path, region, buffer).await?;
        if !self.is(Way::ReadsAreOff) || values.len() < 2 {
            return Ok(values);
        }
        let mut off = values.clone();
        off.copy_from(0, &values, 1..2)?;
        Ok(off)
    }

    async fn write_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        region: &Region,
        values: Values,
    ) -> Result<()> {
        let store = crate::planted::some(inner.arrays())?;
        if !self.is(Way::RegionsAreWrittenToTheFront) {
            return store.write(path, region, values).await;
        }
        let shape = store.describe(path).await?.shape;
        let rows = region.shape()?.rows().unwrap_or(1);
        let front = Region::rows(&shape, 0, rows);
        let fill = Values::zeros(values.dtype(), front.element_count()?)?;
        store.write(path, &front, fill).await
    }

    async fn append_array(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        rows: u64,
        values: Values,
    ) -> Result<u64> {
        let store = crate::planted::some(inner.arrays())?;
        let shape = store.describe(path).await?.shape;
        if self.is(Way::LosesAppends) && self.every_other() {
            return Ok(shape.rows().unwrap_or(0) + rows);
        }
        if self.is(Way::AppendsReplace) {
            let spec = ArraySpec { shape: shape.with_rows(rows)?, dtype: values.dtype() };
            let mut writer =
                store.create(path, &spec, &ArrayOptions::default(), WriteMode::Overwrite).await?;
            writer.write(&Region::whole(&spec.shape), values).await?;
            writer.finish().await?;
            return Ok(rows);
        }
        store.append(path, rows, values).await
    }

    async fn create_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        if self.is_swallowed(inner, path).await {
            return Ok(Box::new(Swallows));
        }
        let store = crate::planted::some(inner.tables())?;
        store.create(path, schema, options, self.mode(mode)).await
    }

    async fn append_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        schema: SchemaRef,
    ) -> Result<Box<dyn TableWriter>> {
        let store = crate::planted::some(inner.tables())?;
        if self.is(Way::LosesAppends) && self.every_other() {
            return Ok(Box::new(Swallows));
        }
        if self.is(Way::AppendsReplace) {
            return store.create(path, schema, &TableOptions::default(), WriteMode::Overwrite).await;
        }
        store.append(path, schema).await
    }

    async fn describe_table(&self, inner: Inner<'_>, path: &EntryPath) -> Result<TableDescription> {
        let mut description = crate::planted::some(inner.tables())?.describe(path).await?;
        if self.is(Way::TablesAreDescribedWithoutRows) {
            description.rows = 0;
        }
        Ok(description)
    }

    async fn scan_table(
        &self,
        inner: Inner<'_>,
        path: &EntryPath,
        options: &ScanOptions,
    ) -> Result<BatchStream> {
        let batches = crate::planted::some(inner.tables())?.scan(path, options).await?;
        if !self.is(Way::ScansLoseARow) {
            return Ok(batches);
        }
        let mut batches: Vec<RecordBatch> = batches.try_collect().await?;
        if let Some(first) = batches.first_mut() {
            *first = first.slice(first.num_rows().min(1), first.num_rows().saturating_sub(1));
        }
        Ok(stream::iter(batches.into_iter().map(Ok)).boxed())
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let case = |&(name, way, caught_by): &(&'static str, Way, &'static [&'static str])| {
        let mut case = Case::new(name, move || Wrong(way, 0.into()), caught_by).among_others();
        // What waits for something that never comes is broken, too.
        case.suite = case.suite.deadline(Duration::from_secs(4));
        case
    };
    FAULTS.iter().map(case).collect()
}

/// Whether each behaviour of the semantics is said to catch some planted fault, which shows that it can fail.
/// Behaviours that no planted fault breaks at every attempt: where another program builds, what is seen of it depends on when.
const NOT_SHOWN_TO_FAIL: [&str; 2] = [
    "build::a_running_directory_of_another_program_is_waited_for",
    "build::an_unfinished_directory_of_another_program_is_passed_over",
];

pub(crate) fn every_behaviour_can_fail() -> Result<(), Failed> {
    let of_maintenance = crate::maintenance::cases();
    let of_maintenance = of_maintenance.iter().flat_map(|case| case.caught_by).copied();
    let of_ways = FAULTS.iter().flat_map(|(_, _, caught_by)| *caught_by).copied();
    let caught: BTreeSet<&str> = of_ways.chain(of_maintenance).chain(NOT_SHOWN_TO_FAIL).collect();
    let behaviours = all().into_iter().filter(|behaviour| !is_of_the_contract(behaviour));
    let never: BTreeSet<&str> =
        behaviours.map(|behaviour| behaviour.name).filter(|name| !caught.contains(name)).collect();
    if never.is_empty() { Ok(()) } else { Err(Failed::from(format!("these never fail: {never:#?}"))) }
}
