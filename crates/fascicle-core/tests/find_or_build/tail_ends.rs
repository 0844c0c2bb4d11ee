//! How following ends when the build does otherwise than by being done, and when others come between.

use super::given_path::storages;
use super::options;
use fascicle_core::{
    ArrayData, Backend, BuildResult, Config, Directory, EntryPath, ErrorKind, IdentityRules, Interrupted,
    Meta, MetaWriteMode, RecordKey, Resolution, ResolveOptions, Result, Root, RootOptions, Status,
    TailOptions,
};
use fascicle_memory::MemoryBackend;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How a build ends.
enum Ends {
    Done,
    Failed,
    Interrupted,
}

fn quick(storage: &Arc<dyn Backend>) -> Root {
    let poll = (Duration::from_millis(1), Duration::from_millis(10));
    Root::with_options(storage.clone(), RootOptions { poll, ..RootOptions::default() })
}

fn memory() -> Arc<dyn Backend> {
    Arc::new(MemoryBackend::new())
}

fn at(path: Option<&str>) -> ResolveOptions {
    ResolveOptions { path: path.map(str::to_owned), ..options().resume(true) }
}

/// A build under way.
struct Building {
    task: JoinHandle<Result<Resolution>>,
    end: oneshot::Sender<Ends>,
}

impl Building {
    /// Begins a build that appends rows, and waits until they are there.
    async fn begin(root: Root, options: ResolveOptions, rows: Vec<i64>) -> Building {
        let (end, told) = oneshot::channel();
        let (begun, has_begun) = oneshot::channel();
        let once = Mutex::new(Some((begun, told)));
        let task = tokio::spawn(async move {
            let build = |dir: Directory| {
                let (begun, told) = once.lock().unwrap().take().unwrap();
                let rows = rows.clone();
                async move {
                    dir.append("x", rows).await?;
                    begun.send(()).unwrap();
                    match told.await? {
                        Ends::Done => Ok(()) as BuildResult,
                        Ends::Failed => Err("on purpose".into()),
                        Ends::Interrupted => Err(Interrupted::at(1).into()),
                    }
                }
            };
            root.resolve_config(&Config::new("Run"), &IdentityRules::default(), &options, build).await
        });
        has_begun.await.unwrap();
        Building { task, end }
    }

    async fn ends(self, how: Ends) -> Result<Resolution> {
        assert!(self.end.send(how).is_ok(), "it ended before");
        self.task.await.unwrap()
    }
}

/// Follows the rows of a build that has two of them, and takes these.
async fn follow_two(root: &Root, path: &str, options: &TailOptions) -> BoxStream<'static, Result<ArrayData>> {
    let array = root.dir(path).unwrap().array("x").await.unwrap();
    let mut rows = array.tail(options);
    assert_eq!(next(&mut rows).await.unwrap(), Some(vec![0, 1]));
    rows
}

async fn next(rows: &mut BoxStream<'static, Result<ArrayData>>) -> Result<Option<Vec<i64>>> {
    let next = tokio::time::timeout(Duration::from_secs(20), rows.try_next()).await.unwrap()?;
    Ok(next.map(|rows| rows.into_vec().unwrap()))
}

