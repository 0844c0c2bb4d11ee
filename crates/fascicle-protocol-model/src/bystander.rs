//! The steps of who removes, changes and collects, as in `modify.rs` of `fascicle-core/src/build` and in the removal of a
//! directory on object stores, which takes several steps.

use crate::scenario::Mutant;
use crate::searcher::Turn;
use crate::state::{Data, Directory, End, Meta, Step, Write};
use crate::storage::Answer;

impl Turn<'_> {
    /// Does `step`, which is none of a searcher's.
    pub(crate) fn stand_by(&mut self, step: Step) {
        match step {
            Step::RemoverLooks => self.look_for_removal(),
            Step::RemoverRetires { directory, epoch } => {
                self.retire_before(epoch, Step::Bury { directory });
            }
            Step::Bury { directory } => self.bury(directory),
            Step::DeleteData { directory, version } => {
                self.send("deletes data", Write::DeleteData { directory }, |_, answer| match answer {
                    Answer::Done => Step::DeleteMeta { directory, version },
                    Answer::Refused | Answer::Unknown => Step::DeleteData { directory, version },
                });
            }
            Step::DeleteMeta { directory, version } => {
                self.send("deletes the tombstone", Write::DeleteMeta { directory, version }, |_, _| {
                    Step::Finished
                });
            }
            Step::ChangerLooks => self.look_for_change(),
            Step::ChangerRetires { directory, epoch } => {
                self.retire_before(epoch, Step::MarkModified { directory });
            }
            Step::MarkModified { directory } => self.mark_modified(directory),
            Step::Change { directory } => self.change(directory),
            Step::CollectorLooks => {
                for (epoch, records) in self.state.numbered_epochs() {
                    if records.end.is_some() && records.claim.is_some() {
                        self.go("finds a claim to collect", Step::DeleteClaim { epoch });
                    }
                }
                self.go("collects nothing", Step::Finished);
            }
            Step::DeleteClaim { epoch } => {
                let mut after = *self.state;
                if let Some(records) = after.epochs.get_mut(usize::from(epoch)) {
                    records.claim = None;
                }
                self.after.push(("deletes a claim", after.with(self.actor, Step::Finished)));
            }
            _ => {}
        }
    }

    /// The epoch that ended with this very directory.
    fn epoch_of(&self, number: u8, directory: &Directory) -> Option<u8> {
        let attempt = directory.attempt?;
        let end = self.state.epoch(attempt.epoch).end;
        (end == Some(End::Done { attempt, directory: number })).then_some(attempt.epoch)
    }

    fn look_for_removal(&mut self) {
        for (directory, stored) in self.state.numbered_directories() {
            let is_finished = matches!(stored.meta, Meta::Done | Meta::Modified);
            let is_unfinished = matches!(stored.meta, Meta::Running | Meta::Stopped);
            if is_finished || (is_unfinished && self.scenario.removes_unfinished) {
                let next = match self.epoch_of(directory, stored) {
                    Some(epoch) => Step::RemoverRetires { directory, epoch },
                    None => Step::Bury { directory },
                };
                self.go("finds a directory to remove", next);
            }
        }
        self.go("removes nothing", Step::Finished);
    }

    fn retire_before(&mut self, epoch: u8, next: Step) {
        let again = self.state.steps.get(usize::from(self.actor)).copied().unwrap_or(next);
        self.send("retires a directory", Write::Retire { epoch }, move |turn, _| {
            if turn.state.epoch(epoch).retired { next } else { again }
        });
    }

    fn bury(&mut self, number: u8) {
        let directory = self.state.directory(number);
        if matches!(directory.meta, Meta::Absent | Meta::Buried) {
            return self.go("finds it removed", Step::Finished);
        }
        let write = Write::SwapMeta { directory: number, version: directory.version, meta: Meta::Buried };
        self.send("buries a directory", write, |turn, _| {
            let now = turn.state.directory(number);
            match now.meta {
                Meta::Buried => Step::DeleteData { directory: number, version: now.version },
                _ => Step::Bury { directory: number },
            }
        });
    }

    fn look_for_change(&mut self) {
        for (directory, stored) in self.state.numbered_directories() {
            if stored.meta != Meta::Done {
                continue;
            }
            let next = match self.epoch_of(directory, stored) {
                _ if self.scenario.lacks(Mutant::MarkAfterChange) => Step::Change { directory },
                Some(epoch) => Step::ChangerRetires { directory, epoch },
                None => Step::MarkModified { directory },
            };
            self.go("finds a directory to change", next);
        }
        self.go("changes nothing", Step::Finished);
    }

    fn mark_modified(&mut self, number: u8) {
        let directory = self.state.directory(number);
        let changed = directory.data.contains(&Data::Changed);
        match directory.meta {
            Meta::Done => {
                let write =
                    Write::SwapMeta { directory: number, version: directory.version, meta: Meta::Modified };
                self.send("marks a directory as modified", write, |_, answer| match answer {
                    Answer::Done => Step::Change { directory: number },
                    Answer::Refused | Answer::Unknown => Step::MarkModified { directory: number },
                });
            }
            Meta::Modified if !changed => self.go("sees its mark", Step::Change { directory: number }),
            _ => self.go("finds it removed", Step::Finished),
        }
    }

    fn change(&mut self, directory: u8) {
        // Where the directory is gone meanwhile, the storage refuses.
        if matches!(self.state.directory(directory).meta, Meta::Absent | Meta::Buried) {
            return self.go("finds it removed", Step::Finished);
        }
        let next = match self.scenario.lacks(Mutant::MarkAfterChange) {
            true => Step::MarkModified { directory },
            false => Step::Finished,
        };
        let write = Write::Data { directory, index: 0, data: Data::Changed };
        self.send("changes data", write, move |_, answer| match answer {
            Answer::Done => next,
            Answer::Refused | Answer::Unknown => Step::Change { directory },
        });
    }
}

/// Whether it makes a difference that somebody dies before this step.
pub(crate) fn may_die(step: Step) -> bool {
    !step.is_last() && !matches!(step, Step::RemoverLooks | Step::ChangerLooks | Step::CollectorLooks)
}
