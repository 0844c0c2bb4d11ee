//! Looking at directories as a whole: their tree, size, differences, and arrays as a table.

use crate::compare::{CompareOptions, EntryDifference, Place, diff, equal};
use crate::config::{SideBySide, Value};
use crate::convert::{
    FromTableOptions, TableStream, ToTableOptions, check_table, config_rows, flat_table, from_table,
    to_table, to_table_stream,
};
use crate::size::{Usage, usage};
use crate::tree::{TreeOptions, tree_text};
use crate::{ArrayDefaults, Directory, EntryKind, Error, ErrorKind, Meta, Result};
use arrow_array::RecordBatch;
use futures::{StreamExt, TryStreamExt, stream};
use std::time::SystemTime;

impl Directory {
    /// The tree of this directory as text: two levels and at most 25 lines. Reads no data.
    pub async fn tree(&self) -> Result<String> {
        self.tree_with(&TreeOptions::default()).await
    }

    /// The tree with another verbosity, other limits or another time zone.
    pub async fn tree_with(&self, options: &TreeOptions) -> Result<String> {
        tree_text(&**self.root().backend(), self.path(), options).await
    }

    /// Bytes, entries by kind and last change of everything in it. Cost: a look at each entry; no data is read.
    pub async fn usage(&self) -> Result<Usage> {
        usage(&**self.root().backend(), self.path()).await
    }

    /// The bytes it occupies in the storage with everything in it.
    pub async fn size_bytes(&self) -> Result<u64> {
        Ok(self.usage().await?.size_bytes)
    }

    /// When anything in it was last changed, where the storage knows.
    pub async fn last_modified(&self) -> Result<Option<SystemTime>> {
        Ok(self.usage().await?.last_modified)
    }

    /// Everything in which this directory and `other` differ: structure, configs, attributes and data, streamed. See
    /// [`compare`](crate::compare) for what counts.
    pub async fn diff(&self, other: &Directory) -> Result<Vec<EntryDifference>> {
        self.diff_with(other, &CompareOptions::default()).await
    }

    /// The differences that the options ask for.
    pub async fn diff_with(
        &self,
        other: &Directory,
        options: &CompareOptions,
    ) -> Result<Vec<EntryDifference>> {
        diff(self.place(), other.place(), options).await
    }

    /// Whether both hold the same; stops at the first difference.
    pub async fn equals(&self, other: &Directory) -> Result<bool> {
        equal(self.place(), other.place(), &CompareOptions::default()).await
    }

    /// The arrays as one table, a column each, in the order of their names. Scalars and arrays of length 1 are repeated;
    /// other lengths must be equal, else [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch).
    pub async fn to_table(&self) -> Result<RecordBatch> {
        self.to_table_with(&ToTableOptions::default()).await
    }

    /// Some of the arrays as one table.
    pub async fn to_table_with(&self, options: &ToTableOptions) -> Result<RecordBatch> {
        to_table(&**self.root().backend(), self.path(), options).await
    }

    /// The arrays as a table that does not need to fit into memory.
    pub async fn to_table_stream(&self, options: &ToTableOptions) -> Result<TableStream> {
        to_table_stream(self.root().backend().clone(), self.path(), options).await
    }

    /// Stores each column of a table as an array of this directory. Nothing is stored unless every column can be.
    pub async fn put_columns(&self, table: &RecordBatch, options: &FromTableOptions) -> Result<()> {
        let paths = check_table(self.path(), table, options)?;
        self.before_put(&paths, EntryKind::Array, options.mode).await?;
        let given = ArrayDefaults { chunk_bytes: options.chunk_bytes, codec: options.codec };
        let ArrayDefaults { chunk_bytes, codec } = given.or(self.root().options().array_defaults);
        let options = FromTableOptions { chunk_bytes, codec, ..options.clone() };
        from_table(&**self.root().backend(), self.path(), table, &options).await.map(|_| ())
    }

    /// The configs of all directories within this one, however deep, as a table: a row for each, in the order of their paths,
    /// which are relative to this directory; a column for each dotted key, see [`config_rows`]. A directory whose meta is
    /// missing or broken has nulls, and of a broken one a warning is logged.
    ///
    /// - Cost: a listing and a meta for each directory; no data is read.
    /// - Errors: [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) for more than a million directories.
    pub async fn configs_as_table(&self) -> Result<RecordBatch> {
        config_rows(&metas_within(self).await?)
    }

    pub(crate) fn place(&self) -> Place<'_> {
        Place::new(&**self.root().backend(), self.path())
    }
}

/// Listings and metas that are asked for at once.
const CONCURRENT_REQUESTS: usize = 32;

/// The most directories whose configs make a table.
const MAX_DIRECTORIES: usize = 1_000_000;

/// The paths and metas of all directories within one, in the order of the paths.
async fn metas_within(directory: &Directory) -> Result<Vec<(String, Option<Meta>)>> {
    let mut found = Vec::new();
    let mut unvisited = vec![directory.clone()];
    while !unvisited.is_empty() {
        // Futures in a vector, as a stream that makes them would keep this one from changing threads.
        let visits: Vec<_> = unvisited.drain(..).map(visit).collect();
        let visits: Vec<_> = stream::iter(visits).buffer_unordered(CONCURRENT_REQUESTS).try_collect().await?;
        for (visited, meta, inner) in visits {
            let path = match directory.path().is_root() {
                true => Some(visited.path().as_str()),
                false => visited.path().as_str().strip_prefix(&format!("{}/", directory.path())),
            };
            if let Some(path) = path.filter(|path| !path.is_empty()) {
                found.push((path.to_owned(), meta));
            }
            unvisited.extend(inner);
        }
        if found.len() + unvisited.len() > MAX_DIRECTORIES {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("there are more than {MAX_DIRECTORIES} directories"),
            )
            .during("read the configs within")
            .at(directory.path())
            .hint("ask for those within a nested directory"));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// The meta of a directory, and the directories in it.
async fn visit(directory: Directory) -> Result<(Directory, Option<Meta>, Vec<Directory>)> {
    let meta = match directory.meta().await {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            log::warn!("{}", error.chain());
            None
        }
        Err(error) => return Err(error),
    };
    let entries = directory.entries().await?.into_iter();
    let inner = entries.filter(|entry| entry.kind == EntryKind::Directory);
    let inner = inner.map(|entry| directory.dir(&entry.name)).collect::<Result<_>>()?;
    Ok((directory, meta, inner))
}

/// The metas of several directories side by side: a row for each dotted key (`status`, `config.seed`), the keys in the column
/// `field`, and a text column for each directory, named as given.
pub async fn metas_as_table(directories: &[(&str, &Directory)]) -> Result<RecordBatch> {
    let mut metas = Vec::with_capacity(directories.len());
    for (name, directory) in directories {
        let meta = directory.meta().await?.unwrap_or_else(Meta::plain);
        if let Value::Map(mut map) = meta.to_value() {
            // What only find-or-build needs says nothing about the directory.
            map.shift_remove(crate::meta::OWN_KEY);
            metas.push((*name, map));
        }
    }
    flat_table(&SideBySide::new(metas.iter().map(|(name, map)| (*name, map))))
}
