//! Files of tables that other programs write and read: CSV, TSV, JSON, JSON lines, Parquet and Arrow.
//!
//! ```
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let (csv, json) = (folder.path().join("cells.csv"), folder.path().join("cells.jsonl"));
//! use fascicle::exchange::{FileFormat, ReadOptions, export, import, parse_types};
//!
//! std::fs::write(&csv, "id,name,price\n1,007,0.10\n2,NA,\n")?;
//! let cells = fascicle::open("memory:exchange-example").await?.dir("cells")?;
//! let options = ReadOptions { types: parse_types("price=decimal(10, 2)")?, ..ReadOptions::default() };
//! assert_eq!(import(&cells, "t", &csv, &options).await?, 2); // id: int64, name: text, price: decimal
//!
//! let table = cells.table("t").await?;
//! let rows = table.scan(&Default::default()).await?;
//! export(table.schema(), rows, FileFormat::JsonLines, std::fs::File::create(&json)?).await?;
//! assert!(std::fs::read_to_string(&json)?.starts_with(r#"{"id":1,"name":"007","price":"#));
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::arrow::array::RecordBatch;
use crate::arrow::schema::SchemaRef;
use crate::{Directory, Error, ErrorKind, Result, TableOptions, WriteMode};
use fascicle_backend::BatchStream;
use futures::TryStreamExt;
use std::io::Write;
use std::path::Path;

pub use fascicle_exchange::{
    FileFormat, ReadOptions, TableFile, TableFileWriter, is_guarded, parse_type, parse_types,
};

/// Rows of about so many bytes are appended at once.
const APPEND_BYTES: usize = 256 << 20;

/// Stores the rows of a file as the table `name`, replacing a table that is there, and returns how many they are. The table
/// appears as a whole.
///
/// Opening the file blocks the thread, for as long as inferring its types takes; the rows are then read on blocking threads.
/// Fails as [`TableFile::open`] and [`Directory::create_table`] do, and then leaves what was there.
pub async fn import(
    directory: &Directory,
    name: &str,
    file: impl AsRef<Path>,
    options: &ReadOptions,
) -> Result<u64> {
    let file = TableFile::open(file, options)?;
    import_with(directory, name, file, &TableOptions::default(), WriteMode::Overwrite).await
}

/// Stores the rows of an opened file with storage options and a write mode.
pub async fn import_with(
    directory: &Directory,
    name: &str,
    file: TableFile,
    options: &TableOptions,
    mode: WriteMode,
) -> Result<u64> {
    let mut writer = directory.create_table(name, file.schema().clone(), options, mode).await?;
    let mut batches = file.into_stream();
    while let Some(batch) = batches.try_next().await? {
        writer.write(batch).await?;
    }
    writer.finish().await
}

/// Adds the rows of a file to the table `name` and returns how many it has now; creates it when there is none. Types that the file
/// does not say are those of the stored columns.
///
/// Rows of up to 256 MiB appear all at once, more of them in parts of that size. Opening the file blocks, as in [`import`]. Fails as [`TableFile::open`] and
/// [`Directory::append_table`] do.
pub async fn append(
    directory: &Directory,
    name: &str,
    file: impl AsRef<Path>,
    options: &ReadOptions,
) -> Result<u64> {
    let stored = match directory.table(name).await {
        Ok(table) => Some(table.schema().clone()),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error),
    };
    let options = ReadOptions { stored, ..options.clone() };
    append_with(directory, name, TableFile::open(file, &options)?).await
}

/// Adds the rows of an opened file.
pub async fn append_with(directory: &Directory, name: &str, file: TableFile) -> Result<u64> {
    let schema = file.schema().clone();
    let mut batches = file.into_stream();
    let (mut held, mut held_bytes, mut total) = (Vec::new(), 0, None);
    loop {
        let batch: Option<RecordBatch> = batches.try_next().await?;
        let is_end = batch.is_none();
        if let Some(batch) = batch {
            held_bytes += batch.get_array_memory_size();
            held.push(batch);
        }
        // Without any row the columns still have to fit, and the table is created when there is none.
        if held_bytes >= APPEND_BYTES || is_end && (!held.is_empty() || total.is_none()) {
            let joined = arrow_select::concat::concat_batches(&schema, &held).map_err(|error| {
                Error::new(ErrorKind::LimitExceeded, "the rows do not fit into one batch").caused_by(error)
            })?;
            total = Some(directory.append_table(name, &joined).await?);
            held.clear();
            held_bytes = 0;
        }
        if is_end {
            return Ok(total.unwrap_or(0));
        }
    }
}

/// Writes rows as a file of a format: those of a [scan](crate::Table::scan), of
/// [all arrays of a directory](Directory::to_table_stream) or of a query. The target's writes block.
///
/// Fails as reading does, and with [`ErrorKind::Unsupported`] for types that the format does not have; the target then holds a
/// part of the file.
pub async fn export(
    schema: &SchemaRef,
    mut rows: BatchStream,
    format: FileFormat,
    target: impl Write + Send,
) -> Result<()> {
    let mut writer = TableFileWriter::create(target, format, schema)?;
    while let Some(batch) = rows.try_next().await? {
        writer.write(&batch)?;
    }
    writer.finish()
}
