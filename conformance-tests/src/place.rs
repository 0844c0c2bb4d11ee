//! A handle on the backend under test, with the short names in which checks are written.
//!
//! Everything here is one or two calls of the contract and returns the contract's own errors, so that a check sees
//! exactly what a user of the contract would.

use crate::snapshot::Bits;
use arrow_array::RecordBatch;
use bytes::{Bytes, BytesMut};
use fascicle_backend::{
    ArrayOptions, ArraySpec, ArrayStore, Attributes, Backend, EntryKind, EntryPath, Error, ErrorKind,
    FileOptions, Region, Result, ScanOptions, Selection, Shape, TableOptions, TableStore, Values, Version,
    WriteMode, wrap::Enforced,
};
use futures::TryStreamExt;
use std::{ops::Range, sync::Arc};

/// A handle on the backend under test. Clones share the handle.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    backend: Arc<Enforced>,
}

impl std::ops::Deref for Place {
    type Target = dyn Backend;
    fn deref(&self) -> &Self::Target {
        &*self.backend
    }
}

/// The path of an entry.
pub(crate) fn at(path: &str) -> Result<EntryPath> {
    EntryPath::parse(path)
}

/// A shape of these lengths.
pub(crate) fn shape(lengths: &[u64]) -> Result<Shape> {
    Shape::new(lengths)
}

/// What an array is made of.
pub(crate) fn spec(lengths: &[u64], dtype: fascicle_backend::DType) -> Result<ArraySpec> {
    Ok(ArraySpec { shape: Shape::new(lengths)?, dtype })
}

impl Place {
    /// Puts the checks that every backend is used through before a backend.
    pub(crate) fn over(backend: Arc<dyn Backend>) -> Self {
        Place { backend: Arc::new(Enforced::new(backend)) }
    }

    pub(crate) fn array_store(&self) -> Result<&dyn ArrayStore> {
        self.arrays().ok_or_else(|| Error::new(ErrorKind::Internal, "there is no array store"))
    }

    pub(crate) fn table_store(&self) -> Result<&dyn TableStore> {
        self.tables().ok_or_else(|| Error::new(ErrorKind::Internal, "there is no table store"))
    }

    // Directories.

    /// Creates a directory with a meta that says nothing.
    pub(crate) async fn make_dir(&self, path: &str) -> Result<Version> {
        self.make_dir_with(path, "{}\n").await
    }

    pub(crate) async fn make_dir_with(&self, path: &str, meta: &str) -> Result<Version> {
        self.create_directory(&at(path)?, Bytes::from(meta.to_owned())).await
    }

