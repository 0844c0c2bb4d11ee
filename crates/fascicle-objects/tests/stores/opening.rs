//! Opening places, and what is said when that fails.

use crate::sites::{BUCKET, Site, quick, run};
use fascicle_backend::{Error, ErrorKind};
use fascicle_objects::{LocalStoreOptions, Store, StoreConfig, StoreOptions, key};
use fascicle_test_servers::{ACCESS_KEY, ObjectServer, SECRET_KEY};
use std::time::{Duration, Instant};

fn assert_no_secret(error: &Error) {
    let text = format!("{error} {error:?} {}", error.chain());
    for secret in [SECRET_KEY, "wrong-secret", "wrong-token"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_missing_bucket_is_named() {
    for (mut config, server) in [Site::s3(), Site::gcs()].map(|site| {
        let server = site.server.unwrap();
        (quick("s3://nowhere").with_options(server.s3_options()), server)
    }) {
        run(async {
            for place in ["s3://nowhere", "gs://nowhere"] {
                let options =
                    if place.starts_with("s3") { server.s3_options() } else { server.gcs_options() };
                config = quick(place).with_options(options);
                let store = Store::open(&config).unwrap();
                for error in [
                    store.read(&key("x").unwrap(), 10).await.unwrap_err(),
                    store.put(&key("x").unwrap(), "1".into()).await.unwrap_err(),
                    store.list_children(&key("").unwrap()).await.unwrap_err(),
                    store.conditions().await.unwrap_err(),
                ] {
                    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
                    assert!(error.message().contains("'nowhere'") && error.advice().is_some(), "{error}");
                    assert_no_secret(&error);
                }
            }
        });
    }
}

#[test]
fn wrong_credentials_are_refused_without_being_shown() {
    let server = ObjectServer::with_bucket(BUCKET);
    let s3 = StoreOptions::from(server.s3_options())
        .with("aws_access_key_id", "AKIAWRONG")
        .with("aws_secret_access_key", "wrong-secret");
    let gcs = StoreOptions::from(server.gcs_options()).with("google_bearer_token", "wrong-token");
    for (place, options) in [("s3://bucket", s3), ("gs://bucket", gcs)] {
        run(async {
            let config = quick(place).with_options(options);
            let store = Store::open(&config).unwrap();
            for error in [
                store.read(&key("x").unwrap(), 10).await.unwrap_err(),
                store.put(&key("x").unwrap(), "1".into()).await.unwrap_err(),
                store.list_children(&key("").unwrap()).await.unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
                assert_no_secret(&error);
            }
            let shown = format!("{config:?} {store:?}");
            assert!(!shown.contains("wrong-"), "{shown}");
        });
    }
}

#[test]
fn an_unreachable_service_is_given_up_within_the_limit() {
    // A port on which nobody listens any more.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut config = quick("s3://bucket").with_options(
        StoreOptions::new()
            .with("aws_endpoint", endpoint)
            .with("aws_access_key_id", ACCESS_KEY)
            .with("aws_secret_access_key", SECRET_KEY)
            .with("allow_http", "true"),
    );
    config.limits.connect_timeout = Duration::from_secs(1);
    run(async {
        let started = Instant::now();
        let error = Store::open(&config).unwrap().read(&key("x").unwrap(), 10).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        assert!(started.elapsed() < Duration::from_secs(10));
        assert_no_secret(&error);
    });
}

#[test]
fn connections_without_encryption_are_asked_for_twice() {
    let credentials =
        StoreOptions::new().with("aws_access_key_id", ACCESS_KEY).with("aws_secret_access_key", SECRET_KEY);
    let http = "http://127.0.0.1:9";
    for options in [
        credentials.clone().with("aws_endpoint", http),
        credentials.clone().with("aws_endpoint", http).with("allow_http", "false"),
        credentials.clone().with("allow_http", "true"),
    ] {
        let error = Store::open(&quick("s3://bucket").with_options(options)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        assert_no_secret(&error);
    }
    let allowed = credentials.with("aws_endpoint", http).with("allow_http", "true");
    Store::open(&quick("s3://bucket").with_options(allowed)).unwrap();
}

#[test]
fn no_request_goes_where_machines_are_given_credentials() {
    let credentials =
        StoreOptions::new().with("aws_access_key_id", ACCESS_KEY).with("aws_secret_access_key", SECRET_KEY);
    for address in [
        "http://169.254.169.254/latest",
        "http://2852039166",
        "https://[fe80::1]:9000",
        "http://[::ffff:169.254.169.254]",
        "http://[fd00:ec2::254]",
        "http://Metadata.Google.Internal./computeMetadata",
    ] {
        let options = credentials.clone().with("aws_endpoint", address).with("allow_http", "true");
        let error = Store::open(&quick("s3://bucket").with_options(options)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{address}: {error:?}");
        assert!(error.message().contains("given credentials"), "{address}: {error:?}");
    }
}

#[test]
fn options_are_checked() {
    let unknown = quick("s3://bucket").with_options(StoreOptions::new().with("aws_regoin", "x"));
    let error = Store::open(&unknown).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("aws_regoin"), "{error}");
    for place in ["memory:", "/tmp/nothing-is-made-here"] {
        let config =
            StoreConfig::new(place).unwrap().with_options(StoreOptions::new().with("aws_region", "x"));
        assert_eq!(Store::open(&config).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn a_local_place_is_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let config = StoreConfig::new(file.to_str().unwrap()).unwrap().with_local(LocalStoreOptions::default());
    assert_eq!(Store::open(&config).unwrap_err().kind(), ErrorKind::WrongKind);
}
