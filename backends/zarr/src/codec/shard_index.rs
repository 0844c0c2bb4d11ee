//! The index of a shard: where in the object each of its chunks lies.

use super::{Compressor, NamedCodec};
use crate::metadata::{corrupt, unsupported};
use bytes::Bytes;
use fascicle_backend::Result;
use serde_json::{Value, json};
use std::ops::Range;

/// How an index is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct IndexFormat {
    pub(crate) location: IndexLocation,
    big_endian: bool,
    without_checksum: bool,
}

/// On which side of the chunks the index lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum IndexLocation {
    Start,
    #[default]
    End,
}

impl IndexLocation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            IndexLocation::Start => "start",
            IndexLocation::End => "end",
        }
    }
}

impl IndexFormat {
    pub(crate) fn to_json(self) -> Value {
        let endian = if self.big_endian { "big" } else { "little" };
        let mut codecs = vec![json!({"name": "bytes", "configuration": {"endian": endian}})];
        if !self.without_checksum {
            codecs.push(json!({"name": "crc32c"}));
        }
        Value::Array(codecs)
    }

    /// Reads `index_codecs` and `index_location`. An index whose size cannot be told from the number of chunks is refused,
    /// as the specification demands.
    pub(crate) fn from_json(codecs: &[NamedCodec<'_>], location: Option<&Value>) -> Result<Self> {
        let location = match location.map(Value::as_str) {
            None | Some(Some("end")) => IndexLocation::End,
            Some(Some("start")) => IndexLocation::Start,
            Some(_) => return Err(corrupt("the index of shards is neither at their start nor at their end")),
        };
        let (bytes, checksum) = match codecs {
            [bytes] => (bytes, None),
            [bytes, checksum] => (bytes, Some(checksum)),
            _ => return Err(corrupt("the index of shards has no list of codecs that is understood")),
        };
        if bytes.name != "bytes" {
            return Err(unsupported("codec of a shard's index", bytes.name));
        }
        if let Some(other) = checksum.filter(|codec| codec.name != "crc32c") {
            return Err(unsupported("codec of a shard's index", other.name));
        }
        let big_endian = match bytes.setting("endian").map(Value::as_str) {
            Some(Some("little")) => false,
            Some(Some("big")) => true,
            _ => return Err(corrupt("the index of shards has no byte order")),
        };
        Ok(IndexFormat { location, big_endian, without_checksum: checksum.is_none() })
    }

    /// The bytes that the index of `chunks` chunks takes.
    pub(crate) fn size_bytes(self, chunks: u64) -> u64 {
        chunks * 16 + if self.without_checksum { 0 } else { 4 }
    }
}

/// Where the chunks of a shard lie.
#[derive(Clone, Debug)]
pub(crate) struct ShardIndex {
    entries: Vec<Option<Range<u64>>>,
}

impl ShardIndex {
    /// Reads an index of `chunks` chunks. `object_bytes`, if known, is the size of the object: no chunk may end
    /// beyond it.
    pub(crate) fn decode(
        bytes: Bytes,
        format: IndexFormat,
        chunks: u64,
        object_bytes: Option<u64>,
    ) -> Result<Self> {
        let size = format.size_bytes(chunks);
        if bytes.len() as u64 != size {
            return Err(corrupt(format!("the index of a shard has {} bytes instead of {size}", bytes.len())));
        }
        let bytes = if format.without_checksum {
            bytes
        } else {
            Compressor::Crc32c.decode(bytes, size as usize, None)?
        };
        let number = |bytes: &[u8; 8]| match format.big_endian {
            true => u64::from_be_bytes(*bytes),
            false => u64::from_le_bytes(*bytes),
        };
        let mut entries = Vec::with_capacity(chunks as usize);
        for pair in bytes.as_chunks::<8>().0.chunks_exact(2) {
            entries.push(match pair {
                [offset, length] => match (number(offset), number(length)) {
                    (u64::MAX, u64::MAX) => None,
                    (offset, length) => {
                        let end = offset.checked_add(length);
                        let end = end.filter(|end| object_bytes.is_none_or(|size| *end <= size));
                        Some(offset..end.ok_or_else(|| corrupt("a shard's index leads beyond its end"))?)
                    }
                },
                _ => None,
            });
        }
        Ok(ShardIndex { entries })
    }

