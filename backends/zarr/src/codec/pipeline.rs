//! The codecs of a chunk, one after another.

use super::{Compressor, Elements, NamedCodec, transpose};
use crate::{
    dtype::{ElementType, Storage},
    metadata::{corrupt, unsupported},
};
use bytes::Bytes;
use fascicle_backend::{Codec, DType, Error, ErrorKind, Result};
use serde_json::{Value, json};

/// How bytes are made of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serializer {
    /// The elements' own bytes, one after another.
    Bytes {
        /// Whether numbers begin with their most significant byte.
        big_endian: bool,
    },
    /// Texts, each after its length, all after their count.
    VariableText,
}

/// The codecs of a chunk. Encoding goes from the first to the last, decoding back.
#[derive(Clone, Debug)]
pub(crate) struct Pipeline {
    /// Orders into which the axes are put.
    pub(crate) transposes: Vec<Vec<usize>>,
    pub(crate) serializer: Serializer,
    pub(crate) compressors: Vec<Compressor>,
}

impl Pipeline {
    /// The codecs of a new array.
    pub(crate) fn new(element: ElementType, codec: Codec, checksum: bool) -> Self {
        let compressor = match codec {
            Codec::Uncompressed => None,
            Codec::Gzip { level } => Some(Compressor::Gzip { level: u32::from(level) }),
            Codec::Zstd { level } => Some(Compressor::Zstd { level: i32::from(level), checksum: false }),
        };
        let serializer = match element.storage {
            Storage::VariableText => Serializer::VariableText,
            _ => Serializer::Bytes { big_endian: false },
        };
        let compressors = compressor.into_iter().chain(checksum.then_some(Compressor::Crc32c)).collect();
        Pipeline { transposes: Vec::new(), serializer, compressors }
    }

