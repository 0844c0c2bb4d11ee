//! Find-or-build within one process: exactly one build, whoever asks; failures, modifications, paths, deadlines.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod adoption;
mod circle;
mod cost;
mod drain;
mod given_path;
mod resume;
mod rules;
mod tail;
mod tail_ends;

use fascicle_core::{
    Build, BuildResult, Config, Directory, ErrorKind, IdentityRules, OnMismatch, Outcome, PinnedRoot,
    Precedence, Resolution, ResolveOptions, Result, Root, RootOptions, Status, roots,
};
use fascicle_memory::MemoryBackend;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn root() -> Root {
    Root::new(MemoryBackend::new())
}

#[derive(Clone, Serialize, Deserialize)]
struct Cells {
    n_cells: usize,
    seed: u64,
}

impl Build for Cells {
    async fn build(&self, dir: &Directory) -> BuildResult {
        dir.put("cell_id", (0..self.n_cells as i64).collect::<Vec<_>>()).await?;
        dir.dir("connections")?.put("pre_cell_id", [self.seed]).await?;
        if self.n_cells == 0 {
            return Err("no cells".into());
        }
        Ok(())
    }
}

fn options() -> ResolveOptions {
    ResolveOptions::default()
}

#[tokio::test]
async fn the_second_call_finds_what_the_first_one_built() {
    let root = root();
    let first = root.resolve_with(&Cells { n_cells: 3, seed: 0 }, &options()).await.unwrap();
    let second = root.resolve_with(&Cells { n_cells: 3, seed: 0 }, &options()).await.unwrap();
    let other = root.resolve_with(&Cells { n_cells: 3, seed: 42 }, &options()).await.unwrap();
    assert_eq!(
        [first.outcome, second.outcome, other.outcome],
        [Outcome::Built, Outcome::Found, Outcome::Built]
    );
    assert_eq!(
        [first.directory.name(), second.directory.name(), other.directory.name()],
        ["Cells_0000", "Cells_0000", "Cells_0001"]
    );
    let meta = first.directory.meta().await.unwrap().unwrap();
    assert_eq!((meta.status, meta.modified), (Status::Done, false));
    assert_eq!(meta.config.to_string(), "Cells{n_cells: 3, seed: 0}");
    assert_eq!(first.directory.names().await.unwrap(), ["cell_id", "connections"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_tasks_exactly_one_builds() {
    let root = root();
    let builds = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..32)
        .map(|_| {
            let (root, builds) = (root.clone(), builds.clone());
            tokio::spawn(async move {
                let build = |dir: Directory| {
                    let builds = builds.clone();
                    async move {
                        builds.fetch_add(1, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        dir.put("x", [1.0]).await?;
                        Ok(())
                    }
                };
                let config = Config::new("Slow").with("a", 1);
                let resolution =
                    root.resolve_config(&config, &IdentityRules::default(), &options(), build).await.unwrap();
                let x: Vec<f64> = resolution.directory.array("x").await.unwrap().read().await.unwrap();
                (resolution.directory.name().to_owned(), x)
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), ("Slow_0000".to_owned(), vec![1.0]));
    }
    assert_eq!(builds.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn who_asks_at_the_same_time_is_told_how_it_was_come_by() {
    let (root, cells, options) = (root(), Cells { n_cells: 3, seed: 0 }, options());
    let both = async || {
        let (first, second) = (root.resolve_with(&cells, &options), root.resolve_with(&cells, &options));
        let (first, second) = tokio::join!(first, second);
        (first.unwrap(), second.unwrap())
    };
    let outcomes = |(first, second): &(Resolution, Resolution)| [first.outcome, second.outcome];
    assert_eq!(outcomes(&both().await), [Outcome::Built, Outcome::Waited]);
    assert_eq!(outcomes(&both().await), [Outcome::Found; 2]);
    root.dir("Cells_0000").unwrap().put("x", [1.0]).await.unwrap();
    let (built, waited) = both().await;
    assert_eq!((built.warnings.len(), &built.warnings), (1, &waited.warnings));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn handles_that_share_nothing_but_the_storage_build_once() {
    let backend = MemoryBackend::new();
    let builds = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (root, builds) = (Root::new(backend.clone()), builds.clone());
            tokio::spawn(async move {
                let build = |dir: Directory| {
                    builds.fetch_add(1, Ordering::SeqCst);
                    async move {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        dir.put("x", [1.0]).await?;
                        Ok(())
                    }
                };
                let config = Config::new("Slow").with("a", 1);
                root.resolve_config(&config, &IdentityRules::default(), &options(), build)
                    .await
                    .unwrap()
                    .directory
                    .name()
                    .to_owned()
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "Slow_0000");
    }
    assert_eq!(builds.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_failed_build_is_stopped_and_built_again() {
    let root = root();
    for name in ["Cells_0000", "Cells_0001"] {
        let error = root.resolve(&Cells { n_cells: 0, seed: 0 }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BuildFailed);
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "no cells");
        let stopped = root.dir(name).unwrap();
        assert_eq!(stopped.status().await.unwrap(), Some(Status::Stopped));
    }
    assert!(root.find(&Cells { n_cells: 0, seed: 0 }).await.unwrap().is_none());
}

#[tokio::test]
async fn a_panic_in_a_build_is_a_failed_build() {
    let root = root();
    let config = Config::new("Panics");
    let build = |_dir: Directory| async move { panic!("on purpose") };
    let error = root.resolve_config(&config, &IdentityRules::default(), &options(), build).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BuildFailed);
    assert!(error.chain().contains("on purpose"), "{error:?}");
}

#[tokio::test]
async fn whatever_is_written_after_done_marks_the_directory() {
    type Change = fn(Directory) -> futures::future::BoxFuture<'static, Result<()>>;
    let changes: [(&str, Change); 8] = [
        ("put", |dir| Box::pin(async move { dir.put("x", [1]).await })),
        ("put nested", |dir| Box::pin(async move { dir.dir("connections")?.put("x", [1]).await })),
        ("put by path", |dir| Box::pin(async move { dir.put("connections/x", [1]).await })),
        ("append", |dir| Box::pin(async move { dir.append("cell_id", [1i64]).await.map(|_| ()) })),
        ("remove", |dir| Box::pin(async move { dir.remove("cell_id").await })),
        ("remove nested", |dir| Box::pin(async move { dir.remove("connections/pre_cell_id").await })),
        ("region", |dir| Box::pin(async move { dir.array("cell_id").await?.select(0)?.write(7i64).await })),
        ("file", |dir| Box::pin(async move { dir.put_file("notes.txt", "text").await })),
    ];
    for (what, change) in changes {
        let root = root();
        let built = root.resolve(&Cells { n_cells: 3, seed: 0 }).await.unwrap();
        // Through a handle that knows nothing of the build.
        change(root.dir(built.path().as_str()).unwrap()).await.unwrap();
        assert!(built.meta().await.unwrap().unwrap().modified, "{what}");
        let again = root.resolve_with(&Cells { n_cells: 3, seed: 0 }, &options()).await.unwrap();
        assert_eq!((again.outcome, again.directory.name()), (Outcome::Built, "Cells_0001"), "{what}");
        assert_eq!(again.warnings.len(), 1, "{what}");
        let third = root.resolve(&Cells { n_cells: 3, seed: 0 }).await.unwrap();
        assert_eq!(third.name(), "Cells_0001", "{what}");
    }
}

#[tokio::test]
async fn a_refused_write_marks_nothing() {
    let root = root();
    let built = root.resolve(&Cells { n_cells: 3, seed: 0 }).await.unwrap();
    assert!(built.append("cell_id", [[1.5, 2.5]].concat()).await.is_err());
    assert!(built.remove("nothing").await.is_err());
    assert!(built.put("bad.name", [1]).await.is_err());
    assert!(!built.meta().await.unwrap().unwrap().modified);
}

#[tokio::test]
async fn a_removed_directory_is_built_again_under_its_old_name() {
    let root = root();
    let built = root.resolve(&Cells { n_cells: 3, seed: 0 }).await.unwrap();
    built.remove_all().await.unwrap();
    let again = root.resolve_with(&Cells { n_cells: 3, seed: 0 }, &options()).await.unwrap();
    assert_eq!((again.outcome, again.directory.name()), (Outcome::Built, "Cells_0000"));
    assert_eq!(
        root.resolve_with(&Cells { n_cells: 3, seed: 0 }, &options()).await.unwrap().outcome,
        Outcome::Found
    );
}

#[tokio::test]
async fn a_directory_that_was_moved_is_found_where_it_is() {
    let root = root();
    let built = root.resolve(&Cells { n_cells: 3, seed: 0 }).await.unwrap();
    root.as_dir().rename(built.name(), "kept").await.unwrap();
    for outcome in [Outcome::Adopted, Outcome::Found] {
        let found = root.resolve_with(&Cells { n_cells: 3, seed: 0 }, &options()).await.unwrap();
        assert_eq!((found.outcome, found.directory.name()), (outcome, "kept"));
    }
    root.dir("kept").unwrap().put("x", [1]).await.unwrap();
    assert_eq!(
        root.resolve_with(&Cells { n_cells: 3, seed: 0 }, &options()).await.unwrap().outcome,
        Outcome::Built
    );
}

#[tokio::test]
async fn a_given_path_must_have_the_config() {
    let root = root();
    let here = options().at("group/mine");
    let built = root.resolve_with(&Cells { n_cells: 3, seed: 0 }, &here).await.unwrap();
    assert_eq!((built.outcome, built.directory.path().as_str()), (Outcome::Built, "group/mine"));
    assert_eq!(
        root.resolve_with(&Cells { n_cells: 3, seed: 0 }, &here).await.unwrap().outcome,
        Outcome::Found
    );
    let error = root.resolve_with(&Cells { n_cells: 3, seed: 1 }, &here).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("≠seed: 1") && error.to_string().contains("≠seed: 0"), "{error}");
    let lenient = here.clone().on_mismatch(OnMismatch::Warn);
    let warned = root.resolve_with(&Cells { n_cells: 3, seed: 1 }, &lenient).await.unwrap();
    assert_eq!(warned.warnings.len(), 1);
    root.dir("plain").unwrap().put("x", [1]).await.unwrap();
    let error = root.resolve_with(&Cells { n_cells: 3, seed: 0 }, &options().at("plain")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
}

#[tokio::test]
async fn a_failed_build_at_a_given_path_is_built_again_there() {
    let root = root();
    let here = options().at("mine");
    assert!(root.resolve_with(&Cells { n_cells: 0, seed: 0 }, &here).await.is_err());
    let config = Cells { n_cells: 0, seed: 0 }.config().unwrap();
    let build = |dir: Directory| async move { Ok(dir.put("other", [1]).await?) };
    let built = root.resolve_config(&config, &IdentityRules::default(), &here, build).await.unwrap();
    assert_eq!(built.directory.names().await.unwrap(), ["other"], "nothing of the failed attempt is left");
}

#[tokio::test]
async fn a_directory_at_a_given_path_is_found_by_its_config() {
    let root = root();
    root.resolve_with(&Cells { n_cells: 3, seed: 0 }, &options().at("mine")).await.unwrap();
    let found = root.resolve_with(&Cells { n_cells: 3, seed: 0 }, &options()).await.unwrap();
    assert_eq!((found.outcome, found.directory.name()), (Outcome::Adopted, "mine"));
}

#[tokio::test]
async fn waiting_has_a_deadline() {
    let backend = MemoryBackend::new();
    let (builder, waiter) = (Root::new(backend.clone()), Root::new(backend));
    let config = Config::new("Slow");
    let (started, begun) = tokio::sync::oneshot::channel();
    let started = std::sync::Mutex::new(Some(started));
    let task = tokio::spawn({
        let config = config.clone();
        async move {
            let build = |_dir: Directory| {
                started.lock().unwrap().take().unwrap().send(()).unwrap();
                std::future::pending::<BuildResult>()
            };
            builder.resolve_config(&config, &IdentityRules::default(), &options(), build).await.map(|_| ())
        }
    });
    begun.await.unwrap();
    let never = |_dir: Directory| async { unreachable!("somebody else builds") };
    let brief = options().timeout(Duration::from_millis(50));
    let error = waiter.resolve_config(&config, &IdentityRules::default(), &brief, never).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    // A builder that gives up lets the next one build.
    task.abort();
    let build = |dir: Directory| async move { Ok(dir.put("x", [1]).await?) };
    let built = waiter.resolve_config(&config, &IdentityRules::default(), &options(), build).await;
    match built {
        Ok(built) => assert_eq!(built.directory.name(), "Slow_0001"),
        // It was still waiting for the very build that was given up.
        Err(error) => assert_eq!(error.kind(), ErrorKind::BuildFailed),
    }
}

#[tokio::test]
async fn a_silent_builder_is_replaced_and_can_no_longer_commit() {
    let options_of = |beat, lease| RootOptions {
        beat: Duration::from_millis(beat),
        lease: Duration::from_millis(lease),
        poll: (Duration::from_millis(2), Duration::from_millis(10)),
        ..RootOptions::default()
    };
    let backend = MemoryBackend::new();
    // The first builder shows nothing for longer than its lease.
    let silent = Root::with_options(Arc::new(backend.clone()), options_of(60_000, 100));
    let other = Root::with_options(Arc::new(backend), options_of(10, 100));
    let config = Config::new("Slow");
    let (release, released) = tokio::sync::watch::channel(false);
    let zombie = tokio::spawn({
        let config = config.clone();
        async move {
            let build = |dir: Directory| {
                let mut released = released.clone();
                async move {
                    dir.put("by", ["zombie".to_owned()]).await?;
                    released.wait_for(|released| *released).await?;
                    Ok(())
                }
            };
            silent.resolve_config(&config, &IdentityRules::default(), &options(), build).await
        }
    });
    while !other.contains("Slow_0000/by").await.unwrap() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let build = |dir: Directory| async move { Ok(dir.put("by", ["other".to_owned()]).await?) };
    let taken = other.resolve_config(&config, &IdentityRules::default(), &options(), build).await.unwrap();
    assert_eq!((taken.outcome, taken.directory.name()), (Outcome::TookOver, "Slow_0001"));
    release.send(true).unwrap();
    let late = zombie.await.unwrap().unwrap();
    assert_eq!(late.directory.name(), "Slow_0001", "the late builder gets what the other one built");
    assert_eq!(other.dir("Slow_0000").unwrap().status().await.unwrap(), Some(Status::Stopped));
}

#[tokio::test]
async fn a_build_that_asks_for_itself_is_an_error() {
    let root = root();
    let config = Config::new("Ouroboros");
    let build = |dir: Directory| {
        let config = config.clone();
        async move {
            let again = |_dir: Directory| async { Ok(()) };
            dir.root().resolve_config(&config, &IdentityRules::default(), &options(), again).await?;
            Ok(())
        }
    };
    let error = root.resolve_config(&config, &IdentityRules::default(), &options(), build).await.unwrap_err();
    assert!(error.chain().contains("asks for itself"), "{error:?}");
}

#[tokio::test]
async fn the_handle_of_a_build_ends_with_it() {
    let root = root();
    let kept = std::sync::Mutex::new(None);
    let build = |dir: Directory| {
        *kept.lock().unwrap() = Some(dir);
        async { Ok(()) }
    };
    root.resolve_config(&Config::new("T"), &IdentityRules::default(), &options(), build).await.unwrap();
    let late = kept.lock().unwrap().take().unwrap();
    assert_eq!(late.put("x", [1]).await.unwrap_err().kind(), ErrorKind::LeaseLost);
}

#[derive(Serialize, Deserialize)]
struct Evolved {
    n_cells: usize,
    seed: u64,
    #[serde(default)]
    noise: f64,
    #[serde(default)]
    threads: usize,
}

impl Build for Evolved {
    const TYPE: Option<&'static str> = Some("Cells");
    fn identity_rules() -> IdentityRules {
        IdentityRules::default().with_default("noise", 0.0).with_excluded("threads")
    }
    async fn build(&self, dir: &Directory) -> BuildResult {
        Ok(dir.put("noise", self.noise).await?)
    }
}

#[tokio::test]
async fn old_results_keep_matching_a_config_that_grew() {
    let root = root();
    root.resolve(&Cells { n_cells: 3, seed: 0 }).await.unwrap();
    let same = Evolved { n_cells: 3, seed: 0, noise: 0.0, threads: 8 };
    assert_eq!(root.resolve_with(&same, &options()).await.unwrap().outcome, Outcome::Found);
    let noisy = Evolved { noise: 0.1, ..same };
    assert_eq!(root.resolve_with(&noisy, &options()).await.unwrap().outcome, Outcome::Built);
}

#[tokio::test]
async fn a_new_version_of_the_code_builds_anew() {
    let root = root();
    let config = Config::new("T").with("a", 1);
    let build = |dir: Directory| async move { Ok(dir.put("x", [1]).await?) };
    let mut names = Vec::new();
    for rules in [
        IdentityRules::default(),
        IdentityRules::default().with_version("2"),
        IdentityRules::default().with_version("3"),
    ] {
        names.push(
            root.resolve_config(&config, &rules, &options(), build)
                .await
                .unwrap()
                .directory
                .name()
                .to_owned(),
        );
    }
    assert_eq!(names, ["T_0000", "T_0001", "T_0002"]);
}

#[derive(Serialize, Deserialize)]
struct Pinned;

static PINNED: std::sync::Mutex<Option<PinnedRoot>> = std::sync::Mutex::new(None);

impl Build for Pinned {
    fn pinned_root() -> Result<Option<PinnedRoot>> {
        Ok(PINNED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone())
    }
    async fn build(&self, _dir: &Directory) -> BuildResult {
        Ok(())
    }
}

#[tokio::test]
async fn roots_hold_by_the_documented_precedence() {
    let [own, default, scoped] = [root(), root(), root()];
    let is = |found: Result<Root>, expected: &Root| Arc::ptr_eq(found.unwrap().backend(), expected.backend());
    assert!(roots::current().is_err());
    for (precedence, with_none, with_default, with_scope) in [
        (Precedence::Weak, &own, &default, &scoped),
        (Precedence::Normal, &own, &own, &scoped),
        (Precedence::Strong, &own, &own, &own),
    ] {
        *PINNED.lock().unwrap() = Some(PinnedRoot { root: own.clone(), precedence });
        roots::set_default(None);
        assert!(is(roots::for_type::<Pinned>(), with_none));
        roots::set_default(Some(default.clone()));
        assert!(is(roots::for_type::<Pinned>(), with_default));
        assert!(is(roots::scope(scoped.clone(), async { roots::for_type::<Pinned>() }).await, with_scope));
        assert!(is(roots::scope_blocking(scoped.clone(), roots::for_type::<Pinned>), with_scope));
        assert!(is(roots::for_type::<Pinned>(), with_default), "a scope ends");
    }
    // Scopes are seen by their own task only; the default one everywhere.
    roots::scope(scoped.clone(), async {
        assert!(is(roots::current(), &scoped));
        let elsewhere = tokio::spawn(async { roots::current() }).await.unwrap();
        assert!(is(elsewhere, &default));
    })
    .await;
    roots::set_default(None);
}
