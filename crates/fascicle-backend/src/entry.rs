//! Entries: the named things in a directory.

use std::{fmt, time::SystemTime};

/// The four kinds of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// An n-dimensional array of one dtype.
    Array,
    /// Rows with an Arrow schema.
    Table,
    /// Opaque bytes.
    File,
    /// A directory of further entries.
    Directory,
}

impl EntryKind {
    /// The stable machine-readable name.
    pub fn name(self) -> &'static str {
        match self {
            EntryKind::Array => "array",
            EntryKind::Table => "table",
            EntryKind::File => "file",
            EntryKind::Directory => "directory",
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryInfo {
    /// The name it is addressed by.
    pub name: String,
    /// Its kind.
    pub kind: EntryKind,
    /// The name it is stored under, for views that show storage (`x.h5` for an array `x`).
    pub stored_name: String,
}

/// What a directory holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The entries, sorted by the bytes of their names. A name that stands for two stored objects at once
    /// is listed once for each.
    pub entries: Vec<EntryInfo>,
    /// Whether the directory has a meta.
    pub has_meta: bool,
}

/// What is known of an entry without reading its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryStat {
    /// Its kind.
    pub kind: EntryKind,
    /// The name it is stored under.
    pub stored_name: String,
    /// Bytes it occupies in the storage; for a directory only what belongs to the directory itself, not its
    /// entries.
    pub size_bytes: u64,
    /// When it was last changed by the storage's clock, where the storage knows.
    pub modified: Option<SystemTime>,
}
