//! Entries in a store: finding them, and whether one may be created.

mod attributes;
mod directories;
mod layout;
mod leftovers;
mod relocate;
mod remove;
mod tombstone;

pub use layout::{ATTRIBUTES_PREFIX, Form, Layout, META_NAME, PrefixForm, WRITING_PREFIX};

pub use leftovers::age_of;

use crate::store::{Found, Store, child_key, key};
use fascicle_backend::{EntryKind, EntryPath, Error, ErrorKind, Result, WriteMode};
use fascicle_tables::part_number;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, path::Path};
use std::time::SystemTime;
use tombstone::removal_key;

/// The entries of a store in a [`Layout`].
///
/// Where a store has no renames and no locks, these hold by the order of requests: an entry's key objects are written last and
/// deleted first; a directory that is being removed has a tombstone for its meta, and is absent; two creators of different kinds under one name see each other and one
/// of them, or both, fail.
#[derive(Clone, Debug)]
pub struct Tree {
    store: Store,
    layout: Layout,
}

/// An entry that was found.
#[derive(Clone, Debug)]
pub struct StoredEntry {
    /// How it is stored.
    pub form: Form,
    /// The name it is stored under.
    pub stored_name: String,
    /// Its object's key, or its prefix.
    pub key: Path,
    /// The size of a file; 0 for other kinds.
    pub size_bytes: u64,
    /// When a file was written.
    pub modified: Option<SystemTime>,
}