    /// Where a chunk lies; `None` when it is not stored.
    pub(crate) fn entry(&self, chunk: usize) -> Option<Range<u64>> {
        self.entries.get(chunk).cloned().flatten()
    }

    /// Puts a shard together from its encoded chunks, in order.
    pub(crate) fn assemble(chunks: &[Option<Bytes>], format: IndexFormat) -> Bytes {
        let index_bytes = format.size_bytes(chunks.len() as u64);
        let mut offset = match format.location {
            IndexLocation::Start => index_bytes,
            IndexLocation::End => 0,
        };
        let data_bytes: usize = chunks.iter().flatten().map(Bytes::len).sum();
        let mut index = Vec::with_capacity(index_bytes as usize);
        let mut push = |number: u64| match format.big_endian {
            true => index.extend_from_slice(&number.to_be_bytes()),
            false => index.extend_from_slice(&number.to_le_bytes()),
        };
        for chunk in chunks {
            match chunk {
                None => {
                    push(u64::MAX);
                    push(u64::MAX);
                }
                Some(chunk) => {
                    push(offset);
                    push(chunk.len() as u64);
                    offset += chunk.len() as u64;
                }
            }
        }
        if !format.without_checksum {
            let checksum = crc32c::crc32c(&index);
            index.extend_from_slice(&checksum.to_le_bytes());
        }
        let mut shard = Vec::with_capacity(data_bytes + index.len());
        if format.location == IndexLocation::Start {
            shard.extend_from_slice(&index);
        }
        for chunk in chunks.iter().flatten() {
            shard.extend_from_slice(chunk);
        }
        if format.location == IndexLocation::End {
            shard.extend_from_slice(&index);
        }
        shard.into()
    }

    /// The bytes of the index within a whole shard.
    pub(crate) fn slice_of(shard: &Bytes, format: IndexFormat, chunks: u64) -> Result<Bytes> {
        let size = usize::try_from(format.size_bytes(chunks)).unwrap_or(usize::MAX);
        if shard.len() < size {
            return Err(corrupt("a shard is shorter than its index"));
        }
        Ok(match format.location {
            IndexLocation::Start => shard.slice(..size),
            IndexLocation::End => shard.slice(shard.len() - size..),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fascicle_backend::ErrorKind;

    #[test]
    fn shards_come_apart_as_they_were_put_together() {
        let chunks = [
            Some(Bytes::from_static(b"abc")),
            None,
            Some(Bytes::from_static(b"")),
            Some(Bytes::from_static(b"d")),
        ];
        for location in [IndexLocation::Start, IndexLocation::End] {
            for (big_endian, without_checksum) in [(false, false), (true, true)] {
                let format = IndexFormat { location, big_endian, without_checksum };
                let shard = ShardIndex::assemble(&chunks, format);
                let index = ShardIndex::slice_of(&shard, format, 4).unwrap();
                let index = ShardIndex::decode(index, format, 4, Some(shard.len() as u64)).unwrap();
                for (number, chunk) in chunks.iter().enumerate() {
                    let stored = index
                        .entry(number)
                        .map(|range| shard.slice(range.start as usize..range.end as usize));
                    assert_eq!(stored, *chunk);
                }
            }
        }
    }

    #[test]
    fn lies_in_an_index_are_found() {
        let plain = IndexFormat { without_checksum: true, ..IndexFormat::default() };
        let index = |numbers: [u64; 2]| Bytes::from(numbers.map(u64::to_le_bytes).concat());
        for numbers in [[u64::MAX, 1], [1, u64::MAX], [90, 11]] {
            let error = ShardIndex::decode(index(numbers), plain, 1, Some(100)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{numbers:?}");
        }
        let shard = ShardIndex::assemble(&[Some(Bytes::from_static(b"abc"))], IndexFormat::default());
        let mut flipped = shard.to_vec();
        flipped[4] ^= 1;
        let index = ShardIndex::slice_of(&flipped.into(), IndexFormat::default(), 1).unwrap();
        assert_eq!(
            ShardIndex::decode(index, IndexFormat::default(), 1, None).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
        assert!(ShardIndex::slice_of(&Bytes::from_static(b"short"), IndexFormat::default(), 1).is_err());
    }
}
