//! One attempt to build: the directory, the heartbeat, the build function, and the end of the epoch.

use super::BuildResult;
use super::beat::Heartbeat;
use super::guard::{BuildGuard, MadeAttempt};
use super::interruption::{Interrupted, Resumable};
use super::judge::mark_done;
use super::records::{Creator, End, Epoch, create_once, new_nonce, read};
use super::resolve::{BuildStack, StackEntry, with_stack};
use super::search::Request;
use super::wait::{stop_attempt, stop_attempt_at};
use crate::config::Value;
use crate::directory::update_meta;
use crate::meta::BuildMark;
use crate::{Directory, EntryPath, Error, ErrorKind, Meta, MetaWriteMode, Result, Root, Status, Version};
use futures::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// How an attempt to build ended, if not by an error.
pub(super) enum Attempt {
    Committed {
        path: EntryPath,
        /// Whether it went on in the directory of an interrupted one.
        resumed: bool,
    },
    /// The epoch has ended already, mostly because somebody took this builder for dead.
    Fenced,
}

impl Request<'_> {
    /// Builds, as the holder of the claim on `epoch`.
    pub(super) async fn attempt<B, F>(
        &self,
        epoch: &Epoch,
        nonce: String,
        resumable: Option<&Resumable>,
        build: &B,
        stack: &BuildStack,
    ) -> Result<Attempt>
    where
        B: Fn(Directory) -> F + Sync,
        F: Future<Output = BuildResult> + Send,
    {
        let mut cancelled =
            Cancelled { root: self.root.clone(), epoch: epoch.clone(), begun: None, armed: true };
        // Claims may be cleaned up after their epoch: one that ended meanwhile is not built again.
        let begun = match read::<End>(self.backend(), &epoch.end()?).await {
            Ok(Some(_)) => {
                cancelled.armed = false;
                return Ok(Attempt::Fenced);
            }
            Ok(None) => self.make_directory(epoch, &nonce, resumable).await,
            Err(error) => Err(error),
        };
        let made = match begun {
            Ok(Some(made)) => made,
            // A later attempt has begun, so that this epoch has ended.
            Ok(None) => {
                cancelled.armed = false;
                return Ok(Attempt::Fenced);
            }
            // Nobody is to wait for a build that never began.
            Err(error) => {
                cancelled.armed = false;
                end_stopped(self.root, epoch, None, &error.chain()).await?;
                return Err(error);
            }
        };
        let (path, directory, created) = (made.target.clone(), made.directory.clone(), made.created.clone());
        let resumed = made.resumed_from.is_some();
        let guard = Arc::new(BuildGuard::new(
            epoch.clone(),
            nonce.clone(),
            made,
            self.options().interruption.clone(),
            self.root.options(),
        ));
        cancelled.begun = Some((path.clone(), guard.clone()));
        // Where other programs look at the directories, whoever relieves a builder that dies at once must know which one to mark.
        // Elsewhere a build that is over soon need not say that it is alive.
        if self.root.options().adopts_foreign()
            && let Err(error) = guard.beat(self.root).await
        {
            log::warn!("the first sign of life of '{path}' was not written: {}", error.chain());
        }
        let storage = self.root.outside_builds();
        let heartbeat = Heartbeat::start(storage.clone(), guard.clone())?;
        let mut stack = stack.clone();
        let token = self.root.token();
        stack.0.push(StackEntry {
            root: token,
            key: self.key,
            nonce: nonce.clone(),
            guard: guard.clone(),
            storage: storage.clone(),
        });
        let directory =
            Directory::guarded(storage.within_builds(stack.clone(), guard.clone()), directory, guard.clone());
        let result =
            AssertUnwindSafe(with_stack(stack, async { build(directory).await })).catch_unwind().await;
        let drained = guard.end_and_drain().await;
        // The thread may have a write under way; it is not waited for on this one.
        let stopping = tokio::task::spawn_blocking(move || drop(heartbeat)).await;
        debug_assert!(stopping.is_ok());
        cancelled.armed = false;
        let failure = match (result, drained) {
            (Ok(Ok(())), Ok(())) => None,
            // What lands later may not land in what is complete, or what others go on with.
            (Ok(Ok(())), Err(error)) => Some(error.into()),
            (Ok(Err(error)), Err(late)) if error.is::<Interrupted>() => Some(late.into()),
            // Without its progress nobody could go on with it.
            (Ok(Err(error)), _) => match error.downcast_ref::<Interrupted>().map(Interrupted::to_text) {
                Some(Err(untold)) => Some(untold.into()),
                Some(Ok(_)) | None => Some(error),
            },
            (Err(panic), _) => Some(panic_message(&*panic).into()),
        };
        if let Some(interrupted) = failure.as_ref().and_then(|failure| failure.downcast_ref::<Interrupted>())
        {
            return Err(self.end_interrupted(epoch, nonce, &path, interrupted).await);
        }
        if let Some(failure) = failure {
            let error = Error::new(ErrorKind::BuildFailed, format!("the build function failed: {failure}"))
                .hint(format!(
                    "what it wrote is kept in '{path}', status 'stopped'; the next call builds again"
                ));
            // The caller learns why the build failed, whatever else goes wrong; the lease ends what could not be ended.
            match end_stopped(self.root, epoch, Some(&path), &story(&*failure)).await {
                // Others took over, and may have removed what this process wrote into: their build counts, not how this one ended.
                Ok(Creator::Theirs(End::Abandoned { .. })) => return Ok(Attempt::Fenced),
                Ok(_) => {}
                Err(error) => log::warn!("a failed build could not be ended: {}", error.chain()),
            }
            return Err(error.caused_by(failure));
        }
        let directory = path.as_str().to_owned();
        let end = End::Done { nonce: nonce.clone(), directory, foreign: false };
        let committed = create_once(self.backend(), &epoch.end()?, &end, self.root.options().lease)
            .await
            .map_err(|error| {
                Error::new(
                    ErrorKind::Unavailable,
                    "the build is complete, but whether it could be committed is not known",
                )
                .hint("ask again: it is found if it was committed, and built again otherwise")
                .caused_by(error)
            })?;
        match committed {
            Creator::Mine => {
                let done = match self.said_done(&path, created).await {
                    Ok(false) => mark_done(self.root, epoch, &nonce, &path).await,
                    said => said.map(|_| ()),
                };
                done.map_err(|error| error.hint("its build is complete; ask for it again"))?;
                // It has nothing to say any more; a waiter reads the end first.
                if guard.has_beaten().await
                    && let Err(error) = self.backend().records().remove(&epoch.beat()?).await
                {
                    log::debug!("the last heartbeat of '{path}' stays: {}", error.chain());
                }
                Ok(Attempt::Committed { path, resumed })
            }
            Creator::Theirs(_) => {
                stop_attempt(self.root, &path, epoch).await;
                Ok(Attempt::Fenced)
            }
        }
    }

    /// Says in the meta of a committed directory that it is done, by one write, if it is as it was created. `false` when it is not.
    async fn said_done(&self, path: &EntryPath, created: Option<(Meta, Version)>) -> Result<bool> {
        let Some((mut meta, version)) = created else { return Ok(false) };
        meta.status = Status::Done;
        let written = self.backend().write_meta(path, meta.to_bytes()?, MetaWriteMode::UpdateIf(version));
        match written.await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict || error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Ends the epoch of a build that stopped halfway, and returns what the caller is told. Nothing is written any more: the guard
    /// of the build has ended.
    async fn end_interrupted(
        &self,
        epoch: &Epoch,
        nonce: String,
        path: &EntryPath,
        interrupted: &Interrupted,
    ) -> Error {
        let ended = async {
            let progress = interrupted.to_text()?;
            let end = End::Interrupted { nonce, directory: path.as_str().to_owned(), progress };
            let created = create_once(self.backend(), &epoch.end()?, &end, self.root.options().lease).await?;
            // It says so to whoever looks at the meta, the Python package datamate included.
            let progress = interrupted.progress().cloned().unwrap_or(Value::Null);
            let is_mine = created == Creator::Mine;
            stop_attempt_at(self.root, path, epoch, is_mine.then_some(progress)).await;
            Ok::<bool, Error>(is_mine)
        };
        let hint = match ended.await {
            Ok(true) => "the next call goes on in its directory, if its build function can, or builds anew",
            Ok(false) => "another process has taken over the build",
            Err(error) => {
                log::warn!("an interrupted build could not be ended: {}", error.chain());
                "it could not be said that it was interrupted; the next call builds anew"
            }
        };
        Error::new(ErrorKind::BuildFailed, format!("the build in '{path}' stopped halfway"))
            .hint(hint)
            .caused_by(interrupted.clone())
    }

    /// Creates the directory of an attempt, or takes over that of an interrupted one; `None` when a later one has begun.
    async fn make_directory(
        &self,
        epoch: &Epoch,
        nonce: &str,
        resumable: Option<&Resumable>,
    ) -> Result<Option<MadeAttempt>> {
        let mark = BuildMark {
            identity: self.identity,
            key: self.key,
            epoch: epoch.number,
            nonce: nonce.to_owned(),
            directory: None,
            version: self.rules.version.clone(),
            interrupted: None,
            resumes: None,
        };
        if let Some(path) = &self.fixed {
            return self.make_at(path, epoch, mark, resumable).await;
        }
        if let Some(resumable) = resumable
            && let Some(path) = self.take_over(resumable, &mark).await?
        {
            let resumed_from = Some(resumable.progress.clone());
            let directory = path.clone();
            return Ok(Some(MadeAttempt { directory, target: path, resumed_from, created: None }));
        }
        let meta_at = |path: &EntryPath| Meta::running(self.config.clone(), mark.clone().made_at(path));
        let (hints, type_name) = (self.root.name_hints(), self.config.type_name());
        let (path, version) =
            hints.create(self.backend(), type_name, |path| meta_at(path).to_bytes()).await?;
        let (directory, created) = (path.clone(), Some((meta_at(&path), version)));
        Ok(Some(MadeAttempt { directory, target: path, resumed_from: None, created }))
    }
}

