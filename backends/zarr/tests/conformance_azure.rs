//! The conformance suite on the Zarr backend on Azurite, the emulator of Azure Blob Storage.

use fascicle_conformance::{Site, Suite};
use fascicle_objects::{StoreConfig, StoreOptions};
use fascicle_test_servers::AzuriteServer;
use fascicle_zarr::{ZarrBackend, ZarrOptions};
use std::{process::ExitCode, sync::OnceLock};

fn main() -> ExitCode {
    Suite::new("zarr+azure", |site: Site| async move {
        let options: StoreOptions = server().azure_options().into();
        let config = StoreConfig::new(&format!("az://container/{}", site.prefix()))?.with_options(options);
        ZarrBackend::open(&config, ZarrOptions::default()).await
    })
    .main()
}

/// The server with its container, started for the first behaviour, so that listing them starts none.
fn server() -> &'static AzuriteServer {
    static SERVER: OnceLock<&AzuriteServer> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = AzuriteServer::shared();
        server.create_container("container");
        server
    })
}
