//! Directories.

use super::{Array, File, FileWriter, Root, Table, wait};
use crate::config::Config;
use crate::{Attributes, EntryInfo, EntryKind, EntryPath, EntryStat, Meta, Result, Status, WriteMode};
use bytes::Bytes;
use std::fmt;

/// A lazy handle to a directory, as [`crate::Directory`]. Making one touches nothing; the first write creates the directory.
///
/// ```
/// # use fascicle_core::blocking::Root;
/// # use ndarray::{Array1, s};
/// # let root = Root::new(fascicle_memory::MemoryBackend::new());
/// let cells = root.dir("cells")?;
/// cells.put("cell_id", &Array1::from_iter(0..100i64))?;
/// cells.dir("connections")?.put("pre_cell_id", [12i64, 39, 48])?;
/// let head: Vec<i64> = cells.array("cell_id")?.select(s![..3])?.read()?;
/// assert_eq!(head, [0, 1, 2]);
/// assert!(cells.contains("connections/pre_cell_id")?);
/// # Ok::<(), fascicle_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Directory {
    pub(super) inner: crate::Directory,
}

impl From<crate::Directory> for Directory {
    fn from(inner: crate::Directory) -> Self {
        Directory { inner }
    }
}

impl From<Directory> for crate::Directory {
    fn from(directory: Directory) -> Self {
        directory.inner
    }
}

/// An entry of any kind.
#[derive(Clone, Debug)]
pub enum Entry {
    /// An array.
    Array(Array),
    /// A table.
    Table(Table),
    /// A file.
    File(File),
    /// A directory.
    Directory(Directory),
}

impl From<crate::Entry> for Entry {
    fn from(entry: crate::Entry) -> Self {
        match entry {
            crate::Entry::Array(array) => Entry::Array(array.into()),
            crate::Entry::Table(table) => Entry::Table(table.into()),
            crate::Entry::File(file) => Entry::File(file.into()),
            crate::Entry::Directory(directory) => Entry::Directory(directory.into()),
        }
    }
}

impl Directory {
    /// The asynchronous handle to the same directory.
    pub fn as_async(&self) -> &crate::Directory {
        &self.inner
    }

    /// The last part of the path; empty for the root.
    pub fn name(&self) -> &str {
        self.inner.name()
    }

    /// The path below the root.
    pub fn path(&self) -> &EntryPath {
        self.inner.path()
    }

    /// The root it stands in.
    pub fn root(&self) -> Root {
        self.inner.root().clone().into()
    }

    /// The directory it stands in; `None` for the root.
    pub fn parent(&self) -> Option<Directory> {
        self.inner.parent().map(Directory::from)
    }

    /// A handle to the directory `name` within this one, which need not exist. Fails with
    /// [`InvalidPath`](crate::ErrorKind::InvalidPath).
    pub fn dir(&self, name: &str) -> Result<Directory> {
        self.inner.dir(name).map(Directory::from)
    }

    /// Whether the build that this handle was given to is [asked to stop](crate::Interruption) halfway.
    pub fn is_interrupted(&self) -> bool {
        self.inner.is_interrupted()
    }

    /// How far an earlier build got in this directory, as [`crate::Directory::resumed_from`].
    pub fn resumed_from(&self) -> Option<&crate::config::Value> {
        self.inner.resumed_from()
    }

    /// Whether the directory exists.
    pub fn exists(&self) -> Result<bool> {
        wait(self.inner.exists())
    }

    /// The entries, sorted by name; none when the directory does not exist.
    pub fn entries(&self) -> Result<Vec<EntryInfo>> {
        wait(self.inner.entries())
    }