    pub(crate) fn codec_names(&self) -> impl Iterator<Item = String> + '_ {
        let serializer = match self.serializer {
            Serializer::Bytes { .. } => "bytes",
            Serializer::VariableText => "vlen-utf8",
        };
        let before = self.transposes.iter().map(|_| "transpose");
        let after = self.compressors.iter().map(Compressor::name);
        before.chain([serializer]).chain(after).map(str::to_owned)
    }

    /// As `zarr.json` lists them, for the codecs that new arrays have.
    pub(crate) fn to_json(&self, element: ElementType) -> Value {
        let serializer = match self.serializer {
            Serializer::VariableText => json!({"name": "vlen-utf8"}),
            Serializer::Bytes { .. } if element.number_width() == 1 => json!({"name": "bytes"}),
            Serializer::Bytes { big_endian } => {
                json!({"name": "bytes", "configuration": {"endian": if big_endian { "big" } else { "little" }}})
            }
        };
        let compressors = self.compressors.iter().map(Compressor::to_json);
        Value::Array(std::iter::once(serializer).chain(compressors).collect())
    }

    /// Reads a list of codecs for chunks of `rank` axes.
    pub(crate) fn from_json(codecs: &[NamedCodec<'_>], rank: usize, element: ElementType) -> Result<Self> {
        let mut transposes = Vec::new();
        let mut serializer = None;
        let mut compressors = Vec::new();
        for codec in codecs {
            match (codec.name, serializer) {
                ("transpose", None) => transposes.push(axis_order(codec, rank)?),
                ("bytes", None) => serializer = Some(bytes_codec(codec, element)?),
                ("vlen-utf8", None) if element.storage == Storage::VariableText => {
                    serializer = Some(Serializer::VariableText);
                }
                ("transpose" | "bytes" | "vlen-utf8", _) => {
                    return Err(corrupt(format!("the codec '{}' stands where it cannot", codec.name)));
                }
                (_, Some(_)) => {
                    let type_size = element.stored_width().unwrap_or(1);
                    compressors.push(Compressor::from_json(codec, type_size)?);
                }
                (name, None) => return Err(unsupported("codec", name)),
            }
        }
        let serializer = serializer.ok_or_else(|| corrupt("no codec makes bytes of the elements"))?;
        Ok(Pipeline { transposes, serializer, compressors })
    }

    /// The most bytes that an encoded chunk can reasonably take, `most` being what its elements take: codecs that do not
    /// shrink what they get add little.
    pub(crate) fn most_encoded_bytes(&self, most: usize) -> usize {
        let overhead = (most / 8).saturating_add(64 << 10);
        most.saturating_add(overhead.saturating_mul(self.compressors.len()))
    }

    /// Decodes a chunk of `shape`. `limit` is the most bytes that elements of varying size may take.
    pub(crate) fn decode(
        &self,
        encoded: Bytes,
        shape: &[u64],
        element: ElementType,
        limit: usize,
    ) -> Result<Elements> {
        let count = element_count(shape)?;
        let exact =
            element.stored_width().map(|width| count.checked_mul(width).ok_or_else(too_large)).transpose()?;
        let most = exact.unwrap_or(limit);
        if most > limit {
            return Err(too_large());
        }
        let mut bytes = encoded;
        for (stage, compressor) in self.compressors.iter().enumerate().rev() {
            // What lies between two codecs may be longer than the elements by what the codecs below add.
            let below = self.compressors.get(..stage).unwrap_or(&[]);
            let (most, exact) = match stage {
                0 => (most, exact),
                _ if below.iter().all(|codec| *codec == Compressor::Crc32c) => {
                    let added = 4 * below.len();
                    (most.saturating_add(added), exact.map(|exact| exact.saturating_add(added)))
                }
                _ => (self.most_encoded_bytes(most), None),
            };
            bytes = compressor.decode(bytes, most, exact)?;
        }
        if let Some(exact) = exact
            && bytes.len() != exact
        {
            return Err(corrupt(format!("a chunk has {} bytes, its elements take {exact}", bytes.len())));
        }
        let stored_shape =
            self.transposes.iter().fold(shape.to_vec(), |shape, order| transpose::permuted(&shape, order));
        let mut elements = match (self.serializer, element.storage) {
            (Serializer::VariableText, _) => Elements::Text(decode_texts(&bytes, count, limit)?),
            (Serializer::Bytes { big_endian }, Storage::Utf32(length)) => {
                Elements::Text(decode_utf32(&bytes, length, big_endian, count, limit)?)
            }
            (Serializer::Bytes { big_endian }, _) => decode_bytes(bytes, big_endian, element)?,
        };
        let width = element.dtype.fixed_bytes().unwrap_or(1);
        let mut shape = stored_shape;
        for order in self.transposes.iter().rev() {
            let inverse = transpose::inverse(order);
            elements = transpose::transpose(elements, &shape, &inverse, width)?;
            shape = transpose::permuted(&shape, &inverse);
        }
        Ok(elements)
    }

    /// Encodes a chunk of `shape`. See [`Compressor::encode`] for the salt.
    pub(crate) fn encode(
        &self,
        elements: Elements,
        shape: &[u64],
        element: ElementType,
        salt: Option<u32>,
    ) -> Result<Bytes> {
        let width = element.dtype.fixed_bytes().unwrap_or(1);
        let mut elements = elements;
        let mut shape = shape.to_vec();
        for order in &self.transposes {
            elements = transpose::transpose(elements, &shape, order, width)?;
            shape = transpose::permuted(&shape, order);
        }
        let mut bytes = match (self.serializer, element.storage, elements) {
            (Serializer::VariableText, _, elements) => encode_texts(elements.texts())?,
            (Serializer::Bytes { big_endian }, Storage::Utf32(length), elements) => {
                encode_utf32(elements.texts(), length, big_endian)?
            }
            (Serializer::Bytes { big_endian }, _, Elements::Bytes(mut bytes)) => {
                if is_foreign(big_endian) {
                    swap(&mut bytes, element.number_width());
                }
                Bytes::from(bytes)
            }
            (Serializer::Bytes { .. }, _, _) => {
                return Err(Error::new(
                    ErrorKind::Internal,
                    "elements were to be encoded that are not owned bytes",
                ));
            }
        };
        for compressor in &self.compressors {
            bytes = compressor.encode(bytes, salt)?;
        }
        Ok(bytes)
    }
}

