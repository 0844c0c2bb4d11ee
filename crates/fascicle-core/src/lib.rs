//! What a fascicle Directory does, written once over any backend.
//!
//! A [`Root`] is a place that holds directories. A [`Directory`] is a lazy handle to one of them; it holds arrays, tables,
//! files and further directories. A type that implements [`Build`] describes how a directory is made from a config;
//! [`Root::resolve`] finds the finished one or builds it, exactly once.
//!
//! This crate names no storage format. It speaks to a [`Backend`], always through
//! [`Enforced`](wrap::Enforced), and gives its users the types of the contract again, so that they import one crate.
//!
//! Everything asynchronous runs inside a tokio runtime; [`blocking`] has the same names without `.await`.

mod array;
pub mod blocking;
mod build;
mod carried;
mod change;
pub mod compare;
pub mod config;
pub mod convert;
mod copy;
pub mod digest;
mod directory;
mod file;
mod guarded;
mod guarded_writer;
mod led;
pub mod maintain;
mod meta;
mod resume;
mod root;
pub mod roots;
pub mod size;
mod storage_defaults;
mod table;
mod tail;
pub mod tree;
mod views;

pub use array::{Appender, Array, ArrayData, FromArray, IntoArray, IntoSelection, Selected, widen};
pub use build::{
    Build, BuildResult, Explanation, Interrupted, Interruption, NearConfig, OnMismatch, Outcome, PastBuild,
    PastOutcome, PinnedRoot, Precedence, Resolution, ResolveOptions,
};
pub use config::{Config, Identity, IdentityRules};
pub use digest::Digest;
pub use directory::{ArrayBuilder, Directory, Entry, PutOptions};
pub use file::File;
pub use meta::{BuildMark, Meta, PLAIN_TYPE, Status};
pub use root::{Root, RootOptions};
pub use storage_defaults::{ArrayDefaults, TableDefaults};
pub use table::Table;
pub use tail::TailOptions;
pub use views::metas_as_table;

pub use fascicle_backend::{
    AppendOptions, ArrayDescription, ArrayOptions, ArraySpec, ArrayStore, ArrayWriter, Attributes,
    AxisRegion, AxisSelection, Backend, BatchStream, ByteStream, Capabilities, Capability, Codec,
    CompactOptions, Compaction, Comparison, CreateOutcome, DType, DateTime64, Element, EntryInfo, EntryKind,
    EntryPath, EntryStat, Error, ErrorKind, FileOptions, FileStore, FileWriter, Flaw, FlawKind, Leftover,
    LeftoverKind, Listing, Literal, Maintenance, MetaRecord, MetaStamp, MetaWriteMode, Owner, Predicate,
    RecordKey, RecordStore, Region, Result, ResultExt, ScanOptions, Selection, Shape, TableDescription,
    TableOptions, TableStore, TableWriter, TimeDelta64, TimeUnit, Values, Version, WriteMode, arrow, unit,
    wrap,
};

#[cfg(test)]
mod testing;
