//! Arrays as entries: a Zarr array each.

use crate::{
    ZarrBackend,
    claim::Claims,
    create::{Existing, NewArray},
    layout::array_form,
    stored_array::StoredArray,
};
use async_trait::async_trait;
use fascicle_backend::{
    ArrayDescription, ArrayOptions, ArraySpec, ArrayStore, ArrayWriter, EntryKind, EntryPath, Error,
    ErrorKind, Region, Result, Values, WriteMode,
};
use fascicle_objects::{key, object_store::path::Path};

impl ZarrBackend {
    fn place_of(&self, path: &EntryPath) -> Result<(Path, String)> {
        let directory = key(path.parent().unwrap_or_default().as_str())?;
        Ok((directory, array_form().stored_name(path.name())))
    }

    /// The array at `path`, whether there is one or not.
    pub(crate) fn array_at(&self, path: &EntryPath) -> Result<StoredArray> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::WrongKind, "the root is of kind directory, not array"));
        }
        let (directory, stored_name) = self.place_of(path)?;
        Ok(self.places().array(&directory, &stored_name))
    }

    /// The claims on the array at `path`.
    pub(crate) fn claims_at(&self, path: &EntryPath) -> Result<Claims> {
        let (directory, stored_name) = self.place_of(path)?;
        Ok(self.places().claims(&directory, &stored_name))
    }
}

#[async_trait]
impl ArrayStore for ZarrBackend {
    async fn create(
        &self,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        let (array, claims) = (self.array_at(path)?, self.claims_at(path)?);
        self.tree().prepare(path, EntryKind::Array, mode).await?;
        let existing = if mode == WriteMode::Create { Existing::Refuse } else { Existing::Replace };
        let new = NewArray::begin(array, claims, spec, options, existing).map_err(|error| error.at(path))?;
        Ok(Box::new(ZarrArrayWriter { backend: self.clone(), path: path.clone(), mode, new }))
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

struct ZarrArrayWriter {
    backend: ZarrBackend,
    path: EntryPath,
    mode: WriteMode,
    new: NewArray,
}

#[async_trait]
impl ArrayWriter for ZarrArrayWriter {
    async fn write(&mut self, region: &Region, values: Values) -> Result<()> {
        self.new.write(region, values).await.map_err(|error| error.at(&self.path))
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        let ZarrArrayWriter { backend, path, mode, new } = *self;
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
