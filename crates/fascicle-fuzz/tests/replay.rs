//! Every target does well on its corpus, and on mutations of it, the same ones each time.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests fail by panicking")]

use fascicle_fuzz::{Session, TARGETS, memory::Counted};
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// On a machine that is busy with other things a run may take a while.
const LONGEST: Duration = Duration::from_secs(30);

fn replay(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let mut session = Session::new(target, LONGEST);
    session.replay();
    session.mutate(0, |summary| summary.runs < target.quick_runs);
    println!("{name}: {}", session.summary());
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        #[test]
        fn every_target_is_replayed() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

targets! {
    path place configuration yaml meta identity index operations
    zarr_metadata zarr_chunk hdf5_file parquet_part parquet_array csv_table
}
