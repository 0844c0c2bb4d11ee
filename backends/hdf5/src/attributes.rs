//! Attributes of files, tables and directories: a JSON file beside the entry, `_attributes/<stored name>.json`.
//!
//! Arrays keep theirs in the HDF5 file, where every reader of HDF5 looks for them.

use crate::{
    h5,
    layout::{ATTRIBUTES_FOLDER, Form, attributes_name},
    tree::{Tree, meanwhile},
};
use fascicle_backend::{Attributes, EntryPath, Error, ErrorKind, Result};
use fascicle_local::{Existing, Folder, PublishOutcome, Staging, storage_error};
use std::io::Read;

/// Nothing longer is read.
const MAX_BYTES: u64 = 16 << 20;

/// What stood in the place of attributes that were put.
#[must_use]
pub(crate) struct Previous {
    name: String,
    bytes: Option<Vec<u8>>,
}

impl Previous {
    /// Puts it back.
    pub(crate) fn restore(self, staging: &Staging, folder: &Folder) -> Result<()> {
        write_bytes(staging, folder, &self.name, self.bytes.as_deref())
    }
}

/// Puts `attributes` for what is, or will be, stored as `stored_name` in `folder`. The caller holds the entry's lock.
pub(crate) fn put(
    staging: &Staging,
    folder: &Folder,
    stored_name: &str,
    attributes: Option<&Attributes>,
) -> Result<Previous> {
    let name = attributes_name(stored_name);
    let previous = Previous { bytes: read_bytes(folder, &name)?, name };
    let bytes = match attributes.filter(|attributes| !attributes.is_empty()) {
        Some(attributes) => Some(serde_json::to_vec_pretty(attributes).map_err(|error| {
            Error::new(ErrorKind::Internal, "the attributes cannot be written as JSON").caused_by(error)
        })?),
        None => None,
    };
    if bytes != previous.bytes {
        write_bytes(staging, folder, &previous.name, bytes.as_deref())?;
    }
    Ok(previous)
}

/// The attributes of what is stored as `stored_name` in `folder`.
pub(crate) fn get(folder: &Folder, stored_name: &str) -> Result<Attributes> {
    let name = attributes_name(stored_name);
    match read_bytes(folder, &name)? {
        None => Ok(Attributes::new()),
        Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            Error::new(
                ErrorKind::Corrupt,
                format!("'{}' is not a JSON object", folder.path_of(ATTRIBUTES_FOLDER).join(&name).display()),
            )
            .hint("repair the file, or delete it to lose the attributes")
            .caused_by(error)
        }),
    }
}

fn read_bytes(folder: &Folder, name: &str) -> Result<Option<Vec<u8>>> {
    let read = || -> Result<Vec<u8>> {
        let attributes = folder.subfolder(ATTRIBUTES_FOLDER)?;
        let mut bytes = Vec::new();
        let path = attributes.path_of(name);
        let length = attributes
            .open_file(name)?
            .take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| storage_error("reading", &path, error))?;
        if length as u64 > MAX_BYTES {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("'{}' is longer than {MAX_BYTES} bytes", path.display()),
            ));
        }
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn write_bytes(staging: &Staging, folder: &Folder, name: &str, bytes: Option<&[u8]>) -> Result<()> {
    let Some(bytes) = bytes else {
        return match folder.subfolder(ATTRIBUTES_FOLDER) {
            Ok(attributes) => attributes.remove_file(name).map(drop),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        };
    };
    let attributes = folder.subfolder_created(ATTRIBUTES_FOLDER)?;
    match staging.write_file(bytes)?.publish(&attributes, name, Existing::Replace)? {
        PublishOutcome::Published => Ok(()),
        PublishOutcome::Exists => Err(meanwhile(name)),
    }
}

impl Tree {
    /// Reads the attributes of an entry; the root has none.
    pub(crate) fn read_attributes(&self, path: &EntryPath) -> Result<Attributes> {
        if path.is_root() {
            return Ok(Attributes::new());
        }
        let found = self.find_any(path)?;
        match found.form() {
            Form::Array => h5::read_attributes(&found.file()),
            _ => get(found.folder(), found.stored_name()),
        }
    }

    /// Replaces the attributes of an entry. An array is rewritten, as its file may be read at the moment.
    pub(crate) fn write_attributes(&self, path: &EntryPath, attributes: &Attributes) -> Result<()> {
        self.find_any(path)?;
        let held = self.lock_any(path)?;
        match held.form() {
            Form::Array => {
                let (staged, file) = (self.stage()?, held.file());
                let original = h5::Original::lock(&file, self.options().lock_timeout)?;
                original.duplicate_with_attributes(&staged.path(), attributes)?;
                held.replace(staged)
            }
            _ => put(self.staging(), held.folder(), held.stored_name(), Some(attributes)).map(drop),
        }
    }
}
