//! What lies in a local root that nobody of ours put there: links, pipes, names in other forms, things where others should be.

use fascicle::config::identity;
use fascicle::{Config, ErrorKind, IdentityRules, OpenOptions, Outcome, ResolveOptions, Result, Root};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

const BACKENDS: [&str; 3] = ["hdf5", "zarr", "parquet"];

async fn open(folder: &Path, backend: &str) -> Root {
    let options = OpenOptions::default().with_backend(backend).with_fsync(false);
    options.with_lock_timeout(Duration::from_secs(2)).open(folder).await.unwrap()
}

/// Fails the test when something waits for what never comes.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let limited = tokio::time::timeout(Duration::from_secs(20), future).await;
    limited.unwrap_or_else(|_| panic!("{what} hangs"))
}

/// A pipe that nobody writes to: who opens it to read waits for ever.
fn make_pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[tokio::test]
async fn an_empty_folder_at_a_given_path_is_built_in() {
    for backend in BACKENDS {
        let keep = tempfile::tempdir().unwrap();
        let root = open(keep.path(), backend).await;
        let config = Config::new("Cells").with("seed", 0);
        let resolve = async |path: &str| {
            let options = ResolveOptions::default().at(path);
            let build = |dir: fascicle::Directory| async move { Ok(dir.put("x", [1i64]).await?) };
            root.resolve_config(&config, &IdentityRules::default(), &options, build).await
        };
        // As its maker leaves it who is killed before there is a meta, or as somebody makes it by hand.
        fs::create_dir_all(keep.path().join("group/mine")).unwrap();
        let built = resolve("group/mine").await.unwrap();
        assert_eq!(built.outcome, Outcome::Built, "{backend}");
        let x = built.directory.array("x").await.unwrap();
        assert_eq!(x.read::<Vec<i64>>().await.unwrap(), [1], "{backend}");
        assert_eq!(resolve("group/mine").await.unwrap().outcome, Outcome::Found, "{backend}");
        // What holds anything is somebody's.
        fs::create_dir_all(keep.path().join("group/other")).unwrap();
        fs::write(keep.path().join("group/other/notes"), "notes").unwrap();
        assert_eq!(kind(resolve("group/other").await), ErrorKind::Mismatch, "{backend}");
        assert_eq!(fs::read_dir(keep.path().join("group/other")).unwrap().count(), 1, "{backend}");
    }
}

#[tokio::test]
async fn links_that_lead_out_of_the_root_lead_nowhere() {
    for backend in BACKENDS {
        let keep = tempfile::tempdir().unwrap();
        let (inside, outside) = (keep.path().join("root"), keep.path().join("outside"));
        fs::create_dir_all(&outside).unwrap();
        fs::write(outside.join("secret"), "secret").unwrap();
        let root = open(&inside, backend).await;
        let d = root.dir("d").unwrap();
        d.put("x", [1i64]).await.unwrap();
        open(&outside, backend).await.dir("e").unwrap().put("x", [2i64]).await.unwrap();
        symlink(outside.join("secret"), inside.join("d/file")).unwrap();
        symlink(&outside, inside.join("d/folder")).unwrap();
        symlink(outside.join("e"), inside.join("linked")).unwrap();
        assert!(
            d.file("file").await.is_err() || d.file("file").await.unwrap().read().await.is_err(),
            "{backend}"
        );
        assert!(
            d.put_file("file", "overwritten").await.is_err() || !inside.join("d/file").is_symlink(),
            "{backend}"
        );
        assert!(d.append_file("folder/secret", "more").await.is_err(), "{backend}");
        assert!(d.put_file("folder/new", "new").await.is_err(), "{backend}");
        assert!(d.dir("folder").unwrap().put("y", [1i64]).await.is_err(), "{backend}");
        assert!(root.dir("linked").unwrap().array("x").await.is_err(), "{backend}");
        assert!(root.dir("linked").unwrap().append("x", [3i64]).await.is_err(), "{backend}");
        soon("a view", root.as_dir().tree()).await.unwrap();
        // Removing what holds links removes the links, and not what they lead to.
        let _ = root.remove("linked").await;
        root.remove("d").await.unwrap();
        assert_eq!(fs::read_to_string(outside.join("secret")).unwrap(), "secret", "{backend}");
        let x: Vec<i64> =
            open(&outside, backend).await.dir("e").unwrap().array("x").await.unwrap().read().await.unwrap();
        assert_eq!(x, [2], "{backend}");
        assert!(!outside.join("new").exists() && !outside.join("y").exists(), "{backend}");
    }
}

