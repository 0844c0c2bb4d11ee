//! How many requests what a user does costs on an object store.

use crate::{BUCKET, options, s3};
use fascicle::config::{Config, IdentityRules};
use fascicle::{Directory, ResolveOptions, Root};
use fascicle_test_servers::{ObjectServer, SeenRequest};

/// What was asked of the server since the last look.
fn asked(server: &ObjectServer) -> Vec<String> {
    let told = |request: SeenRequest| format!("{:?} {}", request.kind, request.key);
    server.take_requests().into_iter().map(told).collect()
}

/// Fails when there were more requests than that.
fn at_most(most: usize, server: &ObjectServer, what: &str) {
    let asked = asked(server);
    assert!(asked.len() <= most, "{what} took {} requests:\n{}", asked.len(), asked.join("\n"));
}

fn config(n: i64) -> Config {
    Config::new("Cells").with("n", n)
}

/// Finds or builds the directory of a config; nothing is stored in it.
async fn resolve(root: &Root, n: i64) -> Directory {
    let rules = IdentityRules::default();
    let build = |_: Directory| async { Ok(()) };
    let found = root.resolve_config(&config(n), &rules, &ResolveOptions::default(), build).await;
    found.unwrap().directory
}

#[tokio::test]
async fn requests_are_as_few_as_promised() {
    let server = ObjectServer::with_bucket(BUCKET);
    for (place, of_store) in
        [("s3://bucket/data", s3(&server)), ("gs://bucket/google", options(server.gcs_options()))]
    {
        of_store.clone().with_backend("zarr").init(place).await.unwrap();
        server.take_requests();
        let opened = async || of_store.open(place).await.unwrap();
        let root = opened().await;
        at_most(1, &server, "opening a root");

        resolve(&root, 0).await;
        // The first one of a type also looks at the names in the root.
        at_most(9, &server, "the first build");
        resolve(&root, 1).await;
        at_most(8, &server, "a build");
        resolve(&root, 1).await;
        at_most(2, &server, "finding by the same handle");
        let other = opened().await;
        server.take_requests();
        let cells = resolve(&other, 1).await;
        at_most(2, &server, "finding by another handle");
        assert!(other.find_config(&config(1), &IdentityRules::default()).await.unwrap().is_some());
        at_most(2, &server, "finding without building");

        let x: Vec<f64> = (0..1000).map(f64::from).collect();
        cells.put("x", x).await.unwrap();
        server.take_requests();
        let array = cells.array("x").await.unwrap();
        at_most(1, &server, "opening an array");
        array.read::<Vec<f64>>().await.unwrap();
        at_most(2, &server, "reading an array of one chunk");
        let other = resolve(&opened().await, 1).await;
        server.take_requests();
        other.append("x", [1.5]).await.unwrap();
        at_most(4, &server, "an append to one chunk");
    }
}

#[tokio::test]
async fn listing_takes_a_request_for_each_thousand() {
    let server = ObjectServer::with_bucket(BUCKET);
    let root = s3(&server).with_backend("zarr").open("s3://bucket/data").await.unwrap();
    root.dir("cells").unwrap().put("x", [1.0]).await.unwrap();
    for number in 0..2500 {
        server.put_object(BUCKET, &format!("data/cells/file-{number:04}"), "");
    }
    server.take_requests();
    let names = root.dir("cells").unwrap().names().await.unwrap();
    assert_eq!(names.len(), 2501);
    at_most(1 + 2501 / 1000, &server, "a listing");
    server.take_requests();
    assert_eq!(root.as_dir().names().await.unwrap(), ["cells"]);
    at_most(1, &server, "a short listing");
}
