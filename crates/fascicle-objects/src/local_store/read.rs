//! Reading objects.

use super::{
    Inner,
    convert::{blocking, failed, not_found},
    place::split,
    tag::{facts, tag},
};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind};
use fascicle_local::{Sight, storage_error};
use futures::{StreamExt, stream};
use object_store::{GetOptions, GetRange, GetResult, GetResultPayload, ObjectMeta, Result, path::Path};
use std::{fs::File, ops::Range, os::unix::fs::FileExt, path::PathBuf};

/// How many bytes are read at a time.
const PIECE_BYTES: u64 = 8 << 20;

/// An object that is open.
struct Open {
    file: File,
    path: PathBuf,
    meta: ObjectMeta,
}

fn open(inner: &Inner, location: &Path, with_tag: bool) -> Result<Open> {
    let (relative, name) = split(location)?;
    let folder = inner.existing_folder(location, relative)?.ok_or_else(|| not_found(location))?;
    let path = folder.path_of(name);
    let file = match folder.open_file(name) {
        // A folder is no object, as keys have no folders. A pipe has the name of an object, and is none that can be read.
        Err(error) if error.kind() == ErrorKind::WrongKind => {
            return match folder.look(name).map_err(|error| failed(location, error))? {
                Sight::Special => Err(failed(location, error)),
                _ => Err(not_found(location)),
            };
        }
        answer => answer.map_err(|error| failed(location, error))?,
    };
    let fails = |error: std::io::Error| failed(location, storage_error("looking at", &path, error));
    let facts = facts(&file).map_err(|error| fails(error.into()))?;
    let e_tag = if with_tag { Some(tag(&file, &facts).map_err(fails)?) } else { None };
    let meta = ObjectMeta {
        location: location.clone(),
        last_modified: facts.modified(),
        size: facts.size,
        e_tag,
        version: None,
    };
    Ok(Open { file, path, meta })
}

pub(crate) fn get(inner: &Inner, location: &Path, options: &GetOptions) -> Result<GetResult> {
    let Open { file, path, meta } = open(inner, location, true)?;
    options.check_preconditions(&meta)?;
    let range = match &options.range {
        None => 0..meta.size,
        Some(range) => within(range, meta.size).map_err(|error| failed(location, error))?,
    };
    let payload = if options.head { 0..0 } else { range.clone() };
    // Small objects are read here, as everything else would cost more than the reading.
    let payload = if payload.end - payload.start <= PIECE_BYTES {
        let bytes = read_at(&file, &path, &payload).map_err(|error| failed(location, error))?;
        stream::once(futures::future::ready(Ok(bytes))).boxed()
    } else {
        pieces(file, path, location.clone(), payload)
    };
    Ok(GetResult {
        payload: GetResultPayload::Stream(payload),
        meta,
        range,
        attributes: Default::default(),
        extensions: Default::default(),
    })
}

pub(crate) fn get_ranges(inner: &Inner, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
    let Open { file, path, meta } = open(inner, location, false)?;
    ranges
        .iter()
        .map(|range| {
            let range = within(&GetRange::Bounded(range.clone()), meta.size)?;
            read_at(&file, &path, &range)
        })
        .collect::<fascicle_backend::Result<Vec<Bytes>>>()
        .map_err(|error| failed(location, error))
}

/// The bytes that a range means in an object of `size` bytes, as the services see it.
fn within(range: &GetRange, size: u64) -> fascicle_backend::Result<Range<u64>> {
    let refuse = |why: String| Err(Error::new(ErrorKind::OutOfBounds, why));
    match range {
        GetRange::Bounded(range) if range.end <= range.start => {
            refuse(format!("the range {range:?} is empty"))
        }
        GetRange::Bounded(range) if range.start >= size => {
            refuse(format!("the range {range:?} begins beyond the end, {size}"))
        }
        GetRange::Bounded(range) => Ok(range.start..range.end.min(size)),
        GetRange::Offset(start) if *start >= size => {
            refuse(format!("the offset {start} lies beyond the end, {size}"))
        }
        GetRange::Offset(start) => Ok(*start..size),
        GetRange::Suffix(count) => Ok(size.saturating_sub(*count)..size),
    }
}

fn read_at(file: &File, path: &std::path::Path, range: &Range<u64>) -> fascicle_backend::Result<Bytes> {
    let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(length).map_err(|_| {
        Error::new(ErrorKind::LimitExceeded, format!("there is no memory for {length} bytes"))
    })?;
    bytes.resize(length, 0);
    match file.read_exact_at(&mut bytes, range.start) {
        Ok(()) => Ok(bytes.into()),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err(Error::new(
            ErrorKind::Conflict,
            format!("'{}' was truncated by another program while it was read", path.display()),
        )),
        Err(error) => Err(storage_error("reading", path, error)),
    }
}

/// The bytes of an open file, a piece at a time: they come from one state, as files are replaced and not changed.
fn pieces(
    file: File,
    path: PathBuf,
    location: Path,
    range: Range<u64>,
) -> stream::BoxStream<'static, Result<Bytes>> {
    stream::try_unfold((file, path, location, range), |(file, path, location, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        blocking(move || {
            let middle = range.end.min(range.start.saturating_add(PIECE_BYTES));
            let bytes =
                read_at(&file, &path, &(range.start..middle)).map_err(|error| failed(&location, error))?;
            Ok(Some((bytes, (file, path, location, middle..range.end))))
        })
        .await
    })
    .boxed()
}
