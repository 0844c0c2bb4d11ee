//! The tree of entries as files and folders: finding an entry, locking it, and putting a new one in its place.
//!
//! Everything here blocks. Readers take no lock. Writers hold the lock of the entry's name, in whatever form it is
//! stored, from the moment they look what is there until the new state stands.

use crate::{
    attributes,
    config::Hdf5Options,
    file_append,
    layout::{Form, entry_of},
};
use fascicle_backend::{Attributes, EntryKind, EntryPath, Error, ErrorKind, Result, WriteMode};
use fascicle_local::{
    Existing, Facts, FileLock, Folder, PublishOutcome, Root, Sight, Staged, Staging, case_collision, discard,
    ignores_case,
};
use std::{
    ops::Deref,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

/// How long a reader that meets a name in two forms waits before it looks again.
const CHANGE_PAUSE: Duration = Duration::from_millis(2);

/// The longest name of a lock.
const MAX_LOCK_NAME_BYTES: usize = 240;

/// The tree of one place.
#[derive(Debug)]
pub(crate) struct Tree {
    root: Arc<Root>,
    staging: Staging,
    options: Hdf5Options,
    ignores_case: OnceLock<bool>,
}

/// An entry, and where it is stored.
#[derive(Debug)]
pub(crate) struct Found {
    folder: Folder,
    form: Form,
    stored_name: String,
    facts: Facts,
}

impl Found {
    /// The folder it is stored in.
    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// How it is stored.
    pub(crate) fn form(&self) -> Form {
        self.form
    }

    /// The name it is stored under.
    pub(crate) fn stored_name(&self) -> &str {
        &self.stored_name
    }

    /// The path of the file or folder that it is.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path_of(&self.stored_name)
    }

    /// What the file system knows of it.
    pub(crate) fn facts(&self) -> Facts {
        self.facts
    }
}

/// An entry under its lock, which is released when this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    found: Found,
    lock: FileLock,
}

impl Deref for Held {
    type Target = Found;
    fn deref(&self) -> &Found {
        &self.found
    }
}

impl Held {
    /// The lock.
    pub(crate) fn lock(&self) -> &FileLock {
        &self.lock
    }

    /// Puts what was staged in the place of the entry's file or folder, in one step for readers.
    pub(crate) fn replace(&self, staged: Staged) -> Result<()> {
        match staged.publish(&self.folder, &self.stored_name, Existing::Replace)? {
            PublishOutcome::Published => Ok(()),
            PublishOutcome::Exists => Err(meanwhile(&self.stored_name)),
        }
    }
}

/// What stands under one of the stored names of an entry.
struct Candidate {
    form: Form,
    stored_name: String,
    facts: Result<Facts>,
}

impl Tree {
    pub(crate) fn new(root: Arc<Root>, options: Hdf5Options) -> Tree {
        let staging = Staging::new(root.clone(), options.fsync);
        Tree { root, staging, options, ignores_case: OnceLock::new() }
    }

    pub(crate) fn root(&self) -> &Arc<Root> {
        &self.root
    }

    pub(crate) fn staging(&self) -> &Staging {
        &self.staging
    }

    pub(crate) fn options(&self) -> &Hdf5Options {
        &self.options
    }

    /// Reserves a place where a file or folder can be written before [`Tree::commit`] puts it in place.
    pub(crate) fn stage(&self) -> Result<Staged> {
        self.staging.reserve()
    }

