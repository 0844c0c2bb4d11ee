//! The algorithm of find-or-build.

use super::beat::Heartbeat;
use super::flight::{Seat, Shared, SharedError};
use super::foreign::Found;
use super::guard::BuildGuard;
use super::names::check_type_name;
use super::process::ProcessId;
use super::records::{
    Beat, Claim, Creator, End, Epoch, Retired, RetiredReason, create_once, new_nonce, overwrite, read,
};
use super::wait::{Deadline, Waited, stop_attempt, wait_for_end, wait_for_foreign};
use super::{Build, BuildResult};
use crate::config::{Config, DifferenceLines, IdentityRules, config_differences, matches};
use crate::directory::{read_meta, update_meta};
use crate::meta::BuildMark;
use crate::{
    Backend, Directory, EntryKind, EntryPath, Error, ErrorKind, Identity, Meta, Result, Root, Status,
};
use futures::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// What happens when a directory at a given path has another config than the one asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMismatch {
    /// [`ErrorKind::Mismatch`], with the difference.
    #[default]
    Fail,
    /// The directory is returned as it is, with the difference as a warning.
    Warn,
}

/// How a directory is found or built.
#[derive(Clone, Debug, Default)]
pub struct ResolveOptions {
    /// The path it must have; `None` gives it an automatic name.
    pub path: Option<String>,
    /// How long to wait for somebody else who builds it; `None` waits as long as it takes.
    pub timeout: Option<Duration>,
    /// What happens when the directory at `path` has another config.
    pub on_mismatch: OnMismatch,
}

impl ResolveOptions {
    /// Sets the path it must have.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Sets how long to wait for somebody else who builds it.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets what happens when the directory at the path has another config.
    #[must_use]
    pub fn on_mismatch(mut self, on_mismatch: OnMismatch) -> Self {
        self.on_mismatch = on_mismatch;
        self
    }
}

/// How a directory was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was there.
    Found,
    /// This caller built it.
    Built,
    /// Somebody else was building it, and was waited for.
    Waited,
    /// It was there, made by another program, and is known from now on.
    Adopted,
    /// This caller built it after another builder had died.
    TookOver,
}

impl Outcome {
    /// The stable machine-readable name.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Found => "found",
            Outcome::Built => "built",
            Outcome::Waited => "waited",
            Outcome::Adopted => "adopted",
            Outcome::TookOver => "took_over",
        }
    }
}

/// A directory that was found or built.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The directory; complete.
    pub directory: Directory,
    /// How it was come by.
    pub outcome: Outcome,
    /// What the caller should know, such as a modified directory that was passed over.
    pub warnings: Vec<String>,
}

impl Root {
    /// Finds the finished directory of a config, or builds it by running its build function once, or waits for whoever is
    /// building it.
    ///
    /// Of any number of callers in any number of tasks, threads and processes one builds; all get the same directory, and
    /// nobody ever gets an unfinished one. A directory that was modified after it was done is passed over, with a warning
    /// in the log.
    ///
    /// - Cost of a hit: two small reads, whatever the number of directories.
    /// - Errors: `BuildFailed` with the build function's own error as source, for this caller and all who waited; the next
    ///   call builds again. `InvalidInput` for a build that asks for itself.
    pub async fn resolve<T: Build>(&self, config: &T) -> Result<Directory> {
        Ok(self.resolve_with(config, &ResolveOptions::default()).await?.directory)
    }

    /// Finds or builds with options, and says how the directory was come by.
    pub async fn resolve_with<T: Build>(&self, config: &T, options: &ResolveOptions) -> Result<Resolution> {
        let build = |directory: Directory| async move { config.build(&directory).await };
        self.resolve_config(&config.config()?, &T::identity_rules(), options, build).await
    }

