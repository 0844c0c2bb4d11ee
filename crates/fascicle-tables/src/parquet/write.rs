//! Writing a part.

use super::{
    COLUMNS_KEY, MERGED_KEY, NONCE_KEY, PART_KEY, ROWS_BEFORE_KEY, ROWS_KEY, TABLE_KEY,
    columns::encode_columns, guard::writing,
};
use crate::align_batch;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fascicle_backend::{Codec, Error, ErrorKind, Result, TableOptions};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, GzipLevel, ZstdLevel},
    errors::ParquetError,
    file::{metadata::KeyValue, properties::WriterProperties},
};
use std::{fmt::Write as _, io::Write};

/// The most bytes and rows of a row group, which is held in memory, encoded, until it is complete.
const MAX_ROW_GROUP_BYTES: usize = 64 << 20;
const MAX_ROW_GROUP_ROWS: usize = 1 << 20;

/// Where a part is meant to stand among a table's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowsBefore {
    /// The number of the part.
    pub part: u64,
    /// The rows of all parts before it.
    pub rows: u64,
}

/// A part being written to `W`. Memory: one encoded row group.
pub struct PartWriter<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: SchemaRef,
    rows: u64,
    nonce: String,
}

impl<W: Write + Send> PartWriter<W> {
    /// Begins a part of `schema`, which [`check_storable`](super::check_storable) allowed. Pages are compressed with Snappy
    /// unless the options say otherwise.
    pub fn new(target: W, schema: &SchemaRef, options: &TableOptions) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(compression(options.codec)?)
            .set_max_row_group_row_count(Some(MAX_ROW_GROUP_ROWS))
            .set_max_row_group_bytes(Some(MAX_ROW_GROUP_BYTES))
            .set_created_by(concat!("fascicle ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = writing(|| ArrowWriter::try_new(target, SchemaRef::clone(schema), Some(properties)))?;
        Ok(PartWriter { writer, schema: SchemaRef::clone(schema), rows: 0, nonce: nonce()? })
    }

    /// Adds rows; columns that differ from the part's are a `Mismatch`.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = align_batch(batch.clone(), &self.schema)?;
        writing(|| self.writer.write(&batch))?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn end_row_group(&mut self) -> Result<()> {
        writing(|| self.writer.flush())
    }

    /// The rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What identifies the part: 32 hexadecimal digits.
    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    /// Notes of which parts these are the rows.
    pub(crate) fn note_merged(&mut self, nonces: &[String]) {
        self.note(MERGED_KEY, nonces.concat());
    }

    /// Notes something in the footer.
    pub(crate) fn note(&mut self, key: &str, value: String) {
        self.writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }

    /// Writes the footer and gives the target back, which still has to be flushed. Without the identity of a table the part is
    /// the first one of a new table. `columns` are those of the table, where they are more than those of the part.
    pub fn finish(
        mut self,
        place: Option<RowsBefore>,
        table: Option<&str>,
        columns: Option<&SchemaRef>,
    ) -> Result<W> {
        self.note(TABLE_KEY, table.unwrap_or(&self.nonce).to_owned());
        self.note(NONCE_KEY, self.nonce.clone());
        if let Some(columns) = columns.filter(|columns| columns.fields() != self.schema.fields()) {
            self.note(COLUMNS_KEY, encode_columns(columns)?);
        }
        self.note(ROWS_KEY, self.rows.to_string());
        if let Some(place) = place {
            self.note(PART_KEY, place.part.to_string());
            self.note(ROWS_BEFORE_KEY, place.rows.to_string());
        }
        writing(|| self.writer.into_inner())
    }
}

/// The compression that stands for a codec, Snappy for none. Fails with `InvalidInput` for a level that does not exist.
pub fn compression(codec: Option<Codec>) -> Result<Compression> {
    let invalid = |error: ParquetError| {
        Error::new(ErrorKind::InvalidInput, "the compression level does not exist").caused_by(error)
    };
    Ok(match codec {
        None => Compression::SNAPPY,
        Some(Codec::Uncompressed) => Compression::UNCOMPRESSED,
        Some(Codec::Gzip { level }) => {
            Compression::GZIP(GzipLevel::try_new(u32::from(level)).map_err(invalid)?)
        }
        Some(Codec::Zstd { level }) => {
            Compression::ZSTD(ZstdLevel::try_new(i32::from(level)).map_err(invalid)?)
        }
    })
}

/// 32 hexadecimal digits from the system's random source.
fn nonce() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Unavailable, format!("the system gives no random numbers: {error}"))
    })?;
    Ok(bytes.iter().fold(String::with_capacity(32), |mut text, byte| {
        // Writing into a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
