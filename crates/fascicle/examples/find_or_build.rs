//! A simulation that runs once for each config, and one that depends on it; without `.await`.
//!
//! Run it twice with `cargo run --example find_or_build [PLACE]`: the second time everything is found.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use fascicle::blocking::{Build, Directory, Root, open};
use fascicle::{BuildResult, IdentityRules, Outcome, ResolveOptions, Result};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Walk {
    steps: usize,
    seed: u64,
    /// Not part of the identity: it changes how fast the result is there, and not the result.
    threads: usize,
}

impl Build for Walk {
    fn identity_rules() -> IdentityRules {
        IdentityRules::default().with_excluded("threads")
    }

    fn build(&self, dir: &Directory) -> BuildResult {
        let (mut state, mut position) = (self.seed, 0i64);
        let mut path = dir.appender::<i64>("position", &[])?;
        for _ in 0..self.steps {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            position += if state >> 63 == 0 { 1 } else { -1 };
            path.push(position)?;
        }
        Ok(path.finish()?)
    }
}

#[derive(Serialize, Deserialize)]
struct Range {
    steps: usize,
}

impl Build for Range {
    fn build(&self, dir: &Directory) -> BuildResult {
        let walk = dir.root().resolve(&Walk { steps: self.steps, seed: 1, threads: 1 })?;
        let position: Vec<i64> = walk.array("position")?.read()?;
        let (low, high) = position.iter().fold((0, 0), |(low, high), at| (low.min(*at), high.max(*at)));
        Ok(dir.put("range", [low, high])?)
    }
}

fn run(root: &Root) -> Result<Outcome> {
    let resolution = root.resolve_with(&Range { steps: 1000 }, &ResolveOptions::default())?;
    let range: Vec<i64> = resolution.directory.array("range")?.read()?;
    println!("{} was {}: {range:?}", resolution.directory, resolution.outcome.name());
    Ok(resolution.outcome)
}

fn main() -> Result<()> {
    let place = std::env::args().nth(1).unwrap_or_else(|| "./data".to_owned());
    run(&open(place)?).map(|_| ())
}

#[test]
fn the_second_run_finds_what_the_first_one_built() {
    let root = open("memory:find_or_build").unwrap();
    assert_eq!([run(&root).unwrap(), run(&root).unwrap()], [Outcome::Built, Outcome::Found]);
    // Another number of threads is the same walk.
    root.resolve(&Walk { steps: 1000, seed: 1, threads: 8 }).unwrap();
    assert_eq!(root.as_dir().names().unwrap(), ["Range_0000", "Walk_0000"]);
}