    /// The folder of a directory, `None` when there is none; a table is not a directory.
    pub(crate) fn folder(&self, directory: &EntryPath) -> Result<Option<Folder>> {
        let is_directory = |name| entry_of(name, true).is_some_and(|(_, form)| form == Form::Directory);
        if !directory.names().all(is_directory) {
            return Ok(None);
        }
        match self.root.folder(directory.as_str()) {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::WrongKind) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The entry at `path`, if there is one.
    pub(crate) fn lookup(&self, path: &EntryPath) -> Result<Option<Found>> {
        match self.folder(&parent_of(path)?)? {
            Some(folder) => self.find_in(folder, path.name()),
            None => Ok(None),
        }
    }

    /// The entry at `path`, of whatever kind.
    ///
    /// Errors: `NotFound`; `Corrupt` when the name stands for two stored objects.
    pub(crate) fn find_any(&self, path: &EntryPath) -> Result<Found> {
        match self.lookup(path)? {
            Some(found) => Ok(found),
            None => Err(self.missing(path)),
        }
    }

    /// The entry of `kind` at `path`.
    ///
    /// Errors: as [`Tree::find_any`]; `WrongKind`.
    pub(crate) fn find(&self, path: &EntryPath, kind: EntryKind) -> Result<Found> {
        of_kind(self.find_any(path)?, kind)
    }

    /// The error of there being nothing at `path`; tells whoever used the name of a file the name of the entry.
    fn missing(&self, path: &EntryPath) -> Error {
        let error = Error::new(ErrorKind::NotFound, "there is no such entry");
        for is_folder in [false, true] {
            if let Some((name, form)) = entry_of(path.name(), is_folder)
                && name != path.name()
                && let Some(parent) = path.parent()
                && let Ok(entry) = parent.join(name)
                && self.find(&entry, form.kind()).is_ok_and(|found| found.form == form)
            {
                return error.hint(format!("the {} stored there is '{entry}'", form.kind()));
            }
        }
        error.hint("list the directory to see what is there")
    }

    /// The entry `name` in `folder`, if there is one.
    pub(crate) fn find_in(&self, folder: Folder, name: &str) -> Result<Option<Found>> {
        let deadline = Instant::now().checked_add(self.options.lock_timeout);
        let mut looked_before = false;
        loop {
            let mut candidates = self.candidates(&folder, name)?.into_iter();
            match (candidates.next(), candidates.next()) {
                (None, _) if looked_before => return Ok(None),
                // The entry may have changed its form while one stored name was looked at after the other.
                (None, _) => looked_before = true,
                (Some(Candidate { form, stored_name, facts }), None) => {
                    return Ok(Some(Found { folder, form, stored_name, facts: facts? }));
                }
                // A writer puts the new form in place before it removes the old one.
                (Some(_), Some(_))
                    if deadline.is_none_or(|deadline| Instant::now() < deadline)
                        && FileLock::is_held(&folder, &lock_name(name))? =>
                {
                    std::thread::sleep(CHANGE_PAUSE);
                }
                (Some(one), Some(other)) => return Err(ambiguous(&one.stored_name, &other.stored_name)),
            }
        }
    }

    /// Everything that is stored under one of the stored names of the entry `name`.
    fn candidates(&self, folder: &Folder, name: &str) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        let mut plain = None;
        for form in Form::ALL {
            let stored_name = form.stored_name(name);
            if entry_of(&stored_name, form.is_folder()) != Some((name, form)) {
                continue;
            }
            // A file and a directory share their stored name, which is looked at once.
            let sight = match plain.take() {
                Some(sight) if form == Form::Directory => sight,
                _ => folder.look(&stored_name)?,
            };
            match sight {
                Sight::File(facts) if !form.is_folder() => {
                    found.push(Candidate { form, stored_name, facts: Ok(facts) });
                }
                Sight::Folder(facts) if form.is_folder() => {
                    found.push(Candidate { form, stored_name, facts: Ok(facts) });
                }
                Sight::BadLink(error) if form != Form::Directory => {
                    found.push(Candidate { form, stored_name, facts: Err(error) });
                }
                other if form == Form::File => plain = Some(other),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Waits for the lock of the entry of `kind` at `path`, and finds the entry.
    ///
    /// Errors: as [`Tree::find`]; `Busy` when another writer holds it beyond the deadline.
    pub(crate) fn lock(&self, path: &EntryPath, kind: EntryKind) -> Result<Held> {
        self.find(path, kind)?;
        let held = self.lock_any(path)?;
        Ok(Held { found: of_kind(held.found, kind)?, lock: held.lock })
    }

    /// Waits for the lock of the entry at `path`, of whatever kind, and finds the entry.
    pub(crate) fn lock_any(&self, path: &EntryPath) -> Result<Held> {
        let Some(folder) = self.folder(&parent_of(path)?)? else { return Err(self.missing(path)) };
        let lock = self.lock_name_in(&folder, path.name())?;
        match self.find_in(folder, path.name())? {
            Some(found) => Ok(Held { found, lock }),
            None => Err(self.missing(path)),
        }
    }

    /// Waits for the lock of the entry `name` in `folder`, whether there is such an entry or not. What a holder that died left half done
    /// is put right.
    pub(crate) fn lock_name_in(&self, folder: &Folder, name: &str) -> Result<FileLock> {
        let lock = FileLock::acquire(folder, &lock_name(name), self.options.lock_timeout)?;
        file_append::settle(folder, &lock, self.options.fsync)?;
        Ok(lock)
    }

    fn ignores_case(&self) -> Result<bool> {
        if let Some(known) = self.ignores_case.get() {
            return Ok(*known);
        }
        let ignores = ignores_case(&self.staging)?;
        Ok(*self.ignores_case.get_or_init(|| ignores))
    }

    /// The folder that a new entry is stored in, for looking only: `None` for a root that does not exist yet.
    fn parent_folder(&self, path: &EntryPath) -> Result<Option<Folder>> {
        let parent = parent_of(path)?;
        match self.folder(&parent)? {
            Some(folder) => Ok(Some(folder)),
            None if parent.is_root() => Ok(None),
            None if self.lookup(&parent)?.is_some() => {
                Err(Error::new(ErrorKind::WrongKind, format!("'{parent}' is no directory")))
            }
            None => Err(Error::new(ErrorKind::NotFound, format!("the directory '{parent}' does not exist"))
                .hint("create the directory first")),
        }
    }

    /// The folder that a new entry is stored in; a missing root is created.
    pub(crate) fn parent_folder_for_writing(&self, path: &EntryPath) -> Result<Folder> {
        match self.parent_folder(path)? {
            Some(folder) => Ok(folder),
            None => {
                self.root.create()?;
                self.root.folder("")
            }
        }
    }

    /// Refuses what `mode` refuses for a new entry of `kind` at `path`.
    ///
    /// Errors: `NotFound` and `WrongKind` for the parent; `AlreadyExists`, `WrongKind`, `Corrupt` for what is there.
    pub(crate) fn prepare(&self, path: &EntryPath, kind: EntryKind, mode: WriteMode) -> Result<()> {
        match self.parent_folder(path)? {
            Some(folder) => admit(self.find_in(folder, path.name())?.as_ref(), kind, mode),
            None => Ok(()),
        }
    }

    /// Refuses a new name that the file system would take for one that is there.
    pub(crate) fn check_case(&self, folder: &Folder, name: &str) -> Result<()> {
        if !self.ignores_case()? {
            return Ok(());
        }
        let stored = folder.names()?;
        let names = stored.iter().flat_map(|(stored_name, _)| {
            [false, true]
                .into_iter()
                .filter_map(|is_folder| entry_of(stored_name, is_folder).map(|(name, _)| name))
        });
        match case_collision(names, name) {
            Some(other) => Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("the file system takes '{name}' and '{other}', which exists, for one name"),
            )),
            None => Ok(()),
        }
    }

    /// Puts what was staged in place as the entry at `path`, as far as `mode` allows, with `attributes` (arrays keep their
    /// own, and pass `None`).
    ///
    /// - In one step for readers; between two forms a reader that meets both waits for the old one to be gone.
    /// - Errors: as [`Tree::prepare`]; `Busy`.
    pub(crate) fn commit(
        &self,
        staged: Staged,
        path: &EntryPath,
        form: Form,
        mode: WriteMode,
        attributes: Option<&Attributes>,
    ) -> Result<()> {
        let (folder, name) = (self.parent_folder_for_writing(path)?, path.name());
        let _lock = self.lock_name_in(&folder, name)?;
        let old = self.find_in(folder.try_clone()?, name)?;
        admit(old.as_ref(), form.kind(), mode)?;
        if old.is_none() {
            self.check_case(&folder, name)?;
        }
        let stored_name = form.stored_name(name);
        let undo = attributes::put(&self.staging, &folder, &stored_name, attributes)?;
        let existing = if mode == WriteMode::Create { Existing::Keep } else { Existing::Replace };
        match staged.publish(&folder, &stored_name, existing) {
            Ok(PublishOutcome::Published) => {}
            Ok(PublishOutcome::Exists) => {
                undo.restore(&self.staging, &folder)?;
                return Err(meanwhile(&stored_name));
            }
            Err(error) => {
                // The first failure is the one to report.
                let _ = undo.restore(&self.staging, &folder);
                return Err(error);
            }
        }
        if let Some(old) = old.filter(|old| old.stored_name != stored_name) {
            discard(&folder, &old.stored_name, self.options.fsync)?;
            let _ = attributes::put(&self.staging, &folder, &old.stored_name, None)?;
        }
        Ok(())
    }

    /// Removes the entry at `path`, with everything in it; a link is removed, not followed, wherever it leads.
    pub(crate) fn remove(&self, path: &EntryPath) -> Result<()> {
        let Some(folder) = self.folder(&parent_of(path)?)? else { return Err(self.missing(path)) };
        if self.candidates(&folder, path.name())?.is_empty() {
            return Err(self.missing(path));
        }
        let _lock = self.lock_name_in(&folder, path.name())?;
        let mut candidates = self.candidates(&folder, path.name())?.into_iter();
        match (candidates.next(), candidates.next()) {
            (None, _) => Err(self.missing(path)),
            (Some(only), None) => {
                discard(&folder, &only.stored_name, self.options.fsync)?;
                attributes::put(&self.staging, &folder, &only.stored_name, None).map(drop)
            }
            (Some(one), Some(other)) => Err(ambiguous(&one.stored_name, &other.stored_name)),
        }
    }
}

impl Tree {
    /// Removes the attributes of what was stored as `stored_name`.
    pub(crate) fn forget_attributes(&self, folder: &Folder, stored_name: &str) -> Result<()> {
        attributes::put(&self.staging, folder, stored_name, None).map(drop)
    }
}

/// The name of the lock of an entry. Names that some file system could take for one share a lock, which costs
/// nothing but a wait; so do names that begin alike for more bytes than a file name could have.
pub(crate) fn lock_name(name: &str) -> String {
    let mut folded = name.to_lowercase();
    while folded.len() > MAX_LOCK_NAME_BYTES {
        folded.pop();
    }
    folded
}

/// The directory an entry stands in; the root stands in none.
pub(crate) fn parent_of(path: &EntryPath) -> Result<EntryPath> {
    path.parent().ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "the root cannot be read, written, moved or removed as an entry")
    })
}

