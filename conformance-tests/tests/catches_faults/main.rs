//! The suite is itself tested: each planted fault must break the behaviours that name it, and no others; and every
//! behaviour must be broken by some fault, so that none is a check that cannot fail.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod array_appends;
mod arrays;
mod attributes;
mod entries;
mod files;
mod handles;
mod maintenance;
mod meetings;
mod metas;
mod names;
mod planted;
mod protocol;
mod records;
mod relocation;
mod scans;
mod semantics;
mod stamps;
mod table_parts;
mod tables;
mod values;
mod ways;
mod writers;
mod writing;

use fascicle_backend::wrap::observed;
use fascicle_conformance::{Behaviour, Outcome, Suite, all};
use fascicle_memory::MemoryBackend;
use libtest_mimic::{Arguments, Failed, Trial};
use planted::{Fault, Kept, Planted};
use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex},
};

/// A fault and the behaviours that name it.
pub(crate) struct Case {
    name: &'static str,
    suite: Suite,
    caught_by: &'static [&'static str],
    breaks_others: bool,
}

impl Case {
    /// A case of the fault that `make` makes, anew for every handle.
    fn new<F: Fault>(
        name: &'static str,
        make: impl Fn() -> F + Send + Sync + 'static,
        caught_by: &'static [&'static str],
    ) -> Self {
        let places: Arc<Mutex<HashMap<PathBuf, MemoryBackend>>> = Arc::default();
        let suite = Suite::new(name, move |site| {
            let backend = places.lock().unwrap().entry(site.dir().to_owned()).or_default().clone();
            let planted = Planted::new(Arc::new(observed(Arc::new(backend), Arc::new(Kept))), make());
            async move { Ok::<_, Infallible>(planted) }
        });
        Case { name, suite, caught_by, breaks_others: false }
    }

    /// A case of a suite over another kind of broken backend.
    fn of(name: &'static str, suite: Suite, caught_by: &'static [&'static str]) -> Self {
        Case { name, suite, caught_by, breaks_others: false }
    }

    /// Says that the fault is so coarse that it breaks more than what names it.
    fn among_others(mut self) -> Self {
        self.breaks_others = true;
        self
    }
}

struct NoFault;
impl Fault for NoFault {}

/// Areas of the contract whose behaviours see many faults that others name: by chance, or only when tasks meet.
const GENERAL: [&str; 7] =
    ["random", "concurrent", "reader", "table_new_columns", "table_compact", "stamp", "maintenance"];

/// Areas whose behaviours see some faults only when tasks meet, which they do not at every attempt.
const MEETINGS: [&str; 6] = ["random", "concurrent", "reader", "race", "table_compact", "maintenance"];

/// Behaviours that move megabytes, which are checked only where they are named.
const LARGE: [&str; 12] = [
    "file::a_large_file_comes_back",
    "file::a_range_is_read",
    "file::a_slow_reader_sees_one_state",
    "table::a_slow_reader_sees_one_state",
    "array::a_large_array_comes_back",
    "attributes::large_attributes_come_back_or_are_refused",
    "limit::the_greatest_width_works",
    "limit::the_size_of_a_meta_is_limited",
    "limit::the_size_of_attributes_is_limited",
    "limit::a_long_text_works",
    "limit::many_columns_work",
    "limit::many_records_are_listed",
];

/// Areas that look at a backend through its contract. The others look through the semantics on top of it, where any fault of
/// the contract may show.
const OF_THE_CONTRACT: [&str; 31] = [
    "path",
    "entry",
    "meta",
    "stamp",
    "list",
    "file",
    "array",
    "dtype",
    "select",
    "append",
    "table",
    "scan",
    "table_append",
    "table_new_columns",
    "table_compact",
    "attributes",
    "remove",
    "rename",
    "copy",
    "record",
    "reopen",
    "concurrent",
    "reader",
    "fault",
    "given_up",
    "error",
    "limit",
    "refusal",
    "cost",
    "random",
    "maintenance",
];

fn is_of_the_contract(behaviour: &Behaviour) -> bool {
    OF_THE_CONTRACT.contains(&behaviour.area())
}

