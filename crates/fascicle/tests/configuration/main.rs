//! Storage chosen outside of programs: the file, its places and profiles, the environment, and what is refused.
#![cfg(feature = "hdf5")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

#[path = "../built_example/mod.rs"]
mod built_example;
mod environment;
mod hostile;
mod one_line;
mod opened;
mod understood;

use fascicle::{OpenOptions, StorageConfiguration};
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder with a configuration in it, which vanishes at the end of the test.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(text: &str) -> Self {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        place.write(text);
        place
    }

    fn write(&self, text: impl AsRef<[u8]>) {
        std::fs::write(self.file(), text).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.path("fascicle.yaml")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configuration(&self) -> StorageConfiguration {
        StorageConfiguration::read(self.file(), None).unwrap()
    }

    fn options(&self) -> OpenOptions {
        OpenOptions::default().with_configuration(self.configuration())
    }
}
