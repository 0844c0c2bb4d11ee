//! Entries, metas and attributes, on every store.

use crate::sites::{BUCKET, Site, on_every_store, path, run, tree_of};
use fascicle_backend::{Attributes, EntryKind, EntryPath, ErrorKind, MetaWriteMode, Version};
use fascicle_objects::{Tree, key};
use fascicle_test_servers::RequestKind;
use futures::TryStreamExt;
use std::collections::BTreeSet;

async fn put(tree: &Tree, name: &str, content: &'static str) {
    tree.store().put(&key(name).unwrap(), content.into()).await.unwrap();
}

async fn keys(tree: &Tree) -> Vec<String> {
    let listed = tree.store().list(&key("").unwrap()).map_ok(|meta| meta.location.to_string());
    let mut keys: Vec<String> = listed.try_collect().await.unwrap();
    keys.retain(|key| !key.starts_with("_index/"));
    keys.sort();
    keys
}

/// A directory `d` with one entry of each kind, and attributes of each.
async fn fill(tree: &Tree) {
    tree.create_directory(&path("d"), "meta: 1\n".into()).await.unwrap();
    for (name, content) in [
        ("d/x.zarr/zarr.json", "{}"),
        ("d/x.zarr/c/0/0", "chunk"),
        ("d/t.parquet/part-00000000000000000000.parquet", "part"),
        ("d/f.txt", "file"),
        ("d/s/_meta.yaml", "meta: 2\n"),
        ("d/s/deep.zarr/zarr.json", "{}"),
    ] {
        put(tree, name, content).await;
    }
    for name in ["d", "d/f.txt", "d/s", "d/t"] {
        tree.write_attributes(&path(name), &attributes(name)).await.unwrap();
    }
}

fn attributes(text: &str) -> Attributes {
    [("of".to_owned(), text.into())].into_iter().collect()
}

async fn kind_of_error<T>(result: impl Future<Output = fascicle_backend::Result<T>>) -> ErrorKind {
    result.await.err().expect("an error").kind()
}

#[test]
fn entries_are_listed_and_looked_at() {
    on_every_store(async |site| {
        let tree = tree_of(site.open());
        let empty = tree.list(&EntryPath::root()).await.unwrap();
        assert!(empty.entries.is_empty() && !empty.has_meta);
        fill(&tree).await;
        let top = tree.list(&EntryPath::root()).await.unwrap();
        assert_eq!((top.entries.len(), top.has_meta), (1, false), "on {}", site.name);
        let listing = tree.list(&path("d")).await.unwrap();
        let listed: Vec<(&str, EntryKind, &str)> =
            listing.entries.iter().map(|e| (e.name.as_str(), e.kind, e.stored_name.as_str())).collect();
        assert_eq!(
            listed,
            [
                ("f.txt", EntryKind::File, "f.txt"),
                ("s", EntryKind::Directory, "s"),
                ("t", EntryKind::Table, "t.parquet"),
                ("x", EntryKind::Array, "x.zarr"),
            ]
        );
        assert!(listing.has_meta);
        for (name, kind, size) in [
            ("d", EntryKind::Directory, 8),
            ("d/x", EntryKind::Array, 7),
            ("d/t", EntryKind::Table, 4),
            ("d/f.txt", EntryKind::File, 4),
            ("", EntryKind::Directory, 0),
        ] {
            let stat = tree.stat(&path(name)).await.unwrap();
            assert_eq!((stat.kind, stat.size_bytes), (kind, size), "'{name}' on {}", site.name);
        }
        for missing in ["y", "d/y", "d/y/z"] {
            assert_eq!(kind_of_error(tree.stat(&path(missing))).await, ErrorKind::NotFound, "{missing}");
            assert_eq!(kind_of_error(tree.list(&path(missing))).await, ErrorKind::NotFound, "{missing}");
        }
        assert_eq!(kind_of_error(tree.list(&path("d/x"))).await, ErrorKind::WrongKind);
        assert_eq!(kind_of_error(tree.list(&path("d/f.txt"))).await, ErrorKind::WrongKind);
        assert_eq!(kind_of_error(tree.require(&path("d/x"), EntryKind::Table)).await, ErrorKind::WrongKind);
        put(&tree, "d/x/_meta.yaml", "").await;
        let error = tree.stat(&path("d/x")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains("'x.zarr'") && error.message().contains("'x'"), "{error}");
    });
}

