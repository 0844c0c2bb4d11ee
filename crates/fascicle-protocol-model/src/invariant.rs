//! What must hold in every state.

use crate::scenario::Scenario;
use crate::state::{Data, End, Meta, State, Step};

/// The invariant that a state breaks.
pub(crate) fn broken(state: &State) -> Option<&'static str> {
    state.broken.or_else(|| records(state)).or_else(|| directories(state)).or_else(|| returned(state))
}

fn records(state: &State) -> Option<&'static str> {
    for (before, after) in state.epochs.iter().zip(state.epochs.iter().skip(1)) {
        let is_over =
            before.retired || matches!(before.end, Some(End::Stopped { .. } | End::Abandoned { .. }));
        if (after.claim.is_some() || after.end.is_some()) && !is_over {
            return Some(
                "an epoch was begun although the one before is not over: two directories of one config",
            );
        }
    }
    None
}

fn directories(state: &State) -> Option<&'static str> {
    for (number, directory) in state.numbered_directories() {
        let Some(attempt) = directory.attempt else { continue };
        let records = state.epoch(attempt.epoch);
        let is_committed = records.end == Some(End::Done { attempt, directory: number });
        match directory.meta {
            Meta::Done if !is_committed => return Some("a meta says 'done' of what was not committed"),
            Meta::Done if directory.data.iter().any(|data| *data != Data::Of(attempt)) => {
                return Some(
                    "a meta says 'done', and the data are not whole, or of another attempt, or changed",
                );
            }
            Meta::Stopped if is_committed && !records.retired => {
                return Some("a committed directory was marked as stopped");
            }
            Meta::Running if is_committed && directory.data.iter().any(|data| *data != Data::Of(attempt)) => {
                return Some("a directory was committed whose data are not whole, or of another attempt");
            }
            _ => {}
        }
    }
    None
}

fn returned(state: &State) -> Option<&'static str> {
    state.steps.iter().find_map(|step| match step {
        Step::Returned { epoch, directory } => {
            let is_committed = matches!(
                state.epoch(*epoch).end,
                Some(End::Done { directory: committed, .. }) if committed == *directory
            );
            (!is_committed).then_some("a directory was returned that was not committed")
        }
        _ => None,
    })
}

/// What must hold where nothing can happen any more.
pub(crate) fn broken_at_rest(scenario: &Scenario, state: &State) -> Option<&'static str> {
    let searchers = state.steps.iter().take(scenario.searchers.into());
    searchers.clone().any(|step| !step.is_last()).then_some("a process waits for ever")
}
