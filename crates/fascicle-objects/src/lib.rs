//! What the backends on object stores share.
//!
//! - [`Store`] is opened from a [`StoreConfig`]: a local folder, memory, S3, Google Cloud Storage, Azure Blob Storage. Its errors are
//!   typed and hold no secrets; its [conditional writes](Store::put_if) have certain outcomes.
//! - [`ConfinedLocalStore`] is the `object_store` implementation for local folders: confined, durable, with conditional writes.
//! - [`StoreRecords`] are the records by which callers coordinate.
//! - [`Tree`] knows which objects an entry is stored as: listing, looking at, removing, moving and copying entries, metas and
//!   attributes. [`StoreFiles`] are the opaque files in it, [`StoreTables`] the tables, each a
//!   [`StorePartFolder`].
//!
//! Names in use, all beginning with `_` and so never entries:
//!
//! | key | holds |
//! |---|---|
//! | `_index/…` | records, and what was found out about the store |
//! | `_stage/…` | large files and parts that are being created; what a killed process leaves there is never read |
//! | `_probe/…` | for a moment, what the store is probed with |
//! | `…/_meta.yaml` | the meta of a directory |
//! | `…/_writing/<stored name>.….json` | for a while, that an entry of many objects is being written or removed |
//! | `…/_attributes/<stored name>.json` | the attributes of an entry beside it |
//!
//! On local file systems there are also `_staging/`, `_trash/` and `_locks/`, which no listing shows.

mod aws_profile;
mod capabilities;
mod conditional;
mod config;
mod connections;
mod error;
mod files;
mod http_client;
mod lineage;
mod local_store;
mod memory_store;
mod open;
mod options;
mod part_folder;
mod part_reader;
mod patience;
mod place;
mod probe;
mod records;
mod sanitise;
mod sends;
mod staged_part;
mod store;
mod store_tables;
mod tree;

pub use conditional::{Condition, PutOutcome, Sending};
pub use config::{Coordination, StoreConfig, StoreLimits};
pub use files::{MOST_APPENDABLE_BYTES, StoreFiles};
pub use local_store::{ConfinedLocalStore, LocalStoreOptions};
pub use memory_store::MemoryStore;
pub use options::{StoreOptions, is_secret};
pub use part_folder::StorePartFolder;
pub use part_reader::{PartBytes, StorePartReader};
pub use patience::Patience;
pub use place::StorePlace;
pub use probe::Conditions;
pub use records::{INDEX_PREFIX, StoreRecords};
pub use staged_part::StagedPart;
pub use store::{Found, Object, Store, key};
pub use store_tables::StoreTables;
pub use tree::{
    ATTRIBUTES_PREFIX, Form, Layout, META_NAME, PrefixForm, StoredEntry, Tree, WRITING_PREFIX, age_of,
};

/// The crate whose stores these are, so that every backend uses the same one.
pub use object_store;
