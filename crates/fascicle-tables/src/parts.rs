//! The folder of a table: immutable parts, numbered in the order in which they were committed.
//!
//! `t.parquet/part-00000000000000000000.parquet` and so on, 20 digits. A part appears whole, under the next free number,
//! and never changes. Part `n` is committed only when the ones before it are, so that the longest run without a gap is the
//! state of the table at one moment. Names beginning with `_` or `.` are not parts.
//!
//! The last twelve digits count the parts; those before them are the **generation**. Where a folder cannot be replaced as a
//! whole, a table that takes another one's place begins the next generation: its first part appears in one step, and with
//! it the new table, because only the highest generation that has a first part counts. What is left of lower ones is
//! removed afterwards.
//!
//! Small parts can be merged: `part-<first>-<last>.parquet` holds the rows of several of them, and a manifest `table-<n>.parquet` says
//! which files hold the rows of the parts before a number; see [`compact`](crate::compact()).
//!
//! A folder without such parts that holds other files ending in `.parquet` was written by another program: these files, in
//! the order of their names, are a data set that can be read and not appended to.

use fascicle_backend::{Error, ErrorKind, Result};
use parquet::file::reader::ChunkReader;
use std::io::Write;

/// A place that holds the parts of one table. Calls block.
pub trait PartFolder: Send + Sync + 'static {
    /// Reads one part.
    type Reader: ChunkReader + 'static;
    /// A part that is being written, outside of the folder. Dropping it leaves nothing behind.
    type Staged: Write + Send + 'static;

    /// Everything in the folder, in any order. What appears or vanishes meanwhile may be listed or not.
    fn list(&self) -> Result<Vec<ListedName>>;

    /// What [`list`](PartFolder::list) returns of the names that come after `name` in the order of bytes, at less cost where
    /// the place can. Nothing when there is no such name, also without a folder.
    fn list_after(&self, name: &str) -> Result<Vec<ListedName>> {
        let mut names = self.list()?;
        names.retain(|listed| listed.name.as_str() > name);
        Ok(names)
    }

    /// Whether there is something under `name`.
    fn contains(&self, name: &str) -> Result<bool>;

    /// The length of a file.
    fn size_bytes(&self, name: &str) -> Result<u64>;

    /// Opens a file for reading; its size is given where it was listed. Fails with `NotFound` when there is none.
    fn open(&self, name: &str, size_bytes: Option<u64>) -> Result<Self::Reader>;

    /// Makes a complete staged file appear under `name`: of any number of concurrent callers, in any process, exactly one is
    /// told [`CommitOutcome::Committed`]. Durable on return. May be called again with another name when the first was taken.
    fn commit(&self, staged: &mut Self::Staged, name: &str) -> Result<CommitOutcome>;

    /// Gives the file `name` the further name `new_name`; fine when that is taken, which only the same rows can have done. Fails with
    /// `NotFound` when there is none.
    fn publish(&self, name: &str, new_name: &str) -> Result<()>;

    /// Removes files; fine when some are gone already.
    fn remove(&self, names: &[String]) -> Result<()>;
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedName {
    /// The name.
    pub name: String,
    /// Whether it is a regular file, or a link to something.
    pub is_file: bool,
    /// The length of the file, where listing tells.
    pub size_bytes: Option<u64>,
    /// What the state of the file is told by, where listing tells.
    pub tag: Option<String>,
}

impl ListedName {
    /// A file of which only the name is known.
    pub(crate) fn unlisted(name: String) -> Self {
        ListedName { name, is_file: true, size_bytes: None, tag: None }
    }
}

/// What [`PartFolder::commit`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// The name was free and now stands for the staged file.
    Committed {
        /// What listings will tell its state by, if that is known.
        tag: Option<String>,
    },
    /// The name stands for something else.
    Taken,
}

pub(crate) fn corrupt(why: String) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the table's folder is damaged: {why}"))
}
