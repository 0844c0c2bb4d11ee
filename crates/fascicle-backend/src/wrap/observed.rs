//! A backend that lets an observer see every call, before and after its effect.

use super::Operation;
use crate::{
    AppendOptions, ArrayDescription, ArrayOptions, ArraySpec, ArrayStore, ArrayWriter, Attributes, Backend,
    BatchStream, ByteStream, Capabilities, CompactOptions, Compaction, CreateOutcome, EntryPath, EntryStat,
    FileOptions, FileStore, FileWriter, Listing, Maintenance, MetaRecord, MetaStamp, MetaWriteMode,
    RecordKey, RecordStore, Region, Result, ScanOptions, TableDescription, TableOptions, TableStore,
    TableWriter, Values, Version, WriteMode,
};
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use std::{fmt, ops::Range, sync::Arc};

/// Sees every call of the contract.
pub trait Observer: Send + Sync + 'static {
    /// Called before the backend; an error is returned instead of calling it.
    fn before(&self, operation: Operation, path: &str) -> Result<()>;

    /// Called after the backend succeeded; an error is returned instead of its answer.
    fn after(&self, _operation: Operation, _path: &str) -> Result<()> {
        Ok(())
    }

    /// The capabilities of the composed stack.
    fn capabilities(&self, inner: Capabilities) -> Capabilities {
        inner
    }
}

/// Wraps `backend` so that `observer` sees every call.
///
/// ```
/// # use fascicle_backend::{Backend, wrap::{observed, CallCounts, Operation}};
/// # use std::sync::Arc;
/// # fn example(backend: Arc<dyn Backend>) {
/// let counts = Arc::new(CallCounts::default());
/// let backend: Arc<dyn Backend> = Arc::new(observed(backend, counts.clone()));
/// // … work …
/// assert!(counts.of(Operation::ListRecords) <= 1);
/// # }
/// ```
pub fn observed<O: Observer>(backend: Arc<dyn Backend>, observer: Arc<O>) -> Observed<O> {
    Observed { inner: backend, observer }
}

/// See [`observed`].
pub struct Observed<O> {
    pub(super) inner: Arc<dyn Backend>,
    pub(super) observer: Arc<O>,
}

impl<O> fmt::Debug for Observed<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observed").field(&self.inner).finish()
    }
}

/// Awaits `$call` between the observer's two looks at it.
macro_rules! observe {
    ($self:ident, $operation:ident, $path:expr, $call:expr) => {{
        let path: &str = $path.as_ref();
        $self.observer.before(Operation::$operation, path)?;
        let answer = $call.await?;
        $self.observer.after(Operation::$operation, path)?;
        Ok(answer)
    }};
}

