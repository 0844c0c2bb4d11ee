//! Looking at names, and listing.

use super::{
    Inner,
    convert::{blocking, failed},
    place::split,
};
use fascicle_backend::{Error, ErrorKind};
use fascicle_local::{Facts, Folder, LOCKS_FOLDER, STAGING_FOLDER, Sight, TRASH_FOLDER};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ListResult, ObjectMeta, Result, path::Path};
use std::sync::Arc;

/// Deeper than any path of entries; only links that lead in a circle go further.
const MOST_FOLDERS: usize = 160;

/// What stands under a name.
#[derive(Clone, Debug)]
pub(crate) enum Child {
    Object(ObjectMeta),
    Folder(Path),
}

/// Whether what stands under `name` belongs to the working of the store.
fn is_working(name: &str, relative: &str) -> bool {
    name == LOCKS_FOLDER || (relative.is_empty() && matches!(name, STAGING_FOLDER | TRASH_FOLDER))
}

fn meta_of(location: Path, facts: &Facts) -> ObjectMeta {
    let last_modified = facts.modified.map(Into::into).unwrap_or_default();
    ObjectMeta { location, last_modified, size: facts.size_bytes, e_tag: None, version: None }
}

/// What stands under a name of a folder; `None` for nothing, and for what no key can mean.
fn child(folder: &Folder, prefix: &Path, name: &str) -> fascicle_backend::Result<Option<Child>> {
    let relative = prefix.as_ref();
    let path = if relative.is_empty() { name.to_owned() } else { format!("{relative}/{name}") };
    let Ok(path) = Path::parse(&path) else { return Ok(None) };
    if is_working(name, relative) {
        return Ok(None);
    }
    Ok(match folder.look(name)? {
        Sight::File(facts) => Some(Child::Object(meta_of(path, &facts))),
        Sight::Folder(_) => Some(Child::Folder(path)),
        // What a bad link leads to is said by whoever reads it.
        Sight::Absent | Sight::Special | Sight::BadLink(_) => None,
    })
}

pub(crate) fn look(inner: &Inner, prefix: &Path, names: &[String]) -> Result<Vec<Child>> {
    let Some(folder) = inner.existing_folder(prefix, prefix.as_ref())? else { return Ok(Vec::new()) };
    let mut children = Vec::new();
    for name in names {
        if let Sight::BadLink(error) = folder.look(name).map_err(|error| failed(prefix, error))? {
            return Err(failed(prefix, error));
        }
        children.extend(child(&folder, prefix, name).map_err(|error| failed(prefix, error))?);
    }
    Ok(children)
}

pub(crate) fn has_folder(inner: &Inner, prefix: &Path) -> Result<bool> {
    Ok(inner.existing_folder(prefix, prefix.as_ref())?.is_some())
}

pub(crate) fn case_collision(inner: &Inner, path: &Path) -> Result<Option<String>> {
    let ignores_case = match inner.ignores_case.get() {
        Some(known) => *known,
        None => {
            let found = fascicle_local::ignores_case(&inner.staging).map_err(|error| failed(path, error))?;
            *inner.ignores_case.get_or_init(|| found)
        }
    };
    if !ignores_case {
        return Ok(None);
    }
    let (relative, name) = split(path)?;
    let Some(folder) = inner.existing_folder(path, relative)? else { return Ok(None) };
    let names = folder.names().map_err(|error| failed(path, error))?;
    let collision = fascicle_local::case_collision(names.iter().map(|(name, _)| name.as_str()), name);
    Ok(collision.map(str::to_owned))
}

/// The children of a folder, sorted.
fn children(inner: &Inner, prefix: &Path) -> Result<Vec<Child>> {
    let Some(folder) = inner.existing_folder(prefix, prefix.as_ref())? else { return Ok(Vec::new()) };
    let fails = |error: Error| failed(prefix, error);
    let mut names: Vec<String> = folder.names().map_err(fails)?.into_iter().map(|(name, _)| name).collect();
    names.sort();
    let mut children = Vec::with_capacity(names.len());
    for name in names {
        children.extend(child(&folder, prefix, &name).map_err(fails)?);
    }
    Ok(children)
}

pub(crate) fn list_with_delimiter(inner: &Inner, prefix: &Path) -> Result<ListResult> {
    let mut result =
        ListResult { common_prefixes: Vec::new(), objects: Vec::new(), extensions: Default::default() };
    for child in children(inner, prefix)? {
        match child {
            Child::Object(meta) => result.objects.push(meta),
            Child::Folder(path) => result.common_prefixes.push(path),
        }
    }
    Ok(result)
}

/// Every object beneath `prefix`, a folder at a time.
pub(crate) fn list(inner: Arc<Inner>, prefix: Path) -> stream::BoxStream<'static, Result<ObjectMeta>> {
    walk(inner, prefix, |_| false)
}

/// Every object of the store, but for those in folders that may not be read.
pub(crate) fn list_readable(inner: Arc<Inner>) -> stream::BoxStream<'static, Result<ObjectMeta>> {
    walk(inner, Path::default(), may_not_be_read)
}

fn may_not_be_read(error: &object_store::Error) -> bool {
    let object_store::Error::Generic { source, .. } = error else { return false };
    source.downcast_ref::<Error>().is_some_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// Every object beneath `prefix`. Folders beneath it at which `is_passed` holds of the error are passed over.
fn walk(
    inner: Arc<Inner>,
    prefix: Path,
    is_passed: fn(&object_store::Error) -> bool,
) -> stream::BoxStream<'static, Result<ObjectMeta>> {
    let top = prefix.clone();
    stream::try_unfold((inner, vec![prefix], top), move |(inner, mut pending, top)| async move {
        let Some(prefix) = pending.pop() else { return Ok(None) };
        blocking(move || {
            if prefix.parts().count() > MOST_FOLDERS {
                let why = format!("'{prefix}' is nested too deep, or symbolic links lead in a circle");
                return Err(failed(&prefix, Error::new(ErrorKind::LimitExceeded, why)));
            }
            let mut objects = Vec::new();
            let mut folders = Vec::new();
            let children = match children(&inner, &prefix) {
                Err(error) if prefix != top && is_passed(&error) => Vec::new(),
                answer => answer?,
            };
            for child in children {
                match child {
                    Child::Object(meta) => objects.push(meta),
                    Child::Folder(path) => folders.push(path),
                }
            }
            pending.extend(folders.into_iter().rev());
            Ok(Some((objects, (inner, pending, top))))
        })
        .await
    })
    .map_ok(|objects| stream::iter(objects.into_iter().map(Ok)))
    .try_flatten()
    .boxed()
}
