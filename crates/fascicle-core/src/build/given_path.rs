//! Directories at a path that the caller gives: several attempts to build may share it, and none may share a place to write to.
//!
//! The directory itself is made with its meta before anything else, and names the attempt under way. Each attempt writes into
//! a directory of its own within it. Once an attempt has been committed its entries are moved up, by whoever comes first; each is
//! moved in one step, so that whoever is interrupted is relieved by the next one. Where the storage does not move in one step
//! the entries stay where they are, and their readers are led there.
//!
//! A builder that is taken for dead and goes on writing writes into the directory of its attempt, which is not looked at any more.
//! An attempt that ended itself halfway leaves its directory to the next one, whose mark names it.

use super::guard::MadeAttempt;
use super::interruption::Resumable;
use super::records::{Claim, Epoch, read};
use super::search::Request;
use crate::compare::{CompareOptions, Place, equal};
use crate::directory::read_meta;
use crate::meta::{BuildMark, attempt_epoch, is_attempt_name};
use crate::{
    Backend, Capability, Directory, EntryPath, Error, ErrorKind, Meta, MetaWriteMode, Result, Root, Status,
};

/// How often the meta of the directory is looked at again when somebody changed it meanwhile.
const LOOKS: usize = 64;
/// How often an entry is moved again when the storage fails.
const MOVES: usize = 3;

impl Request<'_> {
    /// Makes the directory at a given path, and in it that of an attempt, which is returned. `None` when a later attempt is under
    /// way already.
    pub(super) async fn make_at(
        &self,
        path: &EntryPath,
        epoch: &Epoch,
        mark: BuildMark,
        resumable: Option<&Resumable>,
    ) -> Result<Option<MadeAttempt>> {
        if let Some(parent) = path.parent().filter(|parent| !parent.is_root()) {
            Directory::at(self.root.clone(), parent).before_write().await?;
        }
        let Some(mark) = self.announce(path, mark.made_at(path), resumable).await? else { return Ok(None) };
        let attempt = path.join(&mark.attempt_name().unwrap_or_default())?;
        let made = |resumed_from| {
            let (directory, target) = (attempt.clone(), path.clone());
            Some(MadeAttempt { directory, target, resumed_from, created: None })
        };
        if let Some(resumable) = resumable.filter(|_| mark.resumes.is_some()) {
            return Ok(made(Some(resumable.progress.clone())));
        }
        // What earlier attempts left is nobody's. One that is still being written to is written to in vain.
        for name in attempts_in(self.root, path).await? {
            if attempt_epoch(&name).is_some_and(|earlier| earlier < epoch.number) {
                remove_if_there(self.root.backend_itself(), &path.join(&name)?).await?;
            }
        }
        let unmarked = Meta { build: None, ..Meta::running(self.config.clone(), mark) };
        match self.backend().create_directory(&attempt, unmarked.to_bytes()?).await {
            Ok(_) => Ok(made(None)),
            // The name holds this attempt's own nonce: an answer was lost.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(made(None)),
            Err(error) => Err(error),
        }
    }

    /// Puts the mark of an attempt into the meta of the directory at its path, and returns it: it says whether the attempt goes on
    /// with one that was interrupted. `None` when there is that of a later one.
    async fn announce(
        &self,
        path: &EntryPath,
        mark: BuildMark,
        resumable: Option<&Resumable>,
    ) -> Result<Option<BuildMark>> {
        let meta = |mark: &BuildMark| Meta::running(self.config.clone(), mark.clone()).to_bytes();
        for _ in 0..LOOKS {
            let Some((stored, version)) = read_meta(self.root, path).await? else {
                let exists = match self.backend().create_directory(path, meta(&mark)?).await {
                    Ok(_) => return Ok(Some(mark)),
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => error,
                    Err(error) => return Err(error),
                };
                // An empty folder becomes the directory; with a meta it is looked at again; another one is nobody's attempt.
                if is_empty(self.root, path).await? {
                    match self.backend().write_meta(path, meta(&mark)?, MetaWriteMode::Create).await {
                        Ok(_) => return Ok(Some(mark)),
                        Err(error) if error.kind() == ErrorKind::AlreadyExists || error.is_not_found() => {}
                        Err(error) => return Err(error),
                    }
                } else if read_meta(self.root, path).await?.is_none() {
                    return Err(exists);
                }
                continue;
            };
            match &stored.build {
                Some(own) if own.key == self.key && own.nonce == mark.nonce => return Ok(stored.build),
                Some(other)
                    if other.key == self.key
                        && other.epoch >= mark.epoch
                        && self.is_claimed(other).await? =>
                {
                    return Ok(None);
                }
                Some(other) if other.key == self.key && stored.status != Status::Done => {}
                _ => {
                    return Err(Error::new(
                        ErrorKind::AlreadyExists,
                        "somebody made a directory at the path meanwhile",
                    )
                    .during("create directory")
                    .at(path));
                }
            }
            let resumes = match (&stored.build, resumable) {
                (Some(left), Some(resumable)) if resumable.is_left_by(left) => {
                    self.left_at(path, left).await?
                }
                _ => None,
            };
            let mark = BuildMark { resumes, ..mark.clone() };
            match self.backend().write_meta(path, meta(&mark)?, MetaWriteMode::UpdateIf(version)).await {
                Ok(_) => return Ok(Some(mark)),
                Err(error) if error.kind() == ErrorKind::Conflict || error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(ErrorKind::Conflict, "other writers changed the meta again and again").at(path))
    }
}

