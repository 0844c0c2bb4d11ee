//! Builders are killed, and stopped and woken up again after others took over, at any moment of a build: one finished directory
//! is there in the end, whole, and everybody who gets one gets this one.

use crate::crew::{Crew, Id, PATIENCE};
use crate::site::{Site, Store, judge};
use crate::{choices, on_every_store, scale, work};
use fastrand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const WORKERS: usize = 4;
/// For each store and each unit of scale; in all, 200 processes are killed and 100 come back from the dead.
const ROUNDS: usize = 18;
const KILLED: usize = 4;
const SUSPENDED: usize = 2;

/// Takes long enough that a signal meets it anywhere.
const LONGEST_PAUSE_MS: u64 = 6;

on_every_store!(run);

#[derive(Debug, Default)]
struct Tally {
    builds: usize,
    killed: usize,
    woken: usize,
    returned: usize,
    outcomes: BTreeMap<String, usize>,
}

/// One round: everybody asks for one config, and some are struck.
struct Round<'a> {
    seed: u64,
    crew: &'a mut Crew,
    choices: &'a mut Rng,
    tally: &'a mut Tally,
    to_kill: usize,
    to_suspend: usize,
    /// Who was stopped, and since when.
    suspended: BTreeMap<Id, Instant>,
    asked: BTreeSet<Id>,
    answers: BTreeSet<String>,
    lease: Duration,
}

fn run(store: Store) {
    let lease = Duration::from_millis(600);
    let site = Site::new(store, lease);
    let mut choices = choices(&format!("{store:?}"));
    let mut crew = Crew::start(&site.address, WORKERS);
    let mut tally = Tally::default();
    for seed in 0..(ROUNDS * scale()) as u64 {
        let round = Round {
            seed,
            crew: &mut crew,
            choices: &mut choices,
            tally: &mut tally,
            to_kill: KILLED,
            to_suspend: SUSPENDED,
            suspended: BTreeMap::new(),
            asked: BTreeSet::new(),
            answers: BTreeSet::new(),
            lease,
        };
        let answer = round.play();
        judge(async {
            let root = site.address.open().await;
            let found = work::finished(&root, &work::config(seed)).await;
            assert_eq!(found.len(), 1, "round {seed}: {found:?}");
            let token = work::token_of(&root.dir(&found[0]).unwrap()).await.unwrap();
            assert_eq!(answer, format!("{} {token}", found[0]), "round {seed}");
        });
    }
    println!("{store:?}: {tally:?}");
    assert!(tally.killed > 0 && tally.woken > 0, "nobody was struck: {tally:?}");
}

impl Round<'_> {
    /// Plays until everybody who is asked has answered, and returns the one answer.
    fn play(mut self) -> String {
        self.crew.ids().into_iter().for_each(|id| self.ask(id));
        let mut heard = Instant::now();
        while !self.asked.is_empty() {
            self.wake_those_who_were_missed();
            let Some((id, said)) = self.crew.hear_for(self.lease / 4) else {
                assert!(heard.elapsed() < PATIENCE, "round {}: {:?} hang", self.seed, self.asked);
                continue;
            };
            heard = Instant::now();
            match said.split_once(' ') {
                None if said == "ready" => self.ask(id),
                Some(("building", _)) => {
                    self.tally.builds += 1;
                    self.strike(id);
                }
                Some(("returned", what)) => self.returned(id, what),
                _ => panic!("round {}: worker {id}: {said}", self.seed),
            }
        }
        let answers: Vec<String> = self.answers.into_iter().collect();
        assert_eq!(answers.len(), 1, "round {}: {answers:?}", self.seed);
        answers.into_iter().next().unwrap()
    }

    fn ask(&mut self, id: Id) {
        // Every other round, the directory has to have a given path.
        let path = if self.seed.is_multiple_of(2) { "-".to_owned() } else { work::given_path(self.seed) };
        self.crew.order(id, &format!("resolve {} {LONGEST_PAUSE_MS} {path}", self.seed));
        self.asked.insert(id);
    }

    fn returned(&mut self, id: Id, what: &str) {
        let (answer, outcome) = what.rsplit_once(' ').unwrap();
        self.answers.insert(answer.to_owned());
        self.asked.remove(&id);
        self.tally.returned += 1;
        *self.tally.outcomes.entry(outcome.to_owned()).or_default() += 1;
        // Somebody has it: those who were stopped come back into a world that went on without them.
        for (id, _) in std::mem::take(&mut self.suspended) {
            self.crew.wake(id);
            self.tally.woken += 1;
        }
    }

    /// Kills or stops the one that began to build, or somebody who waits for it, a little later.
    fn strike(&mut self, builder: Id) {
        let left = self.to_kill + self.to_suspend;
        if left == 0 {
            return;
        }
        std::thread::sleep(Duration::from_micros(self.choices.u64(0..40_000)));
        let mut victim = builder;
        if self.choices.u8(0..5) == 0 {
            let awake: Vec<Id> =
                self.asked.iter().copied().filter(|id| !self.suspended.contains_key(id)).collect();
            victim = self.choices.choice(awake).unwrap_or(builder);
        }
        if self.suspended.contains_key(&victim) {
            return;
        }
        if self.choices.usize(0..left) < self.to_kill {
            self.to_kill -= 1;
            self.tally.killed += 1;
            self.asked.remove(&victim);
            self.crew.kill(victim);
            // The next one asks as soon as it is ready.
            let id = self.crew.hire();
            self.asked.insert(id);
        } else if self.suspended.len() + 1 < self.asked.len() {
            self.to_suspend -= 1;
            self.crew.suspend(victim);
            self.suspended.insert(victim, Instant::now());
        }
    }

    /// Where those who were not stopped had their answer before, nobody else will wake the others up.
    fn wake_those_who_were_missed(&mut self) {
        let everybody_else_has_answered = self.asked.iter().all(|id| self.suspended.contains_key(id));
        let long_ago = |since: &Instant| since.elapsed() > 20 * self.lease;
        if everybody_else_has_answered || self.suspended.values().any(long_ago) {
            for (id, _) in std::mem::take(&mut self.suspended) {
                self.crew.wake(id);
                self.tally.woken += 1;
            }
        }
    }
}
