//! What a builder carries: its claim, whether it still holds, and what the builder waits for.

use super::clock::since_boot;
use super::interruption::Interruption;
use super::records::{Beat, Epoch, WaitingOn, overwrite};
use crate::config::Value;
use crate::{EntryPath, Error, ErrorKind, Meta, Result, Root, RootOptions, Version};
use std::collections::HashSet;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::time::Duration;
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

/// A builder is not taken for cut off by a pause that a busy machine makes.
const SHORTEST_SILENCE: Duration = Duration::from_millis(200);

/// The directories of an attempt.
#[derive(Clone, Debug)]
pub(super) struct MadeAttempt {
    /// The one that is written to.
    pub(super) directory: EntryPath,
    /// The one that it becomes; the same, but for a path that was given.
    pub(super) target: EntryPath,
    /// How far an earlier attempt got that this one goes on with.
    pub(super) resumed_from: Option<Value>,
    /// The meta as it was created, where this attempt did so and nobody else writes it.
    pub(super) created: Option<(Meta, Version)>,
}

/// That a write is under way.
pub(crate) type WritePermit = OwnedRwLockReadGuard<()>;

/// The claim under which a directory is being built; every write of the build looks at it first.
#[derive(Debug)]
pub(crate) struct BuildGuard {
    pub(super) epoch: Epoch,
    pub(super) nonce: String,
    /// What is written to.
    directory: EntryPath,
    /// What it becomes.
    target: EntryPath,
    /// How far an earlier attempt got that this one goes on with.
    pub(crate) resumed_from: Option<Value>,
    /// What asks the build to stop halfway.
    pub(crate) interruption: Option<Interruption>,
    /// When the last sign of life that arrived was sent, in milliseconds of the clock that goes on in sleep.
    last_beat: AtomicU64,
    /// For how long none may arrive before others may have taken over.
    silence: Duration,
    lost: AtomicBool,
    /// The build function has ended: nothing is begun to be written any more.
    over: AtomicBool,
    /// No sign of life is to be sent any more.
    still: AtomicBool,
    /// Held for reading by each write under way.
    writes: Arc<RwLock<()>>,
    /// A forked child has the memory of its parent and none of its threads: it must not write.
    pid: u32,
    known: Mutex<HashSet<EntryPath>>,
    waiting_on: Mutex<Vec<WaitingOn>>,
    /// How many signs of life were sent; they are sent one at a time.
    counter: tokio::sync::Mutex<u64>,
}

impl BuildGuard {
    pub(super) fn new(
        epoch: Epoch,
        nonce: String,
        attempt: MadeAttempt,
        interruption: Option<Interruption>,
        options: &RootOptions,
    ) -> Self {
        let MadeAttempt { directory, target, resumed_from, .. } = attempt;
        let known = Mutex::new(HashSet::from([directory.clone()]));
        BuildGuard {
            epoch,
            nonce,
            directory,
            target,
            resumed_from,
            interruption,
            last_beat: AtomicU64::new(now()),
            silence: (options.lease / 2).max(options.beat * 2).max(SHORTEST_SILENCE),
            lost: AtomicBool::new(false),
            over: AtomicBool::new(false),
            still: AtomicBool::new(false),
            writes: Arc::default(),
            pid: std::process::id(),
            known,
            waiting_on: Mutex::default(),
            counter: tokio::sync::Mutex::new(0),
        }
    }

    /// The directory that is being built.
    pub(crate) fn directory(&self) -> &EntryPath {
        &self.directory
    }

