//! The search for a directory: epoch after epoch until there is a finished one, or the right to build it.

use super::BuildResult;
use super::attempt::Attempt;
use super::flight::{Leader, Seat, Shared, SharedError};
use super::foreign::{Found, Wanted, is_build_of, version_of};
use super::given_path::{move_up, remove_attempt};
use super::names::check_type_name;
use super::process::ProcessId;
use super::records::{Claim, Creator, End, Epoch, Retired, RetiredReason, create_once, new_nonce, read};
use super::resolve::{BuildStack, OnMismatch, Outcome, Resolution, ResolveOptions};
use super::wait::{Deadline, Waited, wait_for_end, wait_for_flight, wait_for_foreign};
use crate::config::{
    Config, Difference, DifferenceKind, DifferenceLines, IdentityRules, Value, config_differences, matches,
};
use crate::directory::{read_meta, update_meta};
use crate::{Backend, Directory, EntryKind, EntryPath, Error, ErrorKind, Identity, Result, Root, Status};
use std::future::Future;
use std::time::Duration;

/// One question: where is the directory of this config?
pub(super) struct Request<'a> {
    pub(super) root: &'a Root,
    /// With the defaults filled in; what is stored.
    pub(super) config: Config,
    pub(super) rules: &'a IdentityRules,
    options: &'a ResolveOptions,
    /// What the epochs are of: the identity of the config, or that of the path for a fixed one.
    pub(super) key: Identity,
    pub(super) identity: Identity,
    pub(super) fixed: Option<EntryPath>,
    deadline: Deadline,
}

/// A finished directory that the index does not know.
struct Adoptable {
    path: EntryPath,
    /// Of the attempt that built it, unless another program did.
    nonce: Option<String>,
}

/// What an ended epoch is good for.
enum Ended {
    Usable(EntryPath),
    Retired,
}

impl<'a> Request<'a> {
    pub(super) fn new(
        root: &'a Root,
        config: &Config,
        rules: &'a IdentityRules,
        options: &'a ResolveOptions,
    ) -> Result<Self> {
        check_type_name(config.type_name())?;
        let config = rules.complete(config)?;
        let identity = crate::config::identity(&config, rules)?;
        let (key, fixed) = match &options.path {
            None => (identity, None),
            Some(path) => {
                let path = EntryPath::parse(path)?;
                path.check_creatable(EntryKind::Directory)?;
                // No type is called '/', so that the epochs of a path are those of no config.
                let of_path = Config::new("/").with("path", path.as_str());
                (crate::config::identity(&of_path, &IdentityRules::default())?, Some(path))
            }
        };
        let deadline = Deadline::after(options.timeout);
        Ok(Request { root, config, rules, options, key, identity, fixed, deadline })
    }

    pub(super) fn backend(&self) -> &dyn Backend {
        &**self.root.backend()
    }

    fn epoch(&self, number: u64) -> Epoch {
        Epoch { key: self.key, number }
    }

    pub(super) async fn resolve<B, F>(&self, build: &B) -> Result<Resolution>
    where
        B: Fn(Directory) -> F + Sync,
        F: Future<Output = BuildResult> + Send,
    {
        let stack = BuildStack::around(self.root);
        if stack.0.iter().any(|entry| entry.root == self.root.token() && entry.key == self.key) {
            return Err(self.asks_for_itself());
        }
        let mut warnings = Vec::new();
        let flight_key = self.key.to_string();
        loop {
            match self.root.flights().join(&flight_key) {
                Seat::Leader(leader) => {
                    let answer = self.search(build, &stack, &leader, &mut warnings).await;
                    leader.land(match &answer {
                        Ok((path, _)) => Shared::Ok(path.clone()),
                        Err(error) => Shared::Err(SharedError::of(error)),
                    });
                    let (path, outcome) = answer?;
                    return Ok(Resolution {
                        directory: Directory::at(self.root.outside_builds(), path),
                        outcome,
                        warnings,
                    });
                }
                Seat::Follower(flight) => {
                    match wait_for_flight(self.root, self.key, flight, self.deadline, &stack).await? {
                        // With a fixed path the other caller may have asked for another config: look oneself.
                        Some(Ok(path)) if self.fixed.is_none() => {
                            let directory = Directory::at(self.root.outside_builds(), path);
                            return Ok(Resolution { directory, outcome: Outcome::Waited, warnings });
                        }
                        Some(Err(error)) if error.is_of_the_build() => return Err(error.to_error()),
                        // The other caller gave up or failed for reasons of its own: this one searches.
                        _ => tokio::task::yield_now().await,
                    }
                }
            }
        }
    }

