//! Random histories of a root against a simple model: directories are found, built, interrupted and gone on with, changed, copied,
//! moved, removed and collected, at automatic names and at a given path, and the index is lost; each time what is asked for comes from
//! where the model says.

use super::{prelude::*, rooted::*};
use crate::proof::factor;
use fascicle_backend::{Backend, Capabilities, RecordKey};
use fascicle_core::{
    Interrupted,
    maintain::{GcOptions, RepairOptions, VerifyOptions},
};
use std::{collections::BTreeMap, time::Duration};

behaviours! { "history"
    /// Random histories of builds, interruptions, changes, removals and of what else the storage offers come to what a simple model says.
    roots_follow_the_model [Write];
    /// The same when each step is taken through a new root, which knows nothing of the steps before.
    new_roots_follow_the_model [Write];
}

/// How many steps a history has: few, so that a failure is read at a glance.
const STEPS: usize = 14;

/// How many configs there are.
const CONFIGS: i64 = 3;

/// The path that some builds are given.
const GIVEN: &str = "group/given";

/// One step of a history. Directories are chosen by their number among those that are there.
#[derive(Clone, Copy, Debug)]
enum Step {
    Resolve(i64),
    Find(i64),
    Fail(i64),
    Interrupt(i64),
    Resume(i64),
    ResolveGiven(i64),
    FailGiven(i64),
    RemoveGiven,
    Change(usize),
    ChangeNested(usize),
    Copy(usize),
    Move(usize),
    Remove(usize),
    Collect,
    LoseIndex,
}