    /// Refuses to write for a builder whose claim may have passed to another, and after the build is over.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |message: &str, hint: &str| {
            Err(Error::new(ErrorKind::LeaseLost, message).hint(hint).during("write into").at(&self.directory))
        };
        if self.is_lost() {
            return refuse(
                "the storage could not be reached for so long that another process may have taken over the build",
                "ask for the directory again",
            );
        }
        if self.is_over() {
            return refuse(
                "its build is over, and the handle that the build function was given ended with it",
                "use the directory that was returned",
            );
        }
        if self.pid != std::process::id() {
            return refuse("the build belongs to the parent of this forked process", "write from the parent");
        }
        Ok(())
    }

    /// Allows one write, which is under way until the permit is dropped; refuses as [`BuildGuard::check`].
    pub(crate) fn permit(&self) -> Result<WritePermit> {
        // First, so that whoever waits for the writes under way misses none that passed the check.
        let permit = self.writes.clone().try_read_owned();
        self.check()?;
        permit.map_err(|error| {
            Error::new(ErrorKind::Busy, "too many writes of the build are under way")
                .caused_by(error)
                .during("write into")
                .at(&self.directory)
        })
    }

    /// Whether no sign of life has arrived for half a lease. Never becomes `false` again: what happened meanwhile is not known.
    pub(super) fn is_lost(&self) -> bool {
        let last = self.last_beat.load(Ordering::Acquire);
        if now().saturating_sub(last) >= u64::try_from(self.silence.as_millis()).unwrap_or(u64::MAX) {
            self.lost.store(true, Ordering::Release);
        }
        self.lost.load(Ordering::Acquire)
    }

    /// Whether the build is over.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Says that nothing may be begun to be written any more.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// The same, and waits for the writes under way, those included for whose answer nobody waits. Fails when one of them does not come
    /// to its end within half a lease. No sign of life is sent after that.
    pub(super) async fn end_and_drain(&self) -> Result<()> {
        self.end();
        let drained = tokio::time::timeout(self.silence, self.writes.write()).await.map(|_| ());
        self.still.store(true, Ordering::Release);
        drained.map_err(|_| {
            Error::new(
                ErrorKind::TimedOut,
                format!(
                    "something that the build function had begun to write was still under way {:?} after it had ended",
                    self.silence
                ),
            )
            .hint("await every write of a build function")
            .during("wait for the writes into")
            .at(&self.directory)
        })
    }

    /// Shows that the builder is alive, and what it waits for.
    pub(super) async fn beat(&self, root: &Root) -> Result<()> {
        let mut counter = self.counter.lock().await;
        if self.still.load(Ordering::Acquire) {
            return Ok(());
        }
        *counter += 1;
        let body = Beat {
            nonce: self.nonce.clone(),
            counter: *counter,
            directory: Some(self.target.as_str().to_owned()),
            waiting_on: self.waiting_on.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        };
        let sent = now();
        overwrite(&**root.backend(), &self.epoch.beat()?, &body).await?;
        self.last_beat.store(sent, Ordering::Release);
        Ok(())
    }

    /// Whether a sign of life was sent, so that there may be a record of it.
    pub(super) async fn has_beaten(&self) -> bool {
        *self.counter.lock().await > 0
    }

    /// Says in the next sign of life that the build waits for another one, until the answer is dropped.
    pub(super) fn wait_on(self: &Arc<Self>, other: WaitingOn) -> Waiting {
        self.waiting_on.lock().unwrap_or_else(PoisonError::into_inner).push(other.clone());
        Waiting { guard: self.clone(), other }
    }

    /// Whether this build has already created, or seen, the directory.
    pub(crate) fn knows(&self, directory: &EntryPath) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(directory)
    }

    /// Remembers a directory within the build that exists.
    pub(crate) fn learn(&self, directory: EntryPath) {
        if directory.is_within(&self.directory) {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(directory);
        }
    }

    /// Forgets directories that may have been removed.
    pub(crate) fn forget(&self, directory: &EntryPath) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|path| !path.is_within(directory) || *path == self.directory);
    }
}

/// That a build waits for another one.
#[derive(Debug)]
pub(super) struct Waiting {
    guard: Arc<BuildGuard>,
    other: WaitingOn,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut all = self.guard.waiting_on.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(position) = all.iter().position(|waiting| *waiting == self.other) {
            all.swap_remove(position);
        }
    }
}

fn now() -> u64 {
    u64::try_from(since_boot().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Identity;

    fn guard(lease: Duration) -> BuildGuard {
        let options = RootOptions { beat: Duration::from_millis(1), lease, ..RootOptions::default() };
        let epoch = Epoch { key: Identity::from_bytes([1; 32]), number: 0 };
        let directory = EntryPath::parse("d").unwrap();
        let attempt = MadeAttempt { target: directory.clone(), directory, resumed_from: None, created: None };
        BuildGuard::new(epoch, "ab".to_owned(), attempt, None, &options)
    }

    #[test]
    fn half_a_lease_without_a_sign_of_life_ends_it_for_good() {
        assert_eq!(guard(Duration::from_secs(60)).silence, Duration::from_secs(30));
        let guard = BuildGuard { silence: Duration::from_millis(300), ..guard(Duration::from_secs(60)) };
        guard.check().unwrap();
        std::thread::sleep(Duration::from_millis(350));
        assert_eq!(guard.check().unwrap_err().kind(), ErrorKind::LeaseLost);
        guard.last_beat.store(now(), Ordering::Release);
        assert_eq!(guard.check().unwrap_err().kind(), ErrorKind::LeaseLost, "somebody may have taken over");
    }

    #[test]
    fn a_forked_child_does_not_write() {
        let guard = BuildGuard { pid: std::process::id() + 1, ..guard(Duration::from_secs(60)) };
        assert_eq!(guard.check().unwrap_err().kind(), ErrorKind::LeaseLost);
    }
}
