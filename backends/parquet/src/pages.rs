//! The headers of pages, read before the library decompresses the pages: it allocates what a header claims, and lets gzip write as
//! much as there is.

use crate::{decode::too_large, footer::Footer};
use bytes::Bytes;
use fascicle_backend::Result;
use fascicle_tables::corrupt_file;
use parquet::basic::Compression;

/// Nothing in a page's header is nested deeper.
const MOST_DEPTH: usize = 8;

/// What the check of a page needs to know of its header.
#[derive(Debug, Default, PartialEq, Eq)]
struct PageHeader {
    uncompressed_bytes: u64,
    compressed_bytes: u64,
    /// What stands before the compressed part, in a page of the second version.
    level_bytes: u64,
    /// The length of the header itself.
    header_bytes: usize,
}

/// Refuses a row group in which a page takes, or would become, more than `limit` bytes, and returns what the largest one takes.
pub(crate) fn check(footer: &Footer, group: usize, bytes: &Bytes, limit: u64) -> Result<u64> {
    let column = footer.metadata.metadata().row_groups().get(group).and_then(|group| group.columns().first());
    let is_gzip = column.is_some_and(|column| matches!(column.compression(), Compression::GZIP(_)));
    check_pages(&footer.name, bytes, is_gzip, limit)
}

fn check_pages(name: &str, bytes: &[u8], is_gzip: bool, limit: u64) -> Result<u64> {
    let damaged = |why: &str| corrupt_file(name, why);
    let (mut rest, mut largest) = (bytes, 0);
    while !rest.is_empty() {
        let header = Thrift { bytes: rest, at: 0 }.page_header();
        let header = header.ok_or_else(|| damaged("a page has no header that can be read"))?;
        if header.uncompressed_bytes > limit {
            return Err(too_large(name, "a page", header.uncompressed_bytes, limit));
        }
        let compressed = usize::try_from(header.compressed_bytes).ok();
        let end = compressed.and_then(|compressed| header.header_bytes.checked_add(compressed));
        let page = end.and_then(|end| rest.get(header.header_bytes..end));
        let page = page.ok_or_else(|| damaged("a page ends after the row group"))?;
        let levels = usize::try_from(header.level_bytes).ok();
        let packed =
            levels.and_then(|levels| page.get(levels..)).ok_or_else(|| damaged("a page is too short"))?;
        if is_gzip && unpacked_bytes(packed, header.uncompressed_bytes) > header.uncompressed_bytes {
            return Err(damaged("a page unpacks to more than its header says"));
        }
        rest = end.and_then(|end| rest.get(end..)).unwrap_or_default();
        largest = largest.max(header.uncompressed_bytes);
    }
    Ok(largest)
}

/// How many bytes a gzip page unpacks to, counted up to one more than expected. What is no gzip is left to the library.
fn unpacked_bytes(page: &[u8], expected: u64) -> u64 {
    use std::io::Read;
    let mut unpacked = flate2::read::MultiGzDecoder::new(page).take(expected.saturating_add(1));
    std::io::copy(&mut unpacked, &mut std::io::sink()).unwrap_or(0)
}

