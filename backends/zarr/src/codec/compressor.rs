//! Codecs that make bytes of bytes. None unpacks more than the chunk can hold.

use super::{
    NamedCodec,
    blosc::{self, BloscCompressor, BloscSettings},
};
use crate::metadata::{corrupt, unsupported};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, Result};
use flate2::{
    Compression, GzBuilder,
    bufread::{MultiGzDecoder, ZlibDecoder},
    write::ZlibEncoder,
};
use serde_json::{Value, json};
use std::io::{Read, Write};

/// A codec that makes bytes of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Compressor {
    Gzip {
        level: u32,
    },
    /// Of version 2 only.
    Zlib {
        level: u32,
    },
    Zstd {
        level: i32,
        checksum: bool,
    },
    Blosc(BloscSettings),
    Crc32c,
}

impl Compressor {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Compressor::Gzip { .. } => "gzip",
            Compressor::Zlib { .. } => "zlib",
            Compressor::Zstd { .. } => "zstd",
            Compressor::Blosc(_) => "blosc",
            Compressor::Crc32c => "crc32c",
        }
    }

    /// As `zarr.json` names it, for the codecs that new arrays have.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Compressor::Gzip { level } | Compressor::Zlib { level } => {
                json!({"name": self.name(), "configuration": {"level": level}})
            }
            Compressor::Zstd { level, checksum } => {
                json!({"name": "zstd", "configuration": {"level": level, "checksum": checksum}})
            }
            Compressor::Blosc(_) | Compressor::Crc32c => json!({"name": self.name()}),
        }
    }

    pub(crate) fn from_json(codec: &NamedCodec<'_>, type_size: usize) -> Result<Self> {
        let number = |name: &str, default: Option<i64>| {
            let value = codec.setting(name).map_or(default, Value::as_i64);
            value.ok_or_else(|| corrupt(format!("the codec '{}' has no valid '{name}'", codec.name)))
        };
        let level = |range: std::ops::RangeInclusive<i64>, default| {
            let level = number("level", default)?;
            if range.contains(&level) {
                return Ok(level);
            }
            Err(corrupt(format!("the codec '{}' has the level {level}", codec.name)))
        };
        Ok(match codec.name {
            "gzip" => Compressor::Gzip { level: level(0..=9, Some(5))? as u32 },
            "zstd" => Compressor::Zstd {
                level: level(-131_072..=22, Some(0))? as i32,
                checksum: codec.setting("checksum").and_then(Value::as_bool).unwrap_or(false),
            },
            "crc32c" => Compressor::Crc32c,
            "blosc" => {
                let name = codec.setting("cname").and_then(Value::as_str);
                let compressor =
                    BloscCompressor::parse(name.ok_or_else(|| corrupt("a blosc codec has no 'cname'"))?)?;
                let shuffle = match codec.setting("shuffle") {
                    Some(Value::String(name)) if name == "noshuffle" => 0,
                    Some(Value::String(name)) if name == "shuffle" => 1,
                    Some(Value::String(name)) if name == "bitshuffle" => 2,
                    _ => return Err(corrupt("a blosc codec has no valid 'shuffle'")),
                };
                let size = |name: &str, default: usize| -> Result<usize> {
                    usize::try_from(number(name, Some(default as i64))?).map_err(|error| {
                        corrupt(format!("a blosc codec has no valid '{name}'")).caused_by(error)
                    })
                };
                let type_size = size("typesize", type_size)?;
                let level = u8::try_from(number("clevel", Some(5))?).ok().filter(|level| *level <= 9);
                Compressor::Blosc(BloscSettings {
                    compressor,
                    level: level.ok_or_else(|| corrupt("a blosc codec has no valid 'clevel'"))?,
                    shuffle,
                    type_size,
                    block_size: size("blocksize", 0)?,
                })
            }
            other => return Err(unsupported("codec", other)),
        })
    }

    /// The `compressor` of a `.zarray`.
    pub(crate) fn from_v2(compressor: &Value, type_size: usize) -> Result<Self> {
        let id = compressor
            .get("id")
            .and_then(Value::as_str)
            .ok_or_else(|| corrupt("a compressor has no 'id'"))?;
        let number = |name: &str| compressor.get(name).and_then(Value::as_i64);
        Ok(match id {
            "gzip" => Compressor::Gzip { level: 1 },
            "zlib" => Compressor::Zlib { level: 1 },
            "zstd" => Compressor::Zstd { level: 0, checksum: false },
            "blosc" => {
                let name = compressor.get("cname").and_then(Value::as_str).unwrap_or("lz4");
                Compressor::Blosc(BloscSettings {
                    compressor: BloscCompressor::parse(name)?,
                    level: 5,
                    shuffle: number("shuffle")
                        .and_then(|shuffle| u8::try_from(shuffle).ok())
                        .unwrap_or(1)
                        .min(2),
                    type_size,
                    block_size: 0,
                })
            }
            other => return Err(unsupported("compressor", other)),
        })
    }

    /// Unpacks at most `most` bytes. `exact` is the size that must come out, if it is known.
    pub(crate) fn decode(&self, encoded: Bytes, most: usize, exact: Option<usize>) -> Result<Bytes> {
        let failed = |error: std::io::Error| {
            corrupt(format!("a chunk cannot be decompressed by {}", self.name())).caused_by(error)
        };
        let size_hint = exact.unwrap_or_else(|| encoded.len().saturating_mul(2)).min(most);
        let read = |reader: &mut dyn Read| -> Result<Bytes> {
            let mut decoded = reserve(size_hint)?;
            reader.take(most as u64 + 1).read_to_end(&mut decoded).map_err(failed)?;
            if decoded.len() > most {
                return Err(corrupt(format!(
                    "a chunk unpacks to more than the {most} bytes that belong there"
                )));
            }
            Ok(decoded.into())
        };
        match self {
            Compressor::Gzip { .. } => read(&mut MultiGzDecoder::new(encoded.as_ref())),
            Compressor::Zlib { .. } => read(&mut ZlibDecoder::new(encoded.as_ref())),
            Compressor::Zstd { .. } => match exact {
                Some(exact) => {
                    let mut decoded = reserve(exact)?;
                    let mut decoder = zstd::bulk::Decompressor::new().map_err(failed)?;
                    decoder.decompress_to_buffer(encoded.as_ref(), &mut decoded).map_err(failed)?;
                    Ok(decoded.into())
                }
                None => read(&mut zstd::Decoder::with_buffer(encoded.as_ref()).map_err(failed)?),
            },
            Compressor::Blosc(_) => blosc::decompress(&encoded, most).map(Bytes::from),
            Compressor::Crc32c => {
                let Some((_, stored)) = encoded.split_last_chunk::<4>() else {
                    return Err(corrupt("a chunk is too short for its checksum"));
                };
                let stored = u32::from_le_bytes(*stored);
                let decoded = encoded.slice(..encoded.len() - 4);
                if crc32c::crc32c(&decoded) != stored {
                    return Err(corrupt("a chunk does not match its checksum"));
                }
                Ok(decoded)
            }
        }
    }

    /// Packs bytes. `salt` varies what is stored, where the format has room, without varying what is read: stores that
    /// tell versions apart by their content can then tell every write apart.
    pub(crate) fn encode(&self, decoded: Bytes, salt: Option<u32>) -> Result<Bytes> {
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Internal, format!("a chunk cannot be compressed by {}", self.name()))
                .caused_by(error)
        };
        Ok(match self {
            Compressor::Gzip { level } => {
                // The time of modification of the file, which nothing here has.
                let builder = GzBuilder::new().mtime(salt.unwrap_or(0));
                let mut encoder = builder.write(Vec::new(), Compression::new(*level));
                encoder.write_all(&decoded).map_err(failed)?;
                encoder.finish().map_err(failed)?.into()
            }
            Compressor::Zlib { level } => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(*level));
                encoder.write_all(&decoded).map_err(failed)?;
                encoder.finish().map_err(failed)?.into()
            }
            Compressor::Zstd { level, checksum } => {
                let mut encoder = zstd::Encoder::new(Vec::new(), *level).map_err(failed)?;
                encoder.include_checksum(*checksum).map_err(failed)?;
                encoder.set_pledged_src_size(Some(decoded.len() as u64)).map_err(failed)?;
                // A frame is a sequence of blocks: where the first one ends is free.
                let first_block = salt.map_or(0, |salt| salt as usize % decoded.len().max(1));
                let (first, rest) = decoded.split_at_checked(first_block).unwrap_or((&[], &decoded));
                if !first.is_empty() {
                    encoder.write_all(first).map_err(failed)?;
                    encoder.flush().map_err(failed)?;
                }
                encoder.write_all(rest).map_err(failed)?;
                encoder.finish().map_err(failed)?.into()
            }
            Compressor::Blosc(settings) => blosc::compress(&decoded, *settings)?.into(),
            Compressor::Crc32c => {
                let mut encoded = Vec::with_capacity(decoded.len() + 4);
                encoded.extend_from_slice(&decoded);
                encoded.extend_from_slice(&crc32c::crc32c(&decoded).to_le_bytes());
                encoded.into()
            }
        })
    }
}