#[tokio::test]
async fn links_in_a_circle_are_no_tree_without_end() {
    for backend in BACKENDS {
        let keep = tempfile::tempdir().unwrap();
        let root = open(keep.path(), backend).await;
        root.dir("d").unwrap().put_file("f", "text").await.unwrap();
        symlink(".", keep.path().join("d/here")).unwrap();
        symlink("loop", keep.path().join("d/loop")).unwrap();
        symlink("..", keep.path().join("d/up")).unwrap();
        // Each ends, with an answer or an error.
        let _ = soon("a tree", root.as_dir().tree()).await;
        let _ = soon("a size", root.as_dir().size_bytes()).await;
        let _ = soon("a comparison", root.dir("d").unwrap().equals(&root.dir("d/here").unwrap())).await;
        soon("a removal", root.remove("d")).await.unwrap();
        assert_eq!(root.as_dir().names().await.unwrap(), Vec::<String>::new(), "{backend}");
    }
}

#[tokio::test]
async fn pipes_and_sockets_keep_nobody_waiting() {
    for backend in BACKENDS {
        let keep = tempfile::tempdir().unwrap();
        let root = open(keep.path(), backend).await;
        let d = root.dir("d").unwrap();
        d.put("x", [1i64]).await.unwrap();
        let stored = match backend {
            "hdf5" => "x.h5",
            "zarr" => "x.zarr/zarr.json",
            _ => "x.array.parquet/_array.parquet",
        };
        for name in [stored, "_meta.yaml", "pipe", "t.csv"] {
            let path = keep.path().join("d").join(name);
            let _ = fs::remove_file(&path);
            make_pipe(&path);
        }
        let _socket = std::os::unix::net::UnixListener::bind(keep.path().join("d/socket")).unwrap();
        let context = |what: &str| format!("{backend}: {what}");
        assert!(
            soon(&context("an array"), async { d.array("x").await?.read::<Vec<i64>>().await }).await.is_err()
        );
        assert!(soon(&context("a meta"), d.meta()).await.is_err());
        for name in ["pipe", "socket"] {
            assert!(
                soon(&context(name), async { d.file(name).await?.read().await }).await.is_err(),
                "{backend} {name}"
            );
            let _ = soon(&context("an append"), d.append_file(name, "more")).await;
        }
        let _ = soon(&context("a table"), async { d.table("t").await?.read().await }).await;
        let _ = soon(&context("a tree"), d.tree()).await;
        let _ = soon(&context("a size"), d.size_bytes()).await;
        let _ = soon(&context("a write"), d.put("y", [1i64])).await;
        let _ = soon(&context("a removal"), root.remove("d")).await;
    }
}

#[tokio::test]
async fn a_meta_without_end_is_not_read_to_its_end() {
    for backend in BACKENDS {
        let keep = tempfile::tempdir().unwrap();
        let root = open(keep.path(), backend).await;
        let d = root.dir("d").unwrap();
        d.put("x", [1i64]).await.unwrap();
        // A terabyte of nothing, which takes no room on the disk.
        let meta = fs::File::create(keep.path().join("d/_meta.yaml")).unwrap();
        meta.set_len(1 << 40).unwrap();
        let error = soon("a meta", d.meta()).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::LimitExceeded | ErrorKind::Corrupt),
            "{backend}: {}",
            error.chain()
        );
        let x: Vec<i64> = d.array("x").await.unwrap().read().await.unwrap();
        assert_eq!(x, [1], "{backend}: its data can be read");
    }
}

#[tokio::test]
async fn names_of_others_are_shown_as_they_are() {
    for backend in BACKENDS {
        let keep = tempfile::tempdir().unwrap();
        let root = open(keep.path(), backend).await;
        let d = root.dir("d").unwrap();
        d.put_file("plain", "text").await.unwrap();
        // The same letter twice for the eye, a device of Windows, and a name that ends as staging files do.
        for name in ["u\u{308}", "CON", "x#1"] {
            fs::write(keep.path().join("d").join(name), name).unwrap();
        }
        d.put_file("ü", "composed").await.unwrap();
        let names = d.names().await.unwrap();
        for name in ["u\u{308}", "ü", "CON"] {
            assert!(names.iter().any(|listed| listed == name), "{backend}: {name:?} in {names:?}");
        }
        assert_eq!(d.file("u\u{308}").await.unwrap().read().await.unwrap(), "u\u{308}", "{backend}");
        assert_eq!(d.file("ü").await.unwrap().read().await.unwrap(), "composed", "{backend}");
        assert_eq!(kind(d.put_file("o\u{308}", "x").await), ErrorKind::InvalidPath, "{backend}");
        assert_eq!(kind(d.put_file("nul", "x").await), ErrorKind::InvalidPath, "{backend}");
        // What is no text cannot be named, and disturbs nobody.
        use std::os::unix::ffi::OsStrExt;
        fs::write(keep.path().join("d").join(std::ffi::OsStr::from_bytes(b"\xff\xfe")), "x").unwrap();
        fs::write(keep.path().join("d").join("two\nlines"), "x").unwrap();
        let listed = d.names().await.unwrap();
        assert!(listed.iter().all(|name| !name.contains('\n')), "{backend}: {listed:?}");
        assert!(!d.tree().await.unwrap().contains("two\nlines"), "{backend}");
    }
}

