//! The parts of tables, on every store.

use crate::sites::{Site, on_every_store, run};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, cast::AsArray, types::Int64Type};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use fascicle_backend::{ErrorKind, ScanOptions, TableOptions};
use fascicle_objects::{StagedPart, Store, StorePartFolder, key};
use fascicle_tables::{CommitOutcome, PartFolder, PartWriter, TableSnapshot, part_name};
use fascicle_test_servers::{Fault, FaultKind, RequestKind, SeenRequest};
use std::{io::Write, sync::Arc};

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]))
}

/// A staged part that holds `numbers`.
fn part(folder: &StorePartFolder, numbers: Vec<i64>) -> StagedPart {
    let column: ArrayRef = Arc::new(Int64Array::from(numbers));
    let batch = RecordBatch::try_new(schema(), vec![column]).unwrap();
    let mut writer = PartWriter::new(folder.stage(), &schema(), &TableOptions::default()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish(None, Some("the table"), None).unwrap()
}

/// Commits a part under the first free name.
fn commit(folder: &StorePartFolder, mut part: StagedPart) {
    let mut numbers = (0..).map(part_name);
    let is_committed =
        |name: String| matches!(folder.commit(&mut part, &name).unwrap(), CommitOutcome::Committed { .. });
    assert!(numbers.any(is_committed));
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
        let parts = folder(site.open());
        let missing = blocking({
            let parts = parts.clone();
            move || {
                (
                    TableSnapshot::open(parts.clone()).err().unwrap(),
                    parts.open(&part_name(0), None).unwrap_err(),
                )
            }
        });
        let (no_table, no_part) = missing.await;
        assert_eq!([no_table.kind(), no_part.kind()], [ErrorKind::NotFound; 2]);
        let writers = (0..4i64).map(|writer| {
            let parts = folder(site.open());
            blocking(move || {
                for round in 0..3 {
                    commit(&parts, part(&parts, vec![10 * writer + round; 2]));
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
            let parts = folder(site.open());
            let mut random = fastrand::Rng::with_seed(11);
            let written: Vec<i64> = (0..600_000).map(|_| random.i64(..)).collect();
            let (committing, numbers_written) = (parts.clone(), written.clone());
            blocking(move || {
                commit(&committing, part(&committing, numbers_written));
                assert!(committing.size_bytes(&part_name(0)).unwrap() > 4 << 20);
            })
            .await;
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
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let parts = folder(site.open());
            let put =
                |request: &SeenRequest| request.kind == RequestKind::Put && request.key.contains("part-");
            site.server.as_ref().unwrap().inject(Fault::once(FaultKind::LostAnswer, put).times(2));
            blocking(move || {
                let outcome = parts.commit(&mut part(&parts, vec![1]), &part_name(0)).unwrap();
                assert!(matches!(outcome, CommitOutcome::Committed { .. }));
                assert_eq!(numbers(parts.clone()), [1]);
            })
            .await;
        });
    }
}

#[test]
fn long_parts_go_by_upload_and_are_committed_once() {
    let mut bytes = vec![0u8; 66 << 20];
    fastrand::Rng::with_seed(13).fill(&mut bytes);
    let bytes = Arc::new(bytes);
    for site in [Site::local(), Site::s3(), Site::gcs()] {
        let bytes = bytes.clone();
        run(async {
            let parts = folder(site.open());
            let length = blocking(move || {
                let stage = || {
                    let mut staged = parts.stage();
                    bytes.chunks(100_000).for_each(|chunk| staged.write_all(chunk).unwrap());
                    staged
                };
                let commit = |mut staged: StagedPart| parts.commit(&mut staged, &part_name(0)).unwrap();
                assert_eq!(commit(stage()), CommitOutcome::Committed { tag: None });
                assert_eq!(commit(stage()), CommitOutcome::Taken);
                parts.size_bytes(&part_name(0)).unwrap()
            });
            assert_eq!(length.await, 66 << 20, "on {}", site.name);
            // What was uploaded in vain is removed behind the caller's back.
            let store = site.open();
            for _ in 0..100 {
                if store.list_children(&key("_stage").unwrap()).await.unwrap().objects.is_empty() {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            panic!("on {} an upload stays", site.name);
        });
    }
}
