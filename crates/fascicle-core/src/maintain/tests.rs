//! Every state that somebody who died can leave, on memory: what is said of it, that looking changes nothing, that it is mended,
//! and that nothing is found afterwards.

use super::*;
use crate::build::epochs;
use crate::config::{Config, IdentityRules};
use crate::directory::update_meta;
use crate::testing::{path, put_meta};
use crate::wrap::{Faults, Moment, Observer, Operation, ReadOnly, observed};
use crate::{
    BuildResult, Capabilities, Capability, Directory, Error, ErrorKind, MetaWriteMode, RecordKey,
    ResolveOptions, Result, Root, RootOptions, Status,
};
use fascicle_memory::MemoryBackend;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Builders are taken for dead soon, and beat seldom unless a test is about beats.
fn quick() -> RootOptions {
    RootOptions {
        beat: Duration::from_secs(60),
        lease: Duration::from_millis(40),
        poll: (Duration::from_millis(2), Duration::from_millis(5)),
        foreign_timeout: Duration::ZERO,
        ..RootOptions::default()
    }
}

fn root_over(backend: &MemoryBackend) -> Root {
    Root::with_options(Arc::new(backend.clone()), quick())
}

fn cells(seed: i64) -> Config {
    Config::new("Cells").with("seed", seed)
}

async fn build(root: &Root, config: &Config, at: Option<&str>) -> Result<Directory> {
    let options = ResolveOptions { path: at.map(str::to_owned), ..ResolveOptions::default() };
    let fill = |dir: Directory| async move {
        dir.put("x", [1i64, 2, 3]).await?;
        dir.dir("deep")?.put("y", [0.5]).await?;
        Ok(())
    };
    Ok(root.resolve_config(config, &IdentityRules::default(), &options, fill).await?.directory)
}

async fn fail_to_build(root: &Root, config: &Config, at: Option<&str>) {
    let options = ResolveOptions { path: at.map(str::to_owned), ..ResolveOptions::default() };
    let fail = |dir: Directory| async move {
        dir.put("x", [1i64]).await?;
        BuildResult::Err("no".into())
    };
    let failed = root.resolve_config(config, &IdentityRules::default(), &options, fail).await;
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::BuildFailed);
}

/// From some call on, nothing reaches the storage any more, as if the process had been killed.
#[derive(Default)]
struct Death {
    calls: AtomicU64,
    at: AtomicU64,
}

impl Observer for Death {
    fn before(&self, _operation: Operation, _path: &str) -> Result<()> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        match self.at.load(Ordering::SeqCst) {
            at if at > 0 && call >= at => {
                Err(Error::new(ErrorKind::PermissionDenied, "the process was killed"))
            }
            _ => Ok(()),
        }
    }
}

/// A root of a process that is killed before its `at`-th call; 0 for one that lives.
fn doomed(backend: &MemoryBackend, at: u64) -> (Root, Arc<Death>) {
    let death = Arc::new(Death { at: AtomicU64::new(at), ..Death::default() });
    let observed = observed(Arc::new(backend.clone()), death.clone());
    (Root::with_options(Arc::new(observed), quick()), death)
}

/// Everything that is stored: entries, metas and records.
async fn stored(root: &Root) -> Vec<String> {
    let mut all = Vec::new();
    for key in root.backend().records().list(&RecordKey::parse("v1").unwrap()).await.unwrap() {
        all.push(format!("{key}: {:?}", root.backend().records().read(&key).await.unwrap()));
    }
    let mut pending = vec![crate::EntryPath::root()];
    while let Some(directory) = pending.pop() {
        all.push(format!("{directory}: {:?}", root.backend().read_meta(&directory).await.unwrap()));
        for entry in root.backend().list(&directory).await.unwrap().entries {
            let path = directory.join(&entry.name).unwrap();
            match entry.kind {
                crate::EntryKind::Directory => pending.push(path),
                _ => all.push(format!("{path}: {}", root.as_dir().digest_of(path.as_str()).await.unwrap())),
            }
        }
    }
    all
}

