//! What the backends on stores have in common: the places that they can hold, and the options of such places.

use crate::backends::{cannot_hold, check_stored};
use crate::configuration::did_you_mean;
use crate::given::{Given, bad_value};
use crate::stores::{USE, is_service_option, store_address, store_config};
use crate::{OpenRequest, Place};
use fascicle_core::{Codec, Error, ErrorKind, Result};
use fascicle_objects::{LocalStoreOptions, StoreConfig, StorePlace};
use std::time::Duration;

/// The options that only a caller gives, of every such backend.
const GIVEN: [&str; 6] = [
    "concurrent_requests",
    "max_bytes_in_flight",
    "max_chunk_bytes",
    "lock_timeout",
    "fsync",
    "follow_symlinks",
];

/// The options of one backend.
pub(crate) struct KnownOptions {
    /// The name of the backend.
    pub(crate) backend: &'static str,
    /// Those that a root may have of its own: how new arrays are stored.
    pub(crate) stored: &'static [&'static str],
    /// Those that only a caller gives, beside the ones that every such backend has.
    pub(crate) given: &'static [&'static str],
}

/// A store that a backend is opened on, and the options that are left to be understood.
pub(crate) struct StoreRequest {
    pub(crate) config: StoreConfig,
    /// How long a writer waits for another one.
    pub(crate) lock_timeout: Option<Duration>,
}

impl StoreRequest {
    /// Understands the place, and the options of the store. Errors: `InvalidInput` for a place that is none, and for options that
    /// neither the backend nor the client of the service knows.
    pub(crate) fn new(request: &OpenRequest, known: &KnownOptions) -> Result<Self> {
        check_stored(request, known.stored)?;
        let place = match &request.place {
            Place::Folder(path) => StorePlace::Local(path.clone()),
            Place::Memory(name) => StorePlace::Memory(name.clone()),
            other => store_address(other)?.ok_or_else(|| {
                cannot_hold(known.backend, other, "a folder, memory:NAME, s3://, gs://, az:// or abfs://")
            })?,
        };
        check_options(request, &place, known)?;
        let given = Given { options: &request.options, stored: &request.stored };
        let lock_timeout = request.lock_timeout.or(given.duration("lock_timeout")?);
        let mut local = LocalStoreOptions::default();
        set(&mut local.fsync, request.fsync.or(given.truth("fsync")?));
        // Never from the root: it weakens a protection.
        set(&mut local.follow_symlinks, given.truth("follow_symlinks")?);
        set(&mut local.lock_timeout, lock_timeout);
        let config =
            store_config(place, &request.options)?.with_local(local).with_read_only(request.read_only);
        Ok(StoreRequest { config, lock_timeout })
    }
}

/// How many requests are under way at once, if that is said.
pub(crate) fn concurrent_requests(given: &Given<'_>) -> Result<Option<usize>> {
    let requests = given.number("concurrent_requests")?;
    Ok(requests.map(|number| usize::try_from(number).unwrap_or(usize::MAX)))
}

/// Takes what was given.
pub(crate) fn set<T>(value: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *value = given;
    }
}

/// How arrays are compressed, if that is said.
pub(crate) fn codec(given: &Given<'_>) -> Result<Option<Codec>> {
    let level = given.number("level")?;
    let wrong = |why: &str| Error::new(ErrorKind::InvalidInput, format!("the option 'level' {why}"));
    let within = |highest: u8, usual: u8| {
        let level = u8::try_from(level.unwrap_or(u64::from(usual))).ok();
        level
            .filter(|level| (1..=highest).contains(level))
            .ok_or_else(|| wrong(&format!("is not between 1 and {highest}, as it is for this codec")))
    };
    let Some(name) = given.value("codec") else {
        return if level.is_none() { Ok(None) } else { Err(wrong("needs the option 'codec' beside it")) };
    };
    match (name.as_str(), level) {
        (Some("zstd"), _) => Ok(Some(Codec::Zstd { level: within(22, 1)? })),
        (Some("gzip"), _) => Ok(Some(Codec::Gzip { level: within(9, 4)? })),
        (Some("none"), None) => Ok(Some(Codec::Uncompressed)),
        (Some("none"), Some(_)) => Err(wrong("is of no use: nothing is compressed")),
        _ => Err(bad_value("codec", name, "zstd, gzip or none")),
    }
}

/// Refuses options that neither this backend nor the client of the service knows.
fn check_options(request: &OpenRequest, place: &StorePlace, known: &KnownOptions) -> Result<()> {
    let is_store = !matches!(place, StorePlace::Local(_) | StorePlace::Memory(_));
    let of_use = if is_store { &USE[..] } else { &[] };
    let known: Vec<&str> = [known.stored, known.given, &GIVEN, of_use].concat();
    let is_known = |name: &str| known.contains(&name) || is_service_option(place, name);
    let Some(unknown) = request.options.keys().find(|name| !is_known(name)) else { return Ok(()) };
    let meant = did_you_mean(unknown, known.iter().copied());
    let service = if is_store { ", and those of the service, such as region or endpoint" } else { "" };
    Err(Error::new(ErrorKind::InvalidInput, format!("there is no option '{unknown}'{meant}"))
        .hint(format!("known are: {}{service}", known.join(", "))))
}
