//! The conformance suite that every fascicle backend is held to.
//!
//! A backend's author writes one file, `tests/conformance.rs`, declared with `harness = false`:
//!
//! ```no_run
//! use fascicle_conformance::{Site, Suite};
//! # struct MyBackend;
//! # impl MyBackend {
//! #     fn open(_: &std::path::Path) -> fascicle_backend::Result<fascicle_backend::wrap::Enforced> { unimplemented!() }
//! # }
//!
//! fn main() -> std::process::ExitCode {
//!     Suite::new("my-backend", |site: Site| async move { MyBackend::open(site.dir()) }).main()
//! }
//! ```
//!
//! Each [`Behaviour`] is one sentence about what a backend does, with a check that can fail. `SPEC.md` lists
//! them all. Which of them apply to a backend follows from the [capabilities](fascicle_backend::Capabilities) it
//! declares and from nothing else; what does not apply is shown with its reason.

mod behaviour;
mod behaviours;
mod failure;
mod gate;
mod harness;
mod model;
mod operation;
mod place;
mod proof;
mod report;
mod runner;
mod samples;
mod seed;
mod site;
mod snapshot;
mod spec;
mod subject;
mod suite;

pub use behaviour::{Behaviour, Check};
pub use behaviours::all;
pub use failure::{Checked, Failure};
pub use gate::Need;
pub use report::{Outcome, Report, Row};
pub use site::Site;
pub use spec::{SPEC_VERSION, spec};
pub use subject::Subject;
pub use suite::Suite;
