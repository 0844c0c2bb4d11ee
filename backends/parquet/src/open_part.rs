//! Opening parts: their footers, and the rows that stand before them.

use crate::{
    array_type::ArrayType,
    decode,
    footer::{Footer, footer_bytes},
    footer_cache::Remembered,
    stored_array::{PartObject, Snapshot, StoredArray},
};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, Result};
use fascicle_objects::object_store::{self, GetOptions, GetRange, path::Path};
use fascicle_tables::corrupt_file;
use futures::{StreamExt, TryStreamExt, stream};
use std::{ops::Range, sync::Arc};

/// Parts of at most this many bytes are fetched whole.
const WHOLE_BYTES: u64 = 256 << 10;
/// Of larger ones this many bytes, in which the footer is likely to lie.
const END_BYTES: u64 = 64 << 10;
/// How often a part is looked at again that others replace meanwhile.
const ATTEMPTS: usize = 5;

/// Bytes of an object, and the state it was in.
pub(crate) struct Fetched {
    pub(crate) bytes: Bytes,
    /// The length of the whole object.
    size: u64,
    e_tag: Option<String>,
}

/// A part of which the footer was read.
#[derive(Clone, Debug)]
pub(crate) struct OpenPart {
    pub(crate) object: PartObject,
    pub(crate) footer: Arc<Footer>,
    /// The state that is read.
    e_tag: Option<String>,
    /// All bytes, of a small part.
    whole: Option<Bytes>,
}