fn reserve(size: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size).map_err(|error| {
        Error::new(ErrorKind::LimitExceeded, format!("a chunk of {size} bytes does not fit into memory"))
            .caused_by(error)
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Compressor; 4] = [
        Compressor::Gzip { level: 6 },
        Compressor::Zlib { level: 6 },
        Compressor::Zstd { level: 1, checksum: true },
        Compressor::Crc32c,
    ];

    #[test]
    fn bytes_round_trip_with_and_without_salt() {
        for compressor in ALL {
            for bytes in [vec![], vec![7], (0..100_000u32).map(|i| (i / 300) as u8).collect::<Vec<_>>()] {
                for salt in [None, Some(0), Some(12_345), Some(u32::MAX)] {
                    let encoded = compressor.encode(Bytes::from(bytes.clone()), salt).unwrap();
                    for exact in [None, Some(bytes.len())] {
                        let decoded = compressor.decode(encoded.clone(), bytes.len(), exact).unwrap();
                        assert_eq!(decoded, bytes, "{compressor:?} {salt:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn salt_makes_equal_chunks_different() {
        let bytes = Bytes::from(vec![0u8; 4096]);
        for compressor in [&ALL[0], &ALL[2]] {
            let once = compressor.encode(bytes.clone(), Some(1_000)).unwrap();
            assert_ne!(once, compressor.encode(bytes.clone(), Some(2_001)).unwrap(), "{compressor:?}");
        }
    }

    #[test]
    fn bombs_and_damage_are_errors_within_the_limit() {
        let bomb = Bytes::from(vec![0u8; 64 << 20]);
        for compressor in &ALL[..3] {
            let encoded = compressor.encode(bomb.clone(), None).unwrap();
            assert!(encoded.len() < 1 << 20);
            for exact in [None, Some(1024)] {
                let error = compressor.decode(encoded.clone(), 1024, exact).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{compressor:?}");
            }
            let truncated = encoded.slice(..encoded.len() / 2);
            assert_eq!(compressor.decode(truncated, 64 << 20, None).unwrap_err().kind(), ErrorKind::Corrupt);
        }
        let mut flipped = ALL[3].encode(Bytes::from_static(b"abcd"), None).unwrap().to_vec();
        flipped[1] ^= 1;
        assert_eq!(ALL[3].decode(flipped.into(), 4, Some(4)).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(
            ALL[3].decode(Bytes::from_static(b"abc"), 4, Some(4)).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
    }
}
