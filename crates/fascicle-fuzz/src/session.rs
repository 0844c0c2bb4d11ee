//! Running a target on many inputs.

use crate::corpus::{corpus_of, folder_of};
use crate::memory;
use crate::mutation::Mutator;
use crate::targets::Target;
use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A target with its inputs.
#[derive(Debug)]
pub struct Session {
    target: &'static Target,
    corpus: Vec<Vec<u8>>,
    /// Where the input lies that is being run, in case the process does not survive it.
    last: PathBuf,
    /// The longest that a run may take.
    longest: Duration,
    summary: Summary,
}

/// What was run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How many inputs.
    pub runs: u64,
    /// The longest run.
    pub slowest: Duration,
    /// The most memory that a run had in use.
    pub largest: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (runs, slowest, largest) = (self.runs, self.slowest.as_millis(), self.largest >> 20);
        write!(f, "{runs} runs, the slowest {slowest} ms, the largest {largest} MiB")
    }
}

impl Session {
    /// A session whose runs may take `longest` each.
    pub fn new(target: &'static Target, longest: Duration) -> Session {
        let corpus = corpus_of(target).unwrap();
        assert!(!corpus.is_empty(), "there is no corpus of '{}'", target.name);
        let last = std::env::temp_dir().join(format!("fascicle-fuzz-{}-{}", target.name, std::process::id()));
        Session { target, corpus, last, longest, summary: Summary::default() }
    }

    /// Runs every input of the corpus.
    pub fn replay(&mut self) {
        for input in self.corpus.clone() {
            self.run(&input);
        }
    }

    /// Runs mutations of the corpus for as long as `go_on` says.
    pub fn mutate(&mut self, seed: u64, mut go_on: impl FnMut(&Summary) -> bool) {
        let mut mutator = Mutator::new(seed);
        while go_on(&self.summary) {
            let input = mutator.next(&self.corpus, self.target.tokens);
            self.run(&input);
        }
    }

    /// What was run so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    fn run(&mut self, input: &[u8]) {
        fs::write(&self.last, input).unwrap();
        let (before, begun) = (memory::begin(), Instant::now());
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.target.run)(input)));
        let (time, memory) = (begun.elapsed(), memory::peak_since(before));
        self.summary.runs += 1;
        self.summary.slowest = self.summary.slowest.max(time);
        self.summary.largest = self.summary.largest.max(memory);
        if outcome.is_err() {
            self.keep(input, "it panicked");
        }
        if memory > memory::CAP_BYTES {
            self.keep(input, &format!("it took {} MiB", memory >> 20));
        }
        if time > self.longest {
            self.keep(input, &format!("it took {} ms", time.as_millis()));
        }
    }

    /// Adds a bad input to the corpus, so that it is replayed for ever, and fails.
    fn keep(&self, input: &[u8], why: &str) -> ! {
        let hash = input.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let kept = folder_of(self.target).join(format!("found-{hash:016x}"));
        fs::write(&kept, input).unwrap();
        panic!("{}: {why}; the input was kept as {}", self.target.name, kept.display());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // What remains is a file of a few bytes in the system's folder for such files.
        let _ = fs::remove_file(&self.last);
    }
}
