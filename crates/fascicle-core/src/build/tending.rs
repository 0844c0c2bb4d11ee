//! The epochs of the index as maintenance sees them: in which state each is, and the steps that anybody may take for a builder
//! that died.
//!
//! Every step is one that find-or-build itself takes when it meets such an epoch: ends, retirements and claims are created
//! once, metas are changed by compare-and-swap, and a builder is taken for dead by the same signs.

use super::judge::mark_done;
use super::process::ProcessId;
use super::records::{
    Beat, Claim, Creator, End, Epoch, Retired, RetiredReason, create_once, new_nonce, read,
};
use super::resolve::BuildStack;
use super::wait::{Deadline, Waited, stop_attempt, wait_for_end};
use crate::config::{Config, IdentityRules, identity};
use crate::directory::{read_meta, update_meta};
use crate::meta::BuildMark;
use crate::{EntryPath, Error, ErrorKind, Identity, Meta, RecordKey, Result, Root, Status};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often a builder is watched again by a process that was itself held up.
const WATCHES: u32 = 20;

/// Under which prefix the records of find-or-build stand.
const PREFIX: &str = "v1";

/// One epoch of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EpochId {
    pub(crate) key: Identity,
    pub(crate) number: u64,
}

/// In which state an epoch is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum EpochState {
    /// It ended with a complete directory.
    Done {
        nonce: String,
        directory: String,
        /// Whether it is another program's, without a mark.
        is_foreign: bool,
        is_retired: bool,
    },
    /// It ended without one: what its builder wrote is never found.
    Fruitless,
    /// It ended halfway: a later build may go on in its directory.
    Interrupted,
    /// It has no end.
    Open {
        /// Whether its builder is certainly dead.
        is_dead: bool,
        /// The builder, for people.
        builder: String,
    },
}

/// What became of an epoch that had no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sealing {
    /// It has an end now; this caller created it.
    Sealed,
    /// It has an end now; its builder, or somebody else, created it.
    Ended,
    /// Its builder is alive.
    Alive,
}

/// The epochs of the index, with those of their records that are there.
pub(crate) async fn epochs(root: &Root) -> Result<BTreeMap<EpochId, Vec<RecordKey>>> {
    let mut found: BTreeMap<EpochId, Vec<RecordKey>> = BTreeMap::new();
    for key in root.backend().records().list(&RecordKey::parse(PREFIX)?).await? {
        if let Some(id) = EpochId::of_record(&key) {
            found.entry(id).or_default().push(key);
        }
    }
    Ok(found)
}

impl EpochId {
    /// The epoch that a directory says it is an attempt of.
    pub(crate) fn of_mark(mark: &BuildMark) -> Self {
        EpochId { key: mark.key, number: mark.epoch }
    }

    /// The epoch that a record belongs to; `None` for other records.
    fn of_record(key: &RecordKey) -> Option<Self> {
        let name = key.as_str().rsplit('/').next()?;
        let mut parts = name.split('.');
        let id = EpochId { key: parts.next()?.parse().ok()?, number: parts.next()?.parse().ok()? };
        let is_known = matches!(parts.next()?, "claim" | "beat" | "end" | "retired");
        (is_known && parts.next().is_none()).then_some(id)
    }

    fn epoch(self) -> Epoch {
        Epoch { key: self.key, number: self.number }
    }

    /// The first digits of the key and the number, for people.
    pub(crate) fn name(self) -> String {
        format!("{}.{}", self.key.short(), self.number)
    }

    /// The record by which the builder shows that it is alive.
    pub(crate) fn beat(self) -> Result<RecordKey> {
        self.epoch().beat()
    }

    /// Whether the attempts of this epoch are made at `path`: those of a config under automatic names, directly in the root;
    /// those of a given path there. A copy of such a directory stands elsewhere.
    pub(crate) fn is_made_at(self, mark: &BuildMark, path: &EntryPath) -> Result<bool> {
        if self.key == mark.identity {
            return Ok(path.names().count() == 1);
        }
        Ok(self.key == path_key(path)?)
    }

    /// In which state the epoch is. Fails with [`ErrorKind::Corrupt`] for records that are none of ours.
    pub(crate) async fn state(self, root: &Root) -> Result<EpochState> {
        let (backend, epoch) = (&**root.backend(), self.epoch());
        match read::<End>(backend, &epoch.end()?).await? {
            Some(End::Done { nonce, directory, foreign: is_foreign }) => {
                let is_retired = read::<Retired>(backend, &epoch.retired()?).await?.is_some();
                Ok(EpochState::Done { nonce, directory, is_foreign, is_retired })
            }
            Some(End::Stopped { .. } | End::Abandoned { .. }) => Ok(EpochState::Fruitless),
            Some(End::Interrupted { .. }) => Ok(EpochState::Interrupted),
            None => {
                let claim = read::<Claim>(backend, &epoch.claim()?).await?;
                let is_dead = claim.as_ref().is_some_and(|claim| claim.process.is_certainly_dead());
                let builder = claim.map_or("a builder without a claim".to_owned(), |claim| {
                    format!("process {} on '{}'", claim.process.pid, claim.process.host)
                });
                Ok(EpochState::Open { is_dead, builder })
            }
        }
    }