fn told(report: &Report) -> Vec<(&str, &'static str, &'static str, &'static str)> {
    let told = |finding: &'_ Finding| (finding.kind.name(), finding.action.name(), finding.outcome.name());
    report
        .findings
        .iter()
        .map(|finding| {
            let (kind, action, outcome) = told(finding);
            (finding.path.as_str(), kind, action, outcome)
        })
        .collect()
}

fn gc_all() -> GcOptions {
    GcOptions::default().older_than(Duration::ZERO)
}

/// Looks without applying, which changes nothing; applies; and finds nothing afterwards.
async fn mended(root: &Root, expected: &[(&str, &str, &str)]) {
    let before = stored(root).await;
    let looked = root.repair(&RepairOptions::default()).await.unwrap();
    let planned: Vec<_> =
        expected.iter().map(|(path, kind, action)| (*path, *kind, *action, "planned")).collect();
    assert_eq!(told(&looked), planned);
    assert_eq!(stored(root).await, before, "a dry run changes nothing");
    let repaired = root.repair(&RepairOptions::default().apply(true)).await.unwrap();
    let done: Vec<_> = expected.iter().map(|(path, kind, action)| (*path, *kind, *action, "done")).collect();
    assert_eq!(told(&repaired), done);
    let again = root.repair(&RepairOptions::default().apply(true)).await.unwrap();
    assert_eq!(told(&again), []);
}

async fn collected(root: &Root, expected: &[(&str, &str)]) {
    let before = stored(root).await;
    let looked = root.gc(&gc_all()).await.unwrap();
    let planned: Vec<_> = expected.iter().map(|(path, kind)| (*path, *kind, "delete", "planned")).collect();
    assert_eq!(told(&looked), planned);
    assert_eq!(stored(root).await, before, "a dry run changes nothing");
    assert!(
        root.gc(&gc_all().apply(true))
            .await
            .unwrap()
            .findings
            .iter()
            .all(|finding| finding.outcome.name() == "done")
    );
    assert_eq!(told(&root.gc(&gc_all().apply(true)).await.unwrap()), []);
}

