//! The conformance suite on the Zarr backend on moto, an S3 server in Python.

use fascicle_conformance::{Site, Suite};
use fascicle_objects::{StoreConfig, StoreOptions};
use fascicle_test_servers::MotoServer;
use fascicle_zarr::{ZarrBackend, ZarrOptions};
use std::{process::ExitCode, sync::OnceLock};

fn main() -> ExitCode {
    Suite::new("zarr+moto", |site: Site| async move {
        let options: StoreOptions = server().s3_options().into();
        let config = StoreConfig::new(&format!("s3://bucket/{}", site.prefix()))?.with_options(options);
        ZarrBackend::open(&config, ZarrOptions::default()).await
    })
    .main()
}

/// The server with its bucket, started for the first behaviour, so that listing them starts none.
fn server() -> &'static MotoServer {
    static SERVER: OnceLock<&MotoServer> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = MotoServer::shared();
        server.create_bucket("bucket");
        server
    })
}