    /// Ends the epoch in the place of a builder that is dead, or that shows no sign of life for a whole lease, which is
    /// waited for. Its directory, where it is known, is then marked as stopped.
    pub(crate) async fn end_if_dead(self, root: &Root, attempt: Option<&EntryPath>) -> Result<Sealing> {
        let epoch = self.epoch();
        let claim = match read::<Claim>(&**root.backend(), &epoch.claim()?).await? {
            Some(claim) => claim,
            None => unknown_claim(root),
        };
        let lease = Duration::from_millis(claim.lease_ms);
        let patience = lease + lease / 4 + 8 * root.options().poll.1;
        for _ in 0..WATCHES {
            let before = read::<Beat>(&**root.backend(), &epoch.beat()?).await?;
            let deadline = Deadline::after(Some(patience));
            match wait_for_end(root, &epoch, &claim, deadline, &BuildStack::default()).await {
                Ok(Waited::Ended) => return Ok(Sealing::Ended),
                Ok(Waited::Sealed { .. }) => {
                    if let Some(path) = attempt {
                        stop_attempt(root, path, &epoch).await;
                    }
                    return Ok(Sealing::Sealed);
                }
                Err(error) if error.kind() == ErrorKind::TimedOut => {}
                Err(error) => return Err(error),
            }
            // One that is alive beats several times in a lease. Without a beat it was this process that was held up.
            if read::<Beat>(&**root.backend(), &epoch.beat()?).await? != before {
                return Ok(Sealing::Alive);
            }
        }
        Err(Error::new(
            ErrorKind::TimedOut,
            "the builder could not be watched for a lease without interruption",
        )
        .hint("this machine or the storage is overloaded; try again"))
    }

    /// The directory that the builder of the epoch says it builds in.
    pub(crate) async fn beating_directory(self, root: &Root) -> Result<Option<EntryPath>> {
        let beat = read::<Beat>(&**root.backend(), &self.epoch().beat()?).await?;
        Ok(beat.and_then(|beat| EntryPath::parse(&beat.directory?).ok()))
    }

    /// Marks a directory of this epoch, which ended without it, as stopped.
    pub(crate) async fn stop(self, root: &Root, path: &EntryPath) -> Result<bool> {
        stop_attempt(root, path, &self.epoch()).await;
        Ok(read_meta(root, path).await?.is_some_and(|(meta, _)| meta.status == Status::Stopped))
    }

