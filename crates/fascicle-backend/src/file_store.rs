//! Opaque files.

use crate::{EntryPath, FileOptions, Result, WriteMode};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::ops::Range;

/// Bytes in order, in pieces of the backend's choice.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// Opaque files: part of every backend.
#[async_trait]
pub trait FileStore: Send + Sync {
    /// Begins to write a file; it appears at [`FileWriter::finish`].
    ///
    /// - What `mode` refuses is refused here, and again at `finish` should an entry have appeared meanwhile.
    /// - Dropping the writer leaves everything as it was.
    async fn create(
        &self,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>>;

    /// Reads the bytes at `range`, or all of them.
    ///
    /// - The bytes come from one state of the file, except that an append may become visible.
    /// - A range beyond the end is clipped.
    /// - Errors: `NotFound`, `WrongKind`.
    async fn read(&self, path: &EntryPath, range: Option<Range<u64>>) -> Result<ByteStream>;

    /// Adds bytes to the end and returns the new length.
    ///
    /// - A reader sees a prefix of what will have been appended.
    /// - Concurrent appends each arrive whole, in some order.
    /// - Errors: `NotFound`, `WrongKind`, `Busy`.
    async fn append(&self, path: &EntryPath, bytes: Bytes) -> Result<u64>;
}

/// A file being written.
#[async_trait]
pub trait FileWriter: Send {
    /// Adds bytes.
    async fn write(&mut self, bytes: Bytes) -> Result<()>;

    /// Makes the file appear, whole and durable, in place of what `mode` allowed to replace.
    async fn finish(self: Box<Self>) -> Result<()>;
}
