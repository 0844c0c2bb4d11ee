//! The search for a directory: epoch after epoch until there is a finished one, or the right to build it.

use super::BuildResult;
use super::attempt::Attempt;
use super::flight::{Leader, Seat, Shared, SharedAnswer, SharedError};
use super::foreign::{Found, Wanted};
use super::interruption::Resumable;
use super::judge::Ended;
use super::names::check_type_name;
use super::process::ProcessId;
use super::records::{Claim, Creator, End, Epoch, create_once, new_nonce, read};
use super::resolve::{BuildStack, Outcome, Resolution, ResolveOptions};
use super::wait::{Deadline, Waited, wait_for_end, wait_for_flight, wait_for_foreign};
use crate::config::{Config, IdentityRules};
use crate::directory::read_meta;
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

    pub(super) fn options(&self) -> &ResolveOptions {
        self.options
    }

    pub(super) fn deadline(&self) -> Deadline {
        self.deadline
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
        // Not by the identity alone: two configs may have the same one, each under its own rules.
        let whole = crate::config::identity(&self.config, &IdentityRules::default())?;
        let flight_key = format!("{} {whole}", self.key);
        loop {
            match self.root.flights().join(&flight_key) {
                Seat::Leader(leader) => {
                    let answer = self.search(build, &stack, &leader, &mut warnings).await;
                    leader.land(match &answer {
                        Ok((path, outcome, _)) => {
                            let (path, warnings) = (path.clone(), warnings.clone());
                            Shared::Ok(SharedAnswer { path, outcome: *outcome, warnings })
                        }
                        Err(error) => Shared::Err(SharedError::of(error)),
                    });
                    let (path, outcome, reason) = answer?;
                    let directory = Directory::at(self.root.outside_builds(), path);
                    return Ok(Resolution { directory, outcome, reason, warnings });
                }
                Seat::Follower(flight) => {
                    match wait_for_flight(self.root, self.key, flight, self.deadline, &stack).await? {
                        // With a fixed path the other caller may have asked for another config: look oneself.
                        Some(Ok(answer)) if self.fixed.is_none() => {
                            let directory = Directory::at(self.root.outside_builds(), answer.path);
                            let (outcome, what) = match answer.outcome {
                                Outcome::Found | Outcome::Adopted => (Outcome::Found, "found"),
                                Outcome::Waited => (Outcome::Waited, "waited for"),
                                Outcome::Built | Outcome::TookOver => (Outcome::Waited, "built"),
                            };
                            let reason = format!("another caller in this process {what} it");
                            warnings.extend(answer.warnings);
                            return Ok(Resolution { directory, outcome, reason, warnings });
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
    ) -> Result<(EntryPath, Outcome, String)>
    where
        B: Fn(Directory) -> F + Sync,
        F: Future<Output = BuildResult> + Send,
    {
        if let Some(path) = &self.fixed
            && let Some(found) = self.look_at_fixed(path, warnings).await?
        {
            return Ok((found, Outcome::Found, "it stands at the path that was given".to_owned()));
        }
        let mut number = 0;
        let mut waited_for: Option<(u64, ProcessId)> = None;
        let (mut took_over, mut fenced) = (false, false);
        let mut resumable: Option<Resumable> = None;
        // Why what was built before is not the answer.
        let mut reasons: Vec<String> = Vec::new();
        loop {
            leader.reaches(number);
            let epoch = self.epoch(number);
            let ended = read::<End>(self.backend(), &epoch.end()?).await?;
            if ended.is_some() {
                // Only the attempt right before can be gone on with: of a later one the builder may still be at work.
                resumable = None;
                number += 1;
            }
            match ended {
                Some(End::Done { nonce, directory, .. }) => {
                    match self.judge_done(&epoch, &nonce, &directory, warnings).await? {
                        Ended::PassedOver(why) => reasons.push(why),
                        Ended::Usable(path) => {
                            let (outcome, reason) = match waited_for {
                                Some((waited, builder)) if waited == epoch.number => {
                                    (Outcome::Waited, format!("{builder} built it"))
                                }
                                None if fenced => {
                                    let why = "this process was taken for dead as it built it, and another one built it";
                                    (Outcome::Waited, why.to_owned())
                                }
                                Some(_) => {
                                    (Outcome::Waited, "another builder built it in the end".to_owned())
                                }
                                None => (Outcome::Found, "the index knows it".to_owned()),
                            };
                            return Ok((path, outcome, reason));
                        }
                    }
                    continue;
                }
                Some(End::Stopped { error, .. }) => {
                    if waited_for.as_ref().is_some_and(|(waited, _)| *waited == epoch.number) {
                        return Err(Error::new(
                            ErrorKind::BuildFailed,
                            format!("the build that was waited for failed: {error}"),
                        )
                        .hint("the next call builds again"));
                    }
                    reasons.push(format!("an earlier build failed: {}", shortened(&error)));
                    continue;
                }
                Some(End::Interrupted { nonce, directory, progress }) => {
                    reasons.push(format!("an earlier build was interrupted in '{directory}'"));
                    resumable = Some(Resumable::new(epoch.number, nonce, directory, progress.as_deref()));
                    continue;
                }
                Some(End::Abandoned { .. }) => {
                    if !took_over {
                        reasons.push("an earlier builder died or fell silent".to_owned());
                    }
                    continue;
                }
                None => {}
            }
            // Where nothing is adopted, claiming tells as well whether somebody else has.
            let claimed = match self.root.options().adopts_foreign() {
                true => read::<Claim>(self.backend(), &epoch.claim()?).await?,
                false => None,
            };
            let claim = match claimed {
                Some(claim) => claim,
                None => {
                    let found = self.find_to_adopt().await?;
                    let mine = self.new_claim()?;
                    let lease = self.root.options().lease;
                    let created = create_once(self.backend(), &epoch.claim()?, &mine, lease).await?;
                    match (created, found) {
                        // Whoever holds the claim decides which directory it is, also when one to adopt was seen meanwhile.
                        (Creator::Theirs(claim), _) => claim,
                        (Creator::Mine, Some(found)) => {
                            if !self.adopt(&epoch, &mine, &found).await? {
                                continue;
                            }
                            let reason = "it was finished, and the index did not know it".to_owned();
                            return Ok((found.path, Outcome::Adopted, reason));
                        }
                        (Creator::Mine, None) => {
                            let resumed = resumable.as_ref().filter(|_| self.options.resume);
                            match self.attempt(&epoch, mine.nonce, resumed, build, stack).await? {
                                Attempt::Committed { path, resumed } => {
                                    if resumed {
                                        reasons.push("its build was gone on with".to_owned());
                                    }
                                    let outcome = if took_over { Outcome::TookOver } else { Outcome::Built };
                                    return Ok((path, outcome, told(&reasons)));
                                }
                                Attempt::Fenced => {
                                    fenced = true;
                                    continue;
                                }
                            }
                        }
                    }
                }
            };
            if stack.0.iter().any(|entry| entry.nonce == claim.nonce) {
                return Err(self.asks_for_itself());
            }
            waited_for = Some((number, claim.process.clone()));
            match wait_for_end(self.root, &epoch, &claim, self.deadline, stack).await? {
                Waited::Ended => {}
                Waited::Sealed { is_dead } => {
                    took_over = true;
                    let why = if is_dead { "is dead" } else { "has shown no sign of life for its lease" };
                    reasons.push(format!("{}, which was building it, {why}", claim.process));
                }
            }
        }
    }

    /// The finished directory, if there is one; builds nothing and waits for nobody.
    pub(super) async fn find(&self, warnings: &mut Vec<String>) -> Result<Option<EntryPath>> {
        for number in 0.. {
            let epoch = self.epoch(number);
            match read::<End>(self.backend(), &epoch.end()?).await? {
                Some(End::Done { nonce, directory, .. }) => {
                    if let Ended::Usable(path) = self.judge_done(&epoch, &nonce, &directory, warnings).await?
                    {
                        return Ok(Some(path));
                    }
                }
                Some(End::Stopped { .. } | End::Interrupted { .. } | End::Abandoned { .. }) => {}
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
        let (nonce, foreign) = match &found.nonce {
            Some(nonce) => (nonce.clone(), false),
            None => (claim.nonce.clone(), true),
        };
        let end = End::Done { nonce, directory: found.path.as_str().to_owned(), foreign };
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

/// Why a directory was built, in one sentence.
fn told(reasons: &[String]) -> String {
    match reasons {
        [] => "there was no directory of this config".to_owned(),
        reasons => reasons.join("; "),
    }
}

/// The beginning of what an earlier builder said.
fn shortened(text: &str) -> String {
    const LENGTH: usize = 200;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}