    /// The names of the entries, sorted.
    pub fn names(&self) -> Result<Vec<String>> {
        wait(self.inner.names())
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> Result<bool> {
        wait(self.inner.is_empty())
    }

    /// Whether there is an entry of any kind at `name`.
    pub fn contains(&self, name: &str) -> Result<bool> {
        wait(self.inner.contains(name))
    }

    /// The kind of the entry at `name`, `None` when there is none.
    pub fn kind(&self, name: &str) -> Result<Option<EntryKind>> {
        wait(self.inner.kind(name))
    }

    /// What is known of the entry at `name` without reading its data.
    pub fn stat(&self, name: &str) -> Result<EntryStat> {
        wait(self.inner.stat(name))
    }

    /// Opens the entry at `name`, whatever its kind. Fails with [`NotFound`](crate::ErrorKind::NotFound), naming what is
    /// there.
    pub fn get(&self, name: &str) -> Result<Entry> {
        wait(self.inner.get(name)).map(Entry::from)
    }

    // Files.

    /// Stores bytes under `name`, replacing a file that is there.
    pub fn put_file(&self, name: &str, bytes: impl Into<Bytes>) -> Result<()> {
        wait(self.inner.put_file(name, bytes.into()))
    }

    /// Begins to store a file piece by piece; it appears as a whole when the writer is finished.
    pub fn create_file(&self, name: &str, mode: WriteMode) -> Result<FileWriter> {
        let inner = wait(self.inner.create_file(name, mode))?;
        Ok(FileWriter { inner })
    }

    /// Opens the file at `name`. Fails with [`NotFound`](crate::ErrorKind::NotFound), naming what is there.
    pub fn file(&self, name: &str) -> Result<File> {
        wait(self.inner.file(name)).map(File::from)
    }

    /// Adds bytes at the end of the file at `name` and returns its new length; creates it when there is none.
    pub fn append_file(&self, name: &str, bytes: impl Into<Bytes>) -> Result<u64> {
        wait(self.inner.append_file(name, bytes.into()))
    }

    // Entries of any kind.

    /// Removes the entry at `name`, a directory with everything in it. Fails with
    /// [`NotFound`](crate::ErrorKind::NotFound).
    pub fn remove(&self, name: &str) -> Result<()> {
        wait(self.inner.remove(name))
    }

    /// Removes this directory with everything in it. Fails with [`NotFound`](crate::ErrorKind::NotFound).
    pub fn remove_all(&self) -> Result<()> {
        wait(self.inner.remove_all())
    }

    /// Moves the entry `from` to the name `to`, both within this directory. An entry under the new name is never
    /// replaced: [`AlreadyExists`](crate::ErrorKind::AlreadyExists).
    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        wait(self.inner.rename(from, to))
    }

    /// Copies the entry at `from` to the name `to`, both within this directory. An entry under the new name is never
    /// replaced: [`AlreadyExists`](crate::ErrorKind::AlreadyExists).
    pub fn copy(&self, from: &str, to: &str) -> Result<()> {
        wait(self.inner.copy(from, to))
    }

    /// Copies a whole directory, from this root or another one, into this directory under `name`, and returns the copy.
    /// As [`crate::Directory::copy_from`].
    pub fn copy_from(&self, source: &Directory, name: &str, mode: WriteMode) -> Result<Directory> {
        wait(self.inner.copy_from(&source.inner, name, mode)).map(Directory::from)
    }

    /// Copies the entry `source_name` of any directory, in this root or another one, into this directory under `name`.
    /// As [`crate::Directory::copy_entry`].
    pub fn copy_entry(
        &self,
        source: &Directory,
        source_name: &str,
        name: &str,
        mode: WriteMode,
    ) -> Result<()> {
        wait(self.inner.copy_entry(&source.inner, source_name, name, mode))
    }

    /// Copies a whole directory, and goes on with a copy that was interrupted, as [`crate::Directory::resume_copy_from`].
    pub fn resume_copy_from(&self, source: &Directory, name: &str) -> Result<Directory> {
        wait(self.inner.resume_copy_from(&source.inner, name)).map(Directory::from)
    }

    /// Copies an array, table or file unless the same is there already, as [`crate::Directory::resume_entry`].
    pub fn resume_entry(&self, source: &Directory, source_name: &str, name: &str) -> Result<bool> {
        wait(self.inner.resume_entry(&source.inner, source_name, name))
    }

    /// Takes every entry of `other` that this directory does not have.
    pub fn update(&self, other: &Directory) -> Result<()> {
        wait(self.inner.update(&other.inner))
    }

    /// Appends every entry of `other` to the entry of that name, as [`crate::Directory::extend`].
    pub fn extend(&self, other: &Directory) -> Result<()> {
        wait(self.inner.extend(&other.inner))
    }

    /// The attributes of the entry at `name`.
    pub fn attributes(&self, name: &str) -> Result<Attributes> {
        wait(self.inner.attributes(name))
    }

    /// Replaces the attributes of the entry at `name` as a whole.
    pub fn set_attributes(&self, name: &str, attributes: &Attributes) -> Result<()> {
        wait(self.inner.set_attributes(name, attributes))
    }

    // Meta.

    /// The meta, `None` when the directory has none or does not exist. Fails with
    /// [`Corrupt`](crate::ErrorKind::Corrupt) for a broken one, which does not keep its entries from being read.
    pub fn meta(&self) -> Result<Option<Meta>> {
        wait(self.inner.meta())
    }

    /// The config: type and fields. A directory without one is a plain `Directory`.
    pub fn config(&self) -> Result<Config> {
        wait(self.inner.config())
    }

    /// Where it stands; `None` for a directory without a meta.
    pub fn status(&self) -> Result<Option<Status>> {
        wait(self.inner.status())
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Display for Directory {
    /// The path below the root.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