#[test]
fn a_directory_is_created_once_where_there_is_room() {
    on_every_store(async |site| {
        let tree = tree_of(site.open());
        fill(&tree).await;
        let before = keys(&tree).await;
        let create = |name: &str| {
            let (tree, name) = (&tree, path(name));
            async move { tree.create_directory(&name, "meta: 3\n".into()).await }
        };
        for taken in ["d", "d/s", "d/x", "d/t", "d/f.txt"] {
            assert_eq!(
                kind_of_error(create(taken)).await,
                ErrorKind::AlreadyExists,
                "{taken} on {}",
                site.name
            );
        }
        assert_eq!(kind_of_error(create("y/z")).await, ErrorKind::NotFound);
        assert_eq!(kind_of_error(create("d/x/z")).await, ErrorKind::WrongKind);
        assert_eq!(kind_of_error(create("d/f.txt/z")).await, ErrorKind::WrongKind);
        assert_eq!(keys(&tree).await, before, "refusals change nothing");

        let racers = (0..8).map(|_| {
            let tree = tree_of(site.open());
            tokio::spawn(async move { tree.create_directory(&path("d/race"), "meta: 4\n".into()).await })
        });
        let mut winners = 0;
        for racer in racers.collect::<Vec<_>>() {
            match racer.await.unwrap() {
                Ok(_) => winners += 1,
                Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error:?}"),
            }
        }
        assert_eq!(winners, 1, "on {}", site.name);
    });
}

#[test]
fn metas_are_compared_and_swapped() {
    on_every_store(async |site| {
        let tree = tree_of(site.open());
        let root = EntryPath::root();
        assert_eq!(tree.read_meta(&root).await.unwrap(), None);
        let write = |meta: &'static str, mode: MetaWriteMode| {
            let tree = tree.clone();
            async move { tree.write_meta(&EntryPath::root(), meta.into(), &mode).await }
        };
        let update = |version: &Version| MetaWriteMode::UpdateIf(version.clone());
        let first = write("1", MetaWriteMode::Create).await.unwrap();
        assert_eq!(kind_of_error(write("2", MetaWriteMode::Create)).await, ErrorKind::AlreadyExists);
        let second = write("2", update(&first)).await.unwrap();
        assert_eq!(kind_of_error(write("3", update(&first))).await, ErrorKind::Conflict);
        let read = tree.read_meta(&root).await.unwrap().unwrap();
        assert_eq!((&read.bytes[..], &read.version), (&b"2"[..], &second));
        let third = write("4", MetaWriteMode::Overwrite).await.unwrap();
        assert_eq!(kind_of_error(write("5", update(&second))).await, ErrorKind::Conflict);

        let racers = ["a", "b", "c", "d"].map(|meta| tokio::spawn(write(meta, update(&third))));
        let mut winners = 0;
        for racer in racers {
            winners += usize::from(racer.await.unwrap().is_ok());
        }
        assert_eq!(winners, 1, "on {}", site.name);

        for mode in [MetaWriteMode::Create, MetaWriteMode::Overwrite, update(&third)] {
            let missing = tree.write_meta(&path("nowhere"), "1".into(), &mode).await;
            assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound, "{mode:?}");
        }
        assert_eq!(kind_of_error(tree.read_meta(&path("nowhere"))).await, ErrorKind::NotFound);
    });
}

#[test]
fn entries_are_removed_with_everything_in_them() {
    on_every_store(async |site| {
        let tree = tree_of(site.open());
        fill(&tree).await;
        for name in ["d/x", "d/t", "d/f.txt", "d/s"] {
            tree.remove(&path(name)).await.unwrap();
            assert_eq!(kind_of_error(tree.remove(&path(name))).await, ErrorKind::NotFound);
        }
        assert_eq!(keys(&tree).await, ["_attributes/d.json", "d/_meta.yaml"], "on {}", site.name);
        fill_again_and_remove(&tree).await;
        assert_eq!(keys(&tree).await, [""; 0], "on {}", site.name);
        assert_eq!(kind_of_error(tree.remove(&EntryPath::root())).await, ErrorKind::InvalidInput);
    });
}

