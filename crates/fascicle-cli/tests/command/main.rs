//! The built command, run as a user runs it, each test in a folder of its own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod append;
mod build;
mod change;
mod cloud;
mod compact;
mod compare;
mod configured;
#[cfg(feature = "conformance")]
mod conformance;
mod copy;
mod exchange;
mod find;
mod judged;
mod look;
mod maintain;
mod output;
mod places;
mod put_and_get;
mod refusals;
mod secrets;
mod shell;
mod sql;
