//! Reading a file of a table.

use super::csv::{Batches, open_csv};
use super::guard::reading;
use crate::format::Format;
use arrow_ipc::reader::{FileReader, StreamReader};
use fascicle::arrow::schema::{Schema, SchemaRef};
use fascicle::{Error, ErrorKind, Result};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::io::{BufReader, Read, Seek};

/// The rows of a file, batch by batch.
pub(crate) struct TableSource {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Batches,
}

/// Opens a file that can be read from any position. In CSV, columns that `stored` has are of the types they have there, and
/// cells that equal `null` are null.
pub(crate) fn open_table(
    file: File,
    format: Format,
    null: Option<&str>,
    stored: Option<&Schema>,
) -> Result<TableSource> {
    let (schema, batches) = match format {
        Format::Csv => open_csv(file, null, stored)?,
        Format::Parquet => {
            let builder = reading(|| ParquetRecordBatchReaderBuilder::try_new(file))?;
            let schema = builder.schema().clone();
            (schema, guarded(reading(|| builder.build())?))
        }
        Format::Arrow => open_arrow(file)?,
        Format::Npy | Format::Bytes => return Err(format.refuse(fascicle::EntryKind::Table)),
    };
    // What pandas and others note about the whole table means nothing once rows are added to it.
    let schema = std::sync::Arc::new(Schema::new(schema.fields().clone()));
    let batches = {
        let schema = SchemaRef::clone(&schema);
        batches.map(move |batch| {
            batch?.with_schema(SchemaRef::clone(&schema)).map_err(|error| {
                Error::new(ErrorKind::Corrupt, "a batch has other columns than the file").caused_by(error)
            })
        })
    };
    Ok(TableSource { schema, batches: Box::new(batches) })
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
    I: Iterator<Item = Result<fascicle::arrow::array::RecordBatch, fascicle::arrow::schema::ArrowError>>
        + 'static,
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
