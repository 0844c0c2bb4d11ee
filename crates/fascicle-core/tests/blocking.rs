//! The blocking handles on plain threads, within asynchronous runtimes, in a rayon pool, and nested.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use fascicle_core::blocking::{Build, Directory, Entry, Root, metas_as_table, wait};
use fascicle_core::config::{Config, IdentityRules};
use fascicle_core::{
    ArraySpec, BuildResult, DType, ErrorKind, Outcome, PinnedRoot, Precedence, PutOptions, ResolveOptions,
    Result, ScanOptions, Shape, Status, WriteMode, arrow, roots,
};
use fascicle_memory::MemoryBackend;
use ndarray::{Array2, ArrayD, s};
use rayon::prelude::*;
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
}

impl Build for Cells {
    fn build(&self, dir: &Directory) -> BuildResult {
        dir.put("cell_id", (0..self.n_cells as i64).collect::<Vec<_>>())?;
        if self.n_cells == 0 {
            return Err("no cells".into());
        }
        Ok(())
    }
}

/// Depends on the cells.
#[derive(Clone, Serialize, Deserialize)]
struct Connections {
    n_cells: usize,
}

impl Build for Connections {
    fn build(&self, dir: &Directory) -> BuildResult {
        let cells = dir.root().resolve(&Cells { n_cells: self.n_cells })?;
        let ids: Vec<i64> = cells.array("cell_id")?.read()?;
        let mut pairs = dir.appender::<i64>("pairs", &[2])?.flush_rows(3);
        for id in &ids {
            pairs.push([*id, id + 1])?;
        }
        pairs.finish()?;
        Ok(())
    }
}

/// What every place has to be able to do: arrays, find-or-build, nested builds, several threads at once.
fn work(root: &Root) {
    let dir = root.dir("plain").unwrap();
    dir.put("x", [0.5, 1.5]).unwrap();
    assert_eq!(dir.append("x", [2.5]).unwrap(), 3);
    let x: Vec<f64> = dir.array("x").unwrap().read().unwrap();
    assert_eq!(x, [0.5, 1.5, 2.5]);
    let built = root.resolve_with(&Connections { n_cells: 5 }, &ResolveOptions::default()).unwrap();
    assert_eq!(built.directory.name(), "Connections_0000");
    let pairs: Array2<i64> = built.directory.array("pairs").unwrap().read().unwrap();
    assert_eq!(pairs.row(4).to_vec(), [4, 5]);
    assert_eq!(root.find(&Cells { n_cells: 5 }).unwrap().unwrap().name(), "Cells_0000");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| root.resolve(&Cells { n_cells: 7 }).unwrap());
        }
    });
    assert_eq!(root.as_dir().names().unwrap(), ["Cells_0000", "Cells_0001", "Connections_0000", "plain"]);
}

#[test]
fn on_a_plain_thread() {
    work(&root());
}

#[tokio::test(flavor = "current_thread")]
async fn within_a_runtime_of_one_thread() {
    work(&root());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn within_a_runtime_of_many_threads() {
    let root = root();
    work(&root);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let root = root.clone();
            tokio::spawn(async move { root.resolve(&Connections { n_cells: 9 }).unwrap().name().to_owned() })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "Connections_0001");
    }
    let blocking = tokio::task::spawn_blocking(move || root.resolve(&Cells { n_cells: 9 }).map(|_| ()));
    blocking.await.unwrap().unwrap();
}

#[tokio::test(flavor = "current_thread")]
async fn within_a_local_task() {
    tokio::task::LocalSet::new().run_until(async { work(&root()) }).await;
}

#[test]
fn in_a_rayon_pool() {
    for threads in [1, 2, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (root, builds) = (root(), AtomicUsize::new(0));
        pool.install(|| work(&root));
        let names: Vec<String> = pool.install(|| {
            (0..32)
                .into_par_iter()
                .map(|number| {
                    let config = Config::new("Slow").with("number", number % 4);
                    let build = |dir: &Directory| {
                        builds.fetch_add(1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(5));
                        Ok(dir.put("x", [1.0])?)
                    };
                    let options = ResolveOptions::default();
                    let built = root.resolve_config(&config, &IdentityRules::default(), &options, build);
                    built.unwrap().directory.array("x").unwrap().path().to_string()
                })
                .collect()
        });
        assert_eq!(builds.load(Ordering::SeqCst), 4, "with {threads} threads");
        assert!((0..28).all(|at| names[at] == names[at + 4]), "with {threads} threads: {names:?}");
    }
}

