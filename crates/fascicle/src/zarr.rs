//! How the Zarr backend is opened, and which options it knows.

use crate::configuration::did_you_mean;
use crate::given::{Given, bad_value};
use crate::stores::{USE, is_service_option, store_address, store_config};
use crate::{OpenRequest, Place};
use fascicle_core::{Backend, Codec, Error, ErrorKind, Result};
use fascicle_objects::{LocalStoreOptions, StorePlace};
use fascicle_zarr::{MissingChunks, ZarrBackend, ZarrOptions};
use std::sync::Arc;

/// The options that a root may have of its own: how new arrays are stored.
pub(crate) const STORED: [&str; 6] =
    ["chunk_bytes", "codec", "level", "checksum", "max_objects", "max_shard_bytes"];

/// The options that only a caller gives.
const GIVEN: [&str; 8] = [
    "missing_chunks",
    "concurrent_requests",
    "max_bytes_in_flight",
    "max_chunk_bytes",
    "lock_timeout",
    "writer_patience",
    "fsync",
    "follow_symlinks",
];

/// Opens a folder, memory, or a store in the Zarr layout.
pub(crate) async fn zarr(request: OpenRequest) -> Result<Arc<dyn Backend>> {
    crate::backends::check_stored(&request, &STORED)?;
    let place = match &request.place {
        Place::Folder(path) => StorePlace::Local(path.clone()),
        Place::Memory(name) => StorePlace::Memory(name.clone()),
        other => store_address(other)?.ok_or_else(|| {
            crate::backends::cannot_hold(
                "zarr",
                other,
                "a folder, memory:NAME, s3://, gs://, az:// or abfs://",
            )
        })?,
    };
    check_options(&request, &place)?;
    let given = Given { options: &request.options, stored: &request.stored };
    let lock_timeout = request.lock_timeout.or(given.duration("lock_timeout")?);
    let mut options = ZarrOptions::default();
    set(&mut options.chunk_bytes, given.bytes("chunk_bytes")?);
    set(&mut options.codec, codec(&given)?);
    set(&mut options.checksum, given.truth("checksum")?);
    set(&mut options.max_objects, given.number("max_objects")?);
    set(&mut options.max_shard_bytes, given.bytes("max_shard_bytes")?);
    let meanings = [("fill", MissingChunks::Fill), ("error", MissingChunks::Error)];
    set(&mut options.missing_chunks, given.word("missing_chunks", &meanings)?);
    let requests = given.number("concurrent_requests")?;
    set(
        &mut options.concurrent_requests,
        requests.map(|number| usize::try_from(number).unwrap_or(usize::MAX)),
    );
    set(&mut options.max_bytes_in_flight, given.bytes("max_bytes_in_flight")?);
    set(&mut options.max_chunk_bytes, given.bytes("max_chunk_bytes")?);
    set(&mut options.lock_timeout, lock_timeout);
    set(&mut options.writer_patience, given.duration("writer_patience")?);
    let mut local = LocalStoreOptions::default();
    set(&mut local.fsync, request.fsync.or(given.truth("fsync")?));
    // Never from the root: it weakens a protection.
    set(&mut local.follow_symlinks, given.truth("follow_symlinks")?);
    set(&mut local.lock_timeout, lock_timeout);
    let config = store_config(place, &request.options)?.with_local(local).with_read_only(request.read_only);
    Ok(Arc::new(ZarrBackend::open(&config, options).await?))
}

fn set<T>(value: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *value = given;
    }
}

fn codec(given: &Given<'_>) -> Result<Option<Codec>> {
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
fn check_options(request: &OpenRequest, place: &StorePlace) -> Result<()> {
    let is_store = !matches!(place, StorePlace::Local(_) | StorePlace::Memory(_));
    let of_use = if is_store { &USE[..] } else { &[] };
    let known: Vec<&str> = [&STORED[..], &GIVEN, of_use].concat();
    let is_known = |name: &str| known.contains(&name) || is_service_option(place, name);
    let Some(unknown) = request.options.keys().find(|name| !is_known(name)) else { return Ok(()) };
    let meant = did_you_mean(unknown, known.iter().copied());
    let service = if is_store { ", and those of the service, such as region or endpoint" } else { "" };
    Err(Error::new(ErrorKind::InvalidInput, format!("there is no option '{unknown}'{meant}"))
        .hint(format!("known are: {}{service}", known.join(", "))))
}
