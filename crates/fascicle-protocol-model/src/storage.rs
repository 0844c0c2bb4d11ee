//! The storage: what a write does, and what its sender may be told.

use crate::scenario::{Names, Scenario};
use crate::state::{Directory, Epoch, Meta, State, Write};

/// What the sender of a write is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Done,
    /// There is such a record, or the meta is not of that version.
    Refused,
    /// The answer did not arrive.
    Unknown,
}

impl State {
    /// Lets a write happen.
    pub(crate) fn apply(&mut self, scenario: &Scenario, write: Write) -> Answer {
        match write {
            Write::Claim { epoch, by } => self.on_epoch(epoch, |epoch| {
                let free = epoch.claim.is_none();
                if free {
                    epoch.claim = Some(by);
                    epoch.claimed_in_time |= u8::from(epoch.end.is_none()) << by;
                }
                free
            }),
            Write::End { epoch, end } => self.on_epoch(epoch, |epoch| {
                let free = epoch.end.is_none();
                if free {
                    epoch.end = Some(end);
                }
                free
            }),
            Write::Retire { epoch } => {
                self.on_epoch(epoch, |epoch| !std::mem::replace(&mut epoch.retired, true))
            }
            Write::Create { directory, attempt } => {
                let again = scenario.names == Names::FirstFree;
                self.on_directory(directory, |directory| {
                    let free = directory.meta == Meta::Absent && (again || directory.version == 0);
                    if free {
                        directory.set_meta(Meta::Running);
                        directory.attempt = Some(attempt);
                    }
                    free
                })
            }
            Write::SwapMeta { directory, version, meta } => self.on_directory(directory, |directory| {
                let same = directory.meta != Meta::Absent && directory.version == version;
                if same {
                    directory.set_meta(meta);
                }
                same
            }),
            Write::PutMeta { directory, meta } => self.on_directory(directory, |directory| {
                directory.set_meta(meta);
                true
            }),
            Write::Data { directory, index, data } => self.on_directory(directory, |directory| {
                if let Some(place) = directory.data.get_mut(usize::from(index)) {
                    *place = data;
                }
                true
            }),
            Write::DeleteData { directory } => self.on_directory(directory, |directory| {
                directory.data = Default::default();
                true
            }),
            // Ended by whoever else removes it, which is as good.
            Write::DeleteMeta { directory, version } => self.on_directory(directory, |directory| {
                if directory.version == version {
                    directory.set_meta(Meta::Absent);
                    directory.attempt = None;
                }
                true
            }),
        }
    }

    /// All that may come of sending a write: the states after it, and what the sender is told.
    pub(crate) fn send(&self, scenario: &Scenario, write: Write) -> impl Iterator<Item = (State, Answer)> {
        let mut applied = *self;
        let answer = applied.apply(scenario, write);
        let mut outcomes = [Some((applied, answer)), None, None, None, None];
        if let Some(left) = self.faults.checked_sub(1) {
            let faulty = |state: &State| State { faults: left, ..*state };
            outcomes[1] = Some((faulty(&applied), Answer::Unknown));
            // The client sends again what it has no answer to, and meets its own write.
            if write.is_conditional() && answer == Answer::Done {
                outcomes[2] = Some((faulty(&applied), Answer::Refused));
            }
            // Refused because of another request that then failed.
            if write.creates() {
                outcomes[3] = Some((faulty(self), Answer::Refused));
            }
            let mut later = faulty(self);
            if scenario.late_writes && later.put_under_way(write) {
                outcomes[4] = Some((later, Answer::Unknown));
            }
        }
        outcomes.into_iter().flatten()
    }

    /// The states after a write that is under way lands, or is lost for good.
    pub(crate) fn land(&self, scenario: &Scenario) -> impl Iterator<Item = (&'static str, State)> {
        (0..self.under_way.len()).flat_map(move |index| {
            let write = self.under_way.get(index).copied().flatten();
            let mut lost = *self;
            if let Some(place) = lost.under_way.get_mut(index) {
                *place = None;
            }
            lost.under_way.sort_unstable();
            let landed = write.map(|write| {
                let mut landed = lost;
                landed.apply(scenario, write);
                ("a late write lands", landed)
            });
            [landed, write.map(|_| ("a late write is lost", lost))].into_iter().flatten()
        })
    }

    fn put_under_way(&mut self, write: Write) -> bool {
        let free = self.under_way.iter_mut().find(|place| place.is_none());
        let Some(place) = free else { return false };
        *place = Some(write);
        self.under_way.sort_unstable();
        true
    }

    fn on_epoch(&mut self, number: u8, change: impl FnOnce(&mut Epoch) -> bool) -> Answer {
        answer(self.epochs.get_mut(usize::from(number)).is_some_and(change))
    }

    fn on_directory(&mut self, number: u8, change: impl FnOnce(&mut Directory) -> bool) -> Answer {
        answer(self.directories.get_mut(usize::from(number)).is_some_and(change))
    }
}

fn answer(done: bool) -> Answer {
    if done { Answer::Done } else { Answer::Refused }
}

impl Directory {
    fn set_meta(&mut self, meta: Meta) {
        self.meta = meta;
        self.version += 1;
    }
}

impl Write {
    fn creates(self) -> bool {
        matches!(self, Write::Claim { .. } | Write::End { .. } | Write::Retire { .. } | Write::Create { .. })
    }

    fn is_conditional(self) -> bool {
        self.creates() || matches!(self, Write::SwapMeta { .. })
    }
}
