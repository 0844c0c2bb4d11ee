//! Primitives on a local POSIX file system, without knowledge of any format.
//!
//! A [`Root`] confines every path to one folder. A [`Staging`] area holds what is being written until it is published in
//! one step. [`FileLock`] lets one writer at a time at an object, across processes. [`versioned_file`] compares and swaps
//! small files; [`LocalRecords`] are the records by which callers coordinate.
//!
//! Names in use, all beginning with `_` and so never entries:
//!
//! | name | where | holds |
//! |---|---|---|
//! | `_staging/` | root | what is being written; a killed process leaves its part behind, which is never read |
//! | `_trash/` | root | what is being deleted |
//! | `_index/` | root | records |
//! | `_locks/` | any folder | a file for each object of that folder that is locked at the moment |
//!
//! The folders exist only while something is in them. Everything blocks; [`blocking`] moves it off the asynchronous
//! threads.

mod blocking;
mod case_probe;
mod confined;
mod error;
mod leftovers;
mod lock;
mod nonce;
mod private_folder;
mod records;
mod staging;
mod stamp;
mod sync;
mod trash;
pub mod versioned_file;

pub use blocking::blocking;
pub use case_probe::{case_collision, ignores_case};
pub use confined::{Facts, Folder, Root, Sight};
pub use error::storage_error;
pub use leftovers::{collect_leftover, leftovers};
pub use lock::{FileLock, LOCKS_FOLDER};
pub use records::{INDEX_FOLDER, LocalRecords};
pub use rustix::fs::FileType;
pub use staging::{Existing, PublishOutcome, STAGING_FOLDER, Staged, Staging, move_if_absent};
pub use stamp::{FileStamp, file_stamp};
pub use trash::{TRASH_FOLDER, discard, discard_if_same};

/// Whether `name`, the name of something in a root or a folder, is one of this crate's own working folders, whose content
/// belongs to no entry.
pub fn is_working_folder(name: &str) -> bool {
    matches!(name, STAGING_FOLDER | TRASH_FOLDER | INDEX_FOLDER | LOCKS_FOLDER)
}
