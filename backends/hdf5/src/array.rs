//! Arrays: one HDF5 file each.
//!
//! Readers open the file, read and close it. Whoever changes it holds the entry's lock, and changes it in place where
//! readers can follow, else in a copy that replaces it.

use crate::{
    Hdf5Backend, blocking,
    h5::{self, Audience, InPlace, InPlaceOptions, NewArray, Original},
    layout::Form,
    tree::{Held, Tree},
};
use async_trait::async_trait;
use fascicle_backend::{
    ArrayDescription, ArrayOptions, ArraySpec, ArrayStore, ArrayWriter, EntryKind, EntryPath, Error,
    ErrorKind, Region, Result, Values, WriteMode,
};
use fascicle_local::Staged;
use std::{path::Path, sync::Arc};

#[async_trait]
impl ArrayStore for Hdf5Backend {
    async fn create(
        &self,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>> {
        let (tree, path, spec, options) = (self.tree().clone(), path.clone(), spec.clone(), options.clone());
        blocking(move || {
            tree.prepare(&path, EntryKind::Array, mode)?;
            let staged = tree.stage()?;
            let array = NewArray::create(&staged.path(), &spec, &options)?;
            let parts = Some(Parts { array, staged });
            Ok(Box::new(LocalArrayWriter { tree, path, mode, parts }) as Box<dyn ArrayWriter>)
        })
        .await
    }

    async fn describe(&self, path: &EntryPath) -> Result<ArrayDescription> {
        let path = path.clone();
        self.run(move |tree| h5::describe(&tree.find(&path, EntryKind::Array)?.file())).await
    }

    async fn read(&self, path: &EntryPath, region: &Region, buffer: Values) -> Result<Values> {
        let (path, region) = (path.clone(), region.clone());
        self.run(move |tree| h5::read(&tree.find(&path, EntryKind::Array)?.file(), &region, buffer)).await
    }

    async fn write(&self, path: &EntryPath, region: &Region, values: Values) -> Result<()> {
        let (path, region) = (path.clone(), region.clone());
        self.run(move |tree| write(tree, &path, &region, &values)).await
    }

    async fn append(&self, path: &EntryPath, rows: u64, values: Values) -> Result<u64> {
        let path = path.clone();
        self.run(move |tree| append(tree, &path, rows, &values)).await
    }
}

fn write(tree: &Tree, path: &EntryPath, region: &Region, values: &Values) -> Result<()> {
    let held = tree.lock(path, EntryKind::Array)?;
    in_place_or_by_copy(tree, &held, |file, audience, options| {
        h5::write_region(file, audience, region, values, options)
    })
}

fn append(tree: &Tree, path: &EntryPath, rows: u64, values: &Values) -> Result<u64> {
    let held = tree.lock(path, EntryKind::Array)?;
    in_place_or_by_copy(tree, &held, |file, audience, options| {
        h5::append(file, audience, rows, values, options)
    })
}

/// Makes a change to the entry's file, or to a copy that then replaces it.
fn in_place_or_by_copy<T>(
    tree: &Tree,
    held: &Held,
    change: impl Fn(&Path, Audience, InPlaceOptions) -> Result<InPlace<T>>,
) -> Result<T> {
    let file = held.file();
    let options = InPlaceOptions { patience: tree.options().lock_timeout, fsync: tree.options().fsync };
    let rewrite = match change(&file, Audience::Public, options)? {
        InPlace::Done(done) => return Ok(done),
        InPlace::NeedsCopy => false,
        InPlace::NeedsRewrite => true,
    };
    let original = Original::lock(&file, options.patience)?;
    let staged = tree.stage()?;
    let copy = staged.path();
    if rewrite { original.rewrite(&copy) } else { original.duplicate(&copy) }?;
    // What is staged becomes durable when it is put in place.
    match change(&copy, Audience::Private, InPlaceOptions { fsync: false, ..options })? {
        InPlace::Done(done) => {
            held.replace(staged)?;
            Ok(done)
        }
        InPlace::NeedsCopy | InPlace::NeedsRewrite => {
            Err(Error::new(ErrorKind::Internal, "the copy of an array could not be changed either"))
        }
    }
}

/// An array under construction, and the place where its file is until it is finished.
struct Parts {
    // Dropped in this order: the file is closed before it is deleted.
    array: NewArray,
    staged: Staged,
}

struct LocalArrayWriter {
    tree: Arc<Tree>,
    path: EntryPath,
    mode: WriteMode,
    /// Away while a write is under way, and for good after one that failed or was cancelled.
    parts: Option<Parts>,
}

impl LocalArrayWriter {
    fn take(&mut self) -> Result<Parts> {
        self.parts.take().ok_or_else(|| {
            Error::new(ErrorKind::Conflict, "an earlier write to this array failed or was cancelled")
                .hint("begin again with a new writer")
        })
    }
}

#[async_trait]
impl ArrayWriter for LocalArrayWriter {
    async fn write(&mut self, region: &Region, values: Values) -> Result<()> {
        let (mut parts, region) = (self.take()?, region.clone());
        let parts = blocking(move || {
            parts.array.write(&region, &values)?;
            Ok(parts)
        })
        .await?;
        self.parts = Some(parts);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<()> {
        let Parts { array, staged } = self.take()?;
        let (tree, path, mode) = (self.tree.clone(), self.path.clone(), self.mode);
        blocking(move || {
            array.finish()?;
            tree.commit(staged, &path, Form::Array, mode, None)
        })
        .await
    }
}

impl Drop for LocalArrayWriter {
    fn drop(&mut self) {
        // Closing the file waits for whoever uses the library, which an asynchronous thread must not.
        if let (Some(parts), Ok(runtime)) = (self.parts.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn_blocking(move || drop(parts));
        }
    }
}
