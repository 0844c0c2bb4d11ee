//! Moving and copying entries.

use crate::{
    attributes, file_append, h5,
    layout::{Form, entry_of},
    tree::{Found, Tree, admit, lock_name, meanwhile, parent_of},
};
use fascicle_backend::{EntryPath, Error, ErrorKind, MAX_DEPTH, Result, WriteMode};
use fascicle_local::{Folder, PublishOutcome, Sight, is_working_folder, move_if_absent, storage_error};
use std::{fs::File, io::Read, path::Path};

impl Tree {
    /// Moves an entry with its attributes.
    pub(crate) fn rename(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        let kind = self.find_any(from)?.form().kind();
        self.prepare(to, kind, WriteMode::Create).map_err(|error| error.at(to))?;
        let target = self.parent_folder_for_writing(to)?;
        self.check_case(&target, to.name()).map_err(|error| error.at(to))?;

        // Two moves in opposite directions must not wait for each other, and one name is locked once.
        let key = |path: &EntryPath| Ok::<_, Error>((parent_of(path)?, lock_name(path.name())));
        let (from_key, to_key) = (key(from)?, key(to)?);
        let (held, _target_lock);
        if from_key == to_key {
            (held, _target_lock) = (self.lock_any(from)?, None);
        } else if from_key < to_key {
            held = self.lock_any(from)?;
            _target_lock = Some(self.lock_name_in(&target, to.name())?);
        } else {
            _target_lock = Some(self.lock_name_in(&target, to.name())?);
            held = self.lock_any(from)?;
        }

        let form = held.form();
        let there = self.find_in(target.try_clone()?, to.name())?;
        admit(there.as_ref(), form.kind(), WriteMode::Create).map_err(|error| error.at(to))?;
        let stored_name = form.stored_name(to.name());
        // The attributes are copied first and removed last: whenever this ends early, the entry has them.
        let kept = match form {
            Form::Array => None,
            _ => Some(attributes::get(held.folder(), held.stored_name())?),
        };
        let previous = attributes::put(self.staging(), &target, &stored_name, kept.as_ref())?;
        let durable = self.options().fsync;
        match move_if_absent(held.folder(), held.stored_name(), &target, &stored_name, durable) {
            Ok(PublishOutcome::Published) => {}
            Ok(PublishOutcome::Exists) => {
                previous.restore(self.staging(), &target)?;
                return Err(meanwhile(&stored_name).at(to));
            }
            Err(error) => {
                // The first failure is the one to report.
                let _ = previous.restore(self.staging(), &target);
                return Err(error);
            }
        }
        attributes::put(self.staging(), held.folder(), held.stored_name(), None).map(drop)
    }

    /// Copies an entry with its attributes and everything in it; it appears at once.
    pub(crate) fn copy(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        let found = self.find_any(from)?;
        let form = found.form();
        self.prepare(to, form.kind(), WriteMode::Create).map_err(|error| error.at(to))?;
        let attributes = match form {
            Form::Array => None,
            _ => Some(attributes::get(found.folder(), found.stored_name())?),
        };
        let staged = self.stage()?;
        self.copy_entry(&found, &staged.path())?;
        self.commit(staged, to, form, WriteMode::Create, attributes.as_ref()).map_err(|error| {
            match error.kind() {
                ErrorKind::AlreadyExists => error.at(to),
                _ => error,
            }
        })
    }

    fn copy_entry(&self, found: &Found, target: &Path) -> Result<()> {
        match found.form() {
            Form::CsvTable | Form::ParquetFile | Form::File => {
                copy_file(found.folder(), found.stored_name(), target)
            }
            Form::Array => self.copy_array(found.folder(), found.stored_name(), target),
            Form::ParquetTable | Form::Directory => {
                self.copy_folder(&found.folder().subfolder_held(found.stored_name())?, target, 0)
            }
        }
    }

    /// Copies the file of an array while no writer changes it.
    fn copy_array(&self, folder: &Folder, stored_name: &str, target: &Path) -> Result<()> {
        let name = entry_of(stored_name, false).map_or(stored_name, |(name, _)| name);
        let _lock = match self.lock_name_in(folder, name) {
            Ok(lock) => Some(lock),
            // Where no lock can be made, no writer of ours can make one either.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => None,
            Err(error) => return Err(error),
        };
        let file = folder.path_of(stored_name);
        h5::Original::lock(&file, self.options().lock_timeout)?.duplicate(target)
    }

    fn copy_folder(&self, source: &Folder, target: &Path, depth: usize) -> Result<()> {
        if depth > 2 * MAX_DEPTH {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "'{}' is nested too deep, or symbolic links lead in a circle",
                    source.path().display()
                ),
            ));
        }
        std::fs::create_dir(target).map_err(|error| storage_error("creating", target, error))?;
        let mut names: Vec<String> = source
            .names()?
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| !is_working_folder(name))
            .collect();
        names.sort();
        for name in names {
            let target = target.join(&name);
            match source.look(&name)? {
                Sight::File(_) if entry_of(&name, false).is_some_and(|(_, form)| form == Form::Array) => {
                    self.copy_array(source, &name, &target)?;
                }
                Sight::File(_) => copy_file(source, &name, &target)?,
                Sight::Folder(_) => self.copy_folder(&source.subfolder_held(&name)?, &target, depth + 1)?,
                Sight::BadLink(error) => return Err(error),
                // Pipes and sockets hold no data; what vanished meanwhile was removed.
                Sight::Special | Sight::Absent => {}
            }
        }
        Ok(())
    }
}

/// Copies the bytes of a file that count, sharing blocks where the file system can, never the file itself.
fn copy_file(folder: &Folder, name: &str, target: &Path) -> Result<()> {
    let source = folder.open_file(name)?;
    let failed = |error| storage_error("copying", &folder.path_of(name), error);
    let entry = entry_of(name, false).map_or(name, |(entry, _)| entry);
    let length = file_append::length(folder, entry, name, || {
        source.metadata().map(|metadata| metadata.len()).map_err(failed)
    })?;
    let mut copy = File::create_new(target).map_err(|error| storage_error("creating", target, error))?;
    std::io::copy(&mut source.take(length), &mut copy).map_err(failed).map(drop)
}
