//! What killed writers leave beneath a root, and its deletion.
//!
//! A writer holds a shared lock on the private folder it stages in, and the exclusive lock of an object it changes. The
//! system releases both when the process dies, so that whoever gets the lock knows that nobody is at work there, as far as the
//! file system has locks.

use crate::{
    LOCKS_FOLDER, STAGING_FOLDER, TRASH_FOLDER,
    confined::{Folder, Root},
    error::storage_error,
    lock::FileLock,
    trash::{delete_folder, delete_unless_held},
};
use fascicle_backend::{Error, ErrorKind, Leftover, LeftoverKind, Owner, Result, Version};
use rustix::{
    fd::OwnedFd,
    fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat},
    io::Errno,
};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A private folder younger than this may belong to a writer that has not locked it yet.
const SETTLED: Duration = Duration::from_secs(10);

/// Deeper than any path of entries.
const MOST_FOLDERS: usize = 160;

/// Everything beneath the root that belongs to no entry: what is staged or discarded, locks, and what other programs were
/// writing by the look of its name. Symbolic links are not followed, and folders that may not be read left out, in which nothing could be
/// tidied up either.
///
/// `is_format_folder` says of the name of a folder that everything in it is stored by a format, so that a file `zarr.json#3`
/// in it can only be what a writer left.
pub fn leftovers(root: &Arc<Root>, is_format_folder: &dyn Fn(&str) -> bool) -> Result<Vec<Leftover>> {
    let top = match root.folder("") {
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        answer => answer?,
    };
    let mut found = Vec::new();
    walk(&top, "", 0, false, is_format_folder, &mut found)?;
    found.sort_by(|one, other| one.stored_as.cmp(&other.stored_as));
    Ok(found)
}

fn walk(
    folder: &Folder,
    path: &str,
    depth: usize,
    is_of_format: bool,
    is_format_folder: &dyn Fn(&str) -> bool,
    found: &mut Vec<Leftover>,
) -> Result<()> {
    if depth > MOST_FOLDERS {
        return Err(Error::new(ErrorKind::LimitExceeded, format!("'{path}' is nested too deep")));
    }
    for (name, _) in folder.names()? {
        let stored_as = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
        let Some(stat) = look(folder, &name)? else { continue };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let entered = enter(folder, &name, &stored_as, depth, is_of_format, is_format_folder, found);
                match entered {
                    // Whoever may not look there may not tidy up there either.
                    Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
                    entered => entered?,
                }
            }
            FileType::RegularFile if is_numbered(&name) => {
                let kind = match is_of_format || name.starts_with('_') {
                    true => LeftoverKind::Foreign,
                    false => LeftoverKind::Suspect,
                };
                found.push(describe(folder, &name, stored_as, kind, &stat));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Walks through the folder `name` in a folder.
fn enter(
    folder: &Folder,
    name: &str,
    stored_as: &str,
    depth: usize,
    is_of_format: bool,
    is_format_folder: &dyn Fn(&str) -> bool,
    found: &mut Vec<Leftover>,
) -> Result<()> {
    let Some(inner) = unless_gone(folder.subfolder(name))? else { return Ok(()) };
    match name {
        STAGING_FOLDER if depth == 0 => each(&inner, stored_as, LeftoverKind::Staged, found),
        TRASH_FOLDER if depth == 0 => each(&inner, stored_as, LeftoverKind::Trash, found),
        LOCKS_FOLDER => each(&inner, stored_as, LeftoverKind::Lock, found),
        _ => {
            let is_of_format = is_of_format || is_format_folder(name);
            walk(&inner, stored_as, depth + 1, is_of_format, is_format_folder, found)
        }
    }
}

fn each(area: &Folder, path: &str, kind: LeftoverKind, found: &mut Vec<Leftover>) -> Result<()> {
    for (name, _) in area.names()? {
        if let Some(stat) = look(area, &name)? {
            found.push(describe(area, &name, format!("{path}/{name}"), kind, &stat));
        }
    }
    Ok(())
}

/// Whether a name ends with `#` and digits, as what the crate `object_store` stages does.
fn is_numbered(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(stem, digits)| {
        !stem.is_empty() && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn describe(folder: &Folder, name: &str, stored_as: String, kind: LeftoverKind, stat: &Stat) -> Leftover {
    let extent = Extent::of(&folder.path_of(name), stat);
    let age = SystemTime::now().duration_since(extent.modified).unwrap_or(Duration::ZERO);
    let owner = match kind {
        LeftoverKind::Trash => match held_by_others(folder, name) {
            Some(true) => Owner::Alive,
            _ => Owner::Gone,
        },
        LeftoverKind::Lock => match is_locked(folder, name) {
            Some(true) => Owner::Alive,
            Some(false) => Owner::Gone,
            None => Owner::Unknown,
        },
        LeftoverKind::Staged => match held_by_others(folder, name) {
            Some(true) => Owner::Alive,
            Some(false) if age >= SETTLED => Owner::Gone,
            _ => Owner::Unknown,
        },
        _ => Owner::Unknown,
    };
    Leftover {
        stored_as,
        kind,
        size_bytes: extent.size_bytes,
        age: Some(age),
        owner,
        state: extent.state(stat),
    }
}

/// Bytes and the latest change of a file, or of a folder with everything in it.
struct Extent {
    size_bytes: u64,
    modified: SystemTime,
}

impl Extent {
    fn of(path: &Path, stat: &Stat) -> Extent {
        let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
        let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
        let modified = UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds)).unwrap_or(UNIX_EPOCH);
        let mut extent = Extent { size_bytes: 0, modified };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => extent.add_folder(path),
            _ => extent.size_bytes = u64::try_from(stat.st_size).unwrap_or(0),
        }
        extent
    }

    /// What vanishes or cannot be read meanwhile is not counted.
    fn add_folder(&mut self, path: &Path) {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            self.modified = self.modified.max(metadata.modified().unwrap_or(UNIX_EPOCH));
            match metadata.is_dir() {
                true => self.add_folder(&entry.path()),
                false => self.size_bytes = self.size_bytes.saturating_add(metadata.len()),
            }
        }
    }

    fn state(&self, stat: &Stat) -> Version {
        let changed = self.modified.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Version::new(format!("{}:{}:{}:{}", stat.st_dev, stat.st_ino, changed.as_nanos(), self.size_bytes))
    }
}

