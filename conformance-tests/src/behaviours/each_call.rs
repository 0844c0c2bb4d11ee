//! Storage of which one call fails: each call of a piece of work once, before and after its effect.

use super::{prelude::*, rooted::*};
use fascicle_backend::{
    Backend, RecordKey,
    wrap::{Faults, Moment, Operation, observed},
};
use std::{ops::RangeInclusive, time::Duration};

/// A storage of which chosen calls fail.
pub(super) struct Faulty {
    pub(super) sound: Arc<dyn Backend>,
    pub(super) faulty: Arc<dyn Backend>,
    pub(super) faults: Arc<Faults>,
    pub(super) builds: Builds,
    lease: Duration,
}

impl Faulty {
    pub(super) async fn over(subject: &Subject) -> Result<Self, Failure> {
        let (sound, faults) = (subject.open_bare().await?, Arc::new(Faults::default()));
        let lease = short_lease(&sound).await?;
        let faulty = Arc::new(observed(sound.clone(), faults.clone()));
        Ok(Faulty { sound, faulty, faults, builds: Builds::default(), lease })
    }

    /// A root whose builders are taken for dead soon, so that what a failing call left is not waited for.
    fn root_over(&self, backend: &Arc<dyn Backend>) -> Root {
        // Signs of life come when they come, and each of them is a call.
        let (beat, lease) = (Duration::from_secs(60), self.lease);
        Root::with_options(backend.clone(), RootOptions { lease, beat, ..quick() })
    }

    pub(super) fn sound_root(&self) -> Root {
        self.root_over(&self.sound)
    }

    pub(super) fn faulty_root(&self) -> Root {
        self.root_over(&self.faulty)
    }

    /// Removes everything, so that every round makes the same calls.
    async fn clear(&self) -> Checked {
        for name in names(&self.sound_root()).await? {
            self.sound.remove(&at(&name)?).await?;
        }
        let records = self.sound.records();
        for key in records.list(&RecordKey::parse("v1")?).await? {
            records.remove(&key).await?;
        }
        Ok(())
    }

    /// Expects one finished directory of a config, whose content is complete and which every root finds.
    pub(super) async fn has_one(&self, config: &Config) -> Checked {
        let first = self.builds.resolve(&self.sound_root(), config).await?.directory;
        is_complete(&first).await?;
        let (root, runs) = (self.sound_root(), self.builds.count());
        let second = self.builds.resolve(&root, config).await?;
        ensure_eq!(told(&second), (Outcome::Found, first.path().as_str()), "the call after that");
        ensure_eq!(self.builds.count(), runs, "how often the build function was run");
        let mut usable = Vec::new();
        for name in names(&root).await? {
            let meta = root.dir(&name)?.meta().await?;
            if meta.is_some_and(|meta| meta.is_usable() && meta.config == *config) {
                usable.push(name);
            }
        }
        ensure_eq!(usable, [first.name()], "the finished directories of the config");
        Ok(())
    }
}

/// Something that is done once for each call that it makes, each time in a round of its own.
pub(super) trait Work: Sync {
    /// What it comes to.
    type Answer: Send;

    /// Makes what has to be there, undisturbed.
    fn prepare(&self, _storage: &Faulty, _round: i64) -> impl Future<Output = Checked> + Send {
        async { Ok(()) }
    }

    /// Which of its calls are worth failing; the others are made by another work too.
    fn worth_failing(&self, calls: u64) -> RangeInclusive<u64> {
        1..=calls
    }

    /// Does it, on a root over storage of which a call may fail.
    fn done(
        &self,
        storage: &Faulty,
        root: Root,
        round: i64,
    ) -> impl Future<Output = Result<Self::Answer>> + Send;

    /// Looks at what is there afterwards.
    fn judged(
        &self,
        storage: &Faulty,
        round: i64,
        answer: Result<Self::Answer>,
    ) -> impl Future<Output = Checked> + Send;
}

/// Does the work undisturbed, and then once for each call that it makes and each moment at which that call may fail.
pub(super) async fn each_call_failing<W: Work>(subject: Subject, work: W) -> Checked {
    let storage = Faulty::over(&subject).await?;
    work.prepare(&storage, 0).await?;
    let root = storage.faulty_root();
    storage.faults.clear();
    let answer = work.done(&storage, root, 0).await;
    let calls = storage.faults.calls();
    work.judged(&storage, 0, answer).await?;
    let mut round = 0;
    // Where every call is a request, those that another work makes as well are left to it.
    let is_cheap = storage.sound.capabilities().has(Capability::Rename);
    for call in if is_cheap { 1..=calls } else { work.worth_failing(calls) } {
        for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
            round += 1;
            storage.clear().await?;
            work.prepare(&storage, round).await?;
            let root = storage.faulty_root();
            storage.faults.fail_call(call, moment);
            let answer = work.done(&storage, root, round).await;
            let fired = storage.faults.fired();
            storage.faults.clear();
            // What the call itself refused has no answer to lose.
            let must_fire = moment == Moment::BeforeEffect;
            ensure!(fired.is_some() || !must_fire, "there is no call {call} of {calls} in round {round}");
            work.judged(&storage, round, answer).await.map_err(|failure| {
                Failure::new(format!("call {call} of {calls} failing {moment:?} {fired:?}: {failure}"))
            })?;
            if fired.is_some_and(|(operation, _)| !has_effect(operation)) {
                break;
            }
        }
    }
    ensure!(round > 1, "nothing was asked of the storage");
    Ok(())
}

/// Does the work once for each call of these operations that it makes and each moment at which that call may fail: for work that
/// waits, and so makes other calls each time.
pub(super) async fn each_call_of_these_failing<W: Work>(
    subject: Subject,
    work: W,
    operations: &[Operation],
) -> Checked {
    let storage = Faulty::over(&subject).await?;
    let mut round = 0;
    for &operation in operations {
        for number in 1.. {
            let mut has_fired = false;
            for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
                round += 1;
                storage.clear().await?;
                work.prepare(&storage, round).await?;
                let root = storage.faulty_root();
                storage.faults.fail_call_of(operation, number, moment);
                let answer = work.done(&storage, root, round).await;
                has_fired |= storage.faults.fired().is_some();
                storage.faults.clear();
                work.judged(&storage, round, answer).await.map_err(|failure| {
                    let what = operation.phrase();
                    Failure::new(format!("call {number} to {what} failing {moment:?}: {failure}"))
                })?;
                if !has_fired {
                    break;
                }
            }
            ensure!(has_fired || number > 1, "it never was asked to {}", operation.phrase());
            if !has_fired {
                break;
            }
        }
    }
    Ok(())
}

/// Whether a call changes anything, so that it makes a difference when it fails.
fn has_effect(operation: Operation) -> bool {
    use Operation::{List, ListRecords, ReadFile, ReadMeta, ReadRecord, Stat};
    !matches!(operation, List | ListRecords | ReadFile | ReadMeta | ReadRecord | Stat)
}
