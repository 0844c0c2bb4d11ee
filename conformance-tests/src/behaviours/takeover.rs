//! Builders that are taken for dead: who wins, and what becomes of what the loser goes on to do.

use super::{prelude::*, rooted::*};
use fascicle_backend::{
    Backend,
    wrap::{Faults, Moment, Observer, Operation, observed},
};
use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

behaviours! { "takeover"
    /// What a replaced builder goes on to write lands in its own directory, and never in the one that was built instead.
    a_replaced_builder_writes_into_its_own_directory [Write];
    /// Of many who take one silent builder for dead one builds, and all get that directory.
    of_many_who_replace_a_builder_one_builds [Write];
    /// A builder that commits before it is sealed has won: whoever took it for dead gets what it built, and nothing is built again.
    a_commit_before_the_seal_wins [Write];
    /// A builder that is sealed before it commits has lost: it gets what was built instead, and its own directory is stopped.
    a_seal_before_the_commit_wins [Write];
    /// A build that was committed is found and said to be done, though its builder died before it could say so.
    a_committed_build_is_completed_for_its_builder [Write];
    /// Completing a build for its builder does not bring back a directory that is removed meanwhile.
    completing_does_not_bring_back_what_is_removed [Write];
    /// A finished directory that is removed while others look for it is found whole or built again, and never in part.
    a_removal_under_the_eyes_of_others_leaves_no_part [Write];
}

/// Holds up the first call of an operation on paths of an ending until it is let go.
struct Gate {
    operation: Operation,
    ending: &'static str,
    state: Mutex<(Position, bool)>,
    moved: Condvar,
}

/// Where the call that a gate holds up stands.
#[derive(Clone, Copy, PartialEq)]
enum Position {
    Expected,
    Held,
    Passed,
}

impl Gate {
    fn before(operation: Operation, ending: &'static str) -> Arc<Self> {
        let state = Mutex::new((Position::Expected, false));
        Arc::new(Gate { operation, ending, state, moved: Condvar::new() })
    }

    fn over(self: &Arc<Self>, backend: &Arc<dyn Backend>) -> Arc<dyn Backend> {
        Arc::new(observed(backend.clone(), self.clone()))
    }

