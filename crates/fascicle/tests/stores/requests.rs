//! How many requests what a user does costs on an object store.

use crate::{BUCKET, options, s3};
use fascicle::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use fascicle::{Config, Directory, IdentityRules, ResolveOptions, Root};
use fascicle_test_servers::{ObjectServer, SeenRequest};
use std::sync::Arc;

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

/// Finds or builds the cells of a seed, with one small file in them.
async fn cells(root: &Root, seed: i64) -> Directory {
    let config = Config::new("Cells").with("seed", seed);
    let build = |directory: Directory| async move {
        directory.put_file("note", "built").await?;
        Ok(())
    };
    let (rules, options) = (IdentityRules::default(), ResolveOptions::default());
    root.resolve_config(&config, &rules, &options, build).await.unwrap().directory
}

#[tokio::test]
async fn finding_takes_two_requests_and_building_eight() {
    let server = ObjectServer::with_bucket(BUCKET);
    let root = s3(&server).with_backend("zarr").open("s3://bucket/data").await.unwrap();
    cells(&root, 0).await;
    server.take_requests();
    root.dir("Cells_0000").unwrap().put_file("measure", "what a file costs").await.unwrap();
    let of_the_file = server.take_requests().len();
    cells(&root, 1).await;
    at_most(8 + of_the_file, &server, "building");
    cells(&root, 1).await;
    at_most(2, &server, "finding");
    // Another process knows nothing yet.
    let other = s3(&server).with_backend("zarr").open("s3://bucket/data").await.unwrap();
    server.take_requests();
    cells(&other, 1).await;
    at_most(2, &server, "finding by another process");
}

#[tokio::test]
async fn opening_an_array_takes_one_request_and_appending_to_it_four() {
    let server = ObjectServer::with_bucket(BUCKET);
    let root = s3(&server).with_backend("zarr").open("s3://bucket/data").await.unwrap();
    let directory = root.dir("cells").unwrap();
    directory.put("x", [1.0]).await.unwrap();
    server.take_requests();
    assert_eq!(directory.array("x").await.unwrap().len(), 1);
    at_most(1, &server, "opening an array");
    directory.append("x", [2.0]).await.unwrap();
    server.take_requests();
    directory.append("x", [3.0]).await.unwrap();
    // What the array is, and whether its directory is finished, is looked at before.
    at_most(4, &server, "appending to an array");
}

#[tokio::test]
async fn appending_to_a_table_takes_three_requests() {
    let server = ObjectServer::with_bucket(BUCKET);
    let root = s3(&server).with_backend("zarr").open("s3://bucket/data").await.unwrap();
    let directory = root.dir("cells").unwrap();
    let rows = RecordBatch::try_from_iter([("x", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
    directory.append_table("t", &rows).await.unwrap();
    directory.append_table("t", &rows).await.unwrap();
    server.take_requests();
    directory.append_table("t", &rows).await.unwrap();
    // Two are the append; the first one asks whether the directory is finished.
    at_most(3, &server, "appending to a table");
}
