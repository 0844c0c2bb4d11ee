//! Opaque files, byte for byte under their own names.

use crate::{
    Hdf5Backend,
    file_append::{self, append},
    layout::Form,
    tree::Tree,
};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use fascicle_backend::{
    ByteStream, EntryKind, EntryPath, Error, ErrorKind, FileOptions, FileStore, FileWriter, Result, WriteMode,
};
use fascicle_local::{Staged, blocking, storage_error};
use futures::stream;
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    ops::Range,
    path::PathBuf,
    sync::Arc,
};

/// How many bytes are read, or gathered for writing, at a time.
const PIECE_BYTES: usize = 1 << 20;

#[async_trait]
impl FileStore for Hdf5Backend {
    async fn create(
        &self,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        let (tree, path, options) = (self.tree().clone(), path.clone(), options.clone());
        blocking(move || {
            tree.prepare(&path, EntryKind::File, mode)?;
            let (staged, file) = tree.staging().create_file()?;
            let gathered = BytesMut::new();
            Ok(Box::new(LocalFileWriter { tree, path, options, mode, staged, file: Some(file), gathered })
                as Box<dyn FileWriter>)
        })
        .await
    }

    async fn read(&self, path: &EntryPath, range: Option<Range<u64>>) -> Result<ByteStream> {
        let (tree, path) = (self.tree().clone(), path.clone());
        let reader = blocking(move || Reader::open(&tree, &path, range)).await?;
        Ok(Box::pin(stream::try_unfold(reader, |reader| async move {
            if reader.remaining == 0 {
                return Ok(None);
            }
            blocking(move || reader.next()).await
        })))
    }

    async fn append(&self, path: &EntryPath, bytes: Bytes) -> Result<u64> {
        let (tree, path) = (self.tree().clone(), path.clone());
        blocking(move || append(&tree, &path, &bytes)).await
    }
}

/// A file that is being read: the bytes it had when it was opened, without those of an append that is not done.
struct Reader {
    file: File,
    path: PathBuf,
    remaining: u64,
}

impl Reader {
    fn open(tree: &Tree, path: &EntryPath, range: Option<Range<u64>>) -> Result<Reader> {
        let found = tree.find(path, EntryKind::File)?;
        let (place, mut file) = (found.file(), found.folder().open_file(found.stored_name())?);
        let failed = |error: std::io::Error| storage_error("reading", &place, error);
        let length = file_append::length(found.folder(), path.name(), found.stored_name(), || {
            file.metadata().map(|metadata| metadata.len()).map_err(failed)
        })?;
        let range = range.unwrap_or(0..length);
        let start = range.start.min(length);
        file.seek(SeekFrom::Start(start)).map_err(failed)?;
        let remaining = range.end.min(length).saturating_sub(start);
        Ok(Reader { file, path: place, remaining })
    }

    /// The next bytes, and the reader of those after them.
    fn next(mut self) -> Result<Option<(Bytes, Reader)>> {
        let wanted = usize::try_from(self.remaining).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        let mut piece = Vec::with_capacity(wanted);
        let read = (&self.file)
            .take(wanted as u64)
            .read_to_end(&mut piece)
            .map_err(|error| storage_error("reading", &self.path, error))?;
        if read < wanted {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("'{}' was truncated by another program while it was read", self.path.display()),
            ));
        }
        self.remaining -= read as u64;
        Ok(Some((piece.into(), self)))
    }
}

struct LocalFileWriter {
    tree: Arc<Tree>,
    path: EntryPath,
    options: FileOptions,
    mode: WriteMode,
    staged: Staged,
    /// Away while a write is under way, and for good after one that failed or was cancelled.
    file: Option<File>,
    gathered: BytesMut,
}

impl LocalFileWriter {
    /// Writes out what was gathered, and `more`.
    async fn flush(&mut self, more: Bytes) -> Result<()> {
        let Some(mut file) = self.file.take() else {
            return Err(Error::new(
                ErrorKind::Conflict,
                "an earlier write to this file failed or was cancelled",
            )
            .hint("begin again with a new writer"));
        };
        let (gathered, path) = (self.gathered.split().freeze(), self.staged.path());
        let file = blocking(move || {
            file.write_all(&gathered)
                .and_then(|()| file.write_all(&more))
                .map_err(|error| storage_error("writing", &path, error))?;
            Ok(file)
        })
        .await?;
        self.file = Some(file);
        Ok(())
    }
}

#[async_trait]
impl FileWriter for LocalFileWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if self.gathered.len() + bytes.len() > PIECE_BYTES {
            return self.flush(bytes).await;
        }
        self.gathered.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<()> {
        self.flush(Bytes::new()).await?;
        let LocalFileWriter { tree, path, options, mode, staged, .. } = *self;
        blocking(move || tree.commit(staged, &path, Form::File, mode, Some(&options.attributes))).await
    }
}
