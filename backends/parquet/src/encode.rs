//! Writing parts.

use crate::{
    array_type::ArrayType,
    column,
    footer::{NOTE_KEY, Note},
    manifest::Manifest,
};
use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;
use fascicle_backend::{Codec, DType, Error, ErrorKind, Result, Values};
use fascicle_tables::{compression, writing_file};
use parquet::{
    arrow::ArrowWriter,
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::{EnabledStatistics, WriterProperties},
    },
};
use std::sync::{Arc, Mutex, PoisonError};

/// No row group of text is longer, about, as its length is not known before.
const MOST_TEXT_BYTES: usize = 32 << 20;
/// About how many bytes are handed to the library at a time.
const BATCH_BYTES: u64 = 4 << 20;
/// How many values the library writes before it looks at the length of the page.
const VALUES_AT_A_TIME: usize = 1024;

/// How the parts of one array are written.
#[derive(Clone, Debug)]
pub(crate) struct Encoding {
    pub(crate) array: ArrayType,
    schema: SchemaRef,
    chunk_rows: u64,
    codec: Codec,
}

impl Encoding {
    /// Errors: `LimitExceeded` for rows that are too long; `InvalidInput` for a level that does not exist.
    pub(crate) fn new(
        array: &ArrayType,
        axes: Option<&[String]>,
        chunk_rows: u64,
        codec: Codec,
    ) -> Result<Self> {
        compression(Some(codec))?;
        let schema = Arc::new(Schema::new(vec![column::field(array, axes)?]));
        Ok(Encoding { array: array.clone(), schema, chunk_rows, codec })
    }

    /// How parts are added to an array.
    pub(crate) fn of(manifest: &Manifest) -> Result<Self> {
        Encoding::new(&manifest.array, manifest.axes.as_deref(), manifest.chunk_rows, manifest.codec)
    }

    fn properties(&self) -> Result<WriterProperties> {
        let is_text = self.array.dtype == DType::Text;
        let wide = self.array.dtype.fixed_bytes().map_or(1, |width| (1 << 20) / width.max(1));
        let rows = usize::try_from(self.chunk_rows).unwrap_or(usize::MAX);
        Ok(WriterProperties::builder()
            .set_compression(compression(Some(self.codec))?)
            .set_dictionary_enabled(is_text)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_write_batch_size(VALUES_AT_A_TIME.min(wide).max(1))
            .set_max_row_group_row_count(Some(rows))
            .set_max_row_group_bytes(is_text.then_some(MOST_TEXT_BYTES))
            .set_created_by(concat!("fascicle ", env!("CARGO_PKG_VERSION")).to_owned())
            .build())
    }

    /// How many bytes of rows a part of about `part_bytes` holds: whole row groups.
    pub(crate) fn part_rows(&self, part_bytes: u64) -> u64 {
        let group_bytes = self.chunk_rows.saturating_mul(self.array.row_bytes());
        (part_bytes / group_bytes.max(1)).max(1).saturating_mul(self.chunk_rows)
    }
}

/// One part that is being written, in memory.
pub(crate) struct PartEncoder {
    encoding: Encoding,
    /// Never locked: it makes the encoder one that threads may share a reference to.
    writer: Box<Mutex<ArrowWriter<Vec<u8>>>>,
    rows: u64,
    /// The bytes of all text.
    text_bytes: u64,
}

impl PartEncoder {
    pub(crate) fn new(encoding: &Encoding) -> Result<Self> {
        let (schema, properties) = (Arc::clone(&encoding.schema), encoding.properties()?);
        let writer = writing_file(|| ArrowWriter::try_new(Vec::new(), schema, Some(properties)))?;
        Ok(PartEncoder {
            encoding: encoding.clone(),
            writer: Box::new(Mutex::new(writer)),
            rows: 0,
            text_bytes: 0,
        })
    }

    /// Adds `rows` rows, the first of which is row `from` of `values`.
    pub(crate) fn write(&mut self, values: &Values, from: u64, rows: u64) -> Result<()> {
        let array = &self.encoding.array;
        let (row_elements, mut at) = (array.row_elements(), from);
        let batch_rows = (BATCH_BYTES / array.row_bytes()).max(1);
        let end = from.saturating_add(rows);
        while at < end {
            let next = end.min(at.saturating_add(batch_rows));
            let element = |row: u64| usize::try_from(row.saturating_mul(row_elements)).unwrap_or(usize::MAX);
            let range = element(at)..element(next);
            if let Some(texts) = values.as_text().and_then(|texts| texts.get(range.clone())) {
                self.text_bytes += texts.iter().map(|text| text.len() as u64).sum::<u64>();
            }
            let in_batch = usize::try_from(next - at).unwrap_or(usize::MAX);
            let column = column::to_arrow(array, in_batch, values, range)?;
            let batch = RecordBatch::try_new(Arc::clone(&self.encoding.schema), vec![column])
                .map_err(|error| Error::new(ErrorKind::Internal, "rows make no batch").caused_by(error))?;
            let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner);
            writing_file(|| writer.write(&batch))?;
            at = next;
        }
        self.rows += rows;
        Ok(())
    }

    /// The rows so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// The bytes of text so far.
    pub(crate) fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// The file, which holds the part at `position` after `rows_before` rows.
    pub(crate) fn finish(mut self, position: u64, rows_before: u64) -> Result<Bytes> {
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner);
        writing_file(|| {
            writer.flush()?;
            writer.sync().map_err(ParquetError::from)
        })?;
        let written = writer.inner();
        let checksums = writer.flushed_row_groups().iter().map(|group| {
            let column = group.columns().first()?;
            let (start, bytes) = column.byte_range();
            let start = usize::try_from(start).ok()?;
            let end = start.checked_add(usize::try_from(bytes).ok()?)?;
            Some(crc32c::crc32c(written.get(start..end)?))
        });
        let checksums = checksums.collect::<Option<Vec<u32>>>().ok_or_else(|| {
            Error::new(ErrorKind::Internal, "a row group does not lie where the library says")
        })?;
        let note =
            Note { array: self.encoding.array.clone(), position, rows: self.rows, rows_before, checksums };
        self.finish_with(NOTE_KEY, note.to_json())
    }

    /// The file, with a value of its own in the footer.
    pub(crate) fn finish_with(self, key: &str, value: String) -> Result<Bytes> {
        let mut writer = self.writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        writing_file(|| writer.into_inner()).map(Bytes::from)
    }
}
