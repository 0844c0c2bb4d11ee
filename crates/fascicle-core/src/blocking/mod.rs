//! The same names without `.await`: for simulations, scripts, thread pools, and everything else that is not asynchronous.
//!
//! A handle here does what the asynchronous handle of the same name does, and waits for it. Both work on the same
//! storage at the same time, and each converts into the other with `From`.
//!
//! ```
//! use fascicle_core::blocking::{Build, Directory, Root};
//! use fascicle_core::BuildResult;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Cells {
//!     n_cells: i64,
//! }
//!
//! impl Build for Cells {
//!     fn build(&self, dir: &Directory) -> BuildResult {
//!         dir.put("cell_id", (0..self.n_cells).collect::<Vec<_>>())?;
//!         Ok(())
//!     }
//! }
//!
//! let root = Root::new(fascicle_memory::MemoryBackend::new());
//! let cells = root.resolve(&Cells { n_cells: 100 })?; // built, and found ever after
//! let head: Vec<i64> = cells.array("cell_id")?.select(..3)?.read()?;
//! assert_eq!(head, [0, 1, 2]);
//! # Ok::<(), fascicle_core::Error>(())
//! ```
//!
//! # Where it works
//!
//! On plain threads and in the threads of a pool such as rayon's, where everything, build functions included, runs on the
//! calling thread. Also on a thread that drives asynchronous tasks: there each call runs on a helper thread, which costs
//! tens of microseconds, and the tasks of the calling thread stand still meanwhile. Never wait there for a build that a task
//! of the same thread is to finish.
//!
//! Scoped roots ([`roots`](crate::roots)) and the detection of builds that ask for themselves hold across nested calls on one
//! thread. As with spawned tasks, they do not reach other threads that a build function hands work to: such work uses the
//! directories it is given.

mod array;
mod build;
mod directory;
mod file;
mod iterate;
mod root;
mod table;
mod views;
mod wait;

pub use array::{Appender, Array, ArrayBuilder, Selected};
pub use build::{Build, Resolution};
pub use directory::{Directory, Entry};
pub use file::{File, FileWriter};
pub use iterate::StreamIterator;
pub use root::Root;
pub use table::{Table, TableStream, TableWriter};
pub use views::metas_as_table;
pub use wait::wait;
