//! Copying entries within a root and between roots, whatever their backends.

use crate::array::{row_blocks, store};
use crate::directory::update_meta;
use crate::{
    ArrayData, ArrayOptions, ArraySpec, Attributes, Capability, Directory, EntryKind, Error, ErrorKind,
    FileOptions, Meta, PutOptions, Result, ScanOptions, Status, TableOptions, Values, WriteMode,
};
use futures::{TryStreamExt, future::BoxFuture};

/// Elements are copied in blocks of rows of about this size, so that no array needs to fit into memory.
const BLOCK_BYTES: u64 = 8 << 20;

impl Directory {
    /// Copies the entry at `from` to the name `to`, both within this directory. An entry under the new name is never
    /// replaced: [`ErrorKind::AlreadyExists`].
    pub async fn copy(&self, from: &str, to: &str) -> Result<()> {
        self.copy_entry(self, from, to, WriteMode::Create).await
    }

    /// Copies a whole directory, from this root or another one, into this directory under `name`, and returns the copy.
    ///
    /// Every array, table and file appears whole; the directory as a whole counts as running until it is complete. A
    /// finished directory that is copied into another root is found by its config there.
    pub async fn copy_from(&self, source: &Directory, name: &str, mode: WriteMode) -> Result<Directory> {
        let Some(parent) = source.parent() else {
            return Err(Error::new(ErrorKind::InvalidInput, "a root cannot be copied as a whole")
                .hint("copy the directories in it, one by one")
                .during("copy"));
        };
        self.copy_entry(&parent, source.name(), name, mode).await?;
        self.dir(name)
    }

