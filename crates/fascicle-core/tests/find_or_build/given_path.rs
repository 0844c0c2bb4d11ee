//! Builds at a given path: no two attempts write to one place, and whoever looks is led to where the entries are.

use super::options;
use fascicle_core::config::Value;
use fascicle_core::maintain::{Finding, FindingKind, GcOptions, RepairOptions};
use fascicle_core::wrap::{Faults, Moment, Observer, Operation, observed};
use fascicle_core::{
    Backend, BuildResult, Capabilities, Capability, Config, Directory, EntryKind, EntryPath, ErrorKind,
    IdentityRules, Interrupted, MetaWriteMode, Outcome, RecordKey, Resolution, Result, Root, RootOptions,
    Status,
};
use fascicle_memory::MemoryBackend;
use std::sync::Arc;
use std::time::Duration;

fn quick(backend: Arc<dyn Backend>) -> Root {
    let poll = (Duration::from_millis(1), Duration::from_millis(10));
    Root::with_options(backend, RootOptions { poll, ..RootOptions::default() })
}

/// A storage that does not move entries.
struct Immovable;

impl Observer for Immovable {
    fn before(&self, _operation: Operation, _path: &str) -> Result<()> {
        Ok(())
    }

    fn capabilities(&self, inner: Capabilities) -> Capabilities {
        inner.without(Capability::Rename)
    }
}

/// Storages that move entries in one step, and that do not.
pub(crate) fn storages() -> [Arc<dyn Backend>; 2] {
    let immovable = observed(Arc::new(MemoryBackend::new()), Arc::new(Immovable));
    [Arc::new(MemoryBackend::new()), Arc::new(immovable)]
}

fn config() -> Config {
    Config::new("Cells").with("seed", 0)
}

/// Builds at `group/mine`, a file and an array by `who`.
async fn build_by(root: &Root, who: &'static str) -> Result<Resolution> {
    let build = |dir: Directory| async move {
        dir.put_file("by", who).await?;
        dir.put("inner/x", [1i64, 2, 3]).await?;
        Ok(())
    };
    root.resolve_config(&config(), &IdentityRules::default(), &options().at("group/mine"), build).await
}