/// How many elements a chunk has.
pub(crate) fn element_count(shape: &[u64]) -> Result<usize> {
    let count = shape.iter().try_fold(1u64, |count, length| count.checked_mul(*length));
    count.and_then(|count| usize::try_from(count).ok()).ok_or_else(too_large)
}

fn too_large() -> Error {
    Error::new(ErrorKind::LimitExceeded, "a chunk takes more memory than chunks may")
        .hint("raise 'max_chunk_bytes', or store the array in smaller chunks")
}

fn axis_order(codec: &NamedCodec<'_>, rank: usize) -> Result<Vec<usize>> {
    let malformed = || corrupt("a transpose codec has no valid 'order'");
    let order: Vec<usize> = match codec.setting("order") {
        Some(Value::String(name)) if name == "C" => (0..rank).collect(),
        Some(Value::String(name)) if name == "F" => (0..rank).rev().collect(),
        Some(Value::Array(axes)) => {
            let axes = axes.iter().map(|axis| axis.as_u64().and_then(|axis| usize::try_from(axis).ok()));
            axes.collect::<Option<_>>().ok_or_else(malformed)?
        }
        _ => return Err(malformed()),
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..rank) {
        return Err(malformed());
    }
    Ok(order)
}

fn bytes_codec(codec: &NamedCodec<'_>, element: ElementType) -> Result<Serializer> {
    if element.storage == Storage::VariableText {
        return Err(corrupt("the codec 'bytes' cannot hold texts of varying length"));
    }
    let big_endian = match codec.setting("endian").map(Value::as_str) {
        Some(Some("little")) => false,
        Some(Some("big")) => true,
        None | Some(None) if element.number_width() == 1 => false,
        _ => return Err(corrupt("the codec 'bytes' has no valid 'endian'")),
    };
    Ok(Serializer::Bytes { big_endian })
}

fn is_foreign(big_endian: bool) -> bool {
    big_endian != cfg!(target_endian = "big")
}

/// Reverses the bytes of every number.
fn swap(bytes: &mut [u8], width: usize) {
    if width > 1 {
        for number in bytes.chunks_exact_mut(width) {
            number.reverse();
        }
    }
}

fn decode_bytes(bytes: Bytes, big_endian: bool, element: ElementType) -> Result<Elements> {
    if element.dtype == DType::Bool
        && let Some(byte) = bytes.iter().find(|byte| **byte > 1)
    {
        return Err(corrupt(format!("a chunk of bools has the byte {byte}")));
    }
    if !is_foreign(big_endian) || element.number_width() == 1 {
        return Ok(Elements::Fetched(bytes));
    }
    let mut owned = Vec::from(bytes);
    swap(&mut owned, element.number_width());
    Ok(Elements::Bytes(owned))
}

fn text_vector(count: usize, limit: usize) -> Result<Vec<String>> {
    let size = count.checked_mul(size_of::<String>()).filter(|size| *size <= limit);
    size.ok_or_else(too_large)?;
    let mut texts = Vec::new();
    texts.try_reserve_exact(count).map_err(|error| too_large().caused_by(error))?;
    Ok(texts)
}

