//! Opening and making roots: by path, by marker, by address; and what is refused.
#![cfg(feature = "hdf5")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use fascicle::config::{Map, Value};
use fascicle::expert::{MARKER_FILE, Marker};
use fascicle::{
    ErrorKind, MemoryBackend, OpenOptions, Place, Registry, Root, RootOptions, blocking, init, open, roots,
};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn options<const N: usize>(options: [(&str, &str); N]) -> Map {
    options.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
}

fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

async fn put_and_read(root: &Root) {
    root.dir("cells").unwrap().put("x", [0.5, 1.5]).await.unwrap();
    let x: Vec<f64> = root.dir("cells").unwrap().array("x").await.unwrap().read().await.unwrap();
    assert_eq!(x, [0.5, 1.5]);
}

#[tokio::test]
async fn a_missing_folder_is_created_by_the_first_write() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("a/b");
    let root = open(&place).await.unwrap();
    assert_eq!(root.backend().name(), "hdf5");
    assert!(root.as_dir().names().await.unwrap().is_empty());
    assert!(!folder.path().join("a").exists(), "opening touches nothing");
    put_and_read(&root).await;
    assert!(place.join("cells/x.h5").is_file());
    assert!(!place.join(MARKER_FILE).exists(), "only `init` marks");
    let address = format!("file://{}", place.display());
    assert!(open(address).await.unwrap().contains("cells/x").await.unwrap());
}

#[tokio::test]
async fn a_tree_made_by_hand_opens_without_a_marker() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("Cells_0000")).unwrap();
    let meta = "config:\n  type: Cells\n  n: 3\nstatus: done\n";
    fs::write(folder.path().join("Cells_0000/_meta.yaml"), meta).unwrap();
    let root = open(folder.path()).await.unwrap();
    let config = root.dir("Cells_0000").unwrap().config().await.unwrap();
    assert_eq!(config.to_string(), "Cells{n: 3}");
}

#[tokio::test]
async fn memory_is_shared_under_its_name() {
    let first = open("memory:shared").await.unwrap();
    put_and_read(&first).await;
    assert!(open("memory:shared").await.unwrap().contains("cells").await.unwrap());
    assert!(!open("memory:other").await.unwrap().contains("cells").await.unwrap());
    assert_eq!(first.location(), "memory:shared");
}

#[tokio::test]
async fn what_is_no_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    for place in [file.clone(), file.join("below")] {
        let error = open(&place).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrongKind, "{error}");
        assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
    }
    assert_eq!(open("").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(init(&file, "hdf5", &Map::new()).await.unwrap_err().kind(), ErrorKind::WrongKind);
    assert_eq!(fs::read(&file).unwrap(), b"text");
}

#[tokio::test]
async fn unknown_addresses_are_refused_without_their_credentials() {
    for place in [
        "s3://key:topsecret@bucket/x",
        "gs://bucket/x?token=topsecret",
        "https://user:top/topsecret@host/x#topsecret",
    ] {
        let asked = OpenOptions::default().with_backend("hdf5").open(place).await;
        let made = init(place, "hdf5", &Map::new()).await;
        for error in [open(place).await.unwrap_err(), asked.unwrap_err(), made.unwrap_err()] {
            let told = format!("{error} {error:?} {error:#?} {}", error.chain());
            assert!(!told.contains("topsecret") && !told.contains("key"), "{told}");
            let scheme = place.split_once(':').unwrap().0;
            assert!(told.contains(&format!("'{scheme}://…'")), "{told}");
            assert!([ErrorKind::Unsupported, ErrorKind::InvalidInput].contains(&error.kind()), "{told}");
        }
        let request = format!("{:?}", Place::parse(place).unwrap());
        assert!(!request.contains("topsecret"), "{request}");
    }
    assert_eq!(open("ftp://bucket").await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_root_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("data");
    let csv = options([("tables", "csv")]);
    for _ in 0..2 {
        put_and_read(&init(&place, "hdf5", &csv).await.unwrap()).await;
        let text = fs::read_to_string(place.join(MARKER_FILE)).unwrap();
        assert_eq!(text, "format_version: 1\nbackend: hdf5\noptions:\n  tables: csv\n");
    }
    let error = init(&place, "hdf5", &Map::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    assert!(error.to_string().contains("tables: csv"), "{error}");
    assert_eq!(entries(&place), ["_fascicle.yaml", "cells"]);
}

#[tokio::test]
async fn of_many_callers_one_makes_the_root() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("data");
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let place = place.clone();
            let format = if number % 2 == 0 { "csv" } else { "parquet" };
            tokio::spawn(
                async move { init(&place, "hdf5", &options([("tables", format)])).await.map(|_| format) },
            )
        })
        .collect();
    let stored = {
        let mut made = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(format) => made.push(format),
                Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}"),
            }
        }
        assert!(made.iter().all(|format| *format == made[0]), "{made:?}");
        made[0]
    };
    let marker = Marker::read(&place).await.unwrap().unwrap();
    assert_eq!(marker.options.get("tables"), Some(&Value::from(stored)));
    assert_eq!(entries(&place), [MARKER_FILE]);
}

