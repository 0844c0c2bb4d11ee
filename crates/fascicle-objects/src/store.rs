//! A store: objects under keys, with typed errors and conditional writes whose outcome is certain.

use crate::{
    Coordination, StoreLimits,
    error::ErrorContext,
    lineage::Lineage,
    local_store::{Child, ConfinedLocalStore},
    probe::Conditions,
};
use bytes::Bytes;
use fascicle_backend::{EntryPath, Error, ErrorKind, Result, Version};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    GetOptions, ListResult, ObjectMeta, ObjectStore, ObjectStoreExt, UpdateVersion,
    list::{PaginatedListOptions, PaginatedListStore},
    path::Path,
    prefix::PrefixStore,
};
use std::{fmt, sync::Arc, time::SystemTime};
use tokio::sync::OnceCell;

/// The prefix under which large objects that are being created wait for their name.
pub(crate) const STAGE_PREFIX: &str = "_stage";

/// Objects under keys that begin with one prefix of a bucket, a container, a folder or of memory.
///
/// Keys are relative to that prefix. Clones share the connections and what was found out about the store. Neither printing it
/// nor any error of it shows a secret of its options.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    objects: Arc<dyn ObjectStore>,
    parts: StoreParts,
    conditions: OnceCell<Conditions>,
}

/// What a store is assembled from.
pub(crate) struct StoreParts {
    /// Of the whole container.
    pub(crate) objects: Arc<dyn ObjectStore>,
    pub(crate) children: Children,
    pub(crate) prefix: Path,
    pub(crate) location: String,
    /// The same for all stores in one bucket or container of one service.
    pub(crate) service: String,
    pub(crate) is_durable: bool,
    /// The conditions of writes that it honours, where that is known from the beginning.
    pub(crate) conditions: Option<Conditions>,
    /// Nothing is found out by writing.
    pub(crate) read_only: bool,
    pub(crate) coordination: Coordination,
    pub(crate) limits: StoreLimits,
    pub(crate) context: ErrorContext,
}

/// How the children of a prefix that begin with a name are found.
pub(crate) enum Children {
    /// By looking at them.
    Local(Arc<ConfinedLocalStore>),
    /// By listing the keys that begin so.
    Paged {
        store: Arc<dyn PaginatedListStore>,
        /// The object whose whole key is what others begin with is not listed.
        omits_exact: bool,
    },
    /// By listing all children.
    OfListing,
}

/// An object that was read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The content.
    pub bytes: Bytes,
    /// What identifies this state of it.
    pub version: Version,
    /// When it was written, by the store's clock.
    pub modified: SystemTime,
    /// The conditional writes that led to it.
    pub(crate) lineage: Lineage,
}

impl Store {
    /// A store over any implementation; `location` is for people and must hold no secrets.
    pub fn over(objects: Arc<dyn ObjectStore>, location: &str) -> Store {
        static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Store::assemble(StoreParts {
            objects,
            children: Children::OfListing,
            prefix: Path::default(),
            location: location.to_owned(),
            service: format!("{location} number {number}"),
            is_durable: true,
            conditions: None,
            read_only: false,
            coordination: Coordination::default(),
            limits: StoreLimits::default(),
            context: ErrorContext { container: format!("'{location}'"), ..ErrorContext::default() },
        })
    }

    pub(crate) fn assemble(parts: StoreParts) -> Store {
        let objects: Arc<dyn ObjectStore> = match parts.prefix.as_ref() {
            "" => parts.objects.clone(),
            _ => Arc::new(PrefixStore::new(parts.objects.clone(), parts.prefix.clone())),
        };
        Store { inner: Arc::new(Inner { objects, parts, conditions: OnceCell::new() }) }
    }

