//! Processes that race, die and come back from the dead, on every store. Each is this test program, started again; what they
//! did is judged from outside of them.
//!
//! `FASCICLE_PROOF` multiplies the size of everything, for long runs (see `tools/soak`); `FASCICLE_SEED` repeats a run's choices.
#![cfg(all(feature = "hdf5", feature = "parquet", feature = "zarr"))]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking, workers speak by printing"
)]

mod appenders;
mod contenders;
mod creators;
mod crew;
mod datamate;
mod deaths;
mod site;
mod work;
mod worker;

/// How much larger than usual the run is.
fn scale() -> usize {
    std::env::var("FASCICLE_PROOF").ok().map_or(1, |text| text.parse().unwrap())
}

/// Random choices that can be made again: the seed is printed, and taken from `FASCICLE_SEED` when that is set.
fn choices(of: &str) -> fastrand::Rng {
    let given = std::env::var("FASCICLE_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |text| text.parse().unwrap());
    println!("{of}: FASCICLE_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

/// A test for each store.
macro_rules! on_every_store {
    ($run:path) => {
        #[test]
        fn on_local_hdf5() {
            $run($crate::site::Store::Hdf5);
        }

        #[test]
        fn on_local_zarr() {
            $run($crate::site::Store::Zarr);
        }

        #[test]
        fn on_zarr_on_s3() {
            $run($crate::site::Store::ZarrOnS3);
        }

        #[test]
        fn on_local_parquet() {
            $run($crate::site::Store::Parquet);
        }

        #[test]
        fn on_parquet_on_s3() {
            $run($crate::site::Store::ParquetOnS3);
        }
    };
}
pub(crate) use on_every_store;
