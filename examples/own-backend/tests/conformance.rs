//! Holds the backend to the conformance suite.

use fascicle_conformance::{Site, Suite};
use own_backend::HashMapBackend;
use std::{convert::Infallible, process::ExitCode};

fn main() -> ExitCode {
    Suite::new("own-backend", |_: Site| async { Ok::<_, Infallible>(HashMapBackend::default()) }).main()
}
