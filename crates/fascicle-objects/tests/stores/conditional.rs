//! Conditional writes: one winner, on every store.

use crate::sites::{Site, on_every_store, run};
use bytes::Bytes;
use fascicle_backend::{CreateOutcome, ErrorKind, RecordKey, RecordStore};
use fascicle_objects::{Condition, Conditions, PutOutcome, Store, StoreRecords, key};

fn version(outcome: PutOutcome) -> fascicle_backend::Version {
    match outcome {
        PutOutcome::Stored(version) => version,
        other => panic!("the write was not done: {other:?}"),
    }
}

async fn create(store: &Store, name: &str, bytes: &'static str) -> PutOutcome {
    store.put_if(&key(name).unwrap(), bytes.into(), &Condition::Absent).await.unwrap()
}

#[test]
fn a_condition_holds_or_nothing_changes() {
    on_every_store(async |site| {
        let store = site.open();
        let object = key("a/b").unwrap();
        let first = version(create(&store, "a/b", "1").await);
        assert_eq!(create(&store, "a/b", "2").await, PutOutcome::Refused);
        let read = store.read(&object, 100).await.unwrap().unwrap();
        assert_eq!((&read.bytes[..], &read.version), (&b"1"[..], &first));

        let update = async |version: &fascicle_backend::Version, bytes: &'static str| {
            store.put_if(&object, bytes.into(), &Condition::Unchanged(version.clone())).await.unwrap()
        };
        let second = version(update(&first, "3").await);
        assert_eq!(update(&first, "4").await, PutOutcome::Refused);
        assert_eq!(store.read(&object, 100).await.unwrap().unwrap().version, second);
        let third = version(update(&second, "3").await);
        // On S3 a version is one of the content: the same content again is the same state.
        let is_of_content = site.name == "moto";
        if is_of_content {
            assert_eq!(second, third);
        } else {
            assert_ne!(second, third);
            assert_eq!(update(&second, "5").await, PutOutcome::Refused);
        }

        store.delete(&object).await.unwrap();
        assert_eq!(update(&third, "6").await, PutOutcome::Refused);
        assert_eq!(store.read(&object, 100).await.unwrap(), None);
        let fourth = version(create(&store, "a/b", "3").await);
        if !is_of_content {
            assert_ne!(third, fourth, "a version never returns");
            assert_eq!(update(&third, "7").await, PutOutcome::Refused);
        }
    });
}

#[test]
fn one_of_many_creates_wins() {
    on_every_store(async |site| {
        let stores = [site.open(), site.open(), site.open(), site.open()];
        for round in 0..10 {
            let name = format!("race/{round}");
            let contenders = (0..16).map(|number| {
                let (store, name) = (stores[number % stores.len()].clone(), name.clone());
                tokio::spawn(async move {
                    let (object, bytes) = (key(&name).unwrap(), Bytes::from(number.to_string()));
                    (number, store.put_if(&object, bytes, &Condition::Absent).await.unwrap())
                })
            });
            let mut winners = Vec::new();
            for contender in contenders.collect::<Vec<_>>() {
                if let (number, PutOutcome::Stored(_)) = contender.await.unwrap() {
                    winners.push(number.to_string());
                }
            }
            assert_eq!(winners.len(), 1, "on {}", site.name);
            let read = site.open().read(&key(&name).unwrap(), 100).await.unwrap().unwrap();
            assert_eq!(read.bytes, winners[0].as_bytes());
        }
    });
}

#[test]
fn a_counter_loses_no_increment() {
    on_every_store(async |site| {
        let counter = key("counter").unwrap();
        site.open().put(&counter, "0".into()).await.unwrap();
        let writers = (0..4).map(|_| {
            let (store, counter) = (site.open(), counter.clone());
            tokio::spawn(async move {
                for _ in 0..5 {
                    loop {
                        let object = store.read(&counter, 100).await.unwrap().unwrap();
                        let value: u32 = std::str::from_utf8(&object.bytes).unwrap().parse().unwrap();
                        let next = Bytes::from((value + 1).to_string());
                        let condition = Condition::Unchanged(object.version);
                        if let PutOutcome::Stored(_) = store.put_if(&counter, next, &condition).await.unwrap()
                        {
                            break;
                        }
                    }
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        assert_eq!(site.open().read(&counter, 100).await.unwrap().unwrap().bytes, "20", "on {}", site.name);
    });
}

#[test]
fn records_are_created_once_and_listed_by_prefix() {
    on_every_store(async |site| {
        let records = StoreRecords::new(site.open());
        let key = |text: &str| RecordKey::parse(text).unwrap();
        assert_eq!(records.list(&key("v1")).await.unwrap(), []);
        for (name, body) in [("v1/ab/x", "1"), ("v1/ac/y.0.claim", "2"), ("v1/z", "3"), ("v10/w", "4")] {
            assert_eq!(records.create(&key(name), body.into()).await.unwrap(), CreateOutcome::Created);
            assert_eq!(records.create(&key(name), "no".into()).await.unwrap(), CreateOutcome::Exists);
            assert_eq!(records.read(&key(name)).await.unwrap().unwrap(), body);
        }
        let listed = records.list(&key("v1")).await.unwrap();
        assert_eq!(
            listed.iter().map(RecordKey::as_str).collect::<Vec<_>>(),
            ["v1/ab/x", "v1/ac/y.0.claim", "v1/z"]
        );
        records.overwrite(&key("v1/z"), "5".into()).await.unwrap();
        assert_eq!(records.read(&key("v1/z")).await.unwrap().unwrap(), "5");
        for _ in 0..2 {
            records.remove(&key("v1/z")).await.unwrap();
        }
        assert_eq!(records.read(&key("v1/z")).await.unwrap(), None);
    });
}

#[test]
fn a_store_that_ignores_conditions_is_found_out() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let server = site.server.as_ref().unwrap();
            server.ignore_conditions();
            let store = site.open();
            assert_eq!(store.conditions().await.unwrap(), Conditions { create: false, update: false });
            let records = StoreRecords::new(store.clone());
            let error = records.create(&RecordKey::parse("v1/x").unwrap(), "1".into()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.advice().is_some(), "{error}");
            store.put(&key("plain").unwrap(), "1".into()).await.unwrap();
            assert_eq!(store.read(&key("plain").unwrap(), 10).await.unwrap().unwrap().bytes, "1");
            let keys = server.keys(crate::sites::BUCKET);
            assert!(keys.iter().all(|key| key.ends_with("plain")), "the probe leaves nothing: {keys:?}");
        });
    }
}

#[test]
fn a_place_is_probed_once() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let server = site.server.as_ref().unwrap();
            let all = Conditions { create: true, update: true };
            assert_eq!(site.open().conditions().await.unwrap(), all);
            assert!(server.take_requests().len() > 10);
            assert_eq!(site.open().conditions().await.unwrap(), all);
            assert_eq!(server.take_requests().len(), 0, "this process knows");
            let keys = server.keys(crate::sites::BUCKET);
            assert_eq!(keys.len(), 1, "{keys:?}");
            assert!(keys[0].ends_with("_index/conditional-writes.json"), "{keys:?}");
        });
    }
}
