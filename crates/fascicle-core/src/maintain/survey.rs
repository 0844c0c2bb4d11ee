//! A look at all directories and at the whole index, and what in them is not as it should be.

use super::finding::{Action, Finding, FindingKind};
use crate::build::{EpochId, EpochState, Indexing, epochs, free_epoch};
use crate::directory::{is_of_the_directory, read_meta};
use crate::meta::{BuildMark, attempt_epoch};
use crate::size::last_modified;
use crate::{
    Capability, EntryKind, EntryPath, ErrorKind, Identity, Meta, RecordKey, Result, Root, Status, Version,
};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// A finding, and what whoever acts on it needs.
pub(super) struct Found {
    pub(super) finding: Finding,
    pub(super) step: Step,
}

/// What would be done.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Nothing,
    RollForward { id: EpochId, nonce: String, path: EntryPath },
    EndBuild { id: EpochId, attempt: Option<EntryPath> },
    Stop { id: EpochId, path: EntryPath },
    Index { mark: BuildMark, path: EntryPath },
    RestoreMark { mark: BuildMark, path: EntryPath },
    Retire { id: EpochId },
    RemoveAttempt { path: EntryPath, meta: Version },
    RemoveRecord { key: RecordKey },
}

/// A directory that was seen.
struct Seen {
    path: EntryPath,
    meta: Meta,
    version: Version,
}

/// Everything that was seen.
pub(super) struct Survey<'a> {
    root: &'a Root,
    pub(super) found: Vec<Found>,
    directories: Vec<Seen>,
    /// The attempts of each epoch, at the places where they are made.
    attempts: BTreeMap<EpochId, Vec<usize>>,
}

impl<'a> Survey<'a> {
    /// Looks at every directory, and at every epoch of the index.
    pub(super) async fn of(root: &'a Root) -> Result<Self> {
        Survey::within(root, EntryPath::root()).await
    }

    /// Looks at a directory and those in it, and at the epochs that they are attempts of; for the root at all of the index.
    ///
    /// Cost: a listing and a meta for each directory; the end of each epoch, and the meta it names.
    pub(super) async fn within(root: &'a Root, path: EntryPath) -> Result<Self> {
        let mut survey =
            Survey { root, found: Vec::new(), directories: Vec::new(), attempts: BTreeMap::new() };
        let mut records = if path.is_root() { epochs(root).await? } else { BTreeMap::new() };
        survey.visit(path).await?;
        for (at, seen) in survey.directories.iter().enumerate() {
            if let Some(mark) = &seen.meta.build {
                let id = EpochId::of_mark(mark);
                if id.is_made_at(mark, &seen.path)? {
                    survey.attempts.entry(id).or_default().push(at);
                    records.entry(id).or_default();
                }
            }
        }
        for (id, keys) in records {
            match id.state(root).await {
                Ok(state) => survey.look_at_epoch(id, &state, &keys).await?,
                Err(error) if error.kind() == ErrorKind::Corrupt => survey.add(
                    error.path().unwrap_or("_index").to_owned(),
                    FindingKind::BadRecord,
                    error.message(),
                    Step::Nothing,
                ),
                Err(error) => return Err(error),
            }
        }
        Ok(survey)
    }

    fn add(&mut self, path: impl std::fmt::Display, kind: FindingKind, what: impl Into<String>, step: Step) {
        let action = match &step {
            Step::Nothing => Action::Report,
            Step::RollForward { .. } => Action::RollForward,
            Step::EndBuild { .. } => Action::EndBuild,
            Step::Stop { .. } => Action::Stop,
            Step::Index { .. } => Action::Index,
            Step::RestoreMark { .. } => Action::RestoreMark,
            Step::Retire { .. } => Action::Retire,
            Step::RemoveAttempt { .. } | Step::RemoveRecord { .. } => Action::Delete,
        };
        self.found.push(Found { finding: Finding::new(path, kind, what, action), step });
    }

