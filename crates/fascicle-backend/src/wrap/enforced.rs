//! Refuses what is not declared and what makes no sense, before the backend is reached.

use super::Operation;
use crate::{
    AppendOptions, ArrayDescription, ArrayOptions, ArraySpec, ArrayStore, ArrayWriter, Attributes, Backend,
    BatchStream, ByteStream, Capabilities, Capability, Codec, CompactOptions, Compaction, CreateOutcome,
    EntryKind, EntryPath, EntryStat, Error, ErrorKind, FileOptions, FileStore, FileWriter, Listing,
    MAX_RECORD_BYTES, Maintenance, MetaRecord, MetaStamp, MetaWriteMode, RecordKey, RecordStore, Region,
    Result, ResultExt, ScanOptions, Shape, TableDescription, TableOptions, TableStore, TableWriter, Values,
    Version, WriteMode,
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use std::{collections::BTreeSet, ops::Range, sync::Arc};

/// The largest meta, and the largest attributes of one entry, in bytes.
const MAX_META_BYTES: usize = 1 << 20;

/// A backend behind the checks that every backend may rely on; also names operation and path in every error.
///
/// What it refuses, before the backend is reached:
///
/// - what needs a capability that is not declared: `Unsupported`;
/// - creating an entry under a name that not every storage can hold: `InvalidPath`;
/// - dtypes, chunks, codec levels, fill values and text that no array can have: `InvalidInput`, `LimitExceeded`;
/// - buffers that do not fit their region, batches that do not fit their schema: `Mismatch`;
/// - tables without columns or with two columns of one name: `InvalidInput`;
/// - metas, attributes and records beyond their size: `LimitExceeded`;
/// - moving or copying an entry into itself: `InvalidInput`.
#[derive(Debug)]
pub struct Enforced {
    pub(super) inner: Arc<dyn Backend>,
}

impl Enforced {
    /// Wraps a backend.
    pub fn new(inner: Arc<dyn Backend>) -> Self {
        Enforced { inner }
    }

    fn require(&self, capability: Capability) -> Result<()> {
        if self.inner.capabilities().has(capability) { Ok(()) } else { Err(undeclared(capability)) }
    }

    fn require_all(&self, capabilities: &[Capability]) -> Result<()> {
        capabilities.iter().try_for_each(|capability| self.require(*capability))
    }

    fn arrays_with(&self, more: &[Capability]) -> Result<&dyn ArrayStore> {
        self.require(Capability::Arrays)?;
        self.require_all(more)?;
        self.inner.arrays().ok_or_else(|| undeclared(Capability::Arrays))
    }

    fn tables_with(&self, more: &[Capability]) -> Result<&dyn TableStore> {
        self.require(Capability::Tables)?;
        self.require_all(more)?;
        self.inner.tables().ok_or_else(|| undeclared(Capability::Tables))
    }

    /// Checks a move or a copy; the name must suit the kind of what is moved.
    async fn check_relocation(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        if from.is_root() || to.is_root() {
            return Err(Error::new(ErrorKind::InvalidInput, "the root cannot be moved, copied or replaced"));
        }
        if to == from || to.is_within(from) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the target '{to}' is, or lies within, the source"),
            ));
        }
        to.check_creatable(self.inner.stat(from).await?.kind)
    }
}

/// The refusal of what `capability` would allow.
pub(super) fn undeclared(capability: Capability) -> Error {
    let message = match capability {
        Capability::Write => "this place is open for reading only".to_owned(),
        other => format!("this storage does not offer '{other}'"),
    };
    Error::new(ErrorKind::Unsupported, message)
}

/// Awaits a call and names operation and path in its error.
macro_rules! named {
    ($operation:ident, $path:expr, $call:expr) => {{
        let answer: Result<_> = async { $call }.await;
        answer.context(Operation::$operation.phrase(), $path)
    }};
}

