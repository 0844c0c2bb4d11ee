//! Roots on object stores: opened by address, recorded, refused, and never telling a secret.

use crate::{BUCKET, options, s3};
use fascicle::{Error, ErrorKind, OpenOptions, Root, StorageConfiguration};
use fascicle_test_servers::{BEARER_TOKEN, ObjectServer, SECRET_KEY};
use std::time::{Duration, Instant};

async fn put_and_read(root: &Root, backend: &str) {
    let cells = root.dir("cells").unwrap();
    cells.put("x", [0.5, 1.5]).await.unwrap();
    cells.append("x", [2.5]).await.unwrap();
    assert_eq!(cells.array("x").await.unwrap().read::<Vec<f64>>().await.unwrap(), [0.5, 1.5, 2.5]);
    assert_eq!(root.backend().name(), backend);
}

fn told(error: &Error) -> String {
    format!("{error} {error:?} {}", error.chain())
}

/// Opens a place of every kind, and returns the keys of the bucket and the folder's path.
async fn every_place(backend: &str) -> (Vec<String>, std::path::PathBuf, tempfile::TempDir) {
    let server = ObjectServer::with_bucket(BUCKET);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let file = format!("file://{}", folder.path().join("other").display());
    for (place, options) in [
        ("s3://bucket/deep/data".to_owned(), s3(&server)),
        ("s3a://bucket".to_owned(), s3(&server)),
        ("gs://bucket/google".to_owned(), options(server.gcs_options())),
        (format!("memory:stores-{backend}"), OpenOptions::default()),
        (path.to_str().unwrap().to_owned(), OpenOptions::default().with_fsync(false)),
        (file, OpenOptions::default().with_option("fsync", false)),
    ] {
        put_and_read(&options.with_backend(backend).open(&place).await.unwrap(), backend).await;
    }
    (server.keys(BUCKET), path, folder)
}

#[tokio::test]
async fn one_backend_on_every_place() {
    let (keys, path, _folder) = every_place("zarr").await;
    assert!(path.join("cells/x.zarr/zarr.json").is_file());
    for key in ["deep/data/cells/x.zarr/zarr.json", "cells/x.zarr/zarr.json", "google/cells/x.zarr/zarr.json"]
    {
        assert!(keys.iter().any(|stored| stored == key), "{keys:?}");
    }
}

#[cfg(feature = "parquet")]
#[tokio::test]
async fn another_backend_on_every_place() {
    let (keys, path, _folder) = every_place("parquet").await;
    assert!(path.join("cells/x.array.parquet/_array.parquet").is_file());
    for directory in ["deep/data/", "", "google/"] {
        let key = format!("{directory}cells/x.array.parquet/_array.parquet");
        assert!(keys.contains(&key), "{keys:?}");
    }
    let odd = OpenOptions::default().with_backend("parquet").with_option("array_part_byte", 8);
    let error = odd.open("memory:odd").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("did you mean 'array_part_bytes'?"), "{error}");
    let small = OpenOptions::default().with_backend("parquet").with_option("array_part_bytes", "16B");
    let root = small.with_option("chunk_bytes", "8B").open("memory:small").await.unwrap();
    root.dir("cells").unwrap().put("x", [1.0, 2.0, 3.0, 4.0]).await.unwrap();
    let names = root.backend().stat(&"cells/x".parse().unwrap()).await.unwrap().stored_name;
    assert_eq!(names, "x.array.parquet");
}

#[tokio::test]
async fn a_root_on_a_store_says_its_backend_once_it_was_named() {
    let server = ObjectServer::with_bucket(BUCKET);
    let place = "s3://bucket/data";
    let unnamed = s3(&server).open(place).await.unwrap_err();
    assert_eq!(unnamed.kind(), ErrorKind::InvalidInput, "{unnamed}");
    assert!(unnamed.to_string().contains("--backend zarr"), "{unnamed}");
    assert!(server.keys(BUCKET).is_empty(), "what is refused leaves nothing");
    let named = s3(&server).with_backend("zarr");
    put_and_read(&named.clone().with_read_only(false).open(place).await.unwrap(), "zarr").await;
    assert_eq!(
        server.object(BUCKET, "data/_fascicle.yaml").unwrap().bytes[..],
        b"format_version: 1\nbackend: zarr\n"[..]
    );
    server.take_requests();
    let root = s3(&server).open(place).await.unwrap();
    assert_eq!(server.take_requests().len(), 1, "the marker is read, and nothing else");
    assert!(root.contains("cells/x").await.unwrap());
    let other = s3(&server).with_backend("hdf5").open(place).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Mismatch, "{other}");
    let before = server.keys(BUCKET);
    let looking = named.with_read_only(true).open("s3://bucket/looked-at").await.unwrap();
    assert!(looking.as_dir().names().await.unwrap().is_empty());
    assert_eq!(looking.dir("d").unwrap().put("x", [1.0]).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(server.keys(BUCKET), before, "who only looks leaves nothing");
}

#[tokio::test]
async fn a_root_is_made_with_options_that_last() {
    let server = ObjectServer::with_bucket(BUCKET);
    let asked =
        s3(&server).with_backend("zarr").with_option("chunk_bytes", "80B").with_option("codec", "gzip");
    let place = "s3://bucket/data";
    asked.init(place).await.unwrap();
    asked.init(place).await.unwrap();
    let marker = server.object(BUCKET, "data/_fascicle.yaml").unwrap();
    let marker = String::from_utf8(marker.bytes.to_vec()).unwrap();
    assert_eq!(marker, "format_version: 1\nbackend: zarr\noptions:\n  chunk_bytes: '80B'\n  codec: gzip\n");
    let error = s3(&server).with_backend("zarr").init(place).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    let root = s3(&server).open(place).await.unwrap();
    let x = root.dir("cells").unwrap();
    x.put("x", vec![0.5; 100]).await.unwrap();
    let chunks = x.array("x").await.unwrap().description().chunks.clone().unwrap();
    assert!(chunks[0] <= 10, "{chunks:?}");
    let racing = futures_of_init(&server).await;
    assert_eq!(racing.iter().filter(|made| made.is_ok()).count(), 1, "{racing:?}");
}

