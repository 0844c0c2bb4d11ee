//! One place of the file, complete.

use super::layer::PlaceLayer;
use crate::secret::NamesOnly;
use crate::{OpenOptions, Place};
use fascicle_core::config::Map;
use fascicle_core::{ArrayDefaults, Error, Result, TableDefaults};
use std::fmt;
use std::path::{Path, PathBuf};

/// A place that a [`StorageConfiguration`](super::StorageConfiguration) names.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfiguredPlace {
    name: String,
    file: PathBuf,
    path: String,
    address: Place,
    backend: Option<String>,
    options: Map,
    arrays: ArrayDefaults,
    tables: TableDefaults,
}

impl ConfiguredPlace {
    pub(super) fn new(name: String, file: &Path, folder: &Path, layer: PlaceLayer) -> Result<Self> {
        Ok(ConfiguredPlace {
            name,
            file: file.to_owned(),
            address: layer.address(folder)?,
            arrays: layer.array_defaults()?,
            tables: layer.table_defaults()?,
            path: layer.path,
            backend: layer.backend,
            options: layer.options,
        })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    pub fn address(&self) -> &Place {
        &self.address
    }

    /// The backend, where the file says it.
    pub fn backend(&self) -> Option<&str> {
        self.backend.as_deref()
    }

    /// The options for the backend.
    pub fn options(&self) -> &Map {
        &self.options
    }

    /// How arrays are stored where the program does not say.
    pub fn arrays(&self) -> ArrayDefaults {
        self.arrays
    }

    /// How tables are stored where the program does not say.
    pub fn tables(&self) -> TableDefaults {
        self.tables
    }

    /// What the program asks for, and what it leaves open from here.
    pub(crate) fn complete(&self, asked: &OpenOptions) -> OpenOptions {
        let mut options = asked.clone();
        options.backend = options.backend.or_else(|| self.backend.clone());
        for (name, value) in &self.options {
            options.options.entry(name.clone()).or_insert_with(|| value.clone());
        }
        options.root.array_defaults = options.root.array_defaults.or(self.arrays);
        options.root.table_defaults = options.root.table_defaults.or(self.tables);
        options
    }

    /// Adds where the place, or a part of it, stands.
    pub(crate) fn explain(&self, error: Error, part: &str) -> Error {
        error.note(format!("see `{}{part}` in '{}'", self.path, self.file.display()))
    }
}

impl fmt::Debug for ConfiguredPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfiguredPlace")
            .field("name", &self.name)
            .field("address", &self.address)
            .field("backend", &self.backend)
            .field("options", &NamesOnly(&self.options))
            .field("arrays", &self.arrays)
            .field("tables", &self.tables)
            .finish_non_exhaustive()
    }
}
