//! The conformance suite on the Zarr backend in memory.

use fascicle_conformance::{Site, Suite};
use fascicle_objects::StoreConfig;
use fascicle_zarr::{ZarrBackend, ZarrOptions};
use std::process::ExitCode;

fn main() -> ExitCode {
    Suite::new("zarr+memory", |site: Site| async move {
        let config = StoreConfig::new(&format!("memory:{}", site.prefix().replace('/', "-")))?;
        ZarrBackend::open(&config, ZarrOptions::default()).await
    })
    .main()
}
