//! CSV files: what their columns are.
//!
//! A column is of the first type that all its cells are of: `true` and `false`, integers, floats, dates
//! (`2024-05-01`), times (`2024-05-01T12:00:00`), text. An empty cell is null. Numbers with leading zeros, such as
//! `007`, are text, and so is `NA`, unless it is declared to stand for null.

use super::guard::reading;
use arrow_cast::parse::Parser;
use arrow_csv::ReaderBuilder;
use arrow_csv::reader::Format;
use fascicle::arrow::array::types::{Date32Type, Float64Type, TimestampNanosecondType};
use fascicle::arrow::array::{Array, RecordBatch, StringArray};
use fascicle::arrow::schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use fascicle::{Error, ErrorKind, Result};
use std::fs::File;
use std::io::{BufReader, Seek};
use std::sync::Arc;

/// Rows that are looked at together.
const BATCH_ROWS: usize = 8192;

/// The batches of a CSV file.
pub(crate) type Batches = Box<dyn Iterator<Item = Result<RecordBatch>>>;

/// Opens a CSV file. The types of columns that `stored` has are taken from there, the others are inferred from all rows.
/// Cells that equal `null` are null as well as empty ones.
pub(crate) fn open_csv(
    mut file: File,
    null: Option<&str>,
    stored: Option<&Schema>,
) -> Result<(SchemaRef, Batches)> {
    let names = header(&file)?;
    file.rewind().map_err(Error::from)?;
    let text = |name: &String| Field::new(name, DataType::Utf8, true);
    let as_text = Arc::new(Schema::new(names.iter().map(text).collect::<Vec<_>>()));
    let mut guesses = vec![Guess::default(); names.len()];
    for batch in batches(file.try_clone().map_err(Error::from)?, as_text, null)? {
        let batch = batch?;
        for (guess, column) in guesses.iter_mut().zip(batch.columns()) {
            if let Some(cells) = column.as_any().downcast_ref::<StringArray>() {
                cells.iter().flatten().for_each(|cell| guess.narrow(cell));
            }
        }
    }
    file.rewind().map_err(Error::from)?;
    let fields = names.iter().zip(&guesses).map(|(name, guess)| {
        let known = stored.and_then(|stored| stored.field_with_name(name).ok());
        let data_type = known.map_or_else(|| guess.data_type(), |field| field.data_type().clone());
        Field::new(name, data_type, true)
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Ok((Arc::clone(&schema), batches(file, schema, null)?))
}

fn header(file: &File) -> Result<Vec<String>> {
    let source = BufReader::new(file.try_clone().map_err(Error::from)?);
    let (schema, _) = reading(|| Format::default().with_header(true).infer_schema(source, Some(0)))?;
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    if names.is_empty() {
        return Err(Error::new(
            ErrorKind::Corrupt,
            "a CSV file begins with the names of its columns, this one is empty",
        ));
    }
    for (at, name) in names.iter().enumerate() {
        if names.iter().skip(at + 1).any(|other| other == name) {
            return Err(Error::new(ErrorKind::InvalidInput, format!("two columns are named '{name}'"))
                .hint("the first line must hold the names of the columns, each of them once"));
        }
    }
    Ok(names)
}

fn batches(file: File, schema: SchemaRef, null: Option<&str>) -> Result<Batches> {
    let mut format = Format::default().with_header(true);
    if let Some(null) = null {
        format = format.with_null_regex(exactly(null)?);
    }
    let builder = ReaderBuilder::new(schema).with_format(format).with_batch_size(BATCH_ROWS);
    let mut reader = reading(|| builder.build(file))?;
    let mut ended = false;
    Ok(Box::new(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let batch = reading(|| reader.next().transpose()).transpose();
        ended = !matches!(batch, Some(Ok(_)));
        batch
    })))
}

/// The expression that the empty text and `null` match, and nothing else.
fn exactly(null: &str) -> Result<regex::Regex> {
    regex::Regex::new(&format!("^(?:{})?$", regex::escape(null)))
        .map_err(|error| Error::new(ErrorKind::InvalidInput, "this cannot stand for null").caused_by(error))
}

