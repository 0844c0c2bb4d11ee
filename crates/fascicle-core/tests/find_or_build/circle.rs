//! Builds that wait for each other, and builds that lost touch with their storage.

use super::options;
use fascicle_core::wrap::{Observer, Operation, observed};
use fascicle_core::{
    BuildResult, Config, Directory, Error, ErrorKind, IdentityRules, Outcome, Resolution, Result, Root,
    RootOptions, WriteMode,
};
use fascicle_memory::MemoryBackend;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Barrier;

fn quick() -> RootOptions {
    let poll = (Duration::from_millis(1), Duration::from_millis(10));
    RootOptions { poll, ..RootOptions::default() }
}

/// Finds or builds `name` in a root by asking for `others` one after the other, once `begun` says that all have begun.
fn ask(
    root: Root,
    name: &'static str,
    others: &'static [&'static str],
    begun: Arc<Barrier>,
) -> futures::future::BoxFuture<'static, Result<Resolution>> {
    Box::pin(async move {
        let build = |dir: Directory| {
            let (root, begun) = (root.clone(), begun.clone());
            async move {
                if !others.is_empty() {
                    begun.wait().await;
                }
                for other in others {
                    ask(root.clone(), other, &[], begun.clone()).await?;
                }
                Ok(dir.put_file("x", "content").await?)
            }
        };
        root.resolve_config(&Config::new(name), &IdentityRules::default(), &options(), build).await
    })
}

