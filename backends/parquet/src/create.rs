//! Writing an array anew.
//!
//! | crash | what is left | effect |
//! |---|---|---|
//! | before the description is written | parts of a generation that nobody reads, and the object that says so | the old array, or none |
//! | after | the new array; parts of the old one, which nobody reads | the new array |

use crate::{
    array_type::ArrayType,
    compute::compute,
    decode,
    encode::{Encoding, PartEncoder},
    footer::Footer,
    manifest::{MANIFEST_NAME, Manifest, axes_of},
    part_name,
    spool::Spool,
    stored_array::{PartObject, StoredArray},
    upload::Upload,
};
use fascicle_backend::{ArrayOptions, ArraySpec, Error, ErrorKind, Region, Result, Values};
use fascicle_objects::Patience;
use std::sync::Arc;

/// Larger arrays are refused when they are created.
const MOST_BYTES: u128 = 1 << 44;
/// Larger chunks are refused.
const MOST_CHUNK_BYTES: u64 = 4 << 30;
/// Of a spool so many bytes are read at a time.
const BLOCK_BYTES: u64 = 8 << 20;
/// No longer part of the array's own is read back.
const MOST_PART_BYTES: u64 = 4 << 30;

/// What happens to an array that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    Refuse,
    Replace,
}

/// An array being written.
pub(crate) struct NewArray {
    folder: StoredArray,
    array: ArrayType,
    /// The rows that the array will have.
    rows: u64,
    options: ArrayOptions,
    encoding: Encoding,
    manifest: Manifest,
    existing: Existing,
    upload: Upload,
    state: State,
}

enum State {
    /// All rows before this one were written, and none from it on. The encoder holds those that were not stored yet.
    InOrder { next: u64, encoder: Option<PartEncoder> },
    /// Elements came in another order.
    Spooled(Box<Spool>),
    /// A write failed or was given up, so that elements may be missing.
    Broken,
}

impl NewArray {
    /// Begins. Nothing is stored yet. Errors: `InvalidInput`, `LimitExceeded`, `Unsupported`.
    pub(crate) fn begin(
        folder: StoredArray,
        spec: &ArraySpec,
        options: &ArrayOptions,
        existing: Existing,
    ) -> Result<Self> {
        spec.dtype.check()?;
        let (array, defaults) = (ArrayType::of(spec), folder.options());
        let rows = spec.shape.rows().unwrap_or(1);
        check_size(&array, rows, defaults.max_chunk_bytes)?;
        if let Some(fill) = &options.fill
            && (fill.dtype() != spec.dtype || fill.len() != 1)
        {
            let why = format!("the fill value of an array of {} must be one element of it", spec.dtype);
            return Err(Error::new(ErrorKind::InvalidInput, why));
        }
        let chunk_rows = chunk_rows(&array, spec, options.chunks.as_deref(), defaults.chunk_bytes)?;
        let codec = options.codec.unwrap_or(defaults.codec);
        let axes = axes_of(&options.attributes, &array);
        let encoding = Encoding::new(&array, axes.as_deref(), chunk_rows, codec)?;
        let zero = Values::zeros(spec.dtype, 1)?;
        let manifest = Manifest {
            array: array.clone(),
            generation: 0,
            chunk_rows,
            codec,
            fill: options.fill.clone().filter(|fill| !fill.same_bits(&zero)),
            axes,
            attributes: options.attributes.clone(),
        };
        Ok(NewArray {
            upload: Upload::new(folder.clone()),
            folder,
            array,
            rows,
            options: options.clone(),
            encoding,
            manifest,
            existing,
            state: State::InOrder { next: 0, encoder: None },
        })
    }