/// What the cells of a column seen so far could all be.
#[derive(Clone, Copy, Debug)]
struct Guess {
    seen: bool,
    truth: bool,
    signed: bool,
    unsigned: bool,
    float: bool,
    date: bool,
    time: bool,
}

impl Default for Guess {
    fn default() -> Self {
        Guess { seen: false, truth: true, signed: true, unsigned: true, float: true, date: true, time: true }
    }
}

impl Guess {
    fn narrow(&mut self, cell: &str) {
        self.seen = true;
        self.truth &= cell.eq_ignore_ascii_case("true") || cell.eq_ignore_ascii_case("false");
        let digits = cell.strip_prefix('-').unwrap_or(cell);
        let led_by_zero =
            digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
        let is_integer =
            !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) && !led_by_zero;
        self.signed &= is_integer && cell.parse::<i64>().is_ok();
        self.unsigned &= is_integer && cell.parse::<u64>().is_ok();
        self.float &= !led_by_zero && cell.trim() == cell && Float64Type::parse(cell).is_some();
        self.date &= cell.len() == 10 && Date32Type::parse(cell).is_some();
        self.time &= is_local_time(cell) && TimestampNanosecondType::parse(cell).is_some();
    }

    fn data_type(self) -> DataType {
        match self {
            Guess { seen: false, .. } => DataType::Utf8,
            Guess { truth: true, .. } => DataType::Boolean,
            Guess { signed: true, .. } => DataType::Int64,
            Guess { unsigned: true, .. } => DataType::UInt64,
            Guess { float: true, .. } => DataType::Float64,
            Guess { date: true, .. } => DataType::Date32,
            Guess { time: true, .. } => DataType::Timestamp(TimeUnit::Nanosecond, None),
            _ => DataType::Utf8,
        }
    }
}

/// Whether this looks like a date with a time of day and without a zone.
fn is_local_time(cell: &str) -> bool {
    let bytes = cell.as_bytes();
    let clock = cell.get(11..).unwrap_or("");
    matches!(bytes.get(10), Some(b'T' | b' '))
        && clock.len() >= 5
        && clock.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(text: &str, null: Option<&str>) -> Result<(Vec<(String, DataType)>, RecordBatch)> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        let (schema, mut batches) = open_csv(file, null, None)?;
        let batch = batches.next().unwrap_or_else(|| Ok(RecordBatch::new_empty(schema.clone())))?;
        assert!(batches.next().is_none());
        let fields = schema.fields().iter();
        Ok((fields.map(|field| (field.name().clone(), field.data_type().clone())).collect(), batch))
    }

    #[test]
    fn columns_are_what_all_their_cells_are() {
        let text = "a,b,c,d,e,f,g,h,i,j\n\
                    1,1,1.5,true,2024-05-01,2024-05-01T12:00:00,007,NA,x,18446744073709551615\n\
                    -2,2.5,1e-3,False,2024-05-02,2024-05-01 12:00:00.25,08,1,,1\n";
        let (fields, batch) = read(text, None).unwrap();
        let types: Vec<DataType> = fields.into_iter().map(|(_, data_type)| data_type).collect();
        use DataType::*;
        let time = Timestamp(TimeUnit::Nanosecond, None);
        assert_eq!(types, [Int64, Float64, Float64, Boolean, Date32, time, Utf8, Utf8, Utf8, UInt64]);
        assert_eq!((batch.num_rows(), batch.column(8).null_count()), (2, 1));
        let (fields, batch) = read("h,k\nNA,\n1,\n", Some("NA")).unwrap();
        assert_eq!(fields, [("h".to_owned(), Int64), ("k".to_owned(), Utf8)]);
        assert_eq!(batch.column(0).null_count(), 1);
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for (text, kind) in [
            ("", ErrorKind::Corrupt),
            ("a,a\n1,2\n", ErrorKind::InvalidInput),
            ("a,b\n1\n", ErrorKind::Corrupt),
            ("a,b\n1,2,3\n", ErrorKind::Corrupt),
        ] {
            assert_eq!(read(text, None).unwrap_err().kind(), kind, "{text:?}");
        }
        assert_eq!(read("a\n", None).unwrap().1.num_rows(), 0);
    }
}
