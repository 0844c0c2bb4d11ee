//! The configs and statuses of two directories.

use super::CompareOptions;
use crate::config::{Config, Difference, Map, Value, differences};
use crate::meta::{Meta, PLAIN_TYPE, Status};
use fascicle_backend::{MetaRecord, Result};

/// The fields of two metas that differ, with dotted paths such as `config.seed`.
pub(super) fn differing(
    this: Option<&MetaRecord>,
    other: Option<&MetaRecord>,
    options: &CompareOptions,
) -> Result<Vec<Difference>> {
    let bytes = |record: Option<&MetaRecord>| record.map(|record| record.bytes.clone());
    if bytes(this) == bytes(other) {
        return Ok(Vec::new());
    }
    Ok(differences(&compared(this, options)?, &compared(other, options)?))
}

/// What is compared of a meta.
fn compared(record: Option<&MetaRecord>, options: &CompareOptions) -> Result<Map> {
    let (config, status, modified) = match record {
        Some(record) => {
            let meta = Meta::from_bytes(&record.bytes)?;
            (meta.config, meta.status, meta.modified)
        }
        None => (Config::new(PLAIN_TYPE), Status::Done, false),
    };
    let mut map = Map::new();
    if options.config {
        map.insert("config".to_owned(), config.to_value());
    }
    if options.status {
        map.insert("status".to_owned(), Value::from(status.as_str()));
    }
    if options.modified {
        map.insert("modified".to_owned(), Value::from(modified));
    }
    Ok(map)
}
