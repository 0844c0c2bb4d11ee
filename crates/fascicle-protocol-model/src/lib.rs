//! An explicit-state check of find-or-build.
//!
//! A few processes look for the directory of one config, build it, wait for each other, take over from each other, remove it
//! and change it, over a storage that offers what the contract offers: records that are created once, metas that change by
//! compare-and-swap, and data that is simply written. [`check`] visits every state that any interleaving of their steps can
//! reach and looks at the invariants in each.
//!
//! - **There are no clocks.** Any waiter may take any builder for dead at any moment, as if every lease were too short. What holds
//!   here holds whatever the clocks of the machines say.
//! - **Faults**: a process dies; an answer is lost; the storage says that a record exists although nothing arrived, or because it
//!   was the first sending of the same write; a write stays under way and lands at any later time or never. Each costs one of the
//!   scenario's faults, so that the space is finite.
//! - **Mutants**: the same protocol with one rule left out. Each must break an invariant; a rule whose absence breaks none would
//!   not be needed, or not be checked.
//!
//! The steps are those of `fascicle-core/src/build`, one read or write of the storage each. Not modelled: stale reads (NFS
//! caches), given paths, and what a store does within one call of the contract.

mod bystander;
mod explore;
mod fingerprint;
mod invariant;
mod scenario;
mod searcher;
mod state;
mod storage;

pub use explore::{Outcome, check};
pub use scenario::{Mutant, Names, Scenario};
