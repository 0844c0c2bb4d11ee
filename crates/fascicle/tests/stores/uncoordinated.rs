//! Building on a service that accepts the conditions of writes and ignores them.

use crate::{BUCKET, s3};
use fascicle::config::{Config, IdentityRules};
use fascicle::{Directory, ErrorKind, OpenOptions, ResolveOptions, Result, Root};
use fascicle_test_servers::ObjectServer;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const PLACE: &str = "s3://bucket/data";

async fn open(server: &ObjectServer, change: impl FnOnce(OpenOptions) -> OpenOptions) -> Result<Root> {
    change(s3(server).with_backend("zarr")).open(PLACE).await
}

fn ignorant() -> ObjectServer {
    let server = ObjectServer::with_bucket(BUCKET);
    server.ignore_conditions();
    server
}

/// Several callers ask for one config by handles of their own; returns how often it was built, and where.
async fn ask(roots: Vec<Root>) -> Result<(usize, Vec<String>)> {
    let built = Arc::new(AtomicUsize::new(0));
    let askers = roots.into_iter().map(|root| {
        let built = built.clone();
        tokio::spawn(async move {
            let build = |dir: Directory| {
                let built = built.clone();
                async move {
                    built.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    dir.put("x", [1.0, 2.0]).await?;
                    Ok(())
                }
            };
            let (config, rules) = (Config::new("Cells").with("n", 3), IdentityRules::default());
            let found = root.resolve_config(&config, &rules, &ResolveOptions::default(), build).await?;
            assert_eq!(found.directory.array("x").await?.read::<Vec<f64>>().await?, [1.0, 2.0]);
            Ok::<String, fascicle::Error>(found.directory.path().to_string())
        })
    });
    let mut places = Vec::new();
    for asker in askers.collect::<Vec<_>>() {
        places.push(asker.await.unwrap()?);
    }
    Ok((built.load(Ordering::Relaxed), places))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn building_is_refused_and_everything_else_works() {
    let server = ignorant();
    let root = open(&server, |options| options).await.unwrap();
    root.dir("cells").unwrap().put("x", [1.0]).await.unwrap();
    root.dir("cells").unwrap().put("x", [2.0]).await.unwrap();
    let x = root.dir("cells").unwrap().array("x").await.unwrap();
    assert_eq!(x.read::<Vec<f64>>().await.unwrap(), [2.0]);
    let error = ask(vec![root]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.to_string().contains("lock_root"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_store_or_a_promise_makes_up_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let locks = folder.path().to_str().unwrap();
    for (name, value) in [("lock_root", locks), ("coordination", "none")] {
        let server = ignorant();
        let mut roots = Vec::new();
        for _ in 0..4 {
            roots.push(open(&server, |options| options.with_option(name, value)).await.unwrap());
        }
        let (built, places) = ask(roots).await.unwrap();
        assert_eq!((built, places.as_slice()), (1, &["Cells_0000"; 4].map(str::to_owned)[..]), "{name}");
        let marker = server.object(BUCKET, "data/_fascicle.yaml").unwrap();
        assert_eq!(
            marker.bytes[..],
            b"format_version: 1\nbackend: zarr\n"[..],
            "it is for the callers to say"
        );
    }
    assert!(folder.path().join("_index/v1").is_dir());
}

#[tokio::test]
async fn a_place_for_records_is_checked() {
    let server = ignorant();
    for (name, value) in [
        ("lock_root", "relative/folder"),
        ("lock_root", "https://user:hidden@host/x"),
        ("lock_root", "@name"),
        ("coordination", "perhaps"),
    ] {
        let error = open(&server, |options| options.with_option(name, value)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(!error.chain().contains("hidden"), "{error}");
    }
    let both = |options: OpenOptions| {
        options.with_option("coordination", "none").with_option("lock_root", "memory:locks")
    };
    assert_eq!(open(&server, both).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(server.keys(BUCKET).is_empty());
}
