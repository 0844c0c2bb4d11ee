//! Writes whose answer is lost and whose object others change before their writer can look.

use crate::sites::{BUCKET, Site, path, run, tree_of};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, FileOptions, FileStore, WriteMode};
use fascicle_objects::{Condition, PutOutcome, StoreFiles, key};
use fascicle_test_servers::{Fault, FaultKind, ObjectServer, RequestKind, SeenRequest};
use futures::TryStreamExt;
use std::time::Duration;

/// How long the server keeps a request waiting while others write.
const PAUSE: Duration = Duration::from_millis(700);

fn conditional_put(request: &SeenRequest) -> bool {
    request.kind == RequestKind::Put && request.is_conditional
}

async fn put(files: &StoreFiles, content: &'static str) {
    let mode = WriteMode::Replace;
    let mut writer = files.create(&path("f"), &FileOptions::default(), mode).await.unwrap();
    writer.write(content.into()).await.unwrap();
    writer.finish().await.unwrap();
}

async fn read(files: &StoreFiles) -> String {
    let pieces: Vec<Bytes> = files.read(&path("f"), None).await.unwrap().try_collect().await.unwrap();
    String::from_utf8(pieces.concat()).unwrap()
}

/// Waits until the server has got so many conditional writes.
async fn await_writes(server: &ObjectServer, count: usize) {
    let mut seen = 0;
    while seen < count {
        seen += server.take_requests().iter().filter(|request| conditional_put(request)).count();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Appends `A` to a file that holds `0`. The write happens, its answer is a failure, and while the client sends it again, others do
/// something. What the append came to, and the file.
async fn append_while(site: &Site, others: impl AsyncFn(&StoreFiles)) -> (Result<u64, Error>, String) {
    let server = site.server.as_ref().unwrap();
    let (one, other) = (site.open(), site.open());
    one.conditions().await.unwrap();
    other.conditions().await.unwrap();
    let (one, other) = (StoreFiles::new(tree_of(one)), StoreFiles::new(tree_of(other)));
    put(&one, "0").await;
    server.take_requests();
    server.inject(Fault::once(FaultKind::FailedAnswer, conditional_put));
    server.inject(Fault::once(FaultKind::Delay(PAUSE), conditional_put));
    let append = tokio::spawn(async move { one.append(&path("f"), "A".into()).await });
    await_writes(server, 2).await;
    others(&other).await;
    (append.await.unwrap(), read(&other).await)
}

async fn append_times(files: &StoreFiles, count: usize) {
    for _ in 0..count {
        files.append(&path("f"), "b".into()).await.unwrap();
    }
}

#[test]
fn an_append_on_which_others_appended_happened_once() {
    for others in [1, 3, 15] {
        for site in [Site::s3(), Site::gcs()] {
            run(async {
                let (appended, file) =
                    append_while(&site, async |files| append_times(files, others).await).await;
                assert_eq!(file, format!("0A{}", "b".repeat(others)), "on {}", site.name);
                assert_eq!(appended.unwrap(), 2);
            });
        }
    }
}

#[test]
fn an_append_that_cannot_be_told_any_more_is_an_error_and_not_repeated() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let (appended, file) = append_while(&site, async |files| append_times(files, 20).await).await;
            assert_eq!(file, format!("0A{}", "b".repeat(20)), "on {}", site.name);
            check_unclear(&appended.unwrap_err());
            let (appended, file) = append_while(&site, async |files| put(files, "new").await).await;
            assert_eq!(file, "new", "on {}", site.name);
            check_unclear(&appended.unwrap_err());
        });
    }
}

fn check_unclear(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(!error.is_retryable() && error.advice().is_some(), "{error}");
}

