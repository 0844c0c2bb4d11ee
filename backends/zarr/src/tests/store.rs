//! A store in memory that counts requests, can pause and fail, and can name states by content as S3 does.

use crate::{
    array_places::ArrayPlaces,
    claim::Claims,
    config::ZarrOptions,
    create::{Existing, NewArray},
    stored_array::StoredArray,
};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{ArrayOptions, ArraySpec, DType, Region, Result, Shape, Values};
use fascicle_objects::{
    Store,
    object_store::{
        self, CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
        PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, memory::InMemory, path::Path,
    },
};
use futures::stream::BoxStream;
use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex},
};
use tokio::sync::Barrier;

/// What to do with the next write of a key that ends like this.
pub(crate) enum Trick {
    /// Write it, and lose the answer.
    LoseAnswer(&'static str),
    /// Refuse it once, without having written it.
    RefuseOnce(&'static str),
    /// Fail, as if the process died here.
    Die(&'static str),
    /// Fail, after having written it or not, and after the barrier was passed twice: when it has happened, and before the answer.
    FailLate { end: &'static str, happens: bool, barrier: Arc<Barrier> },
}

#[derive(Default)]
pub(crate) struct TestStore {
    pub(crate) inner: InMemory,
    pub(crate) log: Mutex<Vec<String>>,
    pub(crate) tricks: Mutex<Vec<Trick>>,
    /// Whether states are named by content.
    pub(crate) by_content: bool,
    pub(crate) swap: tokio::sync::Mutex<()>,
}

impl fmt::Debug for TestStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestStore")
    }
}

impl fmt::Display for TestStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestStore")
    }
}

fn content_tag(bytes: &[u8]) -> Option<String> {
    // No CRC-32C: that of everything which ends with its own CRC-32C, as chunks do, is the same.
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Some(format!("\"{:016x}\"", hasher.finish()))
}

fn generic(why: &str) -> object_store::Error {
    object_store::Error::Generic { store: "TestStore", source: why.to_owned().into() }
}

impl TestStore {
    pub(crate) fn note(&self, what: &str, path: &Path) {
        self.log.lock().unwrap().push(format!("{what} {path}"));
    }

    /// The requests since the last call.
    pub(crate) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn trick(&self, path: &Path) -> Option<Trick> {
        let mut tricks = self.tricks.lock().unwrap();
        let at = tricks.iter().position(|trick| {
            let (Trick::LoseAnswer(end)
            | Trick::RefuseOnce(end)
            | Trick::Die(end)
            | Trick::FailLate { end, .. }) = trick;
            path.as_ref().ends_with(end)
        })?;
        Some(tricks.remove(at))
    }

    async fn swap(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        if !self.by_content {
            return self.inner.put_opts(location, payload, options).await;
        }
        let _alone = self.swap.lock().await;
        let bytes: Bytes = payload.clone().into();
        if let PutMode::Update(version) = &options.mode {
            let precondition =
                || object_store::Error::Precondition { path: location.to_string(), source: "changed".into() };
            let current = match self.inner.get_opts(location, GetOptions::default()).await {
                Ok(found) => found.bytes().await?,
                Err(_) => return Err(precondition()),
            };
            if content_tag(&current) != version.e_tag {
                return Err(precondition());
            }
        }
        let mode = if options.mode == PutMode::Create { PutMode::Create } else { PutMode::Overwrite };
        self.inner.put_opts(location, payload, PutOptions { mode, ..PutOptions::default() }).await?;
        Ok(PutResult { e_tag: content_tag(&bytes), version: None, extensions: Default::default() })
    }
}

#[async_trait]
impl ObjectStore for TestStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.note("PUT", location);
        tokio::task::yield_now().await;
        match self.trick(location) {
            None => self.swap(location, payload, options).await,
            Some(Trick::LoseAnswer(_)) => {
                self.swap(location, payload, options).await?;
                Err(generic("the connection was closed"))
            }
            Some(Trick::RefuseOnce(_)) => Err(object_store::Error::AlreadyExists {
                path: location.to_string(),
                source: "try again".into(),
            }),
            Some(Trick::Die(_)) => Err(object_store::Error::PermissionDenied {
                path: location.to_string(),
                source: "died".into(),
            }),
            Some(Trick::FailLate { happens, barrier, .. }) => {
                if happens {
                    self.swap(location, payload, options).await?;
                }
                barrier.wait().await;
                barrier.wait().await;
                Err(generic("the connection was closed"))
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        Err(generic("not used"))
    }

    async fn get_opts(&self, location: &Path, mut options: GetOptions) -> object_store::Result<GetResult> {
        let range = options.range.as_ref().map(|range| format!(" {range}")).unwrap_or_default();
        self.note(&format!("{}{range}", if options.head { "HEAD" } else { "GET" }), location);
        tokio::task::yield_now().await;
        if !self.by_content {
            return self.inner.get_opts(location, options).await;
        }
        let whole = self.inner.get_opts(location, GetOptions::default()).await?.bytes().await?;
        let tag = content_tag(&whole);
        if let Some(unless) = options.if_none_match.take()
            && Some(&unless) == tag.as_ref()
        {
            return Err(object_store::Error::NotModified {
                path: location.to_string(),
                source: "same".into(),
            });
        }
        if let Some(only) = options.if_match.take()
            && Some(&only) != tag.as_ref()
        {
            return Err(object_store::Error::Precondition {
                path: location.to_string(),
                source: "changed".into(),
            });
        }
        let mut result = self.inner.get_opts(location, options).await?;
        result.meta.e_tag = tag;
        Ok(result)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.log.lock().unwrap().push("DELETE".to_owned());
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.log.lock().unwrap().push("LIST".to_owned());
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.note("COPY", from);
        self.inner.copy_opts(from, to, options).await
    }
}

