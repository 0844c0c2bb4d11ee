//! Reading rows of a row group whose bytes are in memory.

use crate::{
    array_type::ArrayType,
    column,
    footer::{Footer, within},
    pages,
};
use bytes::{Buf, Bytes, buf::Reader};
use fascicle_backend::{DType, Error, ErrorKind, Result, Values};
use fascicle_tables::{corrupt_file, reading_file};
use parquet::{
    arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelector},
    errors::ParquetError,
    file::reader::{ChunkReader, Length},
};
use std::ops::Range;

/// About how many bytes are decoded at a time.
const BATCH_BYTES: u64 = 16 << 20;
const MOST_BATCH_ROWS: u64 = 64 << 10;

/// A stretch of a file that was fetched.
struct Stretch {
    file_bytes: u64,
    start: u64,
    bytes: Bytes,
}

impl Stretch {
    fn from(&self, start: u64) -> Option<Bytes> {
        let at = usize::try_from(start.checked_sub(self.start)?).ok()?;
        (at <= self.bytes.len()).then(|| self.bytes.slice(at..))
    }

    fn outside(start: u64) -> ParquetError {
        ParquetError::EOF(format!("byte {start} belongs to no row group"))
    }
}

impl Length for Stretch {
    fn len(&self) -> u64 {
        self.file_bytes
    }
}

impl ChunkReader for Stretch {
    type T = Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.from(start).map(Buf::reader).ok_or_else(|| Stretch::outside(start))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.from(start).filter(|bytes| length <= bytes.len());
        bytes.map(|bytes| bytes.slice(..length)).ok_or_else(|| Stretch::outside(start))
    }
}

/// The bytes of a row group of a file that was fetched whole.
pub(crate) fn bytes_of(footer: &Footer, group: usize, whole: &Bytes) -> Result<Bytes> {
    let range = footer.groups.get(group).and_then(|place| {
        let (start, end) = (usize::try_from(place.start).ok()?, usize::try_from(place.end).ok()?);
        (start <= end && end <= whole.len()).then(|| whole.slice(start..end))
    });
    range.ok_or_else(|| corrupt_file(&footer.name, "a row group ends after the file"))
}

/// Refuses the bytes of a row group that are not those that were written, and pages of more than `limit` bytes, which would be
/// allocated before they are decompressed. Returns what the largest page takes.
fn check(footer: &Footer, group: usize, bytes: &Bytes, limit: u64) -> Result<u64> {
    let checksum = footer.groups.get(group).and_then(|group| group.checksum);
    match checksum {
        Some(checksum) if crc32c::crc32c(bytes) != checksum => {
            Err(corrupt_file(&footer.name, &format!("row group {group} does not have its checksum")))
        }
        _ => pages::check(footer, group, bytes, limit),
    }
}

/// The elements of the rows `rows`, counted from the row group's first, of a row group whose bytes are `bytes`. Nothing in it may take
/// more than `limit` bytes. Memory: that of the elements, and of one page and one batch.
pub(crate) fn rows(
    footer: &Footer,
    group: usize,
    bytes: Bytes,
    rows: Range<u64>,
    array: &ArrayType,
    limit: u64,
) -> Result<Values> {
    let largest_page = check(footer, group, &bytes, limit)?;
    let name = footer.name.as_str();
    let damaged = |why: &str| corrupt_file(name, why);
    let place = footer.groups.get(group).ok_or_else(|| damaged("a row group is missing"))?;
    let count = rows.end.saturating_sub(rows.start);
    let mut elements = Values::zeros(array.dtype, count.saturating_mul(array.row_elements()))?;
    let to_usize = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let batch_rows = match array.dtype {
        // A text of a dictionary may be that of every row; it is no longer than its page.
        DType::Text => limit / largest_page.max(1).saturating_mul(array.row_elements().max(1)),
        _ => BATCH_BYTES / array.row_bytes(),
    };
    let batch_rows = batch_rows.clamp(1, MOST_BATCH_ROWS);
    let stretch = Stretch { file_bytes: footer.size, start: place.start, bytes };
    let batches = reading_file(name, || {
        let selected = vec![RowSelector::skip(to_usize(rows.start)), RowSelector::select(to_usize(count))];
        ParquetRecordBatchReaderBuilder::new_with_metadata(stretch, footer.metadata.clone())
            .with_row_groups(vec![group])
            .with_row_selection(RowSelection::from(selected))
            .with_batch_size(to_usize(batch_rows))
            .build()
    });
    let (mut batches, mut filled, mut read_rows, mut text_bytes) = (batches?, 0, 0u64, 0u64);
    while let Some(batch) = reading_file(name, || batches.next().transpose())? {
        let column = batch.columns().first().ok_or_else(|| damaged("it has no column"))?;
        let values = column::from_arrow(array, column).map_err(|error| within(name, error))?;
        let is_too_much = filled + values.len() > elements.len();
        if is_too_much
            || values.len() as u64 != (batch.num_rows() as u64).saturating_mul(array.row_elements())
        {
            return Err(damaged("a row group holds another number of elements than it should"));
        }
        let texts = values.as_text().unwrap_or_default().iter();
        text_bytes = texts.fold(text_bytes, |bytes, text| bytes.saturating_add(text.len() as u64));
        if text_bytes > limit {
            return Err(too_large(name, "the text of a row group", text_bytes, limit));
        }
        elements.copy_from(filled, &values, 0..values.len())?;
        filled += values.len();
        read_rows += batch.num_rows() as u64;
    }
    if read_rows != count {
        return Err(damaged(&format!("a row group ends {} rows early", count.saturating_sub(read_rows))));
    }
    Ok(elements)
}

/// The error of a row that takes more memory than allowed.
pub(crate) fn too_large(name: &str, what: &str, bytes: u64, limit: u64) -> Error {
    let why = format!("{what} of '{name}' takes {bytes} bytes, at most {limit} are allowed");
    Error::new(ErrorKind::LimitExceeded, why).hint("raise 'max_chunk_bytes' where this is as it should be")
}
