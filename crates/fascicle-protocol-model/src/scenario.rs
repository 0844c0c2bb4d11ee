//! What is explored: who takes part, how much may go wrong, and which rule is left out.

/// Which names the directories of attempts get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// No two attempts ever have the same one.
    NeverUsedAgain,
    /// The first free one: a name is used again once its directory was removed.
    FirstFree,
}

/// A rule of the protocol that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// "It exists" is believed without reading the record back.
    NoReadBack,
    /// Who takes a builder for dead goes on to the next epoch without ending the one before.
    NoSeal,
    /// All attempts build in one directory.
    SharedDirectory,
    /// A finder that completes a commit overwrites the meta instead of swapping it.
    OverwritingRepair,
    /// A commit whose answer is lost is taken for a failed one.
    UnknownCommitIsFailure,
    /// The end is not read again after an epoch was claimed.
    NoSecondLookAfterClaim,
    /// A finder goes on to the next epoch without saying for everybody that the one before is over.
    NoRetirement,
    /// The mark that a directory was modified comes after the change.
    MarkAfterChange,
    /// Who finds a finished directory of another program returns it, whoever holds the claim.
    AdoptionWithoutClaim,
    /// The meta of a directory is taken for that of the attempt that the end names, without comparing.
    AttemptsNotCompared,
}

/// Who takes part, and how much may go wrong.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// How many processes find or build.
    pub searchers: u8,
    /// How many faults there may be.
    pub faults: u8,
    /// Whether a write may land long after its sender got no answer.
    pub late_writes: bool,
    /// How often a builder that may be alive is taken for dead.
    pub suspicions: u8,
    /// How often a build function fails.
    pub failures: u8,
    /// Whether one more process removes a finished directory.
    pub remover: bool,
    /// Whether the remover also removes directories whose builders may still be at work.
    pub removes_unfinished: bool,
    /// Whether one more process changes a finished directory.
    pub changer: bool,
    /// Whether one more process deletes a claim whose epoch is over.
    pub collector: bool,
    /// Whether another program, which takes no claims, finishes a directory of the config at any moment.
    pub foreign: bool,
    /// Which names directories get.
    pub names: Names,
    /// The rule that is left out.
    pub mutant: Option<Mutant>,
    /// Beyond this number of states the exploration ends, incomplete.
    pub most_states: usize,
}

impl Scenario {
    /// Two searchers and nobody else, two faults, two suspicions.
    pub const TWO: Scenario = Scenario {
        searchers: 2,
        faults: 2,
        late_writes: true,
        suspicions: 2,
        failures: 0,
        remover: false,
        removes_unfinished: false,
        changer: false,
        collector: false,
        foreign: false,
        names: Names::NeverUsedAgain,
        mutant: None,
        most_states: 400_000_000,
    };

    pub(crate) fn lacks(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(crate) fn actors(&self) -> u8 {
        self.searchers + u8::from(self.remover) + u8::from(self.changer) + u8::from(self.collector)
    }
}
