//! The built command, run as a user runs it, each test in a folder of its own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod append;
mod build;
mod change;
mod cloud;
mod compare;
mod configured;
mod exchange;
mod judged;
mod look;
mod output;
mod places;
mod put_and_get;
mod refusals;
mod shell;
mod sql;