    /// Finds or builds the directory of a config made at run time. `build` is called with the directory to fill.
    ///
    /// ```
    /// # use fascicle_core::{Root, ResolveOptions, Outcome, config::{Config, IdentityRules}};
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let root = Root::new(fascicle_memory::MemoryBackend::new());
    /// let config = Config::new("Cells").with("n_cells", 3);
    /// let built = root
    ///     .resolve_config(&config, &IdentityRules::default(), &ResolveOptions::default(), |dir| async move {
    ///         dir.put("cell_id", [0i64, 1, 2]).await?;
    ///         Ok(())
    ///     })
    ///     .await?;
    /// assert_eq!(built.outcome, Outcome::Built);
    /// # Ok::<(), fascicle_core::Error>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn resolve_config<B, F>(
        &self,
        config: &Config,
        rules: &IdentityRules,
        options: &ResolveOptions,
        build: B,
    ) -> Result<Resolution>
    where
        B: Fn(Directory) -> F + Sync,
        F: Future<Output = BuildResult> + Send,
    {
        let type_name = config.type_name().to_owned();
        let request = Request::new(self, config, rules, options)?;
        let resolution = request.resolve(&build).await.map_err(|error| {
            let at = options.path.clone().unwrap_or_else(|| format!("{type_name} in {}", self.location()));
            error.during("find or build").at(at)
        })?;
        resolution.warnings.iter().for_each(|warning| log::warn!("{warning}"));
        Ok(resolution)
    }

    /// Finds the finished directory of a config; `None` when there is none. Builds nothing and waits for nobody.
    pub async fn find<T: Build>(&self, config: &T) -> Result<Option<Directory>> {
        self.find_config(&config.config()?, &T::identity_rules()).await
    }

    /// Finds the finished directory of a config made at run time.
    pub async fn find_config(&self, config: &Config, rules: &IdentityRules) -> Result<Option<Directory>> {
        let options = ResolveOptions::default();
        let request = Request::new(self, config, rules, &options)?;
        Ok(request.find(&mut Vec::new()).await?.map(|path| Directory::at(self.clone(), path)))
    }
}

/// A build under way in this task.
#[derive(Clone, Debug)]
struct StackEntry {
    root: usize,
    key: Identity,
    nonce: String,
}

/// The builds under way in this task, the outermost first.
#[derive(Clone, Debug, Default)]
pub(crate) struct BuildStack(Vec<StackEntry>);

tokio::task_local! {
    static STACK: BuildStack;
}

/// The builds under way in this task, to be taken along to another thread.
pub(crate) fn current_stack() -> BuildStack {
    STACK.try_with(Clone::clone).unwrap_or_default()
}

/// Runs a future as part of the builds of `stack`.
pub(crate) async fn with_stack<F: Future>(stack: BuildStack, future: F) -> F::Output {
    STACK.scope(stack, future).await
}

/// One question: where is the directory of this config?
struct Request<'a> {
    root: &'a Root,
    /// With the defaults filled in; what is stored.
    config: Config,
    rules: &'a IdentityRules,
    options: &'a ResolveOptions,
    /// What the epochs are of: the identity of the config, or that of the path for a fixed one.
    key: Identity,
    identity: Identity,
    fixed: Option<EntryPath>,
    deadline: Deadline,
}

/// What an ended epoch is good for.
enum Ended {
    Usable(EntryPath),
    Retired,
}

/// How an attempt to build ended, if not by an error.
enum Attempt {
    Committed(EntryPath),
    /// Somebody took this builder for dead; the next epoch is somebody's.
    Fenced,
}

