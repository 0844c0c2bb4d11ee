//! The local HDF5 backend of fascicle: a folder of HDF5 files, tables and plain files, as datamate's folders are.
//!
//! | entry | stored as |
//! |---|---|
//! | array `x` | `x.h5`, an HDF5 file with one dataset `data` |
//! | table `x` | `x.parquet/`, a folder of Parquet files, or datamate's `x.csv` |
//! | file `x` | `x` |
//! | directory `x` | `x/`, its meta in `x/_meta.yaml` |
//! | attributes | of an array in the HDF5 file; else `_attributes/<stored name>.json` beside the entry |
//!
//! Names beginning with `_` are reserved. What is being written lies in `_staging/` of the root, what is being deleted in
//! `_trash/`, records in `_index/`; locks lie in `_locks/` beside what they lock. All but the records vanish with their use.
//!
//! Two objects stored under one name, such as `x.h5` and `x/`, are both listed; using the name is `Corrupt`.

mod array;
mod attributes;
mod backend;
mod config;
mod entry;
mod file;
mod file_append;
mod h5;
mod layout;
mod maintenance;
mod meta;
mod relocate;
mod table;
mod tree;

pub use backend::Hdf5Backend;
pub use config::{Hdf5Options, TableFormat};
pub(crate) use fascicle_local::blocking;

/// The name of this backend in what it stores.
pub const NAME: &str = "hdf5";
