//! The Zarr backend of fascicle.
mod append;
mod array_places;
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
mod metadata;
mod metadata_v2;
mod objects;
mod read;
mod region_write;
mod stored_array;
#[cfg(test)]
mod tests;
