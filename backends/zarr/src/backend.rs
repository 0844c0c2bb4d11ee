//! The backend itself: a handle on a store.

use crate::{array_places::ArrayPlaces, config::ZarrOptions, layout};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{
    ArrayStore, Attributes, Backend, Capabilities, EntryPath, EntryStat, FileStore, Listing, Maintenance,
    MetaRecord, MetaWriteMode, RecordStore, Result, TableStore, Version,
};
use fascicle_objects::{Store, StoreConfig, StoreFiles, StoreRecords, StoreTables, Tree};
use std::{fmt, sync::Arc};

/// A place in a store. Clones share the handle.
#[derive(Clone)]
pub struct ZarrBackend {
    inner: Arc<Inner>,
}

struct Inner {
    tree: Tree,
    files: StoreFiles,
    tables: StoreTables,
    records: StoreRecords,
    places: ArrayPlaces,
    capabilities: Capabilities,
}

impl fmt::Debug for ZarrBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ZarrBackend({})", self.inner.tree.store().location())
    }
}

impl ZarrBackend {
    /// Opens the place that `config` describes, and finds out which conditions of writes its store honours.
    ///
    /// A place that does not exist yet, on a local file system, is created by the first write. Without conditional writes arrays
    /// cannot be appended to or written in part, nor files and tables appended to, and directories are built as
    /// [`StoreConfig::coordination`] says. What is opened to be read alone is not written to by finding out.
    ///
    /// Errors: `InvalidInput` for options that make no sense, `NotFound` for a missing bucket, `PermissionDenied`, `Unavailable`.
    pub async fn open(config: &StoreConfig, options: ZarrOptions) -> Result<Self> {
        Self::over(Store::open(config)?, options).await
    }

    /// The same for a store that is open already.
    pub async fn over(store: Store, options: ZarrOptions) -> Result<Self> {
        let capabilities = store.capabilities(store.is_durable()).await?;
        let places = ArrayPlaces::new(store.clone(), options)?;
        let tree = Tree::new(store.clone(), layout::layout());
        let (files, tables) = (StoreFiles::new(tree.clone()), StoreTables::new(tree.clone())?);
        let records = StoreRecords::of_place(&store).await?;
        Ok(ZarrBackend { inner: Arc::new(Inner { tree, files, tables, records, places, capabilities }) })
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.inner.tree
    }

    pub(crate) fn places(&self) -> &ArrayPlaces {
        &self.inner.places
    }
}

#[async_trait]
impl Backend for ZarrBackend {
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
