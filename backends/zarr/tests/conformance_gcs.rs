//! The conformance suite on the Zarr backend on a server that runs in this process and speaks the language of Google Cloud Storage.

use fascicle_conformance::{Site, Suite};
use fascicle_objects::{StoreConfig, StoreOptions};
use fascicle_test_servers::ObjectServer;
use fascicle_zarr::{ZarrBackend, ZarrOptions};
use std::{process::ExitCode, sync::Arc};

fn main() -> ExitCode {
    let server = Arc::new(ObjectServer::with_bucket("bucket"));
    Suite::new("zarr+gcs", move |site: Site| {
        let server = server.clone();
        async move {
            let options: StoreOptions = server.gcs_options().into();
            let config = StoreConfig::new(&format!("gs://bucket/{}", site.prefix()))?.with_options(options);
            ZarrBackend::open(&config, ZarrOptions::default()).await
        }
    })
    .main()
}
