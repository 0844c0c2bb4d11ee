//! The conformance suite on the Zarr backend on a local file system.

use fascicle_conformance::{Site, Suite};
use fascicle_objects::{LocalStoreOptions, StoreConfig};
use fascicle_zarr::{ZarrBackend, ZarrOptions};
use std::process::ExitCode;

fn main() -> ExitCode {
    Suite::new("zarr+local", |site: Site| async move {
        // Nothing here looks at what survives a power failure, and without that the suite takes seconds.
        let local = LocalStoreOptions { fsync: false, ..LocalStoreOptions::default() };
        let config = StoreConfig::new(&site.dir().join("root").display().to_string())?.with_local(local);
        ZarrBackend::open(&config, ZarrOptions::default()).await
    })
    .main()
}