#[tokio::test]
async fn rows_of_another_attempt_at_the_path_do_not_follow() {
    for storage in storages() {
        for tail in [TailOptions::default(), TailOptions::default().for_ever()] {
            let root = quick(&storage);
            let first = Building::begin(root.clone(), at(Some("mine")), vec![0, 1]).await;
            let mut rows = follow_two(&root, "mine", &tail).await;
            first.ends(Ends::Failed).await.unwrap_err();
            // It has gone on farther than the first one by the next look.
            let second = Building::begin(root.clone(), at(Some("mine")), vec![10, 11, 12]).await;
            let error = next(&mut rows).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert!(error.to_string().contains("'mine' was built, or is being built, anew"), "{error}");
            second.ends(Ends::Done).await.unwrap();
            root.remove("mine").await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_attempt_that_has_no_rows_yet_ends_it_too() {
    for storage in storages() {
        let root = quick(&storage);
        let first = Building::begin(root.clone(), at(Some("mine")), vec![0, 1]).await;
        let rows = Mutex::new(Some(follow_two(&root, "mine", &TailOptions::default()).await));
        first.ends(Ends::Failed).await.unwrap_err();
        let second = |_dir: Directory| {
            let mut rows = rows.lock().unwrap().take().unwrap();
            async move {
                assert_eq!(next(&mut rows).await.unwrap_err().kind(), ErrorKind::Conflict);
                Ok(()) as BuildResult
            }
        };
        let (config, rules) = (Config::new("Run"), IdentityRules::default());
        root.resolve_config(&config, &rules, &at(Some("mine")), second).await.unwrap();
    }
}

#[tokio::test]
async fn an_attempt_that_goes_on_with_an_interrupted_one_is_followed() {
    for path in [None, Some("mine")] {
        for storage in storages() {
            let (root, name) = (quick(&storage), path.unwrap_or("Run_0000"));
            let mut building = Building::begin(root.clone(), at(path), vec![0, 1]).await;
            let mut rows = follow_two(&root, name, &TailOptions::default()).await;
            for row in 2..4 {
                building.ends(Ends::Interrupted).await.unwrap_err();
                building = Building::begin(root.clone(), at(path), vec![row]).await;
                assert_eq!(next(&mut rows).await.unwrap(), Some(vec![row]));
            }
            building.ends(Ends::Done).await.unwrap();
            assert_eq!(next(&mut rows).await.unwrap(), None);
        }
    }
}

#[tokio::test]
async fn an_interrupted_build_ends_it_with_an_error() {
    let root = quick(&memory());
    let building = Building::begin(root.clone(), at(None), vec![0, 1]).await;
    let mut rows = follow_two(&root, "Run_0000", &TailOptions::default()).await;
    building.ends(Ends::Interrupted).await.unwrap_err();
    let error = next(&mut rows).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BuildFailed);
    assert!(error.to_string().contains("was interrupted"), "{error}");
}

#[tokio::test]
async fn a_builder_that_falls_silent_ends_it_with_an_error() {
    let storage = memory();
    let silent = RootOptions {
        beat: Duration::from_secs(60),
        lease: Duration::from_millis(60),
        ..RootOptions::default()
    };
    let silent = Root::with_options(storage.clone(), silent);
    let building = Building::begin(silent, at(None), vec![0, 1]).await;
    let root = quick(&storage);
    let mut rows = follow_two(&root, "Run_0000", &TailOptions::default()).await;
    let error = next(&mut rows).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BuildFailed);
    assert!(error.to_string().contains("no sign of life for a lease"), "{error}");
    // It was only looked at: should the builder live, it can still commit.
    assert_eq!(root.dir("Run_0000").unwrap().status().await.unwrap(), Some(Status::Running));
    building.ends(Ends::Done).await.unwrap();
    assert_eq!(root.dir("Run_0000").unwrap().status().await.unwrap(), Some(Status::Done));
}

#[tokio::test]
async fn a_builder_that_beats_is_waited_for_however_long_no_row_comes() {
    let storage = memory();
    let lease = Duration::from_millis(400);
    let lively = RootOptions { beat: Duration::from_millis(20), lease, ..quick(&storage).options().clone() };
    let root = Root::with_options(storage, lively);
    let building = Building::begin(root.clone(), at(None), vec![0, 1]).await;
    let mut rows = follow_two(&root, "Run_0000", &TailOptions::default()).await;
    let waiting = tokio::time::timeout(lease * 3, rows.try_next()).await;
    assert!(waiting.is_err(), "{waiting:?}");
    building.ends(Ends::Done).await.unwrap();
    assert_eq!(next(&mut rows).await.unwrap(), None);
}

#[tokio::test]
async fn a_builder_that_is_certainly_dead_ends_it_at_once() {
    let storage = memory();
    let root = quick(&storage);
    let building = Building::begin(root.clone(), at(None), vec![0, 1]).await;
    let mut rows = follow_two(&root, "Run_0000", &TailOptions::default()).await;
    // The claim of a process that has ended.
    let mut ended = std::process::Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    let records = storage.records();
    let all = records.list(&RecordKey::parse("v1").unwrap()).await.unwrap();
    let claim = all.iter().find(|key| key.as_str().ends_with(".claim")).unwrap();
    let mut body: serde_json::Value =
        serde_json::from_slice(&records.read(claim).await.unwrap().unwrap()).unwrap();
    body["process"]["pid"] = ended.id().into();
    records.overwrite(claim, serde_json::to_vec(&body).unwrap().into()).await.unwrap();
    let error = next(&mut rows).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BuildFailed);
    assert!(error.to_string().contains("is dead"), "{error}");
    building.ends(Ends::Done).await.unwrap();
}