fn decode_texts(bytes: &[u8], count: usize, limit: usize) -> Result<Vec<String>> {
    let truncated = || corrupt("a chunk of texts ends within a text");
    let (stored_count, mut rest) = bytes.split_first_chunk::<4>().ok_or_else(truncated)?;
    if u32::from_le_bytes(*stored_count) as usize != count {
        let stored_count = u32::from_le_bytes(*stored_count);
        return Err(corrupt(format!("a chunk of {count} texts says that it has {stored_count}")));
    }
    let mut texts = text_vector(count, limit)?;
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(truncated)?;
        let (text, after) =
            after.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(truncated)?;
        let text =
            std::str::from_utf8(text).map_err(|error| corrupt("a text is not UTF-8").caused_by(error))?;
        texts.push(text.to_owned());
        rest = after;
    }
    Ok(texts)
}

fn encode_texts(texts: &[String]) -> Result<Bytes> {
    let too_long = |error| Error::new(ErrorKind::LimitExceeded, "a text exceeds 4 GiB").caused_by(error);
    let size = texts.iter().fold(4, |size: usize, text| size + 4 + text.len());
    let mut bytes = Vec::with_capacity(size);
    bytes.extend_from_slice(&u32::try_from(texts.len()).map_err(too_long)?.to_le_bytes());
    for text in texts {
        bytes.extend_from_slice(&u32::try_from(text.len()).map_err(too_long)?.to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    Ok(bytes.into())
}

fn decode_utf32(
    bytes: &[u8],
    length: usize,
    big_endian: bool,
    count: usize,
    limit: usize,
) -> Result<Vec<String>> {
    let mut texts = text_vector(count, limit)?;
    for element in bytes.chunks_exact(length * 4) {
        let points = element.as_chunks::<4>().0.iter().map(|point| match big_endian {
            true => u32::from_be_bytes(*point),
            false => u32::from_le_bytes(*point),
        });
        let points: Vec<u32> = points.collect();
        let end = points.iter().rposition(|point| *point != 0).map_or(0, |last| last + 1);
        let text: Option<String> = points.iter().take(end).map(|point| char::from_u32(*point)).collect();
        texts.push(text.ok_or_else(|| corrupt("a text has a code point that Unicode does not have"))?);
    }
    Ok(texts)
}

fn encode_utf32(texts: &[String], length: usize, big_endian: bool) -> Result<Bytes> {
    let mut bytes = Vec::with_capacity(texts.len() * length * 4);
    for text in texts {
        let points: Vec<u32> = text.chars().map(u32::from).collect();
        if points.len() > length {
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!(
                    "a text of {} characters does not fit into the array's fixed length of {length}",
                    points.len()
                ),
            ));
        }
        for point in points.into_iter().chain(std::iter::repeat(0)).take(length) {
            bytes.extend_from_slice(&if big_endian { point.to_be_bytes() } else { point.to_le_bytes() });
        }
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1 << 20;

    fn parse(codecs: &Value, dtype: DType, rank: usize) -> Result<Pipeline> {
        Pipeline::from_json(&super::super::codec_list(codecs)?, rank, ElementType::of(dtype))
    }

    #[test]
    fn any_order_of_known_codecs_round_trips() {
        let element = ElementType::of(DType::Complex64);
        let bytes: Vec<u8> = (0..2 * 3 * 8).collect();
        for codecs in [
            json!([{"name": "bytes", "configuration": {"endian": "big"}}]),
            json!([{"name": "transpose", "configuration": {"order": [1, 0]}},
                   {"name": "bytes", "configuration": {"endian": "little"}}, "crc32c", "gzip", "crc32c"]),
            json!([{"name": "transpose", "configuration": {"order": "F"}},
                   {"name": "transpose", "configuration": {"order": [1, 0]}},
                   {"name": "bytes", "configuration": {"endian": "big"}},
                   {"name": "zstd", "configuration": {"level": 3, "checksum": true}},
                   {"name": "blosc", "configuration": {"cname": "lz4", "clevel": 5, "shuffle": "shuffle",
                    "typesize": 8, "blocksize": 0}}]),
        ] {
            let pipeline = parse(&codecs, DType::Complex64, 2).unwrap();
            let encoded = pipeline.encode(Elements::Bytes(bytes.clone()), &[2, 3], element, Some(5)).unwrap();
            let decoded = pipeline.decode(encoded, &[2, 3], element, LIMIT).unwrap();
            assert_eq!(decoded.bytes(), bytes, "{codecs}");
        }
    }

    #[test]
    fn numbers_are_swapped_and_axes_moved_as_others_do() {
        let pipeline =
            parse(&json!([{"name": "bytes", "configuration": {"endian": "big"}}]), DType::UInt16, 1).unwrap();
        let decoded =
            pipeline.decode(Bytes::from_static(&[1, 2]), &[1], ElementType::of(DType::UInt16), LIMIT);
        assert_eq!(decoded.unwrap().bytes(), 0x0102u16.to_ne_bytes());
        let order = json!([{"name": "transpose", "configuration": {"order": [1, 0]}}, "bytes"]);
        let pipeline = parse(&order, DType::UInt8, 2).unwrap();
        let decoded = pipeline.decode(
            Bytes::from_static(&[0, 3, 1, 4, 2, 5]),
            &[2, 3],
            ElementType::of(DType::UInt8),
            LIMIT,
        );
        assert_eq!(decoded.unwrap().bytes(), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn texts_round_trip_and_damage_is_found() {
        let element = ElementType::of(DType::Text);
        let pipeline = Pipeline::new(element, Codec::Uncompressed, false);
        let texts = vec!["".to_owned(), "ü".to_owned(), "日本".repeat(100)];
        let encoded = pipeline.encode(Elements::Text(texts.clone()), &[3], element, None).unwrap();
        assert_eq!(pipeline.decode(encoded.clone(), &[3], element, LIMIT).unwrap().texts(), texts);
        let kind =
            |bytes: Bytes, count: u64| pipeline.decode(bytes, &[count], element, LIMIT).unwrap_err().kind();
        assert_eq!(kind(encoded.slice(..encoded.len() - 1), 3), ErrorKind::Corrupt);
        assert_eq!(kind(encoded, 2), ErrorKind::Corrupt);
        assert_eq!(kind(Bytes::from_static(&[1, 0, 0, 0, 1, 0, 0, 0, 0xff]), 1), ErrorKind::Corrupt);
        assert_eq!(kind(Bytes::from_static(&[0xff; 8]), u64::from(u32::MAX)), ErrorKind::LimitExceeded);
    }

    #[test]
    fn bad_chains_are_refused() {
        for (codecs, kind) in [
            (json!([]), ErrorKind::Corrupt),
            (json!({}), ErrorKind::Corrupt),
            (json!([{}]), ErrorKind::Corrupt),
            (json!(["bytes"]), ErrorKind::Corrupt),
            (json!([{"name": "bytes", "configuration": {"endian": "little"}}, "bytes"]), ErrorKind::Corrupt),
            (json!(["vlen-utf8"]), ErrorKind::Corrupt),
            (json!(["gzip"]), ErrorKind::Unsupported),
            (json!([{"name": "transpose", "configuration": {"order": [0, 0]}}, "bytes"]), ErrorKind::Corrupt),
            (json!([{"name": "transpose", "configuration": {"order": [0]}}, "bytes"]), ErrorKind::Corrupt),
            (json!([{"name": "transpose", "configuration": {"order": [0, 2]}}, "bytes"]), ErrorKind::Corrupt),
            (
                json!([{"name": "bytes", "configuration": {"endian": "little"}}, "lzma"]),
                ErrorKind::Unsupported,
            ),
            (
                json!([{"name": "bytes", "configuration": {"endian": "little"}},
                       {"name": "gzip", "configuration": {"level": 10}}]),
                ErrorKind::Corrupt,
            ),
        ] {
            assert_eq!(parse(&codecs, DType::Float64, 2).unwrap_err().kind(), kind, "{codecs}");
        }
    }
}