impl Request<'_> {
    /// Puts the mark of a new attempt on the directory of an interrupted one, which has ended; `None` when it is not as that one
    /// left it.
    async fn take_over(&self, resumable: &Resumable, mark: &BuildMark) -> Result<Option<EntryPath>> {
        let path = self.checked_path(&resumable.directory)?;
        let taken = update_meta(self.root, &path, |meta| {
            let left = meta.build.as_ref().filter(|left| left.key == self.key && resumable.is_left_by(left));
            let Some(resumes) = left
                .map(BuildMark::began)
                .filter(|_| !meta.modified && matches!(meta.status, Status::Stopped | Status::Running))
            else {
                return false;
            };
            meta.status = Status::Running;
            meta.build = Some(BuildMark { resumes: Some(resumes), ..mark.clone().made_at(&path) });
            true
        });
        let taken = match taken.await {
            Ok(meta) => meta.and_then(|meta| meta.build).is_some_and(|build| build.nonce == mark.nonce),
            Err(error) if error.kind() == ErrorKind::Corrupt => false,
            Err(error) => return Err(error),
        };
        Ok(taken.then_some(path))
    }
}

/// Ends an epoch whose build failed.
async fn end_stopped(
    root: &Root,
    epoch: &Epoch,
    path: Option<&EntryPath>,
    error: &str,
) -> Result<Creator<End>> {
    let error = error.chars().take(4096).collect();
    let body = End::Stopped { nonce: new_nonce()?, error };
    let created = create_once(&**root.backend(), &epoch.end()?, &body, root.options().lease).await?;
    if let Some(path) = path {
        stop_attempt(root, path, epoch).await;
    }
    Ok(created)
}

/// An error and its causes in one line.
fn story(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
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
    /// The directory, and the guard of the build, once it was begun.
    begun: Option<(EntryPath, Arc<BuildGuard>)>,
    armed: bool,
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let (root, epoch, begun) = (self.root.clone(), self.epoch.clone(), self.begun.take());
        if let Some((_, guard)) = &begun {
            guard.end();
        }
        // Without a runtime the claim stays until its lease is over; nobody is misled, only kept waiting.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Some((path, guard)) = &begun
                    && let Err(error) = guard.end_and_drain().await
                {
                    log::warn!("the build of '{path}' was given up: {}", error.chain());
                }
                let path = begun.as_ref().map(|(path, _)| path);
                if let Err(error) = end_stopped(&root, &epoch, path, "the caller gave up").await {
                    log::warn!("a build that was given up could not be ended: {}", error.chain());
                }
            });
        }
    }
}
