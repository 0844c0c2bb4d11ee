//! A backend with one fault: whatever a [`Fault`] does not do wrong goes to the memory backend.

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{
    AppendOptions, ArrayDescription, ArrayOptions, ArraySpec, ArrayStore, ArrayWriter, Attributes, Backend,
    BatchStream, ByteStream, Capabilities, Capability, CompactOptions, Compaction, CreateOutcome, EntryPath,
    EntryStat, Error, ErrorKind, FileOptions, FileStore, FileWriter, Flaw, FlawKind, Leftover, Listing,
    Maintenance, MetaRecord, MetaStamp, MetaWriteMode, RecordKey, RecordStore, Region, Result, ScanOptions,
    TableDescription, TableOptions, TableStore, TableWriter, Values, Version, WriteMode,
    wrap::{Observer, Operation},
};
use std::{fmt, ops::Range, sync::Arc};

/// The sound backend beneath a fault.
pub(crate) type Inner<'a> = &'a Arc<dyn Backend>;

/// Declares the trait [`Fault`], whose every method does what the backend does unless it is overridden.
macro_rules! faults {
    ($(
        $reach:tt {
            $( $contract:ident as $name:ident ( $($argument:ident : $type:ty),* ) -> $answer:ty; )*
        }
    )*) => {
        /// What a backend does wrong: each method stands for a method of the contract.
        #[async_trait]
        pub(crate) trait Fault: Send + Sync + 'static {
            fn name(&self) -> &'static str {
                "planted"
            }
            fn location(&self) -> String {
                "memory".to_owned()
            }
            /// What becomes of an error on its way out.
            fn error(&self, error: Error) -> Error {
                error
            }
            fn capabilities(&self, inner: Inner<'_>) -> Capabilities {
                inner.capabilities()
            }
            fn offers_arrays(&self, inner: Inner<'_>) -> bool {
                inner.arrays().is_some()
            }
            fn offers_tables(&self, inner: Inner<'_>) -> bool {
                inner.tables().is_some()
            }
            /// Where the backend really puts what is meant for `path`.
            fn place(&self, path: &EntryPath) -> EntryPath {
                path.clone()
            }
            $($(
                async fn $name(&self, inner: Inner<'_>, $($argument: $type),*) -> $answer {
                    faults!(@reach inner $reach).$contract($($argument),*).await
                }
            )*)*
        }
    };
    (@reach $inner:ident [itself]) => { $inner };
    (@reach $inner:ident [$method:ident]) => { $inner.$method() };
    (@reach $inner:ident [$method:ident ?]) => { some($inner.$method())? };
}

pub(crate) fn some<T>(store: Option<T>) -> Result<T> {
    store.ok_or_else(|| Error::new(ErrorKind::Internal, "there is no such store"))
}

faults! {
    [itself] {
        list as list(path: &EntryPath) -> Result<Listing>;
        stat as stat(path: &EntryPath) -> Result<EntryStat>;
        create_directory as create_directory(path: &EntryPath, meta: Bytes) -> Result<Version>;
        remove as remove(path: &EntryPath) -> Result<()>;
        rename as rename(from: &EntryPath, to: &EntryPath) -> Result<()>;
        copy as copy(from: &EntryPath, to: &EntryPath) -> Result<()>;
        read_meta as read_meta(path: &EntryPath) -> Result<Option<MetaRecord>>;
        write_meta as write_meta(path: &EntryPath, meta: Bytes, mode: MetaWriteMode) -> Result<Version>;
        meta_stamps as meta_stamps(path: &EntryPath) -> Result<Option<Vec<MetaStamp>>>;
        read_attributes as read_attributes(path: &EntryPath) -> Result<Attributes>;
        write_attributes as write_attributes(path: &EntryPath, attributes: &Attributes) -> Result<()>;
    }
    [files] {
        create as create_file(path: &EntryPath, options: &FileOptions, mode: WriteMode) -> Result<Box<dyn FileWriter>>;
        read as read_file(path: &EntryPath, range: Option<Range<u64>>) -> Result<ByteStream>;
        append as append_file(path: &EntryPath, bytes: Bytes) -> Result<u64>;
    }
    [records] {
        create as create_record(key: &RecordKey, body: Bytes) -> Result<CreateOutcome>;
        read as read_record(key: &RecordKey) -> Result<Option<Bytes>>;
        overwrite as overwrite_record(key: &RecordKey, body: Bytes) -> Result<()>;
        remove as remove_record(key: &RecordKey) -> Result<()>;
        list as list_records(prefix: &RecordKey) -> Result<Vec<RecordKey>>;
    }
    [maintenance?] {
        leftovers as leftovers() -> Result<Vec<Leftover>>;
        collect as collect(leftover: &Leftover) -> Result<bool>;
        flaws as flaws(path: &EntryPath) -> Result<Vec<Flaw>>;
        mend as mend(path: &EntryPath, kind: FlawKind) -> Result<bool>;
        remove_directory_if as remove_directory_if(path: &EntryPath, meta: &Version) -> Result<bool>;
    }
    [arrays?] {
        create as create_array(path: &EntryPath, spec: &ArraySpec, options: &ArrayOptions, mode: WriteMode)
            -> Result<Box<dyn ArrayWriter>>;
        describe as describe_array(path: &EntryPath) -> Result<ArrayDescription>;
        read as read_array(path: &EntryPath, region: &Region, buffer: Values) -> Result<Values>;
        write as write_array(path: &EntryPath, region: &Region, values: Values) -> Result<()>;
        append as append_array(path: &EntryPath, rows: u64, values: Values) -> Result<u64>;
    }
    [tables?] {
        create as create_table(path: &EntryPath, schema: SchemaRef, options: &TableOptions, mode: WriteMode)
            -> Result<Box<dyn TableWriter>>;
        append as append_table(path: &EntryPath, schema: SchemaRef) -> Result<Box<dyn TableWriter>>;
        append_with as append_table_with(path: &EntryPath, schema: SchemaRef, options: &AppendOptions)
            -> Result<Box<dyn TableWriter>>;
        compact as compact_table(path: &EntryPath, options: &CompactOptions) -> Result<Compaction>;
        describe as describe_table(path: &EntryPath) -> Result<TableDescription>;
        scan as scan_table(path: &EntryPath, options: &ScanOptions) -> Result<BatchStream>;
    }
}