#[async_trait]
impl Backend for Enforced {
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
        named!(List, directory, self.inner.list(directory).await)
    }

    async fn stat(&self, path: &EntryPath) -> Result<EntryStat> {
        named!(Stat, path, self.inner.stat(path).await)
    }

    async fn create_directory(&self, path: &EntryPath, meta: Bytes) -> Result<Version> {
        named!(CreateDirectory, path, {
            self.require(Capability::Write)?;
            path.check_creatable(EntryKind::Directory)?;
            check_size("the meta of a directory", meta.len(), MAX_META_BYTES)?;
            self.inner.create_directory(path, meta).await
        })
    }

    async fn remove(&self, path: &EntryPath) -> Result<()> {
        named!(Remove, path, {
            self.require(Capability::Write)?;
            if path.is_root() {
                return Err(Error::new(ErrorKind::InvalidInput, "the root cannot be removed")
                    .hint("remove the directories in it"));
            }
            self.inner.remove(path).await
        })
    }

    async fn rename(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        named!(Rename, from, {
            self.require_all(&[Capability::Write, Capability::Rename])?;
            self.check_relocation(from, to).await?;
            self.inner.rename(from, to).await
        })
    }

    async fn copy(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        named!(Copy, from, {
            self.require_all(&[Capability::Write, Capability::Copy])?;
            self.check_relocation(from, to).await?;
            self.inner.copy(from, to).await
        })
    }

    async fn read_meta(&self, directory: &EntryPath) -> Result<Option<MetaRecord>> {
        named!(ReadMeta, directory, self.inner.read_meta(directory).await)
    }

    async fn meta_stamps(&self, directory: &EntryPath) -> Result<Option<Vec<MetaStamp>>> {
        named!(MetaStamps, directory, self.inner.meta_stamps(directory).await)
    }

    async fn write_meta(&self, directory: &EntryPath, meta: Bytes, mode: MetaWriteMode) -> Result<Version> {
        named!(WriteMeta, directory, {
            self.require(Capability::Write)?;
            check_size("the meta of a directory", meta.len(), MAX_META_BYTES)?;
            self.inner.write_meta(directory, meta, mode).await
        })
    }

    async fn read_attributes(&self, path: &EntryPath) -> Result<Attributes> {
        named!(ReadAttributes, path, {
            self.require(Capability::Attributes)?;
            self.inner.read_attributes(path).await
        })
    }

    async fn write_attributes(&self, path: &EntryPath, attributes: &Attributes) -> Result<()> {
        named!(WriteAttributes, path, {
            self.require_all(&[Capability::Write, Capability::Attributes])?;
            if path.is_root() {
                return Err(Error::new(ErrorKind::InvalidInput, "the root has no attributes"));
            }
            check_attributes(attributes)?;
            self.inner.write_attributes(path, attributes).await
        })
    }

    fn files(&self) -> &dyn FileStore {
        self
    }

    fn records(&self) -> &dyn RecordStore {
        self
    }

    fn arrays(&self) -> Option<&dyn ArrayStore> {
        Some(self)
    }

    fn tables(&self) -> Option<&dyn TableStore> {
        Some(self)
    }

    fn maintenance(&self) -> Option<&dyn Maintenance> {
        let is_declared = self.inner.capabilities().has(Capability::Maintenance);
        self.inner.maintenance().filter(|_| is_declared).map(|_| self as &dyn Maintenance)
    }
}

#[async_trait]
impl FileStore for Enforced {
    async fn create(
        &self,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        named!(CreateFile, path, {
            self.require(Capability::Write)?;
            self.check_new(path, EntryKind::File, &options.attributes)?;
            let inner = self.inner.files().create(path, options, mode).await?;
            Ok(Box::new(EnforcedFileWriter { inner, path: path.clone() }) as Box<dyn FileWriter>)
        })
    }

    async fn read(&self, path: &EntryPath, range: Option<Range<u64>>) -> Result<ByteStream> {
        named!(ReadFile, path, {
            if let Some(range) = range.as_ref().filter(|range| range.start > range.end) {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!("the range of bytes {}..{} ends before it begins", range.start, range.end),
                ));
            }
            self.inner.files().read(path, range).await
        })
    }

    async fn append(&self, path: &EntryPath, bytes: Bytes) -> Result<u64> {
        named!(AppendFile, path, {
            self.require_all(&[Capability::Write, Capability::FileAppend])?;
            self.inner.files().append(path, bytes).await
        })
    }
}

