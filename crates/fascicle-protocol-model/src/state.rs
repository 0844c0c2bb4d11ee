//! A state of the storage and of everybody who takes part.

use crate::scenario::Scenario;

/// Epochs that are modelled; who gets beyond gives up.
pub(crate) const EPOCHS: usize = 4;
/// Directories that are modelled; who needs another one gives up.
pub(crate) const DIRECTORIES: usize = 4;
/// The last of them, where there is another program: its directory.
pub(crate) const FOREIGN: u8 = DIRECTORIES as u8 - 1;
/// Writes of data that a build makes.
pub(crate) const WRITES: usize = 2;
/// Who takes part, at the most.
pub(crate) const ACTORS: usize = 5;
/// Writes that are under way at the same time, at the most.
pub(crate) const UNDER_WAY: usize = 3;

/// What the nonce of a claim stands for: one actor's attempt at one epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub(crate) struct Attempt {
    pub(crate) actor: u8,
    pub(crate) epoch: u8,
}

/// The record that ends an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub(crate) enum End {
    Done { attempt: Attempt, directory: u8 },
    Stopped { by: u8 },
    Abandoned { by: u8 },
}

/// The records of an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Epoch {
    pub(crate) claim: Option<u8>,
    /// Whose claim ever landed before the epoch had ended, a bit each: nobody else may build.
    pub(crate) claimed_in_time: u8,
    pub(crate) end: Option<End>,
    pub(crate) retired: bool,
}

/// The meta of a directory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Default)]
pub(crate) enum Meta {
    #[default]
    Absent,
    Running,
    Done,
    Modified,
    Stopped,
    /// The directory is being removed, and absent for everybody.
    Buried,
}

/// Who wrote a piece of data last.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Default)]
pub(crate) enum Data {
    #[default]
    Absent,
    Of(Attempt),
    Changed,
}

/// A directory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Directory {
    pub(crate) meta: Meta,
    pub(crate) attempt: Option<Attempt>,
    /// Of the meta; 0 as long as there never was one.
    pub(crate) version: u8,
    pub(crate) data: [Data; WRITES],
}

/// A write.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub(crate) enum Write {
    Claim { epoch: u8, by: u8 },
    End { epoch: u8, end: End },
    Retire { epoch: u8 },
    Create { directory: u8, attempt: Attempt },
    SwapMeta { directory: u8, version: u8, meta: Meta },
    PutMeta { directory: u8, meta: Meta },
    Data { directory: u8, index: u8, data: Data },
    DeleteData { directory: u8 },
    DeleteMeta { directory: u8, version: u8 },
}

/// What somebody is about to do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Step {
    ReadEnd {
        epoch: u8,
        waited: bool,
    },
    Judge {
        epoch: u8,
    },
    RollForward {
        epoch: u8,
        version: u8,
    },
    RolledForward {
        epoch: u8,
    },
    Retire {
        epoch: u8,
    },
    ReadClaim {
        epoch: u8,
    },
    Claim {
        epoch: u8,
    },
    ReadBackClaim {
        epoch: u8,
    },
    LookForForeign {
        epoch: u8,
    },
    Adopt {
        epoch: u8,
    },
    ReadBackAdoption {
        epoch: u8,
    },
    EndAdoption {
        epoch: u8,
    },
    LookAgain {
        epoch: u8,
    },
    Create {
        epoch: u8,
        directory: u8,
    },
    Write {
        epoch: u8,
        directory: u8,
        index: u8,
    },
    Commit {
        epoch: u8,
        directory: u8,
    },
    ReadBackCommit {
        epoch: u8,
        directory: u8,
    },
    MarkDone {
        epoch: u8,
        directory: u8,
    },
    /// `directory` is missing where the build failed before there was one.
    EndFailed {
        epoch: u8,
        directory: Option<u8>,
    },
    StopOwn {
        epoch: u8,
        directory: u8,
        failed: bool,
    },
    Wait {
        epoch: u8,
    },
    Seal {
        epoch: u8,
    },
    ReadBackSeal {
        epoch: u8,
    },
    StopSealed {
        epoch: u8,
    },
    Returned {
        epoch: u8,
        directory: u8,
    },
    Failed,
    GaveUp,
    Dead,
    RemoverLooks,
    RemoverRetires {
        directory: u8,
        epoch: u8,
    },
    Bury {
        directory: u8,
    },
    DeleteData {
        directory: u8,
        version: u8,
    },
    DeleteMeta {
        directory: u8,
        version: u8,
    },
    ChangerLooks,
    ChangerRetires {
        directory: u8,
        epoch: u8,
    },
    MarkModified {
        directory: u8,
    },
    Change {
        directory: u8,
    },
    CollectorLooks,
    DeleteClaim {
        epoch: u8,
    },
    Finished,
}