impl<'a> Request<'a> {
    fn new(
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

    fn backend(&self) -> &dyn Backend {
        &**self.root.backend()
    }

    fn epoch(&self, number: u64) -> Epoch {
        Epoch { key: self.key, number }
    }

    async fn resolve<B, F>(&self, build: &B) -> Result<Resolution>
    where
        B: Fn(Directory) -> F + Sync,
        F: Future<Output = BuildResult> + Send,
    {
        let stack = current_stack();
        if stack.0.iter().any(|entry| entry.root == self.root.token() && entry.key == self.key) {
            return Err(self.asks_for_itself());
        }
        let mut warnings = Vec::new();
        let flight_key = self.key.to_string();
        loop {
            match self.root.flights().join(&flight_key) {
                Seat::Leader(leader) => {
                    let answer = self.search(build, &stack, &mut warnings).await;
                    leader.land(match &answer {
                        Ok((path, _)) => Shared::Ok(path.clone()),
                        Err(error) => Shared::Err(SharedError::of(error)),
                    });
                    let (path, outcome) = answer?;
                    return Ok(Resolution {
                        directory: Directory::at(self.root.clone(), path),
                        outcome,
                        warnings,
                    });
                }
                Seat::Follower(mut answer) => {
                    let landed = self.deadline.limit(answer.wait_for(Option::is_some)).await?;
                    let landed = landed.map(|landed| landed.clone());
                    match landed {
                        // With a fixed path the other caller may have asked for another config: look oneself.
                        Ok(Some(Ok(path))) if self.fixed.is_none() => {
                            let directory = Directory::at(self.root.clone(), path);
                            return Ok(Resolution { directory, outcome: Outcome::Waited, warnings });
                        }
                        Ok(Some(Err(error))) if error.is_of_the_build() => return Err(error.to_error()),
                        // The other caller gave up or failed for reasons of its own: this one searches.
                        Ok(_) | Err(_) => tokio::task::yield_now().await,
                    }
                }
            }
        }
    }

    async fn search<B, F>(
        &self,
        build: &B,
        stack: &BuildStack,
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
                    if number == 0
                        && let Some(adopted) = self.adopt(&epoch).await?
                    {
                        return Ok((adopted, Outcome::Adopted));
                    }
                    let mine = self.new_claim()?;
                    match create_once(self.backend(), &epoch.claim()?, &mine, self.root.options().lease)
                        .await?
                    {
                        Creator::Theirs(claim) => claim,
                        Creator::Mine => {
                            // Claims may be cleaned up after their epoch: one that ended meanwhile is not built again.
                            if read::<End>(self.backend(), &epoch.end()?).await?.is_some() {
                                continue;
                            }
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
            took_over |= wait_for_end(self.root, &epoch, &claim, self.deadline).await? == Waited::Sealed;
        }
    }

    /// The finished directory, if there is one; builds nothing and waits for nobody.
    async fn find(&self, warnings: &mut Vec<String>) -> Result<Option<EntryPath>> {
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
                None if number == 0 && self.root.options().adopt_foreign => {
                    let found =
                        self.root.foreign().find(self.root, &self.key, &self.config, self.rules).await?;
                    return Ok(match found {
                        Some(Found::Finished(path)) => Some(path),
                        Some(Found::Running(_)) | None => None,
                    });
                }
                None => return Ok(None),
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
        let same_version = match &meta.build {
            Some(mark) => mark.identity == self.identity || self.rules.version.is_none(),
            None => self.rules.version.is_none(),
        };
        let same = same_version
            && meta.config.type_name() == self.config.type_name()
            && matches(&meta.config, &self.config, self.rules)?;
        if !same {
            let stored = self.rules.complete(&meta.config)?;
            let lines = DifferenceLines::new(&config_differences(&self.config, &stored));
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
            if self.fixed.is_some() {
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

    async fn mark_done(&self, epoch: &Epoch, nonce: &str, path: &EntryPath) -> Result<()> {
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
            Some(meta) if meta.status == Status::Done => Ok(()),
            _ => Err(Error::new(
                ErrorKind::Conflict,
                "the directory was removed or replaced as its build was completed",
            )),
        }
    }

    /// Takes over a finished directory that the index does not know.
    async fn adopt(&self, epoch: &Epoch) -> Result<Option<EntryPath>> {
        if self.fixed.is_some() || !self.root.options().adopt_foreign {
            return Ok(None);
        }
        loop {
            let found = self.root.foreign().find(self.root, &self.key, &self.config, self.rules).await?;
            let path = match found {
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
            let claim = self.new_claim()?;
            let nonce = match read_meta(self.root, &path).await? {
                Some((meta, _)) => meta.build.map_or(claim.nonce.clone(), |mark| mark.nonce),
                None => continue,
            };
            if let Creator::Mine =
                create_once(self.backend(), &epoch.claim()?, &claim, self.root.options().lease).await?
            {
                let end = End::Done { nonce, directory: path.as_str().to_owned() };
                create_once(self.backend(), &epoch.end()?, &end, self.root.options().lease).await?;
            }
            return Ok(Some(path));
        }
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

    /// Builds, as the holder of the claim on `epoch`.
    async fn attempt<B, F>(
        &self,
        epoch: &Epoch,
        nonce: String,
        build: &B,
        stack: &BuildStack,
    ) -> Result<Attempt>
    where
        B: Fn(Directory) -> F + Sync,
        F: Future<Output = BuildResult> + Send,
    {
        let mut cancelled =
            Cancelled { root: self.root.clone(), epoch: epoch.clone(), attempt: None, armed: true };
        let path = match self.make_directory(epoch, &nonce).await {
            Ok(path) => path,
            Err(error) => {
                cancelled.armed = false;
                end_stopped(self.root, epoch, None, &error.chain()).await?;
                return Err(error);
            }
        };
        cancelled.attempt = Some(path.clone());
        let first_beat = Beat { nonce: nonce.clone(), counter: 0, directory: Some(path.as_str().to_owned()) };
        if let Err(error) = overwrite(self.backend(), &epoch.beat()?, &first_beat).await {
            log::warn!("the first heartbeat of '{path}' was not written: {}", error.chain());
        }
        let guard = Arc::new(BuildGuard::new(epoch.clone(), nonce.clone(), path.clone()));
        let heartbeat = Heartbeat::start(self.root.clone(), guard.clone())?;
        let directory = Directory::guarded(self.root.clone(), path.clone(), guard.clone());
        let mut stack = stack.clone();
        stack.0.push(StackEntry { root: self.root.token(), key: self.key, nonce: nonce.clone() });
        let result =
            AssertUnwindSafe(with_stack(stack, async { build(directory).await })).catch_unwind().await;
        guard.end();
        // The thread may have a write under way; it is not waited for on this one.
        let stopping = tokio::task::spawn_blocking(move || drop(heartbeat)).await;
        debug_assert!(stopping.is_ok());
        cancelled.armed = false;
        let failure = match result {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(panic) => Some(panic_message(&*panic).into()),
        };
        if let Some(failure) = failure {
            let error = Error::new(ErrorKind::BuildFailed, format!("the build function failed: {failure}"))
                .hint(format!(
                    "what it wrote is kept in '{path}', status 'stopped'; the next call builds again"
                ));
            end_stopped(self.root, epoch, Some(&path), &failure.to_string()).await?;
            return Err(error.caused_by(failure));
        }
        let end = End::Done { nonce: nonce.clone(), directory: path.as_str().to_owned() };
        let created = create_once(self.backend(), &epoch.end()?, &end, self.root.options().lease)
            .await
            .map_err(|error| {
                Error::new(
                    ErrorKind::Unavailable,
                    "the build is complete, but whether it could be committed is not known",
                )
                .hint("ask again: it is found if it was committed, and built again otherwise")
                .caused_by(error)
            })?;
        match created {
            Creator::Mine => {
                self.mark_done(epoch, &nonce, &path).await?;
                Ok(Attempt::Committed(path))
            }
            Creator::Theirs(_) => {
                stop_attempt(self.root, &path, epoch).await;
                Ok(Attempt::Fenced)
            }
        }
    }

    /// Creates the directory of an attempt.
    async fn make_directory(&self, epoch: &Epoch, nonce: &str) -> Result<EntryPath> {
        let mark = BuildMark {
            identity: self.identity,
            key: self.key,
            epoch: epoch.number,
            nonce: nonce.to_owned(),
        };
        let meta = Meta::running(self.config.clone(), mark).to_bytes()?;
        let Some(path) = &self.fixed else {
            return self.root.name_hints().create(self.backend(), self.config.type_name(), meta).await;
        };
        if let Some(parent) = path.parent().filter(|parent| !parent.is_root()) {
            Directory::at(self.root.clone(), parent).before_write().await?;
        }
        // Left over from an attempt that did not make it.
        if let Some((leftover, _)) = read_meta(self.root, path).await?
            && leftover.build.is_some_and(|mark| mark.key == self.key)
            && leftover.status != Status::Done
        {
            self.backend().remove(path).await?;
        }
        self.backend().create_directory(path, meta).await?;
        Ok(path.clone())
    }

    fn asks_for_itself(&self) -> Error {
        Error::new(
            ErrorKind::InvalidInput,
            format!("the build of '{}' asks for itself", self.config.type_name()),
        )
        .hint("a build function cannot find or build its own config")
    }
}

/// Ends an epoch whose build failed.
async fn end_stopped(root: &Root, epoch: &Epoch, path: Option<&EntryPath>, error: &str) -> Result<()> {
    let error = error.chars().take(4096).collect();
    let body = End::Stopped { nonce: new_nonce()?, error };
    create_once(&**root.backend(), &epoch.end()?, &body, root.options().lease).await?;
    if let Some(path) = path {
        stop_attempt(root, path, epoch).await;
    }
    Ok(())
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("it panicked: {}", text.unwrap_or_else(|| "without a message".to_owned()))
}

/// Ends the epoch of a build whose future was dropped.
struct Cancelled {
    root: Root,
    epoch: Epoch,
    attempt: Option<EntryPath>,
    armed: bool,
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let (root, epoch, attempt) = (self.root.clone(), self.epoch.clone(), self.attempt.take());
        // Without a runtime the claim stays until its lease is over; nobody is misled, only kept waiting.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = end_stopped(&root, &epoch, attempt.as_ref(), "the caller gave up").await {
                    log::warn!("a build that was given up could not be ended: {}", error.chain());
                }
            });
        }
    }
}
