//! The Zarr backend of fascicle.
mod chunk_keys;
mod codec;
mod config;
mod dtype;
mod fill;
mod metadata;
mod metadata_v2;
