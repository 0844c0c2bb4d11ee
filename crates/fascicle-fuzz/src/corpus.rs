//! The committed inputs.

use crate::targets::{TARGETS, Target};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of a target's inputs.
pub(crate) fn folder_of(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}

/// The inputs of a target, in the order of their names.
pub fn corpus_of(target: &Target) -> io::Result<Vec<Vec<u8>>> {
    let mut files = fs::read_dir(folder_of(target))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    files.sort();
    files.into_iter().map(fs::read).collect()
}

/// Writes the inputs to begin with, as this version of fascicle makes them. Others that are there stay.
pub fn write_seeds() -> io::Result<()> {
    for target in &TARGETS {
        let folder = folder_of(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:02}")), seed)?;
        }
    }
    Ok(())
}
