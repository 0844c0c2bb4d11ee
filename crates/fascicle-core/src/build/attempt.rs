//! One attempt to build: the directory, the heartbeat, the build function, and the end of the epoch.

use super::BuildResult;
use super::beat::Heartbeat;
use super::guard::BuildGuard;
use super::records::{Creator, End, Epoch, create_once, new_nonce, read};
use super::resolve::{BuildStack, StackEntry, with_stack};
use super::search::Request;
use super::wait::stop_attempt;
use crate::directory::read_meta;
use crate::meta::BuildMark;
use crate::{Directory, EntryPath, Error, ErrorKind, Meta, MetaWriteMode, Result, Root, Status, Version};
use futures::FutureExt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// How an attempt to build ended, if not by an error.
pub(super) enum Attempt {
    Committed(EntryPath),
    /// The epoch has ended already, mostly because somebody took this builder for dead.
    Fenced,
}

/// The directory of an attempt, and its meta as it was created.
struct Begun {
    path: EntryPath,
    meta: Meta,
    version: Version,
}

impl Request<'_> {
    /// Builds, as the holder of the claim on `epoch`.
    pub(super) async fn attempt<B, F>(
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
        // Claims may be cleaned up after their epoch: one that ended meanwhile is not built again.
        let begun = match read::<End>(self.backend(), &epoch.end()?).await {
            Ok(Some(_)) => {
                cancelled.armed = false;
                return Ok(Attempt::Fenced);
            }
            Ok(None) => self.make_directory(epoch, &nonce).await,
            Err(error) => Err(error),
        };
        let begun = match begun {
            Ok(begun) => begun,
            // Nobody is to wait for a build that never began.
            Err(error) => {
                cancelled.armed = false;
                end_stopped(self.root, epoch, None, &error.chain()).await?;
                return Err(error);
            }
        };
        let path = begun.path.clone();
        cancelled.attempt = Some(path.clone());
        let guard = Arc::new(BuildGuard::new(epoch.clone(), nonce.clone(), path.clone()));
        let heartbeat = Heartbeat::start(self.root.clone(), guard.clone())?;
        let directory = Directory::guarded(self.root.clone(), path.clone(), guard.clone());
        let mut stack = stack.clone();
        stack.0.push(StackEntry { root: self.root.token(), key: self.key, nonce: nonce.clone() });
        let result =
            AssertUnwindSafe(with_stack(stack, async { build(directory).await })).catch_unwind().await;
        guard.end();
        // The thread may have a write under way; it is not waited for on this one.
        let has_beaten = tokio::task::spawn_blocking(move || heartbeat.stop()).await.unwrap_or(true);
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
            // The caller learns why the build failed, whatever else goes wrong; the lease ends what could not be ended.
            if let Err(error) = end_stopped(self.root, epoch, Some(&path), &failure.to_string()).await {
                log::warn!("a failed build could not be ended: {}", error.chain());
            }
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
                self.say_done(epoch, &nonce, begun).await?;
                // It has nothing to say any more; a waiter reads the end first.
                if has_beaten && let Err(error) = self.backend().records().remove(&epoch.beat()?).await {
                    log::debug!("the last heartbeat of '{path}' stays: {}", error.chain());
                }
                Ok(Attempt::Committed(path))
            }
            Creator::Theirs(_) => {
                stop_attempt(self.root, &path, epoch).await;
                Ok(Attempt::Fenced)
            }
        }
    }

    /// Says in its meta that a committed directory is done: by one write, if the meta is as it was when the build began.
    async fn say_done(&self, epoch: &Epoch, nonce: &str, begun: Begun) -> Result<()> {
        let Begun { path, mut meta, version } = begun;
        meta.status = Status::Done;
        match self.backend().write_meta(&path, meta.to_bytes()?, MetaWriteMode::UpdateIf(version)).await {
            Ok(_) => Ok(()),
            // Whatever it was, a look tells where things are.
            Err(_) => self.mark_done(epoch, nonce, &path).await,
        }
    }

    /// Creates the directory of an attempt.
    async fn make_directory(&self, epoch: &Epoch, nonce: &str) -> Result<Begun> {
        let mark = BuildMark {
            identity: self.identity,
            key: self.key,
            epoch: epoch.number,
            nonce: nonce.to_owned(),
            version: self.rules.version.clone(),
        };
        let meta = Meta::running(self.config.clone(), mark);
        let bytes = meta.to_bytes()?;
        let Some(path) = &self.fixed else {
            let hints = self.root.name_hints();
            let (path, version) = hints.create(self.backend(), self.config.type_name(), bytes).await?;
            return Ok(Begun { path, meta, version });
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
        let version = self.backend().create_directory(path, bytes).await?;
        Ok(Begun { path: path.clone(), meta, version })
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