#[tokio::test]
async fn options_of_the_marker_hold_and_those_of_the_caller_go_first() {
    let batch = || {
        let x = fascicle::arrow::array::Float64Array::from(vec![1.0, 2.0]);
        let column: fascicle::arrow::array::ArrayRef = Arc::new(x);
        fascicle::arrow::array::RecordBatch::try_from_iter([("x", column)]).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    init(folder.path(), "hdf5", &options([("tables", "csv")])).await.unwrap();
    let stored = open(folder.path()).await.unwrap();
    stored.dir("d").unwrap().put_table("a", &batch()).await.unwrap();
    let given = OpenOptions::default().with_tables("parquet").open(folder.path()).await.unwrap();
    given.dir("d").unwrap().put_table("b", &batch()).await.unwrap();
    assert_eq!(entries(&folder.path().join("d")), ["_meta.yaml", "a.csv", "b.parquet"]);
}

#[tokio::test]
async fn hostile_and_later_markers_are_typed_errors() {
    let folder = tempfile::tempdir().unwrap();
    let bomb = format!("a: &a [1,1]\n{}", "b: [*a,*a,*a]\n".repeat(1000));
    for (marker, kind, named) in [
        ("format_version: 9\n", ErrorKind::Unsupported, "format version 9"),
        ("format_version: 1\nbackend: xarr\n", ErrorKind::Unsupported, "hdf5, memory"),
        ("format_version: 1\nbackend: memory\n", ErrorKind::InvalidInput, "memory:NAME"),
        ("format_version: 1\nbackend: hdf5\noptions: {colour: red}\n", ErrorKind::Unsupported, "tables"),
        (
            "format_version: 1\nbackend: hdf5\noptions: {tables: xls}\n",
            ErrorKind::InvalidInput,
            "parquet or csv",
        ),
        // A root of somebody else's does not decide where this program may be led to.
        (
            "format_version: 1\nbackend: hdf5\noptions: {follow_symlinks: true}\n",
            ErrorKind::Unsupported,
            "follow",
        ),
        ("", ErrorKind::Corrupt, MARKER_FILE),
        ("\u{1}\u{2}", ErrorKind::Corrupt, MARKER_FILE),
        (&bomb, ErrorKind::Corrupt, MARKER_FILE),
        (&"[".repeat(100_000), ErrorKind::Corrupt, MARKER_FILE),
        (&" ".repeat(2 << 20), ErrorKind::Corrupt, MARKER_FILE),
    ] {
        fs::write(folder.path().join(MARKER_FILE), marker).unwrap();
        let error = open(folder.path()).await.unwrap_err();
        let shown: String = marker.chars().take(80).collect();
        assert_eq!(error.kind(), kind, "{shown}: {error}");
        assert!(error.to_string().contains(named), "{shown}: {error}");
        assert!(init(folder.path(), "hdf5", &Map::new()).await.is_err(), "{shown}");
        assert_eq!(fs::read_to_string(folder.path().join(MARKER_FILE)).unwrap(), marker, "it was changed");
    }
    fs::remove_file(folder.path().join(MARKER_FILE)).unwrap();
    fs::create_dir(folder.path().join(MARKER_FILE)).unwrap();
    assert_eq!(open(folder.path()).await.unwrap_err().kind(), ErrorKind::WrongKind);
    fs::remove_dir(folder.path().join(MARKER_FILE)).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", folder.path().join(MARKER_FILE)).unwrap();
    assert_eq!(open(folder.path()).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn what_the_caller_asks_for_must_fit() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("data");
    for (asked, kind, named) in [
        (
            OpenOptions::default().with_option("colour", "red"),
            ErrorKind::InvalidInput,
            "known are: tables, fsync, lock_timeout, follow_symlinks",
        ),
        (OpenOptions::default().with_tables("xls"), ErrorKind::InvalidInput, "'xls'"),
        (OpenOptions::default().with_backend("xarr"), ErrorKind::Unsupported, "hdf5, memory"),
        (OpenOptions::default().with_registry(Registry::empty()), ErrorKind::Unsupported, "'hdf5'"),
    ] {
        for error in [asked.open(&place).await.unwrap_err(), asked.init(&place).await.unwrap_err()] {
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(named), "{error}");
        }
    }
    let error = OpenOptions::default().with_option("follow_symlinks", 3).open(&place).await.unwrap_err();
    assert!(error.to_string().contains("true or false"), "{error}");
    let follow = OpenOptions::default().with_option("follow_symlinks", true);
    follow.open(&place).await.unwrap();
    assert_eq!(
        follow.init(&place).await.unwrap_err().kind(),
        ErrorKind::Unsupported,
        "it is the caller's to say"
    );
    assert!(!place.exists(), "a refused root leaves nothing behind");
    init(&place, "hdf5", &Map::new()).await.unwrap();
    let error = OpenOptions::default().with_backend("memory").open(&place).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
}

#[tokio::test]
async fn a_folder_that_holds_data_keeps_its_backend() {
    let folder = tempfile::tempdir().unwrap();
    put_and_read(&open(folder.path()).await.unwrap()).await;
    let mut registry = Registry::default();
    registry
        .add("mine", |_| async { Ok(Arc::new(MemoryBackend::new()) as Arc<dyn fascicle::backend::Backend>) });
    let mine = OpenOptions::default().with_registry(registry).with_backend("mine");
    let error = mine.init(folder.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    init(folder.path(), "hdf5", &Map::new()).await.unwrap();
    // An empty folder may have any; whoever does not know that backend cannot open it.
    let other = tempfile::tempdir().unwrap();
    assert_eq!(mine.init(other.path()).await.unwrap().backend().name(), "memory");
    let error = open(other.path()).await.unwrap_err();
    assert!(error.to_string().contains("'mine'"), "{error}");
}

#[tokio::test]
async fn read_only_refuses_writes_and_reads_everything() {
    let folder = tempfile::tempdir().unwrap();
    put_and_read(&open(folder.path()).await.unwrap()).await;
    let read_only = OpenOptions::default().with_read_only(true);
    let cells = read_only.open(folder.path()).await.unwrap().dir("cells").unwrap();
    assert_eq!(cells.array("x").await.unwrap().len(), 2);
    for error in [
        cells.put("x", [1.0]).await.unwrap_err(),
        cells.append("x", [1.0]).await.unwrap_err(),
        cells.put_file("f", "text").await.unwrap_err(),
        cells.remove("x").await.unwrap_err(),
        cells.rename("x", "y").await.unwrap_err(),
        cells.dir("new").unwrap().put("x", [1.0]).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains("reading only"), "{error}");
    }
    let again = open(folder.path()).await.unwrap().dir("cells").unwrap();
    assert_eq!(again.names().await.unwrap(), ["x"]);
    assert_eq!(again.array("x").await.unwrap().read::<Vec<f64>>().await.unwrap(), [0.5, 1.5]);
    let missing = folder.path().join("missing");
    let root = read_only.open(&missing).await.unwrap();
    assert_eq!(root.dir("d").unwrap().put("x", [1]).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(!missing.exists());
}

#[tokio::test]
async fn handles_are_opened_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let times = RootOptions { lease: Duration::from_secs(7), ..RootOptions::default() };
    let options = OpenOptions::default()
        .with_fsync(false)
        .with_lock_timeout(Duration::from_millis(20))
        .with_root_options(times);
    for place in [folder.path().to_owned(), "memory:asked".into()] {
        let root = options.open(place).await.unwrap();
        assert_eq!(root.options().lease, Duration::from_secs(7));
        put_and_read(&root).await;
    }
}

// The only test here that touches the default root of the process.
#[tokio::test(flavor = "current_thread")]
async fn the_default_root_is_opened_by_its_place() {
    assert_eq!(roots::current().unwrap_err().kind(), ErrorKind::InvalidInput);
    let root = fascicle::set_default_root("memory:default").await.unwrap();
    assert_eq!(roots::current().unwrap().location(), root.location());
    let root = blocking::set_default_root("memory:default-blocking").unwrap();
    assert_eq!(roots::current().unwrap().location(), root.location());
    roots::set_default(None);
}

#[test]
fn blocking_names_open_the_same_places() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("data");
    let root = blocking::init(&place, "hdf5", &Map::new()).unwrap();
    root.dir("cells").unwrap().put("x", [1.0]).unwrap();
    assert!(blocking::open(&place).unwrap().contains("cells/x").unwrap());
    let read_only = OpenOptions::default().with_read_only(true);
    let cells = blocking::open_with(&place, &read_only).unwrap().dir("cells").unwrap();
    assert_eq!(cells.put("x", [2.0]).unwrap_err().kind(), ErrorKind::Unsupported);
}
