//! Looking at directories as a whole.

use super::{Directory, TableStream, wait};
use crate::arrow::array::RecordBatch;
use crate::compare::{CompareOptions, EntryDifference};
use crate::convert::{FromTableOptions, ToTableOptions};
use crate::size::Usage;
use crate::tree::TreeOptions;
use crate::{Digest, Result};
use std::time::SystemTime;

impl Directory {
    /// The tree of this directory as text: two levels and at most 25 lines. Reads no data.
    pub fn tree(&self) -> Result<String> {
        wait(self.inner.tree())
    }

    /// The tree with another verbosity, other limits or another time zone.
    pub fn tree_with(&self, options: &TreeOptions) -> Result<String> {
        wait(self.inner.tree_with(options))
    }

    /// Bytes, entries by kind and last change of everything in it. Cost: a look at each entry; no data is read.
    pub fn usage(&self) -> Result<Usage> {
        wait(self.inner.usage())
    }

    /// The bytes it occupies in the storage with everything in it.
    pub fn size_bytes(&self) -> Result<u64> {
        wait(self.inner.size_bytes())
    }

    /// When anything in it was last changed, where the storage knows.
    pub fn last_modified(&self) -> Result<Option<SystemTime>> {
        wait(self.inner.last_modified())
    }

    /// Everything in which this directory and `other` differ. See [`compare`](crate::compare) for what counts.
    pub fn diff(&self, other: &Directory) -> Result<Vec<EntryDifference>> {
        wait(self.inner.diff(&other.inner))
    }

    /// The differences that the options ask for.
    pub fn diff_with(&self, other: &Directory, options: &CompareOptions) -> Result<Vec<EntryDifference>> {
        wait(self.inner.diff_with(&other.inner, options))
    }

    /// Whether both hold the same; stops at the first difference.
    pub fn equals(&self, other: &Directory) -> Result<bool> {
        wait(self.inner.equals(&other.inner))
    }

    /// The digest of what this directory holds, see [`digest`](crate::digest).
    pub fn digest(&self) -> Result<Digest> {
        wait(self.inner.digest())
    }

    /// The digest of the entry at `name`.
    pub fn digest_of(&self, name: &str) -> Result<Digest> {
        wait(self.inner.digest_of(name))
    }

    /// The arrays as one table, a column each, in the order of their names. Scalars and arrays of length 1 are repeated;
    /// other lengths must be equal, else [`Mismatch`](crate::ErrorKind::Mismatch).
    pub fn to_table(&self) -> Result<RecordBatch> {
        wait(self.inner.to_table())
    }

    /// Some of the arrays as one table.
    pub fn to_table_with(&self, options: &ToTableOptions) -> Result<RecordBatch> {
        wait(self.inner.to_table_with(options))
    }

    /// The arrays as a table that does not need to fit into memory.
    pub fn to_table_stream(&self, options: &ToTableOptions) -> Result<TableStream> {
        wait(self.inner.to_table_stream(options)).map(TableStream::from)
    }

    /// The configs of all directories within this one, however deep, as a table with a row for each.
    pub fn configs_as_table(&self) -> Result<RecordBatch> {
        wait(self.inner.configs_as_table())
    }

    /// Stores each column of a table as an array of this directory. Nothing is stored unless every column can be.
    pub fn put_columns(&self, table: &RecordBatch, options: &FromTableOptions) -> Result<()> {
        wait(self.inner.put_columns(table, options))
    }
}

/// The metas of several directories side by side, as [`crate::metas_as_table`].
pub fn metas_as_table(directories: &[(&str, &Directory)]) -> Result<RecordBatch> {
    let directories: Vec<_> = directories.iter().map(|(name, directory)| (*name, &directory.inner)).collect();
    wait(crate::metas_as_table(&directories))
}
