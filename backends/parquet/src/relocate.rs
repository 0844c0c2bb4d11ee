//! Removing, copying and moving entries. Arrays are copied as they are at one moment, everything else as the store's tree does it.

use crate::{
    ParquetBackend,
    layout::array_form,
    manifest::{MANIFEST_NAME, Manifest},
    part_name,
    stored_array::StoredArray,
};
use fascicle_backend::{EntryKind, EntryPath, Error, ErrorKind, Result, WriteMode};
use fascicle_objects::object_store::{ObjectStoreExt, path::Path};
use futures::{StreamExt, TryStreamExt, stream};

impl ParquetBackend {
    pub(crate) async fn remove_entry(&self, path: &EntryPath) -> Result<()> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::InvalidInput, "the root cannot be removed"));
        }
        let entry = self.tree().require_any(path).await?;
        if entry.form == array_form() && !self.tree().store().is_local() {
            return self.remove_array(path).await;
        }
        self.tree().remove_entry(path, &entry).await
    }

    /// Removes an array: its description first, so that nobody sees a part of it, then its parts. What somebody else is just writing
    /// in its place stays.
    pub(crate) async fn remove_array(&self, path: &EntryPath) -> Result<()> {
        let array = self.array_at(path)?;
        let removed = async {
            // Whoever lists the directory looks whether there still is an array, also if this ends early.
            let marker = array.removal_marker()?;
            array.store.put(&marker, bytes::Bytes::new()).await?;
            array.store.delete(&array.key(MANIFEST_NAME)?).await?;
            let objects: Vec<Path> =
                array.store.list(&array.prefix).map_ok(|object| object.location).try_collect().await?;
            // An array that somebody creates meanwhile stays.
            let stays = |name: &str| part_name::place_of(name).is_some() || name == MANIFEST_NAME;
            let strangers = objects.into_iter().filter(|object| !object.filename().is_some_and(stays));
            array.delete_all(strangers.collect()).await?;
            array.sweep().await?;
            array.store.delete(&marker).await
        };
        removed.await.map_err(|error: Error| error.at(path))
    }

    pub(crate) async fn copy_entry(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        let entry = self.tree().require_any(from).await?;
        if entry.form != array_form() {
            return self.tree().copy(from, to).await;
        }
        if to.is_within(from) {
            let why = format!("the target '{to}' is, or lies within, the source");
            return Err(Error::new(ErrorKind::InvalidInput, why).at(from));
        }
        self.tree().prepare(to, EntryKind::Array, WriteMode::Create).await?;
        let (source, target) = (self.array_at(from)?, self.array_at(to)?);
        if source.load().await.map_err(|error| error.at(from))?.is_none() {
            // The files of another program are copied as they are.
            return self.tree().copy(from, to).await;
        }
        copy_array(&source, &target).await.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => error.at(to),
            _ => error.at(from),
        })?;
        match self.tree().rivals(to, &array_form()).await?.first() {
            None => Ok(()),
            Some(_) => {
                self.remove_array(to).await?;
                Err(Error::new(ErrorKind::AlreadyExists, "the name was taken meanwhile").at(to))
            }
        }
    }

    /// On a local file system in one step. Elsewhere the entry is copied and then removed, so that for a moment there are both.
    pub(crate) async fn rename_entry(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        if self.tree().store().is_local() || self.tree().require_any(from).await?.form != array_form() {
            return self.tree().rename(from, to).await;
        }
        self.copy_entry(from, to).await?;
        self.remove_array(from).await
    }
}

/// Copies the parts that the array has now, under a generation of their own, then its description.
async fn copy_array(source: &StoredArray, target: &StoredArray) -> Result<()> {
    let snapshot = source.snapshot().await?;
    let described = snapshot.writable()?;
    let generation = part_name::new_generation()?;
    let mut mark = target.mark(generation).await?;
    let copied = async {
        let copies = snapshot.parts.iter().cloned().zip(0u64..).map(|(part, position)| async move {
            let object = target.key(&part_name::name_of(generation, position)?)?;
            let copied = source.store.objects().copy(&part.key, &object).await;
            copied.map_err(|error| match source.store.error("copying", &part.key, error) {
                error if error.is_not_found() => {
                    Error::new(ErrorKind::Conflict, "the array was replaced while it was copied")
                        .caused_by(error)
                }
                error => error,
            })
        });
        let at_once = source.options().concurrent_requests;
        stream::iter(copies).buffer_unordered(at_once).try_collect::<Vec<()>>().await?;
        target.begin_commit(&mut mark).await
    };
    let copied: Result<()> = copied.await;
    let manifest = Manifest { generation, ..(*described.manifest).clone() };
    // Nobody knows whether a write whose answer is missing has arrived, or will: then the copied parts stay.
    let published = copied.is_ok() && target.put_generation(&manifest, None).await?;
    target.unmark(generation).await?;
    if published {
        return Ok(());
    }
    // What was copied so far is no array; the failure of the copy is the one to report.
    let _ = target.sweep().await;
    copied?;
    Err(Error::new(ErrorKind::AlreadyExists, "there is such an array already"))
}
