//! The parts of a new array, on their way into the store.
//!
//! They are stored under a generation of their own, beside the parts of the array that they will replace. A [mark](crate::mark) says
//! that they are not an array yet.

use crate::{
    manifest::Manifest,
    mark::{Mark, taken},
    part_name,
    stored_array::{Described, StoredArray},
};
use bytes::Bytes;
use fascicle_backend::Result;
use fascicle_objects::{Condition, PutOutcome, object_store::path::Path};
use futures::{StreamExt, stream};

/// Parts of a generation that nobody reads yet. Dropping it removes them, in the background.
pub(crate) struct Upload {
    folder: StoredArray,
    mark: Option<Mark>,
    parts: u64,
    pub(crate) rows: u64,
    /// Whether the description that names the generation may have been written, or may still be.
    may_be_committed: bool,
}

impl Upload {
    pub(crate) fn new(folder: StoredArray) -> Self {
        Upload { folder, mark: None, parts: 0, rows: 0, may_be_committed: false }
    }

    /// The position of the next part.
    pub(crate) fn next(&self) -> u64 {
        self.parts
    }

    /// The generation; `None` before the first part.
    pub(crate) fn generation(&self) -> Option<u64> {
        self.mark.as_ref().map(|mark| mark.generation)
    }

    /// The objects of the parts that were stored.
    pub(crate) fn objects(&self) -> Result<Vec<Path>> {
        let Some(generation) = self.generation() else { return Ok(Vec::new()) };
        (0..self.parts).map(|part| self.folder.key(&part_name::name_of(generation, part)?)).collect()
    }

    /// Stores the next part, of so many rows.
    pub(crate) async fn put(&mut self, part: Bytes, rows: u64) -> Result<()> {
        let generation = match self.generation() {
            Some(generation) => generation,
            None => {
                // From now on what is stored is removed should the array not be finished.
                let mark = self.folder.mark(part_name::new_generation()?).await?;
                self.mark.insert(mark).generation
            }
        };
        let object = self.folder.key(&part_name::name_of(generation, self.parts)?)?;
        if !self.folder.put_new(&object, part).await? {
            // Not ours to remove.
            self.mark = None;
            return Err(taken());
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
        let generation = self.generation().unwrap_or_default();
        if let Some(mark) = &mut self.mark {
            self.folder.begin_commit(mark).await?;
        }
        self.may_be_committed = true;
        let next = Manifest { generation, ..manifest.clone() };
        let is_published = self.folder.put_generation(&next, current).await?;
        self.may_be_committed = is_published;
        Ok(is_published)
    }

    /// Says that the parts are the array's: the description has been written.
    pub(crate) async fn settle(mut self) -> Result<()> {
        match self.mark.take() {
            Some(mark) => self.folder.unmark(mark.generation).await,
            None => Ok(()),
        }
    }

    /// Removes the parts.
    pub(crate) async fn discard(mut self) -> Result<()> {
        match self.mark.take() {
            Some(mark) => self.folder.remove_unfinished(mark.generation).await,
            None => Ok(()),
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (Some(mark), Ok(runtime)) = (self.mark.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        if self.may_be_committed {
            return;
        }
        let folder = self.folder.clone();
        // What cannot be removed is never read, and is marked.
        runtime.spawn(async move { folder.remove_unfinished(mark.generation).await });
    }
}

impl StoredArray {
    /// Stores an object if there is none; where the store has no conditional writes, in any case.
    async fn put_new(&self, object: &Path, bytes: Bytes) -> Result<bool> {
        if !self.store.conditions().await?.create {
            return self.store.put(object, bytes).await.map(|_| true);
        }
        let outcome = self.store.put_if(object, bytes, &Condition::Absent).await?;
        Ok(matches!(outcome, PutOutcome::Stored(_) | PutOutcome::Overtaken))
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
}
