//! The conformance suite on the Parquet backend, on every kind of store. `cargo test --test conformance -- parquet+s3/` is one of them.

use fascicle_conformance::{Site, Suite};
use fascicle_objects::{LocalStoreOptions, StoreConfig, StoreOptions};
use fascicle_parquet::{ParquetBackend, ParquetOptions};
use fascicle_test_servers::{AzuriteServer, ObjectServer, Rotation};
use std::{process::ExitCode, sync::LazyLock, time::Duration};

fn main() -> ExitCode {
    let mut suites = vec![memory(), local(), s3(), gcs()];
    // Minutes, which a run of all tests spends on Azurite below the Zarr backend; `tools/conformance` asks for both.
    if std::env::var_os("FASCICLE_ALL_SERVERS").is_some() {
        suites.push(azure());
    }
    Suite::main_of(suites)
}

fn memory() -> Suite {
    Suite::new("parquet+memory", |site: Site| async move {
        let config = StoreConfig::new(&format!("memory:{}", site.prefix().replace('/', "-")))?;
        ParquetBackend::open(&config, ParquetOptions::default()).await
    })
}

fn local() -> Suite {
    Suite::new("parquet+local", |site: Site| async move {
        // Nothing here looks at what survives a power failure, and without that the suite takes seconds.
        let local = LocalStoreOptions { fsync: false, ..LocalStoreOptions::default() };
        let config = StoreConfig::new(&site.dir().join("root").display().to_string())?.with_local(local);
        ParquetBackend::open(&config, ParquetOptions::default()).await
    })
}

/// A server that runs in this process and speaks the language of S3.
fn s3() -> Suite {
    static SERVER: LazyLock<ObjectServer> = LazyLock::new(|| ObjectServer::with_bucket("bucket"));
    on_server("parquet+s3", "s3://bucket", |_| SERVER.s3_options().into())
}

/// A server that runs in this process and speaks the language of Google Cloud Storage.
fn gcs() -> Suite {
    static SERVER: LazyLock<ObjectServer> = LazyLock::new(|| ObjectServer::with_bucket("bucket"));
    on_server("parquet+gcs", "gs://bucket", |_| SERVER.gcs_options().into())
}

/// Azurite, the emulator of Azure Blob Storage.
fn azure() -> Suite {
    static SERVERS: Rotation<AzuriteServer> = Rotation::new(|| {
        let server = AzuriteServer::start();
        server.create_container("container");
        server
    });
    on_server("parquet+azure", "az://container", |place| SERVERS.of(place).azure_options().into())
}

/// The suite at prefixes of a bucket on a server, which is started by whoever asks first how a prefix is reached.
fn on_server(name: &'static str, bucket: &'static str, options: fn(&str) -> StoreOptions) -> Suite {
    Suite::new(name, move |site: Site| async move {
        let config = StoreConfig::new(&format!("{bucket}/{}", site.prefix()))?;
        let config = config.with_options(options(site.prefix()));
        ParquetBackend::open(&config, ParquetOptions::default()).await
    })
    // Servers take their time, and do so for several suites at once.
    .deadline(Duration::from_secs(180))
}