impl Step {
    /// Whether nothing follows.
    pub(crate) fn is_last(self) -> bool {
        matches!(self, Step::Returned { .. } | Step::Failed | Step::GaveUp | Step::Dead | Step::Finished)
    }

    /// Whether its actor holds, or may come to hold, the claim on `epoch`.
    pub(crate) fn builds(self, epoch: u8) -> bool {
        match self {
            Step::Claim { epoch: at }
            | Step::ReadBackClaim { epoch: at }
            | Step::Adopt { epoch: at }
            | Step::ReadBackAdoption { epoch: at }
            | Step::EndAdoption { epoch: at }
            | Step::LookAgain { epoch: at }
            | Step::Create { epoch: at, .. }
            | Step::Write { epoch: at, .. }
            | Step::Commit { epoch: at, .. }
            | Step::ReadBackCommit { epoch: at, .. }
            | Step::EndFailed { epoch: at, .. } => at == epoch,
            _ => false,
        }
    }
}

/// Everything.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct State {
    pub(crate) epochs: [Epoch; EPOCHS],
    pub(crate) directories: [Directory; DIRECTORIES],
    pub(crate) steps: [Step; ACTORS],
    /// Sorted, so that the order in which they were sent makes no other state.
    pub(crate) under_way: [Option<Write>; UNDER_WAY],
    pub(crate) faults: u8,
    pub(crate) suspicions: u8,
    pub(crate) failures: u8,
    pub(crate) broken: Option<&'static str>,
}

impl State {
    pub(crate) fn initial(scenario: &Scenario) -> State {
        let mut steps = [Step::Finished; ACTORS];
        let searchers =
            std::iter::repeat_n(Step::ReadEnd { epoch: 0, waited: false }, scenario.searchers.into());
        let others = [
            scenario.remover.then_some(Step::RemoverLooks),
            scenario.changer.then_some(Step::ChangerLooks),
            scenario.collector.then_some(Step::CollectorLooks),
        ];
        for (step, first) in steps.iter_mut().zip(searchers.chain(others.into_iter().flatten())) {
            *step = first;
        }
        State {
            epochs: [Epoch::default(); EPOCHS],
            directories: [Directory::default(); DIRECTORIES],
            steps,
            under_way: [None; UNDER_WAY],
            faults: scenario.faults,
            suspicions: scenario.suspicions,
            failures: scenario.failures,
            broken: None,
        }
    }

    /// The same with another next step of one actor.
    pub(crate) fn with(mut self, actor: u8, step: Step) -> State {
        if let Some(slot) = self.steps.get_mut(usize::from(actor)) {
            *slot = step;
        }
        self
    }

    /// The same with the finished directory of another program.
    pub(crate) fn with_foreign(mut self) -> State {
        if let Some(directory) = self.directories.get_mut(usize::from(FOREIGN)) {
            *directory = Directory { meta: Meta::Done, version: 1, ..Directory::default() };
        }
        self
    }

    pub(crate) fn epoch(&self, number: u8) -> Epoch {
        self.epochs.get(usize::from(number)).copied().unwrap_or_default()
    }

    pub(crate) fn directory(&self, number: u8) -> Directory {
        self.directories.get(usize::from(number)).copied().unwrap_or_default()
    }

    /// The directories with their numbers.
    pub(crate) fn numbered_directories(&self) -> impl Iterator<Item = (u8, &Directory)> {
        (0u8..).zip(&self.directories)
    }

    /// The epochs with their numbers.
    pub(crate) fn numbered_epochs(&self) -> impl Iterator<Item = (u8, &Epoch)> {
        (0u8..).zip(&self.epochs)
    }
}