async fn fill_again_and_remove(tree: &Tree) {
    tree.remove(&path("d")).await.unwrap();
    fill(tree).await;
    tree.remove(&path("d")).await.unwrap();
}

#[test]
fn one_of_many_removers_removes_a_directory() {
    on_every_store(async |site| {
        for has_meta in [true, false] {
            let tree = tree_of(site.open());
            fill(&tree).await;
            if !has_meta {
                tree.store().delete(&key("d/_meta.yaml").unwrap()).await.unwrap();
            }
            let removers: Vec<_> = (0..8)
                .map(|_| {
                    let tree = tree_of(site.open());
                    tokio::spawn(async move { tree.remove(&path("d")).await })
                })
                .collect();
            let mut winners = 0;
            for remover in removers {
                match remover.await.unwrap() {
                    Ok(()) => winners += 1,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "on {}: {error}", site.name),
                }
            }
            assert_eq!(winners, 1, "on {}, with a meta: {has_meta}", site.name);
            assert_eq!(keys(&tree).await, [""; 0], "on {}", site.name);
        }
    });
}

/// Leaves `d` as a remover does that ends before it deleted anything.
async fn break_off_removal(tree: &Tree) {
    put(tree, "_writing/d.removal", "").await;
    let tombstone = "# fascicle: this directory is being removed: 0123456789abcdef0123456789abcdef\n";
    put(tree, "d/_meta.yaml", tombstone).await;
}

#[test]
fn a_directory_whose_removal_was_broken_off_is_absent() {
    for site in [Site::memory(), Site::s3(), Site::gcs()] {
        run(async {
            let tree = tree_of(site.open());
            tree.create_directory(&path("p"), "1".into()).await.unwrap();
            fill(&tree).await;
            break_off_removal(&tree).await;
            let d = path("d");
            let names: Vec<String> = tree
                .list(&EntryPath::root())
                .await
                .unwrap()
                .entries
                .into_iter()
                .map(|entry| entry.name)
                .collect();
            assert_eq!(names, ["p"], "on {}", site.name);
            assert!(!tree.has_directory(&d).await.unwrap() && tree.find(&d).await.unwrap().is_none());
            assert_eq!(kind_of_error(tree.list(&d)).await, ErrorKind::NotFound);
            assert_eq!(kind_of_error(tree.stat(&d)).await, ErrorKind::NotFound);
            assert_eq!(kind_of_error(tree.read_meta(&d)).await, ErrorKind::NotFound);
            assert_eq!(kind_of_error(tree.remove(&d)).await, ErrorKind::NotFound);
            let overwritten = tree.write_meta(&d, "2".into(), &MetaWriteMode::Overwrite).await;
            assert_eq!(overwritten.unwrap_err().kind(), ErrorKind::NotFound);
            let inside = path("d/new");
            assert_eq!(kind_of_error(tree.create_directory(&inside, "2".into())).await, ErrorKind::NotFound);
        });
    }
}

#[test]
fn creating_a_directory_finishes_a_removal_that_was_broken_off() {
    let site = Site::memory();
    let clock = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    clock.unwrap().block_on(async {
        let tree = tree_of(site.open());
        fill(&tree).await;
        break_off_removal(&tree).await;
        let creators = ["a", "b", "c"].map(|meta| {
            let tree = tree_of(site.open());
            tokio::spawn(async move { tree.create_directory(&path("d"), meta.into()).await })
        });
        let mut winners = 0;
        for creator in creators {
            match creator.await.unwrap() {
                Ok(_) => winners += 1,
                Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}"),
            }
        }
        assert_eq!(winners, 1);
        assert_eq!(keys(&tree).await, ["d/_meta.yaml"]);
        assert!(tree.list(&path("d")).await.unwrap().has_meta);
    });
}

