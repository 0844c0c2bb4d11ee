//! Reading a file of a table.

use crate::FileFormat;
use crate::csv::open_csv;
use crate::guard::reading;
use crate::json::open_json;
use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use fascicle_backend::{BatchStream, Error, ErrorKind, Result};
use fascicle_tables::stream_of_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::ParquetMetaData;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;
use std::sync::Arc;

/// The most rows of a batch, and about how many bytes.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: u64 = 16 << 20;

/// Batches as they are read.
pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// How a file is read. The default goes by the ending of its name and infers what it does not say.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The format; `None` is the one of the name's ending.
    pub format: Option<FileFormat>,
    /// Text that stands for null in CSV and TSV, besides empty cells.
    pub null: Option<String>,
    /// The types of columns of CSV, TSV and JSON; those of others are inferred. See [`parse_types`](crate::parse_types).
    pub types: Vec<(String, DataType)>,
    /// The columns of a table that the rows are to fit: types are taken from here before they are inferred.
    pub stored: Option<SchemaRef>,
}

/// A file of a table: its columns are known, its rows are read batch by batch. Everything blocks.
pub struct TableFile {
    schema: SchemaRef,
    batches: Batches,
}

impl TableFile {
    /// Opens the file at `path`. Types that are inferred make it be read once beforehand.
    ///
    /// Errors name the file: [`ErrorKind::NotFound`]; [`ErrorKind::Unsupported`] for a format that is not known and a type that the
    /// format does not have; [`ErrorKind::Corrupt`], with the line where there are lines; [`ErrorKind::InvalidInput`] for columns of
    /// one name and types for columns that are not there; [`ErrorKind::Mismatch`] for JSON of several kinds in one column. The
    /// batches fail likewise, and end then.
    pub fn open(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let open = || {
            let Some(format) = options.format.or_else(|| FileFormat::of_path(path)) else {
                return Err(Error::new(ErrorKind::Unsupported, "its ending tells no format of tables")
                    .hint("name the format"));
            };
            TableFile::from_file(File::open(path).map_err(Error::from)?, &name, format, options)
        };
        open().map_err(|error| located(error, &name))
    }

    /// The same for an open file that messages call `name` and that can be read from any position.
    pub fn from_file(file: File, name: &str, format: FileFormat, options: &ReadOptions) -> Result<Self> {
        let open = || match format {
            FileFormat::Csv => open_csv(file, b',', options),
            FileFormat::Tsv => open_csv(file, b'\t', options),
            FileFormat::Json | FileFormat::JsonLines => open_json(file, options),
            FileFormat::Parquet => open_parquet(file),
            FileFormat::Arrow => open_arrow(file),
        };
        let (schema, batches) = open().map_err(|error| located(error, name))?;
        // What pandas and others note about the whole table means nothing once rows are added to it.
        let schema = Arc::new(Schema::new(schema.fields().clone()));
        let (name, columns) = (name.to_owned(), Arc::clone(&schema));
        let batches = batches.map(move |batch| {
            let batch = batch.and_then(|batch| {
                batch.with_schema(Arc::clone(&columns)).map_err(|error| {
                    Error::new(ErrorKind::Corrupt, "a batch has other columns than the file").caused_by(error)
                })
            });
            batch.map_err(|error| located(error, &name))
        });
        Ok(TableFile { schema, batches: Box::new(batches) })
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows as a stream that reads each batch on a blocking thread.
    pub fn into_stream(self) -> BatchStream {
        stream_of_batches(self.batches)
    }
}

impl Iterator for TableFile {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batches.next()
    }
}

impl fmt::Debug for TableFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableFile").field("schema", &self.schema).finish_non_exhaustive()
    }
}

fn located(error: Error, name: &str) -> Error {
    error.during("read file").at(name)
}

fn open_parquet(file: File) -> Result<(SchemaRef, Batches)> {
    let builder = reading(|| ParquetRecordBatchReaderBuilder::try_new(file))?;
    let schema = Arc::clone(builder.schema());
    let batch_rows = rows_of_a_batch(builder.metadata());
    let reader = reading(|| builder.with_batch_size(batch_rows).build())?;
    Ok((schema, guarded(reader)))
}

/// How many rows make a batch of the intended size, judged by the widest row group.
fn rows_of_a_batch(metadata: &ParquetMetaData) -> usize {
    let groups = metadata.row_groups().iter().filter(|group| group.num_rows() > 0);
    let rows = groups.map(|group| {
        let bytes = u64::try_from(group.total_byte_size()).unwrap_or(0);
        BATCH_BYTES / (bytes / group.num_rows().unsigned_abs()).max(1)
    });
    rows.min().and_then(|rows| usize::try_from(rows).ok()).unwrap_or(BATCH_ROWS).clamp(1, BATCH_ROWS)
}

/// Opens an Arrow file or stream; Feather of version 2 is such a file.
fn open_arrow(mut file: File) -> Result<(SchemaRef, Batches)> {
    let mut magic = Vec::new();
    file.by_ref().take(6).read_to_end(&mut magic).map_err(Error::from)?;
    file.rewind().map_err(Error::from)?;
    if magic.starts_with(b"FEA1") {
        return Err(Error::new(ErrorKind::Unsupported, "this is version 1 of the Feather format")
            .hint("write it again with a newer version, which is the default everywhere since 2020"));
    }
    if magic.starts_with(b"ARROW1") {
        let reader = reading(|| FileReader::try_new(BufReader::new(file), None))?;
        return Ok((reader.schema(), guarded(reader)));
    }
    let reader = reading(|| StreamReader::try_new(BufReader::new(file), None))?;
    Ok((reader.schema(), guarded(reader)))
}

fn guarded<I>(mut reader: I) -> Batches
where
    I: Iterator<Item = Result<RecordBatch, ArrowError>> + Send + 'static,
{
    let mut ended = false;
    Box::new(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let batch = reading(|| reader.next().transpose()).transpose();
        ended = !matches!(batch, Some(Ok(_)));
        batch
    }))
}
