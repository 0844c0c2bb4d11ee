//! The storage as a build sees it: nothing is written into its directory once its claim may be lost or it is over, and what was
//! begun before is known until it has come to its end.

use crate::build::BuildGuard;
use crate::carried::Carried;
use crate::guarded_writer::GuardedWriter;
use crate::{
    AppendOptions, ArrayDescription, ArrayOptions, ArraySpec, ArrayStore, ArrayWriter, Attributes, Backend,
    BatchStream, ByteStream, Capabilities, CompactOptions, Compaction, EntryPath, EntryStat, Error,
    ErrorKind, FileOptions, FileStore, FileWriter, Listing, Maintenance, MetaRecord, MetaStamp,
    MetaWriteMode, RecordStore, Region, Result, ScanOptions, TableDescription, TableOptions, TableStore,
    TableWriter, Values, Version, WriteMode,
};
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;

/// A backend whose writes into the directory of a build are made under its guard.
#[derive(Clone, Debug)]
pub(crate) struct Guarded {
    inner: Arc<dyn Backend>,
    guard: Arc<BuildGuard>,
}

impl Guarded {
    pub(crate) fn new(inner: Arc<dyn Backend>, guard: Arc<BuildGuard>) -> Self {
        Guarded { inner, guard }
    }

    /// Makes a write at `path`, under the guard where that lies within the directory of the build.
    async fn write<T, F>(&self, path: &EntryPath, write: impl FnOnce(Arc<dyn Backend>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let write = write(self.inner.clone());
        if path.is_within(self.guard.directory()) { under(&self.guard, write).await? } else { write.await }
    }

    fn writer<W: ?Sized>(&self, path: &EntryPath, inner: Box<W>) -> GuardedWriter<W> {
        let guard = path.is_within(self.guard.directory()).then(|| self.guard.clone());
        GuardedWriter::new(inner, guard, path)
    }
}

/// Does something under the guard of a build; dropping the future does not end it.
pub(crate) async fn under<T: Send + 'static>(
    guard: &BuildGuard,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T> {
    let permit = guard.permit()?;
    Ok(Carried::new(async move {
        let answer = work.await;
        drop(permit);
        answer
    })
    .await)
}

fn arrays(backend: &dyn Backend) -> Result<&dyn ArrayStore> {
    backend.arrays().ok_or_else(|| undeclared("arrays"))
}

fn tables(backend: &dyn Backend) -> Result<&dyn TableStore> {
    backend.tables().ok_or_else(|| undeclared("tables"))
}

fn undeclared(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this storage does not offer '{what}'"))
}

#[async_trait]
impl Backend for Guarded {
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
        self.inner.list(directory).await
    }

    async fn stat(&self, path: &EntryPath) -> Result<EntryStat> {
        self.inner.stat(path).await
    }

    async fn create_directory(&self, path: &EntryPath, meta: Bytes) -> Result<Version> {
        let at = path.clone();
        self.write(path, |inner| async move { inner.create_directory(&at, meta).await }).await
    }

    async fn remove(&self, path: &EntryPath) -> Result<()> {
        let at = path.clone();
        self.write(path, |inner| async move { inner.remove(&at).await }).await
    }

    async fn rename(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        let (source, target) = (from.clone(), to.clone());
        let either = if from.is_within(self.guard.directory()) { from } else { to };
        self.write(either, |inner| async move { inner.rename(&source, &target).await }).await
    }

    async fn copy(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        let (source, target) = (from.clone(), to.clone());
        self.write(to, |inner| async move { inner.copy(&source, &target).await }).await
    }

    async fn read_meta(&self, directory: &EntryPath) -> Result<Option<MetaRecord>> {
        self.inner.read_meta(directory).await
    }

    async fn meta_stamps(&self, directory: &EntryPath) -> Result<Option<Vec<MetaStamp>>> {
        self.inner.meta_stamps(directory).await
    }

    async fn write_meta(&self, directory: &EntryPath, meta: Bytes, mode: MetaWriteMode) -> Result<Version> {
        let at = directory.clone();
        self.write(directory, |inner| async move { inner.write_meta(&at, meta, mode).await }).await
    }

