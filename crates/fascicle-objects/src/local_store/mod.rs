//! Objects as files beneath a folder that no key and no symbolic link leads out of.
//!
//! The key `a/b` is the file `b` in the folder `a` of the root. Folders are made when an object needs them, and removed
//! when the last object in them is deleted.

mod convert;
mod place;
mod read;
mod tag;
mod upload;
mod walk;
mod write;

pub(crate) use walk::Child;

use async_trait::async_trait;
use bytes::Bytes;
use convert::blocking;
use fascicle_backend::{Leftover, Result as BackendResult, Version};
use fascicle_local::{Root, Staging};
use futures::{StreamExt, stream::BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, path::Path,
};
use std::{
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// How many deletions are under way at once.
const DELETIONS: usize = 16;

/// An [`ObjectStore`] on a local file system.
///
/// - **Put** is atomic for readers in every mode; of any number of concurrent `Create`s, in any process, exactly one
///   succeeds, and of concurrent `Update`s of one state exactly one. Writers of one object wait for each other. Attributes are
///   not kept.
/// - **Entity tags** of [`get_opts`](ObjectStore::get_opts) and of puts identify a state of an object and never return: they
///   are made of the file's number, a modification time that grows with every state, and the content of small files. Listings
///   give none.
/// - **Copies** share no bytes that a later write could change. **Renames** move the file.
/// - **Symbolic links** are followed while they stay beneath the root, and further only when allowed.
/// - What is being written is staged in the root under a working name that no listing shows. A process that is killed leaves it
///   behind.
#[derive(Clone)]
pub struct ConfinedLocalStore {
    inner: Arc<Inner>,
}

struct Inner {
    root: Arc<Root>,
    staging: Staging,
    lock_timeout: Duration,
    /// Whether the file system takes names that differ in case alone for one; found out when it matters.
    ignores_case: OnceLock<bool>,
}

/// How a [`ConfinedLocalStore`] is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalStoreOptions {
    /// Whether what was written survives a power failure when the call returns.
    pub fsync: bool,
    /// Whether symbolic links are followed that lead out of the root.
    pub follow_symlinks: bool,
    /// How long a writer waits for another one at the same object.
    pub lock_timeout: Duration,
}

impl Default for LocalStoreOptions {
    fn default() -> Self {
        LocalStoreOptions { fsync: true, follow_symlinks: false, lock_timeout: Duration::from_secs(30) }
    }
}

impl ConfinedLocalStore {
    /// The objects beneath the folder `root`, which need not exist yet.
    ///
    /// Errors: `WrongKind` when there is something that is no folder, `PermissionDenied`.
    pub fn new(root: &std::path::Path, options: &LocalStoreOptions) -> BackendResult<Self> {
        let root = Root::new(root, options.follow_symlinks)?;
        let staging = Staging::new(root.clone(), options.fsync);
        let inner =
            Inner { root, staging, lock_timeout: options.lock_timeout, ignores_case: OnceLock::new() };
        Ok(ConfinedLocalStore { inner: Arc::new(inner) })
    }

    /// The folder.
    pub fn root(&self) -> &std::path::Path {
        self.inner.root.path()
    }

    /// What stands under `names` in the folder `prefix`. Cost: a look at each name.
    pub(crate) async fn look(&self, prefix: &Path, names: Vec<String>) -> Result<Vec<Child>> {
        let (inner, prefix) = (self.inner.clone(), prefix.clone());
        blocking(move || walk::look(&inner, &prefix, &names)).await
    }

    /// Whether there is a folder for `prefix`, be it empty.
    pub(crate) async fn has_folder(&self, prefix: &Path) -> Result<bool> {
        let (inner, prefix) = (self.inner.clone(), prefix.clone());
        blocking(move || walk::has_folder(&inner, &prefix)).await
    }

