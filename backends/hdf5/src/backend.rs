//! The backend itself: a handle on a folder. Every method runs a blocking one of the tree on a thread that may block.

use crate::{config::Hdf5Options, tree::Tree};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{
    ArrayStore, Attributes, Backend, Capabilities, EntryPath, EntryStat, FileStore, Listing, Maintenance,
    MetaRecord, MetaStamp, MetaWriteMode, RecordStore, Result, TableStore, Version,
};
use fascicle_local::{LocalRecords, Root, blocking};
use std::{path::Path, sync::Arc};

/// A place in a folder of a local file system. Clones share the handle.
#[derive(Clone, Debug)]
pub struct Hdf5Backend {
    tree: Arc<Tree>,
    records: LocalRecords,
}

impl Hdf5Backend {
    /// Opens the place at `path`, which need not exist: it is created by the first write, and empty until then.
    ///
    /// Fails with `WrongKind` when there is something that is no folder.
    pub fn open(path: impl AsRef<Path>, options: Hdf5Options) -> Result<Self> {
        let root = Root::new(path.as_ref(), options.follow_symlinks)?;
        let tree = Tree::new(root, options);
        let records = LocalRecords::new(tree.staging().clone());
        Ok(Hdf5Backend { tree: Arc::new(tree), records })
    }

    pub(crate) fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// Runs `work` on the tree on a thread that may block.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tree) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let tree = self.tree.clone();
        blocking(move || work(&tree)).await
    }
}

#[async_trait]
impl Backend for Hdf5Backend {
    fn name(&self) -> &'static str {
        crate::NAME
    }

    fn location(&self) -> String {
        self.tree.root().path().display().to_string()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn list(&self, directory: &EntryPath) -> Result<Listing> {
        let directory = directory.clone();
        self.run(move |tree| tree.list(&directory)).await
    }

    async fn stat(&self, path: &EntryPath) -> Result<EntryStat> {
        let path = path.clone();
        self.run(move |tree| tree.stat(&path)).await
    }

    async fn create_directory(&self, path: &EntryPath, meta: Bytes) -> Result<Version> {
        let path = path.clone();
        self.run(move |tree| tree.create_directory(&path, &meta)).await
    }

    async fn remove(&self, path: &EntryPath) -> Result<()> {
        let path = path.clone();
        self.run(move |tree| tree.remove(&path)).await
    }

    async fn rename(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        let (from, to) = (from.clone(), to.clone());
        self.run(move |tree| tree.rename(&from, &to)).await
    }

    async fn copy(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        let (from, to) = (from.clone(), to.clone());
        self.run(move |tree| tree.copy(&from, &to)).await
    }

    async fn read_meta(&self, directory: &EntryPath) -> Result<Option<MetaRecord>> {
        let directory = directory.clone();
        self.run(move |tree| tree.read_meta(&directory)).await
    }

    async fn meta_stamps(&self, directory: &EntryPath) -> Result<Option<Vec<MetaStamp>>> {
        let directory = directory.clone();
        self.run(move |tree| tree.meta_stamps(&directory).map(Some)).await
    }

    async fn write_meta(&self, directory: &EntryPath, meta: Bytes, mode: MetaWriteMode) -> Result<Version> {
        let directory = directory.clone();
        self.run(move |tree| tree.write_meta(&directory, &meta, &mode)).await
    }

    async fn read_attributes(&self, path: &EntryPath) -> Result<Attributes> {
        let path = path.clone();
        self.run(move |tree| tree.read_attributes(&path)).await
    }

    async fn write_attributes(&self, path: &EntryPath, attributes: &Attributes) -> Result<()> {
        let (path, attributes) = (path.clone(), attributes.clone());
        self.run(move |tree| tree.write_attributes(&path, &attributes)).await
    }

    fn files(&self) -> &dyn FileStore {
        self
    }

    fn records(&self) -> &dyn RecordStore {
        &self.records
    }

    fn arrays(&self) -> Option<&dyn ArrayStore> {
        Some(self)
    }

    fn tables(&self) -> Option<&dyn TableStore> {
        Some(self)
    }

    fn maintenance(&self) -> Option<&dyn Maintenance> {
        Some(self)
    }
}