impl Tree {
    /// The entries of `store`, stored as `layout` says.
    pub fn new(store: Store, layout: Layout) -> Tree {
        Tree { store, layout }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The layout.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Where the entry at `path` is stored, or would be, in a form: the key of an object, or a prefix.
    pub fn key_of(&self, path: &EntryPath, form: &Form) -> Result<Path> {
        key(&format!("{path}{}", form.suffix()))
    }

    /// What stands under the name of `path`, in any form. Cost: one request; one more for what is stored under a prefix with
    /// key objects, and for a directory that is not on a local file system.
    pub async fn find_all(&self, path: &EntryPath) -> Result<Vec<StoredEntry>> {
        self.find_all_but(path, None).await
    }

    /// What stands under the name of `path` in any form but one, which is not looked at.
    async fn find_all_but(&self, path: &EntryPath, form: Option<&Form>) -> Result<Vec<StoredEntry>> {
        let prefix = parent_key(path)?;
        let children = self.store.children_named(&prefix, path.name(), &self.layout.suffixes()).await?;
        let mut entries = Vec::new();
        for entry in children.iter().filter_map(|child| self.entry_at(path.name(), child)) {
            if form != Some(&entry.form) && self.is_complete(&entry.key, &entry.form).await? {
                entries.push(entry);
            }
        }
        entries.sort_by(|one, other| one.stored_name.cmp(&other.stored_name));
        Ok(entries)
    }

    /// Whether what stands under a prefix is an entry, or is only being written or removed.
    pub(crate) async fn is_complete(&self, prefix: &Path, form: &Form) -> Result<bool> {
        match form {
            Form::Prefix(prefix_form) if prefix_form.is_told_by_names() => {
                // On a local file system they vanish in one step.
                Ok(self.store.is_local()
                    || self.has_key_object(prefix, form).await?
                    || self.store.head(&removal_key(prefix)?).await?.is_none())
            }
            Form::Prefix(form) => {
                for name in form.key_names {
                    if self.store.head(&child_key(prefix, name)?).await?.is_some() {
                        return Ok(true);
                    }
                }
                match form.foreign_suffix {
                    Some(suffix) => self.holds_foreign(prefix, suffix).await,
                    None => Ok(form.key_names.is_empty()),
                }
            }
            Form::Directory if !self.store.is_local() => {
                match self.store.head(&child_key(prefix, META_NAME)?).await? {
                    Some(meta) => Ok(!self.is_buried(&meta).await?),
                    None => Ok(true),
                }
            }
            Form::Directory | Form::File | Form::Single(_) => Ok(true),
        }
    }

    async fn has_key_object(&self, prefix: &Path, form: &Form) -> Result<bool> {
        let is_key = |object: &ObjectMeta| std::future::ready(form.is_key_at(prefix, &object.location));
        let mut keys = self.store.list(prefix).try_filter(is_key).boxed();
        Ok(keys.try_next().await?.is_some())
    }

    /// Whether a prefix holds files of another program that end in `suffix`.
    async fn holds_foreign(&self, prefix: &Path, suffix: &str) -> Result<bool> {
        let listed = self.store.list_children(prefix).await?;
        let mut names = listed.objects.iter().filter_map(|object| object.location.filename());
        let is_foreign = |name: &str| {
            name.ends_with(suffix) && !name.starts_with(['_', '.']) && part_number(name).is_none()
        };
        Ok(names.any(is_foreign))
    }

    fn entry_at(&self, name: &str, child: &Found) -> Option<StoredEntry> {
        let stored_name = child.path().filename()?.to_owned();
        let (found, form) = self.layout.entry_of(&stored_name, matches!(child, Found::Prefix(_)))?;
        if found != name {
            return None;
        }
        let (size_bytes, modified) = match child {
            Found::Object(meta) => (meta.size, Some(meta.last_modified.into())),
            Found::Prefix(_) => (0, None),
        };
        Some(StoredEntry { form, key: child.path().clone(), stored_name, size_bytes, modified })
    }

    /// The entry at `path`; `None` when there is none. Cost: one request. Errors: `Corrupt` when there are two.
    pub async fn find(&self, path: &EntryPath) -> Result<Option<StoredEntry>> {
        let mut entries = self.find_all(path).await?;
        if let [one, other, ..] = entries.as_slice() {
            let describe = |entry: &StoredEntry| format!("'{}' ({})", entry.stored_name, entry.form.kind());
            let why = format!("the name stands for both {} and {}", describe(one), describe(other));
            return Err(Error::new(ErrorKind::Corrupt, why)
                .at(path)
                .hint("remove or rename one of them with the tools of the store"));
        }
        Ok(entries.pop())
    }

    /// The entry at `path`. Errors: `NotFound`, `Corrupt`.
    pub async fn require_any(&self, path: &EntryPath) -> Result<StoredEntry> {
        match self.find(path).await? {
            Some(entry) => Ok(entry),
            None => Err(Error::new(ErrorKind::NotFound, "there is no such entry").at(path)),
        }
    }

    /// The entry of a kind at `path`. Errors: `NotFound`, `WrongKind`, `Corrupt`.
    pub async fn require(&self, path: &EntryPath, kind: EntryKind) -> Result<StoredEntry> {
        let entry = self.require_any(path).await?;
        if entry.form.kind() == kind { Ok(entry) } else { Err(wrong_kind(&entry, kind).at(path)) }
    }

    /// Explains why the objects of an entry of a kind were not found, when that is all that is known: `NotFound`, `WrongKind`, or
    /// `Corrupt` for an entry that lacks them.
    pub async fn explain_absence(&self, path: &EntryPath, kind: EntryKind) -> Error {
        match self.require(path, kind).await {
            Err(error) => error,
            // A file is its one object, so that it was created after it was not found.
            Ok(_) if kind == EntryKind::File => {
                Error::new(ErrorKind::NotFound, "there was no such entry a moment ago").at(path)
            }
            Ok(entry) => {
                let why = format!("'{}' holds no {kind} that can be read", entry.stored_name);
                Error::new(ErrorKind::Corrupt, why).at(path)
            }
        }
    }

    /// The outcome of a call on the objects of an entry of a kind, with the path, and if they were not found with what is there
    /// instead.
    pub async fn explained<T>(&self, path: &EntryPath, kind: EntryKind, result: Result<T>) -> Result<T> {
        match result {
            Err(error) if error.is_not_found() => Err(match self.explain_absence(path, kind).await {
                other if other.kind() == ErrorKind::Corrupt => error,
                other => other,
            }),
            Err(error) => Err(error.at(path)),
            Ok(value) => Ok(value),
        }
    }

    /// Whether there is a directory. Cost: one request; one more for a directory without meta.
    pub async fn has_directory(&self, directory: &EntryPath) -> Result<bool> {
        if directory.is_root() {
            return Ok(true);
        }
        let prefix = self.key_of(directory, &Form::Directory)?;
        if let Some(local) = self.store.local() {
            let failed = |error| self.store.error("looking at", &prefix, error);
            return local.has_folder(&prefix).await.map_err(failed);
        }
        if let Some(meta) = self.store.head(&child_key(&prefix, META_NAME)?).await? {
            return Ok(!self.is_buried(&meta).await?);
        }
        Ok(self.store.list(&prefix).try_next().await?.is_some())
    }

    /// Fails unless there is a directory. Errors: `NotFound`, `WrongKind`.
    pub async fn require_directory(&self, directory: &EntryPath) -> Result<()> {
        if self.has_directory(directory).await? {
            return Ok(());
        }
        match self.find_all(directory).await?.first() {
            Some(entry) if entry.form != Form::Directory => {
                Err(wrong_kind(entry, EntryKind::Directory).at(directory))
            }
            _ => Err(Error::new(ErrorKind::NotFound, "there is no such directory").at(directory)),
        }
    }

    /// Fails unless the directory that an entry at `path` stands in exists. The error is about the entry.
    async fn require_parent(&self, path: &EntryPath) -> Result<()> {
        let Some(parent) = path.parent().filter(|parent| !parent.is_root()) else { return Ok(()) };
        match self.require_directory(&parent).await {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::WrongKind) => {
                let why =
                    format!("'{parent}' is not a directory that it could stand in: {}", error.message());
                Err(Error::new(error.kind(), why).at(path))
            }
            found => found,
        }
    }

