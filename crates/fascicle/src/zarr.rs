//! How the Zarr backend is opened, and which options it knows.

use crate::OpenRequest;
use crate::given::Given;
use crate::store_backend::{KnownOptions, StoreRequest, codec, concurrent_requests, set};
use fascicle_core::{Backend, Result};
use fascicle_zarr::{MissingChunks, ZarrBackend, ZarrOptions};
use std::sync::Arc;

const OPTIONS: KnownOptions = KnownOptions {
    backend: "zarr",
    stored: &["chunk_bytes", "codec", "level", "checksum", "max_objects", "max_shard_bytes"],
    given: &["missing_chunks", "writer_patience"],
};

/// Opens a folder, memory, or a store in the Zarr layout.
pub(crate) async fn zarr(request: OpenRequest) -> Result<Arc<dyn Backend>> {
    let store = StoreRequest::new(&request, &OPTIONS)?;
    let given = Given { options: &request.options, stored: &request.stored };
    let mut options = ZarrOptions::default();
    set(&mut options.chunk_bytes, given.bytes("chunk_bytes")?);
    set(&mut options.codec, codec(&given)?);
    set(&mut options.checksum, given.truth("checksum")?);
    set(&mut options.max_objects, given.number("max_objects")?);
    set(&mut options.max_shard_bytes, given.bytes("max_shard_bytes")?);
    let meanings = [("fill", MissingChunks::Fill), ("error", MissingChunks::Error)];
    set(&mut options.missing_chunks, given.word("missing_chunks", &meanings)?);
    set(&mut options.concurrent_requests, concurrent_requests(&given)?);
    set(&mut options.max_bytes_in_flight, given.bytes("max_bytes_in_flight")?);
    set(&mut options.max_chunk_bytes, given.bytes("max_chunk_bytes")?);
    set(&mut options.lock_timeout, store.lock_timeout);
    set(&mut options.writer_patience, given.duration("writer_patience")?);
    Ok(Arc::new(ZarrBackend::open(&store.config, options).await?))
}
