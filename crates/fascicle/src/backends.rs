//! How the backends that come with fascicle are opened, and which options they know.

use crate::{OpenRequest, Place};
use fascicle_core::config::Value;
use fascicle_core::{Backend, Error, ErrorKind, Result};
use std::sync::Arc;

/// Opens memory. There are no options.
pub(crate) fn memory(request: OpenRequest) -> Result<Arc<dyn Backend>> {
    check_options(&request, &[], &[])?;
    match &request.place {
        Place::Memory(name) => Ok(Arc::new(fascicle_memory::MemoryBackend::named(name))),
        other => Err(cannot_hold("memory", other, "memory:NAME")),
    }
}

/// Opens a folder in the HDF5 layout. Options: `tables` (`parquet` or `csv`), stored or given; `follow_symlinks`, given only.
#[cfg(feature = "hdf5")]
pub(crate) fn hdf5(request: OpenRequest) -> Result<Arc<dyn Backend>> {
    use fascicle_hdf5::{Hdf5Backend, Hdf5Options, TableFormat};

    check_options(&request, &["tables"], &["tables", "follow_symlinks"])?;
    let Place::Folder(path) = &request.place else {
        return Err(cannot_hold("hdf5", &request.place, "a folder"));
    };
    let mut options = Hdf5Options::default();
    if let Some(fsync) = request.fsync {
        options.fsync = fsync;
    }
    if let Some(lock_timeout) = request.lock_timeout {
        options.lock_timeout = lock_timeout;
    }
    if let Some(value) = request.options.get("follow_symlinks") {
        options.follow_symlinks =
            value.as_bool().ok_or_else(|| bad_value("follow_symlinks", value, "true or false"))?;
    }
    if let Some(value) = request.options.get("tables").or_else(|| request.stored.get("tables")) {
        options.tables = match value.as_str() {
            Some("parquet") => TableFormat::Parquet,
            Some("csv") => TableFormat::Csv,
            _ => return Err(bad_value("tables", value, "parquet or csv")),
        };
    }
    Ok(Arc::new(Hdf5Backend::open(path, options)?))
}

/// Refuses options that the backend does not have.
fn check_options(request: &OpenRequest, stored: &[&str], given: &[&str]) -> Result<()> {
    let refuse = |kind, message: String, known: &[&str]| {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Err(Error::new(kind, message).hint(format!("known are: {known}")))
    };
    if let Some(name) = request.options.keys().find(|name| !given.contains(&name.as_str())) {
        return refuse(ErrorKind::InvalidInput, format!("there is no option '{name}'"), given);
    }
    if let Some(name) = request.stored.keys().find(|name| !stored.contains(&name.as_str())) {
        let message = format!("'{name}' is not known as an option of roots of this backend");
        return refuse(ErrorKind::Unsupported, message, stored);
    }
    Ok(())
}

fn cannot_hold(backend: &str, place: &Place, fits: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("the backend '{backend}' cannot hold '{place}'"))
        .hint(format!("its places are written as {fits}"))
}

#[cfg_attr(not(feature = "hdf5"), expect(dead_code, reason = "memory has no options"))]
fn bad_value(option: &str, value: &Value, fits: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("the option '{option}' cannot be '{value}'"))
        .hint(format!("it is {fits}"))
}
