//! A store in memory that notes requests and can stop working, and arrays on it.

use crate::{ParquetBackend, ParquetOptions};
use async_trait::async_trait;
use fascicle_backend::{
    ArrayDescription, ArrayOptions, ArraySpec, ArrayStore, Backend, EntryPath, Error, Region, Result,
    Selection, Shape, Values, WriteMode,
};
use fascicle_objects::{
    Store,
    object_store::{
        self, CopyOptions, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta,
        ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult,
        memory::InMemory, path::Path,
    },
};
use futures::{StreamExt, stream::BoxStream};
use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::Barrier;

/// A store in memory.
#[derive(Debug)]
pub(crate) struct WatchedStore {
    pub(crate) inner: InMemory,
    log: Mutex<Vec<String>>,
    /// How many bytes were read.
    bytes: AtomicU64,
    /// How many writes still work.
    writes: AtomicU64,
    /// The next write of an object whose key ends like this loses its answer, after the barrier was passed twice: when the write has
    /// happened, and before it fails.
    loses: Mutex<Option<(&'static str, Arc<Barrier>)>>,
}

impl Default for WatchedStore {
    fn default() -> Self {
        WatchedStore {
            inner: InMemory::new(),
            log: Mutex::default(),
            bytes: AtomicU64::new(0),
            writes: AtomicU64::new(u64::MAX),
            loses: Mutex::default(),
        }
    }
}

impl fmt::Display for WatchedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WatchedStore")
    }
}

impl WatchedStore {
    /// The requests since the last call, and how many bytes were read.
    pub(crate) fn take(&self) -> (Vec<String>, u64) {
        (std::mem::take(&mut self.log.lock().unwrap()), self.bytes.swap(0, Ordering::Relaxed))
    }

    /// Lets so many writes work and fails the others, as if the process had died.
    pub(crate) fn stop_after(&self, writes: u64) {
        self.writes.store(writes, Ordering::Relaxed);
    }

    /// Loses the answer to the next write of an object whose key ends like this.
    pub(crate) fn lose_answer(&self, end: &'static str) -> Arc<Barrier> {
        let barrier = Arc::new(Barrier::new(2));
        *self.loses.lock().unwrap() = Some((end, barrier.clone()));
        barrier
    }

    fn note(&self, what: &str, path: &str) {
        self.log.lock().unwrap().push(format!("{what} {path}"));
    }

    fn write(&self, what: &str, path: &Path) -> object_store::Result<()> {
        self.note(what, path.as_ref());
        let left = self.writes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match left {
            Ok(_) => Ok(()),
            Err(_) => Err(object_store::Error::PermissionDenied {
                path: path.to_string(),
                source: "the process died".into(),
            }),
        }
    }
}

#[async_trait]
impl ObjectStore for WatchedStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.write("PUT", location)?;
        tokio::task::yield_now().await;
        let lost = self.loses.lock().unwrap().take_if(|(end, _)| location.as_ref().ends_with(*end));
        let answer = self.inner.put_opts(location, payload, options).await;
        let Some((_, barrier)) = lost else { return answer };
        barrier.wait().await;
        barrier.wait().await;
        Err(object_store::Error::Generic { store: "WatchedStore", source: "the answer was lost".into() })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.write("UPLOAD", location)?;
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.note(if options.head { "HEAD" } else { "GET" }, location.as_ref());
        tokio::task::yield_now().await;
        let result = self.inner.get_opts(location, options.clone()).await?;
        let bytes = match &options.range {
            _ if options.head => 0,
            Some(GetRange::Bounded(range)) => result.meta.size.min(range.end) - range.start,
            _ => result.meta.size,
        };
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(result)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        if let Err(error) = self.write("DELETE", &Path::default()) {
            return futures::stream::once(async { Err(error) }).boxed();
        }
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.note("LIST", prefix.map_or("", Path::as_ref));
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.note("LIST", prefix.map_or("", Path::as_ref));
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.write("COPY", to)?;
        self.inner.copy_opts(from, to, options).await
    }
}