/// Three builds that ask for each other in a circle, each on the root that `root` gives.
async fn a_circle_of_three(root: impl Fn() -> Root) {
    let begun = Arc::new(Barrier::new(3));
    let asks = [("A", &["B"]), ("B", &["C"]), ("C", &["A"])]
        .map(|(name, other)| tokio::spawn(ask(root(), name, other, begun.clone())));
    let answers = tokio::time::timeout(Duration::from_secs(20), futures::future::join_all(asks)).await;
    let errors: Vec<Error> =
        answers.unwrap().into_iter().map(|answer| answer.unwrap().unwrap_err()).collect();
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::BuildFailed), "{errors:?}");
    let told = errors.iter().filter(|error| error.chain().contains("waits for a build that waits for it"));
    assert!(told.count() >= 1, "{errors:?}");
    // They can be asked for again, in another order.
    let alone = Arc::new(Barrier::new(1));
    assert_eq!(ask(root(), "C", &[], alone.clone()).await.unwrap().outcome, Outcome::Built);
    assert_eq!(ask(root(), "B", &["C"], alone.clone()).await.unwrap().outcome, Outcome::Built);
    assert_eq!(ask(root(), "A", &["B", "C"], alone).await.unwrap().outcome, Outcome::Built);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn builds_that_wait_for_each_other_fail_at_once() {
    let backend: Arc<MemoryBackend> = Arc::default();
    let root = Root::with_options(backend, quick());
    a_circle_of_three(|| root.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn builds_of_processes_that_wait_for_each_other_fail_at_once() {
    let backend: Arc<MemoryBackend> = Arc::default();
    a_circle_of_three(|| Root::with_options(backend.clone(), quick())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_for_the_same_is_no_circle() {
    let backend: Arc<MemoryBackend> = Arc::default();
    let begun = Arc::new(Barrier::new(3));
    let asks = [("A", &["C"]), ("B", &["C"]), ("D", &["C"])].map(|(name, other)| {
        tokio::spawn(ask(Root::with_options(backend.clone(), quick()), name, other, begun.clone()))
    });
    for answer in futures::future::join_all(asks).await {
        assert_eq!(answer.unwrap().unwrap().outcome, Outcome::Built);
    }
}

#[tokio::test]
async fn a_build_that_asks_for_itself_in_another_task_is_an_error() {
    let root = Root::new(MemoryBackend::new());
    let build = |dir: Directory| async move {
        let again = tokio::spawn(async move {
            let never = |_dir: Directory| async { unreachable!("it is being built") };
            let config = Config::new("Ouroboros");
            dir.root().resolve_config(&config, &IdentityRules::default(), &options(), never).await
        });
        again.await??;
        Ok(())
    };
    let config = Config::new("Ouroboros");
    let error = root.resolve_config(&config, &IdentityRules::default(), &options(), build).await.unwrap_err();
    assert!(error.chain().contains("asks for itself"), "{error:?}");
}

#[tokio::test]
async fn a_root_that_outlives_its_build_is_like_any_other() {
    let root = Root::new(MemoryBackend::new());
    let kept = std::sync::Mutex::new(None);
    let build = |dir: Directory| {
        *kept.lock().unwrap() = Some(dir.root().clone());
        async { Ok(()) }
    };
    root.resolve_config(&Config::new("T"), &IdentityRules::default(), &options(), build).await.unwrap();
    let kept = kept.lock().unwrap().take().unwrap();
    let never = |_dir: Directory| async { unreachable!("it is built") };
    let found = kept.resolve_config(&Config::new("T"), &IdentityRules::default(), &options(), never).await;
    assert_eq!(found.unwrap().outcome, Outcome::Found);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_waited_learn_every_cause() {
    let backend: Arc<MemoryBackend> = Arc::default();
    let (builder, waiter) =
        (Root::with_options(backend.clone(), quick()), Root::with_options(backend, quick()));
    let config = Config::new("Nested");
    let (started, begun) = tokio::sync::oneshot::channel();
    let started = std::sync::Mutex::new(Some(started));
    let build = |dir: Directory| {
        let started = started.lock().unwrap().take();
        async move {
            started.map(|started| started.send(()));
            tokio::time::sleep(Duration::from_millis(50)).await;
            let inner = |_dir: Directory| async { Err::<(), _>("the deepest cause".into()) };
            dir.root()
                .resolve_config(&Config::new("Inner"), &IdentityRules::default(), &options(), inner)
                .await?;
            Ok(())
        }
    };
    let (plain, opts) = (IdentityRules::default(), options());
    let built = builder.resolve_config(&config, &plain, &opts, build);
    let waited = async {
        begun.await.unwrap();
        let never = |_dir: Directory| async { unreachable!("somebody else builds") };
        waiter.resolve_config(&config, &plain, &opts, never).await
    };
    let (built, waited) = tokio::join!(built, waited);
    for error in [built.unwrap_err(), waited.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::BuildFailed);
        assert!(error.chain().contains("the deepest cause"), "{error:?}");
    }
}

/// A storage that takes no signs of life while it is cut off.
#[derive(Debug, Default)]
struct CutOff(AtomicBool);

impl Observer for CutOff {
    fn before(&self, operation: Operation, _path: &str) -> Result<()> {
        match operation {
            Operation::OverwriteRecord if self.0.load(Ordering::SeqCst) => {
                Err(Error::new(ErrorKind::Unavailable, "the storage is cut off"))
            }
            _ => Ok(()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_builder_whose_signs_of_life_do_not_arrive_writes_nothing_more() {
    let cut_off = Arc::new(CutOff::default());
    let backend = Arc::new(observed(Arc::new(MemoryBackend::new()), cut_off.clone()));
    let (beat, lease) = (Duration::from_millis(20), Duration::from_millis(600));
    let root = Root::with_options(backend, RootOptions { beat, lease, ..quick() });
    let build = |dir: Directory| {
        let cut_off = &cut_off;
        async move {
            dir.put_file("early", "content").await?;
            let mut begun = dir.create_file("begun", WriteMode::Create).await?;
            // Signs of life arrive, so that the time does not matter.
            tokio::time::sleep(Duration::from_millis(700)).await;
            dir.put_file("later", "content").await?;
            cut_off.0.store(true, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(400)).await;
            let late = [
                dir.put_file("late", "content").await,
                dir.put("late", [1.0]).await,
                dir.append("late", [1.0]).await.map(|_| ()),
                dir.dir("inner")?.append_file("late", "content").await.map(|_| ()),
                dir.remove("early").await,
                begun.write("more".into()).await,
                begun.finish().await,
            ];
            for late in late {
                assert_eq!(late.unwrap_err().kind(), ErrorKind::LeaseLost);
            }
            cut_off.0.store(false, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
            // For good: somebody may have taken over meanwhile.
            Ok(dir.put_file("late", "content").await?) as BuildResult
        }
    };
    let config = Config::new("CutOff");
    let error = root.resolve_config(&config, &IdentityRules::default(), &options(), build).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BuildFailed);
    assert_eq!(root.dir("CutOff_0000").unwrap().names().await.unwrap(), ["early", "later"]);
}
