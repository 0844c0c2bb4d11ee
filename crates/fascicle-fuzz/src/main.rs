//! `fascicle-fuzz TARGET SECONDS [SEED]` runs a target on new inputs; `fascicle-fuzz seeds` writes the inputs to begin with.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "speaks to people")]

use fascicle_fuzz::{Session, TARGETS, memory::Counted, write_seeds};
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["seeds"] => match write_seeds() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
        [name, seconds] => fuzz(name, seconds, fastrand::u64(..)),
        [name, seconds, seed] => match seed.parse() {
            Ok(seed) => fuzz(name, seconds, seed),
            Err(_) => usage(),
        },
        _ => usage(),
    }
}

fn fuzz(name: &str, seconds: &str, seed: u64) -> ExitCode {
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else { return usage() };
    let Ok(seconds) = seconds.parse() else { return usage() };
    println!("{name}: seed {seed}");
    let mut session = Session::new(target, Duration::from_secs(1));
    session.replay();
    let end = Instant::now() + Duration::from_secs(seconds);
    session.mutate(seed, |_| Instant::now() < end);
    println!("{name}: {}", session.summary());
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    eprintln!(
        "usage: fascicle-fuzz TARGET SECONDS [SEED], or fascicle-fuzz seeds\ntargets: {}",
        names.join(" ")
    );
    ExitCode::from(2)
}
