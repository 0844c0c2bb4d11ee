//! What writers that died leave behind, and how it is found and mended.

use crate::{EntryPath, Result, Version};
use async_trait::async_trait;
use std::{fmt, time::Duration};

/// What something is that lies in the storage and belongs to no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LeftoverKind {
    /// What was being written, and was never published.
    Staged,
    /// What was removed, and is not deleted yet.
    Trash,
    /// The lock of a writer.
    Lock,
    /// What the storage was probed with.
    Probe,
    /// Parts of an entry that was being written or removed, and the claim of whoever did it.
    Unfinished,
    /// A directory, or a table, that is being removed.
    Removal,
    /// Parts of a table that another one has replaced.
    Superseded,
    /// What another program was writing when it was killed, by its name among files that only formats store.
    Foreign,
    /// A file that may be such a one, and may as well be somebody's own. It is shown and never deleted.
    Suspect,
}

impl LeftoverKind {
    /// The stable machine-readable name.
    pub fn name(self) -> &'static str {
        match self {
            LeftoverKind::Staged => "staged",
            LeftoverKind::Trash => "trash",
            LeftoverKind::Lock => "lock",
            LeftoverKind::Probe => "probe",
            LeftoverKind::Unfinished => "unfinished",
            LeftoverKind::Removal => "removal",
            LeftoverKind::Superseded => "superseded",
            LeftoverKind::Foreign => "foreign",
            LeftoverKind::Suspect => "suspect",
        }
    }
}

impl fmt::Display for LeftoverKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is known of whoever made a leftover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// It is at work.
    Alive,
    /// It cannot come back: nobody needs this any more, however new it is.
    Gone,
    /// Nothing tells. The age must decide.
    Unknown,
}

/// Something in the storage that belongs to no entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// The key or the path below the root under which it is stored.
    pub stored_as: String,
    /// What it is.
    pub kind: LeftoverKind,
    /// Bytes it occupies, with everything in it.
    pub size_bytes: u64,
    /// For how long nothing in it has changed; `None` where the storage does not know.
    pub age: Option<Duration>,
    /// Whether its maker is alive.
    pub owner: Owner,
    /// In which state it was found.
    pub state: Version,
}

/// What is wrong with how an entry is stored, though its content may be readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FlawKind {
    /// A writer died and left its mark, which keeps other programs from opening the entry.
    StaleMark,
    /// Something is stored beyond what the entry says it holds. Nobody reads it, and the next writer may replace it.
    BeyondTheEnd,
    /// Something lies within the entry that is no part of it.
    Stray,
    /// The description of the entry contradicts what is stored.
    Inconsistent,
}

impl FlawKind {
    /// The stable machine-readable name.
    pub fn name(self) -> &'static str {
        match self {
            FlawKind::StaleMark => "stale_mark",
            FlawKind::BeyondTheEnd => "beyond_the_end",
            FlawKind::Stray => "stray",
            FlawKind::Inconsistent => "inconsistent",
        }
    }
}

/// A flaw of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// What it is.
    pub kind: FlawKind,
    /// What was seen, in a sentence without a full stop.
    pub what: String,
    /// Whether [`Maintenance::mend`] can mend it.
    pub mendable: bool,
}

/// Finds, mends and removes what writers that died leave behind.
///
/// Other writers, readers and callers of these same methods may be at work all the time. So nothing here ever touches what
/// belongs to one that is alive, and everything that changes the storage looks again, under the lock or by the conditional
/// write that its writers use.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Everything in the storage that belongs to no entry, records left out, sorted by where it is stored.
    ///
    /// - Cost: a walk through the whole storage by listings, and a look at each thing that is found.
    async fn leftovers(&self) -> Result<Vec<Leftover>>;

    /// Deletes a leftover if it still is as it was found and its maker is not alive; tells whether it did.
    ///
    /// - Whoever made it may be alive all the same when its owner is [`Owner::Unknown`]: it then fails, and what it wrote does
    ///   not appear. Nothing that had appeared is ever lost.
    async fn collect(&self, leftover: &Leftover) -> Result<bool>;

    /// What is wrong with how the entry at `path` is stored, itself only, not what is in a directory. That its data can be
    /// read is not looked at: reading shows it.
    ///
    /// - Cost: listings and descriptions, no elements and no rows.
    /// - Errors: `NotFound`, `Corrupt`.
    async fn flaws(&self, path: &EntryPath) -> Result<Vec<Flaw>>;

    /// Mends a flaw of this kind if it is still there; tells whether anything was changed.
    ///
    /// - Errors: `Busy` when a writer is at work; `Unsupported` for what cannot be mended.
    async fn mend(&self, path: &EntryPath, kind: FlawKind) -> Result<bool>;

    /// Removes the directory at `path`, with everything in it, if its meta still has this version; tells whether it did. A
    /// directory of that name which somebody else created meanwhile is left alone.
    async fn remove_directory_if(&self, path: &EntryPath, meta: &Version) -> Result<bool>;
}