/// Writes over the meta of a directory, as a builder that died or another program would.
async fn rewrite(root: &Root, path: &str, change: impl Fn(&mut Meta)) {
    let mut meta = root.dir(path).unwrap().meta().await.unwrap().unwrap();
    change(&mut meta);
    let path = EntryPath::parse(path).unwrap();
    root.backend().write_meta(&path, meta.to_bytes().unwrap(), MetaWriteMode::Overwrite).await.unwrap();
}

#[tokio::test]
async fn a_builder_that_committed_and_died_before_it_said_so_in_the_meta_is_done() {
    let root = quick(&memory());
    let building = Building::begin(root.clone(), at(None), vec![0, 1]).await;
    let mut rows = follow_two(&root, "Run_0000", &TailOptions::default()).await;
    building.ends(Ends::Done).await.unwrap();
    rewrite(&root, "Run_0000", |meta| meta.status = Status::Running).await;
    assert_eq!(next(&mut rows).await.unwrap(), None);
}

#[tokio::test]
async fn another_program_that_changes_nothing_any_more_ends_it_with_an_error() {
    let storage = memory();
    let foreign_timeout = Duration::from_millis(100);
    let root = Root::with_options(
        storage.clone(),
        RootOptions { foreign_timeout, ..quick(&storage).options().clone() },
    );
    let dir = root.dir("theirs").unwrap();
    dir.append("x", [0i64, 1]).await.unwrap();
    rewrite(&root, "theirs", |meta| (meta.status, meta.modified) = (Status::Running, false)).await;
    let mut rows = follow_two(&root, "theirs", &TailOptions::default()).await;
    let error = next(&mut rows).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BuildFailed);
    assert!(error.to_string().contains("another program"), "{error}");
}

#[tokio::test]
async fn what_others_append_to_a_finished_directory_comes_with_it() {
    for path in [None, Some("mine")] {
        for storage in storages() {
            let (root, name) = (quick(&storage), path.unwrap_or("Run_0000"));
            let building = Building::begin(root.clone(), at(path), vec![0, 1]).await;
            let mut rows = follow_two(&root, name, &TailOptions::default()).await;
            building.ends(Ends::Done).await.unwrap();
            let dir = root.dir(name).unwrap();
            dir.append("x", [2i64]).await.unwrap();
            assert!(dir.meta().await.unwrap().unwrap().modified);
            assert_eq!(next(&mut rows).await.unwrap(), Some(vec![2]));
            assert_eq!(next(&mut rows).await.unwrap(), None);
        }
    }
}

#[tokio::test]
async fn a_directory_that_is_removed_ends_it_and_one_that_takes_its_name_does_not_follow() {
    let root = quick(&memory());
    for again in [false, true] {
        let building = Building::begin(root.clone(), at(None), vec![0, 1]).await;
        let mut rows = follow_two(&root, "Run_0000", &TailOptions::default()).await;
        building.ends(Ends::Done).await.unwrap();
        root.remove("Run_0000").await.unwrap();
        if again {
            let second = Building::begin(root.clone(), at(None), vec![10, 11, 12]).await;
            assert_eq!(next(&mut rows).await.unwrap_err().kind(), ErrorKind::Conflict);
            second.ends(Ends::Done).await.unwrap();
        } else {
            assert_eq!(next(&mut rows).await.unwrap_err().kind(), ErrorKind::NotFound);
        }
    }
}

#[tokio::test]
async fn the_handle_of_the_build_function_ends_it_with_the_directory() {
    for storage in storages() {
        let root = quick(&storage);
        let kept = Mutex::new(None);
        let build = |dir: Directory| {
            let kept = &kept;
            async move {
                dir.append("x", [0i64, 1]).await?;
                *kept.lock().unwrap() = Some(dir.array("x").await?.tail(&TailOptions::default()));
                Ok(()) as BuildResult
            }
        };
        let (config, rules) = (Config::new("Run"), IdentityRules::default());
        root.resolve_config(&config, &rules, &at(Some("mine")), build).await.unwrap();
        let mut rows = kept.lock().unwrap().take().unwrap();
        if storage.capabilities().has(fascicle_core::Capability::Rename) {
            assert_eq!(next(&mut rows).await.unwrap_err().kind(), ErrorKind::NotFound);
        } else {
            assert_eq!(next(&mut rows).await.unwrap(), Some(vec![0, 1]));
            assert_eq!(next(&mut rows).await.unwrap(), None);
        }
    }
}
