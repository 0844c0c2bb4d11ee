//! The parts of tables, on every store.

use crate::sites::{Site, on_every_store, run};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, cast::AsArray, types::Int64Type};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use fascicle_backend::{ErrorKind, ScanOptions, TableOptions};
use fascicle_objects::{Store, StorePartFolder, key};
use fascicle_tables::{CommitOutcome, PartFolder, PartWriter, TableSnapshot, commit_next, part_name};
use fascicle_test_servers::{Fault, FaultKind, RequestKind, SeenRequest};
use std::{fs::File, path::PathBuf, sync::Arc};

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]))
}

/// A staged part that holds `numbers`.
fn part(folder: &tempfile::TempDir, name: &str, numbers: Vec<i64>) -> PathBuf {
    let path = folder.path().join(name);
    let column: ArrayRef = Arc::new(Int64Array::from(numbers));
    let batch = RecordBatch::try_new(schema(), vec![column]).unwrap();
    let mut writer =
        PartWriter::new(File::create(&path).unwrap(), &schema(), &TableOptions::default()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish(None).unwrap();
    path
}

fn folder(store: Store) -> Arc<StorePartFolder> {
    Arc::new(StorePartFolder::new(store, key("d/t.parquet").unwrap()).unwrap())
}

/// Runs what blocks where that is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn numbers(folder: Arc<StorePartFolder>) -> Vec<i64> {
    let snapshot = TableSnapshot::open(folder).unwrap();
    let batches: Vec<RecordBatch> =
        snapshot.scan(&ScanOptions::default()).unwrap().collect::<Result<_, _>>().unwrap();
    batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

#[test]
fn parts_are_committed_in_order_and_read_back() {
    on_every_store(async |site| {
        let staging = Arc::new(tempfile::tempdir().unwrap());
        let parts = folder(site.open());
        let missing = blocking({
            let parts = parts.clone();
            move || {
                (TableSnapshot::open(parts.clone()).err().unwrap(), parts.open(&part_name(0)).unwrap_err())
            }
        });
        let (no_table, no_part) = missing.await;
        assert_eq!([no_table.kind(), no_part.kind()], [ErrorKind::NotFound; 2]);
        let writers = (0..4i64).map(|writer| {
            let (parts, staging) = (folder(site.open()), staging.clone());
            blocking(move || {
                for round in 0..3 {
                    let number = 10 * writer + round;
                    let staged = part(&staging, &number.to_string(), vec![number; 2]);
                    commit_next(parts.as_ref(), &staged, 0).unwrap();
                }
            })
        });
        futures::future::join_all(writers).await;
        let found = blocking(move || numbers(parts)).await;
        assert_eq!(found.len(), 24, "on {}", site.name);
        assert!(found.chunks(2).all(|pair| pair[0] == pair[1]), "{found:?}");
        for writer in 0..4 {
            let of_one: Vec<i64> = found.iter().copied().filter(|number| number / 10 == writer).collect();
            assert_eq!(of_one.len(), 6);
            assert!(of_one.is_sorted(), "{of_one:?}");
        }
    });
}

#[test]
fn a_part_larger_than_a_block_is_read_in_few_requests() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let staging = tempfile::tempdir().unwrap();
            let parts = folder(site.open());
            let mut random = fastrand::Rng::with_seed(11);
            let written: Vec<i64> = (0..600_000).map(|_| random.i64(..)).collect();
            let staged = part(&staging, "part", written.clone());
            assert!(std::fs::metadata(&staged).unwrap().len() > 4 << 20);
            let committing = parts.clone();
            blocking(move || commit_next(committing.as_ref(), &staged, 0).unwrap()).await;
            let server = site.server.as_ref().unwrap();
            server.take_requests();
            assert!(blocking(move || numbers(parts)).await == written);
            let requests = server.take_requests();
            assert!(requests.len() <= 12, "{} requests: {requests:?}", requests.len());
        });
    }
}

#[test]
fn a_commit_whose_answer_was_lost_is_no_loss() {
    let staging = tempfile::tempdir().unwrap();
    let staged = part(&staging, "part", vec![1]);
    for site in [Site::s3(), Site::gcs()] {
        let staged = staged.clone();
        run(async {
            let parts = folder(site.open());
            let put =
                |request: &SeenRequest| request.kind == RequestKind::Put && request.key.contains("part-");
            site.server.as_ref().unwrap().inject(Fault::once(FaultKind::LostAnswer, put).times(2));
            blocking(move || {
                let name = part_name(0);
                assert_eq!(parts.commit(&staged, &name).unwrap(), CommitOutcome::Committed);
                assert_eq!(numbers(parts.clone()), [1]);
            })
            .await;
        });
    }
}

#[test]
fn long_parts_go_by_upload_and_are_committed_once() {
    let staging = tempfile::tempdir().unwrap();
    let mut bytes = vec![0u8; 66 << 20];
    fastrand::Rng::with_seed(13).fill(&mut bytes);
    let long = staging.path().join("long");
    std::fs::write(&long, &bytes).unwrap();
    for site in [Site::local(), Site::s3(), Site::gcs()] {
        let long = long.clone();
        run(async {
            let parts = folder(site.open());
            let length = blocking(move || {
                let name = part_name(0);
                assert_eq!(parts.commit(&long, &name).unwrap(), CommitOutcome::Committed);
                assert_eq!(parts.commit(&long, &name).unwrap(), CommitOutcome::Taken);
                parts.size_bytes(&name).unwrap()
            });
            assert_eq!(length.await, 66 << 20, "on {}", site.name);
            let staged = site.open().list_children(&key("_stage").unwrap()).await.unwrap();
            assert!(staged.objects.is_empty(), "on {}", site.name);
        });
    }
}
