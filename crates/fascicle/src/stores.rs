//! Roots on object stores: how such a store is reached, and what a root on it says about itself.

use crate::given::Given;
use crate::marker::{MARKER_FILE, Marker};
use crate::{Place, registry::text_options};
use fascicle_core::config::Map;
use fascicle_core::{EntryPath, Error, ErrorKind, Result};
use fascicle_objects::object_store::{
    aws::AmazonS3ConfigKey, azure::AzureConfigKey, gcp::GoogleConfigKey, path::Path as Key,
};
use fascicle_objects::{
    Condition, Coordination, INDEX_PREFIX, PutOutcome, Store, StoreConfig, StoreLimits, StorePlace, key,
};
use std::str::FromStr;

/// The options that say how a store is used, whichever it is; the others that concern its connection are the service's own.
pub(crate) const USE: [&str; 7] =
    ["connect_timeout", "timeout", "max_retries", "retry_timeout", "part_bytes", "coordination", "lock_root"];

/// The schemes of addresses that are stores.
const SCHEMES: [&str; 6] = ["s3", "s3a", "gs", "az", "abfs", "abfss"];

/// The most bytes of a marker that are read.
const MARKER_BYTES: u64 = 1 << 20;

/// The store that an address names.
pub(crate) struct StoreRoot {
    store: Store,
}

impl StoreRoot {
    /// Reaches the store of a place, `None` for a place that is none. Requests nothing yet.
    pub(crate) fn at(place: &Place, options: &Map) -> Result<Option<Self>> {
        let Some(place) = store_address(place)? else { return Ok(None) };
        Ok(Some(StoreRoot { store: Store::open(&store_config(place, options)?)? }))
    }

    /// What the root says about itself, `None` when it says nothing. Cost: one request.
    pub(crate) async fn marker(&self) -> Result<Option<Marker>> {
        match self.store.read(&key(MARKER_FILE)?, MARKER_BYTES).await? {
            None => Ok(None),
            Some(object) => Marker::from_yaml(&object.bytes).map(Some),
        }
    }

    /// Writes what the root says about itself unless it says something already, and returns what it says then. Of any number
    /// of callers one writes it, where the store has conditional writes.
    pub(crate) async fn record(&self, marker: &Marker) -> Result<Marker> {
        if let Some(stored) = self.marker().await? {
            return Ok(stored);
        }
        let (name, document) = (key(MARKER_FILE)?, marker.to_yaml()?.into());
        if !self.store.conditions().await?.create {
            self.store.put(&name, document).await?;
            return Ok(marker.clone());
        }
        match self.store.put_if(&name, document, &Condition::Absent).await? {
            PutOutcome::Stored(_) => Ok(marker.clone()),
            PutOutcome::Overtaken | PutOutcome::Refused | PutOutcome::Unclear => {
                self.marker().await?.ok_or_else(|| {
                    Error::new(ErrorKind::Conflict, format!("'{MARKER_FILE}' was removed as it was written"))
                })
            }
        }
    }
}

/// The root that an address lies in, and the path below it: the nearest prefix, from the address upwards, under which there is
/// what only roots hold. `None` when there is none. Cost: one request for each name in the address, and one more.
pub(crate) async fn find_root(place: &Place, options: &Map) -> Result<Option<(String, EntryPath)>> {
    let Some(place) = store_address(place)? else { return Ok(None) };
    let whole = prefix_of(&place);
    let store = Store::open(&store_config(with_prefix(&place, Key::default()), options)?)?;
    let names: Vec<_> = whole.parts().collect();
    for depth in (0..=names.len()).rev() {
        let prefix: Key = names.iter().take(depth).cloned().collect();
        let marks = store.children_named(&prefix, "_", &["fascicle.yaml", "index"]).await?;
        let is_mark = |path: &Key| path.filename().is_some_and(|n| n == MARKER_FILE || n == INDEX_PREFIX);
        if marks.iter().any(|found| is_mark(found.path())) {
            let below: Vec<&str> = names.iter().skip(depth).map(AsRef::as_ref).collect();
            let entry = EntryPath::parse(&below.join("/"))?;
            return Ok(Some((with_prefix(&place, prefix).to_string(), entry)));
        }
    }
    Ok(None)
}

/// Whether an option says how the store of a place is reached, and not how something is stored.
pub(crate) fn is_connection_option(place: &Place, name: &str) -> bool {
    let address = store_address(place).ok().flatten();
    address.is_some_and(|address| USE.contains(&name) || is_service_option(&address, name))
}

