//! The conformance suite on the local HDF5 backend.

use fascicle_conformance::{Site, Suite};
use fascicle_hdf5::{Hdf5Backend, Hdf5Options};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Nothing here looks at what survives a power failure, and without that the suite takes seconds.
    let options = || Hdf5Options::default().with_fsync(false);
    Suite::new("hdf5", move |site: Site| async move { Hdf5Backend::open(site.dir().join("root"), options()) })
        .main()
}