#[async_trait]
impl RecordStore for Enforced {
    async fn create(&self, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        named!(CreateRecord, key, {
            self.require(Capability::Write)?;
            check_size("a record", body.len(), MAX_RECORD_BYTES)?;
            self.inner.records().create(key, body).await
        })
    }

    async fn read(&self, key: &RecordKey) -> Result<Option<Bytes>> {
        named!(ReadRecord, key, {
            let body = self.inner.records().read(key).await?;
            if let Some(body) = &body {
                check_size("a record", body.len(), MAX_RECORD_BYTES)?;
            }
            Ok(body)
        })
    }

    async fn overwrite(&self, key: &RecordKey, body: Bytes) -> Result<()> {
        named!(OverwriteRecord, key, {
            self.require(Capability::Write)?;
            check_size("a record", body.len(), MAX_RECORD_BYTES)?;
            self.inner.records().overwrite(key, body).await
        })
    }

    async fn remove(&self, key: &RecordKey) -> Result<()> {
        named!(RemoveRecord, key, {
            self.require(Capability::Write)?;
            self.inner.records().remove(key).await
        })
    }

    async fn list(&self, prefix: &RecordKey) -> Result<Vec<RecordKey>> {
        named!(ListRecords, prefix, self.inner.records().list(prefix).await)
    }
}

impl Enforced {
    fn check_new(&self, path: &EntryPath, kind: EntryKind, attributes: &Attributes) -> Result<()> {
        path.check_creatable(kind)?;
        if attributes.is_empty() {
            return Ok(());
        }
        self.require(Capability::Attributes)?;
        check_attributes(attributes)
    }
}

#[async_trait]
impl ArrayStore for Enforced {
    async fn create(
        &self,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        named!(CreateArray, path, {
            let arrays = self.arrays_with(&[Capability::Write])?;
            self.check_new(path, EntryKind::Array, &options.attributes)?;
            check_spec(spec, options)?;
            let inner = arrays.create(path, spec, options, mode).await?;
            Ok(Box::new(EnforcedArrayWriter { inner, spec: spec.clone(), path: path.clone() })
                as Box<dyn ArrayWriter>)
        })
    }

    async fn describe(&self, path: &EntryPath) -> Result<ArrayDescription> {
        named!(DescribeArray, path, self.arrays_with(&[])?.describe(path).await)
    }

    async fn read(&self, path: &EntryPath, region: &Region, buffer: Values) -> Result<Values> {
        named!(ReadArray, path, {
            let arrays = self.arrays_with(&[])?;
            check_buffer(region, &buffer)?;
            arrays.read(path, region, buffer).await
        })
    }

    async fn write(&self, path: &EntryPath, region: &Region, values: Values) -> Result<()> {
        named!(WriteArray, path, {
            let arrays = self.arrays_with(&[Capability::Write, Capability::ArrayRegionWrite])?;
            check_buffer(region, &values)?;
            check_texts(&values)?;
            arrays.write(path, region, values).await
        })
    }

    async fn append(&self, path: &EntryPath, rows: u64, values: Values) -> Result<u64> {
        named!(AppendArray, path, {
            let arrays = self.arrays_with(&[Capability::Write, Capability::ArrayAppend])?;
            check_texts(&values)?;
            let count = values.len() as u64;
            if !(count.is_multiple_of(rows.max(1)) && (rows > 0 || count == 0)) {
                return Err(Error::new(
                    ErrorKind::Mismatch,
                    format!("{count} elements do not make {rows} whole rows"),
                ));
            }
            arrays.append(path, rows, values).await
        })
    }
}

#[async_trait]
impl TableStore for Enforced {
    async fn create(
        &self,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        named!(CreateTable, path, {
            let tables = self.tables_with(&[Capability::Write])?;
            self.check_new(path, EntryKind::Table, &options.attributes)?;
            check_schema(&schema)?;
            check_codec(options.codec)?;
            let inner = tables.create(path, schema.clone(), options, mode).await?;
            Ok(Box::new(EnforcedTableWriter { inner, schema, path: path.clone(), appends: false })
                as Box<dyn TableWriter>)
        })
    }

