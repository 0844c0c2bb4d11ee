//! The walk through all states, the nearest first.

use crate::bystander::may_die;
use crate::fingerprint::{self, Fingerprints};
use crate::invariant::{broken, broken_at_rest};
use crate::scenario::Scenario;
use crate::searcher::Turn;
use crate::state::{FOREIGN, State, Step};
use std::collections::VecDeque;
use std::fmt;

/// What an exploration came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How many different states there are, or were seen.
    pub states: usize,
    /// In how many of them nothing can happen any more.
    pub at_rest: usize,
    /// How many steps away from the beginning the last one is.
    pub depth: usize,
    /// Whether every state was seen.
    pub is_complete: bool,
    /// The invariant that is broken, and the steps that lead there.
    pub violation: Option<(&'static str, Vec<String>)>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extent = if self.is_complete { "all" } else { "not all" };
        let (states, rest, depth) = (self.states, self.at_rest, self.depth);
        match &self.violation {
            None => write!(f, "holds in {extent} {states} states, {rest} at rest, depth {depth}"),
            Some((why, steps)) => {
                writeln!(f, "broken after {} steps and {states} states: {why}", steps.len())?;
                steps.iter().try_for_each(|step| writeln!(f, "    {step}"))
            }
        }
    }
}

/// Visits every state that the scenario can reach, until one breaks an invariant.
pub fn check(scenario: &Scenario) -> Outcome {
    let initial = State::initial(scenario);
    let mut seen = Fingerprints::default();
    // Which state each was reached from, and as which of the states that follow it.
    let mut origins: Vec<(u32, u16)> = vec![(0, 0)];
    let mut open = VecDeque::from([(initial, 0u32, 0usize)]);
    seen.insert(fingerprint::of(&initial));
    let mut outcome = Outcome { states: 1, at_rest: 0, depth: 0, is_complete: true, violation: None };
    let mut after = Vec::new();
    while let Some((state, number, depth)) = open.pop_front() {
        outcome.depth = depth;
        after.clear();
        let mut why = broken(&state);
        if why.is_none() {
            successors(scenario, &state, &mut after);
            if after.is_empty() {
                outcome.at_rest += 1;
                why = broken_at_rest(scenario, &state);
            }
        }
        if let Some(why) = why {
            outcome.violation = Some((why, retrace(scenario, &origins, number)));
            return outcome;
        }
        for (index, (_, next)) in after.iter().enumerate() {
            if !seen.insert(fingerprint::of(next)) {
                continue;
            }
            let (Ok(new), Ok(index)) = (u32::try_from(origins.len()), u16::try_from(index)) else {
                outcome.is_complete = false;
                return outcome;
            };
            origins.push((number, index));
            open.push_back((*next, new, depth + 1));
        }
        outcome.states = origins.len();
        if outcome.states > scenario.most_states {
            outcome.is_complete = false;
            return outcome;
        }
    }
    outcome
}

/// The states that can follow, always in the same order.
fn successors(scenario: &Scenario, state: &State, after: &mut Vec<(&'static str, State)>) {
    after.extend(state.land(scenario));
    if scenario.foreign && state.directory(FOREIGN).version == 0 {
        after.push(("finishes a directory, which is another program", state.with_foreign()));
    }
    for actor in 0..scenario.actors() {
        successors_by(scenario, state, actor, after);
    }
}

fn successors_by(scenario: &Scenario, state: &State, actor: u8, after: &mut Vec<(&'static str, State)>) {
    let Some(step) = state.steps.get(usize::from(actor)).copied() else { return };
    if let Some(left) = state.faults.checked_sub(1)
        && may_die(step)
    {
        after.push(("dies", State { faults: left, ..state.with(actor, Step::Dead) }));
    }
    let mut turn = Turn { scenario, state, actor, after };
    if actor < scenario.searchers {
        turn.search(step);
    } else {
        turn.stand_by(step);
    }
}

/// The steps that lead to a state.
fn retrace(scenario: &Scenario, origins: &[(u32, u16)], last: u32) -> Vec<String> {
    let mut choices = Vec::new();
    let mut number = last;
    while number != 0 {
        let Some((origin, choice)) = origins.get(number as usize).copied() else { break };
        choices.push(choice);
        number = origin;
    }
    let mut state = State::initial(scenario);
    let mut steps = Vec::new();
    for choice in choices.into_iter().rev() {
        let mut after = Vec::new();
        successors(scenario, &state, &mut after);
        let Some((what, next)) = after.get(usize::from(choice)).copied() else { break };
        let changed = state.steps.iter().zip(&next.steps).position(|(one, other)| one != other);
        let who = changed.map_or("the storage".to_owned(), |actor| format!("process {actor}"));
        let fault = if next.faults < state.faults { ", with a fault" } else { "" };
        let step = changed
            .and_then(|actor| next.steps.get(actor))
            .map_or(String::new(), |step| format!(" → {step:?}"));
        steps.push(format!("{who} {what}{fault}{step}"));
        state = next;
    }
    steps
}