/// Deletes a leftover that [`leftovers`] found, if it is as it was and nobody is at work there; tells whether it did.
pub fn collect_leftover(root: &Arc<Root>, leftover: &Leftover) -> Result<bool> {
    let (path, name) = leftover.stored_as.rsplit_once('/').unwrap_or(("", leftover.stored_as.as_str()));
    let Some(folder) = unless_gone(root.folder(path))? else { return Ok(false) };
    let Some(stat) = look(&folder, name)? else { return Ok(false) };
    let now = describe(&folder, name, leftover.stored_as.clone(), leftover.kind, &stat);
    if now.owner == Owner::Alive || now.state != leftover.state {
        return Ok(false);
    }
    let area = path.rsplit('/').next().unwrap_or("");
    let deleted = match (leftover.kind, area) {
        (LeftoverKind::Staged, STAGING_FOLDER) => {
            let Some(handle) = open_folder(&folder, name) else { return Ok(false) };
            if rustix::fs::flock(&handle, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
            {
                return Ok(false);
            }
            delete_folder(&folder.path_of(name));
            true
        }
        (LeftoverKind::Trash, TRASH_FOLDER) => {
            delete_unless_held(&folder, name);
            true
        }
        (LeftoverKind::Lock, LOCKS_FOLDER) => {
            let above = path.strip_suffix(LOCKS_FOLDER).unwrap_or(path).trim_end_matches('/');
            match FileLock::acquire(&root.folder(above)?, name, Duration::ZERO) {
                // Whoever releases a lock removes it.
                Ok(lock) => drop(lock),
                Err(error) if error.kind() == ErrorKind::Busy => return Ok(false),
                Err(error) => return Err(error),
            }
            true
        }
        (LeftoverKind::Foreign, _) if is_numbered(name) => folder.remove_file(name)?,
        _ => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("'{}' may be somebody's own and is not deleted", leftover.stored_as),
            ));
        }
    };
    if matches!(area, STAGING_FOLDER | TRASH_FOLDER)
        && let Ok(top) = root.folder("")
    {
        top.remove_if_empty(area);
    }
    Ok(deleted && look(&folder, name)?.is_none())
}

fn look(folder: &Folder, name: &str) -> Result<Option<Stat>> {
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(storage_error("looking at", &folder.path_of(name), error)),
    }
}

fn unless_gone<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::WrongKind) => Ok(None),
        answer => answer.map(Some),
    }
}