impl StoredArray {
    /// Reads bytes of an object, all that it has of them; `None` when the object is gone, or not in the state of the tag.
    async fn fetch(&self, object: &Path, range: Range<u64>, e_tag: Option<&str>) -> Result<Option<Fetched>> {
        let failed = |error| self.store.error("reading", object, error);
        let most = range.end.saturating_sub(range.start);
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: e_tag.map(str::to_owned),
            ..GetOptions::default()
        };
        let result = match self.store.objects().get_opts(object, options).await {
            Ok(result) => result,
            Err(object_store::Error::Precondition { .. } | object_store::Error::NotModified { .. }) => {
                return Ok(None);
            }
            Err(error) => {
                // A missing bucket is no missing part; neither is there a tail where the object became shorter.
                let is_absent = matches!(error, object_store::Error::NotFound { .. });
                return match self.store.head(object).await? {
                    None => Ok(None),
                    Some(_) if is_absent => Ok(None),
                    Some(_) => Err(failed(error)),
                };
            }
        };
        let (size, e_tag) = (result.meta.size, result.meta.e_tag.clone());
        let (mut bytes, mut stream) = (Vec::new(), result.into_stream());
        while let Some(piece) = stream.try_next().await.map_err(failed)? {
            if (bytes.len() + piece.len()) as u64 > most {
                let why = format!("the store answers more bytes of '{object}' than it was asked for");
                return Err(Error::new(ErrorKind::Storage, why));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(Some(Fetched { bytes: bytes.into(), size, e_tag }))
    }

    /// Opens a part; `None` when it is gone. Cost: one request, none for a footer that the handle remembers. Errors: `Corrupt`.
    pub(crate) async fn open(&self, object: &PartObject) -> Result<Option<OpenPart>> {
        if let Some(Remembered { footer, e_tag }) = self.shared.footers.get(object) {
            return Ok(Some(OpenPart { object: object.clone(), footer, e_tag, whole: None }));
        }
        let name = object.name.as_str();
        let mut size = object.size;
        for _ in 0..ATTEMPTS {
            if size == 0 {
                return Err(corrupt_file(name, "it is empty"));
            }
            let start = if size <= WHOLE_BYTES { 0 } else { size - END_BYTES };
            let Some(end) = self.fetch(&object.key, start..size, None).await? else { return Ok(None) };
            if end.size != size || end.bytes.len() as u64 != size - start {
                // It was replaced since it was listed.
                size = end.size;
                continue;
            }
            let (e_tag, mut bytes) = (end.e_tag, end.bytes);
            let needed = footer_bytes(name, size, &bytes)?;
            let whole = (start == 0).then(|| bytes.clone());
            if needed > bytes.len() as u64 {
                let Some(all) = self.fetch(&object.key, size - needed..size, e_tag.as_deref()).await? else {
                    continue;
                };
                bytes = all.bytes;
            }
            let footer = Arc::new(Footer::parse(name, size, &bytes)?);
            if size == object.size {
                self.shared
                    .footers
                    .put(object, Remembered { footer: Arc::clone(&footer), e_tag: e_tag.clone() });
            }
            return Ok(Some(OpenPart { object: object.clone(), footer, e_tag, whole }));
        }
        let why = format!("others keep replacing the part '{name}'");
        Err(Error::new(ErrorKind::Busy, why).hint("try again"))
    }

    /// The bytes of a row group; `None` when the part was replaced or removed meanwhile. Cost: one request, none of a small part.
    pub(crate) async fn row_group(&self, part: &OpenPart, group: usize) -> Result<Option<Bytes>> {
        let Some(place) = part.footer.groups.get(group) else {
            return Err(corrupt_file(&part.footer.name, "a row group is missing"));
        };
        if let Some(whole) = &part.whole {
            return decode::bytes_of(&part.footer, group, whole).map(Some);
        }
        if place.start == place.end {
            return Ok(Some(Bytes::new()));
        }
        let fetched = self.fetch(&part.object.key, place.start..place.end, part.e_tag.as_deref()).await?;
        match fetched {
            Some(fetched) if fetched.bytes.len() as u64 == place.end - place.start => Ok(Some(fetched.bytes)),
            Some(_) => Err(corrupt_file(&part.footer.name, "it ends within a row group")),
            None => Ok(None),
        }
    }

    /// Opens the part at a position of an array of which the description is known, and checks that it is what it should be.
    pub(crate) async fn open_at(&self, snapshot: &Snapshot, position: usize) -> Result<Option<OpenPart>> {
        let object = snapshot
            .parts
            .get(position)
            .ok_or_else(|| Error::new(ErrorKind::Internal, format!("the array has no part {position}")))?;
        let Some(part) = self.open(object).await? else { return Ok(None) };
        if let Some(described) = &snapshot.described {
            part.footer.check(&described.manifest.array)?;
            let noted = part.footer.note.as_ref().map(|note| note.position);
            if noted != Some(position as u64) {
                let why = match noted {
                    Some(noted) => format!("it is the part {noted} of an array, not the part {position}"),
                    None => "it does not say which part of an array it is".to_owned(),
                };
                return Err(corrupt_file(&part.footer.name, &why));
            }
        }
        Ok(Some(part))
    }

    /// The dtype, the shape of the rows, and how many there are; `None` when parts vanished meanwhile. Cost: the footer of the last
    /// part; of every part where another program wrote them.
    pub(crate) async fn measure(&self, snapshot: &Snapshot) -> Result<Option<(ArrayType, u64)>> {
        let too_many = || Error::new(ErrorKind::Corrupt, "the rows of the array cannot be counted");
        if let Some(described) = &snapshot.described {
            let Some(last) = self.open_at(snapshot, snapshot.parts.len().saturating_sub(1)).await? else {
                return Ok(None);
            };
            let rows = rows_before(&last).checked_add(last.footer.rows).ok_or_else(too_many)?;
            let array = described.manifest.array.clone();
            if array.trailing.is_none() && rows != 1 {
                return Err(corrupt_file(&last.footer.name, &format!("a scalar has one row, not {rows}")));
            }
            return Ok(Some((array, rows)));
        }
        let mut array: Option<ArrayType> = None;
        let mut rows = 0u64;
        let opened = stream::iter(snapshot.parts.iter()).map(|part| self.open(part));
        let mut opened = opened.buffered(self.options().concurrent_requests).boxed();
        while let Some(part) = opened.try_next().await? {
            let Some(part) = part else { return Ok(None) };
            match &array {
                None => array = Some(part.footer.array()?),
                Some(array) => part.footer.check(array)?,
            }
            rows = rows.checked_add(part.footer.rows).ok_or_else(too_many)?;
        }
        match array {
            Some(array) => Ok(Some((array, rows))),
            None => Err(Error::new(ErrorKind::NotFound, "there is no such array")),
        }
    }

    /// The positions of the parts that hold the rows of a range, and the row that is the first of the first of them; `None` when
    /// parts vanished. Cost: the footers of as many parts as halving takes; of all where another program wrote them.
    pub(crate) async fn locate(
        &self,
        snapshot: &Snapshot,
        rows: Range<u64>,
        all_rows: u64,
    ) -> Result<Option<(Range<usize>, u64)>> {
        let count = snapshot.parts.len();
        if snapshot.described.is_none() {
            return Ok(Some((0..count, 0)));
        }
        let (mut low, mut first_row) = (0, 0);
        let mut high = if rows.start == 0 { 0 } else { count };
        // Part `low` is known to begin at or before the first row, part `high` after it.
        while high.saturating_sub(low) > 1 {
            let middle = low + (high - low) / 2;
            let Some(part) = self.open_at(snapshot, middle).await? else { return Ok(None) };
            match rows_before(&part) {
                before if before > rows.start => high = middle,
                before => (low, first_row) = (middle, before),
            }
        }
        let (first, mut end) = (low, count);
        if rows.end < all_rows {
            // Part `low` is known to begin before the end of the range, part `end` at or after it.
            while end.saturating_sub(low) > 1 {
                let middle = low + (end - low) / 2;
                let Some(part) = self.open_at(snapshot, middle).await? else { return Ok(None) };
                if rows_before(&part) >= rows.end { end = middle } else { low = middle }
            }
        }
        Ok(Some((first..end, first_row)))
    }
}

/// The rows of all parts before one of ours.
pub(crate) fn rows_before(part: &OpenPart) -> u64 {
    part.footer.note.as_ref().map_or(0, |note| note.rows_before)
}