#[test]
fn build_functions_stay_in_the_pool_that_asked() {
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(2).thread_name(|_| "ours".to_owned()).build().unwrap();
    let build = |dir: &Directory| -> BuildResult {
        assert_eq!(std::thread::current().name(), Some("ours"));
        let squares: Vec<i64> = (0..100i64).into_par_iter().map(|number| number * number).collect();
        Ok(dir.put("squares", squares)?)
    };
    let root = root();
    let built = pool.install(|| {
        root.resolve_config(&Config::new("T"), &IdentityRules::default(), &ResolveOptions::default(), build)
    });
    assert_eq!(built.unwrap().directory.array("squares").unwrap().len(), 100);
}

/// Asks for itself, by way of another build or at once.
fn ask_for_itself(root: &Root) {
    let resolve = |root: &Root, name: &str, build: &(dyn Fn(&Directory) -> BuildResult + Sync)| {
        root.resolve_config(&Config::new(name), &IdentityRules::default(), &ResolveOptions::default(), build)
    };
    let again = |dir: &Directory| Ok(resolve(&dir.root(), "Ouroboros", &|_| Ok(())).map(|_| ())?);
    let error = resolve(root, "Ouroboros", &again).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BuildFailed);
    assert!(error.chain().contains("asks for itself"), "{error:?}");
    let by_way = |dir: &Directory| Ok(resolve(&dir.root(), "Middle", &again).map(|_| ())?);
    let error = resolve(root, "Ouroboros", &by_way).unwrap_err();
    assert!(error.chain().contains("asks for itself"), "{error:?}");
}

#[test]
fn a_build_that_asks_for_itself_is_an_error() {
    ask_for_itself(&root());
}

#[tokio::test(flavor = "current_thread")]
async fn a_build_that_asks_for_itself_is_an_error_within_a_runtime() {
    ask_for_itself(&root());
}

#[tokio::test(flavor = "current_thread")]
async fn an_asynchronous_build_may_hold_blocking_calls() {
    let root = fascicle_core::Root::new(MemoryBackend::new());
    let build = |dir: fascicle_core::Directory| async move {
        Root::from(dir.root().clone()).resolve(&Cells { n_cells: 3 })?;
        let error = Root::from(dir.root().clone())
            .resolve_config(
                &Config::new("Outer"),
                &IdentityRules::default(),
                &ResolveOptions::default(),
                |_| Ok(()),
            )
            .unwrap_err();
        assert!(error.chain().contains("asks for itself"), "{error:?}");
        Ok(dir.put("x", [1]).await?)
    };
    let options = ResolveOptions::default();
    let built = root.resolve_config(&Config::new("Outer"), &IdentityRules::default(), &options, build).await;
    assert_eq!(built.unwrap().outcome, Outcome::Built);
}

#[test]
fn blocking_and_asynchronous_builds_are_the_same_build() {
    mod other {
        use super::*;

        #[derive(Serialize, Deserialize)]
        pub(super) struct Cells {
            pub(super) n_cells: usize,
        }

        impl fascicle_core::Build for Cells {
            async fn build(&self, _dir: &fascicle_core::Directory) -> BuildResult {
                Err("it is there already".into())
            }
        }
    }
    let root = root();
    let built = root.resolve(&Cells { n_cells: 3 }).unwrap();
    let found = wait(root.as_async().resolve(&other::Cells { n_cells: 3 })).unwrap();
    assert_eq!(found.path(), built.path());
}

#[test]
fn a_failed_build_and_a_panic_are_errors() {
    let root = root();
    let error = root.resolve(&Cells { n_cells: 0 }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BuildFailed);
    assert_eq!(root.dir("Cells_0000").unwrap().status().unwrap(), Some(Status::Stopped));
    let options = ResolveOptions::default();
    let panics = |_: &Directory| -> BuildResult { panic!("on purpose") };
    let error =
        root.resolve_config(&Config::new("P"), &IdentityRules::default(), &options, panics).unwrap_err();
    assert!(error.chain().contains("on purpose"), "{error:?}");
    assert!(root.find(&Cells { n_cells: 0 }).unwrap().is_none());
}

