//! The conformance suite on the Zarr backend on an S3 server that runs in this process.

use fascicle_conformance::{Site, Suite};
use fascicle_objects::{StoreConfig, StoreOptions};
use fascicle_test_servers::ObjectServer;
use fascicle_zarr::{ZarrBackend, ZarrOptions};
use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    let server = Arc::new(ObjectServer::with_bucket("bucket"));
    Suite::new("zarr+s3", move |site: Site| {
        let server = server.clone();
        async move {
            let options: StoreOptions = server.s3_options().into();
            let config = StoreConfig::new(&format!("s3://bucket/{}", site.prefix()))?.with_options(options);
            ZarrBackend::open(&config, ZarrOptions::default()).await
        }
    })
    .main()
}
