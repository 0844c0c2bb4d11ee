//! Reading a CSV file as a table.

use super::infer::{Evidence, parse_bool, parse_float};
use crate::{Scan, ScannedBatches};
use arrow_array::{
    ArrayRef, NullArray, RecordBatch, RecordBatchOptions,
    builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, UInt64Builder},
};
use arrow_cast::cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use csv::{ByteRecord, ReaderBuilder};
use fascicle_backend::{Error, ErrorKind, Result, ScanOptions, TableDescription};
use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The longest row: a quote that is never closed would otherwise take the rest of the file into memory.
const MAX_ROW_BYTES: u64 = 64 << 20;
/// The most columns.
const MAX_COLUMNS: usize = 100_000;
const MAX_BATCH_ROWS: usize = 8192;
const MAX_BATCH_BYTES: usize = 16 << 20;

/// A CSV file whose types were inferred or given. Calls block.
#[derive(Debug)]
pub struct CsvTable {
    file: Arc<File>,
    name: String,
    schema: SchemaRef,
    is_inferred: bool,
    rows: u64,
    stored_bytes: u64,
}

impl CsvTable {
    /// Reads the whole file that messages call `name` once, to infer the types. Memory: one row. Fails with `Corrupt`,
    /// naming the line, for text that is not UTF-8, rows of different lengths, columns of the same name and rows of more than
    /// 64 MiB.
    pub fn open(file: File, name: &str) -> Result<Self> {
        let stored_bytes = file.metadata()?.len();
        let file = Arc::new(file);
        let mut rows = Rows::begin(&file, name)?;
        let mut evidence = vec![Evidence::default(); rows.header.len()];
        let mut count = 0;
        while let Some(record) = rows.next()? {
            for (column, value) in evidence.iter_mut().zip(record.iter()) {
                column.add(text(value, name, record)?);
            }
            count += 1;
        }
        let fields = rows.header.iter().zip(&evidence);
        let fields = fields.map(|(column, evidence)| Field::new(column, evidence.data_type(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(CsvTable { file, name: name.to_owned(), schema, is_inferred: true, rows: count, stored_bytes })
    }

    /// Takes the file that messages call `name` for a table of the columns of `schema`, and reads it once to see whether it is one.
    ///
    /// - The header names the same columns in the same order. Values are parsed as the types of their columns; what text does not cast
    ///   to, as lists, cannot be given. An empty value is null.
    /// - Errors: `Mismatch` for other columns; `Unsupported` for a type that text does not cast to; `Corrupt`, naming the line, for a
    ///   value that does not parse, a missing one in a column that is not nullable, and as [`CsvTable::open`].
    pub fn open_as(file: File, name: &str, schema: &SchemaRef) -> Result<Self> {
        let castable = |field: &&Arc<Field>| !arrow_cast::can_cast_types(&DataType::Utf8, field.data_type());
        if let Some(field) = schema.fields().iter().find(castable) {
            let why =
                format!("the column '{}' holds {}, which CSV cannot hold", field.name(), field.data_type());
            return Err(Error::new(ErrorKind::Unsupported, why));
        }
        let stored_bytes = file.metadata()?.len();
        let file = Arc::new(file);
        let header = Rows::begin(&file, name)?.header;
        if !header.iter().eq(schema.fields().iter().map(|field| field.name())) {
            let wanted: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            let why = format!(
                "the file '{name}' has the columns [{}] and not [{}]",
                header.join(", "),
                wanted.join(", ")
            );
            return Err(Error::new(ErrorKind::Mismatch, why));
        }
        let mut table = CsvTable {
            file,
            name: name.to_owned(),
            schema: Arc::clone(schema),
            is_inferred: false,
            rows: 0,
            stored_bytes,
        };
        let mut rows = 0;
        for batch in table.scan(&ScanOptions::default())? {
            rows += batch?.num_rows() as u64;
        }
        table.rows = rows;
        Ok(table)
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What is known of the table.
    pub fn describe(&self) -> TableDescription {
        TableDescription {
            schema: Arc::clone(&self.schema),
            rows: self.rows,
            parts: 1,
            stored_bytes: self.stored_bytes,
            format: "csv",
        }
    }

    /// Reads the rows that `options` ask for. Memory: one batch. Fails with `InvalidInput` as [`Scan::new`] does; the
    /// iterator fails with `Conflict` when the file is changed meanwhile.
    pub fn scan(&self, options: &ScanOptions) -> Result<ScannedBatches<CsvBatches>> {
        let scan = Scan::new(&self.schema, options)?;
        let rows = Rows::begin(&self.file, &self.name)?;
        let given = (!self.is_inferred).then(|| Arc::clone(&self.schema));
        let texts = |field: &Arc<Field>| Field::new(field.name(), DataType::Utf8, true);
        let schema = match &given {
            Some(schema) => Arc::new(Schema::new(schema.fields().iter().map(texts).collect::<Vec<_>>())),
            None => Arc::clone(&self.schema),
        };
        Ok(scan.apply(CsvBatches { rows, schema, given, line: 0, done: false }))
    }

    /// The bytes of the file from its beginning, ended by a line feed.
    pub(super) fn content(&self) -> impl Read {
        let mut last = [b'\n'];
        let at = self.stored_bytes.saturating_sub(1);
        let ends_well = matches!(self.file.read_at(&mut last, at), Ok(1)) && last == [b'\n'];
        let whole = FromStart::new(&self.file).take(self.stored_bytes);
        whole.chain(if ends_well { &b""[..] } else { b"\n" })
    }
}

/// The batches of a CSV file, see [`CsvTable::scan`].
pub struct CsvBatches {
    rows: Rows,
    /// The columns as they are read.
    schema: SchemaRef,
    /// What they are parsed as then, unless their types were inferred.
    given: Option<SchemaRef>,
    /// The line on which the last row begins.
    line: u64,
    done: bool,
}

impl CsvBatches {
    /// Parses texts as the types that were given; `first_line` is that of the first row.
    fn parse(&self, texts: RecordBatch, first_line: u64) -> Result<RecordBatch> {
        let Some(schema) = &self.given else { return Ok(texts) };
        let name = &self.rows.name;
        let strictly = CastOptions { safe: false, ..CastOptions::default() };
        let columns = texts.columns().iter().zip(schema.fields()).map(|(column, field)| {
            if !field.is_nullable() && column.null_count() > 0 {
                let why = format!(
                    "there is no value for '{}', which is not nullable, between the lines {first_line} and {}",
                    field.name(),
                    self.line
                );
                return Err(corrupt(name, &why));
            }
            cast_with_options(column, field.data_type(), &strictly).map_err(|error| {
                let why = format!(
                    "a value of '{}' between the lines {first_line} and {} is no {}: {error}",
                    field.name(),
                    self.line,
                    field.data_type()
                );
                corrupt(name, &why).caused_by(error)
            })
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(texts.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(|error| {
            Error::new(ErrorKind::Internal, "the rows do not fit the given columns").caused_by(error)
        })
    }

    fn read(&mut self) -> Result<Option<RecordBatch>> {
        let mut columns: Vec<Column> =
            self.schema.fields().iter().map(|field| Column::new(field.data_type())).collect();
        let (mut count, mut bytes, mut first_line) = (0, 0, None);
        while count < MAX_BATCH_ROWS && bytes < MAX_BATCH_BYTES {
            let name = self.rows.name.clone();
            let Some(record) = self.rows.next()? else { break };
            if record.len() != columns.len() {
                return Err(changed(&name));
            }
            for (column, value) in columns.iter_mut().zip(record.iter()) {
                column.push(text(value, &name, record)?).ok_or_else(|| changed(&name))?;
            }
            bytes += record.as_slice().len();
            count += 1;
            self.line = record.position().map_or(0, csv::Position::line);
            first_line.get_or_insert(self.line);
        }
        if count == 0 {
            return Ok(None);
        }
        let columns = columns.into_iter().map(|column| column.finish(count)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options);
        let batch = batch.map_err(|error| {
            Error::new(ErrorKind::Internal, "the rows do not fit the inferred columns").caused_by(error)
        })?;
        self.parse(batch, first_line.unwrap_or(0)).map(Some)
    }
}

impl Iterator for CsvBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let batch = self.read().transpose();
        self.done = !matches!(batch, Some(Ok(_)));
        batch
    }
}

/// The values of one column of a batch.
enum Column {
    Null,
    Bool(BooleanBuilder),
    Int(Int64Builder),
    UInt(UInt64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
}

impl Column {
    /// A column of one of the types that are inferred.
    fn new(data_type: &DataType) -> Self {
        match data_type {
            DataType::Null => Column::Null,
            DataType::Boolean => Column::Bool(BooleanBuilder::new()),
            DataType::Int64 => Column::Int(Int64Builder::new()),
            DataType::UInt64 => Column::UInt(UInt64Builder::new()),
            DataType::Float64 => Column::Float(Float64Builder::new()),
            _ => Column::Text(StringBuilder::new()),
        }
    }

    /// Adds a value; `None` when it is not of the column's type.
    fn push(&mut self, value: &str) -> Option<()> {
        let is_null = value.is_empty();
        match self {
            Column::Null => return is_null.then_some(()),
            Column::Bool(builder) if is_null => builder.append_null(),
            Column::Int(builder) if is_null => builder.append_null(),
            Column::UInt(builder) if is_null => builder.append_null(),
            Column::Float(builder) if is_null => builder.append_null(),
            Column::Text(builder) if is_null => builder.append_null(),
            Column::Bool(builder) => builder.append_value(parse_bool(value)?),
            Column::Int(builder) => builder.append_value(value.parse().ok()?),
            Column::UInt(builder) => builder.append_value(value.parse().ok()?),
            Column::Float(builder) => builder.append_value(parse_float(value)?),
            Column::Text(builder) => builder.append_value(value),
        }
        Some(())
    }

    fn finish(self, rows: usize) -> ArrayRef {
        match self {
            Column::Null => Arc::new(NullArray::new(rows)),
            Column::Bool(mut builder) => Arc::new(builder.finish()),
            Column::Int(mut builder) => Arc::new(builder.finish()),
            Column::UInt(mut builder) => Arc::new(builder.finish()),
            Column::Float(mut builder) => Arc::new(builder.finish()),
            Column::Text(mut builder) => Arc::new(builder.finish()),
        }
    }
}

/// The rows of a CSV file after its header.
struct Rows {
    reader: csv::Reader<FromStart>,
    /// Bytes that were read since the last row was complete.
    pending: Arc<AtomicU64>,
    record: ByteRecord,
    header: Vec<String>,
    name: String,
}

impl Rows {
    fn begin(file: &Arc<File>, name: &str) -> Result<Self> {
        let source = FromStart::new(file);
        let pending = Arc::clone(&source.pending);
        let mut reader = ReaderBuilder::new().has_headers(false).from_reader(source);
        let mut record = ByteRecord::new();
        let found = reader.read_byte_record(&mut record).map_err(|error| unreadable(error, name))?;
        if !found {
            return Err(corrupt(name, "it has no header, and so no columns"));
        }
        if record.len() > MAX_COLUMNS {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("the file '{name}' has {} columns, at most {MAX_COLUMNS} are read", record.len()),
            ));
        }
        let header = record.iter().map(|column| text(column, name, &record).map(str::to_owned));
        let header = header.collect::<Result<Vec<_>>>()?;
        let mut seen = BTreeSet::new();
        if let Some(column) = header.iter().find(|column| !seen.insert(column.as_str())) {
            return Err(corrupt(name, &format!("it has two columns '{column}'")));
        }
        pending.store(0, Ordering::Relaxed);
        Ok(Rows { reader, pending, record, header, name: name.to_owned() })
    }

    fn next(&mut self) -> Result<Option<&ByteRecord>> {
        let found = self.reader.read_byte_record(&mut self.record);
        self.pending.store(0, Ordering::Relaxed);
        match found.map_err(|error| unreadable(error, &self.name))? {
            true => Ok(Some(&self.record)),
            false => Ok(None),
        }
    }
}

/// A file from its first byte on, whatever else is read of it.
struct FromStart {
    file: Arc<File>,
    offset: u64,
    pending: Arc<AtomicU64>,
}

impl FromStart {
    fn new(file: &Arc<File>) -> Self {
        FromStart { file: Arc::clone(file), offset: 0, pending: Arc::default() }
    }
}

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.offset)?;
        self.offset += count as u64;
        if self.pending.fetch_add(count as u64, Ordering::Relaxed) > MAX_ROW_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a row takes more than {MAX_ROW_BYTES} bytes; is a quote not closed?"),
            ));
        }
        Ok(count)
    }
}

fn text<'a>(value: &'a [u8], name: &str, record: &ByteRecord) -> Result<&'a str> {
    std::str::from_utf8(value).map_err(|error| {
        let line = record.position().map_or(0, csv::Position::line);
        corrupt(name, &format!("line {line} is not UTF-8")).caused_by(error)
    })
}

fn unreadable(error: csv::Error, name: &str) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => {
            let cause = Error::from(error);
            match cause.kind() {
                ErrorKind::Corrupt => corrupt(name, cause.message()).caused_by(cause),
                kind => Error::new(kind, format!("the file '{name}' cannot be read: {}", cause.message()))
                    .caused_by(cause),
            }
        }
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.map_or(0, |position| position.line());
            corrupt(name, &format!("line {line} has {len} values, the header has {expected_len}"))
        }
        other => corrupt(name, &format!("it is not CSV: {other:?}")),
    }
}

fn corrupt(name: &str, why: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the file '{name}' cannot be read as a table: {why}"))
}

fn changed(name: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("the file '{name}' was changed while it was read"))
        .hint("read the table again")
}