fn cases() -> Vec<Case> {
    [
        names::cases(),
        entries::cases(),
        writing::cases(),
        metas::cases(),
        stamps::cases(),
        files::cases(),
        arrays::cases(),
        array_appends::cases(),
        values::cases(),
        tables::cases(),
        scans::cases(),
        table_parts::cases(),
        attributes::cases(),
        relocation::cases(),
        records::cases(),
        handles::cases(),
        meetings::cases(),
        maintenance::cases(),
        semantics::cases(),
        protocol::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn breaks_exactly_these(case: &Case) -> Result<(), Failed> {
    let is_named = |name: &str| case.caught_by.contains(&name);
    let is_left_out = |behaviour: &Behaviour| {
        GENERAL.contains(&behaviour.area())
            || LARGE.contains(&behaviour.name)
            || !is_of_the_contract(behaviour)
    };
    let report = case
        .suite
        .report_where(|behaviour| is_named(behaviour.name) || !case.breaks_others && !is_left_out(behaviour));
    let mut problems = report.problems.clone();
    for row in &report.rows {
        let name = row.behaviour.name;
        match (&row.outcome, is_named(name)) {
            (Outcome::Broken(_), true) => {}
            (_, true) if MEETINGS.contains(&row.behaviour.area()) && breaks_in_time(case, name) => {}
            (outcome, true) => problems.push(format!("not caught by {name}, which is {}", outcome.name())),
            (Outcome::Broken(why), false) => {
                problems.push(format!("{name} is broken too: {}", why.lines().next().unwrap_or_default()));
            }
            (_, false) => {}
        }
    }
    if case.caught_by.is_empty() {
        problems.push("no behaviour is said to catch it".to_owned());
    }
    if problems.is_empty() { Ok(()) } else { Err(Failed::from(problems.join("\n"))) }
}

/// Whether a behaviour breaks at last: tasks do not meet at every attempt.
fn breaks_in_time(case: &Case, name: &str) -> bool {
    (0..50).any(|_| case.suite.report_where(|behaviour| behaviour.name == name).broken().next().is_some())
}

fn no_fault_breaks_nothing() -> Result<(), Failed> {
    let report = Case::new("none", || NoFault, &[]).suite.report_where(is_of_the_contract);
    if report.is_conformant() { Ok(()) } else { Err(Failed::from(report)) }
}

/// What the checks before every backend refuse, and what that costs: no backend is asked, so that no fault of one can break
/// it. The checks have tests of their own.
const CHECKED_BEFORE_THE_BACKEND: [&str; 20] = [
    "path::names_that_cannot_travel_are_not_created",
    "path::dots_in_array_names_are_refused",
    "path::dots_in_table_names_are_refused",
    "file::a_backward_range_is_refused",
    "attributes::the_root_cannot_be_given_any",
    "remove::the_root_cannot_be_removed",
    "rename::an_entry_does_not_move_into_itself",
    "rename::the_name_suits_the_kind",
    "copy::an_entry_is_not_copied_into_itself",
    "limit::impossible_chunks_are_refused",
    "limit::impossible_levels_are_refused",
    "limit::impossible_widths_are_refused",
    "refusal::a_place_opened_for_reading_refuses_every_write",
    "refusal::a_fill_value_that_does_not_fit_is_refused",
    "refusal::elements_that_do_not_fit_are_refused",
    "refusal::a_table_without_proper_columns_is_refused",
    "refusal::a_scan_that_makes_no_sense_is_refused",
    "refusal::attributes_without_proper_names_are_refused",
    "cost::one_call_is_one_call",
    "cost::refused_calls_do_not_reach_the_storage",
];

/// Whether each behaviour of the contract is said to catch some planted fault, which shows that it can fail.
fn every_behaviour_can_fail() -> Result<(), Failed> {
    let caught: BTreeSet<&str> = cases().iter().flat_map(|case| case.caught_by).copied().collect();
    let known: BTreeSet<&str> = CHECKED_BEFORE_THE_BACKEND.into_iter().collect();
    let behaviours = all().into_iter().filter(is_of_the_contract);
    let never: BTreeSet<&str> =
        behaviours.map(|behaviour| behaviour.name).filter(|name| !caught.contains(name)).collect();
    if never == known { Ok(()) } else { Err(Failed::from(format!("these never fail: {never:#?}"))) }
}

/// What random checks draw here unless it is said otherwise: whether they meet a fault that few operations show is a matter of luck.
const SEED: &str = "1";

/// Runs this program again with the seed, which is read from the environment.
fn with_the_seed() -> std::io::Result<ExitCode> {
    let mut again = std::process::Command::new(std::env::current_exe()?);
    let status = again.args(std::env::args_os().skip(1)).env("FASCICLE_SEED", SEED).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn main() -> ExitCode {
    if std::env::var_os("FASCICLE_SEED").is_none() {
        return with_the_seed().unwrap();
    }
    let mut trials: Vec<Trial> =
        cases().into_iter().map(|case| Trial::test(case.name, move || breaks_exactly_these(&case))).collect();
    trials.push(Trial::test("no_fault_breaks_nothing", no_fault_breaks_nothing));
    trials.push(Trial::test("every_behaviour_can_fail", every_behaviour_can_fail));
    trials
        .push(Trial::test("every_behaviour_of_the_semantics_can_fail", semantics::every_behaviour_can_fail));
    trials.push(Trial::test("lost_answers_are_read_back", protocol::lost_answers_are_read_back));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