impl Request<'_> {
    /// The attempt to go on with after the one that left this mark, if its directory is still there.
    async fn left_at(&self, path: &EntryPath, left: &BuildMark) -> Result<Option<String>> {
        match self.root.backend_itself().stat(&path.join(&left.attempt_name().unwrap_or_default())?).await {
            Ok(_) => Ok(Some(left.began())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the index knows of an attempt; if not, it is from before the index was lost.
    async fn is_claimed(&self, mark: &BuildMark) -> Result<bool> {
        let epoch = Epoch::of_mark(mark);
        let claim = read::<Claim>(self.backend(), &epoch.claim()?).await?;
        Ok(claim.is_some_and(|claim| claim.nonce == mark.nonce))
    }
}

/// Moves the entries of a committed attempt up to the path that was given. Whoever does so at the same time does the same.
pub(super) async fn move_up(root: &Root, path: &EntryPath, attempt: &EntryPath) -> Result<()> {
    let backend = root.backend_itself();
    if !backend.capabilities().has(Capability::Rename) {
        return Ok(());
    }
    let listing = match backend.list(attempt).await {
        Ok(listing) => listing,
        Err(error) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in listing.entries {
        move_entry(backend, &attempt.join(&entry.name)?, &path.join(&entry.name)?).await?;
    }
    Ok(())
}

async fn move_entry(backend: &dyn Backend, from: &EntryPath, to: &EntryPath) -> Result<()> {
    let mut tries = 0;
    loop {
        tries += 1;
        let error = match backend.rename(from, to).await {
            Ok(()) => return Ok(()),
            // Somebody else moved it.
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => error,
        };
        let is_taken = error.kind() == ErrorKind::AlreadyExists;
        if is_taken && matches!(backend.stat(from).await, Err(error) if error.is_not_found()) {
            return Ok(());
        }
        if is_taken {
            let (this, other) = (Place::new(backend, from), Place::new(backend, to));
            if equal(this, other, &CompareOptions::default()).await? {
                return remove_if_there(backend, from).await;
            }
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("somebody put an entry at '{to}' while the directory was being built"),
            )
            .hint(format!("remove '{to}' and ask again: what was built is at '{from}'"))
            .retryable(false));
        }
        if tries >= MOVES || !error.is_retryable() {
            return Err(error);
        }
    }
}

/// Removes the directory of an attempt whose entries were moved up. Failing to leaves a directory that nobody sees.
pub(super) async fn remove_attempt(root: &Root, attempt: &EntryPath) {
    if !root.backend().capabilities().has(Capability::Rename) {
        return;
    }
    if let Err(error) = remove_if_there(root.backend_itself(), attempt).await {
        log::warn!("the directory of an attempt stays: {}", error.chain());
    }
}

async fn remove_if_there(backend: &dyn Backend, path: &EntryPath) -> Result<()> {
    match backend.remove(path).await {
        Err(error) if error.is_not_found() => Ok(()),
        removed => removed,
    }
}

/// Whether there is nothing in a directory.
pub(super) async fn is_empty(root: &Root, path: &EntryPath) -> Result<bool> {
    match root.backend_itself().list(path).await {
        Ok(listing) => Ok(listing.entries.is_empty()),
        Err(error) if error.is_not_found() => Ok(true),
        Err(error) => Err(error),
    }
}

/// The names of the directories of attempts in a directory.
async fn attempts_in(root: &Root, path: &EntryPath) -> Result<Vec<String>> {
    match root.backend_itself().list(path).await {
        Ok(listing) => {
            let names = listing.entries.into_iter().map(|entry| entry.name);
            Ok(names.filter(|name| is_attempt_name(name)).collect())
        }
        // It lies within a directory whose entries are elsewhere.
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