fn of_kind(found: Found, kind: EntryKind) -> Result<Found> {
    if found.form.kind() == kind { Ok(found) } else { Err(wrong_kind(&found, kind)) }
}

pub(crate) fn wrong_kind(found: &Found, kind: EntryKind) -> Error {
    Error::new(ErrorKind::WrongKind, format!("it is of kind '{}', not '{kind}'", found.form.kind()))
}

/// Whether an entry of `kind` may take the place of what is there.
pub(crate) fn admit(old: Option<&Found>, kind: EntryKind, mode: WriteMode) -> Result<()> {
    match (old, mode) {
        (None, _) | (Some(_), WriteMode::Replace) => Ok(()),
        (Some(old), WriteMode::Create) => Err(Error::new(
            ErrorKind::AlreadyExists,
            format!("an entry of kind '{}' exists already", old.form.kind()),
        )),
        (Some(old), WriteMode::Overwrite) if old.form.kind() == kind => Ok(()),
        (Some(old), WriteMode::Overwrite) => {
            Err(wrong_kind(old, kind).hint("remove it first, or write with the mode that replaces any kind"))
        }
    }
}

fn ambiguous(one: &str, other: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the name stands for two stored objects, '{one}' and '{other}'"))
        .hint("move or delete one of the two files")
}

/// The error of a name that was taken by a program which does not know our locks.
pub(crate) fn meanwhile(stored_name: &str) -> Error {
    Error::new(ErrorKind::AlreadyExists, format!("'{stored_name}' appeared meanwhile"))
}
