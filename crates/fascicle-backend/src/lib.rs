//! The contract between a fascicle `Directory` and the storage beneath it.
//!
//! A backend implements [`Backend`] and, where it can, [`ArrayStore`] and [`TableStore`]. Everything a user
//! of fascicle finds convenient is built on top, once, in `fascicle-core`; nothing here needs to be pleasant,
//! only small and exact. A backend author reads this crate, implements the traits, and runs the
//! conformance suite.
//!
//! What holds for every method:
//!
//! - **Atomic for readers.** Whoever reads while a method runs finds the value from before or the value
//!   from after, never a mixture. Where a method cannot promise that, its documentation says so.
//! - **Refusals change nothing.** A method that returns an error for bad input has had no effect.
//! - **Parents exist.** A method that creates an entry fails with [`ErrorKind::NotFound`] when the
//!   directory it would stand in does not exist; the semantics create directories on purpose.
//! - **Errors are typed.** Every error says what was attempted, on which path and why, see [`Error`].
//! - **Arguments are sound.** A backend is only ever called through [`wrap::Enforced`], which refuses bad
//!   names, shapes and regions first; it need not check again what that wrapper documents.
//!
//! Futures are `Send` and run inside a tokio runtime. Work that blocks belongs on a blocking thread.

mod array_store;
mod attributes;
mod backend;
mod capability;
mod dtype;
mod element;
mod entry;
mod error;
mod file_store;
mod maintenance;
mod options;
mod path;
mod predicate;
mod record_store;
mod selection;
mod shape;
mod table_store;
mod values;
pub mod wrap;
mod write_mode;

pub use array_store::{ArrayDescription, ArraySpec, ArrayStore, ArrayWriter};
pub use attributes::Attributes;
pub use backend::{Backend, MetaRecord, MetaStamp};
pub use capability::{Capabilities, Capability};
pub use dtype::{DType, TimeUnit};
pub use element::{DateTime64, Element, TimeDelta64, unit};
pub use entry::{EntryInfo, EntryKind, EntryStat, Listing};
pub use error::{Error, ErrorKind, Result, ResultExt};
pub use file_store::{ByteStream, FileStore, FileWriter};
pub use maintenance::{Flaw, FlawKind, Leftover, LeftoverKind, Maintenance, Owner};
pub use options::{
    AppendOptions, ArrayOptions, Codec, CompactOptions, Compaction, FileOptions, ScanOptions, TableOptions,
};
pub use path::{EntryPath, MAX_DEPTH, MAX_NAME_BYTES, MAX_PATH_BYTES, RESERVED_SUFFIXES};
pub use predicate::{Comparison, Literal, Predicate};
pub use record_store::{CreateOutcome, MAX_RECORD_BYTES, RecordKey, RecordStore};
pub use selection::{AxisRegion, AxisSelection, Region, Selection};
pub use shape::{MAX_RANK, Shape};
pub use table_store::{BatchStream, TableDescription, TableStore, TableWriter};
pub use values::Values;
pub use write_mode::{MetaWriteMode, Version, WriteMode};

/// The Arrow crates whose types appear in this contract, so that every backend uses the same ones.
pub mod arrow {
    pub use arrow_array as array;
    pub use arrow_schema as schema;
}
