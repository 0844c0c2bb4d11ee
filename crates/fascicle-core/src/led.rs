//! Readers of a directory at a given path are led to where its entries are.
//!
//! A directory that is built at a given path stands there from the first moment, with its meta; its entries are written into a
//! directory of the attempt within it, so that no two attempts ever write to one place. When the build is done they are moved
//! up, one step for each, where the storage moves entries in one step; elsewhere they stay where they are. Whoever looks for an
//! entry that is not where its path says is led to the attempt that the meta names.
//!
//! Cost: where an entry is missing, the metas of the directories above it are read.

use crate::meta::is_attempt_name;
use crate::{
    AppendOptions, ArrayDescription, ArrayOptions, ArraySpec, ArrayStore, ArrayWriter, Attributes, Backend,
    BatchStream, ByteStream, Capabilities, Capability, CompactOptions, Compaction, EntryInfo, EntryPath,
    EntryStat, FileOptions, FileStore, FileWriter, Flaw, FlawKind, Leftover, Listing, Maintenance, Meta,
    MetaRecord, MetaStamp, MetaWriteMode, RecordStore, Region, Result, ScanOptions, Status, TableDescription,
    TableOptions, TableStore, TableWriter, Values, Version, WriteMode,
};
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;

/// Elements of so many bytes are kept for a second try when an array is changed.
const COPIED_BYTES: usize = 1 << 20;

/// A backend that leads to entries which are not where their paths say.
#[derive(Debug)]
pub(crate) struct Led {
    inner: Arc<dyn Backend>,
}

impl Led {
    pub(crate) fn new(inner: Arc<dyn Backend>) -> Self {
        Led { inner }
    }

    /// Whether the entries of a finished build are moved up to the path that was given.
    fn moves(&self) -> bool {
        self.inner.capabilities().has(Capability::Rename)
    }

    /// Where an entry is that is not at `path`: in the attempt of the nearest directory above that is, or was, built there.
    async fn ahead(&self, path: &EntryPath) -> Ahead {
        for directory in path.ancestors().collect::<Vec<_>>().into_iter().rev() {
            let Ok(Some(record)) = self.inner.read_meta(&directory).await else { continue };
            let Ok(meta) = Meta::from_bytes(&record.bytes) else { continue };
            let Some(attempt) = attempt_of(&directory, &meta) else { continue };
            let is_in_attempt = path.is_within(&attempt);
            if is_in_attempt && self.moves() || !self.holds_entries(&meta) {
                return Ahead::MovedUp;
            }
            let within = path.as_str().strip_prefix(directory.as_str()).unwrap_or_default();
            if !is_in_attempt && let Ok(ahead) = attempt.join(within.trim_start_matches('/')) {
                return Ahead::In(ahead);
            }
        }
        Ahead::Nowhere
    }

    /// Whether the attempt of a directory with this meta holds its entries: where they are moved they leave it in the end.
    fn holds_entries(&self, meta: &Meta) -> bool {
        meta.status != Status::Done || !self.moves()
    }

