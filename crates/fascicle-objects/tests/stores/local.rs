//! What only the local store promises.

use crate::sites::run;
use fascicle_backend::ErrorKind;
use fascicle_objects::{
    Condition, ConfinedLocalStore, LocalStoreOptions, PutOutcome, Store, StoreConfig, key,
    object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload},
};
use futures::TryStreamExt;
use std::{
    os::unix::fs::{MetadataExt, symlink},
    path::Path,
};

fn raw(root: &Path) -> ConfinedLocalStore {
    ConfinedLocalStore::new(root, &LocalStoreOptions::default()).unwrap()
}

fn store(root: &Path) -> Store {
    Store::open(&StoreConfig::new(root.to_str().unwrap()).unwrap()).unwrap()
}

#[test]
fn nothing_is_left_but_the_objects() {
    let keep = tempfile::tempdir().unwrap();
    run(async {
        let (raw, store) = (raw(keep.path()), store(keep.path()));
        store.put(&key("a/b/c").unwrap(), "1".into()).await.unwrap();
        raw.copy(&key("a/b/c").unwrap(), &key("a/d").unwrap()).await.unwrap();
        raw.rename_if_not_exists(&key("a/d").unwrap(), &key("e/f").unwrap()).await.unwrap();
        let mut upload = raw.put_multipart(&key("g").unwrap()).await.unwrap();
        upload.put_part("12".into()).await.unwrap();
        upload.put_part("34".into()).await.unwrap();
        assert_eq!(raw.list_with_delimiter(None).await.unwrap().objects.len(), 0, "an upload is not seen");
        upload.complete().await.unwrap();
        drop(raw.put_multipart(&key("h").unwrap()).await.unwrap());
        let mut found = Vec::new();
        names(keep.path(), "", &mut found);
        found.sort();
        assert_eq!(found, ["a/b/c", "e/f", "g"]);
        assert_eq!(std::fs::read(keep.path().join("g")).unwrap(), b"1234");
        for name in ["a/b/c", "e/f", "g"] {
            store.delete(&key(name).unwrap()).await.unwrap();
        }
        assert_eq!(std::fs::read_dir(keep.path()).unwrap().count(), 0, "empty folders go");
    });
}

fn names(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            names(&entry.path(), &format!("{name}/"), found);
        } else {
            found.push(name);
        }
    }
}

#[test]
fn a_copy_shares_no_file() {
    let keep = tempfile::tempdir().unwrap();
    run(async {
        let raw = raw(keep.path());
        raw.put(&key("a").unwrap(), "1".into()).await.unwrap();
        raw.copy_if_not_exists(&key("a").unwrap(), &key("b").unwrap()).await.unwrap();
        assert!(raw.copy_if_not_exists(&key("a").unwrap(), &key("b").unwrap()).await.is_err());
        let number = |name: &str| std::fs::metadata(keep.path().join(name)).unwrap().ino();
        assert_ne!(number("a"), number("b"));
        std::fs::write(keep.path().join("a"), "changed in place").unwrap();
        assert_eq!(std::fs::read(keep.path().join("b")).unwrap(), b"1");
    });
}

#[test]
fn a_change_in_place_by_another_program_is_noticed() {
    let keep = tempfile::tempdir().unwrap();
    run(async {
        let store = store(keep.path());
        let object = key("x").unwrap();
        let version = store.put(&object, "ours".into()).await.unwrap();
        std::fs::write(keep.path().join("x"), "them").unwrap();
        let outcome = store.put_if(&object, "lost".into(), &Condition::Unchanged(version)).await.unwrap();
        assert_eq!(outcome, PutOutcome::Refused);
        assert_eq!(std::fs::read(keep.path().join("x")).unwrap(), b"them");
    });
}