    /// Writes the elements of a region. Rows that come in order are encoded and stored as they come; others wait in a temporary file.
    pub(crate) async fn write(&mut self, region: &Region, values: Values) -> Result<()> {
        let shape = self.array.shape(self.rows)?;
        if values.dtype() != self.array.dtype || !region.fits(&shape) {
            let why =
                format!("the elements do not fit into an array of {} of shape {shape}", self.array.dtype);
            return Err(Error::new(ErrorKind::Internal, why));
        }
        if region.element_count()? != values.len() as u64 {
            return Err(Error::new(ErrorKind::Internal, "there are not as many elements as the region has"));
        }
        let (start, _, count) = self.array.rows_of(region);
        let is_whole_rows = Region::rows(&shape, start, count) == *region;
        match std::mem::replace(&mut self.state, State::Broken) {
            State::Broken => return Err(broken()),
            State::InOrder { next, encoder } if is_whole_rows && start == next => {
                let encoder = self.encode(encoder, Arc::new(values), count).await?;
                self.state = State::InOrder { next: next + count, encoder };
            }
            state @ State::InOrder { .. } if count == 0 || values.is_empty() => self.state = state,
            State::InOrder { next, encoder } => {
                let spool = self.spool(next, encoder).await?;
                self.state = State::Spooled(self.add_to(spool, region.clone(), values).await?);
            }
            State::Spooled(spool) => {
                self.state = State::Spooled(self.add_to(spool, region.clone(), values).await?);
            }
        }
        Ok(())
    }

    async fn add_to(&self, mut spool: Box<Spool>, region: Region, values: Values) -> Result<Box<Spool>> {
        let rows = self.rows;
        compute(u64::MAX, move || {
            spool.write(rows, &region, &values)?;
            Ok(spool)
        })
        .await
    }

    /// Encodes the first `count` rows of `values`, and stores the parts that became full.
    async fn encode(
        &mut self,
        mut encoder: Option<PartEncoder>,
        values: Arc<Values>,
        count: u64,
    ) -> Result<Option<PartEncoder>> {
        let part_bytes = self.folder.options().array_part_bytes;
        let part_rows = self.encoding.part_rows(part_bytes);
        let mut from = 0;
        while from < count {
            let open = match encoder.take() {
                Some(encoder) => encoder,
                None => PartEncoder::new(&self.encoding)?,
            };
            let room = part_rows.saturating_sub(open.rows()).max(1);
            // How long text is shows only when it is there.
            let taken = room.min(count - from).min((part_bytes / self.array.row_bytes() / 4).max(1));
            let bytes = taken.saturating_mul(self.array.row_bytes());
            let _permit = self.folder.shared.memory.take(bytes).await?;
            let given = Arc::clone(&values);
            let open = compute(bytes, move || {
                let mut open = open;
                open.write(&given, from, taken)?;
                Ok(open)
            });
            let open = open.await?;
            from += taken;
            if open.rows() >= part_rows || open.text_bytes() >= part_bytes {
                self.store(open).await?;
            } else {
                encoder = Some(open);
            }
        }
        Ok(encoder)
    }

    /// Completes a part and stores it.
    async fn store(&mut self, encoder: PartEncoder) -> Result<()> {
        let (position, rows_before, rows) = (self.upload.next(), self.upload.rows, encoder.rows());
        let bytes = rows.saturating_mul(self.array.row_bytes());
        let part = compute(bytes, move || encoder.finish(position, rows_before)).await?;
        self.upload.put(part, rows).await
    }