/// A reader of the compact protocol of Thrift, as far as headers of pages need it.
struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Thrift<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn integer(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn page_header(mut self) -> Option<PageHeader> {
        let mut header = PageHeader::default();
        let mut field = 0i64;
        while let Some((id, kind)) = self.field(field)? {
            field = id;
            match (id, kind) {
                (2, 5) => header.uncompressed_bytes = u64::try_from(self.integer()?).ok()?,
                (3, 5) => header.compressed_bytes = u64::try_from(self.integer()?).ok()?,
                (8, 12) => header.level_bytes = self.level_bytes()?,
                (_, kind) => self.skip(kind, 0)?,
            }
        }
        header.header_bytes = self.at;
        Some(header)
    }

    /// The bytes of both kinds of levels, of the header of a data page of the second version.
    fn level_bytes(&mut self) -> Option<u64> {
        let (mut field, mut bytes) = (0i64, 0u64);
        while let Some((id, kind)) = self.field(field)? {
            field = id;
            match (id, kind) {
                (5 | 6, 5) => bytes = bytes.checked_add(u64::try_from(self.integer()?).ok()?)?,
                (_, kind) => self.skip(kind, 1)?,
            }
        }
        Some(bytes)
    }

    /// The number and the type of the next field of a structure; `Some(None)` at its end.
    fn field(&mut self, previous: i64) -> Option<Option<(i64, u8)>> {
        let byte = self.byte()?;
        if byte == 0 {
            return Some(None);
        }
        let id = match byte >> 4 {
            0 => self.integer()?,
            delta => previous.checked_add(i64::from(delta))?,
        };
        Some(Some((id, byte & 0x0f)))
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > MOST_DEPTH {
            return None;
        }
        match kind {
            // Truth values are part of the type.
            1 | 2 => Some(()),
            3 => self.byte().map(drop),
            4..=6 => self.varint().map(drop),
            7 => self.jump(8),
            8 => {
                let length = self.varint()?;
                self.jump(usize::try_from(length).ok()?)
            }
            9 | 10 => {
                let byte = self.byte()?;
                let count = if byte >> 4 == 15 { self.varint()? } else { u64::from(byte >> 4) };
                for _ in 0..count {
                    match byte & 0x0f {
                        // In lists, truth values take a byte.
                        1 | 2 => self.byte().map(drop)?,
                        kind => self.skip(kind, depth + 1)?,
                    }
                }
                Some(())
            }
            12 => {
                let mut field = 0;
                while let Some((id, kind)) = self.field(field)? {
                    field = id;
                    self.skip(kind, depth + 1)?;
                }
                Some(())
            }
            _ => None,
        }
    }

    fn jump(&mut self, bytes: usize) -> Option<()> {
        self.at = self.at.checked_add(bytes).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_up_to_their_end() {
        // Type 0, 300 bytes that became 20, and a nested structure of two integers.
        let bytes =
            [0x15, 0x00, 0x15, 0xd8, 0x04, 0x15, 0x28, 0x2c, 0x15, 0x06, 0x15, 0x00, 0x00, 0x00, 0xff];
        let header = Thrift { bytes: &bytes, at: 0 }.page_header();
        let expected =
            PageHeader { uncompressed_bytes: 300, compressed_bytes: 20, level_bytes: 0, header_bytes: 14 };
        assert_eq!(header, Some(expected));
    }

    #[test]
    fn bombs_are_not_unpacked() {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&vec![0; 10 << 20]).unwrap();
        let packed = gzip.finish().unwrap();
        let varint = |value: usize| -> Vec<u8> {
            let (mut value, mut bytes) = (value << 1, Vec::new());
            while value >= 0x80 {
                bytes.push(value as u8 | 0x80);
                value >>= 7;
            }
            bytes.push(value as u8);
            bytes
        };
        let page = |unpacked: usize| -> Vec<u8> {
            let sizes = [&[0x15, 0x00, 0x15][..], &varint(unpacked), &[0x15], &varint(packed.len()), &[0x00]];
            [sizes.concat(), packed.clone()].concat()
        };
        let check = |unpacked| check_pages("x", &page(unpacked), true, 1 << 30);
        assert!(check(10 << 20).is_ok());
        let error = check(100).unwrap_err();
        assert_eq!(error.kind(), fascicle_backend::ErrorKind::Corrupt, "{error}");
        let error = check_pages("x", &page(10 << 20), false, 1 << 20).unwrap_err();
        assert_eq!(error.kind(), fascicle_backend::ErrorKind::LimitExceeded, "{error}");
        let cut = page(100);
        assert!(check_pages("x", &cut[..cut.len() - 1], false, 1 << 30).is_err());
    }

    #[test]
    fn whatever_stands_there_ends() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..random.usize(0..60)).map(|_| random.u8(..)).collect();
            if let Some(header) = (Thrift { bytes: &bytes, at: 0 }).page_header() {
                assert!(header.header_bytes <= bytes.len());
            }
        }
    }
}