/// A handle on a store.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) store: Arc<WatchedStore>,
    opened: Store,
    pub(crate) backend: ParquetBackend,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Bench::with(ParquetOptions::default()).await
    }

    pub(crate) async fn with(options: ParquetOptions) -> Self {
        let store = Arc::new(WatchedStore::default());
        let opened = Store::over(store.clone(), "test");
        let backend = ParquetBackend::over(opened.clone(), options).await.unwrap();
        store.take();
        Bench { store, opened, backend }
    }

    /// Another handle on the same store, as another process would have.
    pub(crate) async fn another(&self) -> Self {
        let options = ParquetOptions::default();
        self.with_options(options.with_lock_timeout(std::time::Duration::from_millis(500))).await
    }

    /// The same with other options.
    pub(crate) async fn with_options(&self, options: ParquetOptions) -> Self {
        let backend = ParquetBackend::over(self.opened.clone(), options).await.unwrap();
        Bench { store: self.store.clone(), opened: self.opened.clone(), backend }
    }

    pub(crate) fn arrays(&self) -> &dyn ArrayStore {
        self.backend.arrays().unwrap()
    }

    pub(crate) async fn put_with(
        &self,
        name: &str,
        shape: &[u64],
        values: Values,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<()> {
        let spec = ArraySpec { shape: Shape::new(shape)?, dtype: values.dtype() };
        let mut writer = self.arrays().create(&path(name), &spec, options, mode).await?;
        writer.write(&Region::whole(&spec.shape), values).await?;
        writer.finish().await
    }

    pub(crate) async fn put(&self, name: &str, shape: &[u64], values: Values) -> Result<()> {
        self.put_with(name, shape, values, &ArrayOptions::default(), WriteMode::Overwrite).await
    }

    pub(crate) async fn describe(&self, name: &str) -> Result<ArrayDescription> {
        self.arrays().describe(&path(name)).await
    }

    pub(crate) async fn select(&self, name: &str, selection: &str) -> Result<Values> {
        let description = self.describe(name).await?;
        self.store.take();
        let region = selection.parse::<Selection>()?.resolve(&description.shape)?;
        self.read(name, &region, &description).await
    }

    pub(crate) async fn read(
        &self,
        name: &str,
        region: &Region,
        description: &ArrayDescription,
    ) -> Result<Values> {
        let buffer = Values::zeros(description.dtype, region.element_count()?)?;
        self.arrays().read(&path(name), region, buffer).await
    }

    /// The shape and all elements.
    pub(crate) async fn all(&self, name: &str) -> Result<(Shape, Values)> {
        let description = self.describe(name).await?;
        let values = self.read(name, &Region::whole(&description.shape), &description).await?;
        Ok((description.shape, values))
    }

    pub(crate) async fn append(&self, name: &str, rows: u64, values: Values) -> Result<u64> {
        self.arrays().append(&path(name), rows, values).await
    }

    pub(crate) async fn write(&self, name: &str, selection: &str, values: Values) -> Result<()> {
        let shape = self.describe(name).await?.shape;
        let region = selection.parse::<Selection>()?.resolve(&shape)?;
        self.arrays().write(&path(name), &region, values).await
    }

    /// The keys of all objects.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let listed: Vec<_> = self.store.inner.list(None).collect().await;
        let mut keys: Vec<String> =
            listed.into_iter().map(|object| object.unwrap().location.to_string()).collect();
        keys.retain(|key| !key.starts_with("_index"));
        keys.sort();
        keys
    }

    /// The keys of the parts of an array.
    pub(crate) async fn parts(&self, name: &str) -> Vec<String> {
        let prefix = format!("{name}.array.parquet/part-");
        self.keys().await.into_iter().filter(|key| key.starts_with(&prefix)).collect()
    }

    pub(crate) async fn object(&self, key: &str) -> Vec<u8> {
        self.store.inner.get(&Path::from(key)).await.unwrap().bytes().await.unwrap().to_vec()
    }

    pub(crate) async fn put_object(&self, key: &str, bytes: Vec<u8>) {
        self.store.inner.put(&Path::from(key), bytes.into()).await.unwrap();
    }
}

pub(crate) fn path(name: &str) -> EntryPath {
    EntryPath::parse(name).unwrap()
}

/// The numbers from one on.
pub(crate) fn counting(from: i64, count: i64) -> Values {
    Values::Int64((from..from + count).collect())
}

pub(crate) fn same(found: &Values, expected: &Values) {
    assert!(found.same_bits(expected), "{found:?} is not {expected:?}");
}

/// The error of a call that must fail.
pub(crate) fn refused<T: fmt::Debug>(result: Result<T>) -> Error {
    match result {
        Ok(value) => panic!("{value:?} was not refused"),
        Err(error) => error,
    }
}
