//! The parts of a new array, on their way into the store.
//!
//! They are stored under a generation of their own, beside the parts of the array that they will replace. An object in the folder
//! `_writing` of the directory says that they are not an array yet; its name holds the generation.

use crate::{
    manifest::Manifest,
    part_name,
    stored_array::{Described, StoredArray},
};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, Result};
use fascicle_objects::{Condition, PutOutcome, WRITING_PREFIX, key, object_store::path::Path};
use futures::{StreamExt, stream};

/// Parts of a generation that nobody reads yet. Dropping it removes them, in the background.
pub(crate) struct Upload {
    folder: StoredArray,
    generation: Option<u64>,
    parts: u64,
    pub(crate) rows: u64,
    /// Whether the description that names the generation may have been written, or may still be.
    may_be_committed: bool,
}

impl Upload {
    pub(crate) fn new(folder: StoredArray) -> Self {
        Upload { folder, generation: None, parts: 0, rows: 0, may_be_committed: false }
    }

    /// The position of the next part.
    pub(crate) fn next(&self) -> u64 {
        self.parts
    }

    /// The generation; `None` before the first part.
    pub(crate) fn generation(&self) -> Option<u64> {
        self.generation
    }

    /// The objects of the parts that were stored.
    pub(crate) fn objects(&self) -> Result<Vec<Path>> {
        let Some(generation) = self.generation else { return Ok(Vec::new()) };
        (0..self.parts).map(|part| self.folder.key(&part_name::name_of(generation, part)?)).collect()
    }

    /// Stores the next part, of so many rows.
    pub(crate) async fn put(&mut self, part: Bytes, rows: u64) -> Result<()> {
        let generation = match self.generation {
            Some(generation) => generation,
            None => {
                let generation = part_name::new_generation()?;
                // From now on what is stored is removed should the array not be finished.
                self.generation = Some(generation);
                self.folder.store.put(&self.folder.marker(generation)?, Bytes::new()).await?;
                generation
            }
        };
        let object = self.folder.key(&part_name::name_of(generation, self.parts)?)?;
        if !self.folder.put_new(&object, part).await? {
            // Not ours to remove.
            self.generation = None;
            let why =
                "another writer chose the same number for a new array, which happens once in a billion times";
            return Err(Error::new(ErrorKind::Conflict, why).hint("try again"));
        }
        self.parts += 1;
        self.rows += rows;
        Ok(())
    }

    /// Writes the description that names the generation, if the array is still as it was read. Whether it was.
    ///
    /// From the first moment of it until a refusal the parts stay, whatever happens: nobody knows whether a write whose answer is
    /// missing has arrived, or will.
    pub(crate) async fn publish(&mut self, manifest: &Manifest, current: Option<&Described>) -> Result<bool> {
        let generation = self.generation.unwrap_or_default();
        self.may_be_committed = true;
        let next = Manifest { generation, ..manifest.clone() };
        let is_published = self.folder.put_manifest(&next, current).await?;
        self.may_be_committed = is_published;
        Ok(is_published)
    }

    /// Says that the parts are the array's: the description has been written.
    pub(crate) async fn settle(mut self) -> Result<()> {
        match self.generation.take() {
            Some(generation) => self.folder.store.delete(&self.folder.marker(generation)?).await,
            None => Ok(()),
        }
    }

    /// Removes the parts.
    pub(crate) async fn discard(mut self) -> Result<()> {
        match self.generation.take() {
            Some(generation) => self.folder.remove_unfinished(generation).await,
            None => Ok(()),
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (Some(generation), Ok(runtime)) = (self.generation.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        if self.may_be_committed {
            return;
        }
        let folder = self.folder.clone();
        // What cannot be removed is never read, and is marked.
        runtime.spawn(async move { folder.remove_unfinished(generation).await });
    }
}

impl StoredArray {
    /// The folder of the objects that say what is being stored in the directory.
    fn writing_folder(&self) -> Result<Path> {
        match self.directory.as_ref() {
            "" => key(WRITING_PREFIX),
            directory => key(&format!("{directory}/{WRITING_PREFIX}")),
        }
    }

    /// The object that says that parts of a generation are being stored.
    pub(crate) fn marker(&self, generation: u64) -> Result<Path> {
        self.marker_of(&format!("{generation:010}"))
    }

    /// The object that says that the array is being removed.
    pub(crate) fn removal_marker(&self) -> Result<Path> {
        self.marker_of("removal")
    }

    fn marker_of(&self, what: &str) -> Result<Path> {
        let name = self.prefix.filename().unwrap_or_default();
        key(&format!("{}/{name}.{what}", self.writing_folder()?))
    }

    /// Stores an object if there is none; where the store has no conditional writes, in any case.
    async fn put_new(&self, object: &Path, bytes: Bytes) -> Result<bool> {
        if !self.store.conditions().await?.create {
            return self.store.put(object, bytes).await.map(|_| true);
        }
        Ok(matches!(self.store.put_if(object, bytes, &Condition::Absent).await?, PutOutcome::Stored(_)))
    }

    /// Removes the parts of a generation that is not the array's, and what says that they are being stored.
    async fn remove_unfinished(&self, generation: u64) -> Result<()> {
        let listed = self.list().await?;
        let of_it = |name: &str| part_name::place_of(name).is_some_and(|(other, _)| other == generation);
        let parts: Vec<Path> =
            listed.into_iter().filter(|part| of_it(&part.name)).map(|part| part.key).collect();
        self.delete_all(parts).await?;
        self.store.delete(&self.marker(generation)?).await
    }

    /// Deletes objects.
    pub(crate) async fn delete_all(&self, objects: Vec<Path>) -> Result<()> {
        self.store.delete_all(stream::iter(objects.into_iter().map(Ok)).boxed()).await
    }

    /// Removes the parts of generations that are neither the array's nor being stored: those of arrays that were replaced or
    /// removed. Cost: a listing; two requests more where there are such parts, and those that delete them.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let listed = self.list().await?;
        let generation_of = |name: &str| part_name::place_of(name).map(|(generation, _)| generation);
        let described = self.load().await?;
        let kept = described.map(|described| described.manifest.generation);
        if listed.iter().all(|part| generation_of(&part.name).is_none_or(|other| Some(other) == kept)) {
            return Ok(());
        }
        let marked = self.marked().await?;
        // A generation that was marked when its parts were listed may have become the array's since: it is read again.
        let kept = self.load().await?.map(|described| described.manifest.generation);
        let is_left = |name: &str| {
            generation_of(name).is_some_and(|other| Some(other) != kept && !marked.contains(&other))
        };
        let parts = listed.into_iter().filter(|part| is_left(&part.name)).map(|part| part.key);
        self.delete_all(parts.collect()).await
    }

    /// The generations whose parts are being stored.
    async fn marked(&self) -> Result<Vec<u64>> {
        let name = self.prefix.filename().unwrap_or_default();
        let listed = self.store.list_children(&self.writing_folder()?).await?;
        let generation = |object: &Path| -> Option<u64> {
            object.filename()?.strip_prefix(name)?.strip_prefix('.')?.parse().ok()
        };
        Ok(listed.objects.iter().filter_map(|object| generation(&object.location)).collect())
    }
}
