//! Lost answers, overload and time-outs.

use crate::sites::{Site, run};
use fascicle_backend::{CreateOutcome, ErrorKind, RecordKey, RecordStore};
use fascicle_objects::{Condition, PutOutcome, StoreRecords, key};
use fascicle_test_servers::{Fault, FaultKind, RequestKind, SeenRequest};
use std::time::{Duration, Instant};

fn conditional_put(request: &SeenRequest) -> bool {
    request.kind == RequestKind::Put && request.is_conditional
}

#[test]
fn an_own_write_whose_answer_was_lost_is_no_loss() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let store = site.open();
            store.conditions().await.unwrap();
            let server = site.server.as_ref().unwrap();
            let object = key("x").unwrap();
            for kind in [FaultKind::LostAnswer, FaultKind::FailedAnswer, FaultKind::ConditionalConflict] {
                for times in [1, 2, 3] {
                    store.delete(&object).await.unwrap();
                    server.inject(Fault::once(kind, conditional_put).times(times));
                    let created = store.put_if(&object, "1".into(), &Condition::Absent).await.unwrap();
                    let PutOutcome::Stored(version) = created else {
                        panic!(
                            "{kind:?} {times} times on {}: the own write was taken for another's",
                            site.name
                        );
                    };
                    server.inject(Fault::once(kind, conditional_put).times(times));
                    let condition = Condition::Unchanged(version);
                    let updated = store.put_if(&object, "2".into(), &condition).await.unwrap();
                    assert!(
                        matches!(updated, PutOutcome::Stored(_)),
                        "{kind:?} {times} times on {}",
                        site.name
                    );
                    server.inject(Fault::once(kind, conditional_put).times(times));
                    let refused = store.put_if(&object, "3".into(), &condition).await.unwrap();
                    assert_eq!(refused, PutOutcome::Refused, "{kind:?} {times} times on {}", site.name);
                    assert_eq!(store.read(&object, 10).await.unwrap().unwrap().bytes, "2");
                }
            }
        });
    }
}

#[test]
fn a_record_of_which_nothing_is_known_may_exist() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let records = StoreRecords::new(site.open());
            let record = RecordKey::parse("v1/x").unwrap();
            records.create(&RecordKey::parse("v1/other").unwrap(), "0".into()).await.unwrap();
            let server = site.server.as_ref().unwrap();
            server.inject(Fault::once(FaultKind::FailedAnswer, conditional_put));
            let outcome = records.create(&record, "1".into()).await.unwrap();
            assert_eq!(outcome, CreateOutcome::Exists, "the client asked again and met its own write");
            assert_eq!(records.read(&record).await.unwrap().unwrap(), "1");
        });
    }
}

#[test]
fn overload_passes_and_lasting_overload_is_an_error() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let store = site.open();
            let server = site.server.as_ref().unwrap();
            let object = key("x").unwrap();
            server.inject(Fault::once(FaultKind::Unavailable, |_| true).times(2));
            store.put(&object, "1".into()).await.unwrap();
            server.inject(Fault::once(FaultKind::Unavailable, |_| true).times(100));
            let error = store.read(&object, 10).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(error.is_retryable() && error.message().contains("'x'"), "{error}");
        });
    }
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let server = fascicle_test_servers::ObjectServer::with_bucket(crate::sites::BUCKET);
    let mut config = crate::sites::quick("s3://bucket").with_options(server.s3_options());
    config.limits.request_timeout = Duration::from_millis(200);
    config.limits.max_retries = 1;
    run(async {
        let store = fascicle_objects::Store::open(&config).unwrap();
        server.inject(Fault::once(FaultKind::Delay(Duration::from_secs(20)), |_| true).times(10));
        let started = Instant::now();
        let error = store.read(&key("x").unwrap(), 10).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(5));
    });
}

#[test]
fn a_runtime_that_ends_or_stands_still_holds_nobody_up() {
    let site = Site::s3();
    let (store, object) = (site.open(), key("x").unwrap());
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let started = Instant::now();
    for _ in 0..20 {
        // Whatever connection it makes, it goes on with nothing once this is done.
        let still = runtime();
        still.block_on(async { store.put(&object, "1".into()).await.unwrap() });
        runtime().block_on(async { store.read(&object, 10).await.unwrap().unwrap() });
        drop(still);
        runtime().block_on(async { store.read(&object, 10).await.unwrap().unwrap() });
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
