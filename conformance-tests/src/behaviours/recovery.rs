//! Storage that fails while a directory is found or built: whichever call it is, nothing half is ever found and everything
//! can be asked for again.

use super::{prelude::*, rooted::*};
use fascicle_backend::{
    Backend, RecordKey,
    wrap::{Faults, Moment, Operation, observed},
};
use std::{ops::RangeInclusive, time::Duration};

behaviours! { "recovery"
    /// Whichever call fails while a directory is built, one finished directory is there when it is asked for again.
    any_call_of_a_build_may_fail [Write];
    /// Whichever call fails while a directory is found, it is there when it is asked for again, and not built again.
    any_call_of_a_hit_may_fail [Write];
    /// Whichever call fails while a directory is built at a given path, it is there when it is asked for again.
    any_call_of_a_build_at_a_path_may_fail [Write];
    /// Whichever call fails while a failed build is ended, it can be built again.
    any_call_of_a_failing_build_may_fail [Write];
    /// Whichever call fails while a modified directory is replaced, one finished directory is there afterwards.
    any_call_of_a_rebuild_may_fail [Write];
    /// Whichever call fails while a finished directory is changed, it is never found as what was built once it has changed.
    any_call_of_a_change_may_fail [Write];
    /// Whichever call fails while a lost index is made again, no directory is built twice.
    any_call_of_an_adoption_may_fail [Write];
    /// An answer that is lost after a record was created never leads to a second build.
    lost_answers_never_build_twice [Write];
    /// Storage that fails for a moment while others wait makes nobody build twice.
    waiters_survive_a_failing_call [Write];
}

/// A storage of which chosen calls fail.
struct Faulty {
    sound: Arc<dyn Backend>,
    faulty: Arc<dyn Backend>,
    faults: Arc<Faults>,
    builds: Builds,
}

impl Faulty {
    async fn over(subject: &Subject) -> Result<Self, Failure> {
        let (sound, faults) = (subject.open_bare().await?, Arc::new(Faults::default()));
        let faulty = Arc::new(observed(sound.clone(), faults.clone()));
        Ok(Faulty { sound, faulty, faults, builds: Builds::default() })
    }

    /// A root whose builders are taken for dead soon, so that what a failing call left is not waited for.
    fn root_over(&self, backend: &Arc<dyn Backend>) -> Root {
        // Signs of life come when they come, and each of them is a call.
        let (beat, lease) = (Duration::from_secs(60), Duration::from_millis(40));
        Root::with_options(backend.clone(), RootOptions { lease, beat, ..quick() })
    }

    fn sound_root(&self) -> Root {
        self.root_over(&self.sound)
    }

