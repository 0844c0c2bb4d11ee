//! Opaque files.

use crate::{
    MemoryBackend,
    node::{Content, Node, Store},
};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{
    ByteStream, EntryKind, EntryPath, FileOptions, FileStore, FileWriter, Result, WriteMode,
};
use futures::stream;
use std::{ops::Range, sync::Arc};

/// The bytes of a file in the pieces in which they were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoredFile {
    pieces: Vec<Bytes>,
}

impl StoredFile {
    pub(crate) fn length(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).sum()
    }

    fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.pieces.push(piece);
        }
    }

    /// The pieces that make up `range`, clipped to the file.
    fn slice(&self, range: Range<u64>) -> Vec<Bytes> {
        let mut begin = 0u64;
        let mut slices = Vec::new();
        for piece in &self.pieces {
            let length = piece.len() as u64;
            let from = range.start.saturating_sub(begin).min(length);
            let to = range.end.saturating_sub(begin).min(length);
            if from < to {
                // Both are at most the piece's length, which is a `usize`.
                slices.push(piece.slice(from as usize..to as usize));
            }
            begin += length;
        }
        slices
    }
}

/// The file at `path`.
fn find<'a>(store: &'a Store, path: &EntryPath) -> Result<&'a Arc<StoredFile>> {
    let node = store.find(path)?;
    match &node.content {
        Content::File(file) => Ok(file),
        _ => Err(node.wrong_kind(EntryKind::File)),
    }
}

#[async_trait]
impl FileStore for MemoryBackend {
    async fn create(
        &self,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        self.shared().admit(path, EntryKind::File, mode)?;
        Ok(Box::new(MemoryFileWriter {
            backend: self.clone(),
            path: path.clone(),
            options: options.clone(),
            mode,
            file: StoredFile::default(),
        }))
    }

    async fn read(&self, path: &EntryPath, range: Option<Range<u64>>) -> Result<ByteStream> {
        let file = Arc::clone(find(&self.shared(), path)?);
        let slices = file.slice(range.unwrap_or(0..u64::MAX));
        Ok(Box::pin(stream::iter(slices.into_iter().map(Ok))))
    }

    async fn append(&self, path: &EntryPath, bytes: Bytes) -> Result<u64> {
        self.exclusive().change(path, |node| match &mut node.content {
            Content::File(file) => {
                let file = Arc::make_mut(file);
                file.push(bytes);
                Ok(file.length())
            }
            _ => Err(node.wrong_kind(EntryKind::File)),
        })
    }
}

struct MemoryFileWriter {
    backend: MemoryBackend,
    path: EntryPath,
    options: FileOptions,
    mode: WriteMode,
    file: StoredFile,
}

#[async_trait]
impl FileWriter for MemoryFileWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.file.push(bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        let node = Node::new(Content::File(Arc::new(self.file)), self.options.attributes);
        self.backend.exclusive().put(&self.path, node, self.mode)
    }
}
