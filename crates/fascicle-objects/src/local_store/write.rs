//! Writing, copying, moving and deleting objects.

use super::{
    Inner,
    convert::{already_exists, failed, not_found, precondition},
    place::{Locked, split},
    tag::{facts, stamp, tag},
};
use crate::store::update_version;
use fascicle_backend::{Error, ErrorKind, Version};
use fascicle_local::{
    Existing, FileLock, PublishOutcome, Sight, Staged, discard as discard_entry, discard_if_same,
    move_if_absent as move_entry_if_absent, storage_error,
};
use object_store::{
    CopyMode, PutMode, PutPayload, PutResult, RenameTargetMode, Result, UpdateVersion, path::Path,
};
use std::{fs::File, io::Write};

pub(crate) fn put(inner: &Inner, location: &Path, payload: &PutPayload, mode: &PutMode) -> Result<PutResult> {
    let (staged, mut file) = inner.staging.create_file().map_err(|error| failed(location, error))?;
    for piece in payload {
        file.write_all(piece)
            .map_err(|error| failed(location, storage_error("writing", &staged.path(), error)))?;
    }
    drop(file);
    let put = (|| {
        let locked = inner.lock(location)?;
        if let PutMode::Update(expected) = mode {
            check_unchanged(&locked, location, expected)?;
        }
        let existing = if *mode == PutMode::Create { Existing::Keep } else { Existing::Replace };
        publish(&locked, location, staged, existing)
    })();
    if put.is_err() {
        // The folder may have been made for nothing.
        inner.tidy(location);
    }
    put
}

/// Puts what was staged in its place, and returns its entity tag.
pub(crate) fn publish(
    locked: &Locked,
    location: &Path,
    staged: Staged,
    existing: Existing,
) -> Result<PutResult> {
    let (folder, name) = (&locked.folder, locked.name.as_str());
    let fails =
        |error: std::io::Error| failed(location, storage_error("writing", &folder.path_of(name), error));
    // A folder is no object, and whatever is in it stays.
    if let Sight::Folder(_) = folder.look(name).map_err(|error| failed(location, error))? {
        let why = format!("'{}' is a folder", folder.path_of(name).display());
        return Err(failed(location, Error::new(ErrorKind::WrongKind, why)));
    }
    let file = File::open(staged.path()).map_err(fails)?;
    stamp(&file, folder, name).map_err(|error| fails(error.into()))?;
    let facts = facts(&file).map_err(|error| fails(error.into()))?;
    let e_tag = Some(tag(&file, &facts).map_err(fails)?);
    match staged.publish(folder, name, existing).map_err(|error| failed(location, error))? {
        PublishOutcome::Published => Ok(PutResult { e_tag, version: None, extensions: Default::default() }),
        PublishOutcome::Exists => Err(already_exists(location)),
    }
}

fn check_unchanged(locked: &Locked, location: &Path, expected: &UpdateVersion) -> Result<()> {
    let fails = |error: std::io::Error| {
        failed(location, storage_error("looking at", &locked.folder.path_of(&locked.name), error))
    };
    let Some(expected) = &expected.e_tag else {
        return Err(failed(location, Error::new(ErrorKind::InvalidInput, "an update needs an entity tag")));
    };
    let file = match locked.folder.open_file(&locked.name) {
        Err(error) if error.is_not_found() => {
            return Err(precondition(location, "the object was removed".to_owned()));
        }
        answer => answer.map_err(|error| failed(location, error))?,
    };
    let facts = facts(&file).map_err(|error| fails(error.into()))?;
    let current = tag(&file, &facts).map_err(fails)?;
    if current == *expected {
        return Ok(());
    }
    Err(precondition(location, format!("the object is {current}, not {expected}")))
}

pub(crate) fn copy(inner: &Inner, from: &Path, to: &Path, mode: CopyMode) -> Result<()> {
    let (relative, name) = split(from)?;
    let folder = inner.existing_folder(from, relative)?.ok_or_else(|| not_found(from))?;
    if !matches!(folder.look(name).map_err(|error| failed(from, error))?, Sight::File(_)) {
        return Err(not_found(from));
    }
    let mut source = folder.open_file(name).map_err(|error| failed(from, error))?;
    let (staged, mut file) = inner.staging.create_file().map_err(|error| failed(to, error))?;
    // The system copies without passing the bytes through this process, and shares blocks where it can.
    std::io::copy(&mut source, &mut file)
        .map_err(|error| failed(to, storage_error("copying", &folder.path_of(name), error)))?;
    let existing = match mode {
        CopyMode::Create => Existing::Keep,
        CopyMode::Overwrite => Existing::Replace,
    };
    publish(&inner.lock(to)?, to, staged, existing).map(drop)
}

