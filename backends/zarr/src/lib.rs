//! The Zarr backend of fascicle, on any object store: a local folder, memory, S3, Google Cloud Storage, Azure Blob Storage.
//!
//! | entry | stored as |
//! |---|---|
//! | array `x` | `x.zarr/`, an array of version 3 of the Zarr format |
//! | table `x` | `x.parquet/`, a folder of Parquet files |
//! | file `x` | `x` |
//! | directory `x` | `x/`, its meta in `x/_meta.yaml` |
//! | attributes | of an array in its `zarr.json`; else `_attributes/<stored name>.json` beside the entry |
//!
//! Names beginning with `_` are reserved.
//!
//! - An array is written beside the one that it replaces and appears by one write of its `zarr.json`; see `chunk_keys` and
//!   `create`.
//! - It grows without locks, by conditional writes; see `append`.
//! - Reading fetches the chunks that are touched and no others, as many at once as [`ZarrOptions`] allow; see `read`.
//! - What others have written is checked before it is believed: nothing that an array says makes this allocate more than
//!   [`ZarrOptions::max_chunk_bytes`], see `codec`.

mod append;
mod array;
mod array_places;
mod attributes;
mod backend;
mod buffer;
mod chunk_data;
mod chunk_keys;
mod chunking;
mod claim;
mod codec;
mod compute;
mod config;
mod create;
mod dtype;
mod fill;
mod grid;
mod layout;
mod maintenance;
mod metadata;
mod metadata_v2;
mod objects;
mod read;
mod region_write;
mod relocate;
mod stored_array;
#[cfg(test)]
mod tests;

pub use backend::ZarrBackend;
pub use config::{MissingChunks, ZarrOptions};

/// The name of this backend in what it stores.
pub const NAME: &str = "zarr";
