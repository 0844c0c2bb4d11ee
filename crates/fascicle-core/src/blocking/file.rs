//! Files.

use super::{StreamIterator, wait};
use crate::{EntryPath, Result, TailOptions};
use bytes::Bytes;
use std::{fmt, ops::Range};

/// A handle to a stored file, as [`crate::File`].
#[derive(Clone, Debug)]
pub struct File {
    inner: crate::File,
}

impl From<crate::File> for File {
    fn from(inner: crate::File) -> Self {
        File { inner }
    }
}

impl File {
    /// The path below the root.
    pub fn path(&self) -> &EntryPath {
        self.inner.path()
    }

    /// The length in bytes at the moment the handle was opened.
    pub fn len(&self) -> u64 {
        self.inner.len()
    }

    /// Whether it was empty at the moment the handle was opened.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// All bytes, in memory.
    pub fn read(&self) -> Result<Bytes> {
        wait(self.inner.read())
    }

    /// The bytes at `range`; beyond the end it is clipped.
    pub fn read_range(&self, range: Range<u64>) -> Result<Bytes> {
        wait(self.inner.read_range(range))
    }

    /// The bytes in pieces, for files that do not fit into memory.
    pub fn stream(&self, range: Option<Range<u64>>) -> Result<StreamIterator<Bytes>> {
        wait(self.inner.stream(range)).map(StreamIterator::from)
    }

    /// The bytes that are there and those that are appended, as [`crate::File::tail`].
    pub fn tail(&self, options: &TailOptions) -> StreamIterator<Bytes> {
        StreamIterator::from(self.inner.tail(options))
    }
}

/// A file being stored piece by piece. Dropping it leaves everything as it was.
#[must_use = "the file appears at `finish`"]
pub struct FileWriter {
    pub(super) inner: Box<dyn crate::FileWriter>,
}

impl FileWriter {
    /// Writes the next bytes.
    pub fn write(&mut self, bytes: impl Into<Bytes>) -> Result<()> {
        wait(self.inner.write(bytes.into()))
    }

    /// Makes the file appear, whole and durable.
    pub fn finish(self) -> Result<()> {
        wait(self.inner.finish())
    }
}

impl fmt::Debug for FileWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileWriter").finish_non_exhaustive()
    }
}