pub(crate) fn rename(inner: &Inner, from: &Path, to: &Path, mode: RenameTargetMode) -> Result<()> {
    match mode {
        RenameTargetMode::Create if from != to => {
            if move_if_absent(inner, from, to)? {
                Ok(())
            } else {
                Err(already_exists(to))
            }
        }
        RenameTargetMode::Create => Err(already_exists(to)),
        RenameTargetMode::Overwrite if from == to => Ok(()),
        RenameTargetMode::Overwrite => {
            copy(inner, from, to, CopyMode::Overwrite)?;
            delete(inner, from)
        }
    }
}

pub(crate) fn delete(inner: &Inner, location: &Path) -> Result<()> {
    let (relative, name) = split(location)?;
    let Some(folder) = inner.existing_folder(location, relative)? else { return Ok(()) };
    let fails = |error: Error| failed(location, error);
    if matches!(folder.look(name).map_err(fails)?, Sight::Absent | Sight::Folder(_)) {
        return Ok(());
    }
    {
        let _lock = match FileLock::acquire(&folder, name, inner.lock_timeout) {
            // The folder went with its last object.
            Err(error) if error.is_not_found() => return Ok(()),
            answer => answer.map_err(fails)?,
        };
        folder.remove_file(name).map_err(fails)?;
        if inner.staging.fsync() {
            folder.sync().map_err(fails)?;
        }
    }
    inner.tidy(location);
    Ok(())
}

pub(crate) fn discard(inner: &Inner, path: &Path) -> Result<bool> {
    let (relative, name) = split(path)?;
    let Some(folder) = inner.existing_folder(path, relative)? else { return Ok(false) };
    let found = {
        let _lock = match FileLock::acquire(&folder, name, inner.lock_timeout) {
            Err(error) if error.is_not_found() => return Ok(false),
            answer => answer.map_err(|error| failed(path, error))?,
        };
        match discard_entry(&folder, name, inner.staging.fsync()) {
            Ok(()) => true,
            Err(error) if error.is_not_found() => false,
            Err(error) => return Err(failed(path, error)),
        }
    };
    inner.tidy(path);
    Ok(found)
}

pub(crate) fn discard_if(inner: &Inner, path: &Path, name: &str, expected: &Version) -> Result<bool> {
    let (relative, own_name) = split(path)?;
    let Some(folder) = inner.existing_folder(path, relative)? else { return Ok(false) };
    let removed = {
        let fails = |error: Error| failed(path, error);
        let _lock = match FileLock::acquire(&folder, own_name, inner.lock_timeout) {
            Err(error) if error.is_not_found() => return Ok(false),
            answer => answer.map_err(fails)?,
        };
        let Some(directory) = inner.existing_folder(path, path.as_ref())? else { return Ok(false) };
        // Whoever changes that object waits, and then finds it gone.
        let lock = match FileLock::acquire(&directory, name, inner.lock_timeout) {
            Err(error) if error.is_not_found() => return Ok(false),
            answer => answer.map_err(fails)?,
        };
        let locked =
            Locked { folder: directory.try_clone().map_err(fails)?, name: name.to_owned(), _lock: lock };
        match check_unchanged(&locked, path, &update_version(expected)) {
            Err(object_store::Error::Precondition { .. }) => return Ok(false),
            answer => answer?,
        }
        discard_if_same(&folder, own_name, &directory, inner.staging.fsync()).map_err(fails)?
    };
    if removed {
        inner.tidy(path);
    }
    Ok(removed)
}

pub(crate) fn move_if_absent(inner: &Inner, from: &Path, to: &Path) -> Result<bool> {
    let (relative, name) = split(from)?;
    let folder = inner.existing_folder(from, relative)?.ok_or_else(|| not_found(from))?;
    // Two moves in opposite directions must not wait for each other.
    let (target, _source_lock);
    let lock_source =
        || FileLock::acquire(&folder, name, inner.lock_timeout).map_err(|error| failed(from, error));
    if from < to {
        _source_lock = lock_source()?;
        target = inner.lock(to)?;
    } else {
        target = inner.lock(to)?;
        _source_lock = lock_source()?;
    }
    let durable = inner.staging.fsync();
    let moved = move_entry_if_absent(&folder, name, &target.folder, &target.name, durable)
        .map_err(|error| failed(from, error))?;
    drop((target, _source_lock));
    match moved {
        PublishOutcome::Published => inner.tidy(from),
        PublishOutcome::Exists => inner.tidy(to),
    }
    Ok(moved == PublishOutcome::Published)
}