    /// Returns when the call has come.
    async fn holds(&self) -> Checked {
        for _ in 0..10_000 {
            if self.state.lock().unwrap_or_else(PoisonError::into_inner).0 == Position::Held {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err(Failure::new(format!("the call to {} never came", self.operation.phrase())))
    }

    fn let_go(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.moved.notify_all();
    }
}

impl Observer for Gate {
    fn before(&self, operation: Operation, path: &str) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if operation != self.operation || !path.ends_with(self.ending) || state.0 != Position::Expected {
            return Ok(());
        }
        state.0 = Position::Held;
        // Tasks that wait behind this one go on elsewhere.
        tokio::task::block_in_place(|| {
            while !state.1 {
                state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.0 = Position::Passed;
        });
        Ok(())
    }
}

async fn a_replaced_builder_writes_into_its_own_directory(subject: Subject) -> Checked {
    let backend = subject.open_bare().await?;
    let (builds, held) = (Builds::default(), Held::that_ends_with("late bytes"));
    let late = held.resolve(&silent_root(&backend).await?, &cells(0));
    held.has_begun().await?;
    let instead = builds.resolve(&root_over(&backend), &cells(0)).await?.directory;
    let before = Place::over(backend.clone()).entry(instead.path().as_str()).await?;
    // It writes something else, and comes too late.
    held.go_on();
    late.await??;
    let after = Place::over(backend.clone()).entry(instead.path().as_str()).await?;
    ensure_eq!(after, before, "what was built instead, after the late builder went on");
    let names = root_over(&backend).dir("Cells_0000")?.names().await?;
    ensure_eq!(names, ["content", "inner"], "what the late builder wrote");
    ensure!(instead.name() != "Cells_0000", "both builders were given one directory");
    Ok(())
}

async fn of_many_who_replace_a_builder_one_builds(subject: Subject) -> Checked {
    let backend = subject.open_bare().await?;
    let (builds, held) = (Builds::slow(Duration::from_millis(5)), Held::new());
    let late = held.resolve(&silent_root(&backend).await?, &cells(0));
    held.has_begun().await?;
    let tasks = (0..8).map(|_| {
        let (root, builds) = (root_over(&backend), builds.clone());
        tokio::spawn(async move {
            let resolution = builds.resolve(&root, &cells(0)).await?;
            is_complete(&resolution.directory).await?;
            Ok((resolution.outcome, resolution.directory.path().as_str().to_owned()))
        })
    });
    let answers = joined(tasks.collect()).await?;
    ensure!(answers.iter().all(|(_, path)| path == "Cells_0001"), "not all got one directory: {answers:?}");
    ensure_eq!(builds.count(), 1, "how often the build function was run");
    held.go_on();
    ensure_eq!(late.await??.directory.name(), "Cells_0001", "what the late builder gets");
    Ok(())
}

async fn a_commit_before_the_seal_wins(subject: Subject) -> Checked {
    let backend = subject.open_bare().await?;
    let (builds, held) = (Builds::default(), Held::new());
    let builder = held.resolve(&silent_root(&backend).await?, &cells(0));
    held.has_begun().await?;
    let gate = Gate::before(Operation::CreateRecord, ".end");
    let waiter = tokio::spawn({
        let (root, builds) = (root_over(&gate.over(&backend)), builds.clone());
        async move { builds.resolve(&root, &cells(0)).await }
    });
    // The waiter has decided that the builder is dead.
    let committed = async {
        gate.holds().await?;
        held.go_on();
        Ok::<_, Failure>(builder.await??)
    };
    let committed = committed.await;
    gate.let_go();
    ensure_eq!(told(&committed?), (Outcome::Built, "Cells_0000"), "what the builder gets");
    let waited = waiter.await??;
    ensure_eq!(waited.directory.name(), "Cells_0000", "what the waiter gets");
    is_complete(&waited.directory).await?;
    ensure_eq!(builds.count(), 0, "how often it was built again");
    ensure_eq!(names(&root_over(&backend)).await?, ["Cells_0000"], "all directories");
    Ok(())
}

async fn a_seal_before_the_commit_wins(subject: Subject) -> Checked {
    let backend = subject.open_bare().await?;
    let (builds, late_builds) = (Builds::default(), Builds::default());
    let gate = Gate::before(Operation::CreateRecord, ".end");
    let late = tokio::spawn({
        let (root, builds) = (silent_root(&gate.over(&backend)).await?, late_builds.clone());
        async move { builds.resolve(&root, &cells(0)).await }
    });
    // The late builder has written everything, and is about to commit.
    let instead = async {
        gate.holds().await?;
        Ok::<_, Failure>(builds.resolve(&root_over(&backend), &cells(0)).await?)
    };
    let instead = instead.await;
    gate.let_go();
    ensure_eq!(told(&instead?), (Outcome::TookOver, "Cells_0001"), "what is built instead");
    ensure_eq!(late.await??.directory.name(), "Cells_0001", "what the late builder gets");
    let root = root_over(&backend);
    let status = root.dir("Cells_0000")?.status().await?;
    ensure_eq!(status, Some(Status::Stopped), "the directory of the late builder");
    let again = builds.resolve(&root, &cells(0)).await?;
    ensure_eq!(told(&again), (Outcome::Found, "Cells_0001"), "afterwards");
    ensure_eq!((late_builds.count(), builds.count()), (1, 1), "how often it was built");
    Ok(())
}

/// A storage with a build that was committed and whose meta does not say so.
async fn committed_and_running(subject: &Subject) -> Result<Arc<dyn Backend>, Failure> {
    let (backend, faults) = (subject.open_bare().await?, Arc::new(Faults::default()));
    let root = root_over(&(Arc::new(observed(backend.clone(), faults.clone())) as Arc<dyn Backend>));
    faults.fail_call_of(Operation::WriteMeta, 1, Moment::BeforeEffect);
    // Whether the builder is told of it does not matter here.
    let _ = Builds::default().resolve(&root, &cells(0)).await;
    ensure!(faults.fired().is_some(), "the meta was not written at the end of the build");
    let status = root_over(&backend).dir("Cells_0000")?.status().await?;
    ensure_eq!(status, Some(Status::Running), "the status that the builder left");
    Ok(backend)
}

async fn a_committed_build_is_completed_for_its_builder(subject: Subject) -> Checked {
    let (backend, builds) = (committed_and_running(&subject).await?, Builds::default());
    let root = root_over(&backend);
    let found = builds.resolve(&root, &cells(0)).await?;
    ensure_eq!(told(&found), (Outcome::Found, "Cells_0000"), "the answer");
    is_complete(&found.directory).await?;
    ensure_eq!(builds.count(), 0, "how often it was built again");
    Ok(())
}

async fn completing_does_not_bring_back_what_is_removed(subject: Subject) -> Checked {
    let (backend, builds) = (committed_and_running(&subject).await?, Builds::default());
    let gate = Gate::before(Operation::WriteMeta, "Cells_0000");
    let finder = tokio::spawn({
        let (root, builds) = (root_over(&gate.over(&backend)), builds.clone());
        async move { builds.resolve(&root, &cells(0)).await }
    });
    // The finder has read a meta that says 'running', and is about to write one that says 'done'.
    let removed = async {
        gate.holds().await?;
        Ok::<_, Failure>(root_over(&backend).remove("Cells_0000").await?)
    };
    let removed = removed.await;
    gate.let_go();
    removed?;
    if let Ok(resolution) = finder.await? {
        is_complete(&resolution.directory).await?;
    }
    let root = root_over(&backend);
    if let Some(directory) = found(&root, &cells(0)).await? {
        is_complete(&directory).await?;
    }
    for name in names(&root).await? {
        let directory = root.dir(&name)?;
        if directory.meta().await?.is_some_and(|meta| meta.is_usable()) {
            is_complete(&directory).await?;
        }
    }
    is_complete(&builds.resolve(&root, &cells(0)).await?.directory).await
}

async fn a_removal_under_the_eyes_of_others_leaves_no_part(subject: Subject) -> Checked {
    let backend = subject.open_bare().await?;
    let (root, builds) = (root_over(&backend), Builds::default());
    for round in 0..4 {
        let built = builds.resolve(&root, &cells(round)).await?.directory;
        let tasks = (0..4).map(|_| {
            let (root, builds) = (root_over(&backend), builds.clone());
            tokio::spawn(async move { Ok(builds.resolve(&root, &cells(round)).await) })
        });
        let tasks: Vec<_> = tasks.collect();
        root.remove(built.name()).await?;
        for answer in joined(tasks).await? {
            // Found before it was removed, or built since; whoever met the removal itself is told of a conflict.
            match answer {
                Ok(_) => {}
                Err(error) if error.is_retryable() => {}
                Err(error) => return Err(error.into()),
            }
        }
        let now = builds.resolve(&root_over(&backend), &cells(round)).await?.directory;
        is_complete(&now).await?;
    }
    Ok(())
}
