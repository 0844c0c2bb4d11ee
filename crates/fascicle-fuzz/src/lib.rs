//! Hostile input by the thousand.
//!
//! Each [`Target`] is a door through which bytes come in that somebody else wrote: paths, places, metas, records of the index,
//! stored arrays and tables. A target gets any bytes and panics when fascicle does anything but use them or refuse them with a
//! typed error. The tests replay the committed `corpus/` and a few thousand mutations of it, the same ones each time;
//! `tools/fuzz TARGET SECONDS` goes on for as long as one likes, from a new seed.
//!
//! What a target may take is bounded, too: [`memory`] refuses allocations beyond a cap, and a run that takes long is a failure.
//!
//! Made for tests, everything here panics when something is wrong.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code fails by panicking")]

mod corpus;
pub mod memory;
mod mutation;
mod session;
mod targets;

pub use corpus::{corpus_of, write_seeds};
pub use mutation::Mutator;
pub use session::{Session, Summary};
pub use targets::{TARGETS, Target};