    async fn search<B, F>(
        &self,
        build: &B,
        stack: &BuildStack,
        leader: &Leader<'_>,
        warnings: &mut Vec<String>,
    ) -> Result<(EntryPath, Outcome)>
    where
        B: Fn(Directory) -> F + Sync,
        F: Future<Output = BuildResult> + Send,
    {
        if let Some(path) = &self.fixed
            && let Some(found) = self.look_at_fixed(path, warnings).await?
        {
            return Ok((found, Outcome::Found));
        }
        let mut number = 0;
        let mut waited_for = None;
        let mut took_over = false;
        loop {
            leader.reaches(number);
            let epoch = self.epoch(number);
            match read::<End>(self.backend(), &epoch.end()?).await? {
                Some(End::Done { nonce, directory }) => {
                    if let Ended::Usable(path) = self.judge_done(&epoch, &nonce, &directory, warnings).await?
                    {
                        let outcome = if waited_for.is_some() { Outcome::Waited } else { Outcome::Found };
                        return Ok((path, outcome));
                    }
                    number += 1;
                    continue;
                }
                Some(End::Stopped { error, .. }) => {
                    if waited_for == Some(number) {
                        return Err(Error::new(
                            ErrorKind::BuildFailed,
                            format!("the build that was waited for failed: {error}"),
                        )
                        .hint("the next call builds again"));
                    }
                    number += 1;
                    continue;
                }
                Some(End::Abandoned { .. }) => {
                    number += 1;
                    continue;
                }
                None => {}
            }
            let claim = match read::<Claim>(self.backend(), &epoch.claim()?).await? {
                Some(claim) => claim,
                None => {
                    let found = self.find_to_adopt().await?;
                    let mine = self.new_claim()?;
                    let created =
                        create_once(self.backend(), &epoch.claim()?, &mine, self.root.options().lease)
                            .await?;
                    match (created, found) {
                        // Whoever holds the claim decides which directory it is, also when one to adopt was seen meanwhile.
                        (Creator::Theirs(claim), _) => claim,
                        (Creator::Mine, Some(found)) => {
                            if self.adopt(&epoch, &mine, &found).await? {
                                return Ok((found.path, Outcome::Adopted));
                            }
                            continue;
                        }
                        (Creator::Mine, None) => {
                            match self.attempt(&epoch, mine.nonce, build, stack).await? {
                                Attempt::Committed(path) if took_over => {
                                    return Ok((path, Outcome::TookOver));
                                }
                                Attempt::Committed(path) => return Ok((path, Outcome::Built)),
                                Attempt::Fenced => continue,
                            }
                        }
                    }
                }
            };
            if stack.0.iter().any(|entry| entry.nonce == claim.nonce) {
                return Err(self.asks_for_itself());
            }
            waited_for = Some(number);
            took_over |=
                wait_for_end(self.root, &epoch, &claim, self.deadline, stack).await? == Waited::Sealed;
        }
    }

    /// The finished directory, if there is one; builds nothing and waits for nobody.
    pub(super) async fn find(&self, warnings: &mut Vec<String>) -> Result<Option<EntryPath>> {
        for number in 0.. {
            let epoch = self.epoch(number);
            match read::<End>(self.backend(), &epoch.end()?).await? {
                Some(End::Done { nonce, directory }) => {
                    if let Ended::Usable(path) = self.judge_done(&epoch, &nonce, &directory, warnings).await?
                    {
                        return Ok(Some(path));
                    }
                }
                Some(End::Stopped { .. } | End::Abandoned { .. }) => {}
                None => {
                    return Ok(match self.look_for_unknown(false).await? {
                        Some(Found::Finished(path)) => Some(path),
                        Some(Found::Running(_)) | None => None,
                    });
                }
            }
        }
        Ok(None)
    }

