//! Random histories of a root against a simple model: directories are found, built, changed, copied, moved and removed, and the
//! index is lost, and each time what is asked for comes from where the model says.

use super::{prelude::*, rooted::*};
use fascicle_backend::{Backend, RecordKey};
use std::collections::BTreeMap;

behaviours! { "history"
    /// Random histories of builds, changes, copies, moves and removals come to what a simple model says.
    roots_follow_the_model [Write, Rename, Copy];
    /// The same when each step is taken through a new root, which knows nothing of the steps before.
    new_roots_follow_the_model [Write, Rename, Copy];
}

/// How many steps a history has: few, so that a failure is read at a glance.
const STEPS: usize = 14;

/// How many configs there are.
const CONFIGS: i64 = 3;

/// One step of a history. Directories are chosen by their number among those that are there.
#[derive(Clone, Copy, Debug)]
enum Step {
    Resolve(i64),
    Find(i64),
    Fail(i64),
    Change(usize),
    ChangeNested(usize),
    Copy(usize),
    Move(usize),
    Remove(usize),
    LoseIndex,
}

impl Step {
    fn random(numbers: &mut fastrand::Rng) -> Self {
        let (config, which) = (numbers.i64(..CONFIGS), numbers.usize(..));
        match numbers.u8(..16) {
            0..=4 => Step::Resolve(config),
            5 => Step::Find(config),
            6 => Step::Fail(config),
            7 => Step::Change(which),
            8 => Step::ChangeNested(which),
            9 | 10 => Step::Copy(which),
            11 | 12 => Step::Move(which),
            13 | 14 => Step::Remove(which),
            _ => Step::LoseIndex,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Done,
    Modified,
    Stopped,
}

/// A directory: of which config, the result of which attempt, and in which state.
#[derive(Clone, Copy, Debug)]
struct Built {
    config: i64,
    attempt: usize,
    state: State,
}

/// What a step comes to, as far as the caller is told.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Resolved(Outcome, String),
    Found(Option<String>),
    Failed,
    Done,
}

/// What there is, by the rules in one page.
#[derive(Clone, Debug, Default)]
struct Model {
    directories: BTreeMap<String, Built>,
    /// Where the index says that the directory of a config is, and of which attempt.
    index: BTreeMap<i64, (String, usize)>,
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

    fn first_free_name(&self) -> String {
        let mut numbers = 0..;
        let name = numbers.find_map(|number: usize| {
            let name = format!("Cells_{number:04x}");
            (!self.directories.contains_key(&name)).then_some(name)
        });
        name.unwrap_or_default()
    }

    fn build(&mut self, config: i64, state: State) -> String {
        let name = self.first_free_name();
        self.attempts += 1;
        self.directories.insert(name.clone(), Built { config, attempt: self.attempts, state });
        name
    }

    fn new_name(&mut self) -> String {
        self.names += 1;
        format!("elsewhere_{:03}", self.names)
    }

    /// The directory that a step is about, if there is any.
    fn chosen(&self, which: usize) -> Option<String> {
        let count = self.directories.len();
        self.directories.keys().nth(which.checked_rem(count)?).cloned()
    }

    fn apply(&mut self, step: Step, target: Option<&str>) -> Told {
        match step {
            Step::Resolve(config) => {
                let (outcome, name) = match self.current(config) {
                    Some(found) => found,
                    None => (Outcome::Built, self.build(config, State::Done)),
                };
                let attempt = self.directories.get(&name).map_or(0, |built| built.attempt);
                self.index.insert(config, (name.clone(), attempt));
                Told::Resolved(outcome, name)
            }
            Step::Find(config) => Told::Found(self.current(config).map(|(_, name)| name)),
            Step::Fail(config) => match self.current(config) {
                Some((outcome, name)) => {
                    let attempt = self.directories.get(&name).map_or(0, |built| built.attempt);
                    self.index.insert(config, (name.clone(), attempt));
                    Told::Resolved(outcome, name)
                }
                None => {
                    self.build(config, State::Stopped);
                    Told::Failed
                }
            },
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
                    self.directories.insert(new, built);
                }
                Told::Done
            }
            Step::Move(_) => {
                let new = self.new_name();
                if let Some(built) = target.and_then(|name| self.directories.remove(name)) {
                    self.directories.insert(new, built);
                }
                Told::Done
            }
            Step::Remove(_) => {
                target.map(|name| self.directories.remove(name));
                Told::Done
            }
            Step::LoseIndex => {
                self.index.clear();
                Told::Done
            }
        }
    }
}

/// Takes the step for real.
async fn take(root: &Root, builds: &Builds, step: Step, target: Option<&str>, new: &str) -> Result<Told> {
    let told = |resolution: Resolution| {
        let (outcome, name) = told(&resolution);
        Told::Resolved(outcome, name.to_owned())
    };
    match (step, target) {
        (Step::Resolve(seed), _) => Ok(told(builds.resolve(root, &cells(seed)).await?)),
        (Step::Find(seed), _) => {
            let directory = found(root, &cells(seed)).await?;
            Ok(Told::Found(directory.map(|directory| directory.name().to_owned())))
        }
        (Step::Fail(seed), _) => match fail_to_build(root, &cells(seed), "on purpose").await {
            Ok(resolution) => Ok(told(resolution)),
            Err(error) if error.kind() == ErrorKind::BuildFailed => Ok(Told::Failed),
            Err(error) => Err(error),
        },
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
            root.dir(name)?.append_file("inner/changed", "later").await?;
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
    for history in 0..histories {
        clear(&backend).await?;
        let (mut root, builds) = (root_over(&backend), Builds::default());
        let (mut model, mut taken) = (Model::default(), Vec::new());
        for _ in 0..STEPS {
            let step = Step::random(&mut numbers);
            if reopen {
                root = root_over(&backend);
            }
            let target = match step {
                Step::Change(which)
                | Step::ChangeNested(which)
                | Step::Copy(which)
                | Step::Move(which)
                | Step::Remove(which) => model.chosen(which),
                _ => None,
            };
            taken.push((step, target.clone()));
            let new = format!("elsewhere_{:03}", model.names + 1);
            let expected = model.apply(step, target.as_deref());
            let came_to = take(&root, &builds, step, target.as_deref(), &new).await?;
            ensure_eq!(came_to, expected, "history {history}: the last of {taken:?}");
            if let Told::Resolved(_, name) = &came_to {
                is_complete(&root.dir(name)?).await?;
            }
            let there = names(&root).await?;
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
                State::Stopped => (Status::Stopped, false),
            };
            ensure_eq!((meta.status, meta.modified), expected, "history {history}: '{name}' after {taken:?}");
        }
    }
    Ok(())
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
