//! Directories: listing them, looking at entries, and metas.

use super::{Form, META_NAME, Tree, WRITING_PREFIX, already_exists, tombstone::is_tombstone};
use crate::{
    conditional::{Condition, PutOutcome},
    store::{child_key, key},
};
use bytes::Bytes;
use fascicle_backend::{
    EntryInfo, EntryKind, EntryPath, EntryStat, Error, ErrorKind, Listing, MetaRecord, MetaWriteMode, Result,
    Version, WriteMode,
};
use futures::TryStreamExt;
use object_store::path::Path;
use std::time::SystemTime;

/// No longer meta is read.
const MOST_META_BYTES: u64 = 16 << 20;

impl Tree {
    /// The entries of a directory. Cost: a request for each 1,000; while something is being written there one more, and one for each
    /// of these entries. Errors: `NotFound`, `WrongKind`.
    pub async fn list(&self, directory: &EntryPath) -> Result<Listing> {
        let prefix = key(directory.as_str())?;
        let listed = self.store().list_children(&prefix).await?;
        let is_empty = listed.objects.is_empty() && listed.common_prefixes.is_empty();
        let mut metas = listed.objects.iter().filter(|object| object.location.filename() == Some(META_NAME));
        let is_buried = match metas.next() {
            Some(meta) if !self.store().is_local() => self.is_buried(meta).await?,
            _ => false,
        };
        if (is_empty || is_buried) && !directory.is_root() {
            self.require_directory(directory).await?;
        }
        let objects = listed.objects.iter().map(|object| (&object.location, false));
        let prefixes = listed.common_prefixes.iter().map(|prefix| (prefix, true));
        let mut listing = Listing::default();
        let being_written = self.being_written(&prefix, &listed.common_prefixes).await?;
        for (path, is_prefix) in objects.chain(prefixes) {
            let Some(stored_name) = path.filename() else { continue };
            listing.has_meta |= stored_name == META_NAME && !is_prefix;
            if let Some((name, form)) = self.layout().entry_of(stored_name, is_prefix)
                && directory.join(name).is_ok()
                && (!is_named(&being_written, stored_name) || self.is_complete(path, &form).await?)
            {
                let (name, stored_name) = (name.to_owned(), stored_name.to_owned());
                listing.entries.push(EntryInfo { name, kind: form.kind(), stored_name });
            }
        }
        listing
            .entries
            .sort_by(|one, other| (&one.name, &one.stored_name).cmp(&(&other.name, &other.stored_name)));
        Ok(listing)
    }

    /// The names of the objects that say what is being written in a directory.
    async fn being_written(&self, prefix: &Path, prefixes: &[Path]) -> Result<Vec<String>> {
        if !prefixes.iter().any(|prefix| prefix.filename() == Some(WRITING_PREFIX)) {
            return Ok(Vec::new());
        }
        let listed = self.store().list_children(&child_key(prefix, WRITING_PREFIX)?).await?;
        Ok(listed.objects.iter().filter_map(|object| object.location.filename().map(str::to_owned)).collect())
    }

    /// What is known of an entry. Cost: one request for a file, two for a directory, one and one for each 1,000 objects of an array
    /// or table. Errors: `NotFound`, `Corrupt`.
    pub async fn stat(&self, path: &EntryPath) -> Result<EntryStat> {
        let (form, stored_name, mut size_bytes, mut modified) = if path.is_root() {
            (Form::Directory, String::new(), 0, None)
        } else {
            let entry = self.require_any(path).await?;
            (entry.form, entry.stored_name, entry.size_bytes, entry.modified)
        };
        let stored = self.key_of(path, &form)?;
        match form {
            Form::File | Form::Single(_) => {}
            Form::Directory => {
                if let Some(meta) = self.store().head(&child_key(&stored, META_NAME)?).await? {
                    (size_bytes, modified) = (meta.size, Some(meta.last_modified.into()));
                }
            }
            Form::Prefix(_) => {
                let mut objects = self.store().list(&stored);
                while let Some(object) = objects.try_next().await? {
                    size_bytes = size_bytes.saturating_add(object.size);
                    modified = modified.max(Some(SystemTime::from(object.last_modified)));
                }
            }
        }
        Ok(EntryStat { kind: form.kind(), stored_name, size_bytes, modified })
    }

