//! A stored file.

use crate::{ByteStream, Directory, EntryKind, EntryPath, EntryStat, Error, ErrorKind, Result};
use bytes::Bytes;
use futures::TryStreamExt;
use std::ops::Range;

/// A handle to a stored file: opaque bytes.
#[derive(Clone, Debug)]
pub struct File {
    directory: Directory,
    path: EntryPath,
    stat: EntryStat,
}

impl File {
    pub(crate) async fn open(directory: &Directory, path: EntryPath) -> Result<Self> {
        let stat = directory.root().backend().stat(&path).await.map_err(|error| error.during("open file"))?;
        if stat.kind != EntryKind::File {
            return Err(Error::new(
                ErrorKind::WrongKind,
                format!("it is not a file but of kind '{}'", stat.kind),
            )
            .during("open file")
            .at(&path));
        }
        Ok(File { directory: directory.clone(), path, stat })
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The path below the root.
    pub fn path(&self) -> &EntryPath {
        &self.path
    }

    /// The length in bytes at the moment the handle was opened.
    pub fn len(&self) -> u64 {
        self.stat.size_bytes
    }

    /// Whether it was empty at the moment the handle was opened.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All bytes, in memory.
    pub async fn read(&self) -> Result<Bytes> {
        collect(self.stream(None).await?).await
    }

    /// The bytes at `range`; beyond the end it is clipped.
    pub async fn read_range(&self, range: Range<u64>) -> Result<Bytes> {
        collect(self.stream(Some(range)).await?).await
    }

    /// The bytes in pieces, for files that do not fit into memory.
    pub async fn stream(&self, range: Option<Range<u64>>) -> Result<ByteStream> {
        self.directory.root().backend().files().read(&self.path, range).await
    }
}

async fn collect(mut stream: ByteStream) -> Result<Bytes> {
    let Some(first) = stream.try_next().await? else { return Ok(Bytes::new()) };
    let Some(second) = stream.try_next().await? else { return Ok(first) };
    let mut all = Vec::with_capacity(first.len() + second.len());
    all.extend_from_slice(&first);
    all.extend_from_slice(&second);
    while let Some(piece) = stream.try_next().await? {
        all.extend_from_slice(&piece);
    }
    Ok(all.into())
}
