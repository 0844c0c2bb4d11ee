//! Stores without conditional writes, and stores that are only read.

use crate::sites::{BUCKET, Site, run};
use fascicle_backend::{CreateOutcome, ErrorKind, RecordKey, RecordStore, Result};
use fascicle_objects::{Conditions, Coordination, Store, StoreConfig, StoreRecords, key};
use std::collections::BTreeSet;

/// A server that accepts the conditions of writes and ignores them.
fn ignorant() -> Site {
    let site = Site::s3();
    site.server.as_ref().unwrap().ignore_conditions();
    site
}

fn elsewhere(place: &str) -> Coordination {
    Coordination::Elsewhere(Box::new(StoreConfig::new(place).unwrap()))
}

async fn records(site: &Site, coordination: Coordination) -> Result<StoreRecords> {
    StoreRecords::of_place(&site.open_as(|config| config.with_coordination(coordination))).await
}

fn record(text: &str) -> RecordKey {
    RecordKey::parse(text).unwrap()
}

/// How many of concurrent creators of each of some records are told that they did it.
async fn winners(handles: [StoreRecords; 2]) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for round in 0..10 {
        let creators = (0..16).map(|number: usize| {
            let records = handles[number % 2].clone();
            tokio::spawn(async move {
                records.create(&record(&format!("v1/{round}")), number.to_string().into()).await.unwrap()
            })
        });
        let mut winners = 0;
        for creator in creators.collect::<Vec<_>>() {
            winners += usize::from(creator.await.unwrap() == CreateOutcome::Created);
        }
        found.insert(winners);
    }
    found
}

#[test]
fn without_conditions_nothing_is_coordinated_unless_it_is_said_how() {
    run(async {
        let site = ignorant();
        let refused = records(&site, Coordination::Refused).await.unwrap();
        let error = refused.create(&record("v1/x"), "1".into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.advice().unwrap().contains("lock_root"), "{error}");
        assert_eq!(refused.read(&record("v1/x")).await.unwrap(), None);

        let one = records(&site, Coordination::WithinProcess).await.unwrap();
        let other = records(&site, Coordination::WithinProcess).await.unwrap();
        assert_eq!(winners([one, other]).await, BTreeSet::from([1]));
    });
}

#[test]
fn another_store_holds_the_records_of_one_place() {
    run(async {
        let site = ignorant();
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("locks");
        let place = place.to_str().unwrap();
        let one = records(&site, elsewhere(place)).await.unwrap();
        let other = records(&site, elsewhere(place)).await.unwrap();
        assert_eq!(winners([one, other]).await, BTreeSet::from([1]));
        assert!(folder.path().join("locks/_index/v1/0").is_file());
        let keys = site.server.as_ref().unwrap().keys(BUCKET);
        assert!(keys.is_empty(), "nothing is recorded in the place itself: {keys:?}");

        // Another place would take these for its own.
        let error = records(&ignorant(), elsewhere(place)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
        // A store that is no better than the first one is refused, too.
        let worse = ignorant();
        let config = worse.config().clone();
        let error = records(&site, Coordination::Elsewhere(Box::new(config))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    });
}

#[test]
fn where_conditions_are_honoured_callers_coordinate_by_them() {
    run(async {
        let site = Site::s3();
        let folder = tempfile::tempdir().unwrap();
        for coordination in
            [Coordination::WithinProcess, elsewhere(folder.path().to_str().unwrap()), Coordination::Refused]
        {
            let records = records(&site, coordination.clone()).await.unwrap();
            let outcome = records.create(&record("v1/x"), "1".into()).await.unwrap();
            let expected = if coordination == Coordination::WithinProcess {
                CreateOutcome::Created
            } else {
                CreateOutcome::Exists
            };
            assert_eq!(outcome, expected, "{coordination:?}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    });
}

#[test]
fn what_is_only_read_is_not_written_to() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let server = site.server.as_ref().unwrap();
            let reading = || -> Store { site.open_as(|config| config.with_read_only(true)) };
            let (none, all) =
                (Conditions { create: false, update: false }, Conditions { create: true, update: true });
            assert_eq!(reading().conditions().await.unwrap(), none, "of a place that was never probed");
            let place = tempfile::tempdir().unwrap();
            let store = site.open_as(|config| {
                config.with_read_only(true).with_coordination(elsewhere(place.path().to_str().unwrap()))
            });
            let records = StoreRecords::of_place(&store).await.unwrap();
            assert_eq!(records.read(&record("v1/x")).await.unwrap(), None);
            assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
            assert!(server.keys(BUCKET).is_empty(), "{:?}", server.keys(BUCKET));
            // Whoever writes finds out, in the same process, too, and readers know it from then on.
            assert_eq!(site.open().conditions().await.unwrap(), all);
            assert_eq!(reading().conditions().await.unwrap(), all);
            assert_eq!(reading().read(&key("x").unwrap(), 10).await.unwrap(), None);
        });
    }
}