#[async_trait]
impl<O: Observer> Backend for Observed<O> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn location(&self) -> String {
        self.inner.location()
    }

    fn capabilities(&self) -> Capabilities {
        self.observer.capabilities(self.inner.capabilities())
    }

    async fn list(&self, directory: &EntryPath) -> Result<Listing> {
        observe!(self, List, directory, self.inner.list(directory))
    }

    async fn stat(&self, path: &EntryPath) -> Result<EntryStat> {
        observe!(self, Stat, path, self.inner.stat(path))
    }

    async fn create_directory(&self, path: &EntryPath, meta: Bytes) -> Result<Version> {
        observe!(self, CreateDirectory, path, self.inner.create_directory(path, meta))
    }

    async fn remove(&self, path: &EntryPath) -> Result<()> {
        observe!(self, Remove, path, self.inner.remove(path))
    }

    async fn rename(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        observe!(self, Rename, from, self.inner.rename(from, to))
    }

    async fn copy(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        observe!(self, Copy, from, self.inner.copy(from, to))
    }

    async fn read_meta(&self, directory: &EntryPath) -> Result<Option<MetaRecord>> {
        observe!(self, ReadMeta, directory, self.inner.read_meta(directory))
    }

    async fn meta_stamps(&self, directory: &EntryPath) -> Result<Option<Vec<MetaStamp>>> {
        observe!(self, MetaStamps, directory, self.inner.meta_stamps(directory))
    }

    async fn write_meta(&self, directory: &EntryPath, meta: Bytes, mode: MetaWriteMode) -> Result<Version> {
        observe!(self, WriteMeta, directory, self.inner.write_meta(directory, meta, mode))
    }

    async fn read_attributes(&self, path: &EntryPath) -> Result<Attributes> {
        observe!(self, ReadAttributes, path, self.inner.read_attributes(path))
    }

    async fn write_attributes(&self, path: &EntryPath, attributes: &Attributes) -> Result<()> {
        observe!(self, WriteAttributes, path, self.inner.write_attributes(path, attributes))
    }

    fn files(&self) -> &dyn FileStore {
        self
    }

    fn records(&self) -> &dyn RecordStore {
        self
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

impl<O: Observer> Observed<O> {
    fn inner_arrays(&self) -> Result<&dyn ArrayStore> {
        self.inner.arrays().ok_or_else(|| super::enforced::undeclared(crate::Capability::Arrays))
    }

    fn inner_tables(&self) -> Result<&dyn TableStore> {
        self.inner.tables().ok_or_else(|| super::enforced::undeclared(crate::Capability::Tables))
    }

    fn writer<W: ?Sized>(&self, inner: Box<W>, path: &EntryPath) -> ObservedWriter<W, O> {
        ObservedWriter { inner, observer: self.observer.clone(), path: path.clone() }
    }
}

#[async_trait]
impl<O: Observer> FileStore for Observed<O> {
    async fn create(
        &self,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        let inner: Result<_> =
            observe!(self, CreateFile, path, self.inner.files().create(path, options, mode));
        Ok(Box::new(self.writer(inner?, path)))
    }

    async fn read(&self, path: &EntryPath, range: Option<Range<u64>>) -> Result<ByteStream> {
        observe!(self, ReadFile, path, self.inner.files().read(path, range))
    }

    async fn append(&self, path: &EntryPath, bytes: Bytes) -> Result<u64> {
        observe!(self, AppendFile, path, self.inner.files().append(path, bytes))
    }
}

#[async_trait]
impl<O: Observer> RecordStore for Observed<O> {
    async fn create(&self, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        observe!(self, CreateRecord, key, self.inner.records().create(key, body))
    }

    async fn read(&self, key: &RecordKey) -> Result<Option<Bytes>> {
        observe!(self, ReadRecord, key, self.inner.records().read(key))
    }

    async fn overwrite(&self, key: &RecordKey, body: Bytes) -> Result<()> {
        observe!(self, OverwriteRecord, key, self.inner.records().overwrite(key, body))
    }

    async fn remove(&self, key: &RecordKey) -> Result<()> {
        observe!(self, RemoveRecord, key, self.inner.records().remove(key))
    }

    async fn list(&self, prefix: &RecordKey) -> Result<Vec<RecordKey>> {
        observe!(self, ListRecords, prefix, self.inner.records().list(prefix))
    }
}

#[async_trait]
impl<O: Observer> ArrayStore for Observed<O> {
    async fn create(
        &self,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        let arrays = self.inner_arrays()?;
        let inner: Result<_> = observe!(self, CreateArray, path, arrays.create(path, spec, options, mode));
        Ok(Box::new(self.writer(inner?, path)))
    }

    async fn describe(&self, path: &EntryPath) -> Result<ArrayDescription> {
        observe!(self, DescribeArray, path, self.inner_arrays()?.describe(path))
    }

    async fn read(&self, path: &EntryPath, region: &Region, buffer: Values) -> Result<Values> {
        observe!(self, ReadArray, path, self.inner_arrays()?.read(path, region, buffer))
    }

    async fn write(&self, path: &EntryPath, region: &Region, values: Values) -> Result<()> {
        observe!(self, WriteArray, path, self.inner_arrays()?.write(path, region, values))
    }

    async fn append(&self, path: &EntryPath, rows: u64, values: Values) -> Result<u64> {
        observe!(self, AppendArray, path, self.inner_arrays()?.append(path, rows, values))
    }
}

#[async_trait]
impl<O: Observer> TableStore for Observed<O> {
    async fn create(
        &self,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        let tables = self.inner_tables()?;
        let inner: Result<_> = observe!(self, CreateTable, path, tables.create(path, schema, options, mode));
        Ok(Box::new(self.writer(inner?, path)))
    }

    async fn append(&self, path: &EntryPath, schema: SchemaRef) -> Result<Box<dyn TableWriter>> {
        let inner: Result<_> = observe!(self, AppendTable, path, self.inner_tables()?.append(path, schema));
        Ok(Box::new(self.writer(inner?, path)))
    }

    async fn append_with(
        &self,
        path: &EntryPath,
        schema: SchemaRef,
        options: &AppendOptions,
    ) -> Result<Box<dyn TableWriter>> {
        let tables = self.inner_tables()?;
        let inner: Result<_> = observe!(self, AppendTable, path, tables.append_with(path, schema, options));
        Ok(Box::new(self.writer(inner?, path)))
    }

    async fn compact(&self, path: &EntryPath, options: &CompactOptions) -> Result<Compaction> {
        observe!(self, CompactTable, path, self.inner_tables()?.compact(path, options))
    }

    async fn describe(&self, path: &EntryPath) -> Result<TableDescription> {
        observe!(self, DescribeTable, path, self.inner_tables()?.describe(path))
    }

    async fn scan(&self, path: &EntryPath, options: &ScanOptions) -> Result<BatchStream> {
        observe!(self, ScanTable, path, self.inner_tables()?.scan(path, options))
    }
}

/// A writer whose calls the observer sees.
struct ObservedWriter<W: ?Sized, O> {
    inner: Box<W>,
    observer: Arc<O>,
    path: EntryPath,
}

#[async_trait]
impl<O: Observer> FileWriter for ObservedWriter<dyn FileWriter, O> {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        observe!(self, WriteFile, self.path, self.inner.write(bytes))
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        let this = *self;
        observe!(this, FinishFile, this.path, this.inner.finish())
    }
}

#[async_trait]
impl<O: Observer> ArrayWriter for ObservedWriter<dyn ArrayWriter, O> {
    async fn write(&mut self, region: &Region, values: Values) -> Result<()> {
        observe!(self, FillArray, self.path, self.inner.write(region, values))
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        let this = *self;
        observe!(this, FinishArray, this.path, this.inner.finish())
    }
}

#[async_trait]
impl<O: Observer> TableWriter for ObservedWriter<dyn TableWriter, O> {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        observe!(self, WriteTable, self.path, self.inner.write(batch))
    }

    async fn finish(self: Box<Self>) -> Result<u64> {
        let this = *self;
        observe!(this, FinishTable, this.path, this.inner.finish())
    }
}
