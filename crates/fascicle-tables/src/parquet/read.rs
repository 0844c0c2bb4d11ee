//! Reading a part.

use super::{
    KEY_PREFIX, NONCE_KEY, PART_KEY, ROWS_BEFORE_KEY, ROWS_KEY, TABLE_KEY,
    guard::{corrupt, reading},
    select::RowSelector,
    write::RowsBefore,
};
use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use fascicle_backend::{Predicate, Result};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
            ParquetRecordBatchReaderBuilder,
        },
    },
    errors::ParquetError,
    file::{metadata::ParquetMetaData, reader::ChunkReader},
};
use std::{collections::BTreeSet, sync::Arc};

/// The most rows of a batch, whatever the caller asks for.
const MAX_BATCH_ROWS: usize = 8192;
/// About how many bytes, as the footer counts them, are decoded into one batch.
const TARGET_BATCH_BYTES: u64 = 16 << 20;

/// An open part of which the footer was read.
#[derive(Debug)]
pub struct PartFile<R> {
    reader: R,
    name: String,
    metadata: ArrowReaderMetadata,
    schema: SchemaRef,
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
        Ok(PartFile { reader, name: name.to_owned(), metadata, schema: Arc::new(schema), rows })
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

    /// Where the part was meant to stand, if its writer noted that.
    pub fn rows_before(&self) -> Option<RowsBefore> {
        let number = |key| self.noted(key)?.parse().ok();
        Some(RowsBefore { part: number(PART_KEY)?, rows: number(ROWS_BEFORE_KEY)? })
    }

    /// What tells the table that the part belongs to from every other; `None` when its writer did not note it.
    pub fn table(&self) -> Option<&str> {
        self.noted(TABLE_KEY)
    }

    fn noted(&self, key: &str) -> Option<&str> {
        self.metadata.schema().metadata().get(key).map(String::as_str)
    }

    /// Reads the top-level columns of these names that there are, in the order of the part, and of the rows those for which
    /// `predicate` holds; see [`Filter::of_part`](crate::Filter). The first `skipped` rows are left out; there are none when there is
    /// a predicate.
    pub fn batches<'a>(
        self,
        columns: impl IntoIterator<Item = &'a str>,
        predicate: Option<&Predicate>,
        skipped: u64,
        batch_rows: Option<usize>,
    ) -> Result<PartBatches> {
        let PartFile { reader, name, metadata, rows, .. } = self;
        let most = batch_rows
            .unwrap_or(MAX_BATCH_ROWS)
            .min(rows_of_a_batch(metadata.metadata()))
            .clamp(1, MAX_BATCH_ROWS);
        let wanted: BTreeSet<&str> = columns.into_iter().collect();
        let filter = predicate.map(|predicate| RowSelector::new(&metadata, predicate)).transpose()?;
        let row_groups = match &filter {
            Some(filter) => reading(&name, || filter.row_groups(&metadata))?,
            None => (0..metadata.metadata().num_row_groups()).collect(),
        };
        let reader = reading(&name, || {
            let fields = metadata.schema().fields().iter().enumerate();
            let roots = fields.filter(|(_, field)| wanted.contains(field.name().as_str())).map(|(at, _)| at);
            let projection = ProjectionMask::roots(metadata.parquet_schema(), roots);
            let row_filter = filter.map(|filter| filter.row_filter(&metadata));
            let offset =
                usize::try_from(skipped.min(rows)).map_err(|_| ParquetError::EOF("rows".to_owned()))?;
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(reader, metadata)
                .with_projection(projection)
                .with_row_groups(row_groups)
                .with_offset(offset)
                .with_batch_size(most);
            match row_filter {
                Some(row_filter) => builder.with_row_filter(row_filter).build(),
                None => builder.build(),
            }
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
