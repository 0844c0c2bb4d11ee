//! The backend itself: a handle on a store.

use crate::{
    compute::Memory,
    config::ParquetOptions,
    footer_cache::FooterCache,
    layout,
    stored_array::{Shared, StoredArray},
    tails::Tails,
};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{
    ArrayStore, Attributes, Backend, Capabilities, EntryPath, EntryStat, FileStore, Listing, Maintenance,
    MetaRecord, MetaWriteMode, RecordStore, Result, TableStore, Version,
};
use fascicle_objects::{
    Store, StoreConfig, StoreFiles, StorePlace, StoreRecords, StoreTables, Tree, object_store::path::Path,
};
use std::{fmt, sync::Arc};

/// A place in a store. Clones share the handle.
#[derive(Clone)]
pub struct ParquetBackend {
    inner: Arc<Inner>,
}

struct Inner {
    tree: Tree,
    files: StoreFiles,
    tables: StoreTables,
    records: StoreRecords,
    shared: Arc<Shared>,
    tails: Tails,
    capabilities: Capabilities,
}

impl fmt::Debug for ParquetBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParquetBackend({})", self.inner.tree.store().location())
    }
}

impl ParquetBackend {
    /// Opens the place that `config` describes, and finds out which conditions of writes its store honours.
    ///
    /// A place that does not exist yet, on a local file system, is created by the first write. Without conditional writes nothing
    /// can be appended to, and arrays cannot be written in part.
    ///
    /// Errors: `InvalidInput` for options that make no sense, `NotFound` for a missing bucket, `PermissionDenied`, `Unavailable`.
    pub async fn open(config: &StoreConfig, options: ParquetOptions) -> Result<Self> {
        let is_durable = !matches!(config.place, StorePlace::Memory(_));
        Self::over(Store::open(config)?, options, is_durable).await
    }

    /// The same for a store that is open already; `is_durable` says whether what is written to it survives the process.
    pub async fn over(store: Store, options: ParquetOptions, is_durable: bool) -> Result<Self> {
        options.check()?;
        let capabilities = store.capabilities(is_durable).await?;
        let tree = Tree::new(store.clone(), layout::layout());
        let (files, tables) = (StoreFiles::new(tree.clone()), StoreTables::new(tree.clone())?);
        let records = StoreRecords::of_place(&store).await?;
        let shared =
            Arc::new(Shared { memory: Memory::new(&options), footers: FooterCache::default(), options });
        let inner = Inner { tree, files, tables, records, shared, tails: Tails::default(), capabilities };
        Ok(ParquetBackend { inner: Arc::new(inner) })
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.inner.tree
    }

    /// The array whose folder is `prefix`, in that of a directory.
    pub(crate) fn stored_array(&self, directory: Path, prefix: Path) -> StoredArray {
        StoredArray {
            store: self.tree().store().clone(),
            tail: self.inner.tails.of(&prefix),
            prefix,
            directory,
            shared: Arc::clone(&self.inner.shared),
        }
    }
}

#[async_trait]
impl Backend for ParquetBackend {
    fn name(&self) -> &'static str {
        crate::NAME
    }

    fn location(&self) -> String {
        self.tree().store().location().to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities
    }

    async fn list(&self, directory: &EntryPath) -> Result<Listing> {
        self.tree().list(directory).await
    }

    async fn stat(&self, path: &EntryPath) -> Result<EntryStat> {
        self.tree().stat(path).await
    }

    async fn create_directory(&self, path: &EntryPath, meta: Bytes) -> Result<Version> {
        self.tree().create_directory(path, meta).await
    }

    async fn remove(&self, path: &EntryPath) -> Result<()> {
        self.remove_entry(path).await
    }

    async fn rename(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        self.rename_entry(from, to).await
    }

    async fn copy(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        self.copy_entry(from, to).await
    }

    async fn read_meta(&self, directory: &EntryPath) -> Result<Option<MetaRecord>> {
        self.tree().read_meta(directory).await
    }

    async fn write_meta(&self, directory: &EntryPath, meta: Bytes, mode: MetaWriteMode) -> Result<Version> {
        self.tree().write_meta(directory, meta, &mode).await
    }

    async fn read_attributes(&self, path: &EntryPath) -> Result<Attributes> {
        self.attributes_of(path).await
    }

    async fn write_attributes(&self, path: &EntryPath, attributes: &Attributes) -> Result<()> {
        self.put_attributes(path, attributes).await
    }

    fn files(&self) -> &dyn FileStore {
        &self.inner.files
    }

    fn records(&self) -> &dyn RecordStore {
        &self.inner.records
    }

    fn arrays(&self) -> Option<&dyn ArrayStore> {
        Some(self)
    }

    fn tables(&self) -> Option<&dyn TableStore> {
        Some(&self.inner.tables)
    }

    fn maintenance(&self) -> Option<&dyn Maintenance> {
        Some(self)
    }
}
