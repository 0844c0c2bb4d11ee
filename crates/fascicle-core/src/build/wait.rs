//! Waiting for somebody else's build, and taking over when the builder is dead.

use super::circle::Circle;
use super::flight::{Flight, Shared};
use super::records::{Beat, Claim, Creator, End, Epoch, create_once, is_final, new_nonce};
use super::resolve::BuildStack;
use super::watch::{Sign, Watch};
use crate::config::Value;
use crate::directory::{read_meta, update_meta};
use crate::{EntryPath, Error, ErrorKind, Identity, Result, Root, Status};
use std::time::Duration;
use tokio::time::Instant;

/// How a wait ended.
#[derive(Debug, PartialEq)]
pub(super) enum Waited {
    /// The epoch has an end.
    Ended,
    /// The builder was dead, or showed nothing for its lease, and this caller ended its epoch.
    Sealed {
        /// Whether it certainly was dead.
        is_dead: bool,
    },
}

/// Until when somebody waits, and what for; knows how to say that it took too long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    pub(super) fn after(timeout: Option<Duration>) -> Self {
        Deadline(timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
    }

    /// Sleeps, but not beyond the deadline; fails once it has passed.
    pub(super) async fn sleep(&self, pause: Duration) -> Result<()> {
        let left = match self.0 {
            Some(instant) => instant.saturating_duration_since(Instant::now()),
            None => pause,
        };
        if left.is_zero() && self.0.is_some() {
            return Err(Deadline::passed());
        }
        tokio::time::sleep(pause.min(left)).await;
        Ok(())
    }

    /// Awaits `future` until the deadline.
    pub(super) async fn limit<F: Future>(&self, future: F) -> Result<F::Output> {
        match self.0 {
            Some(instant) => tokio::time::timeout_at(instant, future).await.map_err(|_| Deadline::passed()),
            None => Ok(future.await),
        }
    }

    fn passed() -> Error {
        Error::new(ErrorKind::TimedOut, "somebody else is still building it")
            .hint("wait longer, or see 'status' in the meta of the directory that is being built")
    }
}

/// Pauses between two looks: short at first, growing with the time waited.
struct Pauses {
    begin: Instant,
    shortest: Duration,
    longest: Duration,
}

impl Pauses {
    fn of(root: &Root) -> Self {
        let (shortest, longest) = root.options().poll;
        Pauses { begin: Instant::now(), shortest, longest }
    }

    fn next(&self) -> Duration {
        let grown = (self.begin.elapsed() / 10).clamp(self.shortest, self.longest.max(self.shortest));
        // Waiters that began together must not ask together for ever.
        let mut random = [0u8; 1];
        let _ = getrandom::fill(&mut random);
        grown.mul_f64(0.5 + f64::from(random[0]) / 512.0)
    }
}

/// Waits for the answer of another caller in this process who searches for the same. Fails when that one waits for a build of
/// `stack`.
pub(super) async fn wait_for_flight(
    root: &Root,
    key: Identity,
    mut flight: Flight,
    deadline: Deadline,
    stack: &BuildStack,
) -> Result<Option<Shared>> {
    let mut circle = Circle::of(root, stack);
    if !circle.is_possible() {
        let landed = deadline.limit(flight.answer.wait_for(Option::is_some)).await?;
        return Ok(landed.ok().and_then(|landed| landed.clone()));
    }
    let pauses = Pauses::of(root);
    loop {
        let looking = flight.epoch();
        let landed = {
            let landed = tokio::time::timeout(pauses.next(), flight.answer.wait_for(Option::is_some));
            let landed = deadline.limit(landed).await?;
            landed.map(|landed| landed.ok().and_then(|landed| landed.clone()))
        };
        match landed {
            Ok(landed) => return Ok(landed),
            Err(_) => circle.check(&Epoch { key, number: looking }).await?,
        }
    }
}

