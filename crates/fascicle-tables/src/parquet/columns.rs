//! A schema as text.

use super::guard::{corrupt, reading, writing};
use arrow_ipc::{reader::StreamReader, writer::StreamWriter};
use arrow_schema::{Schema, SchemaRef};
use fascicle_backend::Result;
use std::fmt::Write;

/// No longer text is decoded.
const MOST_BYTES: usize = 16 << 20;

pub(super) fn encode_columns(schema: &Schema) -> Result<String> {
    let stream = writing(|| {
        let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
        writer.finish()?;
        writer.into_inner()
    })?;
    Ok(stream.iter().fold(String::with_capacity(2 * stream.len()), |mut text, byte| {
        // Writing into a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// The schema that `text`, found in the file that messages call `file`, stands for. Fails with `Corrupt`.
pub(super) fn decode_columns(file: &str, text: &str) -> Result<SchemaRef> {
    let bad = || corrupt(file, "it notes the columns of its table in a way that cannot be read");
    if text.len() > MOST_BYTES || !text.len().is_multiple_of(2) || !text.is_ascii() {
        return Err(bad());
    }
    let digits = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2));
    let bytes: Option<Vec<u8>> = digits.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect();
    let bytes = bytes.ok_or_else(bad)?;
    reading(file, || {
        Ok::<_, arrow_schema::ArrowError>(StreamReader::try_new(bytes.as_slice(), None)?.schema())
    })
}