#[test]
fn an_append_that_lost_for_sure_is_made_again_whatever_the_others_did() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let server = site.server.as_ref().unwrap();
            for (is_replaced, expected) in
                [(false, format!("0{}A", "b".repeat(20))), (true, "newA".to_owned())]
            {
                let (one, other) = (site.open(), site.open());
                other.conditions().await.unwrap();
                one.conditions().await.unwrap();
                let (one, other) = (StoreFiles::new(tree_of(one)), StoreFiles::new(tree_of(other)));
                put(&one, "0").await;
                server.take_requests();
                server.inject(Fault::once(FaultKind::Delay(PAUSE), conditional_put));
                let append = tokio::spawn(async move { one.append(&path("f"), "A".into()).await });
                await_writes(server, 1).await;
                if is_replaced {
                    put(&other, "new").await
                } else {
                    append_times(&other, 20).await
                }
                append.await.unwrap().unwrap();
                assert_eq!(read(&other).await, expected, "on {}", site.name);
            }
        });
    }
}

#[test]
fn a_write_that_another_one_took_the_place_of_beforehand_is_known_to_have_lost() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let server = site.server.as_ref().unwrap();
            let (store, object) = (site.open(), key("x").unwrap());
            store.conditions().await.unwrap();
            let created = store.put_if(&object, "1".into(), &Condition::Absent).await.unwrap();
            let PutOutcome::Stored(version) = created else { panic!("{created:?}") };
            let condition = Condition::Unchanged(version);
            for absent in [false, true] {
                server.take_requests();
                // Nothing happens, and the client asks again.
                server.inject(Fault::once(FaultKind::Unavailable, conditional_put));
                server.inject(Fault::once(FaultKind::Delay(PAUSE), conditional_put));
                let (name, condition) = match absent {
                    false => (object.clone(), condition.clone()),
                    true => (key("y").unwrap(), Condition::Absent),
                };
                let write = {
                    let (store, name, condition) = (site.open(), name.clone(), condition.clone());
                    store.conditions().await.unwrap();
                    tokio::spawn(async move { store.put_if(&name, "2".into(), &condition).await })
                };
                await_writes(server, 2).await;
                let other = store.put_if(&name, "3".into(), &condition).await.unwrap();
                assert!(matches!(other, PutOutcome::Stored(_)));
                assert_eq!(write.await.unwrap().unwrap(), PutOutcome::Refused, "on {}", site.name);
            }
        });
    }
}

#[test]
fn appends_of_many_whose_answers_are_lost_arrive_once() {
    for site in [Site::s3(), Site::gcs()] {
        run(async {
            let server = site.server.as_ref().unwrap();
            let opened = site.open();
            opened.conditions().await.unwrap();
            put(&StoreFiles::new(tree_of(opened)), "").await;
            for kind in [FaultKind::FailedAnswer, FaultKind::LostAnswer] {
                let chance = move |request: &SeenRequest| conditional_put(request) && fastrand::u8(..3) == 0;
                server.inject(Fault::once(kind, chance).times(10_000));
            }
            let writers = (0..6).map(|writer| {
                let files = StoreFiles::new(tree_of(site.open()));
                tokio::spawn(async move {
                    let mut told = Vec::new();
                    for line in 0..8 {
                        let line = format!("{writer} {line}\n");
                        let appended = files.append(&path("f"), line.clone().into()).await;
                        told.push((line, appended.is_ok()));
                    }
                    told
                })
            });
            let mut told = Vec::new();
            for writer in writers.collect::<Vec<_>>() {
                told.extend(writer.await.unwrap());
            }
            let object =
                server.keys(BUCKET).into_iter().find(|key| key.ends_with("/f") || key == "f").unwrap();
            let content = String::from_utf8(server.object(BUCKET, &object).unwrap().bytes.to_vec()).unwrap();
            for (line, was_told) in &told {
                let found = content.matches(line.as_str()).count();
                assert!(found <= 1, "on {}: {line:?} is there {found} times", site.name);
                assert!(found == 1 || !was_told, "on {}: {line:?} is lost", site.name);
            }
            assert!(told.iter().filter(|(_, was_told)| *was_told).count() > told.len() / 2);
        });
    }
}