/// Waits until the epoch has an end; ends it itself when the builder is certainly dead, or has shown nothing for a whole
/// lease. No clock but this caller's own is looked at.
pub(super) async fn wait_for_end(
    root: &Root,
    epoch: &Epoch,
    claim: &Claim,
    deadline: Deadline,
    stack: &BuildStack,
) -> Result<Waited> {
    let pauses = Pauses::of(root);
    let mut watch = Watch::new(epoch.clone(), claim.clone());
    let mut circle = Circle::of(root, stack);
    let mut seen_last = Instant::now();
    loop {
        let is_dead = match watch.look(&**root.backend()).await {
            Ok(Sign::Ended(_)) => return Ok(Waited::Ended),
            Ok(Sign::Dead) => Some(true),
            Ok(Sign::Silent) => Some(false),
            Ok(Sign::Alive) => None,
            // Storage that answers again in a while has kept nobody from waiting; who saw nothing meanwhile begins anew.
            Err(error) if !is_final(&error) && seen_last.elapsed() < root.options().lease => {
                log::debug!("somebody else's build could not be looked at: {}", error.chain());
                deadline.sleep(pauses.next()).await?;
                watch.begin_anew();
                continue;
            }
            Err(error) => return Err(error),
        };
        seen_last = Instant::now();
        if let Some(is_dead) = is_dead {
            return seal(root, epoch, watch.beat(), is_dead).await;
        }
        circle.check(epoch).await?;
        let (pause, asleep) = (pauses.next(), Instant::now());
        deadline.sleep(pause).await?;
        watch.paused(pause, asleep.elapsed());
    }
}

/// Ends an epoch in the place of its builder. Whoever creates the end first has decided: a builder that comes back from the
/// dead finds that it can no longer commit.
async fn seal(root: &Root, epoch: &Epoch, beat: Option<&Beat>, is_dead: bool) -> Result<Waited> {
    let body = End::Abandoned { nonce: new_nonce()? };
    match create_once(&**root.backend(), &epoch.end()?, &body, root.options().lease).await? {
        Creator::Theirs(_) => Ok(Waited::Ended),
        Creator::Mine => {
            log::warn!("took over the build of {} from a builder that is dead or silent", epoch.key.short());
            if let Some(path) = beat.and_then(|beat| EntryPath::parse(beat.directory.as_ref()?).ok()) {
                stop_attempt(root, &path, epoch).await;
            }
            Ok(Waited::Sealed { is_dead })
        }
    }
}

/// Marks the directory of an attempt that did not make it. Failing to is no harm: it never was found.
pub(super) async fn stop_attempt(root: &Root, path: &EntryPath, epoch: &Epoch) {
    stop_attempt_at(root, path, epoch, None).await;
}

/// The same, with the progress of an attempt that was interrupted.
pub(super) async fn stop_attempt_at(root: &Root, path: &EntryPath, epoch: &Epoch, progress: Option<Value>) {
    let stopped = update_meta(root, path, |meta| {
        let own = meta.build.as_ref().is_some_and(|mark| mark.key == epoch.key && mark.epoch == epoch.number);
        let running = own && meta.status == Status::Running;
        if running {
            meta.status = Status::Stopped;
            if let Some(mark) = &mut meta.build {
                mark.interrupted = progress.clone();
            }
        }
        running
    });
    if let Err(error) = stopped.await {
        log::warn!("an abandoned build could not be marked as stopped: {}", error.chain());
    }
}

/// Waits for a directory that a program without heartbeat is building: until its meta says something else, or nothing in it
/// has changed for the root's `foreign_timeout`.
pub(super) async fn wait_for_foreign(
    root: &Root,
    path: &EntryPath,
    deadline: Deadline,
) -> Result<Option<Status>> {
    let pauses = Pauses::of(root);
    let mut unchanged_since = Instant::now();
    let mut last = None;
    loop {
        let Some((meta, _)) = read_meta(root, path).await? else { return Ok(None) };
        if meta.status != Status::Running {
            return Ok(Some(meta.status));
        }
        let modified = crate::size::last_modified(&**root.backend(), path).await?;
        if modified != last {
            last = modified;
            unchanged_since = Instant::now();
        }
        if unchanged_since.elapsed() >= root.options().foreign_timeout {
            return Ok(Some(Status::Running));
        }
        deadline.sleep(pauses.next()).await?;
    }
}