/// The store that a place is, of all that are written as addresses.
pub(crate) fn store_address(place: &Place) -> Result<Option<StorePlace>> {
    match place {
        Place::Address(address) if SCHEMES.contains(&address.scheme()) => {
            StorePlace::parse(address.text()).map(Some)
        }
        _ => Ok(None),
    }
}

/// How a store is opened; options that do not concern the store are left out.
pub(crate) fn store_config(place: StorePlace, options: &Map) -> Result<StoreConfig> {
    let of_service =
        options.iter().filter(|(name, _)| !USE.contains(&name.as_str()) && is_service_option(&place, name));
    let of_service: Map = of_service.map(|(name, value)| (name.clone(), value.clone())).collect();
    let given = Given { options, stored: &Map::new() };
    let usual = StoreLimits::default();
    let most = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let limits = StoreLimits {
        connect_timeout: given.duration("connect_timeout")?.unwrap_or(usual.connect_timeout),
        request_timeout: given.duration("timeout")?.unwrap_or(usual.request_timeout),
        max_retries: given.number("max_retries")?.map_or(usual.max_retries, most),
        retry_timeout: given.duration("retry_timeout")?.unwrap_or(usual.retry_timeout),
        concurrency: given.number("concurrent_requests")?.map_or(usual.concurrency, most).max(1),
        part_bytes: given.bytes("part_bytes")?.map_or(usual.part_bytes, most),
    };
    if limits.part_bytes < StoreLimits::LEAST_PART_BYTES {
        let message = "the option 'part_bytes' is less than the 5MiB that services take";
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let mut config = StoreConfig::new("memory:")?
        .with_limits(limits)
        .with_options(text_options(&of_service)?)
        .with_coordination(coordination(&given)?);
    config.place = place;
    Ok(config)
}

/// How callers coordinate where the store has no conditional writes.
fn coordination(given: &Given<'_>) -> Result<Coordination> {
    let words = [("store", Coordination::Refused), ("none", Coordination::WithinProcess)];
    let by_word = given.word("coordination", &words)?;
    let Some(value) = given.value("lock_root") else { return Ok(by_word.unwrap_or_default()) };
    // What is no address of a store may hold anything, and is not repeated.
    let unfit = || {
        Error::new(ErrorKind::InvalidInput, "the option 'lock_root' is no place that could hold records")
            .hint("it is a folder by its whole path, or the address of a store")
    };
    let place = match Place::parse(value.as_str().ok_or_else(unfit)?)? {
        Place::Folder(path) if path.is_absolute() => StorePlace::Local(path),
        Place::Memory(name) => StorePlace::Memory(name),
        other => store_address(&other)?.ok_or_else(unfit)?,
    };
    if by_word == Some(Coordination::WithinProcess) {
        let why = "the options 'lock_root' and 'coordination: none' exclude each other";
        return Err(Error::new(ErrorKind::InvalidInput, why));
    }
    // The service's own options hold there, too, where it is the same one.
    let without: Map = given
        .options
        .iter()
        .filter(|(name, _)| !["coordination", "lock_root"].contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Ok(Coordination::Elsewhere(Box::new(store_config(place, &without)?)))
}

/// Whether the client of a service knows an option.
pub(crate) fn is_service_option(place: &StorePlace, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    match place {
        StorePlace::S3 { .. } => AmazonS3ConfigKey::from_str(&name).is_ok(),
        StorePlace::Gcs { .. } => GoogleConfigKey::from_str(&name).is_ok(),
        StorePlace::Azure { .. } => AzureConfigKey::from_str(&name).is_ok(),
        StorePlace::Local(_) | StorePlace::Memory(_) => false,
    }
}

fn prefix_of(place: &StorePlace) -> Key {
    match place {
        StorePlace::S3 { prefix, .. } | StorePlace::Gcs { prefix, .. } | StorePlace::Azure { prefix, .. } => {
            prefix.clone()
        }
        StorePlace::Local(_) | StorePlace::Memory(_) => Key::default(),
    }
}

fn with_prefix(place: &StorePlace, new: Key) -> StorePlace {
    let mut place = place.clone();
    match &mut place {
        StorePlace::S3 { prefix, .. } | StorePlace::Gcs { prefix, .. } | StorePlace::Azure { prefix, .. } => {
            *prefix = new;
        }
        StorePlace::Local(_) | StorePlace::Memory(_) => {}
    }
    place
}
