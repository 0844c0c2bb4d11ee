//! The protocol holds in every state of small scenarios, and no rule of it can be left out.

#![expect(clippy::panic, reason = "tests fail by panicking")]

use fascicle_protocol_model::{Mutant, Names, Scenario, check};

const TWO: Scenario = Scenario::TWO;

fn holds(scenario: &Scenario) {
    let outcome = check(scenario);
    assert!(outcome.violation.is_none() && outcome.is_complete, "{scenario:?}: {outcome}");
    assert!(outcome.at_rest > 0, "{scenario:?}: every run goes on for ever");
}

/// The rule is needed: without it, an invariant breaks, and it is this one.
fn breaks(mutant: Mutant, scenario: Scenario, why: &str) {
    holds_up_to(&scenario);
    let outcome = check(&Scenario { mutant: Some(mutant), ..scenario });
    let Some((broken, _)) = &outcome.violation else { panic!("{mutant:?} breaks nothing: {outcome}") };
    assert!(broken.contains(why), "{mutant:?} breaks something else: {outcome}");
}

/// With the rule, nothing breaks in the states nearest to the beginning.
fn holds_up_to(scenario: &Scenario) {
    let outcome = check(&Scenario { most_states: 200_000, ..*scenario });
    assert!(outcome.violation.is_none(), "{scenario:?}: {outcome}");
}

#[test]
fn two_processes_one_fault() {
    holds(&Scenario { faults: 1, ..TWO });
}

#[test]
fn a_failing_build() {
    holds(&Scenario { faults: 1, suspicions: 1, failures: 1, ..TWO });
}

#[test]
fn a_removal() {
    holds(&Scenario { faults: 1, suspicions: 1, remover: true, ..TWO });
}

#[test]
fn a_change_while_claims_are_collected() {
    holds(&Scenario { faults: 1, suspicions: 1, changer: true, collector: true, ..TWO });
}

#[test]
fn another_program_that_takes_no_claims() {
    holds(&Scenario { foreign: true, faults: 1, suspicions: 1, ..TWO });
}

#[test]
fn who_adopts_a_directory_claims_it_first() {
    let scenario = Scenario { foreign: true, faults: 0, suspicions: 0, ..TWO };
    breaks(Mutant::AdoptionWithoutClaim, scenario, "not committed");
}

#[test]
fn three_processes_without_faults() {
    holds(&Scenario { searchers: 3, faults: 0, suspicions: 1, ..TWO });
}

#[test]
fn answers_are_read_back() {
    breaks(Mutant::NoReadBack, TWO, "marked as stopped");
}

#[test]
fn an_unknown_commit_is_no_failure() {
    breaks(Mutant::UnknownCommitIsFailure, TWO, "marked as stopped");
}

#[test]
fn who_takes_over_seals_first() {
    breaks(Mutant::NoSeal, TWO, "two directories of one config");
}

#[test]
fn each_attempt_has_a_directory_of_its_own() {
    breaks(Mutant::SharedDirectory, TWO, "of another attempt");
}

#[test]
fn commits_are_completed_by_a_swap() {
    let scenario = Scenario { remover: true, faults: 1, suspicions: 1, ..TWO };
    breaks(Mutant::OverwritingRepair, scenario, "the data are not whole");
}

#[test]
fn the_end_is_read_again_after_a_claim() {
    let scenario = Scenario { collector: true, faults: 1, suspicions: 1, ..TWO };
    breaks(Mutant::NoSecondLookAfterClaim, scenario, "over before it was claimed");
}

#[test]
fn an_epoch_is_retired_before_the_next_one() {
    let scenario = Scenario { remover: true, removes_unfinished: true, faults: 0, suspicions: 0, ..TWO };
    breaks(Mutant::NoRetirement, scenario, "two directories of one config");
}

#[test]
fn a_directory_is_marked_before_it_is_changed() {
    let scenario = Scenario { changer: true, faults: 0, suspicions: 0, ..TWO };
    breaks(Mutant::MarkAfterChange, scenario, "changed");
}

#[test]
fn the_attempt_in_a_meta_is_compared() {
    let two = Scenario { remover: true, faults: 0, suspicions: 0, names: Names::FirstFree, ..TWO };
    breaks(Mutant::AttemptsNotCompared, Scenario { searchers: 3, ..two }, "not committed");
}

#[test]
fn names_may_be_used_again_where_nothing_lands_late() {
    let scenario = Scenario { remover: true, faults: 1, suspicions: 1, names: Names::FirstFree, ..TWO };
    holds(&Scenario { late_writes: false, ..scenario });
    // A write or a deletion of the directory before, whose sender has long gone on. This limit is documented, and this is why.
    let outcome = check(&scenario);
    assert!(outcome.violation.is_some(), "it holds after all: {outcome}");
}

/// A builder that was taken for dead may still write. So its directory must not be removed, and its name used again, before it
/// certainly is: this limit is documented, and this is why.
#[test]
fn the_name_of_a_living_attempt_must_not_be_used_again() {
    let scenario = Scenario { remover: true, removes_unfinished: true, faults: 0, suspicions: 1, ..TWO };
    holds(&scenario);
    let outcome = check(&Scenario { names: Names::FirstFree, ..scenario });
    let Some((broken, _)) = &outcome.violation else { panic!("it can be used again after all: {outcome}") };
    assert!(broken.contains("of another attempt"), "{outcome}");
}