    fn faulty_root(&self) -> Root {
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
    async fn has_one(&self, config: &Config) -> Checked {
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
trait Work: Sync {
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
async fn each_call_failing<W: Work>(subject: Subject, work: W) -> Checked {
    let storage = Faulty::over(&subject).await?;
    work.prepare(&storage, 0).await?;
    let root = storage.faulty_root();
    storage.faults.clear();
    let answer = work.done(&storage, root, 0).await;
    let calls = storage.faults.calls();
    work.judged(&storage, 0, answer).await?;
    let mut round = 0;
    for call in work.worth_failing(calls) {
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

/// Whether a call changes anything, so that it makes a difference when it fails.
fn has_effect(operation: Operation) -> bool {
    use Operation::{List, ListRecords, ReadFile, ReadMeta, ReadRecord, Stat};
    !matches!(operation, List | ListRecords | ReadFile | ReadMeta | ReadRecord | Stat)
}

struct BuildIt;

impl Work for BuildIt {
    type Answer = Resolution;

    async fn done(&self, storage: &Faulty, root: Root, round: i64) -> Result<Resolution> {
        storage.builds.resolve(&root, &cells(round)).await
    }

    async fn judged(&self, storage: &Faulty, round: i64, answer: Result<Resolution>) -> Checked {
        if let Ok(resolution) = answer {
            is_complete(&storage.sound_root().dir(resolution.directory.name())?).await?;
        }
        storage.has_one(&cells(round)).await
    }
}

async fn any_call_of_a_build_may_fail(subject: Subject) -> Checked {
    each_call_failing(subject, BuildIt).await
}

struct FindIt;

impl Work for FindIt {
    type Answer = Resolution;

    async fn prepare(&self, storage: &Faulty, _round: i64) -> Checked {
        storage.builds.resolve(&storage.sound_root(), &cells(0)).await?;
        Ok(())
    }

    async fn done(&self, storage: &Faulty, root: Root, _round: i64) -> Result<Resolution> {
        storage.builds.resolve(&root, &cells(0)).await
    }

    async fn judged(&self, storage: &Faulty, round: i64, answer: Result<Resolution>) -> Checked {
        if let Ok(resolution) = answer {
            ensure_eq!(told(&resolution), (Outcome::Found, "Cells_0000"), "the answer");
        }
        storage.has_one(&cells(0)).await?;
        ensure_eq!(storage.builds.count() as i64, round + 1, "how often the build function was run");
        Ok(())
    }
}

async fn any_call_of_a_hit_may_fail(subject: Subject) -> Checked {
    each_call_failing(subject, FindIt).await
}

struct BuildItThere;

impl BuildItThere {
    async fn resolve(storage: &Faulty, root: &Root, round: i64) -> Result<Resolution> {
        storage.builds.resolve_at(root, &cells(round), &format!("group{round}/mine")).await
    }
}

impl Work for BuildItThere {
    type Answer = Resolution;

    fn worth_failing(&self, calls: u64) -> RangeInclusive<u64> {
        // It ends as every build does.
        1..=calls.min(12)
    }

    async fn done(&self, storage: &Faulty, root: Root, round: i64) -> Result<Resolution> {
        Self::resolve(storage, &root, round).await
    }

    async fn judged(&self, storage: &Faulty, round: i64, _answer: Result<Resolution>) -> Checked {
        let path = format!("group{round}/mine");
        let first = Self::resolve(storage, &storage.sound_root(), round).await?;
        ensure_eq!(first.directory.path().as_str(), path, "where it is");
        is_complete(&first.directory).await?;
        let second = Self::resolve(storage, &storage.sound_root(), round).await?;
        ensure_eq!(told(&second), (Outcome::Found, path.as_str()), "the call after that");
        Ok(())
    }
}

async fn any_call_of_a_build_at_a_path_may_fail(subject: Subject) -> Checked {
    each_call_failing(subject, BuildItThere).await
}

struct FailToBuildIt;

impl Work for FailToBuildIt {
    type Answer = Resolution;

    fn worth_failing(&self, calls: u64) -> RangeInclusive<u64> {
        // It begins as every build does, and ends in its own way.
        calls.saturating_sub(5)..=calls
    }

    async fn done(&self, _storage: &Faulty, root: Root, round: i64) -> Result<Resolution> {
        fail_to_build(&root, &cells(round), "on purpose").await
    }

    async fn judged(&self, storage: &Faulty, round: i64, answer: Result<Resolution>) -> Checked {
        ensure!(answer.is_err(), "a failed build was returned");
        let found = found(&storage.sound_root(), &cells(round)).await?;
        ensure!(found.is_none(), "a failed build is found");
        storage.has_one(&cells(round)).await
    }
}

async fn any_call_of_a_failing_build_may_fail(subject: Subject) -> Checked {
    each_call_failing(subject, FailToBuildIt).await
}

struct BuildItAgain;

impl Work for BuildItAgain {
    type Answer = Resolution;

    fn worth_failing(&self, calls: u64) -> RangeInclusive<u64> {
        // It begins in its own way, and goes on as every build does.
        1..=calls.min(10)
    }

    async fn prepare(&self, storage: &Faulty, round: i64) -> Checked {
        let built = storage.builds.resolve(&storage.sound_root(), &cells(round)).await?.directory;
        Ok(built.put_file("content", "changed").await?)
    }

    async fn done(&self, storage: &Faulty, root: Root, round: i64) -> Result<Resolution> {
        storage.builds.resolve(&root, &cells(round)).await
    }

    async fn judged(&self, storage: &Faulty, round: i64, answer: Result<Resolution>) -> Checked {
        BuildIt.judged(storage, round, answer).await
    }
}

async fn any_call_of_a_rebuild_may_fail(subject: Subject) -> Checked {
    each_call_failing(subject, BuildItAgain).await
}

struct ChangeIt;

impl Work for ChangeIt {
    type Answer = ();

    async fn prepare(&self, storage: &Faulty, round: i64) -> Checked {
        storage.builds.resolve_at(&storage.sound_root(), &cells(round), &format!("built{round}")).await?;
        Ok(())
    }

    async fn done(&self, _storage: &Faulty, root: Root, round: i64) -> Result<()> {
        root.dir(&format!("built{round}"))?.put_file("content", "changed").await
    }

    async fn judged(&self, storage: &Faulty, round: i64, answer: Result<()>) -> Checked {
        let root = storage.sound_root();
        let built = root.dir(&format!("built{round}"))?;
        let has_changed = built.file("content").await?.read().await? == "changed".as_bytes();
        ensure!(has_changed || answer.is_err(), "the change was acknowledged and is not there");
        if has_changed {
            ensure!(found(&root, &cells(round)).await?.is_none(), "it is found though it has changed");
            ensure!(built.meta().await?.is_some_and(|meta| meta.modified), "it is not marked");
        }
        storage.has_one(&cells(round)).await
    }
}

async fn any_call_of_a_change_may_fail(subject: Subject) -> Checked {
    each_call_failing(subject, ChangeIt).await
}

struct AdoptIt;

impl Work for AdoptIt {
    type Answer = Resolution;

    async fn prepare(&self, storage: &Faulty, round: i64) -> Checked {
        let root = storage.sound_root();
        storage.builds.resolve(&root, &cells(round)).await?;
        lose_the_index(&root).await
    }

    async fn done(&self, storage: &Faulty, root: Root, round: i64) -> Result<Resolution> {
        storage.builds.resolve(&root, &cells(round)).await
    }

    async fn judged(&self, storage: &Faulty, round: i64, _answer: Result<Resolution>) -> Checked {
        storage.has_one(&cells(round)).await?;
        ensure_eq!(storage.builds.count() as i64, round + 1, "how often the build function was run");
        Ok(())
    }
}

async fn any_call_of_an_adoption_may_fail(subject: Subject) -> Checked {
    each_call_failing(subject, AdoptIt).await
}

async fn lost_answers_never_build_twice(subject: Subject) -> Checked {
    let (mut seed, mut runs) = (0, 0);
    let storage = Faulty::over(&subject).await?;
    // The claim, and the end.
    for number in [1, 2] {
        for moment in [Moment::AfterEffect, Moment::BeforeEffect] {
            let root = storage.faulty_root();
            storage.faults.fail_call_of(Operation::CreateRecord, number, moment);
            let built = storage.builds.resolve(&root, &cells(seed)).await?;
            ensure!(storage.faults.fired().is_some(), "record {number} was not created");
            storage.faults.clear();
            ensure_eq!(built.outcome, Outcome::Built, "record {number} failing {moment:?}");
            storage.has_one(&cells(seed)).await?;
            (seed, runs) = (seed + 1, runs + 1);
            ensure_eq!(
                storage.builds.count(),
                runs,
                "how often it was built, record {number} failing {moment:?}"
            );
        }
    }
    Ok(())
}

async fn waiters_survive_a_failing_call(subject: Subject) -> Checked {
    let storage = Faulty::over(&subject).await?;
    for number in 1..=6 {
        let (builds, config) = (Builds::slow(Duration::from_millis(10)), cells(number));
        let builder = tokio::spawn({
            let (root, builds, config) = (root_over(&storage.sound), builds.clone(), config.clone());
            async move { builds.resolve(&root, &config).await }
        });
        while builds.count() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        storage.faults.fail_call_of(Operation::ReadRecord, number as u64, Moment::BeforeEffect);
        let waited = builds.resolve(&root_over(&storage.faulty), &config).await;
        storage.faults.clear();
        let built = builder.await??;
        if let Ok(waited) = waited {
            ensure_eq!(waited.directory.path(), built.directory.path(), "what was waited for");
        }
        let again = builds.resolve(&root_over(&storage.sound), &config).await?;
        ensure_eq!(told(&again), (Outcome::Found, built.directory.path().as_str()), "afterwards");
        ensure_eq!(builds.count(), 1, "how often the build function was run, read {number} failing");
    }
    Ok(())
}