    /// Whether an entry of `kind` may be written at `path` in `mode`; returns what it would replace.
    ///
    /// Cost: one request when there is an entry, or the parent is the root; else up to two more. Errors: `NotFound` and `WrongKind`
    /// for the parent; `AlreadyExists` and `WrongKind` as `mode` says.
    pub async fn prepare(
        &self,
        path: &EntryPath,
        kind: EntryKind,
        mode: WriteMode,
    ) -> Result<Vec<StoredEntry>> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::InvalidPath, "the root itself cannot be created as an entry"));
        }
        let entries = self.find_all(path).await?;
        for entry in &entries {
            match mode {
                WriteMode::Create => return Err(already_exists(entry).at(path)),
                WriteMode::Overwrite if entry.form.kind() != kind => {
                    return Err(wrong_kind(entry, kind)
                        .hint("remove it first, or allow replacing an entry of another kind")
                        .at(path));
                }
                WriteMode::Overwrite | WriteMode::Replace => {}
            }
        }
        if entries.is_empty() {
            self.require_parent(path).await?;
            self.check_case(path, kind).await?;
        }
        Ok(entries)
    }

    /// Refuses a name that the file system would take for another one's.
    async fn check_case(&self, path: &EntryPath, kind: EntryKind) -> Result<()> {
        let (Some(local), Some(form)) = (self.store.local(), self.layout.form_of(kind)) else {
            return Ok(());
        };
        let stored = self.key_of(path, &form)?;
        let failed = |error| self.store.error("looking at", &stored, error);
        match local.case_collision(&stored).await.map_err(failed)? {
            None => Ok(()),
            Some(other) => Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("the file system takes the name for that of '{other}'"),
            )
            .hint("choose a name that differs in more than case")
            .at(path)),
        }
    }

    /// The entries besides one in `form` that stand under the name now: those that somebody created at the same time. Whoever
    /// creates an entry looks after having done so; of two creators at least one sees the other.
    pub async fn rivals(&self, path: &EntryPath, form: &Form) -> Result<Vec<StoredEntry>> {
        self.find_all_but(path, Some(form)).await
    }
}

/// The prefix in which an entry stands.
fn parent_key(path: &EntryPath) -> Result<Path> {
    key(path.parent().unwrap_or_default().as_str())
}

pub(crate) fn wrong_kind(entry: &StoredEntry, wanted: EntryKind) -> Error {
    Error::new(ErrorKind::WrongKind, format!("it is of kind {}, not {wanted}", entry.form.kind()))
}

pub(crate) fn already_exists(entry: &StoredEntry) -> Error {
    Error::new(
        ErrorKind::AlreadyExists,
        format!("there is an entry of kind {} already, stored as '{}'", entry.form.kind(), entry.stored_name),
    )
}
