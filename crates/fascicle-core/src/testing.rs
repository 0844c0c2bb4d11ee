//! Fills a memory backend for tests, below the level of directories.

use arrow_array::RecordBatch;
use fascicle_backend::{
    ArrayOptions, ArraySpec, Backend, EntryPath, FileOptions, MetaWriteMode, Region, Shape, TableOptions,
    Values, WriteMode, wrap::Enforced,
};
use fascicle_memory::MemoryBackend;
use std::sync::Arc;

/// An empty memory backend as users get it.
pub(crate) fn memory() -> Arc<dyn Backend> {
    Arc::new(Enforced::new(Arc::new(MemoryBackend::new())))
}

pub(crate) fn path(path: &str) -> EntryPath {
    EntryPath::parse(path).unwrap()
}

pub(crate) async fn put_array(backend: &dyn Backend, name: &str, lengths: &[u64], values: Values) {
    let spec = ArraySpec { shape: Shape::new(lengths).unwrap(), dtype: values.dtype() };
    let options = ArrayOptions::default();
    let store = backend.arrays().unwrap();
    let mut writer = store.create(&path(name), &spec, &options, WriteMode::Replace).await.unwrap();
    writer.write(&Region::whole(&spec.shape), values).await.unwrap();
    writer.finish().await.unwrap();
}

pub(crate) async fn get_array(backend: &dyn Backend, name: &str) -> (Vec<u64>, Values) {
    let store = backend.arrays().unwrap();
    let array = store.describe(&path(name)).await.unwrap();
    let buffer = Values::zeros(array.dtype, array.shape.element_count()).unwrap();
    let values = store.read(&path(name), &Region::whole(&array.shape), buffer).await.unwrap();
    (array.shape.to_vec(), values)
}

pub(crate) async fn put_file(backend: &dyn Backend, name: &str, bytes: &'static [u8]) {
    let options = FileOptions::default();
    let mut writer = backend.files().create(&path(name), &options, WriteMode::Replace).await.unwrap();
    writer.write(bytes.into()).await.unwrap();
    writer.finish().await.unwrap();
}

pub(crate) async fn put_table(backend: &dyn Backend, name: &str, batches: &[RecordBatch]) {
    let store = backend.tables().unwrap();
    let options = TableOptions::default();
    let schema = batches[0].schema();
    let mut writer = store.create(&path(name), schema, &options, WriteMode::Replace).await.unwrap();
    for batch in batches {
        writer.write(batch.clone()).await.unwrap();
    }
    writer.finish().await.unwrap();
}

pub(crate) async fn put_directory(backend: &dyn Backend, name: &str, meta: &'static str) {
    backend.create_directory(&path(name), meta.into()).await.unwrap();
}

pub(crate) async fn put_meta(backend: &dyn Backend, name: &str, meta: &'static str) {
    backend.write_meta(&path(name), meta.into(), MetaWriteMode::Overwrite).await.unwrap();
}
