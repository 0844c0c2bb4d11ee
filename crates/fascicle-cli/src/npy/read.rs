//! Reading a file part by part.

use super::elements::{decode, to_c_order};
use super::header::{Header, corrupt, read_header};
use crate::blocks::{BLOCK_BYTES, Order, blocks};
use fascicle::{ArrayData, ArraySpec, DType, Error, ErrorKind, Region, Result, Shape};
use std::io::{self, Read};

/// A file being read from its beginning to its end.
pub(crate) struct NpyReader<R> {
    source: R,
    header: Header,
    parts: crate::blocks::Blocks,
}

impl<R: Read> NpyReader<R> {
    /// Reads the header. `total_bytes` is the length of the file, where that is known: a file that is shorter or longer than
    /// its header says is then refused before anything is read.
    pub(crate) fn open(mut source: R, total_bytes: Option<u64>) -> Result<Self> {
        let header = read_header(&mut source)?;
        let data_bytes = header.shape.element_count().checked_mul(header.encoding.width);
        let expected =
            data_bytes.and_then(|bytes| bytes.checked_add(header.header_bytes)).ok_or_else(|| {
                Error::new(ErrorKind::LimitExceeded, "the header claims more bytes than any file has")
            })?;
        match total_bytes {
            Some(total) if total < expected => {
                return Err(corrupt(format!("it is {total} bytes long and its header claims {expected}"))
                    .hint("the file was cut off"));
            }
            Some(total) if total > expected => return Err(trailing()),
            _ => {}
        }
        let order = if header.fortran_order { Order::Fortran } else { Order::C };
        // Text takes more room in the file than its handle does in memory, or less.
        let dtype = match header.encoding.dtype {
            DType::Text => DType::FixedBytes((header.encoding.width as u32).max(24)),
            other => other,
        };
        let parts = blocks(&header.shape, dtype, order, BLOCK_BYTES);
        Ok(NpyReader { source, header, parts })
    }

    /// Shape and dtype.
    pub(crate) fn spec(&self) -> ArraySpec {
        ArraySpec { shape: self.header.shape.clone(), dtype: self.header.encoding.dtype }
    }

    /// Whether the parts are rows one after another, so that they can be appended.
    pub(crate) fn is_in_rows(&self) -> bool {
        !self.header.fortran_order || self.header.shape.iter().filter(|length| **length > 1).count() <= 1
    }

    /// The next part, with where it belongs; `None` at the end of the file.
    pub(crate) fn next_part(&mut self) -> Result<Option<(Region, ArrayData)>> {
        let Some(region) = self.parts.next() else {
            return match self.source.read(&mut [0]).map_err(Error::from)? {
                0 => Ok(None),
                _ => Err(trailing()),
            };
        };
        let shape = region.shape()?;
        let bytes = self.take(shape.element_count())?;
        let values = self.decode(bytes, &shape)?;
        Ok(Some((region, ArrayData::new(shape, values)?)))
    }

    /// The next rows, at most about as many as fit a part; `None` at the end of the file. For files
    /// [in rows](NpyReader::is_in_rows).
    pub(crate) fn next_rows(&mut self, done: &mut u64) -> Result<Option<ArrayData>> {
        let total = self.header.shape.rows().unwrap_or(0);
        let row_elements: u64 = self.header.shape.trailing().iter().product();
        let row_bytes = row_elements.saturating_mul(self.header.encoding.width).max(1);
        let rows = (BLOCK_BYTES / row_bytes).max(1).min(total.saturating_sub(*done));
        if rows == 0 {
            return match self.source.read(&mut [0]).map_err(Error::from)? {
                0 => Ok(None),
                _ => Err(trailing()),
            };
        }
        *done += rows;
        let shape = self.header.shape.with_rows(rows)?;
        let bytes = self.take(shape.element_count())?;
        let values = self.decode(bytes, &shape)?;
        Ok(Some(ArrayData::new(shape, values)?))
    }