#[derive(Serialize, Deserialize)]
struct Homeless {}

impl Build for Homeless {
    fn build(&self, dir: &Directory) -> BuildResult {
        // Whatever is in force outside is in force within the build function.
        let inner = roots::current()?;
        Ok(dir.put("location", &*inner.location())?)
    }
}

#[derive(Serialize, Deserialize)]
struct Pinned {}

impl Build for Pinned {
    const TYPE: Option<&'static str> = Some("AtHome");

    fn pinned_root() -> Result<Option<PinnedRoot>> {
        let root = fascicle_core::Root::new(MemoryBackend::named("pinned"));
        Ok(Some(PinnedRoot { root, precedence: Precedence::Strong }))
    }

    fn build(&self, dir: &Directory) -> BuildResult {
        Ok(dir.put("x", [1])?)
    }
}

fn location(dir: &Directory) -> String {
    let text: ArrayD<String> = dir.array("location").unwrap().read().unwrap();
    text[[]].clone()
}

#[test]
fn scoped_roots_hold_on_threads() {
    let named = |name| fascicle_core::Root::new(MemoryBackend::named(name));
    assert_eq!(Homeless {}.resolve().unwrap_err().kind(), ErrorKind::InvalidInput);
    let (outer, inner) = (named("outer"), named("inner"));
    roots::scope_blocking(outer.clone(), || {
        let dir = Homeless {}.resolve().unwrap();
        assert_eq!((dir.root().location(), location(&dir)), ("memory:outer".into(), "memory:outer".into()));
        roots::scope_blocking(inner.clone(), || {
            assert_eq!(location(&Homeless {}.resolve().unwrap()), "memory:inner");
        });
        assert_eq!(roots::current().unwrap().location(), "memory:outer");
        assert_eq!(Pinned {}.resolve().unwrap().root().location(), "memory:pinned");
        assert_eq!(Pinned {}.resolve().unwrap().name(), "AtHome_0000");
    });
    assert!(roots::scoped().is_none());
}

#[tokio::test(flavor = "current_thread")]
async fn scoped_roots_hold_within_a_runtime() {
    let named = |name| fascicle_core::Root::new(MemoryBackend::named(name));
    let (task, thread) = (named("task"), named("thread"));
    roots::scope(task.clone(), async {
        assert_eq!(location(&Homeless {}.resolve().unwrap()), "memory:task");
        roots::scope_blocking(thread.clone(), || {
            assert_eq!(location(&Homeless {}.resolve().unwrap()), "memory:thread");
        });
        tokio::task::yield_now().await;
        assert_eq!(roots::current().unwrap().location(), "memory:task");
    })
    .await;
}