#[test]
fn entries_are_copied_and_moved() {
    on_every_store(async |site| {
        let tree = tree_of(site.open());
        fill(&tree).await;
        let before: BTreeSet<String> = keys(&tree).await.into_iter().collect();
        tree.copy(&path("d"), &path("e")).await.unwrap();
        let expected: BTreeSet<String> = before
            .iter()
            .cloned()
            .chain(before.iter().map(|key| match key.strip_prefix("d/") {
                Some(rest) => format!("e/{rest}"),
                None => key.replace("d.json", "e.json"),
            }))
            .collect();
        assert_eq!(keys(&tree).await.into_iter().collect::<BTreeSet<_>>(), expected, "on {}", site.name);
        assert_eq!(tree.read_attributes(&path("e/f.txt")).await.unwrap(), attributes("d/f.txt"));

        put(&tree, "e/f.txt", "changed").await;
        assert_eq!(tree.store().read(&key("d/f.txt").unwrap(), 10).await.unwrap().unwrap().bytes, "file");
        for (from, to, kind) in [
            ("d", "e", ErrorKind::AlreadyExists),
            ("d/x", "d/t", ErrorKind::AlreadyExists),
            ("d", "d/inside", ErrorKind::InvalidInput),
            ("y", "z", ErrorKind::NotFound),
            ("d/x", "y/z", ErrorKind::NotFound),
            ("d/x", "d/f.txt/z", ErrorKind::WrongKind),
        ] {
            assert_eq!(kind_of_error(tree.copy(&path(from), &path(to))).await, kind, "copy {from} to {to}");
            assert_eq!(
                kind_of_error(tree.rename(&path(from), &path(to))).await,
                kind,
                "rename {from} to {to}"
            );
        }
        for (from, to) in [("d/x", "d/x2"), ("d/f.txt", "e/s/g.txt"), ("d/t", "t"), ("d/s", "s")] {
            let old = tree.read_attributes(&path(from)).await.unwrap();
            tree.rename(&path(from), &path(to)).await.unwrap();
            assert_eq!(kind_of_error(tree.stat(&path(from))).await, ErrorKind::NotFound);
            assert_eq!(
                tree.read_attributes(&path(to)).await.unwrap(),
                old,
                "{from} to {to} on {}",
                site.name
            );
        }
        let left: Vec<String> = keys(&tree).await.into_iter().filter(|key| key.starts_with("d/")).collect();
        assert_eq!(left, ["d/_meta.yaml", "d/x2.zarr/c/0/0", "d/x2.zarr/zarr.json"], "on {}", site.name);
    });
}

#[test]
fn attributes_are_replaced_as_a_whole() {
    on_every_store(async |site| {
        let tree = tree_of(site.open());
        fill(&tree).await;
        let file = path("d/f.txt");
        assert_eq!(tree.read_attributes(&file).await.unwrap(), attributes("d/f.txt"));
        tree.write_attributes(&file, &Attributes::new()).await.unwrap();
        assert!(tree.read_attributes(&file).await.unwrap().is_empty());
        assert_eq!(kind_of_error(tree.read_attributes(&path("y"))).await, ErrorKind::NotFound);
        assert_eq!(
            kind_of_error(tree.write_attributes(&path("y"), &attributes("y"))).await,
            ErrorKind::NotFound
        );
        assert!(tree.read_attributes(&EntryPath::root()).await.unwrap().is_empty());
        let refused = tree.write_attributes(&EntryPath::root(), &attributes("root")).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput);
        put(&tree, "d/_attributes/f.txt.json", "[1]").await;
        assert_eq!(kind_of_error(tree.read_attributes(&file)).await, ErrorKind::Corrupt);
    });
}

#[test]
fn requests_are_few() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let tree = tree_of(site.open());
            tree.store().conditions().await.unwrap();
            let server = site.server.as_ref().unwrap();
            let requests = || server.take_requests().iter().map(|request| request.kind).collect::<Vec<_>>();
            requests();
            use RequestKind::{Get, Head, List, Put};
            let version = tree.create_directory(&path("d"), "1".into()).await.unwrap();
            assert_eq!(requests(), [List, Put, List]);
            tree.create_directory(&path("d/e"), "1".into()).await.unwrap();
            assert_eq!(requests(), [List, Head, Put, List]);
            tree.read_meta(&path("d")).await.unwrap();
            assert_eq!(requests(), [Get]);
            tree.write_meta(&path("d"), "2".into(), &MetaWriteMode::UpdateIf(version)).await.unwrap();
            assert_eq!(requests(), [Put]);
            tree.list(&path("d")).await.unwrap();
            assert_eq!(requests(), [List]);
            tree.find(&path("d")).await.unwrap();
            assert_eq!(requests(), [List, Head]);
            let keys = server.keys(BUCKET);
            // The third one says that the store was probed.
            assert_eq!(keys.len(), 3, "{keys:?}");
        });
    }
}