    /// Copies the entry `source_name` of any directory, in this root or another one, into this directory under `name`.
    /// Arrays, tables and files keep their attributes; data is streamed.
    ///
    /// With [`WriteMode::Overwrite`] an array, table or file of the same kind is replaced at once; directories are only
    /// replaced with [`WriteMode::Replace`].
    pub async fn copy_entry(
        &self,
        source: &Directory,
        source_name: &str,
        name: &str,
        mode: WriteMode,
    ) -> Result<()> {
        let from = source.entry(source_name)?;
        let to = self.entry(name)?;
        let kind = source.root().backend().stat(&from).await.map_err(|error| error.during("copy"))?.kind;
        to.check_creatable(kind).map_err(|error| error.during("copy to"))?;
        let same_root = source.root().is_same_as(self.root());
        if same_root && (to == from || to.is_within(&from)) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the target '{to}' is, or lies within, the source"),
            )
            .during("copy")
            .at(from));
        }
        self.home_of(name)?.before_put(std::slice::from_ref(&to), kind, mode).await?;
        let backend = self.root().backend();
        if same_root && mode == WriteMode::Create && backend.capabilities().has(Capability::Copy) {
            return backend.copy(&from, &to).await;
        }
        self.stream_entry(source, source_name, name, kind, mode).await
    }

    /// Takes every entry of `other` that this directory does not have, as Python's `dict.setdefault` would; nested
    /// directories that both have are left as they are.
    pub async fn update(&self, other: &Directory) -> Result<()> {
        for entry in other.entries().await? {
            if !self.contains(&entry.name).await? {
                self.copy_entry(other, &entry.name, &entry.name, WriteMode::Create).await?;
            }
        }
        Ok(())
    }

    /// Appends every entry of `other` to the entry of that name: arrays and tables by rows, files by bytes, directories entry
    /// by entry. What is missing here is created. Fails with [`ErrorKind::WrongKind`] or [`ErrorKind::Mismatch`] at the
    /// first entry that does not fit; the entries before it have been appended.
    pub fn extend<'a>(&'a self, other: &'a Directory) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            for entry in other.entries().await? {
                let name = entry.name.as_str();
                match (self.kind(name).await?, entry.kind) {
                    (None, _) => self.copy_entry(other, name, name, WriteMode::Create).await?,
                    (Some(EntryKind::Array), EntryKind::Array) => self.extend_array(other, name).await?,
                    (Some(EntryKind::Table), EntryKind::Table) => {
                        let mut batches = other.table(name).await?.scan(&ScanOptions::default()).await?;
                        while let Some(batch) = batches.try_next().await? {
                            self.append_table(name, &batch).await?;
                        }
                    }
                    (Some(EntryKind::File), EntryKind::File) => {
                        let mut pieces = other.file(name).await?.stream(None).await?;
                        while let Some(piece) = pieces.try_next().await? {
                            self.append_file(name, piece).await?;
                        }
                    }
                    (Some(EntryKind::Directory), EntryKind::Directory) => {
                        self.dir(name)?.extend(&other.dir(name)?).await?;
                    }
                    (Some(stored), given) => {
                        let message = format!(
                            "an entry of kind '{given}' cannot be appended to one of kind '{stored}'"
                        );
                        return Err(Error::new(ErrorKind::WrongKind, message)
                            .during("extend")
                            .at(self.entry(name)?));
                    }
                }
            }
            Ok(())
        })
    }

    async fn extend_array(&self, other: &Directory, name: &str) -> Result<()> {
        let rows = other.array(name).await?;
        for region in row_blocks(rows.shape(), rows.dtype(), BLOCK_BYTES) {
            let buffer = Values::zeros(rows.dtype(), region.element_count()?)?;
            let values = store(other)?.read(rows.path(), &region, buffer).await?;
            self.append(name, ArrayData::new(region.shape()?, values)?).await?;
        }
        Ok(())
    }

    pub(crate) async fn stream_entry(
        &self,
        source: &Directory,
        source_name: &str,
        name: &str,
        kind: EntryKind,
        mode: WriteMode,
    ) -> Result<()> {
        let keeps =
            |directory: &Directory| directory.root().backend().capabilities().has(Capability::Attributes);
        let attributes = match kind {
            EntryKind::Directory => Attributes::new(),
            _ if keeps(source) && keeps(self) => source.attributes(source_name).await?,
            _ => Attributes::new(),
        };
        match kind {
            EntryKind::Array => {
                let array = source.array(source_name).await?;
                let spec = ArraySpec { shape: array.shape().clone(), dtype: array.dtype() };
                let fill = array.description().fill.clone();
                let array_options = ArrayOptions { attributes, fill, ..ArrayOptions::default() };
                let mut writer =
                    self.create_array(name, spec, &PutOptions { mode, array: array_options }).await?;
                for region in row_blocks(array.shape(), array.dtype(), BLOCK_BYTES) {
                    let buffer = Values::zeros(array.dtype(), region.element_count()?)?;
                    if buffer.is_empty() {
                        continue;
                    }
                    let values = store(source)?.read(array.path(), &region, buffer).await?;
                    writer.write(&region, ArrayData::new(region.shape()?, values)?).await?;
                }
                writer.finish().await
            }
            EntryKind::Table => {
                let table = source.table(source_name).await?;
                let options = TableOptions { attributes, ..TableOptions::default() };
                let mut batches = table.scan(&ScanOptions::default()).await?;
                let mut writer = self.create_table(name, table.schema().clone(), &options, mode).await?;
                while let Some(batch) = batches.try_next().await? {
                    writer.write(batch).await?;
                }
                writer.finish().await.map(|_| ())
            }
            EntryKind::File => {
                let mut pieces = source.file(source_name).await?.stream(None).await?;
                let target = self.entry(name)?;
                let options = FileOptions { attributes };
                let mut writer = self.root().backend().files().create(&target, &options, mode).await?;
                while let Some(piece) = pieces.try_next().await? {
                    writer.write(piece).await?;
                }
                writer.finish().await
            }
            EntryKind::Directory => self.stream_directory(&source.dir(source_name)?, name, mode).await,
        }
    }

    fn stream_directory<'a>(
        &'a self,
        source: &'a Directory,
        name: &'a str,
        mode: WriteMode,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let target = self.dir(name)?;
            if mode == WriteMode::Replace && self.contains(name).await? {
                self.remove(name).await?;
            }
            let meta = source.meta().await?.unwrap_or_else(Meta::plain);
            // Whoever meets the copy before it is complete sees that somebody is at work.
            let unfinished = Meta { status: Status::Running, modified: false, build: None, ..meta.clone() };
            let backend = self.root().backend();
            backend.create_directory(target.path(), unfinished.to_bytes()?).await?;
            for entry in source.entries().await? {
                target.stream_entry(source, &entry.name, &entry.name, entry.kind, WriteMode::Create).await?;
            }
            target.finish_copy(meta).await
        })
    }

    /// Says of a copy of a directory with this meta that it is complete.
    pub(crate) async fn finish_copy(&self, meta: Meta) -> Result<()> {
        // A copy of what was never finished is not finished either, and nobody is at work on it.
        let status = if meta.status == Status::Running { Status::Stopped } else { meta.status };
        update_meta(self.root(), self.path(), |copied| {
            copied.status = status.clone();
            copied.modified = meta.modified;
            copied.build = meta.build.clone();
            true
        })
        .await?;
        Ok(())
    }
}