    /// Looks at a directory and those in it.
    fn visit(&mut self, path: EntryPath) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match read_meta(self.root, &path).await {
                Ok(Some((meta, version))) => {
                    self.look_at_directory(Seen { path: path.clone(), meta, version }).await?
                }
                Ok(None) => {}
                // A broken meta is the matter of its own directory.
                Err(error) if is_of_the_directory(&error) => {
                    let what =
                        format!("its meta cannot be used ({}); its entries can be read", error.message());
                    self.add(&path, FindingKind::BrokenMeta, what, Step::Nothing);
                }
                Err(error) => return Err(error),
            }
            let listing = match self.root.backend().list(&path).await {
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) if is_of_the_directory(&error) => {
                    let what = format!("what is in it cannot be listed: {}", error.message());
                    self.add(&path, FindingKind::Unreadable, what, Step::Nothing);
                    return Ok(());
                }
                answer => answer?,
            };
            for entry in listing.entries.into_iter().filter(|entry| entry.kind == EntryKind::Directory) {
                self.visit(path.join(&entry.name)?).await?;
            }
            Ok(())
        })
    }

    async fn look_at_directory(&mut self, seen: Seen) -> Result<()> {
        if seen.meta.status == Status::Running && seen.meta.build.is_none() {
            let unchanged = age_of(self.root, &seen.path).await?;
            if unchanged.is_none_or(|age| age >= self.root.options().foreign_timeout) {
                let what = "it says that it is being built, and nothing tells by whom: another program's build, or a copy, \
                            that was broken off; go on with the copy, or remove it";
                self.add(&seen.path, FindingKind::ForeignRunning, what, Step::Nothing);
            }
        }
        if let Some(mark) = &seen.meta.build {
            self.look_at_earlier_attempts(&seen.path, mark, &seen.meta.status).await?;
        }
        self.directories.push(seen);
        Ok(())
    }

    /// Looks for the directories of attempts within one at a given path that are not the one its meta names, or whose entries were
    /// moved up.
    async fn look_at_earlier_attempts(
        &mut self,
        path: &EntryPath,
        mark: &BuildMark,
        status: &Status,
    ) -> Result<()> {
        let Some(current) = mark.attempt_name() else { return Ok(()) };
        if !EpochId::of_mark(mark).is_made_at(mark, path)? {
            return Ok(());
        }
        let backend = self.root.backend_itself();
        let moved_up = *status == Status::Done && backend.capabilities().has(Capability::Rename);
        let listing = match backend.list(path).await {
            // It lies within a directory whose entries are elsewhere.
            Err(error) if error.is_not_found() => return Ok(()),
            answer => answer?,
        };
        for entry in listing.entries {
            let Some(number) = attempt_epoch(&entry.name) else { continue };
            let is_over = match entry.name == current {
                true => moved_up,
                false => match (EpochId { key: mark.key, number }).state(self.root).await {
                    Ok(EpochState::Done { nonce, .. }) => !entry.name.ends_with(&nonce),
                    Ok(EpochState::Fruitless) => true,
                    Ok(EpochState::Open { .. } | EpochState::Interrupted) => false,
                    Err(error) if error.kind() == ErrorKind::Corrupt => false,
                    Err(error) => return Err(error),
                },
            };
            let attempt = path.join(&entry.name)?;
            if let (true, Some(meta)) = (is_over, backend.read_meta(&attempt).await?) {
                let what =
                    "what an attempt wrote that failed or was abandoned, or whose entries were moved up";
                let step = Step::RemoveAttempt { path: attempt.clone(), meta: meta.version };
                self.add(attempt, FindingKind::EndedAttempt, what, step);
            }
        }
        Ok(())
    }

    async fn look_at_epoch(&mut self, id: EpochId, state: &EpochState, records: &[RecordKey]) -> Result<()> {
        let attempts = self.attempts.remove(&id).unwrap_or_default();
        if let EpochState::Open { is_dead, builder } = state {
            self.look_at_open(id, *is_dead, builder, &attempts).await?;
        }
        for at in &attempts {
            self.look_at_attempt(id, state, *at).await?;
        }
        if let EpochState::Done { nonce, directory, is_foreign, is_retired: false } = state {
            self.look_at_end(id, nonce, directory, *is_foreign).await?;
        }
        if !matches!(state, EpochState::Open { .. })
            && let Some(key) = records.iter().find(|key| id.beat().is_ok_and(|beat| beat == **key))
        {
            let what = "the sign of life of a build that has ended";
            self.add(key, FindingKind::EndedBeat, what, Step::RemoveRecord { key: key.clone() });
        }
        Ok(())
    }

    async fn look_at_open(
        &mut self,
        id: EpochId,
        is_dead: bool,
        builder: &str,
        attempts: &[usize],
    ) -> Result<()> {
        let running = attempts.iter().filter_map(|at| self.directories.get(*at));
        let mut running =
            running.filter(|seen| seen.meta.status == Status::Running).map(|seen| seen.path.clone());
        let attempt = match running.next_back() {
            Some(path) => Some(path),
            // Without a running directory and a claim there is nothing to end: the index was lost.
            None if !attempts.is_empty() => return Ok(()),
            None => id.beating_directory(self.root).await?,
        };
        let path = attempt.as_ref().map_or_else(|| id.name(), ToString::to_string);
        let step = Step::EndBuild { id, attempt };
        match is_dead {
            true => self.add(path, FindingKind::DeadBuild, format!("its builder, {builder}, died"), step),
            false => {
                let what =
                    format!("it is being built by {builder}, or that builder died: only watching it tells");
                self.add(path, FindingKind::OpenBuild, what, step);
            }
        }
        Ok(())
    }

    async fn look_at_attempt(&mut self, id: EpochId, state: &EpochState, at: usize) -> Result<()> {
        let Some(Seen { path, meta, version }) = self.directories.get(at) else { return Ok(()) };
        let (path, version) = (path.clone(), version.clone());
        let Some(mark) = meta.build.clone() else { return Ok(()) };
        let is_it = match state {
            EpochState::Done { nonce, directory, .. } => *nonce == mark.nonce && *directory == path.as_str(),
            _ => false,
        };
        let has_ended = !matches!(state, EpochState::Open { .. });
        let is_current = is_it && matches!(state, EpochState::Done { is_retired: false, .. });
        match meta.status {
            Status::Running if is_current => {
                let what = "it is complete: its builder died before it could say so in the meta";
                let step = Step::RollForward { id, nonce: mark.nonce, path: path.clone() };
                self.add(path, FindingKind::CommittedRunning, what, step);
            }
            Status::Running if has_ended => {
                let what = "an attempt to build it that did not make it still says that it is being built";
                let step = Step::Stop { id, path: path.clone() };
                self.add(path, FindingKind::EndedRunning, what, step);
            }
            // What was interrupted is kept: a later build may go on in it. So is what somebody copied or moved away to keep it.
            Status::Stopped
                if !is_current
                    && *state != EpochState::Interrupted
                    && mark.interrupted.is_none()
                    && mark.is_original_at(&path) =>
            {
                let what = "what an attempt wrote that failed or was abandoned";
                let step = Step::RemoveAttempt { path: path.clone(), meta: version };
                self.add(path, FindingKind::EndedAttempt, what, step);
            }
            Status::Done if !is_it && !meta.modified && self.lacks_in_index(mark.key).await? => {
                let what = "the index does not know this finished directory";
                let step = Step::Index { mark, path: path.clone() };
                self.add(path, FindingKind::NotIndexed, what, step);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether no finished directory is found for a key. Records and metas that are broken are told on their own.
    async fn lacks_in_index(&self, key: Identity) -> Result<bool> {
        match free_epoch(self.root, key).await {
            Ok(free) => Ok(free.is_ok()),
            Err(error) if is_of_the_directory(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Looks at the directory that a current end names.
    async fn look_at_end(
        &mut self,
        id: EpochId,
        nonce: &str,
        directory: &str,
        is_foreign: bool,
    ) -> Result<()> {
        let Ok(path) = EntryPath::parse(directory) else {
            let what =
                format!("the end of {} names '{}', which is no path", id.name(), directory.escape_debug());
            self.add("_index", FindingKind::BadRecord, what, Step::Nothing);
            return Ok(());
        };
        let meta = match read_meta(self.root, &path).await {
            Ok(read) => read.map(|(meta, _)| meta),
            Err(error) if is_of_the_directory(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        match meta {
            None => {
                let what = "the index names this directory, which was removed behind its back";
                self.add(path, FindingKind::Missing, what, Step::Retire { id });
            }
            Some(meta) if meta.build.as_ref().is_some_and(|mark| mark.nonce != nonce) => {
                let what = "the index names this directory, but another one stands there now";
                self.add(path, FindingKind::Missing, what, Step::Retire { id });
            }
            // It never had a mark.
            Some(_) if is_foreign => {}
            Some(meta) => {
                if let Some(mark) = id.lost_mark(self.root, nonce, &path, &meta).await? {
                    let what = "another program rewrote its meta, and lost what find-or-build keeps there";
                    let step = Step::RestoreMark { mark, path: path.clone() };
                    self.add(path, FindingKind::LostMark, what, step);
                }
            }
        }
        Ok(())
    }
}

/// For how long nothing in an entry has changed, where the storage knows.
pub(super) async fn age_of(root: &Root, path: &EntryPath) -> Result<Option<Duration>> {
    let modified = match last_modified(&**root.backend(), path).await {
        Err(error) if error.is_not_found() => None,
        answer => answer?,
    };
    Ok(modified.map(|modified| SystemTime::now().duration_since(modified).unwrap_or(Duration::ZERO)))
}

/// Why a directory was not entered into the index.
pub(super) fn indexed(indexing: Indexing) -> std::result::Result<bool, String> {
    match indexing {
        Indexing::Indexed => Ok(true),
        Indexing::Served(other) => Err(format!("'{other}' is found for its config")),
        Indexing::BeingBuilt => Err("somebody is building its config at this moment".to_owned()),
    }
}
