//! Objects in the memory of this process.

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, memory::InMemory, path::Path,
};
use std::{
    collections::BTreeMap,
    fmt,
    ops::Range,
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// The stores that were opened by name and are still held by somebody.
static NAMED: Mutex<BTreeMap<String, Weak<MemoryStore>>> = Mutex::new(BTreeMap::new());

/// An [`InMemory`] store that gives way to other tasks. On its own it never waits for anything, so that a loop which polls it
/// would keep a runtime's thread for itself.
#[derive(Debug, Default)]
pub struct MemoryStore {
    store: InMemory,
}

impl MemoryStore {
    /// The store of this name in this process: empty at first, the same for everyone who asks while somebody holds it. The
    /// empty name is a new store each time.
    pub fn named(name: &str) -> Arc<MemoryStore> {
        if name.is_empty() {
            return Arc::default();
        }
        let mut stores = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        stores.retain(|_, store| store.strong_count() > 0);
        let store = stores.get(name).and_then(Weak::upgrade).unwrap_or_default();
        stores.insert(name.to_owned(), Arc::downgrade(&store));
        store
    }
}

impl fmt::Display for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryStore")
    }
}

async fn give_way() {
    tokio::task::yield_now().await;
}

#[async_trait]
impl ObjectStore for MemoryStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        give_way().await;
        self.store.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        give_way().await;
        self.store.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        give_way().await;
        self.store.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        give_way().await;
        self.store.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let objects = self.store.list(prefix);
        futures::stream::once(give_way())
            .map(move |()| None)
            .chain(objects.map(Some))
            .filter_map(futures::future::ready)
            .boxed()
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        give_way().await;
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        give_way().await;
        self.store.copy_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::ObjectStoreExt;
    use std::time::Duration;

    #[tokio::test(flavor = "current_thread")]
    async fn a_loop_that_polls_leaves_time_for_others() {
        let store = MemoryStore::named("");
        let key = Path::parse("k").unwrap();
        let writer = tokio::spawn({
            let (store, key) = (store.clone(), key.clone());
            async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                store.put(&key, "v".into()).await.unwrap();
            }
        });
        while store.head(&key).await.is_err() {}
        writer.await.unwrap();
    }

    #[tokio::test]
    async fn a_name_is_one_store_while_it_is_held() {
        let key = Path::parse("k").unwrap();
        let one = MemoryStore::named("one_store_while_held");
        one.put(&key, "v".into()).await.unwrap();
        assert!(MemoryStore::named("one_store_while_held").head(&key).await.is_ok());
        assert!(MemoryStore::named("").head(&key).await.is_err());
        drop(one);
        assert!(MemoryStore::named("one_store_while_held").head(&key).await.is_err());
    }
}
