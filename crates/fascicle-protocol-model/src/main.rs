//! Explores larger scenarios than the tests do: `cargo run --release -p fascicle-protocol-model`, with `deep` for the largest,
//! which take minutes and up to about 12 GiB. Ends non-zero when an invariant is broken, and when not all
//! states were seen.

#![expect(clippy::print_stdout, reason = "a report for people")]

use fascicle_protocol_model::{Names, Scenario, check};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let two = Scenario::TWO;
    let three = Scenario { searchers: 3, ..two };
    let usual = [
        ("2 processes, 2 faults", two),
        ("2 processes, 2 faults, a failing build", Scenario { failures: 1, suspicions: 1, ..two }),
        ("2 processes, 1 fault, removal", Scenario { remover: true, faults: 1, ..two }),
        (
            "2 processes, 1 fault, removal, change",
            Scenario { remover: true, changer: true, faults: 1, suspicions: 1, ..two },
        ),
        (
            "2 processes, 1 fault, change, claims collected",
            Scenario { changer: true, collector: true, faults: 1, ..two },
        ),
        ("2 processes, 1 fault, another program", Scenario { foreign: true, faults: 1, ..two }),
        ("3 processes, 1 fault", Scenario { faults: 1, suspicions: 1, ..three }),
        (
            "2 processes, 2 faults, removal, names used again",
            Scenario { remover: true, late_writes: false, names: Names::FirstFree, ..two },
        ),
    ];
    let deep = [
        ("2 processes, 3 faults", Scenario { faults: 3, ..two }),
        ("2 processes, 2 faults, removal", Scenario { remover: true, ..two }),
        (
            "2 processes, 2 faults, change, claims collected",
            Scenario { changer: true, collector: true, ..two },
        ),
        ("3 processes, 1 fault, 2 suspicions", Scenario { faults: 1, ..three }),
        ("3 processes, 1 fault, removal", Scenario { faults: 1, suspicions: 1, remover: true, ..three }),
    ];
    let deeper = std::env::args().nth(1).is_some_and(|argument| argument == "deep");
    let mut holds = true;
    for (name, scenario) in usual.into_iter().chain(deep.into_iter().filter(|_| deeper)) {
        let begun = Instant::now();
        let outcome = check(&scenario);
        holds &= outcome.violation.is_none() && outcome.is_complete;
        println!("{name:48} {outcome} ({:.0} s)", begun.elapsed().as_secs_f64());
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
