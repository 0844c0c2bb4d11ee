//! Stores: the same checks on every kind of them, and on servers that fail.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![expect(clippy::print_stdout, reason = "which store a check fails on")]

mod conditional;
mod coordination;
mod faults;
mod files;
mod leftovers;
mod local;
mod opening;
mod overtaken;
mod parts;
mod sites;
mod stored;
mod table_processes;
mod tables;
mod tree;
