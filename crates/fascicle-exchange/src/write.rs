//! Writing a file of a table.

use crate::FileFormat;
use crate::guard::writing;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_ipc::writer::FileWriter;
use arrow_json::writer::LineDelimited;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use fascicle_backend::{Error, Result};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::io::Write;
use std::sync::Arc;

/// The most bytes of a row group of Parquet, which is held in memory until it is complete.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// A file of a table being written to `W`. Everything blocks.
///
/// CSV and TSV say nested values as text, and neither tells empty text from null; JSON says NaN and infinities as null, bytes in
/// hexadecimal digits and times as text. Parquet is compressed with zstd. Parquet and Arrow keep every type that they have.
pub struct TableFileWriter<W: Write + Send>(Form<W>);

enum Form<W: Write + Send> {
    Csv { target: W, delimiter: u8 },
    Json { target: W, is_list: bool, is_empty: bool },
    Parquet(Box<ArrowWriter<W>>),
    Arrow(Box<FileWriter<W>>),
}

impl<W: Write + Send> TableFileWriter<W> {
    /// Begins a file of these columns. Fails with [`Unsupported`](fascicle_backend::ErrorKind::Unsupported) for types that the format
    /// does not have.
    pub fn create(mut target: W, format: FileFormat, schema: &SchemaRef) -> Result<Self> {
        let none = || RecordBatch::new_empty(SchemaRef::clone(schema));
        Ok(TableFileWriter(match format {
            FileFormat::Csv | FileFormat::Tsv => {
                let delimiter = if format == FileFormat::Csv { b',' } else { b'\t' };
                // The header line, also of a table without rows.
                write_csv(&mut target, &none(), delimiter, true)?;
                Form::Csv { target, delimiter }
            }
            FileFormat::Json | FileFormat::JsonLines => {
                let is_list = format == FileFormat::Json;
                json_lines(&none())?;
                if is_list {
                    target.write_all(b"[").map_err(Error::from)?;
                }
                Form::Json { target, is_list, is_empty: true }
            }
            FileFormat::Parquet => {
                let level = writing(|| ZstdLevel::try_new(3))?;
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(level))
                    .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
                    .build();
                let writer =
                    writing(|| ArrowWriter::try_new(target, SchemaRef::clone(schema), Some(properties)))?;
                Form::Parquet(Box::new(writer))
            }
            FileFormat::Arrow => Form::Arrow(Box::new(writing(|| FileWriter::try_new(target, schema))?)),
        }))
    }

    /// Adds rows.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.0 {
            Form::Csv { target, delimiter } => write_csv(target, batch, *delimiter, false),
            Form::Json { .. } if batch.num_rows() == 0 => Ok(()),
            Form::Json { target, is_list: false, .. } => {
                target.write_all(&json_lines(batch)?).map_err(Error::from)
            }
            Form::Json { target, is_empty, .. } => {
                let lines = json_lines(batch)?;
                // Text within a line has no line breaks of its own.
                for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    target.write_all(if *is_empty { b"\n" } else { b",\n" }).map_err(Error::from)?;
                    target.write_all(line).map_err(Error::from)?;
                    *is_empty = false;
                }
                Ok(())
            }
            Form::Parquet(writer) => writing(|| writer.write(batch)),
            Form::Arrow(writer) => writing(|| writer.write(batch)),
        }
    }

    /// Completes the file.
    pub fn finish(self) -> Result<()> {
        match self.0 {
            Form::Csv { .. } | Form::Json { is_list: false, .. } => Ok(()),
            Form::Json { mut target, is_empty, .. } => {
                target.write_all(if is_empty { b"]\n" } else { b"\n]\n" }).map_err(Error::from)
            }
            Form::Parquet(writer) => writing(|| writer.close()).map(|_| ()),
            Form::Arrow(mut writer) => writing(|| writer.finish()),
        }
    }
}

/// An object on each line, by way of memory: the library would tell a failure of the target in words only.
fn json_lines(batch: &RecordBatch) -> Result<Vec<u8>> {
    writing(|| {
        let builder = arrow_json::WriterBuilder::new().with_explicit_nulls(true);
        let mut writer = builder.build::<_, LineDelimited>(Vec::new());
        writer.write(batch)?;
        writer.finish()?;
        Ok::<_, ArrowError>(writer.into_inner())
    })
}

fn write_csv(target: &mut impl Write, batch: &RecordBatch, delimiter: u8, header: bool) -> Result<()> {
    let mut text = Vec::new();
    let builder = arrow_csv::WriterBuilder::new().with_header(header).with_delimiter(delimiter);
    writing(|| builder.build(&mut text).write(&flat(batch)?))?;
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