/// Several makers of one root that differ.
async fn futures_of_init(server: &ObjectServer) -> Vec<fascicle::Result<Root>> {
    let makers: Vec<_> = (0..4)
        .map(|number| {
            let options = s3(server).with_backend("zarr").with_option("max_objects", 10 + number);
            tokio::spawn(async move { options.init("s3://bucket/raced").await })
        })
        .collect();
    let mut made = Vec::new();
    for maker in makers {
        made.push(maker.await.unwrap());
    }
    made
}

#[tokio::test]
async fn a_configured_place_needs_no_more_than_its_name() {
    let server = ObjectServer::with_bucket(BUCKET);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fascicle.yaml");
    let text = "
places:
  cloud:
    url: s3://bucket/data
    backend: zarr
    options: { region: us-east-1, chunk_bytes: 8KiB, concurrent_requests: 4, timeout: 20s, checksum: false }
    arrays: { codec: zstd }
  odd: { url: s3://bucket/data, backend: zarr, options: { regoin: x, chunk_byte: 8 } }
  wrong: { url: s3://bucket/data, backend: zarr, options: { missing_chunks: maybe } }
  local: { url: ./data, backend: zarr, options: { region: x } }
";
    std::fs::write(&file, text).unwrap();
    let configured =
        |options: OpenOptions| options.with_configuration(StorageConfiguration::read(&file, None).unwrap());
    let options = configured(s3(&server));
    put_and_read(&options.open("@cloud").await.unwrap(), "zarr").await;
    assert!(options.open_dir("@cloud/cells").await.unwrap().contains("x").await.unwrap());
    server.take_requests();
    for (name, expected) in
        [("@odd", "`places.odd"), ("@wrong", "fill or error"), ("@local", "no option 'region'")]
    {
        let options = configured(if name == "@local" { OpenOptions::default() } else { s3(&server) });
        let error = options.init(name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(server.take_requests().is_empty(), "options are checked before anything is asked");
}

#[tokio::test]
async fn the_root_of_an_address_is_found() {
    let server = ObjectServer::with_bucket(BUCKET);
    s3(&server).with_backend("zarr").init("s3://bucket/lab/data").await.unwrap();
    server.put_object(BUCKET, "indexed/_index/x", "");
    for (address, expected) in [
        ("s3://bucket/lab/data/Cells_0000/deep/x", Some(("s3://bucket/lab/data", "Cells_0000/deep/x"))),
        ("s3://bucket/lab/data/", Some(("s3://bucket/lab/data", ""))),
        ("s3://bucket/indexed/x", Some(("s3://bucket/indexed", "x"))),
        ("s3://bucket/lab", None),
        ("s3://bucket", None),
    ] {
        let found = s3(&server).find_root(address).await.unwrap();
        let found = found.as_ref().map(|(root, path)| (root.as_str(), path.as_str()));
        assert_eq!(found, expected, "{address}");
    }
}

#[tokio::test]
async fn what_a_store_refuses_is_typed_bounded_and_tells_no_secret() {
    let server = ObjectServer::with_bucket(BUCKET);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let quick = |options: OpenOptions| {
        options.with_backend("zarr").with_option("max_retries", 1).with_option("retry_timeout", "1s")
    };
    let hidden = "hidden-secret-value";
    let slow = ObjectServer::with_bucket(BUCKET);
    slow.set_latency(Duration::from_secs(5));
    let cases = [
        (quick(s3(&server)), "s3://missing-bucket/x", ErrorKind::NotFound),
        (quick(s3(&server).with_option("aws_endpoint", nobody)), "s3://bucket/x", ErrorKind::Unavailable),
        (
            quick(s3(&server).with_option("aws_access_key_id", hidden)),
            "s3://bucket/x",
            ErrorKind::PermissionDenied,
        ),
        (
            quick(options(server.gcs_options()).with_option("google_bearer_token", hidden)),
            "gs://bucket/x",
            ErrorKind::PermissionDenied,
        ),
        (quick(s3(&slow)).with_option("timeout", "200ms"), "s3://bucket/x", ErrorKind::TimedOut),
        (quick(s3(&server)).with_option("allow_http", false), "s3://bucket/x", ErrorKind::PermissionDenied),
    ];
    for (options, place, kind) in cases {
        let started = Instant::now();
        let debug = format!("{options:?}");
        let error = options.open(place).await.unwrap_err();
        let told = format!("{} {debug}", told(&error));
        assert_eq!(error.kind(), kind, "{told}");
        for secret in [SECRET_KEY, BEARER_TOKEN, hidden] {
            assert!(!told.contains(secret), "{told}");
        }
        assert!(started.elapsed() < Duration::from_secs(10), "{place}: {:?}", started.elapsed());
    }
    let secret = s3(&server).with_backend("zarr").with_option("password", hidden);
    let error = secret.init("s3://bucket/x").await.unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidInput && !told(&error).contains(hidden), "{error}");
    server.put_object(BUCKET, "broken/_fascicle.yaml", "[");
    assert_eq!(s3(&server).open("s3://bucket/broken").await.unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(server.keys(BUCKET).iter().all(|key| key.starts_with("broken/")));
}