#[test]
fn every_kind_of_entry() {
    let root = root();
    let dir = root.new_dir("Directory").unwrap();
    assert!(!dir.exists().unwrap() && dir.is_empty().unwrap());

    let matrix = Array2::from_shape_fn((4, 3), |(row, column)| (row * 3 + column) as f32);
    dir.put_with("x", &matrix, &PutOptions::default()).unwrap();
    let array = dir.array("x").unwrap();
    assert_eq!((array.dtype(), array.shape().to_string(), array.len()), (DType::Float32, "(4, 3)".into(), 4));
    array.select(s![1.., 0]).unwrap().write([7f32, 8.0, 9.0]).unwrap();
    assert_eq!(array.select("1:,0").unwrap().read::<Vec<f64>>().unwrap(), [7.0, 8.0, 9.0]);
    assert_eq!(array.read::<Vec<f32>>().unwrap_err().kind(), ErrorKind::Mismatch);
    let mut target = ArrayD::<f32>::zeros(vec![4, 3]);
    array.read_into(&mut target).unwrap();
    assert_eq!(target[[3, 0]], 9.0);
    array.select(0).unwrap().read_into(&mut target).unwrap();
    assert_eq!(target.shape(), [3]);

    let spec = ArraySpec { shape: Shape::new([4]).unwrap(), dtype: DType::Int64 };
    let mut builder = dir.create_array("parts", spec, &PutOptions::default()).unwrap();
    builder.write_rows(2, [5i32, 6]).unwrap();
    assert!(!dir.contains("parts").unwrap());
    builder.finish().unwrap();
    assert_eq!(dir.array("parts").unwrap().read::<Vec<i64>>().unwrap(), [0, 0, 5, 6]);

    let batch = dir.to_table().unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (4, 2));
    dir.put_table("table", &batch).unwrap();
    assert_eq!(dir.append_table("table", &batch).unwrap(), 8);
    let table = dir.table("table").unwrap();
    let scanned: Result<Vec<arrow::array::RecordBatch>> =
        table.scan(&ScanOptions::default()).unwrap().collect();
    assert_eq!(scanned.unwrap().iter().map(|batch| batch.num_rows()).sum::<usize>(), 8);
    assert_eq!((table.rows(), table.read().unwrap().num_rows()), (8, 8));

    let mut writer = dir.create_file("notes.txt", WriteMode::Create).unwrap();
    writer.write("some ").unwrap();
    writer.write("text").unwrap();
    writer.finish().unwrap();
    assert_eq!(dir.append_file("notes.txt", "!").unwrap(), 10);
    let file = dir.file("notes.txt").unwrap();
    assert_eq!(file.read_range(5..9).unwrap(), "text");
    let pieces: Result<Vec<_>> = file.stream(None).unwrap().collect();
    assert_eq!(pieces.unwrap().concat(), b"some text!");
    assert!(matches!(dir.get("notes.txt").unwrap(), Entry::File(file) if file.len() == 10));

    let attributes = serde_json::json!({"unit": "mm"}).as_object().unwrap().clone();
    dir.set_attributes("x", &attributes).unwrap();
    assert_eq!(dir.array("x").unwrap().attributes().unwrap(), attributes);

    let other = root.dir("other").unwrap();
    other.update(&dir).unwrap();
    assert!(other.equals(&dir).unwrap());
    other.extend(&dir).unwrap();
    assert_eq!(other.array("x").unwrap().len(), 8);
    assert!(!other.diff(&dir).unwrap().is_empty());
    let copy = other.copy_from(&dir, "copy", WriteMode::Create).unwrap();
    assert_eq!(copy.parent().unwrap().name(), "other");
    other.rename("x", "y").unwrap();
    other.remove("y").unwrap();
    assert!(other.tree().unwrap().contains("copy"));
    assert!(other.size_bytes().unwrap() > 0);
    let metas = metas_as_table(&[("one", &dir), ("two", &other)]).unwrap();
    assert_eq!(metas.num_columns(), 3);
    assert_eq!(dir.array("missing").unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(flavor = "current_thread")]
async fn a_deadline_holds_while_another_process_builds() {
    // A root that shares nothing with the builder's but the storage, as in another process.
    let backend = MemoryBackend::new();
    let (builder, waiter) = (Root::new(backend.clone()), Root::new(backend));
    let (started, begun) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let thread = std::thread::spawn(move || {
        let build = |dir: &Directory| {
            started.send(())?;
            released.lock().unwrap().recv()?;
            Ok(dir.put("x", [1])?)
        };
        let options = ResolveOptions::default();
        builder
            .resolve_config(&Config::new("Slow"), &IdentityRules::default(), &options, build)
            .unwrap()
            .outcome
    });
    begun.recv().unwrap();
    let brief = ResolveOptions::default().timeout(Duration::from_millis(30));
    let never = |_: &Directory| unreachable!("somebody else builds");
    let error =
        waiter.resolve_config(&Config::new("Slow"), &IdentityRules::default(), &brief, never).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    release.send(()).unwrap();
    assert_eq!(thread.join().unwrap(), Outcome::Built);
}

#[test]
fn handles_go_to_other_threads() {
    fn check<T: Send + Sync>() {}
    check::<Root>();
    check::<Directory>();
    check::<Arc<fascicle_core::blocking::Array>>();
    check::<fascicle_core::blocking::Table>();
}