    /// Removes an object or everything under a prefix in one step; tells whether there was anything. Links are not followed.
    pub(crate) async fn discard(&self, path: &Path) -> Result<bool> {
        let (inner, path) = (self.inner.clone(), path.clone());
        blocking(move || write::discard(&inner, &path)).await
    }

    /// Removes everything under a prefix in one step, if the object `name` directly under it has this version; tells whether it
    /// did.
    pub(crate) async fn discard_if(
        &self,
        path: &Path,
        name: &'static str,
        version: &Version,
    ) -> Result<bool> {
        let (inner, path, version) = (self.inner.clone(), path.clone(), version.clone());
        blocking(move || write::discard_if(&inner, &path, name, &version)).await
    }

    /// Every object, but for those in folders that may not be read.
    pub(crate) fn list_readable(&self) -> BoxStream<'static, Result<ObjectMeta>> {
        walk::list_readable(self.inner.clone())
    }

    /// What killed writers left, see [`fascicle_local::leftovers`]; everything in folders with these suffixes is stored by a format.
    pub(crate) async fn leftovers(&self, suffixes: Vec<&'static str>) -> BackendResult<Vec<Leftover>> {
        let root = self.inner.root.clone();
        fascicle_local::blocking(move || {
            fascicle_local::leftovers(&root, &|name| suffixes.iter().any(|suffix| name.ends_with(suffix)))
        })
        .await
    }

    /// Deletes one of them, see [`fascicle_local::collect_leftover`].
    pub(crate) async fn collect(&self, leftover: &Leftover) -> BackendResult<bool> {
        let (root, leftover) = (self.inner.root.clone(), leftover.clone());
        fascicle_local::blocking(move || fascicle_local::collect_leftover(&root, &leftover)).await
    }

    /// Moves an object or everything under a prefix in one step to a free path; tells whether it was free.
    pub(crate) async fn move_if_absent(&self, from: &Path, to: &Path) -> Result<bool> {
        let (inner, from, to) = (self.inner.clone(), from.clone(), to.clone());
        blocking(move || write::move_if_absent(&inner, &from, &to)).await
    }

    /// The name in the folder of `path` that a file system which ignores case would take for the name of `path`.
    pub(crate) async fn case_collision(&self, path: &Path) -> Result<Option<String>> {
        let (inner, path) = (self.inner.clone(), path.clone());
        blocking(move || walk::case_collision(&inner, &path)).await
    }
}

impl fmt::Debug for ConfinedLocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfinedLocalStore({})", self.root().display())
    }
}

impl fmt::Display for ConfinedLocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[async_trait]
impl ObjectStore for ConfinedLocalStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let (inner, location) = (self.inner.clone(), location.clone());
        blocking(move || write::put(&inner, &location, &payload, &options.mode)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let (inner, location) = (self.inner.clone(), location.clone());
        blocking(move || Ok(Box::new(upload::Upload::begin(inner, location)?) as Box<dyn MultipartUpload>))
            .await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (inner, location) = (self.inner.clone(), location.clone());
        blocking(move || read::get(&inner, &location, &options)).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let (inner, location, ranges) = (self.inner.clone(), location.clone(), ranges.to_vec());
        blocking(move || read::get_ranges(&inner, &location, &ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let inner = self.inner.clone();
        locations
            .map(move |location| {
                let inner = inner.clone();
                async move {
                    let location = location?;
                    blocking(move || write::delete(&inner, &location).map(|()| location)).await
                }
            })
            .buffered(DELETIONS)
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        walk::list(self.inner.clone(), prefix.cloned().unwrap_or_default())
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let (inner, prefix) = (self.inner.clone(), prefix.cloned().unwrap_or_default());
        blocking(move || walk::list_with_delimiter(&inner, &prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let (inner, from, to) = (self.inner.clone(), from.clone(), to.clone());
        blocking(move || write::copy(&inner, &from, &to, options.mode)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let (inner, from, to) = (self.inner.clone(), from.clone(), to.clone());
        blocking(move || write::rename(&inner, &from, &to, options.target_mode)).await
    }
}