impl Step {
    /// A step that can be taken where these are the capabilities.
    fn random(numbers: &mut fastrand::Rng, capabilities: Capabilities) -> Self {
        loop {
            let (config, which) = (numbers.i64(..CONFIGS), numbers.usize(..));
            let step = match numbers.u8(..24) {
                0..=4 => Step::Resolve(config),
                5 => Step::Find(config),
                6 => Step::Fail(config),
                7 | 8 => Step::Interrupt(config),
                9 | 10 => Step::Resume(config),
                11 | 12 => Step::ResolveGiven(config),
                13 => Step::FailGiven(config),
                14 => Step::RemoveGiven,
                15 => Step::Change(which),
                16 => Step::ChangeNested(which),
                17 | 18 => Step::Copy(which),
                19 | 20 => Step::Move(which),
                21 => Step::Remove(which),
                22 => Step::Collect,
                _ => Step::LoseIndex,
            };
            let needed = match step {
                Step::Copy(_) => Some(Capability::Copy),
                Step::Move(_) => Some(Capability::Rename),
                Step::Collect => Some(Capability::Maintenance),
                _ => None,
            };
            if needed.is_none_or(|needed| capabilities.has(needed)) {
                return step;
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Done,
    Modified,
    Stopped,
    Interrupted,
}

/// A directory: of which config, the result of which attempt, in which state, and whether it stands where it was made.
#[derive(Clone, Copy, Debug)]
struct Built {
    config: i64,
    attempt: usize,
    state: State,
    is_original: bool,
}

/// What a step comes to, as far as the caller is told.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Resolved(Outcome, String),
    Found(Option<String>),
    Failed,
    Mismatch,
    Done,
}

/// What there is, by the rules in one page.
#[derive(Clone, Debug, Default)]
struct Model {
    directories: BTreeMap<String, Built>,
    /// Where the index says that the directory of a config is, and of which attempt.
    index: BTreeMap<i64, (String, usize)>,
    /// Where the last attempt to build a config was interrupted, and which one it was.
    interrupted: BTreeMap<i64, (String, usize)>,
    /// The config and the state of the directory at the given path.
    given: Option<(i64, State)>,
    attempts: usize,
    names: usize,
}

impl Model {
    /// The finished directory of a config: the one that the index names, as long as it is still that one, or else the first by name.
    fn current(&self, config: i64) -> Option<(Outcome, String)> {
        if let Some((name, attempt)) = self.index.get(&config)
            && let Some(built) = self.directories.get(name)
            && built.attempt == *attempt
            && built.state == State::Done
        {
            return Some((Outcome::Found, name.clone()));
        }
        let mut usable =
            self.directories.iter().filter(|(_, built)| built.config == config && built.state == State::Done);
        usable.next().map(|(name, _)| (Outcome::Adopted, name.clone()))
    }

    /// Builds under an automatic name, which is any that was free.
    fn build(&mut self, config: i64, state: State, fresh: Option<&str>) -> String {
        let name = fresh.filter(|name| name.starts_with("Cells_")).unwrap_or("a free name").to_owned();
        self.attempts += 1;
        let built = Built { config, attempt: self.attempts, state, is_original: true };
        self.directories.insert(name.clone(), built);
        self.interrupted.remove(&config);
        if state == State::Interrupted {
            self.interrupted.insert(config, (name.clone(), self.attempts));
        }
        name
    }

    /// What an attempt to build comes to: nothing where there is a finished directory.
    fn attempt(&mut self, config: i64, state: State, fresh: Option<&str>) -> Told {
        let (outcome, name) = match self.current(config) {
            Some(found) => found,
            None => (Outcome::Built, self.build(config, state, fresh)),
        };
        if outcome == Outcome::Built && state != State::Done {
            return Told::Failed;
        }
        // What is adopted takes the place of an attempt.
        if outcome == Outcome::Adopted {
            self.interrupted.remove(&config);
        }
        let attempt = self.directories.get(&name).map_or(0, |built| built.attempt);
        self.index.insert(config, (name.clone(), attempt));
        Told::Resolved(outcome, name)
    }

    /// Goes on where the last attempt was interrupted, if it is there as that one left it; or builds anew.
    fn resume(&mut self, config: i64, fresh: Option<&str>) -> Told {
        if self.current(config).is_none()
            && let Some((name, attempt)) = self.interrupted.get(&config).cloned()
            && let Some(built) = self.directories.get_mut(&name)
            && (built.attempt, built.state, built.is_original) == (attempt, State::Interrupted, true)
        {
            self.attempts += 1;
            (built.attempt, built.state) = (self.attempts, State::Done);
            self.index.insert(config, (name.clone(), self.attempts));
            self.interrupted.remove(&config);
            return Told::Resolved(Outcome::Built, name);
        }
        self.attempt(config, State::Done, fresh)
    }

    /// What an attempt to build at the given path comes to.
    fn attempt_given(&mut self, config: i64, state: State) -> Told {
        match self.given {
            Some((other, _)) if other != config => Told::Mismatch,
            Some((_, State::Done)) => Told::Resolved(Outcome::Found, GIVEN.to_owned()),
            _ => {
                self.given = Some((config, state));
                match state {
                    State::Done => Told::Resolved(Outcome::Built, GIVEN.to_owned()),
                    _ => Told::Failed,
                }
            }
        }
    }

    fn new_name(&mut self) -> String {
        self.names += 1;
        format!("elsewhere_{:03}", self.names)
    }

    /// The directory that a step is about, if there is any. What was interrupted is not changed, so that whoever goes on comes to the
    /// same as whoever builds at once.
    fn chosen(&self, step: Step) -> Option<String> {
        let (Step::Change(which)
        | Step::ChangeNested(which)
        | Step::Copy(which)
        | Step::Move(which)
        | Step::Remove(which)) = step
        else {
            return None;
        };
        let count = self.directories.len();
        let (name, built) = self.directories.iter().nth(which.checked_rem(count)?)?;
        let changes = matches!(step, Step::Change(_) | Step::ChangeNested(_));
        (!changes || built.state != State::Interrupted).then(|| name.clone())
    }

    /// Takes the step; `fresh` is the name that is there since, if there is one.
    fn apply(&mut self, step: Step, target: Option<&str>, fresh: Option<&str>) -> Told {
        match step {
            Step::Resolve(config) => self.attempt(config, State::Done, fresh),
            Step::Find(config) => Told::Found(self.current(config).map(|(_, name)| name)),
            Step::Fail(config) => self.attempt(config, State::Stopped, fresh),
            Step::Interrupt(config) => self.attempt(config, State::Interrupted, fresh),
            Step::Resume(config) => self.resume(config, fresh),
            Step::ResolveGiven(config) => self.attempt_given(config, State::Done),
            Step::FailGiven(config) => self.attempt_given(config, State::Stopped),
            Step::RemoveGiven => {
                self.given = None;
                Told::Done
            }
            Step::Change(_) | Step::ChangeNested(_) => {
                if let Some(built) = target.and_then(|name| self.directories.get_mut(name))
                    && built.state == State::Done
                {
                    built.state = State::Modified;
                }
                Told::Done
            }
            Step::Copy(_) => {
                let new = self.new_name();
                if let Some(built) = target.and_then(|name| self.directories.get(name)).copied() {
                    self.directories.insert(new, Built { is_original: false, ..built });
                }
                Told::Done
            }
            Step::Move(_) => {
                let new = self.new_name();
                if let Some(built) = target.and_then(|name| self.directories.remove(name)) {
                    self.directories.insert(new, Built { is_original: false, ..built });
                }
                Told::Done
            }
            Step::Remove(_) => {
                target.map(|name| self.directories.remove(name));
                Told::Done
            }
            Step::Collect => {
                self.directories.retain(|_, built| built.state != State::Stopped || !built.is_original);
                self.given = self.given.filter(|(_, state)| *state != State::Stopped);
                Told::Done
            }
            Step::LoseIndex => {
                self.index.clear();
                self.interrupted.clear();
                Told::Done
            }
        }
    }
}

/// Takes the step for real.
async fn take(root: &Root, builds: &Builds, step: Step, target: Option<&str>, new: &str) -> Result<Told> {
    let told = |resolved: Result<Resolution>| match resolved {
        Ok(resolution) => {
            let (outcome, name) = told(&resolution);
            Ok(Told::Resolved(outcome, name.to_owned()))
        }
        Err(error) if error.kind() == ErrorKind::BuildFailed => Ok(Told::Failed),
        Err(error) if error.kind() == ErrorKind::Mismatch => Ok(Told::Mismatch),
        Err(error) => Err(error),
    };
    let (rules, given) = (IdentityRules::default(), ResolveOptions::default().at(GIVEN));
    match (step, target) {
        (Step::Resolve(seed), _) => told(builds.resolve(root, &cells(seed)).await),
        (Step::Resume(seed), _) => {
            let options = ResolveOptions::default().resume(true);
            told(builds.resolve_with(root, &cells(seed), &rules, &options).await)
        }
        (Step::Interrupt(seed), _) => {
            let build = |directory: Directory| async move {
                directory.put_file("content", "half of it").await?;
                Err(Interrupted::new().into())
            };
            told(root.resolve_config(&cells(seed), &rules, &ResolveOptions::default(), build).await)
        }
        (Step::ResolveGiven(seed), _) => told(builds.resolve_at(root, &cells(seed), GIVEN).await),
        (Step::FailGiven(seed), _) => {
            let build = |_| async { Err("on purpose".into()) };
            told(root.resolve_config(&cells(seed), &rules, &given, build).await)
        }
        (Step::RemoveGiven, _) => match root.remove(GIVEN).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(Told::Done),
        },
        (Step::Collect, _) => {
            root.gc(&GcOptions::default().older_than(Duration::ZERO).apply(true)).await?;
            Ok(Told::Done)
        }
        (Step::Find(seed), _) => {
            let directory = found(root, &cells(seed)).await?;
            Ok(Told::Found(directory.map(|directory| directory.name().to_owned())))
        }
        (Step::Fail(seed), _) => told(fail_to_build(root, &cells(seed), "on purpose").await),
        (Step::LoseIndex, _) => {
            let records = root.backend().records();
            for key in records.list(&RecordKey::parse("v1")?).await? {
                records.remove(&key).await?;
            }
            Ok(Told::Done)
        }
        (_, None) => Ok(Told::Done),
        (Step::Change(_), Some(name)) => {
            root.dir(name)?.put_file("changed", "later").await?;
            Ok(Told::Done)
        }
        (Step::ChangeNested(_), Some(name)) => {
            root.dir(name)?.put_file("inner/changed", "later").await?;
            Ok(Told::Done)
        }
        (Step::Copy(_), Some(name)) => {
            root.as_dir().copy(name, new).await?;
            Ok(Told::Done)
        }
        (Step::Move(_), Some(name)) => {
            root.as_dir().rename(name, new).await?;
            Ok(Told::Done)
        }
        (Step::Remove(_), Some(name)) => {
            root.remove(name).await?;
            Ok(Told::Done)
        }
    }
}

async fn follow_the_model(subject: Subject, histories: usize, reopen: bool) -> Checked {
    let backend: Arc<dyn Backend> = subject.open_bare().await?;
    let mut numbers = subject.random_numbers();
    // Where every call is a request, some of them are enough.
    let histories = if backend.capabilities().has(Capability::Rename) { histories } else { histories / 8 };
    for history in 0..histories * factor() as usize {
        clear(&backend).await?;
        let (mut root, builds) = (root_over(&backend), Builds::default());
        let (mut model, mut taken) = (Model::default(), Vec::new());
        for _ in 0..STEPS {
            let step = Step::random(&mut numbers, backend.capabilities());
            if reopen {
                root = root_over(&backend);
            }
            let target = model.chosen(step);
            taken.push((step, target.clone()));
            let new = format!("elsewhere_{:03}", model.names + 1);
            let came_to = take(&root, &builds, step, target.as_deref(), &new).await?;
            let there = automatic_names(&root).await?;
            let fresh = there.iter().find(|name| !model.directories.contains_key(*name));
            let expected = model.apply(step, target.as_deref(), fresh.map(String::as_str));
            ensure_eq!(came_to, expected, "history {history}: the last of {taken:?}");
            if let Told::Resolved(_, name) = &came_to {
                is_complete(&root.dir(name)?).await?;
            }
            let expected: Vec<&String> = model.directories.keys().collect();
            ensure_eq!(
                there.iter().collect::<Vec<_>>(),
                expected,
                "history {history}: the names after {taken:?}"
            );
        }
        for (name, built) in &model.directories {
            let Some(meta) = root.dir(name)?.meta().await? else {
                return Err(Failure::new(format!("history {history}: '{name}' has no meta after {taken:?}")));
            };
            let expected = match built.state {
                State::Done => (Status::Done, false),
                State::Modified => (Status::Done, true),
                State::Stopped | State::Interrupted => (Status::Stopped, false),
            };
            ensure_eq!((meta.status, meta.modified), expected, "history {history}: '{name}' after {taken:?}");
        }
        if backend.capabilities().has(Capability::Maintenance) {
            is_tended(&root).await.map_err(|failure| Failure::new(format!("{failure}; after {taken:?}")))?;
        }
        for config in 0..CONFIGS {
            let (found, expected) = (found(&root, &cells(config)).await?, model.current(config));
            ensure_eq!(found.is_some(), expected.is_some(), "history {history}: {config} after {taken:?}");
        }
    }
    Ok(())
}

/// Expects that repairing a root leaves nothing to repair, and a root that is sound.
async fn is_tended(root: &Root) -> Checked {
    root.repair(&RepairOptions::default().apply(true)).await?;
    let again = root.repair(&RepairOptions::default()).await?;
    ensure!(again.findings.is_empty(), "a second repair finds {:?}", again.findings);
    let verified = root.verify(&VerifyOptions::default()).await?;
    ensure!(verified.is_sound(), "verification finds {:?}", verified.findings);
    Ok(())
}

/// The names of the directories at the top, without the one above the given path.
async fn automatic_names(root: &Root) -> Result<Vec<String>> {
    let mut names = names(root).await?;
    names.retain(|name| !GIVEN.starts_with(name.as_str()));
    Ok(names)
}

/// Removes everything, the index included.
async fn clear(backend: &Arc<dyn Backend>) -> Checked {
    for entry in backend.list(&EntryPath::root()).await?.entries {
        backend.remove(&at(&entry.name)?).await?;
    }
    for key in backend.records().list(&RecordKey::parse("v1")?).await? {
        backend.records().remove(&key).await?;
    }
    Ok(())
}

async fn roots_follow_the_model(subject: Subject) -> Checked {
    follow_the_model(subject, 16, false).await
}

async fn new_roots_follow_the_model(subject: Subject) -> Checked {
    follow_the_model(subject, 8, true).await
}
