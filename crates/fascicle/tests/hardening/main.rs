//! What is promised of bad input, of requests that go wrong and of secrets, through the interface that programs use. The table of
//! all promises with their tests is `docs/hardening.md`.
#![cfg(all(feature = "hdf5", feature = "parquet", feature = "zarr"))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod full_disk;
mod local_names;
mod read_only;
mod requests;
mod secrets;
mod snapshot;
