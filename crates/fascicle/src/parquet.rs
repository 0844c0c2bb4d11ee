//! How the Parquet backend is opened, and which options it knows.

use crate::OpenRequest;
use crate::given::Given;
use crate::store_backend::{KnownOptions, StoreRequest, codec, concurrent_requests, set};
use fascicle_core::{Backend, Result};
use fascicle_parquet::{ParquetBackend, ParquetOptions};
use std::sync::Arc;

const OPTIONS: KnownOptions = KnownOptions {
    backend: "parquet",
    stored: &["chunk_bytes", "array_part_bytes", "codec", "level"],
    given: &[],
};

/// Opens a folder, memory, or a store in the Parquet layout.
pub(crate) async fn parquet(request: OpenRequest) -> Result<Arc<dyn Backend>> {
    let store = StoreRequest::new(&request, &OPTIONS)?;
    let given = Given { options: &request.options, stored: &request.stored };
    let mut options = ParquetOptions::default();
    set(&mut options.chunk_bytes, given.bytes("chunk_bytes")?);
    set(&mut options.array_part_bytes, given.bytes("array_part_bytes")?);
    set(&mut options.codec, codec(&given)?);
    set(&mut options.concurrent_requests, concurrent_requests(&given)?);
    set(&mut options.max_bytes_in_flight, given.bytes("max_bytes_in_flight")?);
    set(&mut options.max_chunk_bytes, given.bytes("max_chunk_bytes")?);
    set(&mut options.lock_timeout, store.lock_timeout);
    Ok(Arc::new(ParquetBackend::open(&store.config, options).await?))
}
