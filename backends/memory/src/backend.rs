//! The backend itself: a handle on a store.

use crate::node::{Content, Directory, Node, Store};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{
    ArrayStore, Attributes, Backend, Capabilities, Capability, EntryInfo, EntryKind, EntryPath, EntryStat,
    Error, ErrorKind, FileStore, Listing, Maintenance, MetaRecord, MetaStamp, MetaWriteMode, RecordStore,
    Result, TableStore, Version, WriteMode,
};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak},
};

/// The stores that were opened by name and are still held by a handle.
static NAMED: Mutex<BTreeMap<String, Weak<RwLock<Store>>>> = Mutex::new(BTreeMap::new());

/// A place in memory. Clones share what is stored; it is gone with the last of them.
#[derive(Clone, Default)]
pub struct MemoryBackend {
    store: Arc<RwLock<Store>>,
    name: Option<Arc<str>>,
}

impl MemoryBackend {
    /// A new, empty place.
    pub fn new() -> Self {
        MemoryBackend::default()
    }

    /// The place of this name in this process: empty at first, the same for everyone who asks while a handle on it lives.
    pub fn named(name: &str) -> Self {
        let mut stores = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        stores.retain(|_, store| store.strong_count() > 0);
        let store = stores.get(name).and_then(Weak::upgrade).unwrap_or_default();
        stores.insert(name.to_owned(), Arc::downgrade(&store));
        MemoryBackend { store, name: Some(name.into()) }
    }

    /// The store for reading. A panic elsewhere leaves the tree whole, as every change is one insertion or removal.
    pub(crate) fn shared(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store for changing it.
    pub(crate) fn exclusive(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryBackend({})", self.location())
    }
}

#[async_trait]
impl Backend for MemoryBackend {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn location(&self) -> String {
        format!("memory:{}", self.name.as_deref().unwrap_or_default())
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all().without(Capability::Durable)
    }

    async fn list(&self, directory: &EntryPath) -> Result<Listing> {
        let store = self.shared();
        let directory = store.directory(directory)?;
        let entries = directory.entries.iter().map(|(name, node)| EntryInfo {
            name: name.clone(),
            kind: node.kind(),
            stored_name: name.clone(),
        });
        Ok(Listing { entries: entries.collect(), has_meta: directory.meta.is_some() })
    }

    async fn stat(&self, path: &EntryPath) -> Result<EntryStat> {
        let store = self.shared();
        let node = store.find(path)?;
        Ok(EntryStat {
            kind: node.kind(),
            stored_name: path.name().to_owned(),
            size_bytes: node.size_bytes(),
            modified: Some(node.modified),
        })
    }

    async fn create_directory(&self, path: &EntryPath, meta: Bytes) -> Result<Version> {
        let mut store = self.exclusive();
        store.admit(path, EntryKind::Directory, WriteMode::Create)?;
        let meta = store.new_meta(meta);
        let version = meta.version.clone();
        let directory = Directory { meta: Some(meta), ..Directory::default() };
        store.put(path, Node::new(Content::Directory(directory), Attributes::new()), WriteMode::Create)?;
        Ok(version)
    }

    async fn remove(&self, path: &EntryPath) -> Result<()> {
        let node = self.exclusive().take(path)?;
        // A large tree is freed when nobody waits for the lock any more.
        drop(node);
        Ok(())
    }

    async fn rename(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        let mut store = self.exclusive();
        check_relocation(&store, from, to)?;
        let node = store.take(from)?;
        store.put(to, node, WriteMode::Create)
    }

    async fn copy(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        let mut store = self.exclusive();
        check_relocation(&store, from, to)?;
        let node = store.find(from)?.clone();
        store.put(to, node, WriteMode::Create)
    }

    async fn read_meta(&self, directory: &EntryPath) -> Result<Option<MetaRecord>> {
        Ok(self.shared().directory(directory)?.meta.clone())
    }

    async fn meta_stamps(&self, directory: &EntryPath) -> Result<Option<Vec<MetaStamp>>> {
        let store = self.shared();
        let stamps = store.directory(directory)?.entries.iter().filter_map(|(name, node)| {
            let Content::Directory(Directory { meta: Some(meta), .. }) = &node.content else { return None };
            Some(MetaStamp {
                name: name.clone(),
                stamp: meta.version.token().parse().ok()?,
                is_settled: true,
            })
        });
        Ok(Some(stamps.collect()))
    }

    async fn write_meta(&self, directory: &EntryPath, meta: Bytes, mode: MetaWriteMode) -> Result<Version> {
        self.exclusive().write_meta(directory, meta, &mode)
    }

    async fn read_attributes(&self, path: &EntryPath) -> Result<Attributes> {
        Ok(self.shared().find(path)?.attributes.clone())
    }

    async fn write_attributes(&self, path: &EntryPath, attributes: &Attributes) -> Result<()> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::InvalidInput, "the root has no attributes"));
        }
        self.exclusive().change(path, |node| {
            node.attributes = attributes.clone();
            Ok(())
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
        Some(self)
    }
}

fn check_relocation(store: &Store, from: &EntryPath, to: &EntryPath) -> Result<()> {
    let kind = store.find(from)?.kind();
    if to.is_within(from) {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("the target '{to}' is, or lies within, the source"),
        ));
    }
    store.admit(to, kind, WriteMode::Create).map_err(|error| error.at(to))
}