    /// A spool with the rows that came in order so far, which are read back.
    async fn spool(&mut self, next: u64, encoder: Option<PartEncoder>) -> Result<Box<Spool>> {
        let (array, rows, fill) = (self.array.clone(), self.rows, self.manifest.fill.clone());
        let mut spool =
            compute(u64::MAX, move || Spool::new(&array, rows, fill.as_ref()).map(Box::new)).await?;
        if let Some(encoder) = encoder {
            self.store(encoder).await?;
        }
        debug_assert_eq!(self.upload.rows, next);
        let upload = std::mem::replace(&mut self.upload, Upload::new(self.folder.clone()));
        let mut first_row = 0;
        for object in upload.objects()? {
            let Some(part) = self.folder.store.read(&object, MOST_PART_BYTES).await? else {
                return Err(Error::new(ErrorKind::Conflict, format!("'{object}' was removed meanwhile")));
            };
            let (array, all_rows, limit) =
                (self.array.clone(), self.rows, self.folder.options().max_chunk_bytes);
            let name = object.filename().unwrap_or_default().to_owned();
            (spool, first_row) = compute(u64::MAX, move || {
                let shape = array.shape(all_rows)?;
                let footer = Footer::parse(&name, part.bytes.len() as u64, &part.bytes)?;
                for (group, place) in footer.groups.iter().enumerate() {
                    let stored = decode::bytes_of(&footer, group, &part.bytes)?;
                    let rows = decode::rows(&footer, group, stored, 0..place.rows, &array, limit)?;
                    spool.write(all_rows, &Region::rows(&shape, first_row, place.rows), &rows)?;
                    first_row += place.rows;
                }
                Ok((spool, first_row))
            })
            .await?;
        }
        upload.discard().await?;
        Ok(spool)
    }

    /// Stores the rest, and makes the array appear in place of what was there. Errors: `AlreadyExists`.
    pub(crate) async fn finish(mut self) -> Result<()> {
        let encoder = match std::mem::replace(&mut self.state, State::Broken) {
            State::Broken => return Err(broken()),
            State::InOrder { next, encoder } => self.fill_up(encoder, next).await?,
            State::Spooled(spool) => self.unspool(spool).await?,
        };
        if encoder.is_some() || self.upload.next() == 0 {
            // An array without rows has one part as well.
            let encoder = match encoder {
                Some(encoder) => encoder,
                None => PartEncoder::new(&self.encoding)?,
            };
            self.store(encoder).await?;
        }
        let NewArray { folder, manifest, existing, mut upload, .. } = self;
        let generation = upload.generation().unwrap_or_default();
        let patience = Patience::new(folder.options().lock_timeout);
        loop {
            let current = folder.load().await;
            let current = match current {
                // What cannot be read is replaced all the same.
                Err(error) if existing == Existing::Replace && is_damage(&error) => {
                    folder.store.delete(&folder.key(MANIFEST_NAME)?).await?;
                    None
                }
                current => current?,
            };
            if current.is_some() && existing == Existing::Refuse {
                upload.discard().await?;
                return Err(Error::new(ErrorKind::AlreadyExists, "there is such an array already"));
            }
            if current.is_none() && existing == Existing::Replace {
                folder.remove_foreign().await?;
            }
            if upload.publish(&manifest, current.as_ref()).await? {
                break;
            }
            patience.wait().await?;
        }
        let parts = upload.next();
        upload.settle().await?;
        folder.settle(generation, parts).await
    }

    /// Encodes the rows that were never written.
    async fn fill_up(&mut self, encoder: Option<PartEncoder>, next: u64) -> Result<Option<PartEncoder>> {
        let (mut encoder, mut next) = (encoder, next);
        let block = (BLOCK_BYTES / self.array.row_bytes()).max(1).min(self.rows);
        if next >= self.rows {
            return Ok(encoder);
        }
        let mut rows = Values::zeros(self.array.dtype, block.saturating_mul(self.array.row_elements()))?;
        if let Some(fill) = &self.options.fill {
            for at in 0..rows.len() {
                rows.copy_from(at, fill, 0..1)?;
            }
        }
        let rows = Arc::new(rows);
        while next < self.rows {
            let count = block.min(self.rows - next);
            encoder = self.encode(encoder, Arc::clone(&rows), count).await?;
            next += count;
        }
        Ok(encoder)
    }

    /// Encodes what was spooled.
    async fn unspool(&mut self, spool: Box<Spool>) -> Result<Option<PartEncoder>> {
        let (spool, mut encoder, mut next) = (Arc::new(spool), None, 0);
        let block = (BLOCK_BYTES / self.array.row_bytes()).max(1);
        while next < self.rows {
            let count = block.min(self.rows - next);
            let from = Arc::clone(&spool);
            let rows = compute(u64::MAX, move || from.rows(next, count)).await?;
            encoder = self.encode(encoder, Arc::new(rows), count).await?;
            next += count;
        }
        Ok(encoder)
    }
}

