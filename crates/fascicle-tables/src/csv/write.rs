//! Writing a table as a CSV file.

use super::read::CsvTable;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_csv::{Writer, WriterBuilder};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use fascicle_backend::{Error, ErrorKind, Result};
use std::{
    io::{self, Write},
    sync::Arc,
};

/// A CSV file being written to `W`: UTF-8, line feeds, quotes only where they are needed, nulls as nothing.
///
/// Bools, numbers and text come back when they are read, though narrow numbers come back wide, and dates and times come
/// back as text. Text that looks like a number comes back as one, if all of the column does, and empty text as null.
pub struct CsvWriter<W: Write> {
    writer: Writer<W>,
    /// The columns as they are given, and as they are written.
    schema: SchemaRef,
    written: SchemaRef,
    rows: u64,
}

impl<W: Write> CsvWriter<W> {
    /// Begins a new file of these columns. Fails with `Unsupported`, naming column and type, for bytes, decimals, spans of
    /// time and nested values.
    pub fn create(target: W, schema: &SchemaRef) -> Result<Self> {
        let mut writer = CsvWriter::begin(target, schema, true)?;
        // Also without rows the file has its header.
        let none = RecordBatch::new_empty(Arc::clone(&writer.written));
        writer.writer.write(&none).map_err(failed)?;
        Ok(writer)
    }

    /// Begins a file that holds the rows of `table` and further ones. The file of `table` stays as it is; the caller replaces
    /// it, and keeps other writers away meanwhile.
    ///
    /// Fails with `Mismatch` when the columns are others; columns in which either side has nothing but nulls fit any
    /// type, and integers of any width fit integers.
    pub fn append(table: &CsvTable, mut target: W, schema: &SchemaRef) -> Result<Self> {
        check_columns(table.schema(), schema)?;
        io::copy(&mut table.content(), &mut target)?;
        let mut writer = CsvWriter::begin(target, schema, false)?;
        writer.rows = table.rows();
        Ok(writer)
    }

    fn begin(target: W, schema: &SchemaRef, header: bool) -> Result<Self> {
        let fields = schema.fields().iter().map(|field| {
            written_type(field.data_type())
                .map(|data_type| Field::new(field.name(), data_type, true))
                .ok_or_else(|| {
                    Error::new(
                        ErrorKind::Unsupported,
                        format!(
                            "the column '{}' holds {}, which CSV cannot keep",
                            field.name(),
                            field.data_type()
                        ),
                    )
                    .hint("store the table as Parquet")
                })
        });
        let written = Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?));
        let writer = WriterBuilder::new().with_header(header).build(target);
        Ok(CsvWriter { writer, schema: Arc::clone(schema), written, rows: 0 })
    }

    /// Adds rows of the writer's columns.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        crate::check_same_columns(&self.schema, batch.schema_ref())?;
        let columns = batch.columns().iter().zip(self.written.fields());
        let columns: Vec<ArrayRef> = columns
            .map(|(column, field)| arrow_cast::cast(column, field.data_type()))
            .collect::<std::result::Result<_, _>>()
            .map_err(failed)?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.written), columns, &options);
        let batch = batch.map_err(failed)?;
        self.writer.write(&batch).map_err(failed)?;
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// The rows of the file so far, those that were appended to included.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Gives the target back, which still has to be flushed.
    pub fn finish(self) -> W {
        self.writer.into_inner()
    }
}

/// The type in which values are written; `None` for those that CSV cannot keep.
fn written_type(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Null | DataType::Boolean => data_type.clone(),
        DataType::UInt64 => DataType::UInt64,
        kind if kind.is_integer() => DataType::Int64,
        // As doubles they would show digits that they do not have.
        DataType::Float32 => DataType::Float32,
        DataType::Float16 | DataType::Float64 => DataType::Float64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) => DataType::Utf8,
        DataType::Timestamp(_, _) => DataType::Utf8,
        DataType::Dictionary(_, values) => return written_type(values),
        _ => return None,
    })
}

/// Whether rows of `given` can follow those of a file whose types were inferred to be `stored`.
fn check_columns(stored: &Schema, given: &Schema) -> Result<()> {
    // What either side cannot tell is taken from the other, and what CSV does not tell apart from the file.
    let as_inferred = given.fields().iter().map(|field| {
        let own = field.data_type();
        let Ok(inferred) = stored.field_with_name(field.name()) else { return field.as_ref().clone() };
        let inferred = inferred.data_type();
        let written = written_type(own);
        let fits = match &written {
            _ if inferred == &DataType::Null || own == &DataType::Null => true,
            Some(written) if written.is_integer() => inferred.is_integer(),
            Some(written) if written.is_floating() => inferred.is_floating(),
            Some(written) => written == inferred,
            None => false,
        };
        Field::new(field.name(), if fits { inferred.clone() } else { own.clone() }, true)
    });
    crate::check_same_columns(stored, &Schema::new(as_inferred.collect::<Vec<_>>()))
}

fn failed(error: ArrowError) -> Error {
    let kind = match &error {
        ArrowError::IoError(_, cause) => Error::from(io::Error::from(cause.kind())).kind(),
        _ => ErrorKind::InvalidInput,
    };
    Error::new(kind, format!("the rows cannot be written as CSV: {error}")).caused_by(error)
}