/// A handle on a store in which one array, `x.zarr`, is tested.
pub(crate) struct Bench {
    pub(crate) store: Arc<TestStore>,
    pub(crate) places: ArrayPlaces,
    opened: Store,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Bench::on(Arc::default(), ZarrOptions::default()).await
    }

    pub(crate) async fn with(options: ZarrOptions) -> Self {
        Bench::on(Arc::default(), options).await
    }

    pub(crate) async fn on(store: Arc<TestStore>, options: ZarrOptions) -> Self {
        let object_store: Arc<dyn ObjectStore> = store.clone();
        let opened = Store::over(object_store, "test");
        // What is asked of a store once is not counted.
        opened.conditions().await.unwrap();
        store.take_log();
        Bench { store, places: ArrayPlaces::new(opened.clone(), options).unwrap(), opened }
    }

    /// Another handle on the same store, as another process would have.
    pub(crate) fn another(&self, options: ZarrOptions) -> Self {
        let places = ArrayPlaces::new(self.opened.clone(), options).unwrap();
        Bench { store: self.store.clone(), places, opened: self.opened.clone() }
    }

    pub(crate) fn array(&self) -> StoredArray {
        self.places.array(&Path::from("d"), "x.zarr")
    }

    pub(crate) fn claims(&self) -> Claims {
        self.places.claims(&Path::from("d"), "x.zarr")
    }

    pub(crate) fn begin(
        &self,
        shape: &[u64],
        dtype: DType,
        options: &ArrayOptions,
        existing: Existing,
    ) -> Result<NewArray> {
        let spec = ArraySpec { shape: Shape::new(shape)?, dtype };
        NewArray::begin(self.array(), self.claims(), &spec, options, existing)
    }

    pub(crate) async fn put(&self, shape: &[u64], values: Values, options: &ArrayOptions) -> Result<()> {
        let mut new = self.begin(shape, values.dtype(), options, Existing::Replace)?;
        new.write(&Region::whole(&Shape::new(shape)?), values).await?;
        new.finish().await
    }

    pub(crate) async fn read(&self, selection: &str) -> Result<Values> {
        let array = self.array();
        let description = array.describe().await?;
        let region = selection.parse::<fascicle_backend::Selection>()?.resolve(&description.shape)?;
        let buffer = Values::zeros(description.dtype, region.element_count()?)?;
        array.read(&region, buffer).await
    }

    pub(crate) async fn read_i64(&self, selection: &str) -> Vec<i64> {
        match self.read(selection).await.unwrap() {
            Values::Int64(values) => values,
            other => panic!("{other:?}"),
        }
    }

    /// The keys below the array, sorted.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> =
            self.array().objects.list().await.unwrap().into_iter().map(|(key, _)| key).collect();
        keys.sort();
        keys
    }

    /// The keys of claims.
    pub(crate) async fn claimed(&self) -> Vec<String> {
        self.claims().objects.list().await.unwrap().into_iter().map(|(key, _)| key).collect()
    }

    /// Stores an object of the array as it is.
    pub(crate) async fn put_raw(&self, key: &str, bytes: impl Into<PutPayload>) {
        let path = Path::from("d/x.zarr").join(key);
        let path = Path::parse(path.as_ref().replace("%2F", "/")).unwrap();
        self.store.inner.put_opts(&path, bytes.into(), PutOptions::default()).await.unwrap();
    }

    pub(crate) async fn get_raw(&self, key: &str) -> Option<Bytes> {
        self.array().objects.get(key, 1 << 30).await.unwrap().map(|stored| stored.bytes)
    }
}

pub(crate) fn numbers(range: std::ops::Range<i64>) -> Values {
    Values::Int64(range.collect())
}