    /// Says in the meta of a directory what the end of its epoch says: that it is done.
    pub(crate) async fn roll_forward(self, root: &Root, nonce: &str, path: &EntryPath) -> Result<bool> {
        match mark_done(root, &self.epoch(), nonce, path).await {
            Ok(()) => Ok(true),
            // It was removed or replaced meanwhile.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The mark that a finished directory of this epoch had, whose meta another program rewrote without it; `None` unless it is
    /// certain that it is that directory: by its config, which makes the key, or for a given path by the directory of the
    /// attempt, which is still there.
    pub(crate) async fn lost_mark(
        self,
        root: &Root,
        nonce: &str,
        path: &EntryPath,
        meta: &Meta,
    ) -> Result<Option<BuildMark>> {
        if meta.status != Status::Done || meta.build.is_some() {
            return Ok(None);
        }
        let identity = identity(&meta.config, &IdentityRules::default())?;
        let nonce = nonce.to_owned();
        let mark = BuildMark {
            identity,
            key: self.key,
            epoch: self.number,
            nonce,
            directory: Some(path.as_str().to_owned()),
            version: None,
            interrupted: None,
            resumes: None,
        };
        match mark.attempt_name() {
            // Modified, it is never looked for again.
            None => Ok(Some(mark).filter(|_| path.names().count() == 1 && !meta.modified)),
            Some(_) if self.key != path_key(path)? => Ok(None),
            Some(_) => self.with_attempt_in(root, path, mark).await,
        }
    }

    /// The mark of this epoch whose attempt's directory is in the one at `path`: its own, or that of an interrupted one right before
    /// it, which it went on with. `None` when there is none.
    async fn with_attempt_in(
        self,
        root: &Root,
        path: &EntryPath,
        mut mark: BuildMark,
    ) -> Result<Option<BuildMark>> {
        for number in (0..=self.number).rev() {
            if number < self.number {
                let end = Epoch { key: self.key, number }.end()?;
                let Some(End::Interrupted { nonce, .. }) = read::<End>(&**root.backend(), &end).await? else {
                    return Ok(None);
                };
                mark.resumes = Some(format!("{number}-{nonce}"));
            }
            match root.backend_itself().stat(&path.join(&mark.attempt_name().unwrap_or_default())?).await {
                Ok(_) => return Ok(Some(mark)),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Writes a lost mark into the meta again, if that is still as it was.
    pub(crate) async fn restore_mark(root: &Root, mark: &BuildMark, path: &EntryPath) -> Result<bool> {
        let restored = update_meta(root, path, |meta| {
            let lacks_it = meta.status == Status::Done && meta.build.is_none();
            if lacks_it {
                meta.build = Some(mark.clone());
            }
            lacks_it
        });
        Ok(restored.await?.is_some_and(|meta| meta.build.as_ref() == Some(mark)))
    }

    /// Says that the directory of this epoch is gone, so that nobody looks for it any more.
    pub(crate) async fn retire(self, root: &Root) -> Result<bool> {
        let body = Retired { nonce: new_nonce()?, reason: RetiredReason::Deleted };
        let patience = root.options().lease;
        create_once(&**root.backend(), &self.epoch().retired()?, &body, patience).await.map(|_| true)
    }
}

/// The mark that the directory at a given path had, whose epochs have `key`, if another program lost it.
pub(super) async fn lost_mark_at(
    root: &Root,
    key: Identity,
    path: &EntryPath,
    meta: &Meta,
) -> Result<Option<BuildMark>> {
    for number in 0.. {
        let id = EpochId { key, number };
        match id.state(root).await? {
            EpochState::Done { nonce, is_foreign: false, is_retired: false, .. } => {
                if let Some(mark) = id.lost_mark(root, &nonce, path, meta).await? {
                    return Ok(Some(mark));
                }
            }
            EpochState::Open { .. } => break,
            _ => {}
        }
    }
    Ok(None)
}

/// The key of the epochs of a given path.
fn path_key(path: &EntryPath) -> Result<Identity> {
    Ok(identity(&Config::new("/").with("path", path.as_str()), &IdentityRules::default())?)
}

/// What is known of a builder whose claim was lost: nothing.
pub(super) fn unknown_claim(root: &Root) -> Claim {
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (host, boot, namespace) = Default::default();
    Claim {
        nonce: String::new(),
        process: ProcessId { host, boot, namespace, pid: 0, started: 0 },
        beat_ms: milliseconds(root.options().beat),
        lease_ms: milliseconds(root.options().lease),
    }
}

/// What became of a finished directory that the index did not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Indexing {
    /// It is found by its config from now on.
    Indexed,
    /// Another directory of the config is found already.
    Served(String),
    /// Somebody is building the config at this moment.
    BeingBuilt,
}

/// Where a finished directory of `key` would be entered into the index: the first epoch without an end, as a search that
/// adopts it does. `Err` holds why it is not entered.
pub(crate) async fn free_epoch(root: &Root, key: Identity) -> Result<std::result::Result<EpochId, Indexing>> {
    for number in 0.. {
        let id = EpochId { key, number };
        match id.state(root).await? {
            EpochState::Done { directory, nonce, is_retired: false, .. } => {
                let Ok(path) = EntryPath::parse(&directory) else {
                    return Err(Error::new(
                        ErrorKind::Corrupt,
                        "a record of the index names what is no path",
                    ));
                };
                let meta = read_meta(root, &path).await?.map(|(meta, _)| meta);
                let is_there = meta.is_some_and(|meta| {
                    !meta.modified && meta.build.as_ref().is_none_or(|mark| mark.nonce == nonce)
                });
                if is_there {
                    return Ok(Err(Indexing::Served(directory)));
                }
            }
            EpochState::Done { .. } | EpochState::Fruitless | EpochState::Interrupted => {}
            EpochState::Open { .. } => {
                let claim = read::<Claim>(&**root.backend(), &id.epoch().claim()?).await?;
                return Ok(if claim.is_some() { Err(Indexing::BeingBuilt) } else { Ok(id) });
            }
        }
    }
    Err(Error::new(ErrorKind::Internal, "the epochs of a key cannot be counted"))
}

/// Enters a finished directory into the index, under the claim of an epoch that nobody has claimed.
pub(crate) async fn index_finished(root: &Root, mark: &BuildMark, path: &EntryPath) -> Result<Indexing> {
    let (backend, patience) = (&**root.backend(), root.options().lease);
    let id = match free_epoch(root, mark.key).await? {
        Ok(id) => id,
        Err(why) => return Ok(why),
    };
    let claim = Claim { nonce: new_nonce()?, process: ProcessId::current().clone(), ..unknown_claim(root) };
    match create_once(backend, &id.epoch().claim()?, &claim, patience).await? {
        Creator::Theirs(_) => Ok(Indexing::BeingBuilt),
        Creator::Mine => {
            let (nonce, directory) = (mark.nonce.clone(), path.as_str().to_owned());
            let end = End::Done { nonce, directory, foreign: false };
            match create_once(backend, &id.epoch().end()?, &end, patience).await? {
                Creator::Mine => Ok(Indexing::Indexed),
                Creator::Theirs(_) => Ok(Indexing::BeingBuilt),
            }
        }
    }
}
