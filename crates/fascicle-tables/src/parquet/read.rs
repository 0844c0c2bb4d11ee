//! Reading a part.

use super::{
    COLUMNS_KEY, KEY_PREFIX, MERGED_KEY, NONCE_KEY, PART_KEY, ROWS_BEFORE_KEY, ROWS_KEY, TABLE_KEY,
    columns::decode_columns,
    guard::{corrupt, reading},
    select::{RowsOfInterest, read_page_index},
    write::RowsBefore,
};
use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use fascicle_backend::{Codec, Predicate, Result};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
            ParquetRecordBatchReaderBuilder,
        },
    },
    basic::Compression,
    file::{metadata::ParquetMetaData, reader::ChunkReader},
};
use std::{collections::BTreeSet, sync::Arc};

/// The most rows of a batch, whatever the caller asks for.
const MAX_BATCH_ROWS: usize = 8192;
/// How long a nonce is.
const NONCE_DIGITS: usize = 32;
/// About how many bytes, as the footer counts them, are decoded into one batch.
const TARGET_BATCH_BYTES: u64 = 16 << 20;

/// An open part of which the footer was read.
#[derive(Debug)]
pub struct PartFile<R> {
    reader: R,
    name: String,
    metadata: ArrowReaderMetadata,
    schema: SchemaRef,
    table_schema: SchemaRef,
    rows: u64,
}

impl<R: ChunkReader + 'static> PartFile<R> {
    /// Reads the footer of the file that messages call `name`. Fails with `Corrupt` when it is no whole Parquet file, or
    /// has another number of rows than its writer noted.
    pub fn open(reader: R, name: &str) -> Result<Self> {
        let metadata = reading(name, || ArrowReaderMetadata::load(&reader, ArrowReaderOptions::new()))?;
        let rows = check_layout(metadata.metadata(), reader.len()).map_err(|why| corrupt(name, &why))?;
        let noted = metadata.schema().metadata();
        if let Some(expected) = noted.get(ROWS_KEY)
            && *expected != rows.to_string()
        {
            return Err(corrupt(name, &format!("it holds {rows} rows, its writer noted {expected}")));
        }
        let kept = noted.iter().filter(|(key, _)| !key.starts_with(KEY_PREFIX));
        let kept = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
        let schema = Schema::new_with_metadata(metadata.schema().fields().clone(), kept);
        let schema = Arc::new(schema);
        let table_schema = match noted.get(COLUMNS_KEY) {
            Some(text) => decode_columns(name, text)?,
            None => Arc::clone(&schema),
        };
        Ok(PartFile { reader, name: name.to_owned(), metadata, schema, table_schema, rows })
    }

    /// The columns that the table has with this part; the part itself may lack some of them.
    pub(crate) fn table_schema(&self) -> &SchemaRef {
        &self.table_schema
    }

    /// How its pages are compressed, as far as options can say; levels are not stored.
    pub(crate) fn codec(&self) -> Option<Codec> {
        let column = self.metadata.metadata().row_groups().first()?.columns().first()?;
        match column.compression() {
            Compression::UNCOMPRESSED => Some(Codec::Uncompressed),
            Compression::GZIP(_) => Some(Codec::Gzip { level: 6 }),
            Compression::ZSTD(_) => Some(Codec::Zstd { level: 3 }),
            _ => None,
        }
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The name that messages use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What identifies the part; `None` when another program wrote it.
    pub fn nonce(&self) -> Option<&str> {
        self.noted(NONCE_KEY)
    }

    /// The nonces of the parts whose rows these are: of the last ones that were merged into it, or its own.
    pub(crate) fn nonces(&self) -> Vec<&str> {
        let merged = self.noted(MERGED_KEY).map(|text| {
            let nonces = text.as_bytes().chunks_exact(NONCE_DIGITS).map(std::str::from_utf8);
            nonces.filter_map(Result::ok).collect()
        });
        merged.unwrap_or_else(|| self.nonce().into_iter().collect())
    }

    /// Where the part was meant to stand, if its writer noted that.
    pub fn rows_before(&self) -> Option<RowsBefore> {
        let number = |key| self.noted(key)?.parse().ok();
        Some(RowsBefore { part: number(PART_KEY)?, rows: number(ROWS_BEFORE_KEY)? })
    }

    /// What tells the table that the part belongs to from every other; `None` when its writer did not note it.
    pub fn table(&self) -> Option<&str> {
        self.noted(TABLE_KEY)
    }

    /// What is noted under a key in the footer.
    pub(crate) fn noted(&self, key: &str) -> Option<&str> {
        self.metadata.schema().metadata().get(key).map(String::as_str)
    }

    /// Reads the top-level columns of these names that there are, in the order of the part, and of the rows after the first
    /// `skipped` ones those for which `predicate` holds. A column that it names and that is not there is null.
    ///
    /// Row groups and pages in which, by their statistics, no row is selected are not read; and of columns that the predicate does not
    /// name, only the pages with selected rows.
    pub fn batches<'a>(
        self,
        columns: impl IntoIterator<Item = &'a str>,
        predicate: Option<&Predicate>,
        skipped: u64,
        batch_rows: Option<usize>,
    ) -> Result<PartBatches> {
        let PartFile { reader, name, mut metadata, .. } = self;
        let most = batch_rows
            .unwrap_or(MAX_BATCH_ROWS)
            .min(rows_of_a_batch(metadata.metadata()))
            .clamp(1, MAX_BATCH_ROWS);
        if predicate.is_some() || skipped > 0 {
            metadata = reading(&name, || read_page_index(metadata, &reader))?;
        }
        let interest = RowsOfInterest::new(&metadata, predicate)?;
        let wanted: BTreeSet<&str> = columns.into_iter().collect();
        let reader = reading(&name, || {
            let fields = metadata.schema().fields().iter().enumerate();
            let roots = fields.filter(|(_, field)| wanted.contains(field.name().as_str())).map(|(at, _)| at);
            let projection = ProjectionMask::roots(metadata.parquet_schema(), roots);
            let (row_groups, selection) = interest.select(&metadata, skipped)?;
            let row_filter = interest.row_filter(&metadata);
            let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(reader, metadata)
                .with_projection(projection)
                .with_row_groups(row_groups)
                .with_batch_size(most);
            if let Some(selection) = selection {
                builder = builder.with_row_selection(selection);
            }
            if let Some(row_filter) = row_filter {
                builder = builder.with_row_filter(row_filter);
            }
            builder.build()
        })?;
        Ok(PartBatches { reader: Some(reader), name })
    }
}

