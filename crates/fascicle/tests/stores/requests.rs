//! How many requests what a user does costs on an object store.

use crate::{BUCKET, options, s3};
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

#[tokio::test]
async fn opening_a_root_that_says_what_it_is_takes_one_request() {
    let server = ObjectServer::with_bucket(BUCKET);
    for (place, of_store) in
        [("s3://bucket/data", s3(&server)), ("gs://bucket/google", options(server.gcs_options()))]
    {
        of_store.clone().with_backend("zarr").init(place).await.unwrap();
        server.take_requests();
        of_store.open(place).await.unwrap();
        at_most(1, &server, "opening a root");
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
