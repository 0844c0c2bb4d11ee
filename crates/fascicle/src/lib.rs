//! One Directory API for scientific data over interchangeable storage.
//!
//! [`open`] gives a [`Root`], a place that holds directories. A [`Directory`] holds arrays, tables, files and further
//! directories. A type that implements [`Build`] describes how a directory is made from a config; [`Root::resolve`] finds
//! the finished one or builds it, exactly once, whoever asks.
//!
//! ```
//! use fascicle::{Build, BuildResult, Directory, open, s};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Cells {
//!     n_cells: i64,
//!     seed: u64,
//! }
//!
//! impl Build for Cells {
//!     async fn build(&self, dir: &Directory) -> BuildResult {
//!         dir.put("cell_id", (0..self.n_cells).collect::<Vec<_>>()).await?;
//!         dir.dir("connections")?.put("pre_cell_id", [12i64, 39, 48]).await?;
//!         let mut loss = dir.appender::<f64>("loss", &[])?;
//!         for step in 1..=100 {
//!             loss.push(1.0 / f64::from(step)).await?;
//!         }
//!         Ok(loss.finish().await?)
//!     }
//! }
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let place = "memory:crate-example";
//! let root = open(place).await?; // a folder, such as "./data"
//! let cells = root.resolve(&Cells { n_cells: 100, seed: 0 }).await?; // built once, found ever after
//! let head: Vec<i64> = cells.array("cell_id").await?.select(s![..3])?.read().await?;
//! assert_eq!(head, [0, 1, 2]);
//! println!("{}", cells.tree().await?);
//! # Ok::<(), fascicle::Error>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Everything asynchronous runs inside a tokio runtime; [`blocking`] has the same names without `.await`.
//!
//! # Where to find what
//!
//! - Here: what programs that keep their data with fascicle name.
//! - [`config`], [`roots`], [`tree`], [`compare`], [`convert`], [`size`]: each concept with all it has.
//! - [`configuration`]: places with names, chosen outside of the program.
//! - `exchange`: files of tables that other programs write and read.
//! - `sql`, with the feature of that name: queries over tables, arrays and configs.
//! - [`ndarray`] and [`arrow`]: the crates whose types cross this API, in the versions it uses.
//! - [`expert`]: places and markers. [`mod@backend`]: the contract, for those who write a backend.

mod backends;
pub mod blocking;
pub mod configuration;
#[cfg(feature = "exchange")]
pub mod exchange;
#[cfg(any(feature = "hdf5", feature = "parquet", feature = "zarr"))]
mod given;
mod marker;
mod open;
mod opening;
#[cfg(feature = "parquet")]
mod parquet;
mod place;
mod quantity;
mod registry;
mod secret;
#[cfg(feature = "sql")]
pub mod sql;
#[cfg(any(feature = "parquet", feature = "zarr"))]
mod store_backend;
#[cfg_attr(not(any(feature = "parquet", feature = "zarr")), path = "no_stores.rs")]
mod stores;
#[cfg(feature = "zarr")]
mod zarr;

pub use configuration::StorageConfiguration;
pub use open::{
    OpenOptions, init, open, open_default, open_dir, open_with, set_default_root, use_default_root,
};
pub use place::Place;
pub use registry::{OpenRequest, Registry};

pub(crate) use marker::Marker;

pub use fascicle_core::{
    AppendOptions, Appender, Array, ArrayBuilder, ArrayData, ArrayDefaults, ArrayDescription, ArrayOptions,
    ArraySpec, Attributes, AxisRegion, AxisSelection, Build, BuildMark, BuildResult, Capability, Codec,
    CompactOptions, Compaction, Comparison, Config, DType, DateTime64, Digest, Directory, Element, Entry,
    EntryInfo, EntryKind, EntryPath, EntryStat, Error, ErrorKind, Explanation, File, FileOptions, FromArray,
    Identity, IdentityRules, Interrupted, Interruption, IntoArray, IntoSelection, Literal, Meta, NearConfig,
    OnMismatch, Outcome, PLAIN_TYPE, PastBuild, PastOutcome, PinnedRoot, Precedence, Predicate, PutOptions,
    Region, Resolution, ResolveOptions, Result, ResultExt, Root, RootOptions, ScanOptions, Selected,
    Selection, Shape, Status, Table, TableDefaults, TableDescription, TableOptions, TailOptions, TimeDelta64,
    TimeUnit, Values, WriteMode, metas_as_table, unit, widen,
};
pub use fascicle_core::{arrow, compare, config, convert, digest, maintain, roots, size, tree};
#[cfg(feature = "hdf5")]
pub use fascicle_hdf5::{Hdf5Backend, Hdf5Options, TableFormat};
pub use fascicle_memory::MemoryBackend;
#[cfg(feature = "parquet")]
pub use fascicle_parquet::{ParquetBackend, ParquetOptions};
#[cfg(feature = "zarr")]
pub use fascicle_zarr::{MissingChunks, ZarrBackend, ZarrOptions};

pub use ndarray::{self, Array1, Array2, Array3, ArrayD, array, s};

/// The contract between a [`Directory`] and the storage beneath it, for those who write a backend.
pub mod backend {
    pub use fascicle_backend::*;
}

/// How places are understood, and what roots say about themselves.
pub mod expert {
    pub use crate::marker::{FORMAT_VERSION, MARKER_FILE, Marker};
    pub use crate::place::{Address, NamedPlace, Place};
    pub use crate::quantity::parse_byte_size;
    pub use crate::registry::{OpenRequest, Registry};
    pub use crate::secret::looks_secret;
}
