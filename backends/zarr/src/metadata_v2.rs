//! `.zarray`: arrays of version 2, which are read and never written.

use crate::{
    chunk_keys::ChunkKeyEncoding,
    codec::{ChunkLayout, Compressor, Pipeline, Serializer},
    dtype::{ElementType, Storage},
    fill::Fill,
    metadata::{Metadata, chunk_lengths, corrupt, lengths, unsupported},
};
use fascicle_backend::{Attributes, Error, ErrorKind, Result};
use serde_json::Value;

/// Reads a `.zarray` and, if there is one, the `.zattrs` beside it.
pub(crate) fn parse(array: &[u8], attributes: Option<&[u8]>) -> Result<Metadata> {
    let document: Value = serde_json::from_slice(array)
        .map_err(|error| corrupt(".zarray is not valid JSON").caused_by(error))?;
    let member =
        |name: &str| document.get(name).ok_or_else(|| corrupt(format!(".zarray has no member '{name}'")));
    if member("zarr_format")?.as_u64() != Some(2) {
        return Err(Error::new(ErrorKind::Unsupported, ".zarray is not of version 2 of the Zarr format"));
    }
    let shape = lengths(member("shape")?, "shape")?;
    let chunk_shape = chunk_lengths(member("chunks")?, shape.rank())?;
    let filters = match document.get("filters") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(filters)) => filters.as_slice(),
        Some(_) => return Err(corrupt("the filters in .zarray are not a list")),
    };
    let id = |filter: &Value| filter.get("id").and_then(Value::as_str).unwrap_or("?").to_owned();
    let is_text = match filters {
        [] => false,
        [filter] if id(filter) == "vlen-utf8" => true,
        [filter, ..] => return Err(unsupported("filter", &id(filter))),
    };
    let (element, big_endian) = ElementType::from_v2(member("dtype")?, is_text)?;
    if is_text != (element.storage == Storage::VariableText) {
        return Err(corrupt("the filter 'vlen-utf8' in .zarray does not fit the dtype"));
    }
    let fill = Fill::from_json(member("fill_value")?, element)?;
    let transposes = match member("order")?.as_str() {
        Some("C") => Vec::new(),
        Some("F") => vec![(0..shape.rank()).rev().collect()],
        _ => return Err(corrupt("the order in .zarray is neither C nor F")),
    };
    let compressors = match member("compressor")? {
        Value::Null => Vec::new(),
        compressor => vec![Compressor::from_v2(compressor, element.stored_width().unwrap_or(1))?],
    };
    let serializer = if is_text { Serializer::VariableText } else { Serializer::Bytes { big_endian } };
    let separator = match document.get("dimension_separator").map(Value::as_str) {
        None | Some(Some(".")) => '.',
        Some(Some("/")) => '/',
        Some(_) => return Err(corrupt("the chunk keys of .zarray are separated by neither '.' nor '/'")),
    };
    let attributes: Attributes = match attributes {
        None => Attributes::new(),
        Some(bytes) => serde_json::from_slice(bytes)
            .map_err(|error| corrupt(".zattrs is not a JSON object").caused_by(error))?,
    };
    let layout = ChunkLayout::chunked(chunk_shape, Pipeline { transposes, serializer, compressors });
    let keys = ChunkKeyEncoding { has_prefix: false, separator };
    Ok(Metadata::of_version_2(shape, element, fill, layout, keys, attributes))
}