    /// Looks at the directory at a fixed path: it must have the config asked for. `None` when it is to be built.
    async fn look_at_fixed(&self, path: &EntryPath, warnings: &mut Vec<String>) -> Result<Option<EntryPath>> {
        match self.backend().stat(path).await {
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
            Ok(stat) if stat.kind != EntryKind::Directory => {
                return Err(Error::new(
                    ErrorKind::WrongKind,
                    format!("there is an entry of kind '{}'", stat.kind),
                ));
            }
            Ok(_) => {}
        }
        let Some((meta, _)) = read_meta(self.root, path).await? else {
            return Err(Error::new(ErrorKind::Mismatch, "the directory that is there has no config")
                .hint("open it by its path, or choose another one"));
        };
        if !is_build_of(&meta, &self.config, self.rules) {
            let stored = self.rules.complete(&meta.config)?;
            let mut differences = config_differences(&self.config, &stored);
            differences.extend(version_difference(version_of(&meta), self.rules.version.as_ref()));
            let lines = DifferenceLines::new(&differences);
            let difference = lines.named("passed", "stored").to_string();
            if self.options.on_mismatch == OnMismatch::Warn {
                warnings.push(format!("'{path}' has another config than the one asked for: {difference}"));
                return Ok(Some(path.clone()));
            }
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!("the directory that is there has another config: {difference}"),
            )
            .hint("choose another path, or leave the path out"));
        }
        match (&meta.status, &meta.build) {
            (Status::Done, _) if meta.modified => {
                warnings.push(format!("'{path}' was modified after it was built"));
                Ok(Some(path.clone()))
            }
            (Status::Done, _) => Ok(Some(path.clone())),
            (_, Some(_)) => Ok(None),
            (Status::Running, None) => match wait_for_foreign(self.root, path, self.deadline).await? {
                Some(Status::Done) => Ok(Some(path.clone())),
                other => Err(self.foreign_unfinished(other)),
            },
            (status, None) => Err(self.foreign_unfinished(Some(status.clone()))),
        }
    }

    fn foreign_unfinished(&self, status: Option<Status>) -> Error {
        let status = status.map_or("gone".to_owned(), |status| status.to_string());
        Error::new(
            ErrorKind::Conflict,
            format!("another program left the directory unfinished, its status is '{status}'"),
        )
        .hint("remove it, or choose another path")
        .retryable(false)
    }

    /// Whether a directory whose epoch ended well still is what was built; if not, says so for everybody.
    async fn judge_done(
        &self,
        epoch: &Epoch,
        nonce: &str,
        directory: &str,
        warnings: &mut Vec<String>,
    ) -> Result<Ended> {
        let path = self.checked_path(directory)?;
        let Some((meta, _)) = read_meta(self.root, &path).await? else {
            return self.retire(epoch, RetiredReason::Deleted).await;
        };
        let same_attempt = meta.build.as_ref().is_none_or(|mark| mark.nonce == nonce);
        if !same_attempt {
            return self.retire(epoch, RetiredReason::Deleted).await;
        }
        if meta.modified {
            warnings.push(format!("'{path}' was modified after it was built and is passed over"));
            return self.retire(epoch, RetiredReason::Modified).await;
        }
        if !matches(&meta.config, &self.config, self.rules)? {
            // At a given path it was built meanwhile for somebody who asked for another config.
            if self.fixed.is_some()
                && let Some(path) = self.look_at_fixed(&path, warnings).await?
            {
                return Ok(Ended::Usable(path));
            }
            // Without a mark it is another program's, which removed what was here and gave the name to another config.
            if self.fixed.is_some() || meta.build.is_none() {
                return self.retire(epoch, RetiredReason::Deleted).await;
            }
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("the index names '{path}' for this config, but its meta holds another one"),
            )
            .hint("somebody changed its config by hand; remove the directory, or restore its meta"));
        }
        match meta.status {
            Status::Done => Ok(Ended::Usable(path)),
            // Another program removed what was here, and builds the same again.
            Status::Running if meta.build.is_none() => self.retire(epoch, RetiredReason::Deleted).await,
            // Its builder committed, and died before it could say so in the meta.
            Status::Running => self.mark_done(epoch, nonce, &path).await.map(|()| Ended::Usable(path)),
            Status::Stopped | Status::Other(_) => self.retire(epoch, RetiredReason::Deleted).await,
        }
    }

    /// A path named by a record, which anybody with access to the storage could have written.
    fn checked_path(&self, directory: &str) -> Result<EntryPath> {
        let path = EntryPath::parse(directory)?;
        let expected = match &self.fixed {
            Some(fixed) => path == *fixed,
            None => path.names().count() == 1,
        };
        if expected {
            return Ok(path);
        }
        Err(Error::new(
            ErrorKind::Corrupt,
            format!("a record of the index names '{directory}', which no build could have made"),
        )
        .hint(
            "the index below '_index' was damaged; it may be removed, finished directories are found again",
        ))
    }

    async fn retire(&self, epoch: &Epoch, reason: RetiredReason) -> Result<Ended> {
        let body = Retired { nonce: new_nonce()?, reason };
        create_once(self.backend(), &epoch.retired()?, &body, self.root.options().lease).await?;
        Ok(Ended::Retired)
    }

    pub(super) async fn mark_done(&self, epoch: &Epoch, nonce: &str, path: &EntryPath) -> Result<()> {
        let attempt = match read_meta(self.root, path).await? {
            Some((meta, _)) => {
                meta.build.filter(|mark| mark.nonce == nonce).and_then(|mark| mark.attempt_name())
            }
            None => None,
        };
        let attempt = attempt.map(|name| path.join(&name)).transpose()?;
        if let Some(attempt) = &attempt {
            move_up(self.root, path, attempt).await?;
        }
        let meta = update_meta(self.root, path, |meta| {
            let own =
                meta.build.as_ref().is_some_and(|mark| mark.nonce == nonce && mark.epoch == epoch.number);
            let running = own && meta.status == Status::Running;
            if running {
                meta.status = Status::Done;
            }
            running
        });
        match meta.await? {
            Some(meta) if meta.status == Status::Done => {
                if let Some(attempt) = &attempt {
                    remove_attempt(self.root, attempt).await;
                }
                Ok(())
            }
            _ => Err(Error::new(
                ErrorKind::Conflict,
                "the directory was removed or replaced as its build was completed",
            )),
        }
    }

    /// A directory of this config that the index does not know, or that it no longer knows where it is: made by another
    /// program, copied from another root, moved, or built before the index was lost.
    async fn look_for_unknown(&self, remember: bool) -> Result<Option<Found>> {
        let wanted = Wanted { config: &self.config, rules: self.rules, identity: &self.identity };
        self.root.foreign().find(self.root, wanted, remember).await
    }

    /// A finished directory that the index does not know; one that another program is making is waited for.
    async fn find_to_adopt(&self) -> Result<Option<Adoptable>> {
        if self.fixed.is_some() {
            return Ok(None);
        }
        loop {
            let path = match self.look_for_unknown(true).await? {
                None => return Ok(None),
                Some(Found::Finished(path)) => path,
                Some(Found::Running(path)) => {
                    match wait_for_foreign(self.root, &path, self.deadline).await? {
                        // Unchanged for too long: its builder is taken for dead, and its directory is left alone.
                        Some(Status::Running) => return Ok(None),
                        _ => continue,
                    }
                }
            };
            if let Some((meta, _)) = read_meta(self.root, &path).await? {
                return Ok(Some(Adoptable { path, nonce: meta.build.map(|mark| mark.nonce) }));
            }
        }
    }

    /// Ends an epoch, as the holder of its claim, with a directory that the index did not know. `false` when somebody took
    /// this process for dead meanwhile, and the epoch has another end.
    async fn adopt(&self, epoch: &Epoch, claim: &Claim, found: &Adoptable) -> Result<bool> {
        let nonce = found.nonce.clone().unwrap_or_else(|| claim.nonce.clone());
        let end = End::Done { nonce, directory: found.path.as_str().to_owned() };
        let created = create_once(self.backend(), &epoch.end()?, &end, self.root.options().lease).await?;
        Ok(match created {
            Creator::Mine => true,
            Creator::Theirs(other) => other == end,
        })
    }

    fn new_claim(&self) -> Result<Claim> {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Ok(Claim {
            nonce: new_nonce()?,
            process: ProcessId::current().clone(),
            beat_ms: milliseconds(self.root.options().beat),
            lease_ms: milliseconds(self.root.options().lease),
        })
    }

    fn asks_for_itself(&self) -> Error {
        Error::new(
            ErrorKind::InvalidInput,
            format!("the build of '{}' asks for itself", self.config.type_name()),
        )
        .hint("a build function cannot find or build its own config")
    }
}

/// How the version of the code that built a directory differs from the declared one.
fn version_difference(stored: Option<&Value>, declared: Option<&Value>) -> Option<Difference> {
    let kind = match (declared, stored) {
        (Some(declared), Some(stored)) if declared.same_as(stored) => return None,
        (None, None) => return None,
        (Some(_), Some(_)) => DifferenceKind::Changed,
        (Some(_), None) => DifferenceKind::Added,
        (None, Some(_)) => DifferenceKind::Removed,
    };
    let path = "version of the code".to_owned();
    Some(Difference { path, kind, this: declared.cloned(), other: stored.cloned() })
}
