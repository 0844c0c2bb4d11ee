//! Find-or-build: the directory of a config is found, or built exactly once.
//!
//! The identity of a config names a chain of epochs. In each epoch one builder claims the right to build by creating a
//! record that only one can create; it builds in a directory of its own; and the epoch is ended by a second such record,
//! which says `done`, `stopped` or `abandoned`. Whoever believes that a builder is dead competes with it for that second
//! record, so that clocks and suspicions decide when to try and never who wins.

mod attempt;
mod beat;
mod circle;
mod clock;
mod definition;
mod explain;
mod flight;
mod foreign;
mod given_path;
mod growth;
mod guard;
mod interruption;
mod judge;
mod known;
mod modify;
mod names;
mod process;
mod records;
mod resolve;
mod search;
mod tending;
mod wait;
mod watch;

pub use definition::{Build, BuildResult, PinnedRoot, Precedence};
pub use explain::{Explanation, NearConfig, PastBuild, PastOutcome};
pub use interruption::{Interrupted, Interruption};
pub use resolve::{OnMismatch, Outcome, Resolution, ResolveOptions};

pub(crate) use definition::type_name;
pub(crate) use flight::SingleFlight;
pub(crate) use foreign::ForeignDirectories;
pub(crate) use growth::{Growing, Growth};
pub(crate) use guard::BuildGuard;
pub(crate) use modify::{Finished, mark_modified, retire};
pub(crate) use names::NameHints;
pub(crate) use resolve::{BuildStack, current_stack, with_stack};
pub(crate) use tending::{EpochId, EpochState, Indexing, Sealing, epochs, free_epoch, index_finished};
