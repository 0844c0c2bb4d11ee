//! Builds that stop halfway and go on later, in their directory or anew; and what callers are told.

use super::options;
use fascicle_core::config::Value;
use fascicle_core::{
    Build, BuildResult, Config, Directory, ErrorKind, IdentityRules, Interrupted, Interruption, Outcome,
    PastOutcome, Resolution, ResolveOptions, Result, Root, RootOptions, Status,
};
use fascicle_memory::MemoryBackend;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

fn quick(backend: MemoryBackend) -> Root {
    let poll = (Duration::from_millis(1), Duration::from_millis(10));
    Root::with_options(Arc::new(backend), RootOptions { poll, ..RootOptions::default() })
}

fn config() -> Config {
    Config::new("Training").with("steps", 6)
}

/// Trains from where an earlier build stopped, until it is interrupted.
async fn train(dir: Directory) -> BuildResult {
    let begin = dir.resumed_from().and_then(Value::as_i64).unwrap_or(0);
    for step in begin..6 {
        if dir.is_interrupted() && step >= begin + 2 {
            return Err(Interrupted::at(step).into());
        }
        dir.append("step", [step]).await?;
    }
    Ok(())
}

async fn resolve(root: &Root, options: &ResolveOptions) -> Result<Resolution> {
    root.resolve_config(&config(), &IdentityRules::default(), options, train).await
}

fn interrupted() -> ResolveOptions {
    let interruption = Interruption::new();
    interruption.request();
    options().resume(true).interruption(interruption)
}

async fn steps(dir: &Directory) -> Vec<i64> {
    dir.array("step").await.unwrap().read().await.unwrap()
}

#[tokio::test]
async fn an_interrupted_build_goes_on_in_its_directory() {
    for path in [None, Some("group/mine")] {
        let store = MemoryBackend::new();
        let at = |options: ResolveOptions| ResolveOptions { path: path.map(str::to_owned), ..options };
        let name = path.unwrap_or("Training_0000");
        for done in [2, 4] {
            let root = quick(store.clone());
            let error = resolve(&root, &at(interrupted())).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BuildFailed);
            assert!(error.chain().contains(&format!("interrupted at {done}")), "{error:?}");
            let dir = root.dir(name).unwrap();
            let meta = dir.meta().await.unwrap().unwrap();
            assert_eq!(meta.status, Status::Stopped, "what datamate reads");
            assert_eq!(meta.build.unwrap().interrupted, Some(Value::from(done)));
            assert_eq!(steps(&dir).await.len(), usize::try_from(done).unwrap());
        }
        let root = quick(store.clone());
        let trained = resolve(&root, &at(options().resume(true))).await.unwrap();
        assert_eq!((trained.outcome, trained.directory.path().as_str()), (Outcome::Built, name));
        assert!(trained.reason.contains("interrupted"), "{}", trained.reason);
        assert_eq!(steps(&trained.directory).await, [0, 1, 2, 3, 4, 5]);
        let meta = trained.directory.meta().await.unwrap().unwrap();
        assert!(meta.is_usable() && meta.build.unwrap().interrupted.is_none());
        assert_eq!(root.as_dir().names().await.unwrap().len(), 1);
        assert_eq!(resolve(&quick(store), &at(options())).await.unwrap().outcome, Outcome::Found);
    }
}

#[tokio::test]
async fn a_build_that_cannot_go_on_begins_anew() {
    let root = quick(MemoryBackend::new());
    resolve(&root, &interrupted()).await.unwrap_err();
    let trained = resolve(&root, &options()).await.unwrap();
    assert_eq!((trained.outcome, trained.directory.name()), (Outcome::Built, "Training_0001"));
    assert_eq!(steps(&trained.directory).await, [0, 1, 2, 3, 4, 5]);
    assert_eq!(root.dir("Training_0000").unwrap().status().await.unwrap(), Some(Status::Stopped));
}

