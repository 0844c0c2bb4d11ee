//! Many writers, each a process of its own: this test program, started again.

use crate::{ParquetBackend, ParquetOptions, tests::bench::path};
use fascicle_backend::{Backend, Region, Result, Shape, Values, WriteMode};
use fascicle_objects::{LocalStoreOptions, StoreConfig, StoreOptions};
use fascicle_test_servers::ObjectServer;
use std::{collections::BTreeMap, process::Command};

const WRITERS: i64 = 6;
const APPENDS: i64 = 12;
/// The rows of one append; each row is two numbers, the writer's and its own.
const ROWS: i64 = 3;

async fn open(place: &str, options: &BTreeMap<String, String>) -> ParquetBackend {
    let local = LocalStoreOptions { fsync: false, ..LocalStoreOptions::default() };
    let options: StoreOptions = options.clone().into();
    let config = StoreConfig::new(place).unwrap().with_options(options).with_local(local);
    let patient = ParquetOptions::default().with_lock_timeout(std::time::Duration::from_secs(120));
    ParquetBackend::open(&config, patient).await.unwrap()
}

async fn all(backend: &ParquetBackend) -> Result<Vec<i64>> {
    let arrays = backend.arrays().unwrap();
    let description = arrays.describe(&path("x")).await?;
    let buffer = Values::zeros(description.dtype, description.shape.element_count())?;
    match arrays.read(&path("x"), &Region::whole(&description.shape), buffer).await? {
        Values::Int64(values) => Ok(values),
        other => panic!("{other:?}"),
    }
}

/// What a started process does: it appends, and writes over the row that it has in the first part.
#[test]
#[ignore = "started by the tests beside it"]
fn plays_a_writer() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let writer: i64 = variable("FASCICLE_NUMBER").parse().unwrap();
    let options = serde_json::from_str(&variable("FASCICLE_OPTIONS")).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let backend = open(&variable("FASCICLE_PLACE"), &options).await;
        let arrays = backend.arrays().unwrap();
        for append in 0..APPENDS {
            let rows = (0..ROWS).flat_map(|row| [writer, append * ROWS + row]).collect();
            arrays.append(&path("x"), ROWS as u64, Values::Int64(rows)).await.unwrap();
            let own = Region::rows(&Shape::new([1000, 2]).unwrap(), writer as u64, 1);
            arrays.write(&path("x"), &own, Values::Int64(vec![-1 - writer, append])).await.unwrap();
        }
    });
}

/// Checks that rows are a prefix that could be seen at some moment, and returns how many there are.
fn check(values: &[i64]) -> usize {
    let rows: Vec<&[i64]> = values.chunks(2).collect();
    let mut next = [0; WRITERS as usize];
    for appended in rows[WRITERS as usize..].chunks(ROWS as usize) {
        for row in appended {
            assert_eq!(row[0], appended[0][0], "the rows of an append are together");
            let next = &mut next[row[0] as usize];
            assert_eq!(row[1], *next, "the rows of a writer are in order");
            *next += 1;
        }
    }
    rows.len()
}

async fn write_from_many_processes(place: &str, options: BTreeMap<String, String>) {
    let backend = open(place, &options).await;
    let shape = Shape::new([WRITERS as u64, 2]).unwrap();
    let spec = fascicle_backend::ArraySpec { shape, dtype: fascicle_backend::DType::Int64 };
    let arrays = backend.arrays().unwrap();
    arrays
        .create(&path("x"), &spec, &Default::default(), WriteMode::Create)
        .await
        .unwrap()
        .finish()
        .await
        .unwrap();
    let players: Vec<_> = (0..WRITERS)
        .map(|number| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "tests::processes::plays_a_writer", "--ignored", "--test-threads=1"])
                .env("FASCICLE_NUMBER", number.to_string())
                .env("FASCICLE_PLACE", place)
                .env("FASCICLE_OPTIONS", serde_json::to_string(&options).unwrap())
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let waiting = tokio::task::spawn_blocking(move || {
        for player in players {
            let output = player.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        }
    });
    let mut seen = 0;
    while !waiting.is_finished() {
        let rows = check(&all(&backend).await.unwrap());
        assert!(rows >= seen, "{rows} rows after {seen}");
        seen = rows;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    waiting.await.unwrap();
    let values = all(&backend).await.unwrap();
    assert_eq!(check(&values) as i64, WRITERS + WRITERS * APPENDS * ROWS);
    let own: Vec<i64> = (0..WRITERS).flat_map(|writer| [-1 - writer, APPENDS - 1]).collect();
    assert_eq!(values[..own.len()], own);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    write_from_many_processes(folder.path().to_str().unwrap(), BTreeMap::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_in_a_bucket() {
    let server = ObjectServer::with_bucket("bucket");
    write_from_many_processes("s3://bucket/root", server.s3_options()).await;
}
