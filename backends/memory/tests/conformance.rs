//! Holds the backend to the conformance suite.

use fascicle_conformance::{Site, Suite};
use fascicle_memory::MemoryBackend;
use std::{convert::Infallible, process::ExitCode};

fn main() -> ExitCode {
    Suite::new("memory", |_site: Site| async { Ok::<_, Infallible>(MemoryBackend::new()) }).main()
}