#[test]
fn links_lead_nowhere_else() {
    let keep = tempfile::tempdir().unwrap();
    let (root, outside) = (keep.path().join("root"), keep.path().join("outside"));
    std::fs::create_dir_all(root.join("in")).unwrap();
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("secret"), "secret").unwrap();
    std::fs::write(root.join("in/x"), "1").unwrap();
    symlink("../outside", root.join("out")).unwrap();
    symlink("../outside/secret", root.join("leak")).unwrap();
    symlink("in", root.join("alias")).unwrap();
    symlink(".", root.join("circle")).unwrap();
    run(async {
        let store = store(&root);
        for name in ["out/secret", "leak"] {
            let object = key(name).unwrap();
            let error = store.read(&object, 100).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{name}: {error:?}");
        }
        let error = store.put(&key("out/new").unwrap(), "1".into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        assert_eq!(store.read(&key("alias/x").unwrap(), 100).await.unwrap().unwrap().bytes, "1");
        // Writing over a link replaces the link.
        store.put(&key("leak").unwrap(), "2".into()).await.unwrap();
        assert_eq!(std::fs::read(outside.join("secret")).unwrap(), b"secret");
        // A circle ends, where the system gives up or where nothing of ours is any more.
        let listed: Result<Vec<_>, _> = store.list(&key("circle").unwrap()).try_collect().await;
        match listed {
            Ok(objects) => assert!(objects.iter().any(|meta| meta.location.as_ref() == "circle/in/x")),
            Err(error) => assert_eq!(error.kind(), ErrorKind::LimitExceeded),
        }
    });
}

#[test]
fn a_file_holds_nothing_and_a_folder_is_no_object() {
    let keep = tempfile::tempdir().unwrap();
    run(async {
        let store = store(keep.path());
        store.put(&key("a/b").unwrap(), "1".into()).await.unwrap();
        for bad in ["a", "a/b/c"] {
            assert_eq!(store.read(&key(bad).unwrap(), 10).await.unwrap(), None, "{bad}");
            store.delete(&key(bad).unwrap()).await.unwrap();
            let error = store.put(&key(bad).unwrap(), "2".into()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WrongKind, "{bad}: {error:?}");
        }
        assert_eq!(std::fs::read(keep.path().join("a/b")).unwrap(), b"1");
    });
}

#[test]
fn large_objects_are_streamed_and_uploads_are_checked() {
    let keep = tempfile::tempdir().unwrap();
    run(async {
        let raw = raw(keep.path());
        let content: Vec<u8> =
            (0..20u32 << 20).map(|number| (number.wrapping_mul(2654435761) >> 24) as u8).collect();
        let object = key("x").unwrap();
        let mut upload = raw.put_multipart(&object).await.unwrap();
        // Parts may be sent at once; their order is that of the calls.
        let parts: Vec<_> =
            content.chunks(7 << 20).map(|part| upload.put_part(PutPayload::from(part.to_vec()))).collect();
        futures::future::try_join_all(parts.into_iter().rev()).await.unwrap();
        upload.complete().await.unwrap();
        assert_eq!(raw.get(&object).await.unwrap().bytes().await.unwrap(), content);
        assert!(upload.complete().await.is_err(), "an upload ends once");
        let mut unfinished = raw.put_multipart(&key("y").unwrap()).await.unwrap();
        drop(unfinished.put_part("lost".into()));
        assert!(unfinished.complete().await.is_err());
        assert!(raw.head(&key("y").unwrap()).await.is_err());
    });
}

#[test]
fn writers_and_deleters_of_one_folder_do_not_disturb_each_other() {
    let keep = tempfile::tempdir().unwrap();
    run(async {
        let options = LocalStoreOptions { fsync: false, ..LocalStoreOptions::default() };
        let raw = ConfinedLocalStore::new(keep.path(), &options).unwrap();
        let tasks = (0..8).map(|task| {
            let raw = raw.clone();
            tokio::spawn(async move {
                for round in 0..50 {
                    let object = key(&format!("a/b/{task}")).unwrap();
                    let mode = if round % 2 == 0 { PutMode::Create } else { PutMode::Overwrite };
                    raw.put_opts(&object, "1".into(), mode.into()).await.unwrap();
                    assert_eq!(raw.get(&object).await.unwrap().bytes().await.unwrap(), "1");
                    raw.delete(&object).await.unwrap();
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        assert_eq!(std::fs::read_dir(keep.path()).unwrap().count(), 0);
    });
}
