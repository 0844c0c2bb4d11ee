//! A storage backend for fascicle over a `HashMap`: directories, files, metas and records.
//!
//! It declares the one capability that it needs, [`Capability::Write`]. Everything else is refused by the checks through
//! which every backend is used, so that there is nothing to write for arrays, tables, attributes, moving or copying.

use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{
    ArrayStore, Attributes, Backend, ByteStream, Capabilities, Capability, CreateOutcome, EntryInfo,
    EntryKind, EntryPath, EntryStat, Error, ErrorKind, FileOptions, FileStore, FileWriter, Listing,
    MetaRecord, MetaWriteMode, RecordKey, RecordStore, Result, TableStore, Version, WriteMode,
};
use futures::StreamExt;
use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

/// Keeps everything in memory for as long as a handle lives. Clones are handles on the same place.
#[derive(Clone, Debug, Default)]
pub struct HashMapBackend {
    store: Arc<Mutex<Store>>,
}

#[derive(Debug, Default)]
struct Store {
    /// Every entry but the root, by its whole path.
    entries: HashMap<EntryPath, Entry>,
    root_meta: Option<MetaRecord>,
    records: HashMap<RecordKey, Bytes>,
    /// How many metas were ever written: each gets a version that no other has.
    versions: u64,
}

#[derive(Debug)]
struct Entry {
    content: Content,
    modified: SystemTime,
}

#[derive(Debug)]
enum Content {
    Directory { meta: Option<MetaRecord> },
    File(Bytes),
}

impl Entry {
    fn new(content: Content) -> Self {
        Entry { content, modified: SystemTime::now() }
    }

    fn kind(&self) -> EntryKind {
        match self.content {
            Content::Directory { .. } => EntryKind::Directory,
            Content::File(_) => EntryKind::File,
        }
    }
}

fn not_found() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such entry")
}

fn not_a(kind: EntryKind) -> Error {
    Error::new(ErrorKind::WrongKind, format!("it is not a {kind}"))
}

fn unsupported() -> Error {
    Error::new(ErrorKind::Unsupported, "this storage does not do that")
}

impl Store {
    fn entry(&self, path: &EntryPath) -> Result<&Entry> {
        self.entries.get(path).ok_or_else(not_found)
    }

    /// The meta of a directory, the root included.
    fn meta_of(&mut self, directory: &EntryPath) -> Result<&mut Option<MetaRecord>> {
        if directory.is_root() {
            return Ok(&mut self.root_meta);
        }
        match &mut self.entries.get_mut(directory).ok_or_else(not_found)?.content {
            Content::Directory { meta } => Ok(meta),
            Content::File(_) => Err(not_a(EntryKind::Directory)),
        }
    }

    /// A meta of these bytes under a version of its own.
    fn new_meta(&mut self, bytes: Bytes) -> MetaRecord {
        self.versions += 1;
        MetaRecord { bytes, version: Version::new(self.versions.to_string()) }
    }

    /// Refuses to create an entry where its parent is missing or is no directory.
    fn check_parent(&mut self, path: &EntryPath) -> Result<()> {
        let parent = path.parent().unwrap_or_default();
        match self.meta_of(&parent) {
            Ok(_) => Ok(()),
            Err(error) if error.is_not_found() => {
                Err(Error::new(ErrorKind::NotFound, format!("the directory '{parent}' does not exist")))
            }
            Err(error) => Err(error),
        }
    }

    /// Refuses to write a file where the mode does not allow it.
    fn check_file(&mut self, path: &EntryPath, mode: WriteMode) -> Result<()> {
        self.check_parent(path)?;
        match (self.entries.get(path), mode) {
            (Some(_), WriteMode::Create) => {
                Err(Error::new(ErrorKind::AlreadyExists, "an entry of that name exists"))
            }
            (Some(old), WriteMode::Overwrite) if old.kind() != EntryKind::File => Err(not_a(EntryKind::File)),
            _ => Ok(()),
        }
    }

    fn remove(&mut self, path: &EntryPath) {
        self.entries.retain(|other, _| !other.is_within(path));
    }
}

