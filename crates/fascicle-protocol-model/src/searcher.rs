//! The steps of who finds or builds, as in `search.rs`, `attempt.rs` and `wait.rs` of `fascicle-core/src/build`.

use crate::scenario::{Mutant, Scenario};
use crate::state::{
    Attempt, DIRECTORIES, Data, Directory, EPOCHS, End, FOREIGN, Meta, State, Step, WRITES, Write,
};
use crate::storage::Answer;

/// Takes one searcher a step further, in every way in which that can go.
pub(crate) struct Turn<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) state: &'a State,
    pub(crate) actor: u8,
    pub(crate) after: &'a mut Vec<(&'static str, State)>,
}

impl Turn<'_> {
    /// Does `step`, which is the searcher's.
    pub(crate) fn search(&mut self, step: Step) {
        match step {
            Step::ReadEnd { epoch, waited } => self.read_end(epoch, waited),
            Step::Judge { epoch } => self.judge(epoch),
            Step::RollForward { epoch, version } => self.roll_forward(epoch, version),
            Step::RolledForward { epoch } => self.rolled_forward(epoch),
            Step::Retire { epoch } => self.retire(epoch),
            Step::ReadClaim { epoch } => {
                let claimed = self.state.epoch(epoch).claim.is_some();
                if !claimed && self.scenario.foreign {
                    return self.go("reads the claim", Step::LookForForeign { epoch });
                }
                self.go(
                    "reads the claim",
                    if claimed { Step::Wait { epoch } } else { Step::Claim { epoch } },
                );
            }
            Step::Claim { epoch } => {
                let by = self.actor;
                self.send("claims", Write::Claim { epoch, by }, |turn, answer| match answer {
                    Answer::Done => Step::LookAgain { epoch },
                    Answer::Refused if turn.lacks(Mutant::NoReadBack) => Step::Wait { epoch },
                    Answer::Refused | Answer::Unknown => Step::ReadBackClaim { epoch },
                });
            }
            Step::ReadBackClaim { epoch } => {
                let next = match self.state.epoch(epoch).claim {
                    None => Step::Claim { epoch },
                    Some(by) if by == self.actor => Step::LookAgain { epoch },
                    Some(_) => Step::Wait { epoch },
                };
                self.go("reads its claim back", next);
            }
            Step::LookForForeign { epoch } => {
                let is_there = self.state.directory(FOREIGN).meta == Meta::Done;
                let next = if is_there { Step::Adopt { epoch } } else { Step::Claim { epoch } };
                self.go("looks for a directory of another program", next);
            }
            Step::Adopt { epoch } => {
                let by = self.actor;
                self.send("claims, to adopt", Write::Claim { epoch, by }, |_, answer| match answer {
                    Answer::Done => Step::EndAdoption { epoch },
                    Answer::Refused | Answer::Unknown => Step::ReadBackAdoption { epoch },
                });
            }
            Step::ReadBackAdoption { epoch } => {
                let next = match self.state.epoch(epoch).claim {
                    None => Step::Adopt { epoch },
                    Some(by) if by == self.actor => Step::EndAdoption { epoch },
                    Some(_) if self.lacks(Mutant::AdoptionWithoutClaim) => {
                        Step::Returned { epoch, directory: FOREIGN }
                    }
                    Some(_) => Step::Wait { epoch },
                };
                self.go("reads its claim back", next);
            }
            Step::EndAdoption { epoch } => {
                let end = End::Done { attempt: self.attempt(epoch), directory: FOREIGN };
                self.send("ends an epoch by adoption", Write::End { epoch, end }, |turn, _| {
                    match turn.state.epoch(epoch).end {
                        None => Step::EndAdoption { epoch },
                        Some(found) if found == end => Step::Returned { epoch, directory: FOREIGN },
                        Some(_) => Step::ReadEnd { epoch, waited: false },
                    }
                });
            }
            Step::LookAgain { epoch } => {
                let over =
                    self.state.epoch(epoch).end.is_some() && !self.lacks(Mutant::NoSecondLookAfterClaim);
                let next = if over { Step::ReadEnd { epoch, waited: false } } else { self.first_name(epoch) };
                self.go("looks again after its claim", next);
            }
            Step::Create { epoch, directory } => self.create(epoch, directory),
            Step::Write { epoch, directory, index } => self.write(epoch, directory, index),
            Step::Commit { epoch, directory } => self.commit(epoch, directory),
            Step::ReadBackCommit { epoch, directory } => {
                let mine = self.attempt(epoch);
                let next = match self.state.epoch(epoch).end {
                    None => Step::Commit { epoch, directory },
                    Some(End::Done { attempt, .. }) if attempt == mine => Step::MarkDone { epoch, directory },
                    Some(_) => Step::StopOwn { epoch, directory, failed: false },
                };
                self.go("reads its commit back", next);
            }
            Step::MarkDone { epoch, directory } => self.mark_done(epoch, directory),
            Step::EndFailed { epoch, directory } => {
                let end = End::Stopped { by: self.actor };
                self.send("ends its failed build", Write::End { epoch, end }, |turn, _| {
                    match (turn.state.epoch(epoch).end, directory) {
                        (None, directory) => Step::EndFailed { epoch, directory },
                        (Some(_), Some(directory)) => Step::StopOwn { epoch, directory, failed: true },
                        (Some(_), None) => Step::Failed,
                    }
                });
            }
            Step::StopOwn { epoch, directory, failed } => {
                let next = if failed { Step::Failed } else { Step::ReadEnd { epoch, waited: false } };
                self.stop(epoch, directory, next);
            }
            Step::Wait { epoch } => self.wait(epoch),
            Step::Seal { epoch } => self.seal(epoch),
            Step::ReadBackSeal { epoch } => {
                let next = match self.state.epoch(epoch).end {
                    None => Step::Seal { epoch },
                    Some(End::Abandoned { by }) if by == self.actor => Step::StopSealed { epoch },
                    Some(_) => Step::ReadEnd { epoch, waited: true },
                };
                self.go("reads its seal back", next);
            }
            Step::StopSealed { epoch } => self.stop_sealed(epoch),
            _ => {}
        }
    }

    fn read_end(&mut self, epoch: u8, waited: bool) {
        if usize::from(epoch) >= EPOCHS {
            return self.go("runs out of epochs", Step::GaveUp);
        }
        let next = match self.state.epoch(epoch).end {
            None => Step::ReadClaim { epoch },
            Some(End::Done { .. }) => Step::Judge { epoch },
            Some(End::Stopped { .. }) if waited => Step::Failed,
            Some(End::Stopped { .. } | End::Abandoned { .. }) => self.next_epoch(epoch),
        };
        self.go("reads the end", next);
    }

    fn judge(&mut self, epoch: u8) {
        let Some(End::Done { attempt, directory: number }) = self.state.epoch(epoch).end else { return };
        let directory = self.state.directory(number);
        // What another program made has no mark of an attempt.
        let same =
            directory.attempt.is_none_or(|of| of == attempt) || self.lacks(Mutant::AttemptsNotCompared);
        let next = match directory.meta {
            Meta::Done if same => {
                return self.return_with(epoch, number, &directory);
            }
            Meta::Running if same => Step::RollForward { epoch, version: directory.version },
            _ if self.lacks(Mutant::NoRetirement) => self.next_epoch(epoch),
            _ => Step::Retire { epoch },
        };
        self.go("reads the meta of a finished directory", next);
    }

    /// Returns a directory that was just seen to be usable.
    fn return_with(&mut self, epoch: u8, number: u8, directory: &Directory) {
        let mut after = self.state.with(self.actor, Step::Returned { epoch, directory: number });
        let is_whole = |attempt| directory.data.iter().all(|data| *data == Data::Of(attempt));
        if directory.attempt.is_some_and(|attempt| !is_whole(attempt)) {
            after.broken = Some("a directory was returned whose data are not whole, or of another attempt");
        }
        if self.state.epoch(epoch + 1).claim.is_some() {
            after.broken = Some("a directory was returned after its successor had been claimed");
        }
        self.after.push(("returns the directory", after));
    }

    fn roll_forward(&mut self, epoch: u8, version: u8) {
        let Some(End::Done { directory, .. }) = self.state.epoch(epoch).end else { return };
        let write = if self.lacks(Mutant::OverwritingRepair) {
            Write::PutMeta { directory, meta: Meta::Done }
        } else {
            Write::SwapMeta { directory, version, meta: Meta::Done }
        };
        self.send("completes a commit", write, |_, answer| match answer {
            Answer::Done => Step::Returned { epoch, directory },
            Answer::Refused | Answer::Unknown => Step::RolledForward { epoch },
        });
    }

    /// After a swap that was refused, or whose answer was lost: the next look says what is there.
    fn rolled_forward(&mut self, epoch: u8) {
        let Some(End::Done { attempt, directory: number }) = self.state.epoch(epoch).end else { return };
        let directory = self.state.directory(number);
        let next = match directory.meta {
            Meta::Running if directory.attempt == Some(attempt) => {
                Step::RollForward { epoch, version: directory.version }
            }
            // Judged before it was modified.
            Meta::Done | Meta::Modified if directory.attempt == Some(attempt) => {
                Step::Returned { epoch, directory: number }
            }
            _ => Step::GaveUp,
        };
        self.go("looks at the meta again", next);
    }

    fn retire(&mut self, epoch: u8) {
        self.send("retires an epoch", Write::Retire { epoch }, |turn, _| {
            if turn.state.epoch(epoch).retired { turn.next_epoch(epoch) } else { Step::Retire { epoch } }
        });
    }

    fn first_name(&self, epoch: u8) -> Step {
        Step::Create { epoch, directory: 0 }
    }

    fn create(&mut self, epoch: u8, directory: u8) {
        if usize::from(directory) >= DIRECTORIES - usize::from(self.scenario.foreign) {
            return self.go("runs out of names", Step::EndFailed { epoch, directory: None });
        }
        if self.state.epoch(epoch).claimed_in_time & (1 << self.actor) == 0 {
            let mut after = *self.state;
            after.broken = Some("a build begins in an epoch that was over before it was claimed");
            return self.after.push(("creates its directory", after));
        }
        let attempt = self.attempt(epoch);
        if self.lacks(Mutant::SharedDirectory) {
            return self.create_shared(epoch, attempt);
        }
        self.send("creates its directory", Write::Create { directory, attempt }, |_, answer| match answer {
            Answer::Done => Step::Write { epoch, directory, index: 0 },
            // It may be its own, whose answer was lost: then it stays behind, empty.
            Answer::Refused => Step::Create { epoch, directory: directory + 1 },
            Answer::Unknown => Step::EndFailed { epoch, directory: None },
        });
    }

    /// What an earlier attempt left in the one directory goes, and the directory is created anew.
    fn create_shared(&mut self, epoch: u8, attempt: Attempt) {
        let mut after = *self.state;
        if let Some(directory) = after.directories.first_mut()
            && directory.meta != Meta::Done
        {
            let version = directory.version + 1;
            *directory =
                Directory { meta: Meta::Running, attempt: Some(attempt), version, ..Directory::default() };
        }
        self.after.push((
            "creates its directory",
            after.with(self.actor, Step::Write { epoch, directory: 0, index: 0 }),
        ));
    }

    fn write(&mut self, epoch: u8, directory: u8, index: u8) {
        if let Some(left) = self.state.failures.checked_sub(1) {
            let failed = State { failures: left, ..*self.state };
            let next = Step::EndFailed { epoch, directory: Some(directory) };
            self.after.push(("fails to build", failed.with(self.actor, next)));
        }
        let data = Data::Of(self.attempt(epoch));
        self.send("writes data", Write::Data { directory, index, data }, |_, answer| match answer {
            Answer::Done if usize::from(index) + 1 == WRITES => Step::Commit { epoch, directory },
            Answer::Done => Step::Write { epoch, directory, index: index + 1 },
            Answer::Refused | Answer::Unknown => Step::Write { epoch, directory, index },
        });
    }

    fn commit(&mut self, epoch: u8, directory: u8) {
        let end = End::Done { attempt: self.attempt(epoch), directory };
        let fenced = Step::StopOwn { epoch, directory, failed: false };
        self.send("commits", Write::End { epoch, end }, |turn, answer| match answer {
            Answer::Done => Step::MarkDone { epoch, directory },
            Answer::Refused if turn.lacks(Mutant::NoReadBack) => fenced,
            Answer::Unknown if turn.lacks(Mutant::UnknownCommitIsFailure) => fenced,
            Answer::Refused | Answer::Unknown => Step::ReadBackCommit { epoch, directory },
        });
    }

    fn mark_done(&mut self, epoch: u8, number: u8) {
        let directory = self.state.directory(number);
        let own = directory.attempt == Some(self.attempt(epoch));
        match directory.meta {
            Meta::Running if own => {
                self.go("reads its own meta", Step::RollForward { epoch, version: directory.version })
            }
            Meta::Done | Meta::Modified if own => {
                self.go("reads its own meta", Step::Returned { epoch, directory: number });
            }
            _ => self.go("finds its own directory removed", Step::GaveUp),
        }
    }

    /// Marks the directory of an attempt that did not make it, if it is one.
    fn stop(&mut self, epoch: u8, number: u8, next: Step) {
        let directory = self.state.directory(number);
        let is_of_epoch = directory.attempt.is_some_and(|attempt| attempt.epoch == epoch);
        if directory.meta != Meta::Running || !is_of_epoch {
            return self.go("has nothing to mark as stopped", next);
        }
        let write = Write::SwapMeta { directory: number, version: directory.version, meta: Meta::Stopped };
        let same = self.state.steps.get(usize::from(self.actor)).copied().unwrap_or(next);
        self.send("marks a directory as stopped", write, move |_, answer| match answer {
            Answer::Done => next,
            // Whoever fails to do so gives up after a while; the directory is never found all the same.
            Answer::Refused | Answer::Unknown => same,
        });
        self.go("does not mark a directory as stopped", next);
    }

    fn wait(&mut self, epoch: u8) {
        let records = self.state.epoch(epoch);
        if records.end.is_some() {
            return self.go("sees that the epoch has ended", Step::ReadEnd { epoch, waited: true });
        }
        let next = if self.lacks(Mutant::NoSeal) { self.next_epoch(epoch) } else { Step::Seal { epoch } };
        if let Some(left) = self.state.suspicions.checked_sub(1) {
            let suspicious = State { suspicions: left, ..*self.state };
            self.after.push(("takes a builder for dead", suspicious.with(self.actor, next)));
            return;
        }
        // That a builder which is dead is taken for dead does not end.
        let alive = records
            .claim
            .is_some_and(|by| self.state.steps.get(usize::from(by)).is_some_and(|step| step.builds(epoch)));
        if !alive {
            self.go("sees that the builder is dead", next);
        }
    }

    fn seal(&mut self, epoch: u8) {
        let end = End::Abandoned { by: self.actor };
        self.send("seals", Write::End { epoch, end }, |turn, answer| match answer {
            Answer::Done => Step::StopSealed { epoch },
            Answer::Refused if turn.lacks(Mutant::NoReadBack) => Step::ReadEnd { epoch, waited: true },
            Answer::Refused | Answer::Unknown => Step::ReadBackSeal { epoch },
        });
    }

    /// The beat says where the sealed attempt builds, if the sealer saw one.
    fn stop_sealed(&mut self, epoch: u8) {
        let next = Step::ReadEnd { epoch, waited: true };
        let seen = self
            .state
            .numbered_directories()
            .find(|(_, directory)| {
                directory.meta == Meta::Running
                    && directory.attempt.is_some_and(|attempt| attempt.epoch == epoch)
            })
            .map(|(number, _)| number);
        match seen {
            Some(number) => self.stop(epoch, number, next),
            None => self.go("knows of no directory of the sealed attempt", next),
        }
    }

    pub(crate) fn go(&mut self, what: &'static str, next: Step) {
        self.after.push((what, self.state.with(self.actor, next)));
    }

    /// Sends a write and goes on as `next` says, which sees the state after it.
    pub(crate) fn send(
        &mut self,
        what: &'static str,
        write: Write,
        next: impl Fn(&Turn<'_>, Answer) -> Step,
    ) {
        let outcomes: Vec<_> = self.state.send(self.scenario, write).collect();
        for (state, answer) in outcomes {
            let mut none = Vec::new();
            let seen = Turn { scenario: self.scenario, state: &state, actor: self.actor, after: &mut none };
            let step = next(&seen, answer);
            self.after.push((what, state.with(self.actor, step)));
        }
    }

    fn lacks(&self, mutant: Mutant) -> bool {
        self.scenario.lacks(mutant)
    }

    fn attempt(&self, epoch: u8) -> Attempt {
        Attempt { actor: self.actor, epoch }
    }

    fn next_epoch(&self, epoch: u8) -> Step {
        Step::ReadEnd { epoch: epoch + 1, waited: false }
    }
}
