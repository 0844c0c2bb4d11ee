//! Tombstones: what the meta of a directory is while the directory is being removed.
//!
//! Stores have no conditional deletion, but conditional writes. So whoever removes a directory first replaces its meta by a
//! tombstone, or creates one where there is no meta: of any number of removers one succeeds. From then on the directory is absent
//! for everybody, and the one that succeeded deletes the objects in it, the tombstone last. It replaces the tombstone by a new one
//! before every thousand of them, which shows that it is still at work.
//!
//! A tombstone that does not change for [`LEASE`], by the clock of whoever waits for it, is that of a removal which was broken off.
//! Whoever creates the directory again finishes it first.

use super::{Form, META_NAME, Tree, WRITING_PREFIX, attributes::attributes_key};
use crate::{
    conditional::{Condition, PutOutcome, nonce},
    store::{child_key, key, version_of_meta},
};
use bytes::Bytes;
use fascicle_backend::{EntryPath, Error, ErrorKind, Result, Version};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectMeta, path::Path};
use std::time::Duration;
use tokio::time::Instant;

/// After which time without change a removal is taken for broken off.
const LEASE: Duration = Duration::from_secs(30);
/// How often a removal by somebody else is looked at.
const POLL: Duration = Duration::from_millis(100);

/// A tombstone is this, 32 hexadecimal digits that make it unlike every other, and the end of the line.
const TEXT: &[u8] = b"# fascicle: this directory is being removed: ";
const LENGTH: usize = TEXT.len() + 32 + 1;

/// Whether the bytes of a meta are a tombstone.
pub(super) fn is_tombstone(bytes: &[u8]) -> bool {
    bytes.len() == LENGTH && bytes.starts_with(TEXT)
}

fn tombstone() -> Result<Bytes> {
    Ok([TEXT, nonce()?.as_bytes(), b"\n"].concat().into())
}

impl Tree {
    /// Whether the directory at `prefix`, whose meta `meta` describes, is being removed. Cost: nothing unless the size is a tombstone's,
    /// then one request.
    pub(super) async fn is_buried(&self, meta: &ObjectMeta) -> Result<bool> {
        if meta.size != LENGTH as u64 {
            return Ok(false);
        }
        let read = self.store().read(&meta.location, LENGTH as u64).await;
        match read {
            Ok(object) => Ok(object.is_some_and(|object| is_tombstone(&object.bytes))),
            // It was changed to something longer meanwhile.
            Err(error) if error.kind() == ErrorKind::LimitExceeded => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes the directory at `prefix` absent by a tombstone, whose version it returns: of several concurrent callers one gets it.
    /// `None` when there is no directory, or not any more.
    pub(super) async fn bury(&self, prefix: &Path) -> Result<Option<Version>> {
        let object = child_key(prefix, META_NAME)?;
        // A refusal means that somebody else made a step: an update of the meta, or a tombstone.
        loop {
            let condition = match self.store().head(&object).await? {
                Some(meta) if self.is_buried(&meta).await? => return Ok(None),
                Some(meta) => Condition::Unchanged(version_of_meta(&meta)),
                None if self.holds_anything_but(prefix, &object).await? => Condition::Absent,
                None => return Ok(None),
            };
            let version = match self.store().put_checked(&object, tombstone()?, &condition).await? {
                PutOutcome::Stored(version) => version,
                // Somebody else goes on with the removal.
                PutOutcome::Overtaken => return Ok(None),
                PutOutcome::Refused | PutOutcome::Unclear => continue,
            };
            // What has no meta may have been removed by somebody else between the look and the tombstone.
            if condition == Condition::Absent && !self.holds_anything_but(prefix, &object).await? {
                self.delete_if_unchanged(&object, &version).await?;
                return Ok(None);
            }
            return Ok(Some(version));
        }
    }

    /// The same for the directory whose meta has this version, and no other that took its name.
    pub(super) async fn bury_state(&self, prefix: &Path, meta: &Version) -> Result<Option<Version>> {
        let object = child_key(prefix, META_NAME)?;
        match self.store().put_if(&object, tombstone()?, &Condition::Unchanged(meta.clone())).await? {
            PutOutcome::Stored(version) => Ok(Some(version)),
            PutOutcome::Overtaken | PutOutcome::Refused | PutOutcome::Unclear => Ok(None),
        }
    }

    async fn holds_anything_but(&self, prefix: &Path, object: &Path) -> Result<bool> {
        let mut others =
            self.store().list(prefix).try_filter(|meta| std::future::ready(meta.location != *object)).boxed();
        Ok(others.try_next().await?.is_some())
    }

    /// Deletes what is in a directory, and then its tombstone of this version. Ends without an error when somebody else took the
    /// tombstone over.
    pub(super) async fn clear_buried(&self, prefix: &Path, version: Version) -> Result<()> {
        let object = child_key(prefix, META_NAME)?;
        let mut version = version;
        let mut objects = self.store().list(prefix).try_chunks(1000);
        while let Some(chunk) = objects.next().await {
            let chunk = chunk.map_err(|error| error.1)?;
            let condition = Condition::Unchanged(version);
            version = match self.store().put_checked(&object, tombstone()?, &condition).await? {
                PutOutcome::Stored(version) => version,
                PutOutcome::Overtaken | PutOutcome::Refused | PutOutcome::Unclear => return Ok(()),
            };
            let keys: Vec<_> =
                chunk.into_iter().map(|meta| meta.location).filter(|key| *key != object).map(Ok).collect();
            self.store().delete_all(stream::iter(keys).boxed()).await?;
        }
        self.delete_if_unchanged(&object, &version).await
    }

    /// Waits until the removal of the directory at `prefix` is done, and finishes one that was broken off. Whether there was one.
    ///
    /// Errors: `AlreadyExists` when somebody else is still at it after [`LEASE`].
    pub(super) async fn await_removal(&self, path: &EntryPath, prefix: &Path) -> Result<bool> {
        let object = child_key(prefix, META_NAME)?;
        let begun = Instant::now();
        let mut seen: Option<(Version, Instant)> = None;
        loop {
            let current = match self.store().head(&object).await? {
                Some(meta) if self.is_buried(&meta).await? => version_of_meta(&meta),
                Some(_) => return Ok(seen.is_some()),
                None => return Ok(true),
            };
            let since = match &seen {
                Some((version, since)) if *version == current => *since,
                _ => Instant::now(),
            };
            if since.elapsed() >= LEASE {
                let condition = Condition::Unchanged(current.clone());
                if let PutOutcome::Stored(mine) =
                    self.store().put_checked(&object, tombstone()?, &condition).await?
                {
                    self.store().delete(&attributes_key(path, &Form::Directory)?).await?;
                    self.clear_buried(prefix, mine).await?;
                    self.store().delete(&removal_key(prefix)?).await?;
                    return Ok(true);
                }
            } else if begun.elapsed() >= 2 * LEASE {
                let why = "the directory of that name is still being removed by somebody else";
                return Err(Error::new(ErrorKind::AlreadyExists, why).hint("try again when that is done"));
            }
            seen = Some((current, since));
            tokio::time::sleep(POLL).await;
        }
    }
}

/// The object that says to those who list the parent that the directory at `prefix` may be absent.
pub(super) fn removal_key(prefix: &Path) -> Result<Path> {
    let text = prefix.as_ref();
    let (parent, name) = text.rsplit_once('/').unwrap_or(("", text));
    child_key(&key(parent)?, &format!("{WRITING_PREFIX}/{name}.removal"))
}