/// The batches of a part; nothing comes after an error.
pub struct PartBatches {
    reader: Option<ParquetRecordBatchReader>,
    name: String,
}

impl Iterator for PartBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let reader = self.reader.as_mut()?;
        let batch = reading(&self.name, || reader.next().transpose()).transpose();
        if !matches!(batch, Some(Ok(_))) {
            self.reader = None;
        }
        batch
    }
}

/// The number of rows, or why the footer contradicts itself or the length of the file.
fn check_layout(metadata: &ParquetMetaData, file_bytes: u64) -> std::result::Result<u64, String> {
    let mut rows = 0u64;
    for (position, group) in metadata.row_groups().iter().enumerate() {
        let in_group = u64::try_from(group.num_rows())
            .map_err(|_| format!("row group {position} has {} rows", group.num_rows()))?;
        rows = rows.checked_add(in_group).ok_or("its rows cannot be counted")?;
        for column in group.columns() {
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let end = start.checked_add(column.compressed_size());
            let inside = start >= 0
                && column.compressed_size() >= 0
                && end.and_then(|end| u64::try_from(end).ok()).is_some_and(|end| end <= file_bytes);
            if !inside {
                return Err(format!(
                    "the column {} of row group {position} lies outside of the file of {file_bytes} bytes",
                    column.column_path()
                ));
            }
        }
    }
    let declared = metadata.file_metadata().num_rows();
    if u64::try_from(declared) != Ok(rows) {
        return Err(format!("it declares {declared} rows, its row groups hold {rows}"));
    }
    Ok(rows)
}

/// How many rows make a batch of the intended size, judged by the widest row group.
fn rows_of_a_batch(metadata: &ParquetMetaData) -> usize {
    let groups = metadata.row_groups().iter().filter(|group| group.num_rows() > 0);
    let rows = groups.map(|group| {
        let bytes = u64::try_from(group.total_byte_size()).unwrap_or(0);
        let bytes_per_row = (bytes / group.num_rows().unsigned_abs()).max(1);
        TARGET_BATCH_BYTES / bytes_per_row
    });
    usize::try_from(rows.min().unwrap_or(u64::MAX)).unwrap_or(usize::MAX).max(1)
}