    /// The objects, for libraries that work on them. Keys are relative here, too.
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.inner.objects
    }

    /// Where it is, for people; holds no secrets.
    pub fn location(&self) -> &str {
        &self.inner.parts.location
    }

    /// The limits of its use.
    pub fn limits(&self) -> &StoreLimits {
        &self.inner.parts.limits
    }

    /// The local file system, if this is one.
    pub(crate) fn local(&self) -> Option<&Arc<ConfinedLocalStore>> {
        match &self.inner.parts.children {
            Children::Local(store) => Some(store),
            Children::Paged { .. } | Children::OfListing => None,
        }
    }

    /// Whether this is a folder of the local file system, where renames cost nothing.
    pub fn is_local(&self) -> bool {
        self.local().is_some()
    }

    /// Whether what is written outlives this process.
    pub fn is_durable(&self) -> bool {
        self.inner.parts.is_durable
    }

    pub(crate) fn parts(&self) -> &StoreParts {
        &self.inner.parts
    }

    pub(crate) fn conditions_cell(&self) -> &OnceCell<Conditions> {
        &self.inner.conditions
    }

    /// Whether the answer to a request is never lost on its way.
    pub(crate) fn answers_for_sure(&self) -> bool {
        self.is_local()
    }

    /// Turns an error about `key` into a typed one; `doing` is a gerund, such as `reading`.
    pub fn error(&self, doing: &str, key: &Path, error: object_store::Error) -> Error {
        self.inner.parts.context.error(doing, key.as_ref(), error)
    }

    /// Reads an object of at most `limit` bytes; `None` when there is none. Cost: one request.
    ///
    /// Errors: `LimitExceeded` for a longer one, of which nothing is kept.
    pub async fn read(&self, key: &Path, limit: u64) -> Result<Option<Object>> {
        let failed = |error| self.error("reading", key, error);
        let result = match self.objects().get_opts(key, GetOptions::default()).await {
            Ok(result) => result,
            Err(error) => return self.absent_or("reading", key, error),
        };
        if result.meta.size > limit {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("'{key}' holds {} bytes, at most {limit} are read", result.meta.size),
            ));
        }
        let (version, modified) = (version_of_meta(&result.meta), result.meta.last_modified.into());
        let lineage = Lineage::of(&result.attributes);
        // Whatever a service says of the size, no more than the limit is kept.
        let mut bytes = Vec::new();
        let mut stream = result.into_stream();
        while let Some(piece) = stream.try_next().await.map_err(failed)? {
            if (bytes.len() + piece.len()) as u64 > limit {
                let why = format!("'{key}' holds more than {limit} bytes");
                return Err(Error::new(ErrorKind::LimitExceeded, why));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(Some(Object { bytes: bytes.into(), version, modified, lineage }))
    }

    /// What is known of an object; `None` when there is none. Cost: one request.
    pub async fn head(&self, key: &Path) -> Result<Option<ObjectMeta>> {
        match self.objects().head(key).await {
            Ok(meta) => Ok(Some(meta)),
            Err(error) => self.absent_or("looking at", key, error),
        }
    }

    /// The version of an object's state, and the conditional writes that led to it.
    pub(crate) async fn written_by(&self, key: &Path) -> Result<Option<(Version, Lineage)>> {
        match self.objects().get_opts(key, GetOptions::new().with_head(true)).await {
            Ok(result) => Ok(Some((version_of_meta(&result.meta), Lineage::of(&result.attributes)))),
            Err(error) => self.absent_or("looking at", key, error),
        }
    }

    fn absent_or<T>(&self, doing: &str, key: &Path, error: object_store::Error) -> Result<Option<T>> {
        let is_absent = matches!(error, object_store::Error::NotFound { .. });
        let error = self.error(doing, key, error);
        // A missing bucket is no missing object.
        let is_about_the_object = error.advice().is_none();
        if is_absent && error.is_not_found() && is_about_the_object { Ok(None) } else { Err(error) }
    }

    /// Stores an object in any case. Atomic for readers. Cost: one request.
    pub async fn put(&self, key: &Path, bytes: Bytes) -> Result<Version> {
        let result = self.objects().put(key, bytes.into()).await;
        let result = result.map_err(|error| self.error("writing", key, error))?;
        Ok(version_of(result.e_tag, result.version))
    }

    /// Deletes an object; fine when there is none. Cost: one request.
    pub async fn delete(&self, key: &Path) -> Result<()> {
        match self.objects().delete(key).await {
            Ok(()) => Ok(()),
            Err(error) => self.absent_or::<()>("deleting", key, error).map(|_| ()),
        }
    }

    /// Deletes objects, many with a request where the service can; fine when some are gone already.
    pub async fn delete_all(&self, keys: BoxStream<'static, object_store::Result<Path>>) -> Result<()> {
        let mut deleted = self.objects().delete_stream(keys);
        while let Some(answer) = deleted.next().await {
            match answer {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.error("deleting from", &Path::default(), error)),
            }
        }
        Ok(())
    }

    /// Every object under a prefix, in no order. Cost: a request for each 1,000.
    pub fn list(&self, prefix: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        let (this, key) = (self.clone(), prefix.clone());
        self.objects().list(Some(prefix)).map_err(move |error| this.error("listing", &key, error)).boxed()
    }

    /// The objects and the prefixes directly under a prefix. Cost: a request for each 1,000.
    pub async fn list_children(&self, prefix: &Path) -> Result<ListResult> {
        let mut result = self
            .objects()
            .list_with_delimiter(Some(prefix))
            .await
            .map_err(|error| self.error("listing", prefix, error))?;
        // Some programs mark a folder by an empty object of its name and a `/`.
        result.objects.retain(|object| object.location != *prefix);
        Ok(result)
    }

    /// What stands under `name`, or under `name` and one of the `suffixes`, directly under a prefix.
    ///
    /// Cost: a request for each 1,000 children whose names begin with `name`, so usually one; one more on Azure.
    pub async fn children_named(&self, prefix: &Path, name: &str, suffixes: &[&str]) -> Result<Vec<Found>> {
        let names: Vec<String> = std::iter::once("")
            .chain(suffixes.iter().copied())
            .map(|suffix| format!("{name}{suffix}"))
            .collect();
        let failed = |error| self.error("looking at", prefix, error);
        let is_wanted =
            |path: &Path| path.filename().is_some_and(|name| names.iter().any(|wanted| wanted == name));
        match &self.inner.parts.children {
            Children::Local(store) => {
                let children = store.look(prefix, names).await.map_err(failed)?;
                Ok(children.into_iter().map(Found::from).collect())
            }
            Children::OfListing => {
                let listed = self.list_children(prefix).await?;
                Ok(found(listed).filter(|found| is_wanted(found.path())).collect())
            }
            Children::Paged { store, omits_exact } => {
                let mut all = self.list_named(store.as_ref(), prefix, name).await?;
                all.retain(|found| is_wanted(found.path()));
                if *omits_exact {
                    all.extend(self.head(&child_key(prefix, name)?).await?.map(Found::Object));
                }
                Ok(all)
            }
        }
    }

    async fn list_named(
        &self,
        store: &dyn PaginatedListStore,
        prefix: &Path,
        name: &str,
    ) -> Result<Vec<Found>> {
        let failed = |error| self.error("looking at", prefix, error);
        let outer = &self.inner.parts.prefix;
        let above: Vec<&str> =
            [outer.as_ref(), prefix.as_ref()].into_iter().filter(|part| !part.is_empty()).collect();
        let above = above.iter().map(|part| format!("{part}/")).collect::<String>();
        let beginning = format!("{above}{name}");
        let mut all = Vec::new();
        let mut page_token = None;
        loop {
            let options = PaginatedListOptions {
                delimiter: Some("/".into()),
                page_token,
                ..PaginatedListOptions::default()
            };
            let page = store.list_paginated(Some(&beginning), options).await.map_err(failed)?;
            for item in found(page.result) {
                let relative = match item.path().prefix_match(outer) {
                    Some(parts) => parts.collect::<Path>(),
                    None => continue,
                };
                all.push(item.at(relative));
            }
            page_token = page.page_token;
            if page_token.is_none() {
                return Ok(all);
            }
        }
    }

    /// The key of what an entry stores under its own path and `suffix`.
    pub fn entry_key(&self, path: &EntryPath, suffix: &str) -> Result<Path> {
        key(&format!("{path}{suffix}"))
    }
}

