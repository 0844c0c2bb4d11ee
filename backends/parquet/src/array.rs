//! Arrays as entries: a folder of parts each.

use crate::{
    ParquetBackend,
    create::{Existing, NewArray},
    layout::array_form,
    stored_array::StoredArray,
};
use async_trait::async_trait;
use fascicle_backend::{
    ArrayDescription, ArrayOptions, ArraySpec, ArrayStore, ArrayWriter, EntryKind, EntryPath, Error,
    ErrorKind, Region, Result, Values, WriteMode,
};
use fascicle_objects::key;

impl ParquetBackend {
    /// The array at `path`, whether there is one or not.
    pub(crate) fn array_at(&self, path: &EntryPath) -> Result<StoredArray> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::WrongKind, "the root is of kind directory, not array"));
        }
        let directory = key(path.parent().unwrap_or_default().as_str())?;
        let prefix = self.tree().key_of(path, &array_form())?;
        Ok(self.stored_array(directory, prefix))
    }
}

#[async_trait]
impl ArrayStore for ParquetBackend {
    async fn create(
        &self,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        let array = self.array_at(path)?;
        self.tree().prepare(path, EntryKind::Array, mode).await?;
        let existing = if mode == WriteMode::Create { Existing::Refuse } else { Existing::Replace };
        let new = NewArray::begin(array, spec, options, existing).map_err(|error| error.at(path))?;
        Ok(Box::new(ParquetArrayWriter { backend: self.clone(), path: path.clone(), mode, new }))
    }

    async fn describe(&self, path: &EntryPath) -> Result<ArrayDescription> {
        let described = self.array_at(path)?.describe().await;
        self.tree().explained(path, EntryKind::Array, described).await
    }

    async fn read(&self, path: &EntryPath, region: &Region, buffer: Values) -> Result<Values> {
        let read = self.array_at(path)?.read(region, buffer).await;
        self.tree().explained(path, EntryKind::Array, read).await
    }

    async fn write(&self, path: &EntryPath, region: &Region, values: Values) -> Result<()> {
        let written = self.array_at(path)?.write(region, values).await;
        self.tree().explained(path, EntryKind::Array, written).await
    }

    async fn append(&self, path: &EntryPath, rows: u64, values: Values) -> Result<u64> {
        let appended = self.array_at(path)?.append(rows, values).await;
        self.tree().explained(path, EntryKind::Array, appended).await
    }
}

struct ParquetArrayWriter {
    backend: ParquetBackend,
    path: EntryPath,
    mode: WriteMode,
    new: NewArray,
}

#[async_trait]
impl ArrayWriter for ParquetArrayWriter {
    async fn write(&mut self, region: &Region, values: Values) -> Result<()> {
        self.new.write(region, values).await.map_err(|error| error.at(&self.path))
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        let ParquetArrayWriter { backend, path, mode, new } = *self;
        let tree = backend.tree();
        for entry in tree.prepare(&path, EntryKind::Array, mode).await? {
            if entry.form != array_form() {
                tree.remove_entry(&path, &entry).await?;
            }
        }
        new.finish().await.map_err(|error| error.at(&path))?;
        // Two creators of different kinds look for each other when they are done; at least one sees the other.
        match tree.rivals(&path, &array_form()).await?.first() {
            None => Ok(()),
            Some(rival) => {
                let kind = rival.form.kind();
                backend.remove_array(&path).await?;
                let why = format!("an entry of kind {kind} was created under the name meanwhile");
                Err(Error::new(ErrorKind::AlreadyExists, why).at(&path))
            }
        }
    }
}
