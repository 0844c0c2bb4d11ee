//! Following arrays, tables and files while they grow.

use super::options;
use fascicle_core::arrow::array::{Int64Array, RecordBatch};
use fascicle_core::{
    BuildResult, Config, Directory, ErrorKind, IdentityRules, Resolution, ResolveOptions, Result, Root,
    RootOptions, TailOptions,
};
use fascicle_memory::MemoryBackend;
use futures::TryStreamExt;
use std::sync::Arc;
use std::time::Duration;

fn quick(store: &MemoryBackend) -> Root {
    let poll = (Duration::from_millis(1), Duration::from_millis(10));
    Root::with_options(Arc::new(store.clone()), RootOptions { poll, ..RootOptions::default() })
}

fn batch(numbers: Vec<i64>) -> RecordBatch {
    RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(numbers)) as _)]).unwrap()
}

/// Appends 20 times to everything, slowly, and ends as it is told.
fn grow(
    store: MemoryBackend,
    options: ResolveOptions,
    fails: bool,
) -> tokio::task::JoinHandle<Result<Resolution>> {
    tokio::spawn(async move {
        let build = |dir: Directory| async move {
            for number in 0..20i64 {
                dir.append("deep/x", [[number, number]; 1].concat()).await?;
                dir.append_table("t", &batch(vec![number; 3])).await?;
                dir.append_file("log", format!("{number}\n")).await?;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            match fails {
                true => Err("on purpose".into()),
                false => Ok(()) as BuildResult,
            }
        };
        quick(&store).resolve_config(&Config::new("Run"), &IdentityRules::default(), &options, build).await
    })
}

/// The directory once everything in it exists.
async fn begun(root: &Root, name: &str) -> Directory {
    while !root.contains(&format!("{name}/log")).await.unwrap() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    root.dir(name).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_arrive_until_the_build_is_done() {
    for path in [None, Some("group/mine")] {
        let store = MemoryBackend::new();
        let at = ResolveOptions { path: path.map(str::to_owned), ..options() };
        let building = grow(store.clone(), at, false);
        let dir = begun(&quick(&store), path.unwrap_or("Run_0000")).await;
        let from = TailOptions::default().from(4);
        let (array, table, file) = (
            dir.array("deep/x").await.unwrap().tail(&from),
            dir.table("t").await.unwrap().tail(&TailOptions::default()),
            dir.file("log").await.unwrap().tail(&TailOptions::default()),
        );
        let rows = array.map_ok(|rows| rows.into_vec::<i64>().unwrap()).try_concat();
        let batches = table.try_collect::<Vec<RecordBatch>>();
        let bytes = file.map_ok(|bytes| bytes.to_vec()).try_concat();
        let (rows, batches, bytes) = tokio::join!(rows, batches, bytes);
        building.await.unwrap().unwrap();
        let twice: Vec<i64> = (0..20).flat_map(|number| [number, number]).collect();
        assert_eq!(rows.unwrap(), twice[4..], "{path:?}");
        let numbers = batches.unwrap().into_iter().flat_map(|batch| {
            let column = batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap().clone();
            column.values().to_vec()
        });
        assert_eq!(numbers.collect::<Vec<_>>(), (0..20).flat_map(|number| [number; 3]).collect::<Vec<_>>());
        let log: String = (0..20).map(|number| format!("{number}\n")).collect();
        assert_eq!(String::from_utf8(bytes.unwrap()).unwrap(), log);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rows_of_a_build_that_fails_end_with_an_error() {
    let store = MemoryBackend::new();
    let building = grow(store.clone(), options(), true);
    let dir = begun(&quick(&store), "Run_0000").await;
    let mut bytes = dir.file("log").await.unwrap().tail(&TailOptions::default());
    let mut all = Vec::new();
    let error = loop {
        match bytes.try_next().await {
            Ok(Some(bytes)) => all.extend_from_slice(&bytes),
            Ok(None) => panic!("it ended as if the build were done"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::BuildFailed);
    assert!(all.ends_with(b"19\n"), "what was committed comes first");
    assert!(bytes.try_next().await.unwrap().is_none(), "nothing follows an error");
    building.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn a_plain_directory_is_followed_for_ever_or_not_at_all() {
    let store = MemoryBackend::new();
    let dir = quick(&store).dir("plain").unwrap();
    dir.append("x", [1i64, 2]).await.unwrap();
    let x = dir.array("x").await.unwrap();
    let there: Vec<_> = x.tail(&TailOptions::default()).try_collect().await.unwrap();
    assert_eq!(there.len(), 1);
    let mut for_ever = x.tail(&TailOptions::default().from(2).for_ever());
    let waiting = tokio::time::timeout(Duration::from_millis(50), for_ever.try_next()).await;
    assert!(waiting.is_err(), "there is no third row yet");
    dir.append("x", [3i64]).await.unwrap();
    assert_eq!(for_ever.try_next().await.unwrap().unwrap().into_vec::<i64>().unwrap(), [3]);
    dir.put("x", [9i64]).await.unwrap();
    assert_eq!(for_ever.try_next().await.unwrap_err().kind(), ErrorKind::Conflict);
}