async fn set_status(root: &Root, name: &str, status: Status) {
    update_meta(root, &path(name), |meta| {
        meta.status = status.clone();
        true
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_is_sound_is_left_alone() {
    let root = root_over(&MemoryBackend::new());
    for seed in 0..3 {
        build(&root, &cells(seed), None).await.unwrap();
    }
    build(&root, &cells(9), Some("given/path")).await.unwrap();
    root.dir("plain").unwrap().put("x", [1i64]).await.unwrap();
    root.dir("Cells_0001").unwrap().put("x", [7i64]).await.unwrap();
    root.as_dir().copy("Cells_0002", "copy").await.unwrap();
    root.remove("Cells_0000").await.unwrap();
    mended(&root, &[]).await;
    collected(&root, &[]).await;
    let report = root.verify(&VerifyOptions::default()).await.unwrap();
    assert!(report.is_sound() && report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!((report.digest, report.entries > 12), (Some(root.as_dir().digest().await.unwrap()), true));
}

#[tokio::test]
async fn a_complete_directory_that_says_it_is_being_built_is_rolled_forward() {
    let root = root_over(&MemoryBackend::new());
    build(&root, &cells(0), None).await.unwrap();
    build(&root, &cells(1), Some("given/path")).await.unwrap();
    for name in ["Cells_0000", "given/path"] {
        set_status(&root, name, Status::Running).await;
    }
    let report = root.verify(&VerifyOptions::default().at(path("given"))).await.unwrap();
    assert_eq!((report.is_sound(), report.findings.len()), (false, 1));
    let looked = root.repair(&RepairOptions::default()).await.unwrap();
    let mut expected: Vec<_> = looked.findings.iter().map(|finding| finding.path.as_str()).collect();
    expected.sort_unstable();
    assert_eq!(expected, ["Cells_0000", "given/path"]);
    let states: Vec<_> =
        looked.findings.iter().map(|f| (f.path.as_str(), "committed_running", "roll_forward")).collect();
    mended(&root, &states).await;
    for name in ["Cells_0000", "given/path"] {
        assert_eq!(root.dir(name).unwrap().status().await.unwrap(), Some(Status::Done));
    }
}

#[tokio::test]
async fn attempts_that_did_not_make_it_are_stopped_and_collected() {
    let root = root_over(&MemoryBackend::new());
    fail_to_build(&root, &cells(0), None).await;
    fail_to_build(&root, &cells(1), Some("given")).await;
    set_status(&root, "Cells_0000", Status::Running).await;
    mended(&root, &[("Cells_0000", "ended_running", "stop")]).await;
    // What failed is kept for a while, to be looked at.
    let kept = root.gc(&GcOptions::default().apply(true)).await.unwrap();
    assert_eq!(kept.count("left"), 2, "{:?}", told(&kept));
    assert_eq!(root.as_dir().names().await.unwrap(), ["Cells_0000", "given"]);
    let gone = root.gc(&gc_all().apply(true)).await.unwrap();
    assert!(gone.findings.iter().all(|finding| finding.outcome.name() == "done"), "{:?}", told(&gone));
    assert_eq!(root.as_dir().names().await.unwrap(), [""; 0]);
    assert_eq!(told(&root.gc(&gc_all()).await.unwrap()), []);
    build(&root, &cells(0), None).await.unwrap();
    build(&root, &cells(1), Some("given")).await.unwrap();
    assert!(root.verify(&VerifyOptions::default()).await.unwrap().is_sound());
}

#[tokio::test]
async fn a_process_killed_before_any_call_leaves_nothing_that_is_not_mended() {
    for at_path in [None, Some("given/path")] {
        let (living, death) = doomed(&MemoryBackend::new(), 0);
        build(&living, &cells(0), at_path).await.unwrap();
        let calls = death.calls.load(Ordering::SeqCst);
        assert!(calls > 10, "{calls}");
        for at in 1..=calls {
            let backend = MemoryBackend::new();
            let root = root_over(&backend);
            let other = build(&root, &cells(7), None).await.unwrap().digest().await.unwrap();
            let (killed, _) = doomed(&backend, at);
            // What comes after the commit only tidies up, and may fail.
            let ended = build(&killed, &cells(0), at_path).await;
            assert!(ended.is_err() || 3 * at > 2 * calls, "before call {at} of {calls}");
            let what = format!("{at_path:?} before call {at}");
            let before = stored(&root).await;
            root.repair(&RepairOptions::default()).await.unwrap();
            root.gc(&gc_all()).await.unwrap();
            assert_eq!(stored(&root).await, before, "{what}: a dry run changes nothing");
            root.repair(&RepairOptions::default().apply(true)).await.unwrap();
            root.gc(&gc_all().apply(true)).await.unwrap();
            let (repair, gc) =
                (root.repair(&RepairOptions::default()).await.unwrap(), root.gc(&gc_all()).await.unwrap());
            assert_eq!((told(&repair), told(&gc)), (vec![], vec![]), "{what}");
            let verified = root.verify(&VerifyOptions::default()).await.unwrap();
            assert!(verified.is_sound() && verified.findings.is_empty(), "{what}: {:?}", verified.findings);
            // What was committed is found, and what was not is built now.
            let built = build(&root, &cells(0), at_path).await.unwrap();
            assert_eq!(
                built.digest().await.unwrap(),
                build(&living, &cells(0), at_path).await.unwrap().digest().await.unwrap()
            );
            assert_eq!(root.dir("Cells_0000").unwrap().digest().await.unwrap(), other, "{what}");
        }
    }
}

#[tokio::test]
async fn repairs_that_fail_at_any_call_are_completed_by_the_next() {
    for number in 1.. {
        let backend = MemoryBackend::new();
        let root = root_over(&backend);
        build(&root, &cells(0), None).await.unwrap();
        set_status(&root, "Cells_0000", Status::Running).await;
        fail_to_build(&root, &cells(1), None).await;
        let (killed, _) = doomed(&backend, 6);
        build(&killed, &cells(2), None).await.unwrap_err();
        let faults = Arc::new(Faults::default());
        let faulty =
            Root::with_options(Arc::new(observed(Arc::new(backend.clone()), faults.clone())), quick());
        faults.fail_call(number, if number % 2 == 0 { Moment::AfterEffect } else { Moment::BeforeEffect });
        let repaired = faulty.repair(&RepairOptions::default().apply(true)).await;
        let collected = faulty.gc(&gc_all().apply(true)).await;
        let fired = faults.fired();
        faults.clear();
        if fired.is_none() {
            assert!(repaired.is_ok() && collected.is_ok() && number > 20);
            break;
        }
        root.repair(&RepairOptions::default().apply(true)).await.unwrap();
        root.gc(&gc_all().apply(true)).await.unwrap();
        let (repair, gc) =
            (root.repair(&RepairOptions::default()).await.unwrap(), root.gc(&gc_all()).await.unwrap());
        assert_eq!((told(&repair), told(&gc)), (vec![], vec![]), "{fired:?}");
        assert_eq!(root.as_dir().names().await.unwrap(), ["Cells_0000"], "{fired:?}");
        assert!(root.dir("Cells_0000").unwrap().meta().await.unwrap().unwrap().is_usable());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn builders_that_are_alive_are_left_alone() {
    let backend = MemoryBackend::new();
    let options =
        RootOptions { beat: Duration::from_millis(10), lease: Duration::from_millis(400), ..quick() };
    let root = Root::with_options(Arc::new(backend.clone()), options.clone());
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let (begun, begins) = tokio::sync::oneshot::channel::<()>();
    let signals = Mutex::new(Some((begun, released)));
    let building = tokio::spawn({
        let root = root.clone();
        async move {
            let slow = |dir: Directory| {
                let signals = signals.lock().unwrap().take();
                async move {
                    dir.put("x", [1i64]).await?;
                    if let Some((begun, released)) = signals {
                        let _ = begun.send(());
                        released.await?;
                    }
                    dir.put("y", [2i64]).await?;
                    Ok(())
                }
            };
            root.resolve_config(&cells(0), &IdentityRules::default(), &ResolveOptions::default(), slow).await
        }
    });
    begins.await.unwrap();
    let other = Root::with_options(Arc::new(backend), options);
    let looked = other.repair(&RepairOptions::default()).await.unwrap();
    assert_eq!(told(&looked), [("Cells_0000", "open_build", "end_build", "planned")]);
    let repaired = other.repair(&RepairOptions::default().apply(true)).await.unwrap();
    assert_eq!(told(&repaired), []);
    assert_eq!(told(&other.gc(&gc_all().apply(true)).await.unwrap()), []);
    assert!(other.verify(&VerifyOptions::default()).await.unwrap().is_sound());
    release.send(()).unwrap();
    let built = building.await.unwrap().unwrap().directory;
    assert_eq!(built.names().await.unwrap(), ["x", "y"]);
}

#[tokio::test]
async fn a_lost_index_is_rebuilt_from_the_data() {
    let backend = MemoryBackend::new();
    let root =
        Root::with_options(Arc::new(backend.clone()), RootOptions { adopt_foreign: Some(false), ..quick() });
    for seed in 0..3 {
        build(&root, &cells(seed), None).await.unwrap();
    }
    build(&root, &cells(3), Some("given")).await.unwrap();
    fail_to_build(&root, &cells(4), None).await;
    root.dir("Cells_0001").unwrap().put("x", [7i64]).await.unwrap();
    root.as_dir().copy("Cells_0002", "a_copy").await.unwrap();
    let records = root.backend().records();
    for key in records.list(&RecordKey::parse("v1").unwrap()).await.unwrap() {
        records.remove(&key).await.unwrap();
    }
    assert!(root.find_config(&cells(0), &IdentityRules::default()).await.unwrap().is_none());
    let looked = root.repair(&RepairOptions::default()).await.unwrap();
    let mut names: Vec<_> =
        looked.findings.iter().map(|finding| (finding.path.as_str(), finding.kind)).collect();
    names.sort_unstable();
    let not_indexed = FindingKind::NotIndexed;
    // The copy says that it is a build, too; the first by name is entered, as a search would take it.
    assert_eq!(
        names,
        [
            ("Cells_0000", not_indexed),
            ("Cells_0002", not_indexed),
            ("a_copy", not_indexed),
            ("given", not_indexed)
        ]
    );
    let repaired = root.repair(&RepairOptions::default().apply(true)).await.unwrap();
    assert_eq!((repaired.count("done"), repaired.count("left")), (3, 1), "{:?}", told(&repaired));
    assert_eq!(told(&root.repair(&RepairOptions::default()).await.unwrap()), []);
    for seed in [0, 2] {
        let found = root.find_config(&cells(seed), &IdentityRules::default()).await.unwrap().unwrap();
        assert_eq!(found.path().as_str(), format!("Cells_000{seed}"));
    }
    assert!(
        root.find_config(&cells(1), &IdentityRules::default()).await.unwrap().is_none(),
        "it was modified"
    );
    assert_eq!(epochs(&root).await.unwrap().len(), 3);
    // The failed attempt is told from a build under way by its own status.
    let gone = root.gc(&gc_all().apply(true)).await.unwrap();
    assert_eq!(gone.count("done"), gone.findings.len());
    assert!(!root.contains("Cells_0003").await.unwrap());
}

#[tokio::test]
async fn a_lost_mark_is_written_again() {
    let root = root_over(&MemoryBackend::new());
    let directory = build(&root, &cells(0), None).await.unwrap();
    let before = directory.meta().await.unwrap().unwrap();
    put_meta(&**root.backend(), "Cells_0000", "config:\n  type: Cells\n  seed: 0\nstatus: done\n").await;
    mended(&root, &[("Cells_0000", "lost_mark", "restore_mark")]).await;
    assert_eq!(directory.meta().await.unwrap().unwrap().build, before.build);
    // Another config under the name is another directory.
    put_meta(&**root.backend(), "Cells_0000", "config:\n  type: Cells\n  seed: 1\nstatus: done\n").await;
    mended(&root, &[]).await;
}

/// A storage on which entries stay where they were written.
struct Immovable;

impl Observer for Immovable {
    fn before(&self, _operation: Operation, _path: &str) -> Result<()> {
        Ok(())
    }

    fn capabilities(&self, inner: Capabilities) -> Capabilities {
        inner.without(Capability::Rename)
    }
}

#[tokio::test]
async fn a_lost_mark_that_leads_to_entries_is_written_again_by_whoever_comes_first() {
    for finds_first in [false, true] {
        for modified in ["", "modified: true\n"] {
            let backend = MemoryBackend::new();
            let immovable = || Arc::new(observed(Arc::new(backend.clone()), Arc::new(Immovable)));
            let root = Root::with_options(immovable(), quick());
            let at = Some("given/path");
            let directory = build(&root, &cells(0), at).await.unwrap();
            let (before, digest) =
                (directory.meta().await.unwrap().unwrap(), directory.digest().await.unwrap());
            let rewritten = format!("config:\n  type: Cells\n  seed: 0\nstatus: done\n{modified}");
            let (given, mode) = (path("given/path"), MetaWriteMode::Overwrite);
            root.backend().write_meta(&given, rewritten.into(), mode).await.unwrap();
            let reader = observed(immovable(), Arc::new(ReadOnly));
            let refused =
                build(&Root::with_options(Arc::new(reader), quick()), &cells(0), at).await.unwrap_err();
            assert!(refused.chain().contains("fascicle repair"), "{}", refused.chain());
            if finds_first {
                let found = build(&root, &cells(0), at).await.unwrap();
                assert_eq!(found.digest().await.unwrap(), digest);
            } else {
                let repaired = root.repair(&RepairOptions::default().apply(true)).await.unwrap();
                assert!(told(&repaired).contains(&("given/path", "lost_mark", "restore_mark", "done")));
            }
            assert_eq!(directory.meta().await.unwrap().unwrap().build, before.build);
            assert_eq!(directory.names().await.unwrap(), ["deep", "x"]);
            mended(&root, &[]).await;
        }
    }
}

#[tokio::test]
async fn what_another_program_built_is_left_as_it_is() {
    let root = root_over(&MemoryBackend::new());
    let meta = "config:\n  type: Cells\n  seed: 0\nstatus: done\n";
    root.backend().create_directory(&path("Cells_0000"), meta.into()).await.unwrap();
    let adopted = build(&root, &cells(0), None).await.unwrap();
    assert_eq!(adopted.path().as_str(), "Cells_0000");
    mended(&root, &[]).await;
    assert!(root.verify(&VerifyOptions::default()).await.unwrap().is_sound());
    assert_eq!(root.backend().read_meta(&path("Cells_0000")).await.unwrap().unwrap().bytes, meta);
}

#[tokio::test]
async fn what_somebody_keeps_of_a_failed_build_is_not_deleted() {
    let root = root_over(&MemoryBackend::new());
    for seed in 0..2 {
        fail_to_build(&root, &cells(seed), None).await;
    }
    root.as_dir().copy("Cells_0000", "Cells_0007").await.unwrap();
    root.dir("Cells_0007").unwrap().put("mine", [1i64]).await.unwrap();
    root.as_dir().rename("Cells_0001", "kept").await.unwrap();
    root.gc(&gc_all().apply(true)).await.unwrap();
    assert_eq!(root.as_dir().names().await.unwrap(), ["Cells_0007", "kept"]);
    assert_eq!(told(&root.gc(&gc_all()).await.unwrap()), []);
}

#[tokio::test]
async fn what_cannot_be_looked_at_keeps_nothing_else_from_being_looked_after() {
    /// Refuses to look at one directory.
    struct Secret(Operation);

    impl Observer for Secret {
        fn before(&self, operation: Operation, path: &str) -> Result<()> {
            match operation == self.0 && path == "secret" {
                true => Err(Error::new(ErrorKind::PermissionDenied, "it is somebody else's")),
                false => Ok(()),
            }
        }
    }
    for (operation, told_of_it) in [
        (Operation::ReadMeta, ("secret", "broken_meta", "report", "nothing")),
        (Operation::List, ("secret", "unreadable", "report", "nothing")),
    ] {
        let backend = MemoryBackend::new();
        let open = root_over(&backend);
        build(&open, &cells(0), None).await.unwrap();
        set_status(&open, "Cells_0000", Status::Running).await;
        open.dir("secret").unwrap().put("x", [1i64]).await.unwrap();
        let secret = observed(Arc::new(backend), Arc::new(Secret(operation)));
        let root = Root::with_options(Arc::new(secret), quick());
        let repaired = root.repair(&RepairOptions::default().apply(true)).await.unwrap();
        assert_eq!(
            told(&repaired),
            [told_of_it, ("Cells_0000", "committed_running", "roll_forward", "done")]
        );
        root.gc(&gc_all().apply(true)).await.unwrap();
        let verified = root.verify(&VerifyOptions::default()).await.unwrap();
        let paths: Vec<_> = verified.findings.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!((verified.is_sound(), paths), (false, vec!["secret"]));
    }
}

#[tokio::test]
async fn a_broken_record_is_the_matter_of_its_own_epoch() {
    let root = root_over(&MemoryBackend::new());
    fail_to_build(&root, &cells(0), None).await;
    build(&root, &cells(0), None).await.unwrap();
    root.as_dir().copy("Cells_0001", "a_copy").await.unwrap();
    build(&root, &cells(1), None).await.unwrap();
    set_status(&root, "Cells_0002", Status::Running).await;
    let failed = root.dir("Cells_0000").unwrap().meta().await.unwrap().unwrap().build.unwrap();
    let (_, keys) = epochs(&root).await.unwrap().into_iter().find(|(id, _)| id.key == failed.key).unwrap();
    let end = keys.iter().find(|key| key.as_str().ends_with(".0.end")).unwrap();
    for garbage in ["garbage", r#"{"end": "done", "nonce": "ab", "directory": "../.."}"#] {
        root.backend().records().overwrite(end, garbage.into()).await.unwrap();
        let repaired = root.repair(&RepairOptions::default()).await.unwrap();
        let kinds: Vec<_> = repaired.findings.iter().map(|finding| finding.kind.name()).collect();
        assert!(kinds.contains(&"bad_record") && kinds.contains(&"committed_running"), "{kinds:?}");
        root.gc(&gc_all()).await.unwrap();
        assert!(!root.verify(&VerifyOptions::default()).await.unwrap().is_sound());
    }
}

#[tokio::test]
async fn directories_that_vanished_are_no_longer_looked_for() {
    let root = root_over(&MemoryBackend::new());
    build(&root, &cells(0), None).await.unwrap();
    root.backend().remove(&path("Cells_0000")).await.unwrap();
    mended(&root, &[("Cells_0000", "missing", "retire")]).await;
    build(&root, &cells(0), None).await.unwrap();
    assert!(root.verify(&VerifyOptions::default()).await.unwrap().is_sound());
}

#[tokio::test]
async fn what_only_a_person_can_decide_is_reported_and_left() {
    let root = root_over(&MemoryBackend::new());
    for seed in 0..2 {
        build(&root, &cells(seed), None).await.unwrap();
    }
    put_meta(&**root.backend(), "Cells_0000", "config: [").await;
    root.backend()
        .create_directory(&path("foreign"), "config:\n  type: X\nstatus: running\n".into())
        .await
        .unwrap();
    let (id, keys) = epochs(&root).await.unwrap().into_iter().next_back().unwrap();
    let end = keys.iter().find(|key| key.as_str().ends_with(".end")).unwrap();
    root.backend().records().overwrite(end, "garbage".into()).await.unwrap();
    let before = stored(&root).await;
    let repaired = root.repair(&RepairOptions::default().apply(true)).await.unwrap();
    assert!(repaired.is_clean(), "{:?}", told(&repaired));
    let mut kinds: Vec<_> = repaired.findings.iter().map(|finding| finding.kind.name()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["bad_record", "broken_meta", "foreign_running"], "{}", id.name());
    assert!(root.gc(&gc_all().apply(true)).await.unwrap().findings.is_empty());
    assert_eq!(stored(&root).await, before);
    let verified = root.verify(&VerifyOptions::default()).await.unwrap();
    let broken: Vec<_> =
        verified.findings.iter().filter(|finding| finding.kind == FindingKind::BrokenMeta).collect();
    assert_eq!((broken.len(), broken[0].path.as_str(), verified.digest), (1, "Cells_0000", None));
    // It is the matter of its own directory.
    let sound = root.verify(&VerifyOptions::default().at(path("Cells_0001"))).await.unwrap();
    assert_eq!(sound.digest, Some(root.dir("Cells_0001").unwrap().digest().await.unwrap()));
}

#[tokio::test]
async fn a_place_open_for_reading_is_only_looked_at() {
    let backend = MemoryBackend::new();
    let root = root_over(&backend);
    build(&root, &cells(0), None).await.unwrap();
    set_status(&root, "Cells_0000", Status::Running).await;
    let before = stored(&root).await;
    let reader = Root::with_options(Arc::new(observed(Arc::new(backend), Arc::new(ReadOnly))), quick());
    assert_eq!(reader.repair(&RepairOptions::default()).await.unwrap().count("planned"), 1);
    reader.gc(&gc_all()).await.unwrap();
    reader.verify(&VerifyOptions::default()).await.unwrap();
    let refused = reader.repair(&RepairOptions::default().apply(true)).await.unwrap_err();
    let too = reader.gc(&gc_all().apply(true)).await.unwrap_err();
    assert_eq!([refused.kind(), too.kind()], [ErrorKind::Unsupported; 2]);
    let maintenance = reader.backend().maintenance().unwrap();
    let version = root.backend().read_meta(&path("Cells_0000")).await.unwrap().unwrap().version;
    let removed = maintenance.remove_directory_if(&path("Cells_0000"), &version).await;
    assert_eq!(removed.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(stored(&root).await, before);
}

#[tokio::test]
async fn a_directory_that_took_the_name_of_an_attempt_is_not_deleted() {
    let root = root_over(&MemoryBackend::new());
    fail_to_build(&root, &cells(0), Some("given")).await;
    let stale = root.backend().read_meta(&path("given")).await.unwrap().unwrap().version;
    build(&root, &cells(0), Some("given")).await.unwrap();
    let maintenance = root.backend().maintenance().unwrap();
    assert!(!maintenance.remove_directory_if(&path("given"), &stale).await.unwrap());
    let current = root.backend().read_meta(&path("given")).await.unwrap().unwrap();
    root.backend()
        .write_meta(&path("given"), current.bytes.clone(), MetaWriteMode::UpdateIf(current.version.clone()))
        .await
        .unwrap();
    assert!(!maintenance.remove_directory_if(&path("given"), &current.version).await.unwrap(), "it changed");
    assert!(root.dir("given").unwrap().meta().await.unwrap().unwrap().is_usable());
}
