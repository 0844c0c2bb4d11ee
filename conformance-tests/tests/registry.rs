//! The list of behaviours is in order: names, sentences, and a behaviour for and against every capability.

use fascicle_backend::Capability;
use fascicle_conformance::{Need, all};
use std::collections::BTreeSet;

#[test]
fn names_are_unique_and_well_formed() {
    let mut seen = BTreeSet::new();
    for behaviour in all() {
        let name = behaviour.name;
        assert!(seen.insert(name), "{name} is there twice");
        let (area, what_holds) = name.split_once("::").unwrap();
        let is_word = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        assert!(is_word(area) && is_word(what_holds), "{name} is not area::what_holds");
        assert_eq!(behaviour.area(), area);
        assert!(what_holds.contains('_'), "{name} does not say what holds");
    }
}

#[test]
fn areas_are_in_one_piece() {
    let mut areas: Vec<&str> = all().iter().map(|behaviour| behaviour.area()).collect();
    areas.dedup();
    let unique: BTreeSet<&str> = areas.iter().copied().collect();
    assert_eq!(areas.len(), unique.len(), "{areas:?}");
}

#[test]
fn contracts_are_sentences() {
    for behaviour in all() {
        let contract = behaviour.contract;
        assert!(contract.starts_with(char::is_uppercase), "{}: {contract}", behaviour.name);
        assert!(contract.ends_with('.'), "{}: {contract}", behaviour.name);
        assert!(contract.split(' ').count() >= 3, "{}: {contract}", behaviour.name);
        assert!(
            !contract.contains("  ") && !contract.contains(['\n', '|']),
            "{}: {contract}",
            behaviour.name
        );
    }
}

#[test]
fn sentences_are_unique_within_an_area() {
    let mut seen = BTreeSet::new();
    for behaviour in all() {
        assert!(seen.insert((behaviour.area(), behaviour.contract)), "{}", behaviour.name);
    }
}

#[test]
fn every_capability_is_needed_and_seen_refused() {
    let behaviours = all();
    let some = |need| behaviours.iter().any(|behaviour| behaviour.needs.contains(&need));
    for capability in Capability::ALL {
        assert!(some(Need::Declared(capability)), "nothing needs {capability}");
        assert!(some(Need::Undeclared(capability)), "nothing sees {capability} refused");
    }
}

#[test]
fn needs_can_be_met() {
    for behaviour in all() {
        for need in behaviour.needs {
            if let Need::Declared(capability) = need {
                let contrary = Need::Undeclared(*capability);
                assert!(!behaviour.needs.contains(&contrary), "{} never applies", behaviour.name);
            }
        }
    }
}