    async fn read_attributes(&self, path: &EntryPath) -> Result<Attributes> {
        self.inner.read_attributes(path).await
    }

    async fn write_attributes(&self, path: &EntryPath, attributes: &Attributes) -> Result<()> {
        let (at, attributes) = (path.clone(), attributes.clone());
        self.write(path, |inner| async move { inner.write_attributes(&at, &attributes).await }).await
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
        self.inner.maintenance()
    }
}

#[async_trait]
impl FileStore for Guarded {
    async fn create(
        &self,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        let (at, options) = (path.clone(), options.clone());
        let create = |inner: Arc<dyn Backend>| async move { inner.files().create(&at, &options, mode).await };
        Ok(Box::new(self.writer(path, self.write(path, create).await?)))
    }

    async fn read(&self, path: &EntryPath, range: Option<Range<u64>>) -> Result<ByteStream> {
        self.inner.files().read(path, range).await
    }

    async fn append(&self, path: &EntryPath, bytes: Bytes) -> Result<u64> {
        let at = path.clone();
        self.write(path, |inner| async move { inner.files().append(&at, bytes).await }).await
    }
}

#[async_trait]
impl ArrayStore for Guarded {
    async fn create(
        &self,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        let (at, spec, options) = (path.clone(), spec.clone(), options.clone());
        let create = |inner: Arc<dyn Backend>| async move {
            arrays(&*inner)?.create(&at, &spec, &options, mode).await
        };
        Ok(Box::new(self.writer(path, self.write(path, create).await?)))
    }

    async fn describe(&self, path: &EntryPath) -> Result<ArrayDescription> {
        arrays(&*self.inner)?.describe(path).await
    }

    async fn read(&self, path: &EntryPath, region: &Region, buffer: Values) -> Result<Values> {
        arrays(&*self.inner)?.read(path, region, buffer).await
    }

    async fn write(&self, path: &EntryPath, region: &Region, values: Values) -> Result<()> {
        let (at, region) = (path.clone(), region.clone());
        let write =
            |inner: Arc<dyn Backend>| async move { arrays(&*inner)?.write(&at, &region, values).await };
        self.write(path, write).await
    }

    async fn append(&self, path: &EntryPath, rows: u64, values: Values) -> Result<u64> {
        let at = path.clone();
        let append =
            |inner: Arc<dyn Backend>| async move { arrays(&*inner)?.append(&at, rows, values).await };
        self.write(path, append).await
    }
}

#[async_trait]
impl TableStore for Guarded {
    async fn create(
        &self,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        let (at, options) = (path.clone(), options.clone());
        let create = |inner: Arc<dyn Backend>| async move {
            tables(&*inner)?.create(&at, schema, &options, mode).await
        };
        Ok(Box::new(self.writer(path, self.write(path, create).await?)))
    }

    async fn append(&self, path: &EntryPath, schema: SchemaRef) -> Result<Box<dyn TableWriter>> {
        let at = path.clone();
        let append = |inner: Arc<dyn Backend>| async move { tables(&*inner)?.append(&at, schema).await };
        Ok(Box::new(self.writer(path, self.write(path, append).await?)))
    }

    async fn append_with(
        &self,
        path: &EntryPath,
        schema: SchemaRef,
        options: &AppendOptions,
    ) -> Result<Box<dyn TableWriter>> {
        let (at, options) = (path.clone(), options.clone());
        let append = |inner: Arc<dyn Backend>| async move {
            tables(&*inner)?.append_with(&at, schema, &options).await
        };
        Ok(Box::new(self.writer(path, self.write(path, append).await?)))
    }

    async fn compact(&self, path: &EntryPath, options: &CompactOptions) -> Result<Compaction> {
        let (at, options) = (path.clone(), options.clone());
        let compact = |inner: Arc<dyn Backend>| async move { tables(&*inner)?.compact(&at, &options).await };
        self.write(path, compact).await
    }

    async fn describe(&self, path: &EntryPath) -> Result<TableDescription> {
        tables(&*self.inner)?.describe(path).await
    }

    async fn scan(&self, path: &EntryPath, options: &ScanOptions) -> Result<BatchStream> {
        tables(&*self.inner)?.scan(path, options).await
    }
}
