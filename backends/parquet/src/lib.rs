//! The Parquet backend of fascicle, on any object store: a local folder, memory, S3, Google Cloud Storage, Azure Blob Storage.
//!
//! | entry | stored as |
//! |---|---|
//! | array `x` | `x.array.parquet/`, Parquet files of one column |
//! | table `t` | `t.parquet/`, Parquet files |
//! | file `x` | `x` |
//! | directory `x` | `x/`, its meta in `x/_meta.yaml` |
//! | attributes | of an array in its `_array.parquet`; else `_attributes/<stored name>.json` beside the entry |
//!
//! Names beginning with `_` are reserved.
//!
//! ```
//! use fascicle_backend::{ArraySpec, Backend, DType, EntryPath, Region, Shape, Values, WriteMode};
//! use fascicle_objects::StoreConfig;
//! use fascicle_parquet::{ParquetBackend, ParquetOptions};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> fascicle_backend::Result<()> {
//! let backend = ParquetBackend::open(&StoreConfig::new("memory:example")?, ParquetOptions::default()).await?;
//! let arrays = backend.arrays().expect("it has arrays");
//! let (path, spec) = (EntryPath::parse("x")?, ArraySpec { shape: Shape::new([2, 3])?, dtype: DType::Int32 });
//! let mut writer = arrays.create(&path, &spec, &Default::default(), WriteMode::Create).await?;
//! writer.write(&Region::whole(&spec.shape), Values::Int32(vec![1, 2, 3, 4, 5, 6])).await?;
//! writer.finish().await?; // `x.array.parquet/` appears
//! assert_eq!(arrays.append(&path, 1, Values::Int32(vec![7, 8, 9])).await?, 3);
//! let row = Region::rows(&Shape::new([3, 3])?, 2, 1);
//! let read = arrays.read(&path, &row, Values::zeros(DType::Int32, 3)?).await?;
//! assert!(read.same_bits(&Values::Int32(vec![7, 8, 9])));
//! # Ok(())
//! # }
//! ```
//!
//! - The rows of an array are the rows of its files, the parts, which never change but for `region_write`; what makes a row is
//!   said in [`column`].
//! - An array is written beside the one that it replaces and appears by one write of its `_array.parquet`; see `create`.
//! - It grows without locks, by another part under the next number; see `append`.
//! - Reading fetches the row groups that are touched and no others; see `read`.
//! - What others have written is checked before it is believed; see `footer` and `pages`.

mod append;
mod array;
mod array_type;
mod attributes;
mod backend;
mod column;
mod compute;
mod config;
mod create;
mod decode;
mod encode;
mod footer;
mod footer_cache;
mod layout;
mod maintenance;
mod manifest;
mod mark;
mod open_part;
mod pages;
mod part_name;
mod read;
mod region_write;
mod relocate;
mod rows;
mod spool;
mod stored_array;
mod tails;
#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests;
mod upload;

pub use backend::ParquetBackend;
pub use config::ParquetOptions;

/// The name of this backend in what it stores.
pub const NAME: &str = "parquet";
