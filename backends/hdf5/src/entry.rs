//! Entries: listing them, their sizes, and new directories.

use crate::{
    attributes, file_append,
    layout::{Form, META_FILE, entry_of, entry_of_bad_link},
    tree::{Found, Tree, admit, lock_name, meanwhile, wrong_kind},
};
use bytes::Bytes;
use fascicle_backend::{EntryInfo, EntryKind, EntryPath, EntryStat, Listing, Result, Version, WriteMode};
use fascicle_local::{Existing, FileLock, FileType, Folder, PublishOutcome, Sight, versioned_file};

use std::time::Duration;

/// How often, and how far apart, a folder is listed again in which an entry is just changing its form.
const RELISTINGS: u32 = 50;
const RELISTING_PAUSE: Duration = Duration::from_millis(2);

impl Tree {
    /// The folder of a directory; `None` for a root that does not exist yet.
    ///
    /// Errors: `NotFound`, `WrongKind`, `Corrupt`.
    pub(crate) fn directory(&self, directory: &EntryPath) -> Result<Option<Folder>> {
        if directory.is_root() {
            return self.folder(directory);
        }
        let found = self.find_any(directory)?;
        match found.form() {
            Form::Directory => found.folder().subfolder(found.stored_name()).map(Some),
            _ => Err(wrong_kind(&found, EntryKind::Directory)),
        }
    }

    /// The entries of a directory.
    pub(crate) fn list(&self, directory: &EntryPath) -> Result<Listing> {
        let Some(folder) = self.directory(directory)? else { return Ok(Listing::default()) };
        let mut listing = list_folder(&folder, directory)?;
        for _ in 0..RELISTINGS {
            let changing = listing.entries.windows(2).any(|pair| match pair {
                [one, other] if one.name == other.name => {
                    FileLock::is_held(&folder, &lock_name(&one.name)).unwrap_or(false)
                }
                _ => false,
            });
            if !changing {
                break;
            }
            std::thread::sleep(RELISTING_PAUSE);
            listing = list_folder(&folder, directory)?;
        }
        Ok(listing)
    }

    /// What is known of an entry.
    pub(crate) fn stat(&self, path: &EntryPath) -> Result<EntryStat> {
        if path.is_root() {
            return self.stat_root();
        }
        let found = self.find_any(path)?;
        let (size_bytes, modified) = match found.form() {
            Form::Array | Form::CsvTable | Form::ParquetFile => {
                (found.facts().size_bytes, found.facts().modified)
            }
            Form::File => (file_bytes(&found, path.name())?, found.facts().modified),
            Form::Directory => {
                let folder = found.folder().subfolder(found.stored_name())?;
                (meta_bytes(&folder)?, found.facts().modified)
            }
            Form::ParquetTable => table_facts(&found)?,
        };
        Ok(EntryStat {
            kind: found.form().kind(),
            stored_name: found.stored_name().to_owned(),
            size_bytes,
            modified,
        })
    }

    fn stat_root(&self) -> Result<EntryStat> {
        let folder = self.folder(&EntryPath::root())?;
        Ok(EntryStat {
            kind: EntryKind::Directory,
            stored_name: String::new(),
            size_bytes: folder.as_ref().map_or(Ok(0), meta_bytes)?,
            modified: folder
                .and_then(|folder| std::fs::metadata(folder.path()).ok())
                .and_then(|metadata| metadata.modified().ok()),
        })
    }

    /// Creates a directory with its meta. It is made aside and moved to its place, so that nobody sees it without its meta; where
    /// the file system cannot do that, its folder appears a moment before its meta.
    pub(crate) fn create_directory(&self, path: &EntryPath, meta: &Bytes) -> Result<Version> {
        self.prepare(path, EntryKind::Directory, WriteMode::Create)?;
        let (folder, name) = (self.parent_folder_for_writing(path)?, path.name());
        let _lock = self.lock_name_in(&folder, name)?;
        admit(self.find_in(folder.try_clone()?, name)?.as_ref(), EntryKind::Directory, WriteMode::Create)?;
        self.check_case(&folder, name)?;
        let staged = self.staging().create_folder()?;
        let version = versioned_file::create_at(&staged.path().join(META_FILE), meta)?;
        let stored_name = Form::Directory.stored_name(name);
        let stale = attributes::put(self.staging(), &folder, &stored_name, None)?;
        match staged.publish(&folder, &stored_name, Existing::Keep)? {
            PublishOutcome::Published => Ok(version),
            PublishOutcome::Exists => {
                stale.restore(self.staging(), &folder)?;
                Err(meanwhile(&stored_name))
            }
        }
    }
}

fn list_folder(folder: &Folder, directory: &EntryPath) -> Result<Listing> {
    let mut listing = Listing::default();
    for (stored_name, file_type) in folder.names()? {
        if stored_name == META_FILE {
            listing.has_meta = matches!(folder.look(META_FILE)?, Sight::File(_));
        }
        if stored_name.starts_with('_') {
            continue;
        }
        let entry = match file_type {
            FileType::RegularFile => entry_of(&stored_name, false),
            FileType::Directory => entry_of(&stored_name, true),
            // Links, and what the file system does not give away in a listing.
            FileType::Symlink | FileType::Unknown => match folder.look(&stored_name)? {
                Sight::File(_) => entry_of(&stored_name, false),
                Sight::Folder(_) => entry_of(&stored_name, true),
                Sight::BadLink(_) => entry_of_bad_link(&stored_name),
                Sight::Special | Sight::Absent => None,
            },
            _ => None,
        };
        if let Some((name, form)) = entry
            && directory.join(name).is_ok()
        {
            let name = name.to_owned();
            listing.entries.push(EntryInfo { name, kind: form.kind(), stored_name });
        }
    }
    listing
        .entries
        .sort_by(|one, other| (&one.name, &one.stored_name).cmp(&(&other.name, &other.stored_name)));
    Ok(listing)
}

fn meta_bytes(folder: &Folder) -> Result<u64> {
    match folder.look(META_FILE)? {
        Sight::File(facts) => Ok(facts.size_bytes),
        _ => Ok(0),
    }
}

/// The bytes of a file that count.
fn file_bytes(found: &Found, name: &str) -> Result<u64> {
    let stored = found.stored_name();
    file_append::length(found.folder(), name, stored, || match found.folder().look(stored)? {
        Sight::File(facts) => Ok(facts.size_bytes),
        // It has just been replaced or removed.
        _ => Ok(found.facts().size_bytes),
    })
}

/// The bytes of all parts, and when the last of them changed.
fn table_facts(found: &Found) -> Result<(u64, Option<std::time::SystemTime>)> {
    let folder = found.folder().subfolder(found.stored_name())?;
    let (mut bytes, mut modified) = (0u64, found.facts().modified);
    for (name, _) in folder.names()? {
        if let Sight::File(facts) = folder.look(&name)? {
            bytes = bytes.saturating_add(facts.size_bytes);
            modified = modified.max(facts.modified);
        }
    }
    Ok((bytes, modified))
}