    /// Creates a directory with its meta: of any number of concurrent callers, in any process, exactly one creates it.
    ///
    /// - A removal of a directory of that name which is under way is waited for, and one that was broken off is finished.
    /// - Cost: a request, one to look before it and one after it. Errors: `AlreadyExists`, `NotFound`, `WrongKind`.
    pub async fn create_directory(&self, path: &EntryPath, meta: Bytes) -> Result<Version> {
        self.prepare(path, EntryKind::Directory, WriteMode::Create).await?;
        let prefix = self.key_of(path, &Form::Directory)?;
        let version = self.create_meta(path, &prefix, meta).await.map_err(|error| error.at(path))?;
        let rivals = self.rivals(path, &Form::Directory).await;
        if matches!(&rivals, Ok(rivals) if rivals.is_empty()) {
            return Ok(version);
        }
        // Only the meta that was just written goes: whoever changed it already uses the directory.
        self.delete_if_unchanged(&child_key(&prefix, META_NAME)?, &version).await?;
        Err(match rivals?.first() {
            Some(rival) => already_exists(rival).at(path),
            None => Error::new(ErrorKind::Internal, "the rivals of a directory vanished").at(path),
        })
    }

    async fn create_meta(&self, path: &EntryPath, prefix: &Path, meta: Bytes) -> Result<Version> {
        loop {
            match self.write_meta_at(prefix, meta.clone(), &MetaWriteMode::Create).await {
                Err(error)
                    if error.kind() == ErrorKind::AlreadyExists
                        && !self.store().is_local()
                        && self.await_removal(path, prefix).await? => {}
                created => return created,
            }
        }
    }

    pub(super) async fn delete_if_unchanged(&self, object: &Path, version: &Version) -> Result<()> {
        match self.store().written_by(object).await? {
            Some((current, _)) if current == *version => self.store().delete(object).await,
            _ => Ok(()),
        }
    }

    /// The meta of a directory, `None` when it has none. Cost: one request when it has one. Errors: `NotFound`, `WrongKind`.
    pub async fn read_meta(&self, directory: &EntryPath) -> Result<Option<MetaRecord>> {
        let object = child_key(&key(directory.as_str())?, META_NAME)?;
        match self.store().read(&object, MOST_META_BYTES).await? {
            Some(object) if is_tombstone(&object.bytes) && !self.store().is_local() => {
                Err(Error::new(ErrorKind::NotFound, "the directory is being removed").at(directory))
            }
            Some(object) => Ok(Some(MetaRecord { bytes: object.bytes, version: object.version })),
            None => self.require_directory(directory).await.map(|()| None),
        }
    }

    /// Writes the meta of a directory as `mode` says, and returns its version.
    ///
    /// - Two concurrent updates of one version: exactly one wins, where the store has conditional writes.
    /// - Cost: one request; one more for `Create` and `Overwrite`, which would otherwise make a directory.
    /// - Errors: `AlreadyExists`, `Conflict`, `NotFound`, `WrongKind`.
    pub async fn write_meta(
        &self,
        directory: &EntryPath,
        meta: Bytes,
        mode: &MetaWriteMode,
    ) -> Result<Version> {
        if !matches!(mode, MetaWriteMode::UpdateIf(_)) {
            self.require_directory(directory).await?;
        }
        let written = self.write_meta_at(&key(directory.as_str())?, meta, mode).await;
        match written {
            Err(error) if error.kind() == ErrorKind::Conflict => {
                // Who updates the meta of a directory that is gone is told so.
                self.require_directory(directory).await?;
                Err(error.at(directory))
            }
            written => written.map_err(|error| error.at(directory)),
        }
    }

    async fn write_meta_at(&self, prefix: &Path, meta: Bytes, mode: &MetaWriteMode) -> Result<Version> {
        let object = child_key(prefix, META_NAME)?;
        let condition = match mode {
            MetaWriteMode::Overwrite => return self.store().put(&object, meta).await,
            MetaWriteMode::Create => Condition::Absent,
            MetaWriteMode::UpdateIf(version) => Condition::Unchanged(version.clone()),
        };
        match self.store().put_checked(&object, meta, &condition).await? {
            PutOutcome::Stored(version) => Ok(version),
            // Whatever became of this write, the stored meta is another one now, and a look at it shows what is left to do.
            PutOutcome::Overtaken | PutOutcome::Refused | PutOutcome::Unclear => Err(match condition {
                Condition::Absent => Error::new(ErrorKind::AlreadyExists, "there is a meta already"),
                Condition::Unchanged(_) => {
                    Error::new(ErrorKind::Conflict, "the stored meta was changed by somebody else meanwhile")
                        .hint("read it again, and apply the change to what is stored now")
                }
            }),
        }
    }
}

/// Whether one of the objects says that what is stored as `stored_name` is being written.
fn is_named(being_written: &[String], stored_name: &str) -> bool {
    being_written.iter().any(|name| name.strip_prefix(stored_name).is_some_and(|rest| rest.starts_with('.')))
}