    /// The meta of a directory; `NotFound` when it has none.
    pub(crate) async fn meta(&self, path: &str) -> Result<Bytes> {
        let record = self.read_meta(&at(path)?).await?;
        Ok(record.ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no meta").at(path))?.bytes)
    }

    /// The names in a directory, in the order they are listed.
    pub(crate) async fn names(&self, directory: &str) -> Result<Vec<String>> {
        let listing = self.list(&at(directory)?).await?;
        Ok(listing.entries.into_iter().map(|entry| entry.name).collect())
    }

    pub(crate) async fn kind(&self, path: &str) -> Result<EntryKind> {
        Ok(self.stat(&at(path)?).await?.kind)
    }

    // Files.

    pub(crate) async fn put_file(&self, path: &str, content: impl Into<Vec<u8>>) -> Result<()> {
        self.put_file_as(path, content, WriteMode::Overwrite).await
    }

    pub(crate) async fn put_file_as(
        &self,
        path: &str,
        content: impl Into<Vec<u8>>,
        mode: WriteMode,
    ) -> Result<()> {
        let mut writer = self.files().create(&at(path)?, &FileOptions::default(), mode).await?;
        writer.write(Bytes::from(content.into())).await?;
        writer.finish().await
    }

    pub(crate) async fn file(&self, path: &str) -> Result<Bytes> {
        self.file_range(path, None).await
    }

    pub(crate) async fn file_range(&self, path: &str, range: Option<Range<u64>>) -> Result<Bytes> {
        let pieces: Vec<Bytes> = self.files().read(&at(path)?, range).await?.try_collect().await?;
        let mut all = BytesMut::new();
        pieces.iter().for_each(|piece| all.extend_from_slice(piece));
        Ok(all.freeze())
    }

    pub(crate) async fn append_file(&self, path: &str, content: impl Into<Vec<u8>>) -> Result<u64> {
        self.files().append(&at(path)?, Bytes::from(content.into())).await
    }

    // Arrays.

    pub(crate) async fn put_array(&self, path: &str, lengths: &[u64], values: Values) -> Result<()> {
        self.put_array_with(path, lengths, values, &ArrayOptions::default(), WriteMode::Overwrite).await
    }

    pub(crate) async fn put_array_with(
        &self,
        path: &str,
        lengths: &[u64],
        values: Values,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<()> {
        let spec = spec(lengths, values.dtype())?;
        let mut writer = self.array_store()?.create(&at(path)?, &spec, options, mode).await?;
        writer.write(&Region::whole(&spec.shape), values).await?;
        writer.finish().await
    }

    /// Creates an array without writing any of its elements.
    pub(crate) async fn put_unwritten(
        &self,
        path: &str,
        spec: &ArraySpec,
        options: &ArrayOptions,
    ) -> Result<()> {
        self.array_store()?.create(&at(path)?, spec, options, WriteMode::Create).await?.finish().await
    }

    /// The shape and all elements of an array.
    pub(crate) async fn array(&self, path: &str) -> Result<(Shape, Bits)> {
        let description = self.array_store()?.describe(&at(path)?).await?;
        let region = Region::whole(&description.shape);
        let values = self.region(path, &region).await?;
        Ok((description.shape, values))
    }

    /// The elements of a region.
    pub(crate) async fn region(&self, path: &str, region: &Region) -> Result<Bits> {
        let dtype = self.array_store()?.describe(&at(path)?).await?.dtype;
        let buffer = Values::zeros(dtype, region.element_count()?)?;
        Ok(Bits(self.array_store()?.read(&at(path)?, region, buffer).await?))
    }

    /// The elements of a selection in Python's notation.
    pub(crate) async fn select(&self, path: &str, selection: &str) -> Result<Bits> {
        let shape = self.array_store()?.describe(&at(path)?).await?.shape;
        let selection: Selection = selection.parse()?;
        self.region(path, &selection.resolve(&shape)?).await
    }

    pub(crate) async fn write_region(&self, path: &str, region: &Region, values: Values) -> Result<()> {
        self.array_store()?.write(&at(path)?, region, values).await
    }

    pub(crate) async fn append_rows(&self, path: &str, rows: u64, values: Values) -> Result<u64> {
        self.array_store()?.append(&at(path)?, rows, values).await
    }

    // Tables.

    /// Writes a table of one batch.
    pub(crate) async fn put_table(&self, path: &str, batch: &RecordBatch) -> Result<u64> {
        self.put_table_as(path, batch, WriteMode::Overwrite).await
    }

    pub(crate) async fn put_table_as(&self, path: &str, batch: &RecordBatch, mode: WriteMode) -> Result<u64> {
        let options = TableOptions::default();
        let mut writer = self.table_store()?.create(&at(path)?, batch.schema(), &options, mode).await?;
        writer.write(batch.clone()).await?;
        writer.finish().await
    }

    /// All rows of a table.
    pub(crate) async fn table(&self, path: &str) -> Result<RecordBatch> {
        self.scan(path, &ScanOptions::default()).await
    }

    /// What a scan returns, as one batch. Its schema is that of the batches, or the table's when there are none.
    pub(crate) async fn scan(&self, path: &str, options: &ScanOptions) -> Result<RecordBatch> {
        let batches: Vec<RecordBatch> =
            self.table_store()?.scan(&at(path)?, options).await?.try_collect().await?;
        let schema = match batches.first() {
            Some(batch) => batch.schema(),
            None => self.table_store()?.describe(&at(path)?).await?.schema,
        };
        arrow_select::concat::concat_batches(&schema, &batches).map_err(|error| {
            Error::new(ErrorKind::Internal, "the batches of a scan do not share a schema").caused_by(error)
        })
    }

    /// Adds the rows of one batch.
    pub(crate) async fn append_table(&self, path: &str, batch: &RecordBatch) -> Result<u64> {
        let mut writer = self.table_store()?.append(&at(path)?, batch.schema()).await?;
        writer.write(batch.clone()).await?;
        writer.finish().await
    }

    // Attributes.

    pub(crate) async fn attributes(&self, path: &str) -> Result<Attributes> {
        self.read_attributes(&at(path)?).await
    }

    pub(crate) async fn put_attributes(&self, path: &str, attributes: &Attributes) -> Result<()> {
        self.write_attributes(&at(path)?, attributes).await
    }
}