    /// Where an entry is to be created.
    async fn place(&self, path: &EntryPath) -> Result<EntryPath> {
        let mut place = path.clone();
        while !self.moves()
            && let Ahead::In(ahead) = self.ahead(&place).await
            && let Some(attempt) = ahead.parent()
        {
            // A copy of such a directory holds its entries itself.
            match self.inner.stat(&attempt).await {
                Ok(_) => place = ahead,
                Err(error) if error.is_not_found() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(place)
    }

    /// Where an entry is that is to be changed.
    async fn existing(&self, path: &EntryPath) -> Result<EntryPath> {
        if self.moves() {
            return Ok(path.clone());
        }
        let mut place = path.clone();
        loop {
            match self.inner.stat(&place).await {
                Err(error) if error.is_not_found() => match self.ahead(&place).await {
                    Ahead::In(ahead) => place = ahead,
                    Ahead::MovedUp | Ahead::Nowhere => return Ok(path.clone()),
                },
                _ => return Ok(place),
            }
        }
    }

    /// Whether it is found out where an array is before it is changed, instead of trying and keeping a copy of the elements.
    fn looks_first(&self, values: &Values) -> bool {
        self.moves() || values.as_bytes().is_none_or(|bytes| bytes.len() > COPIED_BYTES)
    }

    fn arrays_within(&self) -> Result<&dyn ArrayStore> {
        self.inner.arrays().ok_or_else(|| undeclared("arrays"))
    }

    fn tables_within(&self) -> Result<&dyn TableStore> {
        self.inner.tables().ok_or_else(|| undeclared("tables"))
    }
}

/// The directory of the attempt that built, or builds, a directory at a given path.
fn attempt_of(directory: &EntryPath, meta: &Meta) -> Option<EntryPath> {
    directory.join(&meta.build.as_ref()?.attempt_name()?).ok()
}

fn undeclared(what: &str) -> crate::Error {
    crate::Error::new(crate::ErrorKind::Unsupported, format!("this storage does not offer '{what}'"))
}

/// Where an entry is that was not found at a path.
enum Ahead {
    /// Here, as far as the metas above it say.
    In(EntryPath),
    /// It may have been moved up from the attempt since it was looked for, to where it was asked for at first.
    MovedUp,
    /// Nowhere else.
    Nowhere,
}

/// Awaits `$call` on `$path`, and where nothing is found on what that leads to. Entries are moved one way only, so that one that
/// moved while it was looked for is found by looking once more.
macro_rules! led {
    ($self:ident, $path:ident, $call:expr) => {{
        let asked = $path;
        let mut place = asked.clone();
        let mut missing = None;
        let mut looks_again = false;
        loop {
            let $path = &place;
            match $call.await {
                Err(error) if error.is_not_found() => {
                    let error = missing.take().unwrap_or(error);
                    match $self.ahead($path).await {
                        Ahead::In(ahead) => (place, missing) = (ahead, Some(error)),
                        Ahead::MovedUp if !looks_again => {
                            (place, missing, looks_again) = (asked.clone(), Some(error), true);
                        }
                        Ahead::MovedUp | Ahead::Nowhere => break Err(error),
                    }
                }
                answer => break answer,
            }
        }
    }};
}

#[async_trait]
impl Backend for Led {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn location(&self) -> String {
        self.inner.location()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn list(&self, directory: &EntryPath) -> Result<Listing> {
        led!(self, directory, self.list_at(directory))
    }

    async fn stat(&self, path: &EntryPath) -> Result<EntryStat> {
        led!(self, path, self.inner.stat(path))
    }

    async fn create_directory(&self, path: &EntryPath, meta: Bytes) -> Result<Version> {
        self.inner.create_directory(&self.place(path).await?, meta).await
    }

    async fn remove(&self, path: &EntryPath) -> Result<()> {
        led!(self, path, self.inner.remove(path))
    }

    async fn rename(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        let to = self.place(to).await?;
        led!(self, from, self.inner.rename(from, &to))
    }

    async fn copy(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        let to = self.place(to).await?;
        led!(self, from, self.inner.copy(from, &to))
    }

    async fn read_meta(&self, directory: &EntryPath) -> Result<Option<MetaRecord>> {
        led!(self, directory, self.inner.read_meta(directory))
    }

    async fn meta_stamps(&self, directory: &EntryPath) -> Result<Option<Vec<MetaStamp>>> {
        self.inner.meta_stamps(directory).await
    }

    async fn write_meta(&self, directory: &EntryPath, meta: Bytes, mode: MetaWriteMode) -> Result<Version> {
        led!(self, directory, self.inner.write_meta(directory, meta.clone(), mode.clone()))
    }

    async fn read_attributes(&self, path: &EntryPath) -> Result<Attributes> {
        led!(self, path, self.inner.read_attributes(path))
    }

    async fn write_attributes(&self, path: &EntryPath, attributes: &Attributes) -> Result<()> {
        led!(self, path, self.inner.write_attributes(path, attributes))
    }

    fn files(&self) -> &dyn FileStore {
        self
    }

    fn records(&self) -> &dyn RecordStore {
        self.inner.records()
    }

    fn arrays(&self) -> Option<&dyn ArrayStore> {
        self.inner.arrays().map(|_| self as &dyn ArrayStore)
    }

    fn tables(&self) -> Option<&dyn TableStore> {
        self.inner.tables().map(|_| self as &dyn TableStore)
    }

    fn maintenance(&self) -> Option<&dyn Maintenance> {
        self.inner.maintenance().map(|_| self as &dyn Maintenance)
    }
}

impl Led {
    fn maintenance_within(&self) -> Result<&dyn Maintenance> {
        self.inner.maintenance().ok_or_else(|| undeclared("maintenance"))
    }
}

#[async_trait]
impl Maintenance for Led {
    async fn leftovers(&self) -> Result<Vec<Leftover>> {
        self.maintenance_within()?.leftovers().await
    }

    async fn collect(&self, leftover: &Leftover) -> Result<bool> {
        self.maintenance_within()?.collect(leftover).await
    }

    async fn flaws(&self, path: &EntryPath) -> Result<Vec<Flaw>> {
        let maintenance = self.maintenance_within()?;
        led!(self, path, maintenance.flaws(path))
    }

    async fn mend(&self, path: &EntryPath, kind: FlawKind) -> Result<bool> {
        let maintenance = self.maintenance_within()?;
        led!(self, path, maintenance.mend(path, kind))
    }

    async fn remove_directory_if(&self, path: &EntryPath, meta: &Version) -> Result<bool> {
        // Only what stands at the path itself has that version.
        self.maintenance_within()?.remove_directory_if(path, meta).await
    }
}

impl Led {
    /// The entries of a directory, those included that the attempt holds which its meta names; without any attempt.
    async fn list_at(&self, directory: &EntryPath) -> Result<Listing> {
        let listing = self.inner.list(directory).await?;
        if directory.is_root() || !listing.entries.iter().any(|entry| is_attempt_name(&entry.name)) {
            return Ok(listing);
        }
        let meta = self.inner.read_meta(directory).await?;
        let meta = meta.and_then(|record| Meta::from_bytes(&record.bytes).ok());
        let Some(meta) =
            meta.filter(|meta| meta.build.as_ref().is_some_and(|mark| mark.attempt_name().is_some()))
        else {
            return Ok(listing);
        };
        let attempt = attempt_of(directory, &meta).filter(|_| self.holds_entries(&meta));
        let Some(attempt) = attempt else { return Ok(without_attempts(listing)) };
        let held = match self.inner.list(&attempt).await {
            Ok(held) => held.entries,
            // Moved up to the last entry meanwhile.
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => return Err(error),
        };
        // What was moved up since the first look is held no more: only a look after that at the attempt shows all.
        let listing = if self.moves() { self.inner.list(directory).await? } else { listing };
        let mut listing = without_attempts(listing);
        listing.entries.extend(held);
        // An entry that was moved up between the two looks is listed once.
        let order = |entry: &EntryInfo| (entry.name.clone(), entry.stored_name.clone());
        listing.entries.sort_by_cached_key(order);
        listing.entries.dedup();
        Ok(listing)
    }
}

fn without_attempts(mut listing: Listing) -> Listing {
    listing.entries.retain(|entry| !is_attempt_name(&entry.name));
    listing
}

#[async_trait]
impl FileStore for Led {
    async fn create(
        &self,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        self.inner.files().create(&self.place(path).await?, options, mode).await
    }

    async fn read(&self, path: &EntryPath, range: Option<Range<u64>>) -> Result<ByteStream> {
        led!(self, path, self.inner.files().read(path, range.clone()))
    }

    async fn append(&self, path: &EntryPath, bytes: Bytes) -> Result<u64> {
        led!(self, path, self.inner.files().append(path, bytes.clone()))
    }
}

#[async_trait]
impl ArrayStore for Led {
    async fn create(
        &self,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        self.arrays_within()?.create(&self.place(path).await?, spec, options, mode).await
    }

    async fn describe(&self, path: &EntryPath) -> Result<ArrayDescription> {
        let arrays = self.arrays_within()?;
        led!(self, path, arrays.describe(path))
    }

    async fn read(&self, path: &EntryPath, region: &Region, buffer: Values) -> Result<Values> {
        let arrays = self.arrays_within()?;
        let (dtype, count, mut buffer) = (buffer.dtype(), buffer.len() as u64, Some(buffer));
        led!(self, path, async {
            // The first try takes the buffer along.
            let buffer = buffer.take().map_or_else(|| Values::zeros(dtype, count), Ok)?;
            arrays.read(path, region, buffer).await
        })
    }

    async fn write(&self, path: &EntryPath, region: &Region, values: Values) -> Result<()> {
        let arrays = self.arrays_within()?;
        if self.looks_first(&values) {
            return arrays.write(&self.existing(path).await?, region, values).await;
        }
        led!(self, path, arrays.write(path, region, values.clone()))
    }

    async fn append(&self, path: &EntryPath, rows: u64, values: Values) -> Result<u64> {
        let arrays = self.arrays_within()?;
        if self.looks_first(&values) {
            return arrays.append(&self.existing(path).await?, rows, values).await;
        }
        led!(self, path, arrays.append(path, rows, values.clone()))
    }
}

#[async_trait]
impl TableStore for Led {
    async fn create(
        &self,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        self.tables_within()?.create(&self.place(path).await?, schema, options, mode).await
    }

    async fn append(&self, path: &EntryPath, schema: SchemaRef) -> Result<Box<dyn TableWriter>> {
        let tables = self.tables_within()?;
        led!(self, path, tables.append(path, schema.clone()))
    }

    async fn append_with(
        &self,
        path: &EntryPath,
        schema: SchemaRef,
        options: &AppendOptions,
    ) -> Result<Box<dyn TableWriter>> {
        let tables = self.tables_within()?;
        led!(self, path, tables.append_with(path, schema.clone(), options))
    }

    async fn compact(&self, path: &EntryPath, options: &CompactOptions) -> Result<Compaction> {
        let tables = self.tables_within()?;
        led!(self, path, tables.compact(path, options))
    }

    async fn describe(&self, path: &EntryPath) -> Result<TableDescription> {
        let tables = self.tables_within()?;
        led!(self, path, tables.describe(path))
    }

    async fn scan(&self, path: &EntryPath, options: &ScanOptions) -> Result<BatchStream> {
        let tables = self.tables_within()?;
        led!(self, path, tables.scan(path, options))
    }
}