async fn text(root: &Root, path: &str) -> String {
    let bytes = root.as_dir().file(path).await.unwrap().read().await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn what_was_built_is_used_as_any_directory_is() {
    for storage in storages() {
        let root = quick(storage);
        let built = build_by(&root, "one").await.unwrap();
        assert_eq!((built.outcome, built.directory.path().as_str()), (Outcome::Built, "group/mine"));
        let mine = built.directory;
        assert_eq!(mine.names().await.unwrap(), ["by", "inner"]);
        assert_eq!(mine.kind("inner/x").await.unwrap(), Some(EntryKind::Array));
        assert_eq!(mine.array("inner/x").await.unwrap().read::<Vec<i64>>().await.unwrap(), [1, 2, 3]);
        assert_eq!(build_by(&quick(root.backend().clone()), "two").await.unwrap().outcome, Outcome::Found);
        assert!(mine.tree().await.unwrap().contains("by"));
        assert!(!mine.tree().await.unwrap().contains("attempt"));
        // Changes of every kind arrive where readers look.
        mine.append("inner/x", [4i64]).await.unwrap();
        mine.array("inner/x").await.unwrap().select(0).unwrap().write(7i64).await.unwrap();
        assert_eq!(mine.array("inner/x").await.unwrap().read::<Vec<i64>>().await.unwrap(), [7, 2, 3, 4]);
        mine.put_file("by", "somebody").await.unwrap();
        mine.append_file("by", " else").await.unwrap();
        assert_eq!(text(&root, "group/mine/by").await, "somebody else");
        mine.put("new/y", [1.5]).await.unwrap();
        mine.copy("by", "copy").await.unwrap();
        mine.remove("inner/x").await.unwrap();
        assert_eq!(mine.names().await.unwrap(), ["by", "copy", "inner", "new"]);
        assert!(mine.dir("inner").unwrap().is_empty().await.unwrap());
        assert!(mine.meta().await.unwrap().unwrap().modified);
        // A copy holds its entries itself.
        root.as_dir().copy_from(&mine, "copied", fascicle_core::WriteMode::Create).await.unwrap();
        let copied = root.dir("copied").unwrap();
        assert!(copied.equals(&mine).await.unwrap());
        copied.put_file("more", "bytes").await.unwrap();
        assert_eq!(copied.names().await.unwrap(), ["by", "copy", "inner", "more", "new"]);
        mine.remove_all().await.unwrap();
        assert_eq!(build_by(&root, "three").await.unwrap().outcome, Outcome::Built);
        assert_eq!(text(&root, "group/mine/by").await, "three");
    }
}

#[tokio::test]
async fn a_builder_that_is_taken_for_dead_writes_into_nobodys_directory() {
    for storage in storages() {
        let short = RootOptions {
            beat: Duration::from_secs(60),
            lease: Duration::from_millis(60),
            poll: (Duration::from_millis(1), Duration::from_millis(10)),
            ..RootOptions::default()
        };
        let silent = Root::with_options(storage.clone(), short);
        let (release, released) = tokio::sync::watch::channel(false);
        let (zombie_path, zombie_writes) = tokio::sync::oneshot::channel();
        let zombie_path = std::sync::Mutex::new(Some(zombie_path));
        let zombie = tokio::spawn(async move {
            let build = |dir: Directory| {
                let (mut released, told) = (released.clone(), zombie_path.lock().unwrap().take());
                async move {
                    dir.put_file("by", "zombie").await?;
                    dir.put_file("only/zombie", "zombie").await?;
                    told.map(|told| told.send(dir.path().clone()));
                    released.wait_for(|released| *released).await?;
                    // A write that looks around after others have finished what stands at the path.
                    dir.put_file("deep/late", "zombie").await?;
                    Ok(()) as BuildResult
                }
            };
            let at = options().at("group/mine");
            silent.resolve_config(&config(), &IdentityRules::default(), &at, build).await
        });
        let attempt = zombie_writes.await.unwrap();
        let other = quick(storage.clone());
        let taken = build_by(&other, "other").await.unwrap();
        assert_eq!(taken.outcome, Outcome::TookOver);
        // Writes that were under way when the claim was lost, past every check.
        let raw = quick(storage.clone());
        let late = |name: &str| EntryPath::parse(&format!("{attempt}/{name}")).unwrap();
        let created = storage.create_directory(&attempt, "".into()).await;
        assert!(created.is_ok(), "a store makes what it is told to: {created:?}");
        for name in ["by", "late"] {
            let files = storage.files();
            let mut writer =
                files.create(&late(name), &Default::default(), Default::default()).await.unwrap();
            writer.write("zombie".into()).await.unwrap();
            writer.finish().await.unwrap();
        }
        release.send(true).unwrap();
        assert_eq!(zombie.await.unwrap().unwrap().directory.path().as_str(), "group/mine");
        let mine = raw.dir("group/mine").unwrap();
        assert_eq!(mine.names().await.unwrap(), ["by", "inner"]);
        assert_eq!(text(&raw, "group/mine/by").await, "other");
        assert_eq!(mine.status().await.unwrap(), Some(Status::Done));
        assert!(!mine.meta().await.unwrap().unwrap().modified, "a zombie marks nothing but its own");
        assert_eq!(build_by(&raw, "third").await.unwrap().outcome, Outcome::Found);
    }
}

#[tokio::test]
async fn readers_watch_rows_arrive_and_keep_their_handles() {
    for storage in storages() {
        let (builder, reader) = (quick(storage.clone()), quick(storage));
        let (rows, mut arrived) = tokio::sync::watch::channel(0u64);
        let (go_on, told) = tokio::sync::watch::channel(0u64);
        let building = tokio::spawn(async move {
            let build = |dir: Directory| {
                let (rows, mut told) = (&rows, told.clone());
                async move {
                    for row in 1..=3u64 {
                        dir.append("x", [row as f64]).await?;
                        rows.send_replace(row);
                        told.wait_for(|seen| *seen >= row).await?;
                    }
                    Ok(()) as BuildResult
                }
            };
            let at = options().at("mine");
            builder.resolve_config(&config(), &IdentityRules::default(), &at, build).await
        });
        arrived.wait_for(|rows| *rows >= 1).await.unwrap();
        let mine = reader.dir("mine").unwrap();
        assert_eq!(mine.status().await.unwrap(), Some(Status::Running));
        let mut array = mine.array("x").await.unwrap();
        assert_eq!(array.path().as_str(), "mine/x");
        for row in 1..=3u64 {
            arrived.wait_for(|rows| *rows >= row).await.unwrap();
            array.refresh().await.unwrap();
            assert_eq!(array.len(), row);
            assert_eq!(mine.names().await.unwrap(), ["x"]);
            let busy = mine.put_file("other", "content").await.unwrap_err();
            assert_eq!(busy.kind(), ErrorKind::Busy);
            go_on.send_replace(row);
        }
        building.await.unwrap().unwrap();
        assert_eq!(
            array.read::<Vec<f64>>().await.unwrap(),
            [1.0, 2.0, 3.0],
            "the handle that was opened before"
        );
        assert_eq!(mine.names().await.unwrap(), ["x"]);
    }
}

#[tokio::test]
async fn whoever_comes_next_moves_up_what_a_dead_builder_committed() {
    for number in 1..=2 {
        for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
            let (store, faults) = (MemoryBackend::new(), Arc::new(Faults::default()));
            let root = quick(Arc::new(observed(Arc::new(store.clone()), faults.clone())));
            faults.fail_call_of(Operation::Rename, number, moment);
            let first = build_by(&root, "one").await;
            assert!(faults.fired().is_some());
            faults.clear();
            assert!(first.unwrap_err().to_string().contains("ask for it again"));
            let next = quick(Arc::new(store));
            let found = build_by(&next, "two").await.unwrap();
            assert_eq!(found.outcome, Outcome::Found);
            assert_eq!(text(&next, "group/mine/by").await, "one");
            assert_eq!(found.directory.names().await.unwrap(), ["by", "inner"]);
            assert_eq!(found.directory.status().await.unwrap(), Some(Status::Done));
        }
    }
}

