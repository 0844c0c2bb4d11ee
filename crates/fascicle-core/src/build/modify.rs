//! What has to happen before something that was built is changed.

use super::records::{End, Epoch, Retired, RetiredReason, create_once, new_nonce, read};
use crate::directory::{read_meta, update_meta};
use crate::{EntryPath, ErrorKind, Meta, Result, Root, Status};
use std::time::Duration;

/// Whether there is a finished, unchanged directory at a path.
pub(crate) enum Finished {
    /// There is, with this meta: a change within it is to be said.
    Yes(Box<Meta>),
    /// There is one at a given path whose entries are written, or were written in vain, into this directory within it.
    Building(EntryPath),
    /// There is a directory of another state.
    No,
    /// There is nothing, or a directory without a meta.
    Missing,
}

impl Finished {
    /// Looks at a directory before a change within it.
    pub(crate) async fn look(root: &Root, path: &EntryPath) -> Result<Self> {
        match read_meta(root, path).await {
            Ok(Some((meta, _))) if meta.is_usable() => Ok(Finished::Yes(Box::new(meta))),
            Ok(Some((meta, _))) => match meta.build.and_then(|mark| mark.attempt_name()) {
                Some(attempt) if meta.status != Status::Done => Ok(Finished::Building(path.join(&attempt)?)),
                _ => Ok(Finished::No),
            },
            Ok(None) => Ok(Finished::Missing),
            // A broken meta does not keep its directory from being written; it is never found by its config anyway.
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(Finished::No),
            Err(error) => Err(error),
        }
    }
}

/// Before a change within the finished directory at `path`, or one nested in it: marks it as modified. The mark comes before
/// the change, so that no changed directory is ever found as what was built.
pub(crate) async fn mark_modified(root: &Root, path: &EntryPath, meta: &Meta) -> Result<()> {
    retire_as(root, path, meta, RetiredReason::Modified).await?;
    root.foreign().forget(path);
    update_meta(root, path, |meta| {
        let unmarked = meta.is_usable();
        meta.modified |= unmarked;
        unmarked
    })
    .await?;
    Ok(())
}

/// Before the entry at `path` is removed or moved away: says so of a finished build, so that nobody looks for it there.
pub(crate) async fn retire(root: &Root, path: &EntryPath) -> Result<()> {
    let meta = match read_meta(root, path).await {
        Ok(Some((meta, _))) => meta,
        Ok(None) => return Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::WrongKind) => return Ok(()),
        Err(error) => return Err(error),
    };
    root.foreign().forget(path);
    retire_as(root, path, &meta, RetiredReason::Deleted).await
}

async fn retire_as(root: &Root, path: &EntryPath, meta: &Meta, reason: RetiredReason) -> Result<()> {
    let Some(mark) = &meta.build else { return Ok(()) };
    let epoch = Epoch::of_mark(mark);
    // A copy carries the mark of its original, which goes on to be found.
    match read::<End>(&**root.backend(), &epoch.end()?).await? {
        Some(End::Done { nonce, directory, .. }) if nonce == mark.nonce && directory == path.as_str() => {}
        _ => return Ok(()),
    }
    let body = Retired { nonce: new_nonce()?, reason };
    // Should somebody else have retired it first, that is just as good.
    create_once(&**root.backend(), &epoch.retired()?, &body, Duration::from_secs(30)).await.map(|_| ())
}
