//! What killed writers of arrays leave, and its removal.

use super::store::{TestStore, numbers};
use crate::{ZarrBackend, config::ZarrOptions};
use fascicle_backend::{
    ArrayOptions, ArraySpec, Backend, DType, EntryPath, FlawKind, Leftover, LeftoverKind, Region, Shape,
    Values, WriteMode,
};
use fascicle_objects::{
    Store,
    object_store::{ObjectStoreExt, path::Path},
};
use std::{sync::Arc, time::Duration};

/// More than is kept in memory until the end.
const ROWS: u64 = 1_500_000;

async fn backend(store: &Arc<TestStore>) -> ZarrBackend {
    let options = ZarrOptions::default().with_lock_timeout(Duration::from_millis(300));
    ZarrBackend::over(Store::over(store.clone(), "test"), options).await.unwrap()
}

fn at(text: &str) -> EntryPath {
    EntryPath::parse(text).unwrap()
}

fn x() -> EntryPath {
    at("d/x")
}

/// Begins to write an array of several chunks, and writes most of them.
async fn begin(backend: &ZarrBackend, mode: WriteMode) -> Box<dyn fascicle_backend::ArrayWriter> {
    let spec = ArraySpec { shape: Shape::new([ROWS]).unwrap(), dtype: DType::Int64 };
    let options = ArrayOptions::default().with_chunks([ROWS / 3]);
    let mut writer = backend.arrays().unwrap().create(&x(), &spec, &options, mode).await.unwrap();
    for chunk in 0..2 {
        let rows = chunk * ROWS / 3..(chunk + 1) * ROWS / 3;
        let region = Region::rows(&spec.shape, rows.start, ROWS / 3);
        writer.write(&region, numbers(rows.start as i64..rows.end as i64)).await.unwrap();
    }
    writer
}

/// Begins in a runtime of its own, with which its claim's sign of life ends: as if the process had been killed.
fn killed_while_writing(store: &Arc<TestStore>, mode: WriteMode, chunk: &'static str) {
    let store = store.clone();
    let killed = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let writer = begin(&backend(&store).await, mode).await;
            while store.inner.head(&Path::from(chunk)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            std::mem::forget(writer);
        });
    });
    killed.join().unwrap();
}

async fn read(backend: &ZarrBackend) -> (u64, Option<i64>) {
    let arrays = backend.arrays().unwrap();
    let shape = arrays.describe(&x()).await.unwrap().shape;
    let buffer = Values::zeros(DType::Int64, shape.element_count()).unwrap();
    match arrays.read(&x(), &Region::whole(&shape), buffer).await.unwrap() {
        Values::Int64(elements) => (elements.len() as u64, elements.last().copied()),
        other => panic!("{other:?}"),
    }
}

async fn found(backend: &ZarrBackend) -> Vec<Leftover> {
    backend.maintenance().unwrap().leftovers().await.unwrap()
}

fn names(leftovers: &[Leftover]) -> Vec<(&str, LeftoverKind)> {
    leftovers.iter().map(|leftover| (leftover.stored_as.as_str(), leftover.kind)).collect()
}

async fn put_small(backend: &ZarrBackend) {
    let spec = ArraySpec { shape: Shape::new([4]).unwrap(), dtype: DType::Int64 };
    let arrays = backend.arrays().unwrap();
    let mut writer = arrays.create(&x(), &spec, &ArrayOptions::default(), WriteMode::Create).await.unwrap();
    writer.write(&Region::whole(&spec.shape), numbers(0..4)).await.unwrap();
    writer.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_array_whose_writer_was_killed_is_removed_whether_it_replaces_another_or_not() {
    for replaces in [false, true] {
        let store = Arc::new(TestStore::default());
        let backend = backend(&store).await;
        backend.create_directory(&at("d"), "meta: 1\n".into()).await.unwrap();
        if replaces {
            put_small(&backend).await;
        }
        assert_eq!(found(&backend).await, []);
        let (space, chunk) = if replaces { ("bare", "d/x.zarr/0") } else { ("slashes", "d/x.zarr/c/0") };
        killed_while_writing(&store, WriteMode::Overwrite, chunk);
        let claim = format!("d/_writing/x.zarr.{space}.json");
        let all = found(&backend).await;
        assert_eq!(names(&all), [(claim.as_str(), LeftoverKind::Unfinished)]);
        assert!(all[0].size_bytes > 1000, "{all:?}");
        assert!(backend.maintenance().unwrap().collect(&all[0]).await.unwrap());
        assert_eq!(found(&backend).await, []);
        let rest = Store::over(store.clone(), "rest");
        let of_space = rest.list_children(&Path::from("d/x.zarr")).await.unwrap();
        let left = of_space.objects.len() + of_space.common_prefixes.len();
        assert_eq!(left, if replaces { 2 } else { 0 }, "the description and the chunks of the old array");
        match replaces {
            true => assert_eq!(read(&backend).await, (4, Some(3))),
            false => assert!(backend.stat(&x()).await.unwrap_err().is_not_found()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_is_alive_is_left_alone() {
    let store = Arc::new(TestStore::default());
    let backend = backend(&store).await;
    backend.create_directory(&at("d"), "meta: 1\n".into()).await.unwrap();
    let writer = begin(&backend, WriteMode::Create).await;
    let all = found(&backend).await;
    assert_eq!(names(&all), [("d/_writing/x.zarr.slashes.json", LeftoverKind::Unfinished)]);
    assert!(!backend.maintenance().unwrap().collect(&all[0]).await.unwrap());
    writer.finish().await.unwrap();
    assert_eq!(read(&backend).await, (ROWS, Some(0)), "the last chunk was never written");
    // What was found before the array appeared is not deleted from it.
    backend.maintenance().unwrap().collect(&all[0]).await.unwrap();
    assert_eq!(read(&backend).await, (ROWS, Some(0)));
    assert_eq!(found(&backend).await, []);
}

#[tokio::test]
async fn what_lies_among_the_chunks_and_is_none_is_told_and_left() {
    let store = Arc::new(TestStore::default());
    let backend = backend(&store).await;
    backend.create_directory(&at("d"), "meta: 1\n".into()).await.unwrap();
    put_small(&backend).await;
    let maintenance = backend.maintenance().unwrap();
    assert_eq!(maintenance.flaws(&x()).await.unwrap(), []);
    for key in ["c/7", "c/8", "c/notes"] {
        store.inner.put(&Path::from(format!("d/x.zarr/{key}")), "chunk".into()).await.unwrap();
    }
    let flaws = maintenance.flaws(&x()).await.unwrap();
    let kinds: Vec<_> = flaws.iter().map(|flaw| (flaw.kind, flaw.mendable)).collect();
    assert_eq!(kinds, [(FlawKind::BeyondTheEnd, false), (FlawKind::Stray, false)]);
    assert!(flaws[0].what.starts_with("2 chunks ") && flaws[1].what.contains("'c/notes'"), "{flaws:?}");
    assert!(maintenance.mend(&x(), FlawKind::BeyondTheEnd).await.is_err());
    assert_eq!(read(&backend).await, (4, Some(3)));
    assert!(maintenance.flaws(&at("d/y")).await.unwrap_err().is_not_found());
}
