//! The conformance suite on the Zarr backend, on every kind of store. `cargo test --test conformance -- zarr+s3/` is one of them.

use fascicle_conformance::{Site, Suite};
use fascicle_objects::{LocalStoreOptions, StoreConfig, StoreOptions};
use fascicle_test_servers::{AzuriteServer, MotoServer, ObjectServer, Rotation};
use fascicle_zarr::{ZarrBackend, ZarrOptions};
use std::{process::ExitCode, sync::LazyLock, time::Duration};

fn main() -> ExitCode {
    Suite::main_of(vec![memory(), local(), s3(), gcs(), moto(), azure()])
}

fn memory() -> Suite {
    Suite::new("zarr+memory", |site: Site| async move {
        let config = StoreConfig::new(&format!("memory:{}", site.prefix().replace('/', "-")))?;
        ZarrBackend::open(&config, ZarrOptions::default()).await
    })
}

fn local() -> Suite {
    Suite::new("zarr+local", |site: Site| async move {
        // Nothing here looks at what survives a power failure, and without that the suite takes seconds.
        let local = LocalStoreOptions { fsync: false, ..LocalStoreOptions::default() };
        let config = StoreConfig::new(&site.dir().join("root").display().to_string())?.with_local(local);
        ZarrBackend::open(&config, ZarrOptions::default()).await
    })
}

/// A server that runs in this process and speaks the language of S3.
fn s3() -> Suite {
    static SERVER: LazyLock<ObjectServer> = LazyLock::new(|| ObjectServer::with_bucket("bucket"));
    on_server("zarr+s3", "s3://bucket", |_| SERVER.s3_options().into())
}

/// A server that runs in this process and speaks the language of Google Cloud Storage.
fn gcs() -> Suite {
    static SERVER: LazyLock<ObjectServer> = LazyLock::new(|| ObjectServer::with_bucket("bucket"));
    on_server("zarr+gcs", "gs://bucket", |_| SERVER.gcs_options().into())
}

/// moto, an S3 server in Python.
fn moto() -> Suite {
    static SERVERS: Rotation<MotoServer> = Rotation::new(|| {
        let server = MotoServer::start();
        server.create_bucket("bucket");
        server
    });
    on_server("zarr+moto", "s3://bucket", |place| SERVERS.of(place).s3_options().into())
}

/// Azurite, the emulator of Azure Blob Storage.
fn azure() -> Suite {
    static SERVERS: Rotation<AzuriteServer> = Rotation::new(|| {
        let server = AzuriteServer::start();
        server.create_container("container");
        server
    });
    on_server("zarr+azure", "az://container", |place| SERVERS.of(place).azure_options().into())
}

/// The suite at prefixes of a bucket on a server, which is started by whoever asks first how a prefix is reached.
fn on_server(name: &'static str, bucket: &'static str, options: fn(&str) -> StoreOptions) -> Suite {
    Suite::new(name, move |site: Site| async move {
        let config = StoreConfig::new(&format!("{bucket}/{}", site.prefix()))?;
        let config = config.with_options(options(site.prefix()));
        ZarrBackend::open(&config, ZarrOptions::default()).await
    })
    // Servers take their time, and do so for several suites at once.
    .deadline(Duration::from_secs(180))
}
