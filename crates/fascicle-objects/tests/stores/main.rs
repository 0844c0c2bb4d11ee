//! Stores: the same checks on every kind of them, and on servers that fail.

mod conditional;
mod faults;
mod files;
mod local;
mod opening;
mod parts;
mod sites;
mod stored;
mod tree;
