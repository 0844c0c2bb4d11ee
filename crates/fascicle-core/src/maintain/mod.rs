//! Looking after a root: what is damaged, what writers and builders that died left behind, and mending it.
//!
//! - [`Root::verify`](crate::Root::verify) reads everything and says what cannot be read or contradicts itself. It changes nothing.
//! - [`Root::repair`](crate::Root::repair) takes the steps that a builder or writer which died did not take, and rebuilds the index from the data.
//!   It deletes no data.
//! - [`Root::gc`](crate::Root::gc) deletes what nobody will ever need: attempts that did not make it, and what was being written or removed
//!   when somebody died.
//!
//! Without `apply` the latter two say what they would do, and change nothing. Builders, writers and readers may be at work all
//! the time: nothing that is alive is touched. Every step is a conditional write, a record that only one can create, or is
//! made under the lock that writers hold; whoever is slower finds that there is nothing left to do. Ages decide only when to
//! try. A second run finds nothing.
//!
//! What is found and what is done about it is described state by state in `docs/maintenance.md`.

mod finding;
mod gc;
mod repair;
mod survey;
mod verify;

#[cfg(test)]
mod tests;

pub use finding::{Action, Finding, FindingKind, Outcome, Report};
pub use gc::{DEFAULT_GRACE, GcOptions};
pub use repair::RepairOptions;
pub use verify::{VerifyOptions, VerifyReport};
