//! The conformance suite on the Parquet backend on a local file system.

use fascicle_conformance::{Site, Suite};
use fascicle_objects::{LocalStoreOptions, StoreConfig};
use fascicle_parquet::{ParquetBackend, ParquetOptions};
use std::process::ExitCode;

fn main() -> ExitCode {
    Suite::new("parquet+local", |site: Site| async move {
        // Nothing here looks at what survives a power failure, and without that the suite takes seconds.
        let local = LocalStoreOptions { fsync: false, ..LocalStoreOptions::default() };
        let config = StoreConfig::new(&site.dir().join("root").display().to_string())?.with_local(local);
        ParquetBackend::open(&config, ParquetOptions::default()).await
    })
    .main()
}