impl HashMapBackend {
    fn store(&self) -> MutexGuard<'_, Store> {
        // No call leaves the store half changed, so that it is sound even after a panic.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Backend for HashMapBackend {
    fn name(&self) -> &'static str {
        "hash-map"
    }

    fn location(&self) -> String {
        "a hash map in this process".to_owned()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::NONE.with(Capability::Write)
    }

    async fn list(&self, directory: &EntryPath) -> Result<Listing> {
        let mut store = self.store();
        let has_meta = store.meta_of(directory)?.is_some();
        let inside = store.entries.iter().filter(|(path, _)| path.parent().as_ref() == Some(directory));
        let mut entries: Vec<EntryInfo> = inside
            .map(|(path, entry)| EntryInfo {
                name: path.name().to_owned(),
                kind: entry.kind(),
                stored_name: path.name().to_owned(),
            })
            .collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Listing { entries, has_meta })
    }

    async fn stat(&self, path: &EntryPath) -> Result<EntryStat> {
        let store = self.store();
        let stored_name = path.name().to_owned();
        if path.is_root() {
            return Ok(EntryStat { kind: EntryKind::Directory, stored_name, size_bytes: 0, modified: None });
        }
        let entry = store.entry(path)?;
        let size_bytes = match &entry.content {
            Content::File(bytes) => bytes.len(),
            Content::Directory { meta } => meta.as_ref().map_or(0, |meta| meta.bytes.len()),
        };
        let (kind, modified) = (entry.kind(), Some(entry.modified));
        Ok(EntryStat { kind, stored_name, size_bytes: size_bytes as u64, modified })
    }

    async fn create_directory(&self, path: &EntryPath, meta: Bytes) -> Result<Version> {
        let mut store = self.store();
        store.check_parent(path)?;
        if store.entries.contains_key(path) {
            return Err(Error::new(ErrorKind::AlreadyExists, "an entry of that name exists"));
        }
        let meta = store.new_meta(meta);
        let version = meta.version.clone();
        store.entries.insert(path.clone(), Entry::new(Content::Directory { meta: Some(meta) }));
        Ok(version)
    }

    async fn remove(&self, path: &EntryPath) -> Result<()> {
        let mut store = self.store();
        store.entry(path)?;
        store.remove(path);
        Ok(())
    }

    async fn rename(&self, _from: &EntryPath, _to: &EntryPath) -> Result<()> {
        Err(unsupported())
    }

    async fn copy(&self, _from: &EntryPath, _to: &EntryPath) -> Result<()> {
        Err(unsupported())
    }

    async fn read_meta(&self, directory: &EntryPath) -> Result<Option<MetaRecord>> {
        Ok(self.store().meta_of(directory)?.clone())
    }

    async fn write_meta(&self, directory: &EntryPath, meta: Bytes, mode: MetaWriteMode) -> Result<Version> {
        let mut store = self.store();
        let old = store.meta_of(directory)?.as_ref().map(|meta| meta.version.clone());
        match mode {
            MetaWriteMode::Create if old.is_some() => {
                return Err(Error::new(ErrorKind::AlreadyExists, "the directory has a meta"));
            }
            MetaWriteMode::UpdateIf(expected) if old != Some(expected.clone()) => {
                return Err(Error::new(ErrorKind::Conflict, "the meta was written by someone else"));
            }
            _ => {}
        }
        let meta = store.new_meta(meta);
        let version = meta.version.clone();
        *store.meta_of(directory)? = Some(meta);
        Ok(version)
    }

    async fn read_attributes(&self, _path: &EntryPath) -> Result<Attributes> {
        Err(unsupported())
    }

    async fn write_attributes(&self, _path: &EntryPath, _attributes: &Attributes) -> Result<()> {
        Err(unsupported())
    }

    fn files(&self) -> &dyn FileStore {
        self
    }

    fn records(&self) -> &dyn RecordStore {
        self
    }

    fn arrays(&self) -> Option<&dyn ArrayStore> {
        None
    }

    fn tables(&self) -> Option<&dyn TableStore> {
        None
    }
}

#[async_trait]
impl FileStore for HashMapBackend {
    async fn create(
        &self,
        path: &EntryPath,
        _options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        self.store().check_file(path, mode)?;
        Ok(Box::new(Writer { backend: self.clone(), path: path.clone(), mode, content: Vec::new() }))
    }

    async fn read(&self, path: &EntryPath, range: Option<Range<u64>>) -> Result<ByteStream> {
        let store = self.store();
        let Content::File(bytes) = &store.entry(path)?.content else { return Err(not_a(EntryKind::File)) };
        let clip = |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
        let bytes = match range {
            Some(range) => bytes.slice(clip(range.start)..clip(range.end)),
            None => bytes.clone(),
        };
        Ok(futures::stream::iter([Ok(bytes)]).boxed())
    }

    async fn append(&self, _path: &EntryPath, _bytes: Bytes) -> Result<u64> {
        Err(unsupported())
    }
}

/// Collects the bytes of a file until it is finished.
struct Writer {
    backend: HashMapBackend,
    path: EntryPath,
    mode: WriteMode,
    content: Vec<u8>,
}

#[async_trait]
impl FileWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.content.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        let Writer { backend, path, mode, content } = *self;
        let mut store = backend.store();
        store.check_file(&path, mode)?;
        store.remove(&path);
        store.entries.insert(path, Entry::new(Content::File(Bytes::from(content))));
        Ok(())
    }
}

#[async_trait]
impl RecordStore for HashMapBackend {
    async fn create(&self, key: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        let mut store = self.store();
        if store.records.contains_key(key) {
            return Ok(CreateOutcome::Exists);
        }
        store.records.insert(key.clone(), body);
        Ok(CreateOutcome::Created)
    }

    async fn read(&self, key: &RecordKey) -> Result<Option<Bytes>> {
        Ok(self.store().records.get(key).cloned())
    }

    async fn overwrite(&self, key: &RecordKey, body: Bytes) -> Result<()> {
        self.store().records.insert(key.clone(), body);
        Ok(())
    }

    async fn remove(&self, key: &RecordKey) -> Result<()> {
        self.store().records.remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &RecordKey) -> Result<Vec<RecordKey>> {
        let below = format!("{prefix}/");
        let store = self.store();
        let mut keys: Vec<RecordKey> =
            store.records.keys().filter(|key| key.as_str().starts_with(&below)).cloned().collect();
        keys.sort();
        Ok(keys)
    }
}
