//! What killed writers and removers leave in a store.

use crate::sites::{Site, path, run, tree_of};
use fascicle_backend::{ErrorKind, Leftover, LeftoverKind};
use fascicle_objects::{Store, StoreConfig, Tree, key};
use futures::TryStreamExt;
use std::{
    fs::Permissions,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::Command,
    time::Duration,
};

async fn put(tree: &Tree, name: &str, content: &str) {
    tree.store().put(&key(name).unwrap(), content.to_owned().into()).await.unwrap();
}

async fn has(tree: &Tree, name: &str) -> bool {
    tree.store().head(&key(name).unwrap()).await.unwrap().is_some()
}

async fn found(tree: &Tree) -> Vec<Leftover> {
    tree.leftovers(|_| ()).await.unwrap()
}

fn names(leftovers: &[Leftover]) -> Vec<(&str, LeftoverKind)> {
    leftovers.iter().map(|leftover| (leftover.stored_as.as_str(), leftover.kind)).collect()
}

fn sites() -> [Site; 4] {
    [Site::local(), Site::memory(), Site::s3(), Site::gcs()]
}

#[test]
fn uploads_and_probes_are_collected_unless_they_changed() {
    for site in sites() {
        run(async {
            let tree = tree_of(site.open());
            tree.create_directory(&path("d"), "meta: 1\n".into()).await.unwrap();
            put(&tree, "d/f", "file").await;
            assert_eq!(found(&tree).await, [], "on {}", site.name);
            put(&tree, "_stage/0123", "large").await;
            put(&tree, "_probe/4567/k", "a").await;
            put(&tree, "d/_stage/x", "no leftover").await;
            let all = found(&tree).await;
            assert_eq!(
                names(&all),
                [("_probe/4567/k", LeftoverKind::Probe), ("_stage/0123", LeftoverKind::Staged)]
            );
            assert_eq!(
                (all[1].size_bytes, all[1].age.is_some_and(|age| age < Duration::from_secs(600))),
                (5, true)
            );
            put(&tree, "_stage/0123", "larger").await;
            assert!(tree.collect(&all[0]).await.unwrap() && !tree.collect(&all[1]).await.unwrap());
            let forged = Leftover { stored_as: "d/f".to_owned(), ..all[1].clone() };
            tree.collect(&forged).await.unwrap_err();
            for leftover in found(&tree).await {
                assert!(tree.collect(&leftover).await.unwrap());
            }
            assert_eq!(found(&tree).await, []);
            assert!(has(&tree, "d/f").await && has(&tree, "d/_stage/x").await);
        });
    }
}

/// A user who owns nothing.
const SOMEBODY: u32 = 65534;

#[test]
#[ignore = "started by the test below, as another user"]
fn plays_somebody() {
    // Without a place, as when every ignored test is run, there is nothing to play.
    let Ok(place) = std::env::var("FASCICLE_PLACE") else { return };
    assert!(std::fs::read_dir(format!("{place}/closed")).is_err(), "whoever plays this may read everything");
    run(async {
        let tree = tree_of(Store::open(&StoreConfig::new(&place).unwrap().with_read_only(true)).unwrap());
        let mut seen = Vec::new();
        let found = tree.leftovers(|object| seen.push(object.location.to_string())).await.unwrap();
        println!("says: {} {}", names(&found)[0].0, seen.join(" "));
        let error = tree.store().list(&key("").unwrap()).try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "nothing else passes over what it cannot read");
    });
}

#[test]
fn folders_that_may_not_be_read_hide_nothing_but_what_is_in_them() {
    let site = Site::local();
    let root = site.folder().join("root");
    let set = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    for folder in ["closed", "names only", "open"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
        std::fs::write(root.join(folder).join("x"), "").unwrap();
    }
    std::fs::write(root.join("open/_meta.yaml#1"), "").unwrap();
    let program = site.folder().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    set(site.folder(), 0o755);
    set(&program, 0o755);
    set(&root.join("closed"), 0o000);
    set(&root.join("names only"), 0o444);
    let mut command = Command::new(&program);
    command
        .args(["--exact", "leftovers::plays_somebody", "--ignored", "--nocapture", "--test-threads=1"])
        .env("FASCICLE_PLACE", &root)
        .current_dir("/");
    if rustix::process::geteuid().is_root() {
        command.uid(SOMEBODY).gid(SOMEBODY);
    }
    let output = command.output().unwrap();
    set(&root.join("closed"), 0o755);
    set(&root.join("names only"), 0o755);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let said = told.lines().find_map(|line| line.split_once("says: ")).unwrap().1;
    assert_eq!(said, "open/_meta.yaml#1 open/_meta.yaml#1 open/x");
}