    async fn append(&self, path: &EntryPath, schema: SchemaRef) -> Result<Box<dyn TableWriter>> {
        named!(AppendTable, path, {
            let tables = self.tables_with(&[Capability::Write, Capability::TableAppend])?;
            check_schema(&schema)?;
            let inner = tables.append(path, schema.clone()).await?;
            Ok(Box::new(EnforcedTableWriter { inner, schema, path: path.clone(), appends: true })
                as Box<dyn TableWriter>)
        })
    }

    async fn append_with(
        &self,
        path: &EntryPath,
        schema: SchemaRef,
        options: &AppendOptions,
    ) -> Result<Box<dyn TableWriter>> {
        if *options == AppendOptions::default() {
            return TableStore::append(self, path, schema).await;
        }
        named!(AppendTable, path, {
            let needed = [Capability::Write, Capability::TableAppend, Capability::TableNewColumns];
            let tables = self.tables_with(&needed)?;
            check_schema(&schema)?;
            let inner = tables.append_with(path, schema.clone(), options).await?;
            Ok(Box::new(EnforcedTableWriter { inner, schema, path: path.clone(), appends: true })
                as Box<dyn TableWriter>)
        })
    }

    async fn compact(&self, path: &EntryPath, options: &CompactOptions) -> Result<Compaction> {
        named!(CompactTable, path, {
            let tables = self.tables_with(&[Capability::Write, Capability::TableCompact])?;
            if options.target_bytes == 0 {
                return Err(Error::new(ErrorKind::InvalidInput, "a merged part has at least one byte"));
            }
            tables.compact(path, options).await
        })
    }

    async fn describe(&self, path: &EntryPath) -> Result<TableDescription> {
        named!(DescribeTable, path, self.tables_with(&[])?.describe(path).await)
    }

    async fn scan(&self, path: &EntryPath, options: &ScanOptions) -> Result<BatchStream> {
        named!(ScanTable, path, {
            let tables = self.tables_with(&[])?;
            if options.batch_rows == Some(0) {
                return Err(Error::new(ErrorKind::InvalidInput, "a batch has at least one row"));
            }
            if let Some(columns) = &options.projection {
                check_unique(columns.iter().map(String::as_str), "the projection names")?;
            }
            tables.scan(path, options).await
        })
    }
}

struct EnforcedFileWriter {
    inner: Box<dyn FileWriter>,
    path: EntryPath,
}

#[async_trait]
impl FileWriter for EnforcedFileWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.inner.write(bytes).await.context(Operation::WriteFile.phrase(), &self.path)
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        self.inner.finish().await.context(Operation::FinishFile.phrase(), &self.path)
    }
}

struct EnforcedArrayWriter {
    inner: Box<dyn ArrayWriter>,
    spec: ArraySpec,
    path: EntryPath,
}

#[async_trait]
impl ArrayWriter for EnforcedArrayWriter {
    async fn write(&mut self, region: &Region, values: Values) -> Result<()> {
        named!(FillArray, &self.path, {
            if values.dtype() != self.spec.dtype {
                return Err(Error::new(
                    ErrorKind::Mismatch,
                    format!("{} elements do not fit an array of {}", values.dtype(), self.spec.dtype),
                ));
            }
            if !region.fits(&self.spec.shape) {
                return Err(Error::new(
                    ErrorKind::OutOfBounds,
                    format!("the region lies outside of the array of shape {}", self.spec.shape),
                ));
            }
            check_buffer(region, &values)?;
            check_texts(&values)?;
            self.inner.write(region, values).await
        })
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        self.inner.finish().await.context(Operation::FinishArray.phrase(), &self.path)
    }
}

struct EnforcedTableWriter {
    inner: Box<dyn TableWriter>,
    schema: SchemaRef,
    path: EntryPath,
    appends: bool,
}

impl EnforcedTableWriter {
    fn phrase(&self) -> &'static str {
        if self.appends { Operation::AppendTable.phrase() } else { Operation::WriteTable.phrase() }
    }
}