#[tokio::test]
async fn what_was_left_and_is_no_longer_there_is_built_anew() {
    let root = quick(MemoryBackend::new());
    resolve(&root, &interrupted()).await.unwrap_err();
    root.remove("Training_0000").await.unwrap();
    let trained = resolve(&root, &options().resume(true)).await.unwrap();
    assert_eq!(steps(&trained.directory).await, [0, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_progress_that_is_too_long_fails_the_build_at_once() {
    let root = quick(MemoryBackend::new());
    let build = |_dir: Directory| async { Err(Interrupted::at("x".repeat(20_000)).into()) };
    let resumes = options().resume(true);
    let error = root.resolve_config(&config(), &IdentityRules::default(), &resumes, build).await.unwrap_err();
    assert!(error.chain().contains("store it in the directory"), "{}", error.chain());
    // It has ended: the next one need not wait until it is taken for dead.
    let trained = tokio::time::timeout(Duration::from_secs(10), resolve(&root, &resumes)).await.unwrap();
    assert_eq!(trained.unwrap().directory.name(), "Training_0001");
}

#[tokio::test]
async fn a_builder_that_was_interrupted_writes_nothing_more() {
    let root = quick(MemoryBackend::new());
    let kept = std::sync::Mutex::new(None);
    let build = |dir: Directory| {
        *kept.lock().unwrap() = Some(dir.clone());
        async move {
            dir.append("step", [0i64]).await?;
            Err(Interrupted::new().into())
        }
    };
    let resumes = options().resume(true);
    root.resolve_config(&config(), &IdentityRules::default(), &resumes, build).await.unwrap_err();
    let late = kept.lock().unwrap().take().unwrap();
    let go_on = |dir: Directory| {
        let late = &late;
        async move {
            assert_eq!(dir.resumed_from(), Some(&Value::Null));
            assert_eq!(late.append("step", [9i64]).await.unwrap_err().kind(), ErrorKind::LeaseLost);
            dir.append("step", [1i64]).await?;
            Ok(())
        }
    };
    let built = root.resolve_config(&config(), &IdentityRules::default(), &resumes, go_on).await.unwrap();
    assert_eq!(built.directory.name(), "Training_0000");
    assert_eq!(steps(&built.directory).await, [0, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_all_who_wait_for_an_interrupted_build_one_goes_on() {
    let store = MemoryBackend::new();
    let interruption = Interruption::new();
    let (started, begun) = tokio::sync::oneshot::channel();
    let started = std::sync::Mutex::new(Some(started));
    let builder = {
        let (store, interruption) = (store.clone(), interruption.clone());
        tokio::spawn(async move {
            let build = |dir: Directory| {
                let started = started.lock().unwrap().take();
                async move {
                    dir.append("step", [0i64, 1]).await?;
                    started.map(|started| started.send(()));
                    dir.interrupted().await;
                    Err(Interrupted::at(2).into())
                }
            };
            let options = options().interruption(interruption);
            quick(store)
                .resolve_config(&config(), &IdentityRules::default(), &options, build)
                .await
                .map(|_| ())
        })
    };
    begun.await.unwrap();
    let waiters: Vec<_> = (0..8)
        .map(|_| {
            let root = quick(store.clone());
            tokio::spawn(async move { resolve(&root, &options().resume(true)).await.unwrap() })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    interruption.request();
    builder.await.unwrap().unwrap_err();
    for waiter in waiters {
        let trained = waiter.await.unwrap();
        assert_eq!(trained.directory.name(), "Training_0000");
        assert_eq!(steps(&trained.directory).await, [0, 1, 2, 3, 4, 5]);
    }
}

#[derive(Serialize, Deserialize)]
struct Resuming {
    steps: i64,
}

impl Build for Resuming {
    const TYPE: Option<&'static str> = Some("Training");
    const RESUMES: bool = true;

    async fn build(&self, dir: &Directory) -> BuildResult {
        train(dir.clone()).await
    }
}

#[tokio::test]
async fn a_type_can_say_that_its_builds_go_on() {
    let root = quick(MemoryBackend::new());
    resolve(&root, &interrupted()).await.unwrap_err();
    let trained = root.resolve(&Resuming { steps: 6 }).await.unwrap();
    assert_eq!(trained.name(), "Training_0000");
    assert_eq!(steps(&trained).await, [0, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_miss_is_explained() {
    let root = quick(MemoryBackend::new());
    let rules = IdentityRules::default().with_default("noise", 0.0).with_excluded("threads");
    let cells = |n: i64, seed: i64| Config::new("Cells").with("n_cells", n).with("seed", seed);
    let build = |dir: Directory| async move { Ok(dir.put("x", [1]).await?) };
    for (n, seed) in [(100, 0), (100, 1), (7, 7)] {
        let config = cells(n, seed).with("threads", n + seed);
        let built = root.resolve_config(&config, &rules, &options(), build).await.unwrap();
        assert_eq!(built.reason, "there was no directory of this config");
    }
    let missing = root.explain_config(&cells(100, 2).with("threads", 3), &rules).await.unwrap();
    assert!(missing.found.is_none() && missing.builds.is_empty());
    assert_eq!(missing.of_this_type, 3);
    let told: Vec<_> =
        missing.nearest.iter().map(|near| (near.path.as_str(), near.differences.len())).collect();
    assert_eq!(told, [("Cells_0000", 1), ("Cells_0001", 1), ("Cells_0002", 2)]);
    let text = missing.to_string();
    assert!(text.contains("not found") && text.contains("asked ≠seed: 2   stored ≠seed: 0"), "{text}");
    assert!(!text.contains("asked ≠threads"), "{text}");
    // Found; then modified, failed, and built again.
    let found = root.explain_config(&cells(100, 1), &rules).await.unwrap();
    assert_eq!(found.found.unwrap().as_str(), "Cells_0001");
    root.dir("Cells_0001").unwrap().put("x", [2]).await.unwrap();
    let fail = |_dir: Directory| async { Err("no cells today".into()) };
    root.resolve_config(&cells(100, 1), &rules, &options(), fail).await.unwrap_err();
    let gone = root.explain_config(&cells(100, 1), &rules).await.unwrap();
    let outcomes: Vec<_> = gone.builds.iter().map(|build| build.outcome.clone()).collect();
    let failed = PastOutcome::Failed("no cells today".to_owned());
    assert_eq!(outcomes, [PastOutcome::Modified("Cells_0001".to_owned()), failed]);
    assert!(gone.found.is_none());
    assert_eq!(gone.passed_over.len(), 2, "the modified and the stopped one: {:?}", gone.passed_over);
    let again = root.resolve_config(&cells(100, 1), &rules, &options(), build).await.unwrap();
    assert!(again.reason.contains("'Cells_0001' was modified"), "{}", again.reason);
    assert!(again.reason.contains("no cells today"), "{}", again.reason);
    let typo = root.explain_config(&Config::new("Cell").with("n_cells", 1), &rules).await.unwrap();
    assert_eq!(typo.similar_type.as_deref(), Some("Cells"));
}

#[tokio::test]
async fn a_signal_asks_builds_to_stop() {
    use rustix::process::{Signal, getpid, kill_process};
    let interruption = Interruption::on_signals(&[Signal::USR1.as_raw()]).unwrap();
    let root = quick(MemoryBackend::new());
    let build = |dir: Directory| async move {
        dir.append("step", [0i64]).await?;
        assert!(!dir.is_interrupted());
        kill_process(getpid(), Signal::USR1)?;
        dir.interrupted().await;
        assert!(dir.is_interrupted());
        Err(Interrupted::at(1).into())
    };
    let options = options().interruption(interruption);
    let error = root.resolve_config(&config(), &IdentityRules::default(), &options, build).await.unwrap_err();
    assert!(error.chain().contains("interrupted at 1"), "{error:?}");
    assert!(Interruption::on_signals(&[Signal::KILL.as_raw()]).is_err(), "nobody can await that one");
}
