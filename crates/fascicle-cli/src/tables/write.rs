//! Writing a file of a table.

use super::guard::writing;
use crate::format::Format;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_ipc::writer::FileWriter;
use fascicle::arrow::array::{Array, ArrayRef, RecordBatch, StringArray};
use fascicle::arrow::schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use fascicle::{EntryKind, Error, Result};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::io::Write;
use std::sync::Arc;

/// A file of a table being written.
pub(crate) enum TableWriter<W: Write + Send> {
    /// With a header line; nested values are text.
    Csv(W),
    /// Compressed with zstd.
    Parquet(Box<ArrowWriter<W>>),
    /// The file form.
    Arrow(Box<FileWriter<W>>),
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins a file.
    pub(crate) fn create(mut target: W, format: Format, schema: &SchemaRef, kind: EntryKind) -> Result<Self> {
        match format {
            Format::Csv => {
                // The header line, also of a table without rows.
                write_csv(&mut target, &RecordBatch::new_empty(SchemaRef::clone(schema)), true)?;
                Ok(TableWriter::Csv(target))
            }
            Format::Parquet => {
                let level = writing(|| ZstdLevel::try_new(3))?;
                let properties =
                    WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
                let writer =
                    writing(|| ArrowWriter::try_new(target, SchemaRef::clone(schema), Some(properties)))?;
                Ok(TableWriter::Parquet(Box::new(writer)))
            }
            Format::Arrow => {
                Ok(TableWriter::Arrow(Box::new(writing(|| FileWriter::try_new(target, schema))?)))
            }
            Format::Npy | Format::Bytes => Err(format.refuse(kind)),
        }
    }

    /// Adds rows.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            TableWriter::Csv(target) => write_csv(target, batch, false),
            TableWriter::Parquet(writer) => writing(|| writer.write(batch)),
            TableWriter::Arrow(writer) => writing(|| writer.write(batch)),
        }
    }

    /// Completes the file.
    pub(crate) fn finish(self) -> Result<()> {
        match self {
            TableWriter::Csv(_) => Ok(()),
            TableWriter::Parquet(writer) => writing(|| writer.close()).map(|_| ()),
            TableWriter::Arrow(mut writer) => writing(|| writer.finish()),
        }
    }
}

/// Writes a batch by way of memory: the library would tell a failure of the target in words only.
fn write_csv(target: &mut impl Write, batch: &RecordBatch, header: bool) -> Result<()> {
    let mut text = Vec::new();
    writing(|| arrow_csv::WriterBuilder::new().with_header(header).build(&mut text).write(&flat(batch)?))?;
    target.write_all(&text).map_err(Error::from)
}

/// The batch with nested values as text, which is all that CSV can say of them.
fn flat(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    if !batch.columns().iter().any(|column| column.data_type().is_nested()) {
        return Ok(batch.clone());
    }
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
        if !column.data_type().is_nested() {
            return Ok((field.as_ref().clone(), ArrayRef::clone(column)));
        }
        let formatter = ArrayFormatter::try_new(column, &FormatOptions::default())?;
        let cell = |row| match column.is_null(row) {
            true => Ok(None),
            false => formatter.value(row).try_to_string().map(Some),
        };
        let text: StringArray = (0..column.len()).map(cell).collect::<Result<Vec<_>, _>>()?.into();
        Ok((Field::new(field.name(), DataType::Utf8, true), Arc::new(text) as ArrayRef))
    });
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) =
        columns.collect::<Result<Vec<_>, ArrowError>>()?.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}
