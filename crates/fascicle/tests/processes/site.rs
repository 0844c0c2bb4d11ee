//! The stores, each with a root of its own.

use fascicle::config::Map;
use fascicle::{OpenOptions, Root, RootOptions};
use fascicle_test_servers::ObjectServer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Hdf5,
    Zarr,
    ZarrOnS3,
    Parquet,
    ParquetOnS3,
}

/// How a root is opened; travels to the workers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Address {
    place: String,
    backend: String,
    options: BTreeMap<String, String>,
    /// After how long a silent builder is taken for dead.
    pub(crate) lease_ms: u64,
}

impl Address {
    /// Opens the root anew: nothing is remembered of what was seen before.
    pub(crate) async fn open(&self) -> Root {
        let value = |text: String| if text == "true" { true.into() } else { text.into() };
        let options: Map = self.options.clone().into_iter().map(|(name, text)| (name, value(text))).collect();
        let lease = Duration::from_millis(self.lease_ms);
        let root = RootOptions {
            beat: lease / 10,
            lease,
            poll: (Duration::from_millis(2), Duration::from_millis(20)),
            ..RootOptions::default()
        };
        let options = OpenOptions { options, ..OpenOptions::default() };
        let options = options.with_backend(&self.backend).with_root_options(root).with_fsync(false);
        options.with_lock_timeout(Duration::from_secs(120)).open(&self.place).await.unwrap()
    }
}

/// A place of one store, which goes with its value.
pub(crate) struct Site {
    pub(crate) address: Address,
    pub(crate) folder: tempfile::TempDir,
    _server: Option<ObjectServer>,
}

impl Site {
    pub(crate) fn new(store: Store, lease: Duration) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let local = folder.path().join("data").to_str().unwrap().to_owned();
        let server = matches!(store, Store::ZarrOnS3 | Store::ParquetOnS3)
            .then(|| ObjectServer::with_bucket("bucket"));
        let (place, backend) = match store {
            Store::Hdf5 => (local, "hdf5"),
            Store::Zarr => (local, "zarr"),
            Store::ZarrOnS3 => ("s3://bucket/data".to_owned(), "zarr"),
            Store::Parquet => (local, "parquet"),
            Store::ParquetOnS3 => ("s3://bucket/data".to_owned(), "parquet"),
        };
        let address = Address {
            place,
            backend: backend.to_owned(),
            options: server.as_ref().map(ObjectServer::s3_options).unwrap_or_default(),
            lease_ms: u64::try_from(lease.as_millis()).unwrap(),
        };
        Site { address, folder, _server: server }
    }
}

/// Runs a future of the judge's.
pub(crate) fn judge<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
