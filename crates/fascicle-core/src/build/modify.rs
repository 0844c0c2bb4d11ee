//! What has to happen before something that was built is changed.

use super::records::{End, Epoch, Retired, RetiredReason, create_once, new_nonce, read};
use crate::directory::{read_meta, update_meta};
use crate::{EntryPath, ErrorKind, Meta, Result, Root, Status};
use std::time::Duration;

/// Before a write into the directory at `path` or into one nested in it: creates it where it is missing (if `create`), and
/// marks a finished build as modified. The mark comes before the write, so that no changed directory is ever found as what
/// was built.
pub(crate) async fn mark_modified(root: &Root, path: &EntryPath, create: bool) -> Result<()> {
    let meta = match read_meta(root, path).await {
        Ok(Some((meta, _))) => Some(meta),
        Ok(None) => None,
        // A broken meta does not keep its directory from being written; it is never found by its config anyway.
        Err(error) if error.kind() == ErrorKind::Corrupt => return Ok(()),
        Err(error) => return Err(error),
    };
    let Some(meta) = meta else {
        if !create {
            return Ok(());
        }
        return match root.backend().create_directory(path, Meta::plain().to_bytes()?).await {
            // Somebody created it meanwhile, or it is a directory without a meta; a leaf is refused by the write itself.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Ok(()),
        };
    };
    if meta.status != Status::Done || meta.modified {
        return Ok(());
    }
    retire_as(root, path, &meta, RetiredReason::Modified).await?;
    root.foreign().forget(path);
    update_meta(root, path, |meta| {
        let unmarked = meta.status == Status::Done && !meta.modified;
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
    let epoch = Epoch { key: mark.key, number: mark.epoch };
    // A copy carries the mark of its original, which goes on to be found.
    match read::<End>(&**root.backend(), &epoch.end()?).await? {
        Some(End::Done { nonce, directory }) if nonce == mark.nonce && directory == path.as_str() => {}
        _ => return Ok(()),
    }
    let body = Retired { nonce: new_nonce()?, reason };
    // Should somebody else have retired it first, that is just as good.
    create_once(&**root.backend(), &epoch.retired()?, &body, Duration::from_secs(30)).await.map(|_| ())
}
