//! Roots on object stores.
#![cfg(feature = "zarr")]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod opened;
mod requests;
mod uncoordinated;

use fascicle::OpenOptions;
use fascicle::config::Map;
use fascicle_test_servers::ObjectServer;
use std::collections::BTreeMap;

const BUCKET: &str = "bucket";

/// Options to open places by that reach a server.
fn options(of_store: BTreeMap<String, String>) -> OpenOptions {
    let options: Map = of_store
        .into_iter()
        .map(|(name, value)| {
            let value = if value == "true" { true.into() } else { value.into() };
            (name, value)
        })
        .collect();
    OpenOptions { options, ..OpenOptions::default() }
}

fn s3(server: &ObjectServer) -> OpenOptions {
    options(server.s3_options())
}