    /// All elements, in memory.
    pub(crate) fn read_all(&mut self) -> Result<ArrayData> {
        let shape = self.header.shape.clone();
        let bytes = self.take(shape.element_count())?;
        let values = self.decode(bytes, &shape)?;
        match self.source.read(&mut [0]).map_err(Error::from)? {
            0 => ArrayData::new(shape, values),
            _ => Err(trailing()),
        }
    }

    /// An array of the file's dtype and trailing shape without rows. Fails with [`ErrorKind::Mismatch`] for a scalar.
    pub(crate) fn no_rows(&self) -> Result<ArrayData> {
        if self.header.shape.rank() == 0 {
            return Err(Error::new(ErrorKind::Mismatch, "the file holds a scalar, which has no rows")
                .hint("append an array of one element"));
        }
        ArrayData::new(
            self.header.shape.with_rows(0)?,
            fascicle::Values::zeros(self.header.encoding.dtype, 0)?,
        )
    }

    fn decode(&self, mut bytes: Vec<u8>, shape: &Shape) -> Result<fascicle::Values> {
        let values = decode(self.header.encoding, &mut bytes, shape.element_count())?;
        if self.header.fortran_order { to_c_order(&values, shape) } else { Ok(values) }
    }

    /// The bytes of so many elements. Memory is taken as bytes arrive, so that a header that lies costs nothing.
    fn take(&mut self, count: u64) -> Result<Vec<u8>> {
        let wanted = count.saturating_mul(self.header.encoding.width);
        let mut bytes = Vec::new();
        let read = self.source.by_ref().take(wanted).read_to_end(&mut bytes).map_err(|error| match error
            .kind()
        {
            io::ErrorKind::OutOfMemory => {
                Error::new(ErrorKind::LimitExceeded, "a row does not fit into memory")
            }
            _ => Error::from(error),
        })?;
        if (read as u64) < wanted {
            return Err(corrupt("it ends before its last element").hint("the file was cut off"));
        }
        Ok(bytes)
    }
}

fn trailing() -> Error {
    corrupt("more bytes follow the array that its header describes")
        .hint("several arrays go into several files")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::npy::header::format_header;

    fn file(descr: &str, shape: &[u64], data: &[u8]) -> Vec<u8> {
        let mut bytes = format_header(descr, &Shape::new(shape).unwrap());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn a_file_must_have_the_length_that_its_header_claims() {
        let data: Vec<u8> = (0..6).collect();
        for (length, kind) in [(5, ErrorKind::Corrupt), (7, ErrorKind::Corrupt)] {
            let mut bytes = file("|u1", &[length], &data);
            let total = bytes.len() as u64;
            assert_eq!(NpyReader::open(bytes.as_slice(), Some(total)).err().unwrap().kind(), kind);
            let mut reader = NpyReader::open(bytes.as_slice(), None).unwrap();
            let mut outcome = reader.next_part();
            while let Ok(Some(_)) = outcome {
                outcome = reader.next_part();
            }
            assert_eq!(outcome.unwrap_err().kind(), kind);
            bytes.clear();
        }
    }

    #[test]
    fn a_header_that_claims_terabytes_costs_nothing() {
        let bytes = file("<f8", &[1 << 40, 1 << 10], &[]);
        let mut reader = NpyReader::open(bytes.as_slice(), None).unwrap();
        assert_eq!(reader.next_part().unwrap_err().kind(), ErrorKind::Corrupt);
        let bytes = file("|S1000000", &[1 << 50], &[]);
        assert_eq!(NpyReader::open(bytes.as_slice(), None).err().unwrap().kind(), ErrorKind::LimitExceeded);
    }

    #[test]
    fn rows_follow_each_other() {
        let bytes = file("|u1", &[3, 2], &[1, 2, 3, 4, 5, 6]);
        let mut reader = NpyReader::open(bytes.as_slice(), None).unwrap();
        let mut done = 0;
        let rows = reader.next_rows(&mut done).unwrap().unwrap();
        assert_eq!((rows.shape().to_string().as_str(), done), ("(3, 2)", 3));
        assert!(reader.next_rows(&mut done).unwrap().is_none());
    }
}