/// What stands directly under a prefix.
#[derive(Clone, Debug)]
pub enum Found {
    /// An object.
    Object(ObjectMeta),
    /// Something whose key continues with `/`.
    Prefix(Path),
}

impl Found {
    /// Its key or prefix.
    pub fn path(&self) -> &Path {
        match self {
            Found::Object(meta) => &meta.location,
            Found::Prefix(path) => path,
        }
    }

    fn at(self, path: Path) -> Found {
        match self {
            Found::Object(meta) => Found::Object(ObjectMeta { location: path, ..meta }),
            Found::Prefix(_) => Found::Prefix(path),
        }
    }
}

impl From<Child> for Found {
    fn from(child: Child) -> Self {
        match child {
            Child::Object(meta) => Found::Object(meta),
            Child::Folder(path) => Found::Prefix(path),
        }
    }
}

fn found(listed: ListResult) -> impl Iterator<Item = Found> {
    let prefixes = listed.common_prefixes.into_iter().map(Found::Prefix);
    listed.objects.into_iter().map(Found::Object).chain(prefixes)
}

/// Parses a key: names joined by `/`, of which none is empty, `.` or `..`; every other character stands for itself.
pub fn key(text: &str) -> Result<Path> {
    Path::parse(text)
        .map_err(|_| Error::new(ErrorKind::InvalidPath, format!("no object can have the key {text:?}")))
}

/// The key of `name` under a prefix; `name` may go on with `/`.
pub(crate) fn child_key(prefix: &Path, name: &str) -> Result<Path> {
    match prefix.as_ref() {
        "" => key(name),
        prefix => key(&format!("{prefix}/{name}")),
    }
}

/// The version that an entity tag and a service's own version make.
pub(crate) fn version_of(e_tag: Option<String>, version: Option<String>) -> Version {
    let e_tag = e_tag.unwrap_or_default();
    Version::new(match version {
        Some(version) => format!("{e_tag}#{version}"),
        None => e_tag,
    })
}

pub(crate) fn version_of_meta(meta: &ObjectMeta) -> Version {
    version_of(meta.e_tag.clone(), meta.version.clone())
}

/// The way back from [`version_of`]: entity tags end with a quotation mark.
pub(crate) fn update_version(version: &Version) -> UpdateVersion {
    let token = version.token();
    match token.rsplit_once('#') {
        Some((e_tag, version)) if !version.contains('"') => {
            UpdateVersion { e_tag: Some(e_tag.to_owned()), version: Some(version.to_owned()) }
        }
        _ => UpdateVersion { e_tag: Some(token.to_owned()), version: None },
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.location())
    }
}