#[test]
fn a_directory_is_removed_if_its_meta_is_the_given_one() {
    for site in sites() {
        run(async {
            let tree = tree_of(site.open());
            let first = tree.create_directory(&path("d"), "meta: 1\n".into()).await.unwrap();
            put(&tree, "d/f", "file").await;
            tree.remove(&path("d")).await.unwrap();
            let second = tree.create_directory(&path("d"), "meta: 1\n".into()).await.unwrap();
            put(&tree, "d/f", "file").await;
            // A service that names states by content alone takes the two for one.
            if first != second {
                assert!(!tree.remove_directory_if(&path("d"), &first).await.unwrap(), "on {}", site.name);
            }
            assert!(has(&tree, "d/f").await && !has(&tree, "_writing/d.removal").await);
            assert!(tree.remove_directory_if(&path("d"), &second).await.unwrap(), "on {}", site.name);
            assert!(!tree.remove_directory_if(&path("d"), &second).await.unwrap());
            assert!(!has(&tree, "d/f").await && !tree.has_directory(&path("d")).await.unwrap());
            assert_eq!(found(&tree).await, []);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_was_broken_off_is_finished() {
    let site = Site::memory();
    let tree = tree_of(site.open());
    let tombstone = format!("# fascicle: this directory is being removed: {}\n", "0".repeat(32));
    put(&tree, "old/_meta.yaml", &tombstone).await;
    put(&tree, "old/x", "left").await;
    put(&tree, "_writing/old.removal", "").await;
    put(&tree, "deep/_writing/gone.removal", "").await;
    tree.create_directory(&path("kept"), "meta: 1\n".into()).await.unwrap();
    put(&tree, "kept/x", "kept").await;
    put(&tree, "_writing/kept.removal", "").await;
    let all = found(&tree).await;
    let removal = LeftoverKind::Removal;
    assert_eq!(names(&all), [("deep/gone", removal), ("kept", removal), ("old", removal)]);
    // Somebody is still at it: its tombstone changes.
    let busy = format!("# fascicle: this directory is being removed: {}\n", "1".repeat(32));
    put(&tree, "old/_meta.yaml", &busy).await;
    assert!(!tree.collect(&all[2]).await.unwrap() && has(&tree, "old/x").await);
    for leftover in found(&tree).await {
        assert!(tree.collect(&leftover).await.unwrap(), "{leftover:?}");
    }
    assert_eq!(found(&tree).await, []);
    assert!(has(&tree, "kept/x").await && !has(&tree, "old/x").await && !has(&tree, "old/_meta.yaml").await);
}

#[test]
fn what_is_left_of_tables_is_collected_and_tables_stay() {
    for site in sites() {
        run(async {
            let tree = tree_of(site.open());
            tree.create_directory(&path("d"), "meta: 1\n".into()).await.unwrap();
            let part = |generation: u64, part: u64| {
                format!("d/t.parquet/part-{:020}.parquet", generation * 1_000_000_000_000 + part)
            };
            for name in [part(0, 0), part(0, 1), part(1, 1), part(2, 0), part(2, 1)] {
                put(&tree, &name, "part").await;
            }
            put(&tree, "d/u.parquet/part-00000000000000000000.parquet", "part").await;
            let all = found(&tree).await;
            assert_eq!(names(&all), [("d/t.parquet", LeftoverKind::Superseded)], "on {}", site.name);
            assert_eq!(all[0].size_bytes, 12);
            assert!(tree.collect(&all[0]).await.unwrap());
            assert!(
                has(&tree, &part(2, 0)).await
                    && has(&tree, &part(2, 1)).await
                    && !has(&tree, &part(0, 0)).await
            );
            assert_eq!(found(&tree).await, []);
            if tree.store().is_local() {
                return;
            }
            // A removal that was broken off after the first part, and one before it.
            put(&tree, "d/_writing/t.parquet.removal", "").await;
            put(&tree, "d/_writing/u.parquet.removal", "").await;
            tree.store().delete(&key(&part(2, 0)).unwrap()).await.unwrap();
            let all = found(&tree).await;
            let removal = LeftoverKind::Removal;
            assert_eq!(names(&all), [("d/t.parquet", removal), ("d/u.parquet", removal)]);
            for leftover in &all {
                assert!(tree.collect(leftover).await.unwrap());
            }
            assert_eq!(found(&tree).await, []);
            let listing = tree.list(&path("d")).await.unwrap();
            let left: Vec<_> = listing.entries.iter().map(|entry| entry.stored_name.as_str()).collect();
            assert_eq!(left, ["u.parquet"]);
        });
    }
}