impl StoredArray {
    /// Removes the files of a data set that another program wrote, which are about to be replaced.
    async fn remove_foreign(&self) -> Result<()> {
        let listed = self.list().await?;
        let foreign = listed.into_iter().filter(|file| part_name::place_of(&file.name).is_none());
        self.delete_all(foreign.map(|file| file.key).collect()).await
    }

    /// Looks whether all parts of a new array are still there, as somebody may have removed the folder while they were stored; and
    /// removes what is left of the array before.
    async fn settle(&self, generation: u64, parts: u64) -> Result<()> {
        let listed = self.list().await?;
        let generation_of =
            |part: &PartObject| part_name::place_of(&part.name).map(|(generation, _)| generation);
        let there = listed.iter().filter(|part| generation_of(part) == Some(generation)).count();
        if there as u64 >= parts {
            if there < listed.len() {
                // It is never read; whoever writes here next tries again.
                let _ = self.sweep().await;
            }
            return Ok(());
        }
        match self.load().await? {
            Some(now) if now.manifest.generation == generation => {
                self.store.delete(&self.key(MANIFEST_NAME)?).await?;
                self.sweep().await?;
                let why = "the array was removed by somebody else as it was written";
                Err(Error::new(ErrorKind::Conflict, why).hint("try again"))
            }
            // It was replaced or removed since: that came later.
            _ => Ok(()),
        }
    }
}

/// Refuses an array that no storage holds, and rows that cannot be read.
fn check_size(array: &ArrayType, rows: u64, most_row_bytes: u64) -> Result<()> {
    let bytes = u128::from(rows) * u128::from(array.row_bytes());
    if bytes > MOST_BYTES {
        let why = format!("the array takes {bytes} bytes, at most {MOST_BYTES} can be written");
        return Err(Error::new(ErrorKind::LimitExceeded, why).hint("create a shorter one and append to it"));
    }
    if array.row_bytes() > most_row_bytes {
        let why = format!("a row takes {} bytes, at most {most_row_bytes} are allowed", array.row_bytes());
        return Err(Error::new(ErrorKind::LimitExceeded, why)
            .hint("give the array another first axis, or raise 'max_chunk_bytes'"));
    }
    Ok(())
}

/// The rows of a row group: as many as the caller's chunks have, else as make about `target` bytes.
fn chunk_rows(array: &ArrayType, spec: &ArraySpec, chunks: Option<&[u64]>, target: u64) -> Result<u64> {
    let most = (MOST_CHUNK_BYTES / array.row_bytes()).clamp(1, 1 << 24);
    let Some(chunks) = chunks else { return Ok((target / array.row_bytes()).clamp(1, most)) };
    if chunks.len() != spec.shape.rank() || chunks.contains(&0) {
        let why = format!("chunks of {chunks:?} do not fit an array of shape {}", spec.shape);
        return Err(Error::new(ErrorKind::InvalidInput, why).hint("say a length of at least 1 for each axis"));
    }
    let bytes = chunks
        .iter()
        .try_fold(array.dtype.fixed_bytes().unwrap_or(1) as u64, |bytes, length| bytes.checked_mul(*length));
    if bytes.is_none_or(|bytes| bytes > MOST_CHUNK_BYTES) {
        let why = format!("chunks of {chunks:?} take more than {MOST_CHUNK_BYTES} bytes");
        return Err(Error::new(ErrorKind::LimitExceeded, why));
    }
    Ok(chunks.first().map_or(1, |rows| (*rows).clamp(1, most)))
}

fn is_damage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::LimitExceeded)
}

fn broken() -> Error {
    Error::new(ErrorKind::Conflict, "an earlier write to this array failed or was given up")
        .hint("begin again; nothing was changed")
}