#[async_trait]
impl TableWriter for EnforcedTableWriter {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let phrase = self.phrase();
        async {
            if batch.schema().fields() != self.schema.fields() {
                return Err(Error::new(
                    ErrorKind::Mismatch,
                    format!(
                        "a batch with the columns {} does not fit {}",
                        columns(&batch.schema()),
                        columns(&self.schema)
                    ),
                ));
            }
            self.inner.write(batch).await
        }
        .await
        .context(phrase, &self.path)
    }

    async fn finish(self: Box<Self>) -> Result<u64> {
        let phrase = self.phrase();
        self.inner.finish().await.context(phrase, &self.path)
    }
}

fn columns(schema: &SchemaRef) -> String {
    let columns: Vec<String> =
        schema.fields().iter().map(|field| format!("{}: {}", field.name(), field.data_type())).collect();
    format!("[{}]", columns.join(", "))
}

fn check_size(what: &str, size: usize, limit: usize) -> Result<()> {
    if size <= limit {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::LimitExceeded,
        format!("{what} takes {size} bytes, at most {limit} are allowed"),
    ))
}

fn check_attributes(attributes: &Attributes) -> Result<()> {
    if let Some(name) =
        attributes.keys().find(|name| name.is_empty() || name.len() > 200 || name.contains(char::is_control))
    {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{name:?} cannot be the name of an attribute"),
        )
        .hint("names have 1 to 200 bytes and no control characters"));
    }
    let size = attributes.iter().map(|(name, value)| name.len() + value.to_string().len()).sum();
    check_size("the attributes of an entry", size, MAX_META_BYTES)
}

fn check_spec(spec: &ArraySpec, options: &ArrayOptions) -> Result<()> {
    spec.dtype.check()?;
    check_codec(options.codec)?;
    if let Some(chunks) = &options.chunks {
        if chunks.len() != spec.shape.rank() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("chunks of {} axes do not fit an array of shape {}", chunks.len(), spec.shape),
            ));
        }
        if chunks.contains(&0) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "a chunk has at least one element along each axis",
            ));
        }
        let bytes = Shape::new(chunks.as_slice())?.size_bytes(spec.dtype)?;
        check_size("a chunk", bytes, u32::MAX as usize)?;
    }
    if let Some(fill) = &options.fill {
        if fill.dtype() != spec.dtype || fill.len() != 1 {
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!("the fill value is {} of {}, not one of {}", fill.len(), fill.dtype(), spec.dtype),
            ));
        }
        check_texts(fill)?;
    }
    Ok(())
}

fn check_codec(codec: Option<Codec>) -> Result<()> {
    let (name, level, highest) = match codec {
        Some(Codec::Gzip { level }) => ("gzip", level, 9),
        Some(Codec::Zstd { level }) => ("zstd", level, 22),
        Some(Codec::Uncompressed) | None => return Ok(()),
    };
    if (1..=highest).contains(&level) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidInput, format!("{name} has levels 1 to {highest}, not {level}")))
}

fn check_buffer(region: &Region, values: &Values) -> Result<()> {
    let expected = region.element_count()?;
    if values.len() as u64 == expected {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Mismatch,
        format!(
            "{} elements do not fit a region of {expected} elements, shape {}",
            values.len(),
            region.shape()?
        ),
    ))
}

fn check_texts(values: &Values) -> Result<()> {
    if values.as_text().is_some_and(|texts| texts.iter().any(|text| text.contains('\0'))) {
        return Err(Error::new(ErrorKind::InvalidInput, "text elements cannot contain the character NUL")
            .hint("store such data as fixed-length bytes, in a table or in a file"));
    }
    Ok(())
}

fn check_schema(schema: &SchemaRef) -> Result<()> {
    if schema.fields().is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "a table needs at least one column"));
    }
    check_unique(schema.fields().iter().map(|field| field.name().as_str()), "the table has")
}

fn check_unique<'a>(names: impl Iterator<Item = &'a str>, what: &str) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Error::new(ErrorKind::InvalidInput, format!("{what} the column '{name}' twice")));
        }
    }
    Ok(())
}
