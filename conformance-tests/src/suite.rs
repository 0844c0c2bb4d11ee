//! Runs the list against one backend, as named tests or in one go.

use crate::{
    Behaviour, Failure, Outcome, Report, Row, Site, Subject, all, gate::reason_to_skip, runner, seed,
    subject::Open,
};
use fascicle_backend::{Backend, Capabilities};
use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::{
    fmt::Display,
    io::Write,
    num::NonZero,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// The environment variable that names the directory which reports are written into.
const REPORT_VARIABLE: &str = "CONFORMANCE_REPORT";

/// The suite for one backend. See the [crate documentation](crate) for the five lines that use it.
#[derive(Clone)]
pub struct Suite {
    name: String,
    open: Open,
    clean_up: Option<Arc<dyn Fn(Site) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>>,
    deviations: Vec<(String, String)>,
    deadline: Duration,
}

impl Suite {
    /// A suite that calls `open` for every handle it needs. Called twice with the same site, it opens the same place.
    pub fn new<B, E, F>(name: impl Into<String>, open: impl Fn(Site) -> F + Send + Sync + 'static) -> Self
    where
        B: Backend + 'static,
        E: Display,
        F: Future<Output = Result<B, E>> + Send + 'static,
    {
        let open: Open = Arc::new(move |site| {
            let opening = open(site);
            Box::pin(async move {
                match opening.await {
                    Ok(backend) => Ok(Arc::new(backend) as Arc<dyn Backend>),
                    Err(error) => Err(Failure::new(format!("the backend cannot be opened: {error}"))),
                }
            })
        });
        Suite {
            name: name.into(),
            open,
            clean_up: None,
            deviations: Vec::new(),
            deadline: Duration::from_secs(60),
        }
    }

    /// Declares a behaviour that the backend is known not to have, and why. The run fails when it has it after all, so
    /// that the list cannot go stale.
    #[must_use]
    pub fn known_deviation(mut self, name: impl Into<String>, why: impl Into<String>) -> Self {
        self.deviations.push((name.into(), why.into()));
        self
    }

    /// Removes what a behaviour stored at a site outside of [`Site::dir`], which is removed anyway.
    #[must_use]
    pub fn clean_up<E, F>(mut self, clean_up: impl Fn(Site) -> F + Send + Sync + 'static) -> Self
    where
        E: Display,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        self.clean_up = Some(Arc::new(move |site| {
            let cleaning = clean_up(site);
            Box::pin(async move {
                cleaning
                    .await
                    .map_err(|error| Failure::new(format!("the site cannot be cleaned up: {error}")))
            })
        }));
        self
    }

    /// The time after which one behaviour counts as hanging; 60 seconds unless it is said otherwise.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Runs every behaviour that applies and returns what was found.
    pub fn report(&self) -> Report {
        self.report_where(|_| true)
    }

    /// As [`Suite::report`], of the behaviours that `wanted` keeps.
    pub fn report_where(&self, wanted: impl Fn(&Behaviour) -> bool) -> Report {
        let behaviours: Vec<Behaviour> = all().into_iter().filter(wanted).collect();
        let declared = self.declared();
        let outcomes: Mutex<Vec<(usize, Outcome)>> = Mutex::default();
        if let Ok(declared) = declared {
            let next = AtomicUsize::new(0);
            let work = || {
                while let Some((at, behaviour)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    behaviours.get(at).map(|behaviour| (at, behaviour))
                } {
                    let outcome = self.outcome(behaviour, declared);
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((at, outcome));
                }
            };
            thread::scope(|scope| {
                for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
                    scope.spawn(work);
                }
            });
        }
        let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
        outcomes.sort_by_key(|(at, _)| *at);
        let outcomes = outcomes.into_iter().map(|(_, outcome)| outcome);
        let rows = behaviours
            .into_iter()
            .zip(outcomes)
            .map(|(behaviour, outcome)| Row { behaviour, outcome })
            .collect();
        self.finished(declared, rows)
    }

    /// Runs the suite as a test program: one named test for each behaviour, with the arguments that `cargo test` and
    /// `cargo nextest` pass.
    ///
    /// - `--report` as the only argument prints the report instead.
    /// - The environment variable `CONFORMANCE_REPORT` names a directory that a run of the whole suite writes its report
    ///   into, as text, Markdown and JSON.
    pub fn main(self) -> ExitCode {
        if std::env::args().skip(1).any(|argument| argument == "--report") {
            let report = self.report();
            let printed = write!(std::io::stdout().lock(), "{report}").is_ok();
            return exit_code(printed && self.write_report(&report) && report.is_conformant());
        }
        let arguments = Arguments::from_args();
        let declared = match self.declared() {
            Ok(declared) => declared,
            Err(failure) => {
                complain(&format!("conformance of {}: {failure}", self.name));
                return ExitCode::FAILURE;
            }
        };
        let suite = Arc::new(self);
        let rows: Arc<Mutex<Vec<Row>>> = Arc::default();
        let trials = all().into_iter().map(|behaviour| suite.trial(behaviour, declared, &rows)).collect();
        let conclusion = libtest_mimic::run(&arguments, trials);
        let is_whole =
            !arguments.list && !arguments.ignored && arguments.filter.is_none() && arguments.skip.is_empty();
        if !is_whole {
            return conclusion.exit_code();
        }
        let mut rows = std::mem::take(&mut *rows.lock().unwrap_or_else(PoisonError::into_inner));
        // Tests that do not apply are not started unless it is asked for, so that they are added here.
        for behaviour in all() {
            let is_missing = !rows.iter().any(|row| row.behaviour.name == behaviour.name);
            if let Some(why) = reason_to_skip(behaviour.needs, declared).filter(|_| is_missing) {
                rows.push(Row { behaviour, outcome: Outcome::NotApplicable(why) });
            }
        }
        let order = |name| all().iter().position(|behaviour| behaviour.name == name);
        rows.sort_by_cached_key(|row| order(row.behaviour.name));
        let report = suite.finished(Ok(declared), rows);
        for problem in &report.problems {
            complain(&format!("conformance of {}: {problem}", suite.name));
        }
        let written = suite.write_report(&report);
        exit_code(written && report.is_conformant() && !conclusion.has_failed())
    }

    /// One behaviour as a named test; what does not apply is ignored and shows the reason.
    fn trial(
        self: &Arc<Self>,
        behaviour: Behaviour,
        declared: Capabilities,
        rows: &Arc<Mutex<Vec<Row>>>,
    ) -> Trial {
        let (suite, rows) = (self.clone(), rows.clone());
        let reason = reason_to_skip(behaviour.needs, declared);
        let trial = Trial::ignorable_test(behaviour.name, move || {
            let outcome = suite.outcome(&behaviour, declared);
            let verdict = match &outcome {
                Outcome::Broken(why) => Err(Failed::from(format!("{why}\ncontract: {}", behaviour.contract))),
                Outcome::NotApplicable(why) => Ok(Completion::ignored_with(why)),
                Outcome::Held | Outcome::Deviates(_) => Ok(Completion::Completed),
            };
            rows.lock().unwrap_or_else(PoisonError::into_inner).push(Row { behaviour, outcome });
            verdict
        });
        match reason {
            Some(reason) => trial.with_ignored_flag(true).with_kind(reason),
            None => trial,
        }
    }

    /// What holds of one behaviour: gate, check, and judgement of known deviations.
    fn outcome(&self, behaviour: &Behaviour, declared: Capabilities) -> Outcome {
        if let Some(why) = reason_to_skip(behaviour.needs, declared) {
            return Outcome::NotApplicable(why);
        }
        let deviation = self.deviations.iter().find(|(name, _)| name == behaviour.name);
        match (self.check(behaviour), deviation) {
            (Ok(()), None) => Outcome::Held,
            (Ok(()), Some((_, why))) => Outcome::Broken(format!(
                "it holds, though it is declared a known deviation ({why}): remove the declaration"
            )),
            (Err(_), Some((_, why))) => Outcome::Deviates(why.clone()),
            (Err(failure), None) => {
                let command = seed::command(seed::of_this_run(), behaviour.name);
                Outcome::Broken(format!("{failure}\nrepeat it: {command}"))
            }
        }
    }

    fn check(&self, behaviour: &Behaviour) -> Result<(), Failure> {
        let site = Site::new(behaviour.name)?;
        let subject = Subject::new(self.open.clone(), site, behaviour.name, seed::of_this_run());
        let checked = runner::run(self.deadline, (behaviour.check)(subject.clone()));
        subject.sites().into_iter().map(|site| self.cleaned(site)).fold(checked, Result::and)
    }

    fn cleaned(&self, site: Site) -> Result<(), Failure> {
        match &self.clean_up {
            Some(clean_up) => runner::run(self.deadline, clean_up(site)),
            None => Ok(()),
        }
    }

    /// What the backend declares, asked of a handle at a site of its own.
    fn declared(&self) -> Result<Capabilities, Failure> {
        let site = Site::new("capabilities")?;
        let opening = (self.open)(site.clone());
        let declared = runner::run(self.deadline, async move { Ok(opening.await?.capabilities()) });
        self.cleaned(site)?;
        declared
    }

    /// Judges the run as a whole.
    fn finished(&self, declared: Result<Capabilities, Failure>, rows: Vec<Row>) -> Report {
        let mut problems = Vec::new();
        if let Err(failure) = &declared {
            problems.push(failure.to_string());
        } else if rows.iter().all(|row| matches!(row.outcome, Outcome::NotApplicable(_))) {
            problems.push("nothing was run".to_owned());
        }
        for (name, _) in &self.deviations {
            match rows.iter().find(|row| row.behaviour.name == name) {
                Some(Row { outcome: Outcome::NotApplicable(why), .. }) => {
                    problems.push(format!("the known deviation '{name}' does not apply: {why}"));
                }
                None if !all().iter().any(|behaviour| behaviour.name == name) => {
                    problems.push(format!("the known deviation '{name}' names no behaviour"));
                }
                _ => {}
            }
        }
        Report {
            backend: self.name.clone(),
            declared: declared.unwrap_or_default(),
            seed: seed::of_this_run(),
            rows,
            problems,
        }
    }

    /// Writes the report where the environment says; whether that went well.
    fn write_report(&self, report: &Report) -> bool {
        let Some(dir) = std::env::var_os(REPORT_VARIABLE).map(PathBuf::from) else { return true };
        match report.write_into(&dir) {
            Ok(()) => true,
            Err(error) => {
                complain(&format!("the report cannot be written into '{}': {error}", dir.display()));
                false
            }
        }
    }
}

fn exit_code(is_fine: bool) -> ExitCode {
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says it on standard error; where that is closed there is nobody to tell.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
