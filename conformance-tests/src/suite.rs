//! Runs the list against one backend, as named tests or in one go.

use crate::{
    Behaviour, Failure, Outcome, Report, Row, Site, Subject, all, gate::reason_to_skip, harness, proof,
    runner::Runtimes, seed, subject::Open,
};
use fascicle_backend::{Backend, Capabilities};
use futures::future::BoxFuture;
use std::{
    fmt::Display,
    num::NonZero,
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// The command that checks a behaviour again, by the seed and its name.
type Command = Arc<dyn Fn(u64, &str) -> String + Send + Sync>;

/// Removes what a behaviour left at its site.
type CleanUp = Arc<dyn Fn(Site) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// The suite for one backend. See the [crate documentation](crate) for the five lines that use it.
#[derive(Clone)]
pub struct Suite {
    name: String,
    open: Open,
    clean_up: Option<CleanUp>,
    deviations: Vec<(String, String)>,
    deadline: Duration,
    command: Command,
    runtimes: Arc<Runtimes>,
}

impl Suite {
    /// A suite that calls `open` for every handle it needs. Called twice with the same site, it opens the same place.
    pub fn new<B, E, F>(name: impl Into<String>, open: impl Fn(Site) -> F + Send + Sync + 'static) -> Self
    where
        B: Backend + 'static,
        E: Display,
        F: Future<Output = Result<B, E>> + Send + 'static,
    {
        Suite::over(name, move |site| {
            let opening = open(site);
            async move { opening.await.map(|backend| Arc::new(backend) as Arc<dyn Backend>) }
        })
    }

    /// As [`Suite::new`], for handles on backends that are not known when the program is compiled.
    pub fn over<E, F>(name: impl Into<String>, open: impl Fn(Site) -> F + Send + Sync + 'static) -> Self
    where
        E: Display,
        F: Future<Output = Result<Arc<dyn Backend>, E>> + Send + 'static,
    {
        let open: Open = Arc::new(move |site| {
            let opening = open(site);
            Box::pin(async move {
                opening.await.map_err(|error| Failure::new(format!("the backend cannot be opened: {error}")))
            })
        });
        Suite {
            name: name.into(),
            open,
            clean_up: None,
            deviations: Vec::new(),
            deadline: Duration::from_secs(60),
            command: Arc::new(|seed, behaviour| seed::command(seed, "", behaviour)),
            runtimes: Arc::default(),
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

    /// Says how one behaviour is checked again with the same random numbers, where no test program does it: the command for
    /// a seed and the name of a behaviour. A failure shows it.
    #[must_use]
    pub fn repeated_by(mut self, command: impl Fn(u64, &str) -> String + Send + Sync + 'static) -> Self {
        self.command = Arc::new(command);
        self
    }

    /// The name of the suite, under which its report is shown and written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs every behaviour that applies and returns what was found.
    pub fn report(&self) -> Report {
        self.report_where(|_| true)
    }

    /// As [`Suite::report`], of the behaviours that `wanted` keeps.
    pub fn report_where(&self, wanted: impl Fn(&Behaviour) -> bool) -> Report {
        self.report_with(wanted, |_| {})
    }

    /// As [`Suite::report_where`]; shows `progress` each row when it is known, in no particular order.
    pub fn report_with(&self, wanted: impl Fn(&Behaviour) -> bool, progress: impl Fn(&Row) + Sync) -> Report {
        let behaviours: Vec<Behaviour> = all().into_iter().filter(wanted).collect();
        // On a thread of its own as all checks are, so that it may be called from within a runtime.
        let declared = thread::scope(|scope| scope.spawn(|| self.declared()).join())
            .unwrap_or_else(|_| Err(Failure::new("the backend cannot be asked what it declares")));
        let rows: Mutex<Vec<(usize, Row)>> = Mutex::default();
        if let Ok(declared) = declared {
            let next = AtomicUsize::new(0);
            let work = || {
                while let Some((at, behaviour)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    behaviours.get(at).map(|behaviour| (at, behaviour))
                } {
                    let row = self.row(behaviour, declared);
                    progress(&row);
                    rows.lock().unwrap_or_else(PoisonError::into_inner).push((at, row));
                }
            };
            thread::scope(|scope| {
                for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
                    scope.spawn(work);
                }
            });
        }
        let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
        rows.sort_by_key(|(at, _)| *at);
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        self.finished(declared, rows)
    }

    /// Runs the suite as a test program: one named test for each behaviour, with the arguments that `cargo test` and
    /// `cargo nextest` pass.
    ///
    /// - `--report` as the only argument prints the report instead.
    /// - The environment variable `CONFORMANCE_REPORT` names a directory that a run of the whole suite writes its report
    ///   into, as text, Markdown and JSON.
    pub fn main(self) -> ExitCode {
        Suite::main_of([self])
    }

    /// As [`Suite::main`], for a backend that is held to the suite in several places: one test program has the tests of
    /// all, named `suite/area::what_holds`.
    ///
    /// A suite of which the arguments name no test is not opened, so that `-- zarr+memory/` starts no server.
    pub fn main_of(suites: impl IntoIterator<Item = Suite>) -> ExitCode {
        harness::main_of(suites.into_iter().collect())
    }

    /// What holds of one behaviour, and how long it took to find out.
    pub(crate) fn row(&self, behaviour: &Behaviour, declared: Capabilities) -> Row {
        let begin = Instant::now();
        let outcome = self.outcome(behaviour, declared);
        Row { behaviour: *behaviour, outcome, took: begin.elapsed() }
    }

    /// Gate, check, and judgement of known deviations.
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
                let command = (self.command)(seed::of_this_run(), behaviour.name);
                Outcome::Broken(format!("{failure}\nrepeat it: {command}"))
            }
        }
    }

    fn check(&self, behaviour: &Behaviour) -> Result<(), Failure> {
        let site = Site::new(behaviour.name)?;
        let subject = Subject::new(self.open.clone(), site, behaviour.name, seed::of_this_run());
        let checked = self.runtimes.run(self.deadline * proof::factor(), (behaviour.check)(subject.clone()));
        subject.sites().into_iter().map(|site| self.cleaned(site)).fold(checked, Result::and)
    }

    fn cleaned(&self, site: Site) -> Result<(), Failure> {
        match &self.clean_up {
            Some(clean_up) => self.runtimes.run(self.deadline, clean_up(site)),
            None => Ok(()),
        }
    }

    /// What the backend declares, asked of a handle at a site of its own.
    pub(crate) fn declared(&self) -> Result<Capabilities, Failure> {
        let site = Site::new("capabilities")?;
        let opening = (self.open)(site.clone());
        let declared = self.runtimes.run(self.deadline, async move { Ok(opening.await?.capabilities()) });
        self.cleaned(site)?;
        declared
    }

    /// Judges the run as a whole.
    pub(crate) fn finished(&self, declared: Result<Capabilities, Failure>, rows: Vec<Row>) -> Report {
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
}
