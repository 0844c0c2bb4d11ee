//! Storage that fails while a directory is found or built: whichever call it is, nothing half is ever found and everything
//! can be asked for again.

use super::{each_call::*, prelude::*, rooted::*};
use fascicle_backend::wrap::{Moment, Operation};
use std::{
    ops::RangeInclusive,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::task::JoinHandle;

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
    /// Whichever call fails while a silent builder is replaced, one finished directory is there afterwards.
    any_call_of_a_takeover_may_fail [Write];
    /// Whichever call fails while a finished directory is removed, it is there whole or it is built again.
    any_call_of_a_removal_may_fail [Write];
    /// Whichever call fails while a finished directory is moved, one finished directory is there afterwards.
    any_call_of_a_move_may_fail [Write, Rename];
    /// An answer that is lost after a record was created never leads to a second build.
    lost_answers_never_build_twice [Write];
    /// Storage that fails for a moment while others wait makes nobody build twice.
    waiters_survive_a_failing_call [Write];
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

/// Finds a builder that shows no sign of life, and builds in its place.
#[derive(Default)]
struct TakeItOver {
    silent: Mutex<Option<JoinHandle<Result<Resolution>>>>,
}

impl Work for TakeItOver {
    type Answer = Resolution;

    async fn prepare(&self, storage: &Faulty, round: i64) -> Checked {
        let held = Held::new();
        let silent = held.resolve(&storage.sound_root(), &cells(round));
        held.has_begun().await?;
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = Some(silent);
        Ok(())
    }

    async fn done(&self, storage: &Faulty, root: Root, round: i64) -> Result<Resolution> {
        storage.builds.resolve(&root, &cells(round)).await
    }

    async fn judged(&self, storage: &Faulty, round: i64, answer: Result<Resolution>) -> Checked {
        let judged = BuildIt.judged(storage, round, answer).await;
        if let Some(silent) = self.silent.lock().unwrap_or_else(PoisonError::into_inner).take() {
            silent.abort();
        }
        judged
    }
}

async fn any_call_of_a_takeover_may_fail(subject: Subject) -> Checked {
    use Operation::{CreateDirectory, CreateRecord, OverwriteRecord, WriteMeta};
    let operations = [CreateRecord, CreateDirectory, WriteMeta, OverwriteRecord];
    each_call_of_these_failing(subject, TakeItOver::default(), &operations).await
}

struct RemoveIt;

impl Work for RemoveIt {
    type Answer = ();

    async fn prepare(&self, storage: &Faulty, round: i64) -> Checked {
        ChangeIt.prepare(storage, round).await
    }

    async fn done(&self, _storage: &Faulty, root: Root, round: i64) -> Result<()> {
        root.remove(&format!("built{round}")).await
    }

    async fn judged(&self, storage: &Faulty, round: i64, answer: Result<()>) -> Checked {
        let root = storage.sound_root();
        let built = root.dir(&format!("built{round}"))?;
        match built.exists().await? {
            false => ensure!(found(&root, &cells(round)).await?.is_none(), "it is found though it is gone"),
            true => {
                ensure!(answer.is_err(), "the removal was acknowledged and it is still there");
                is_complete(&built).await?;
                root.remove(built.name()).await?;
            }
        }
        storage.has_one(&cells(round)).await
    }
}

async fn any_call_of_a_removal_may_fail(subject: Subject) -> Checked {
    each_call_failing(subject, RemoveIt).await
}

struct MoveIt;

impl Work for MoveIt {
    type Answer = ();

    async fn prepare(&self, storage: &Faulty, round: i64) -> Checked {
        storage.builds.resolve(&storage.sound_root(), &cells(round)).await?;
        Ok(())
    }

    async fn done(&self, _storage: &Faulty, root: Root, _round: i64) -> Result<()> {
        root.as_dir().rename("Cells_0000", "moved").await
    }

    async fn judged(&self, storage: &Faulty, round: i64, answer: Result<()>) -> Checked {
        let there = names(&storage.sound_root()).await?;
        ensure_eq!(there.len(), 1, "the directories there are, {there:?}");
        ensure!(answer.is_err() || there == ["moved"], "the move was acknowledged and did not happen");
        storage.has_one(&cells(round)).await
    }
}

async fn any_call_of_a_move_may_fail(subject: Subject) -> Checked {
    each_call_failing(subject, MoveIt).await
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
        let was_waiting = storage.faults.fired().is_some() && number > 2;
        storage.faults.clear();
        let built = builder.await??;
        match waited {
            Ok(waited) => ensure_eq!(waited.directory.path(), built.directory.path(), "what was waited for"),
            Err(error) => ensure!(!was_waiting, "read {number} failing ended the waiting: {error}"),
        }
        let again = builds.resolve(&root_over(&storage.sound), &config).await?;
        ensure_eq!(told(&again), (Outcome::Found, built.directory.path().as_str()), "afterwards");
        ensure_eq!(builds.count(), 1, "how often the build function was run, read {number} failing");
    }
    Ok(())
}
