//! Objects, listings and names, on every store.

use crate::sites::{Site, on_every_store, run};
use fascicle_backend::ErrorKind;
use fascicle_objects::{Found, key, object_store::ObjectStoreExt};
use futures::TryStreamExt;

#[test]
fn objects_are_written_read_and_deleted() {
    on_every_store(async |site| {
        let store = site.open();
        let names = ["a", "b/c", "b/d/ü é.txt", "b/d/%41 +&=?#x", "b/d/日本"];
        for name in names {
            let object = key(name).unwrap();
            assert_eq!(store.read(&object, 10).await.unwrap(), None);
            assert!(store.head(&object).await.unwrap().is_none());
            store.delete(&object).await.unwrap();
            let version = store.put(&object, name.as_bytes().to_vec().into()).await.unwrap();
            let read = store.read(&object, 100).await.unwrap().unwrap();
            assert_eq!((&read.bytes[..], read.version), (name.as_bytes(), version), "{name}");
            assert_eq!(store.head(&object).await.unwrap().unwrap().size, name.len() as u64);
        }
        let mut listed: Vec<String> = store
            .list(&key("").unwrap())
            .map_ok(|meta| meta.location.to_string())
            .try_collect()
            .await
            .unwrap();
        listed.sort();
        let mut expected = names.map(str::to_owned);
        expected.sort();
        assert_eq!(listed, expected);
        let error = store.read(&key("a").unwrap(), 0).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        for name in names {
            store.delete(&key(name).unwrap()).await.unwrap();
        }
        assert!(store.list_children(&key("").unwrap()).await.unwrap().common_prefixes.is_empty());
    });
}

#[test]
fn ranges_are_read() {
    on_every_store(async |site| {
        let store = site.open();
        let object = key("x").unwrap();
        store.put(&object, (0..100u8).collect::<Vec<u8>>().into()).await.unwrap();
        let objects = store.objects();
        assert_eq!(objects.get_range(&object, 10..13).await.unwrap(), vec![10, 11, 12]);
        assert_eq!(objects.get_range(&object, 98..200).await.unwrap(), vec![98, 99]);
        let ranges = objects.get_ranges(&object, &[0..1, 50..52, 99..100]).await.unwrap();
        assert_eq!(ranges, [vec![0], vec![50, 51], vec![99]]);
        assert!(objects.get_range(&object, 100..101).await.is_err());
    });
}

#[test]
fn names_are_found_among_many_that_begin_alike() {
    on_every_store(async |site| {
        let store = site.open();
        // On a local file system an object and a prefix cannot have one name.
        let has_both = site.name != "local";
        if has_both {
            store.put(&key("d/x").unwrap(), "1".into()).await.unwrap();
        }
        for name in ["d/x.zarr/zarr.json", "d/x.zarr.old/y", "d/x/_meta.yaml", "d/x-1", "d/xy/z", "d/w", "x"]
        {
            store.put(&key(name).unwrap(), "1".into()).await.unwrap();
        }
        let found = async |name: &str| {
            let suffixes = [".zarr", ".parquet"];
            let mut found: Vec<String> = store
                .children_named(&key("d").unwrap(), name, &suffixes)
                .await
                .unwrap()
                .into_iter()
                .map(|found| match found {
                    Found::Object(meta) => meta.location.to_string(),
                    Found::Prefix(prefix) => format!("{prefix}/"),
                })
                .collect();
            found.sort();
            found
        };
        let expected: &[&str] = if has_both { &["d/x", "d/x.zarr/", "d/x/"] } else { &["d/x.zarr/", "d/x/"] };
        assert_eq!(found("x").await, expected, "on {}", site.name);
        assert_eq!(found("xy").await, ["d/xy/"]);
        assert_eq!(found("d").await, [""; 0]);
    });
}

#[test]
fn listings_go_on_over_pages() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let server = site.server.as_ref().unwrap();
            let above = if site.name == "s3" { "deep/ü/" } else { "" };
            for number in 0..2500 {
                server.put_object(crate::sites::BUCKET, &format!("{above}many/x{number:04}/y"), "1");
            }
            let store = site.open();
            server.take_requests();
            let listed = store.list_children(&key("many").unwrap()).await.unwrap();
            assert_eq!((listed.common_prefixes.len(), server.take_requests().len()), (2500, 3));
            let all: Vec<_> = store.list(&key("many").unwrap()).try_collect().await.unwrap();
            assert_eq!((all.len(), server.take_requests().len()), (2500, 3));
            let found = store.children_named(&key("many").unwrap(), "x0007", &[".zarr"]).await.unwrap();
            assert_eq!((found.len(), server.take_requests().len()), (1, 1));
        });
    }
}