#[tokio::test]
async fn two_things_under_one_name_are_ambiguous() {
    let keep = tempfile::tempdir().unwrap();
    let root = open(keep.path(), "hdf5").await;
    let d = root.dir("d").unwrap();
    d.put("x", [1i64]).await.unwrap();
    fs::create_dir(keep.path().join("d/x")).unwrap();
    let error = d.array("x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.chain().contains("x.h5"), "{}", error.chain());
}

#[tokio::test]
async fn nothing_stands_below_what_is_no_directory() {
    for backend in BACKENDS {
        let keep = tempfile::tempdir().unwrap();
        let root = open(keep.path(), backend).await;
        let d = root.dir("d").unwrap();
        d.put_file("f", "text").await.unwrap();
        d.put("x", [1i64]).await.unwrap();
        for name in ["f/g", "x/g", "f/g/h"] {
            assert!(d.put_file(name, "below").await.is_err(), "{backend} {name}");
            assert!(d.put(name, [1i64]).await.is_err(), "{backend} {name}");
            assert!(d.dir(name).unwrap().put("y", [1i64]).await.is_err(), "{backend} {name}");
        }
        assert_eq!(d.names().await.unwrap(), ["f", "x"], "{backend}");
    }
}

#[tokio::test]
async fn nests_deeper_than_paths_may_be_end() {
    for backend in BACKENDS {
        let keep = tempfile::tempdir().unwrap();
        let root = open(keep.path(), backend).await;
        root.dir("d").unwrap().put_file("f", "text").await.unwrap();
        let mut folder = keep.path().join("d");
        for _ in 0..200 {
            folder = folder.join("n");
            fs::create_dir(&folder).unwrap();
        }
        let _ = soon("a tree", root.as_dir().tree()).await;
        let _ = soon("a size", root.as_dir().size_bytes()).await;
        soon("a removal", root.remove("d")).await.unwrap();
        assert!(!keep.path().join("d").exists(), "{backend}");
    }
}

#[tokio::test]
async fn records_without_end_are_not_read_to_their_end() {
    for backend in BACKENDS {
        let keep = tempfile::tempdir().unwrap();
        let (config, rules) = (Config::new("Cells").with("seed", 1), IdentityRules::default());
        let hash = identity(&config, &rules).unwrap().to_string();
        let folder = keep.path().join("_index/v1").join(&hash[..2]);
        fs::create_dir_all(&folder).unwrap();
        fs::File::create(folder.join(format!("{hash}.0.end"))).unwrap().set_len(1 << 40).unwrap();
        let root = open(keep.path(), backend).await;
        let error = soon("a search", root.find_config(&config, &rules)).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::LimitExceeded | ErrorKind::Corrupt),
            "{backend}: {}",
            error.chain()
        );
    }
}

#[tokio::test]
async fn what_is_reserved_is_no_way_out_either() {
    for backend in BACKENDS {
        for reserved in ["_index", "_staging", "_trash", "_locks"] {
            let keep = tempfile::tempdir().unwrap();
            let (inside, outside) = (keep.path().join("root"), keep.path().join("outside"));
            fs::create_dir_all(&outside).unwrap();
            fs::create_dir_all(&inside).unwrap();
            symlink(&outside, inside.join(reserved)).unwrap();
            let root = open(&inside, backend).await;
            let (config, rules) = (Config::new("Cells").with("seed", 1), IdentityRules::default());
            let build = |dir: fascicle::Directory| async move { Ok(dir.put("x", [1i64]).await?) };
            // Refused, or done without the link.
            let _ = soon("a build", root.resolve_config(&config, &rules, &ResolveOptions::default(), build))
                .await;
            let d = root.dir("d").unwrap();
            let _ = soon("a write", d.put("x", [1i64])).await;
            let _ = soon("a write", d.put("x", [2i64])).await;
            let _ = soon("an append", d.append("x", [3i64])).await;
            let _ = soon("a removal", root.remove("d")).await;
            let left: Vec<_> = fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert!(left.is_empty(), "{backend}: '{reserved}' led to {left:?}");
        }
    }
}

#[tokio::test]
async fn a_marker_that_is_none_is_refused_in_time() {
    for what in ["a pipe", "a terabyte", "a folder", "a circle"] {
        let keep = tempfile::tempdir().unwrap();
        let path = keep.path().join("_fascicle.yaml");
        match what {
            "a pipe" => make_pipe(&path),
            "a terabyte" => fs::File::create(&path).unwrap().set_len(1 << 40).unwrap(),
            "a folder" => fs::create_dir(&path).unwrap(),
            _ => symlink("_fascicle.yaml", &path).unwrap(),
        }
        let opened = soon(what, fascicle::open(keep.path())).await;
        assert!(opened.is_err(), "{what} was taken for a marker");
    }
}
