//! How the backends that come with fascicle are opened, and which options they know.

#[cfg(feature = "hdf5")]
use crate::given::{Given, bad_value};
use crate::{OpenRequest, Place};
#[cfg(feature = "hdf5")]
use fascicle_core::Codec;
use fascicle_core::{Backend, Error, ErrorKind, Result};
use std::sync::Arc;

/// Opens memory. There are no options.
pub(crate) fn memory(request: OpenRequest) -> Result<Arc<dyn Backend>> {
    check_stored(&request, &[])?;
    match &request.place {
        Place::Memory(name) => Ok(Arc::new(fascicle_memory::MemoryBackend::named(name))),
        other => Err(cannot_hold("memory", other, "memory:NAME")),
    }
}

/// The options of [`hdf5`] that a caller can give.
#[cfg(feature = "hdf5")]
pub(crate) const HDF5_OPTIONS: [&str; 4] = ["tables", "fsync", "lock_timeout", "follow_symlinks"];

/// Opens a folder in the HDF5 layout. Options: `tables` (`parquet` or `csv`), stored or given; `fsync`, `lock_timeout` and
/// `follow_symlinks`, given only.
#[cfg(feature = "hdf5")]
pub(crate) fn hdf5(request: OpenRequest) -> Result<Arc<dyn Backend>> {
    use fascicle_core::config::Map;
    use fascicle_hdf5::{Hdf5Backend, Hdf5Options, TableFormat};

    check_stored(&request, &["tables"])?;
    let Place::Folder(path) = &request.place else {
        return Err(cannot_hold("hdf5", &request.place, "a folder"));
    };
    let given = Given { options: &request.options, stored: &Map::new() };
    let mut options = Hdf5Options::default();
    options.fsync = request.fsync.or(given.truth("fsync")?).unwrap_or(options.fsync);
    let patience = given.duration("lock_timeout")?;
    options.lock_timeout = request.lock_timeout.or(patience).unwrap_or(options.lock_timeout);
    options.follow_symlinks = given.truth("follow_symlinks")?.unwrap_or(options.follow_symlinks);
    if let Some(value) = given.value("tables").or_else(|| request.stored.get("tables")) {
        options.tables = match value.as_str() {
            Some("parquet") => TableFormat::Parquet,
            Some("csv") => TableFormat::Csv,
            _ => return Err(bad_value("tables", value, "parquet or csv")),
        };
    }
    if let Some(Codec::Zstd { .. }) = request.arrays.codec {
        let message = "the codec of arrays cannot be zstd, which HDF5 does not have of its own";
        return Err(Error::new(ErrorKind::Unsupported, message).hint("it can be gzip or none"));
    }
    if let (TableFormat::Csv, Some(Codec::Gzip { .. } | Codec::Zstd { .. })) =
        (options.tables, request.tables.codec)
    {
        let message = "the tables are CSV files, which are not compressed, and a codec for tables is given";
        return Err(Error::new(ErrorKind::Unsupported, message)
            .hint("leave it out, or set the option 'tables' to parquet"));
    }
    Ok(Arc::new(Hdf5Backend::open(path, options)?))
}

/// Refuses options in the marker of a root that the backend does not take from there.
pub(crate) fn check_stored(request: &OpenRequest, known: &[&str]) -> Result<()> {
    let Some(name) = request.stored.keys().find(|name| !known.contains(&name.as_str())) else {
        return Ok(());
    };
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    let message = format!("'{name}' is not known as an option of roots of this backend");
    Err(Error::new(ErrorKind::Unsupported, message).hint(format!("known are: {known}")))
}

pub(crate) fn cannot_hold(backend: &str, place: &Place, fits: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("the backend '{backend}' cannot hold '{place}'"))
        .hint(format!("its places are written as {fits}"))
}
