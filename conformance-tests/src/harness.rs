//! Suites as a test program: one named test for each behaviour and suite, and a report of each suite that was run whole.

use crate::{Behaviour, Outcome, Report, Row, Suite, all, gate::reason_to_skip, seed};
use fascicle_backend::Capabilities;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::{
    io::Write,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

/// The environment variable that names the directory which reports are written into.
const REPORT_VARIABLE: &str = "CONFORMANCE_REPORT";

/// Runs suites as one test program, see [`Suite::main_of`].
pub(crate) fn main_of(suites: Vec<Suite>) -> ExitCode {
    let has_several = suites.len() > 1;
    for (at, suite) in suites.iter().enumerate() {
        if suites.iter().take(at).any(|other| other.name() == suite.name()) {
            complain(&format!("two suites are called '{}'", suite.name()));
            return ExitCode::FAILURE;
        }
    }
    let suites: Vec<Member> = suites.into_iter().map(|suite| Member::new(suite, has_several)).collect();
    if std::env::args().skip(1).any(|argument| argument == "--report") {
        return print_reports(&suites);
    }
    let mut arguments = Arguments::from_args();
    let mut trials = Vec::new();
    let mut opened = Vec::new();
    for member in &suites {
        if !member.is_named_by(&arguments) {
            continue;
        }
        match member.suite.declared() {
            Ok(declared) => {
                trials.push(member.trials(declared));
                opened.push((member, declared));
            }
            Err(failure) => {
                complain(&format!("conformance of {}: {failure}", member.suite.name()));
                return ExitCode::FAILURE;
            }
        }
    }
    // What is stored on servers waits most of its time: others have theirs meanwhile.
    if has_several && arguments.test_threads.is_none() {
        arguments.test_threads = thread::available_parallelism().ok().map(|cores| 2 * cores.get());
    }
    let conclusion = libtest_mimic::run(&arguments, one_of_each(trials));
    if arguments.list {
        return conclusion.exit_code();
    }
    // Checked even where a test has failed, so that every report is written.
    let mut is_fine = true;
    for (member, declared) in opened {
        if member.is_wholly_run_by(&arguments) {
            is_fine &= member.conclude(declared);
        }
    }
    if is_fine { conclusion.exit_code() } else { ExitCode::FAILURE }
}

/// One test of each suite after the other, so that those of one server seldom meet.
fn one_of_each(suites: Vec<Vec<Trial>>) -> Vec<Trial> {
    let mut suites: Vec<_> = suites.into_iter().map(Vec::into_iter).collect();
    let mut trials = Vec::new();
    loop {
        let begin = trials.len();
        trials.extend(suites.iter_mut().filter_map(Iterator::next));
        if trials.len() == begin {
            return trials;
        }
    }
}

fn print_reports(suites: &[Member]) -> ExitCode {
    let mut is_fine = true;
    for member in suites {
        let report = member.suite.report();
        is_fine &= write!(std::io::stdout().lock(), "{report}").is_ok();
        is_fine &= write_report(&report) && report.is_conformant();
    }
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A suite in a test program.
struct Member {
    suite: Suite,
    /// What the names of its tests begin with.
    prefix: String,
    rows: Arc<Mutex<Vec<Row>>>,
}

impl Member {
    fn new(suite: Suite, is_one_of_several: bool) -> Self {
        let rows = Arc::default();
        if !is_one_of_several {
            return Member { suite, prefix: String::new(), rows };
        }
        let prefix = format!("{}/", suite.name());
        let begin = prefix.clone();
        let suite = suite.repeated_by(move |seed, behaviour| seed::command(seed, &begin, behaviour));
        Member { suite, prefix, rows }
    }

    /// Which of its tests the arguments keep, whatever the backend declares.
    fn kept_by(&self, arguments: &Arguments) -> Vec<bool> {
        let arguments = Arguments { ignored: false, ..arguments.clone() };
        let is_kept = |behaviour: &Behaviour| {
            let trial = Trial::test(format!("{}{}", self.prefix, behaviour.name), || Ok(()));
            !arguments.is_filtered_out(&trial)
        };
        all().iter().map(is_kept).collect()
    }

    fn is_named_by(&self, arguments: &Arguments) -> bool {
        self.kept_by(arguments).contains(&true)
    }

    fn is_wholly_run_by(&self, arguments: &Arguments) -> bool {
        !arguments.ignored && !self.kept_by(arguments).contains(&false)
    }

    fn trials(&self, declared: Capabilities) -> Vec<Trial> {
        let suite = Arc::new(self.suite.clone());
        all().into_iter().map(|behaviour| self.trial(&suite, behaviour, declared)).collect()
    }

    /// One behaviour as a named test; what does not apply is ignored and shows the reason.
    fn trial(&self, suite: &Arc<Suite>, behaviour: Behaviour, declared: Capabilities) -> Trial {
        let (suite, rows) = (suite.clone(), self.rows.clone());
        let reason = reason_to_skip(behaviour.needs, declared);
        let trial = Trial::ignorable_test(format!("{}{}", self.prefix, behaviour.name), move || {
            let row = suite.row(&behaviour, declared);
            let verdict = match &row.outcome {
                Outcome::Broken(why) => Err(Failed::from(format!("{why}\ncontract: {}", behaviour.contract))),
                Outcome::NotApplicable(why) => Ok(Completion::ignored_with(why)),
                Outcome::Held | Outcome::Deviates(_) => Ok(Completion::Completed),
            };
            rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
            verdict
        });
        match reason {
            Some(reason) => trial.with_ignored_flag(true).with_kind(reason),
            None => trial,
        }
    }

    /// Judges a whole run and writes its report; whether all is well.
    fn conclude(&self, declared: Capabilities) -> bool {
        let mut rows = std::mem::take(&mut *self.rows.lock().unwrap_or_else(PoisonError::into_inner));
        // Tests that do not apply are not started unless it is asked for, so that they are added here.
        for behaviour in all() {
            let is_missing = !rows.iter().any(|row| row.behaviour.name == behaviour.name);
            if let Some(why) = reason_to_skip(behaviour.needs, declared).filter(|_| is_missing) {
                rows.push(Row { behaviour, outcome: Outcome::NotApplicable(why), took: Duration::ZERO });
            }
        }
        let order = |name| all().iter().position(|behaviour| behaviour.name == name);
        rows.sort_by_cached_key(|row| order(row.behaviour.name));
        let report = self.suite.finished(Ok(declared), rows);
        for problem in &report.problems {
            complain(&format!("conformance of {}: {problem}", self.suite.name()));
        }
        write_report(&report) && report.is_conformant()
    }
}

/// Writes the report where the environment says; whether that went well.
fn write_report(report: &Report) -> bool {
    let Some(dir) = std::env::var_os(REPORT_VARIABLE).map(PathBuf::from) else { return true };
    match report.write_into(&dir) {
        Ok(()) => true,
        Err(error) => {
            complain(&format!("the report cannot be written into '{}': {error}", dir.display()));
            false
        }
    }
}

/// Says it on standard error; where that is closed there is nobody to tell.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