fn open_folder(area: &Folder, name: &str) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(area, name, flags, Mode::empty()).ok()
}

/// Whether somebody holds a private folder; `None` where the file system does not tell.
fn held_by_others(area: &Folder, name: &str) -> Option<bool> {
    let handle = open_folder(area, name)?;
    answer_of(rustix::fs::flock(&handle, FlockOperation::NonBlockingLockExclusive))
}

/// Whether somebody holds the lock whose file this is; `None` where the file system does not tell.
fn is_locked(locks: &Folder, name: &str) -> Option<bool> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = rustix::fs::openat(locks, name, flags, Mode::empty()).ok()?;
    answer_of(rustix::fs::flock(&handle, FlockOperation::NonBlockingLockShared))
}

fn answer_of(locked: rustix::io::Result<()>) -> Option<bool> {
    match locked {
        Ok(()) => Some(false),
        Err(Errno::WOULDBLOCK) => Some(true),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Staging;

    fn site() -> (tempfile::TempDir, Arc<Root>, Staging) {
        let keep = tempfile::tempdir().unwrap();
        let root = Root::new(keep.path(), false).unwrap();
        let staging = Staging::new(root.clone(), false);
        (keep, root, staging)
    }

    fn found(root: &Arc<Root>) -> Vec<Leftover> {
        leftovers(root, &|name| name.ends_with(".zarr")).unwrap()
    }

    #[test]
    fn what_somebody_holds_is_seen_and_left_alone() {
        let (_keep, root, staging) = site();
        let staged = staging.write_file(b"abc").unwrap();
        let lock = FileLock::acquire(&root.folder("").unwrap(), "x", Duration::ZERO).unwrap();
        let all = found(&root);
        let seen: Vec<_> = all.iter().map(|leftover| (leftover.kind, leftover.owner)).collect();
        assert_eq!(seen, [(LeftoverKind::Lock, Owner::Alive), (LeftoverKind::Staged, Owner::Alive)]);
        assert_eq!(all[1].size_bytes, 3);
        for leftover in &all {
            assert!(!collect_leftover(&root, leftover).unwrap(), "{leftover:?}");
        }
        assert!(staged.path().exists());
        drop((staged, lock));
        assert_eq!(found(&root), []);
    }

    #[test]
    fn what_nobody_holds_is_deleted_unless_it_changed() {
        let (keep, root, _) = site();
        let put = |path: &str| {
            std::fs::create_dir_all(keep.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(keep.path().join(path), "x").unwrap();
        };
        let left = [
            "_staging/0123/staged",
            "_trash/4567/old/x",
            "_trash/89",
            "d/_locks/x",
            "d/_meta.yaml#3",
            "d/x.zarr/c/0/0#12",
        ];
        left.iter().for_each(|path| put(path));
        ["d/notes#1", "d/C#sharp", "d/#1", "d/x.zarr/zarr.json", "d/y#"].iter().for_each(|path| put(path));
        let all = found(&root);
        let seen: Vec<_> = all.iter().map(|leftover| leftover.stored_as.as_str()).collect();
        let names = [
            "_staging/0123",
            "_trash/4567",
            "_trash/89",
            "d/_locks/x",
            "d/_meta.yaml#3",
            "d/notes#1",
            "d/x.zarr/c/0/0#12",
        ];
        assert_eq!(seen, names);
        std::fs::write(keep.path().join("_staging/0123/staged"), "changed since").unwrap();
        for leftover in &all {
            let collected = collect_leftover(&root, leftover);
            match leftover.stored_as.as_str() {
                "_staging/0123" => assert!(!collected.unwrap(), "it changed"),
                "d/notes#1" => assert_eq!(collected.unwrap_err().kind(), ErrorKind::Unsupported),
                other => assert!(collected.unwrap(), "{other}"),
            }
        }
        for leftover in found(&root).iter().filter(|leftover| leftover.kind == LeftoverKind::Staged) {
            assert!(collect_leftover(&root, leftover).unwrap());
        }
        let rest: Vec<_> = found(&root).into_iter().map(|leftover| leftover.stored_as).collect();
        assert_eq!(rest, ["d/notes#1"]);
        assert!(keep.path().join("d/x.zarr/zarr.json").exists() && !keep.path().join("_trash").exists());
        assert!(!keep.path().join("d/_locks").exists() && !keep.path().join("_staging").exists());
    }
}
