//! The doors.

mod configuration;
mod identity;
mod index;
mod meta;
mod operations;
mod path;
mod place;
mod stored;
mod workbench;
mod yaml;

use std::fmt;

/// A door through which bytes come in.
pub struct Target {
    /// Its name, and that of the folder of its corpus.
    pub name: &'static str,
    /// Does with the bytes whatever is done with them, and panics when that goes wrong.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What stands in such inputs.
    pub tokens: &'static [&'static str],
    /// How many inputs the tests run.
    pub quick_runs: u64,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target").field(&self.name).finish()
    }
}

/// All of them.
pub static TARGETS: [Target; 14] = [
    path::TARGET,
    place::TARGET,
    configuration::TARGET,
    yaml::TARGET,
    meta::TARGET,
    identity::TARGET,
    index::TARGET,
    operations::TARGET,
    stored::ZARR_METADATA,
    stored::ZARR_CHUNK,
    stored::HDF5_FILE,
    stored::PARQUET_PART,
    stored::PARQUET_ARRAY,
    stored::CSV_TABLE,
];

/// Seeds that are text.
fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Nothing that is printed for people may drive their terminal.
fn assert_printable(text: &str) {
    let bad = text.chars().find(|character| character.is_control() && *character != '\n');
    assert!(bad.is_none(), "{bad:?} is printed in {text:?}");
}