/// A memory backend with one fault.
pub(crate) struct Planted<F> {
    inner: Arc<dyn Backend>,
    fault: F,
}

impl<F: Fault> Planted<F> {
    pub(crate) fn new(inner: Arc<dyn Backend>, fault: F) -> Self {
        Planted { inner, fault }
    }
}

impl<F> fmt::Debug for Planted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Planted").field(&self.inner).finish()
    }
}

#[async_trait]
impl<F: Fault> Backend for Planted<F> {
    fn name(&self) -> &'static str {
        self.fault.name()
    }

    fn location(&self) -> String {
        self.fault.location()
    }

    fn capabilities(&self) -> Capabilities {
        self.fault.capabilities(&self.inner)
    }

    async fn list(&self, directory: &EntryPath) -> Result<Listing> {
        self.fault
            .list(&self.inner, &self.fault.place(directory))
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn stat(&self, path: &EntryPath) -> Result<EntryStat> {
        self.fault.stat(&self.inner, &self.fault.place(path)).await.map_err(|error| self.fault.error(error))
    }

    async fn create_directory(&self, path: &EntryPath, meta: Bytes) -> Result<Version> {
        self.fault
            .create_directory(&self.inner, &self.fault.place(path), meta)
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn remove(&self, path: &EntryPath) -> Result<()> {
        self.fault.remove(&self.inner, &self.fault.place(path)).await.map_err(|error| self.fault.error(error))
    }

    async fn rename(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        self.fault
            .rename(&self.inner, &self.fault.place(from), &self.fault.place(to))
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn copy(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        self.fault
            .copy(&self.inner, &self.fault.place(from), &self.fault.place(to))
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn read_meta(&self, directory: &EntryPath) -> Result<Option<MetaRecord>> {
        self.fault
            .read_meta(&self.inner, &self.fault.place(directory))
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn write_meta(&self, directory: &EntryPath, meta: Bytes, mode: MetaWriteMode) -> Result<Version> {
        self.fault
            .write_meta(&self.inner, &self.fault.place(directory), meta, mode)
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn meta_stamps(&self, directory: &EntryPath) -> Result<Option<Vec<MetaStamp>>> {
        self.fault
            .meta_stamps(&self.inner, &self.fault.place(directory))
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn read_attributes(&self, path: &EntryPath) -> Result<Attributes> {
        self.fault
            .read_attributes(&self.inner, &self.fault.place(path))
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn write_attributes(&self, path: &EntryPath, attributes: &Attributes) -> Result<()> {
        self.fault
            .write_attributes(&self.inner, &self.fault.place(path), attributes)
            .await
            .map_err(|error| self.fault.error(error))
    }

    fn files(&self) -> &dyn FileStore {
        self
    }

    fn records(&self) -> &dyn RecordStore {
        self
    }

    fn arrays(&self) -> Option<&dyn ArrayStore> {
        self.fault.offers_arrays(&self.inner).then_some(self as &dyn ArrayStore)
    }

    fn tables(&self) -> Option<&dyn TableStore> {
        self.fault.offers_tables(&self.inner).then_some(self as &dyn TableStore)
    }

    fn maintenance(&self) -> Option<&dyn Maintenance> {
        Some(self)
    }
}

#[async_trait]
impl<F: Fault> Maintenance for Planted<F> {
    async fn leftovers(&self) -> Result<Vec<Leftover>> {
        self.fault.leftovers(&self.inner).await.map_err(|error| self.fault.error(error))
    }

    async fn collect(&self, leftover: &Leftover) -> Result<bool> {
        self.fault.collect(&self.inner, leftover).await.map_err(|error| self.fault.error(error))
    }

    async fn flaws(&self, path: &EntryPath) -> Result<Vec<Flaw>> {
        self.fault.flaws(&self.inner, &self.fault.place(path)).await.map_err(|error| self.fault.error(error))
    }

    async fn mend(&self, path: &EntryPath, kind: FlawKind) -> Result<bool> {
        self.fault
            .mend(&self.inner, &self.fault.place(path), kind)
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn remove_directory_if(&self, path: &EntryPath, meta: &Version) -> Result<bool> {
        self.fault
            .remove_directory_if(&self.inner, &self.fault.place(path), meta)
            .await
            .map_err(|error| self.fault.error(error))
    }
}

#[async_trait]
impl<F: Fault> FileStore for Planted<F> {
    async fn create(
        &self,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        self.fault
            .create_file(&self.inner, &self.fault.place(path), options, mode)
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn read(&self, path: &EntryPath, range: Option<Range<u64>>) -> Result<ByteStream> {
        self.fault
            .read_file(&self.inner, &self.fault.place(path), range)
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn append(&self, path: &EntryPath, bytes: Bytes) -> Result<u64> {
        self.fault
            .append_file(&self.inner, &self.fault.place(path), bytes)
            .await
            .map_err(|error| self.fault.error(error))
    }
}

#[async_trait]
impl<F: Fault> RecordStore for Planted<F> {
    async fn create(&self, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        self.fault.create_record(&self.inner, key, body).await.map_err(|error| self.fault.error(error))
    }

    async fn read(&self, key: &RecordKey) -> Result<Option<Bytes>> {
        self.fault.read_record(&self.inner, key).await.map_err(|error| self.fault.error(error))
    }

    async fn overwrite(&self, key: &RecordKey, body: Bytes) -> Result<()> {
        self.fault.overwrite_record(&self.inner, key, body).await.map_err(|error| self.fault.error(error))
    }

    async fn remove(&self, key: &RecordKey) -> Result<()> {
        self.fault.remove_record(&self.inner, key).await.map_err(|error| self.fault.error(error))
    }

    async fn list(&self, prefix: &RecordKey) -> Result<Vec<RecordKey>> {
        self.fault.list_records(&self.inner, prefix).await.map_err(|error| self.fault.error(error))
    }
}

#[async_trait]
impl<F: Fault> ArrayStore for Planted<F> {
    async fn create(
        &self,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        self.fault
            .create_array(&self.inner, &self.fault.place(path), spec, options, mode)
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn describe(&self, path: &EntryPath) -> Result<ArrayDescription> {
        self.fault
            .describe_array(&self.inner, &self.fault.place(path))
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn read(&self, path: &EntryPath, region: &Region, buffer: Values) -> Result<Values> {
        self.fault
            .read_array(&self.inner, &self.fault.place(path), region, buffer)
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn write(&self, path: &EntryPath, region: &Region, values: Values) -> Result<()> {
        self.fault
            .write_array(&self.inner, &self.fault.place(path), region, values)
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn append(&self, path: &EntryPath, rows: u64, values: Values) -> Result<u64> {
        self.fault
            .append_array(&self.inner, &self.fault.place(path), rows, values)
            .await
            .map_err(|error| self.fault.error(error))
    }
}

#[async_trait]
impl<F: Fault> TableStore for Planted<F> {
    async fn create(
        &self,
        path: &EntryPath,
        schema: SchemaRef,
        options: &TableOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn TableWriter>> {
        self.fault
            .create_table(&self.inner, &self.fault.place(path), schema, options, mode)
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn append(&self, path: &EntryPath, schema: SchemaRef) -> Result<Box<dyn TableWriter>> {
        self.fault
            .append_table(&self.inner, &self.fault.place(path), schema)
            .await
            .map_err(|error| self.fault.error(error))
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
        self.fault
            .append_table_with(&self.inner, &self.fault.place(path), schema, options)
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn compact(&self, path: &EntryPath, options: &CompactOptions) -> Result<Compaction> {
        self.fault
            .compact_table(&self.inner, &self.fault.place(path), options)
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn describe(&self, path: &EntryPath) -> Result<TableDescription> {
        self.fault
            .describe_table(&self.inner, &self.fault.place(path))
            .await
            .map_err(|error| self.fault.error(error))
    }

    async fn scan(&self, path: &EntryPath, options: &ScanOptions) -> Result<BatchStream> {
        self.fault
            .scan_table(&self.inner, &self.fault.place(path), options)
            .await
            .map_err(|error| self.fault.error(error))
    }
}

/// Declares that what is written is kept: the suite's places are, for as long as it runs.
pub(crate) struct Kept;

impl Observer for Kept {
    fn before(&self, _operation: Operation, _path: &str) -> Result<()> {
        Ok(())
    }

    fn capabilities(&self, inner: Capabilities) -> Capabilities {
        inner.with(Capability::Durable)
    }
}
