//! The elements of a new array that come in any order, until all have come and can be written row by row.

use crate::{array_type::ArrayType, rows::RowPattern};
use fascicle_backend::{Error, ErrorKind, Region, Result, Values};
use std::{fs::File, os::unix::fs::FileExt};

/// About how many bytes of fill values are written at a time.
const BLOCK_BYTES: u64 = 1 << 20;

/// All elements of an array: in a file without a name, or, as text has no fixed length, in memory.
pub(crate) struct Spool {
    array: ArrayType,
    elements: Elements,
}

enum Elements {
    InFile(File),
    InMemory(Values),
}

impl Spool {
    /// A spool of `rows` rows of the fill value. Calls block. Errors: `LimitExceeded` when there is no room.
    pub(crate) fn new(array: &ArrayType, rows: u64, fill: Option<&Values>) -> Result<Self> {
        let count = rows.saturating_mul(array.row_elements());
        let Some(width) = array.dtype.fixed_bytes() else {
            let mut texts = Values::zeros(array.dtype, count)?;
            if let (Values::Text(texts), Some([fill])) = (&mut texts, fill.and_then(Values::as_text)) {
                texts.fill(fill.clone());
            }
            return Ok(Spool { array: array.clone(), elements: Elements::InMemory(texts) });
        };
        let file = tempfile::tempfile().map_err(failed)?;
        let bytes = count.saturating_mul(width as u64);
        file.set_len(bytes).map_err(failed)?;
        if let Some(fill) = fill.and_then(Values::as_bytes) {
            let elements = (BLOCK_BYTES / width as u64).clamp(1, count.max(1));
            let block = fill.repeat(usize::try_from(elements).unwrap_or(1));
            let mut at = 0;
            while at < bytes {
                let length = usize::try_from(bytes - at).unwrap_or(usize::MAX).min(block.len());
                file.write_all_at(block.get(..length).unwrap_or_default(), at).map_err(failed)?;
                at += length as u64;
            }
        }
        Ok(Spool { array: array.clone(), elements: Elements::InFile(file) })
    }

    /// Writes the elements of a region.
    pub(crate) fn write(&mut self, rows: u64, region: &Region, values: &Values) -> Result<()> {
        let pattern = RowPattern::new(self.array.trailing.as_deref().unwrap_or_default(), region);
        let count = rows.saturating_mul(self.array.row_elements());
        match &mut self.elements {
            Elements::InMemory(texts) => pattern.scatter(0, values, texts),
            Elements::InFile(file) => {
                let width = self.array.dtype.fixed_bytes().unwrap_or(1);
                let bytes = values.as_bytes().unwrap_or_default();
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                pattern.for_each_run(0, count, |in_rows, in_region, length| {
                    let run = bytes.get(in_region * width..(in_region + length) * width);
                    let run = run.ok_or_else(|| {
                        Error::new(ErrorKind::Internal, "there are fewer elements than the region has")
                    })?;
                    file.write_all_at(run, in_rows as u64 * width as u64).map_err(failed)
                })
            }
        }
    }

    /// Reads rows.
    pub(crate) fn rows(&self, first: u64, rows: u64) -> Result<Values> {
        let elements =
            |rows: u64| usize::try_from(rows.saturating_mul(self.array.row_elements())).unwrap_or(usize::MAX);
        match &self.elements {
            Elements::InMemory(texts) => texts.slice(elements(first)..elements(first.saturating_add(rows))),
            Elements::InFile(file) => {
                let width = self.array.dtype.fixed_bytes().unwrap_or(1);
                let mut bytes = vec![0; elements(rows).saturating_mul(width)];
                file.read_exact_at(&mut bytes, elements(first) as u64 * width as u64).map_err(failed)?;
                Values::from_bytes(self.array.dtype, &bytes)
            }
        }
    }
}

fn failed(error: std::io::Error) -> Error {
    let kind = Error::from(std::io::Error::from(error.kind())).kind();
    let kind = match error.kind() {
        std::io::ErrorKind::FileTooLarge | std::io::ErrorKind::InvalidInput => ErrorKind::LimitExceeded,
        _ => kind,
    };
    Error::new(kind, format!("the elements cannot be kept in a temporary file: {error}"))
        .caused_by(error)
        .hint("write the rows of the array in order, or let TMPDIR name a folder with more room")
}
