//! The conformance suite on the Parquet backend in memory.

use fascicle_conformance::{Site, Suite};
use fascicle_objects::StoreConfig;
use fascicle_parquet::{ParquetBackend, ParquetOptions};
use std::process::ExitCode;

fn main() -> ExitCode {
    Suite::new("parquet+memory", |site: Site| async move {
        let config = StoreConfig::new(&format!("memory:{}", site.prefix().replace('/', "-")))?;
        ParquetBackend::open(&config, ParquetOptions::default()).await
    })
    .main()
}
