//! What was found, and what was or would be done about it.

use crate::{Error, FlawKind, LeftoverKind};
use std::fmt;

/// In which state something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingKind {
    /// An entry cannot be read: truncated, corrupted, or not what its name says.
    Unreadable,
    /// The meta of a directory cannot be read. Its entries can.
    BrokenMeta,
    /// An entry is stored with a flaw.
    Flaw(FlawKind),
    /// A directory is complete, and its meta says that it is being built: its builder died in between.
    CommittedRunning,
    /// A builder died before it was done.
    DeadBuild,
    /// A build has no end, and nothing tells from here whether its builder is alive.
    OpenBuild,
    /// An attempt that did not make it still says that it is being built.
    EndedRunning,
    /// An attempt that did not make it is still stored.
    EndedAttempt,
    /// A directory without a mark of ours says that it is being built, and has not changed for long: another program's, or an
    /// interrupted copy.
    ForeignRunning,
    /// The index does not know a finished directory.
    NotIndexed,
    /// Another program rewrote the meta of a directory and lost what is ours in it.
    LostMark,
    /// The index names a directory that is not there any more.
    Missing,
    /// A record of the index cannot be read.
    BadRecord,
    /// The sign of life of a build that has ended.
    EndedBeat,
    /// Something in the storage that belongs to no entry.
    Leftover(LeftoverKind),
}

impl FindingKind {
    /// The stable machine-readable name.
    pub fn name(self) -> &'static str {
        match self {
            FindingKind::Unreadable => "unreadable",
            FindingKind::BrokenMeta => "broken_meta",
            FindingKind::Flaw(kind) => kind.name(),
            FindingKind::CommittedRunning => "committed_running",
            FindingKind::DeadBuild => "dead_build",
            FindingKind::OpenBuild => "open_build",
            FindingKind::EndedRunning => "ended_running",
            FindingKind::EndedAttempt => "ended_attempt",
            FindingKind::ForeignRunning => "foreign_running",
            FindingKind::NotIndexed => "not_indexed",
            FindingKind::LostMark => "lost_mark",
            FindingKind::Missing => "missing",
            FindingKind::BadRecord => "bad_record",
            FindingKind::EndedBeat => "ended_beat",
            FindingKind::Leftover(kind) => kind.name(),
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is done about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Nothing: it is for a person to decide.
    Report,
    /// The meta is made to say that the directory is done.
    RollForward,
    /// The build is ended in the place of its builder, and its directory marked as stopped.
    EndBuild,
    /// The directory is marked as stopped.
    Stop,
    /// The directory is entered into the index.
    Index,
    /// The mark is written into the meta again.
    RestoreMark,
    /// The index is told that the directory is gone.
    Retire,
    /// The flaw is mended in place.
    Mend,
    /// It is deleted.
    Delete,
}

impl Action {
    /// The stable machine-readable name.
    pub fn name(self) -> &'static str {
        match self {
            Action::Report => "report",
            Action::RollForward => "roll_forward",
            Action::EndBuild => "end_build",
            Action::Stop => "stop",
            Action::Index => "index",
            Action::RestoreMark => "restore_mark",
            Action::Retire => "retire",
            Action::Mend => "mend",
            Action::Delete => "delete",
        }
    }
}

/// What became of an action.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Nothing was to be done.
    Nothing,
    /// It would be done: nothing was changed.
    Planned,
    /// It was done.
    Done,
    /// It was not done, for this reason: too new, alive, changed meanwhile, not possible here.
    Left(String),
    /// It failed.
    Failed(String),
}

impl Outcome {
    /// The stable machine-readable name.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Nothing => "nothing",
            Outcome::Planned => "planned",
            Outcome::Done => "done",
            Outcome::Left(_) => "left",
            Outcome::Failed(_) => "failed",
        }
    }

    /// Why it was left or failed.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Outcome::Left(why) | Outcome::Failed(why) => Some(why),
            Outcome::Nothing | Outcome::Planned | Outcome::Done => None,
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The entry, the record or the stored object that it is about.
    pub path: String,
    /// In which state it is.
    pub kind: FindingKind,
    /// What was seen, in a sentence without a full stop.
    pub what: String,
    /// What is done about it.
    pub action: Action,
    /// What became of that.
    pub outcome: Outcome,
}

impl Finding {
    pub(super) fn new(
        path: impl fmt::Display,
        kind: FindingKind,
        what: impl Into<String>,
        action: Action,
    ) -> Self {
        let outcome = if action == Action::Report { Outcome::Nothing } else { Outcome::Planned };
        Finding { path: path.to_string(), kind, what: what.into(), action, outcome }
    }

    /// The same, not done for a reason.
    pub(super) fn left(mut self, why: impl Into<String>) -> Self {
        self.outcome = Outcome::Left(why.into());
        self
    }

    /// Notes what became of the action: whether anything was changed.
    pub(super) fn tried(&mut self, answer: Result<bool, Error>) {
        self.outcome = match answer {
            Ok(true) => Outcome::Done,
            Ok(false) => Outcome::Left("it changed meanwhile, or somebody is at work on it".to_owned()),
            Err(error) => Outcome::Failed(error.chain()),
        };
    }
}

impl fmt::Display for Finding {
    /// One line: `PATH: KIND: WHAT; ACTION OUTCOME`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.path, self.kind, self.what)?;
        match (&self.outcome, self.outcome.reason()) {
            (Outcome::Nothing, _) => Ok(()),
            (outcome, None) => write!(f, "; {} {}", self.action.name(), outcome.name()),
            (outcome, Some(why)) => write!(f, "; {} {}: {why}", self.action.name(), outcome.name()),
        }
    }
}

/// What a run of repair or gc found and did, in the order in which it was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Everything that was found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is, or was, to be done and nothing failed. Findings that only a person can decide about do not count.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| matches!(finding.outcome, Outcome::Nothing))
    }

    /// How many findings have an outcome of this [name](Outcome::name).
    pub fn count(&self, outcome: &str) -> usize {
        self.findings.iter().filter(|finding| finding.outcome.name() == outcome).count()
    }
}
