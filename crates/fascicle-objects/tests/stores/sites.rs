//! The places on which the checks run.

use fascicle_backend::{EntryKind, EntryPath};
use fascicle_objects::{Layout, LocalStoreOptions, PrefixForm, Store, StoreConfig, StoreLimits, Tree};
use fascicle_test_servers::{AzuriteServer, MotoServer, ObjectServer};
use std::{
    future::Future,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// The bucket, or container, that every server holds.
pub(crate) const BUCKET: &str = "bucket";

/// A fresh place, and what keeps it alive.
pub(crate) struct Site {
    pub(crate) name: &'static str,
    config: StoreConfig,
    holder: Option<tempfile::TempDir>,
    _held: Option<Store>,
    pub(crate) server: Option<ObjectServer>,
}

impl Site {
    /// A handle of its own on the place.
    pub(crate) fn open(&self) -> Store {
        Store::open(&self.config).unwrap()
    }

    /// How it is opened.
    pub(crate) fn config(&self) -> &StoreConfig {
        &self.config
    }

    /// The same, opened otherwise.
    pub(crate) fn open_as(&self, change: impl FnOnce(StoreConfig) -> StoreConfig) -> Store {
        Store::open(&change(self.config.clone())).unwrap()
    }

    /// The folder that a local place is in.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.holder.as_ref().unwrap().path()
    }

    pub(crate) fn local() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig::new(folder.path().join("root").to_str().unwrap())
            .unwrap()
            .with_local(LocalStoreOptions { fsync: false, ..LocalStoreOptions::default() });
        Site { name: "local", config, holder: Some(folder), _held: None, server: None }
    }

    pub(crate) fn memory() -> Site {
        let config = StoreConfig::new(&format!("memory:{}", fresh_prefix())).unwrap();
        // A store in memory lives while it is held.
        let held = Store::open(&config).unwrap();
        Site { name: "memory", config, holder: None, _held: Some(held), server: None }
    }

    pub(crate) fn s3() -> Site {
        let server = ObjectServer::with_bucket(BUCKET);
        let config = quick(&format!("s3://{BUCKET}/deep/ü")).with_options(server.s3_options());
        Site { name: "s3", config, holder: None, _held: None, server: Some(server) }
    }

    pub(crate) fn gcs() -> Site {
        let server = ObjectServer::with_bucket(BUCKET);
        let config = quick(&format!("gs://{BUCKET}")).with_options(server.gcs_options());
        Site { name: "gcs", config, holder: None, _held: None, server: Some(server) }
    }

    fn moto() -> Site {
        let server = MotoServer::shared();
        server.create_bucket(BUCKET);
        let config = quick(&format!("s3://{BUCKET}/{}", fresh_prefix())).with_options(server.s3_options());
        Site { name: "moto", config, holder: None, _held: None, server: None }
    }

    fn azurite() -> Site {
        let server = AzuriteServer::shared();
        server.create_container(BUCKET);
        let config = quick(&format!("az://{BUCKET}/{}", fresh_prefix())).with_options(server.azure_options());
        Site { name: "azurite", config, holder: None, _held: None, server: None }
    }
}

/// A configuration that gives up soon.
pub(crate) fn quick(place: &str) -> StoreConfig {
    StoreConfig::new(place).unwrap().with_limits(StoreLimits {
        request_timeout: Duration::from_secs(20),
        max_retries: 2,
        ..StoreLimits::default()
    })
}

fn fresh_prefix() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("place-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Runs a check on every kind of store.
pub(crate) fn on_every_store<F: Future<Output = ()>>(check: impl Fn(Site) -> F) {
    for site in [Site::local, Site::memory, Site::s3, Site::gcs, Site::moto, Site::azurite] {
        let (site, started) = (site(), Instant::now());
        let name = site.name;
        println!("on {name}");
        run(check(site));
        println!("on {name}: {:?}", started.elapsed());
    }
}

/// Runs a check to its end.
pub(crate) fn run(check: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(check);
}

/// The entries of a store, with arrays and tables as the backends keep them.
pub(crate) fn tree_of(store: Store) -> Tree {
    let form = |suffix, kind, key_names| PrefixForm { suffix, kind, key_names, foreign_suffix: None };
    Tree::new(
        store,
        Layout::new([
            form(".zarr", EntryKind::Array, &["zarr.json"]),
            form(".parquet", EntryKind::Table, &["part-00000000000000000000.parquet"]),
        ]),
    )
}

/// Parses the path of an entry.
pub(crate) fn path(text: &str) -> EntryPath {
    EntryPath::parse(text).unwrap()
}