/// Appends one more step, and stops unless it is the third.
async fn step(root: &Root) -> Result<Resolution> {
    let build = |dir: Directory| async move {
        let begin = dir.resumed_from().and_then(Value::as_i64).unwrap_or(0);
        dir.append("inner/step", [begin]).await?;
        if begin < 2 {
            return Err(Interrupted::at(begin + 1).into());
        }
        Ok(())
    };
    let options = options().at("group/mine").resume(true);
    root.resolve_config(&config(), &IdentityRules::default(), &options, build).await
}

async fn steps(root: &Root) -> Vec<i64> {
    root.as_dir().array("group/mine/inner/step").await.unwrap().read().await.unwrap()
}

#[tokio::test]
async fn interrupted_attempts_go_on_with_each_other_also_where_nothing_can_be_moved() {
    for storage in storages() {
        let moves = storage.capabilities().has(Capability::Rename);
        for done in [1, 2] {
            let root = quick(storage.clone());
            step(&root).await.unwrap_err();
            assert_eq!(steps(&root).await, (0..done).collect::<Vec<_>>());
            let attempts = storage.list(&EntryPath::parse("group/mine").unwrap()).await.unwrap();
            assert_eq!(attempts.entries.len(), 1, "all of them write to one place: {attempts:?}");
        }
        let root = quick(storage.clone());
        let built = step(&root).await.unwrap();
        assert_eq!((built.outcome, steps(&root).await), (Outcome::Built, vec![0, 1, 2]));
        assert_eq!(build_by(&quick(storage.clone()), "other").await.unwrap().outcome, Outcome::Found);
        // Maintenance takes it for what it is, and finds the attempt again for a meta that another program rewrote.
        let mine = EntryPath::parse("group/mine").unwrap();
        let applied = root.gc(&GcOptions::default().apply(true)).await.unwrap();
        let is_beat = |finding: &Finding| finding.kind == FindingKind::EndedBeat;
        assert!(applied.findings.iter().all(is_beat), "{applied:?}");
        let mut meta = built.directory.meta().await.unwrap().unwrap();
        meta.build = None;
        storage.write_meta(&mine, meta.to_bytes().unwrap(), MetaWriteMode::Overwrite).await.unwrap();
        root.repair(&RepairOptions::default().apply(true)).await.unwrap();
        assert_eq!(steps(&root).await, [0, 1, 2]);
        let restored = built.directory.meta().await.unwrap().unwrap().build;
        assert_eq!(restored.is_some(), !moves, "where entries are moved up no mark is needed");
    }
}

#[tokio::test]
async fn nobody_goes_on_with_an_attempt_that_was_gone_on_with() {
    for storage in storages() {
        step(&quick(storage.clone())).await.unwrap_err();
        // Goes on with it, and fails: what it wrote is not to be trusted.
        let fail = |dir: Directory| async move {
            assert_eq!(dir.resumed_from(), Some(&Value::from(1)));
            dir.append("inner/step", [9i64]).await?;
            Err("on purpose".into())
        };
        let at = options().at("group/mine").resume(true);
        let root = quick(storage.clone());
        root.resolve_config(&config(), &IdentityRules::default(), &at, fail).await.unwrap_err();
        step(&root).await.unwrap_err();
        assert_eq!(steps(&root).await, [0], "begun anew");
        let attempts = storage.list(&EntryPath::parse("group/mine").unwrap()).await.unwrap();
        assert_eq!(attempts.entries.len(), 1, "{attempts:?}");
    }
}

#[tokio::test]
async fn a_failed_attempt_from_before_the_index_was_lost_is_built_again_at_once() {
    for storage in storages() {
        let root = quick(storage);
        let fail = |dir: Directory| async move {
            dir.put_file("left", "over").await?;
            Err("on purpose".into())
        };
        for _ in 0..2 {
            let at = options().at("group/mine");
            root.resolve_config(&config(), &IdentityRules::default(), &at, fail).await.unwrap_err();
        }
        assert_eq!(text(&root, "group/mine/left").await, "over");
        let records = root.backend().records();
        for key in records.list(&RecordKey::parse("v1").unwrap()).await.unwrap() {
            records.remove(&key).await.unwrap();
        }
        let built =
            tokio::time::timeout(Duration::from_secs(10), build_by(&root, "one")).await.unwrap().unwrap();
        assert_eq!(built.outcome, Outcome::Built);
        assert_eq!(built.directory.names().await.unwrap(), ["by", "inner"]);
    }
}
