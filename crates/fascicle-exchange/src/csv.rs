//! Reading CSV and TSV.
//!
//! A column is of the first type that all its cells are of: `true` and `false`, integers, floats, dates (`2024-05-01`), times
//! (`2024-05-01T12:00:00`), text. An empty cell is null. Numbers with leading zeros, such as `007`, are text, and so is `NA`, unless it is
//! declared to stand for null.

use crate::csv_types::Guess;
use crate::guard::reading;
use crate::read::{Batches, ReadOptions};
use crate::rows::{BLOCK_ROWS, Block, RowForm, Rows};
use crate::types::check_known;
use arrow_array::{RecordBatch, StringArray};
use arrow_csv::ReaderBuilder;
use arrow_csv::reader::{Decoder, Format};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use fascicle_backend::{Error, ErrorKind, Result};
use std::fs::File;
use std::io::Seek;
use std::sync::Arc;

/// The most columns.
const MAX_COLUMNS: usize = 100_000;

/// Opens a file whose cells `delimiter` separates. Types that `options` do not give are inferred from all rows.
pub(crate) fn open_csv(mut file: File, delimiter: u8, options: &ReadOptions) -> Result<(SchemaRef, Batches)> {
    let names = header(&mut file, delimiter)?;
    check_known(&options.types, &names)?;
    let given = |name: &str| options.given_type(name);
    for data_type in names.iter().filter_map(|name| given(name)) {
        check_readable(&data_type)?;
    }
    let mut guesses = vec![Guess::default(); names.len()];
    if names.iter().any(|name| given(name).is_none()) {
        let text = |name: &String| Field::new(name, DataType::Utf8, true);
        let as_text = Arc::new(Schema::new(names.iter().map(text).collect::<Vec<_>>()));
        for batch in CsvBatches::begin(&mut file, as_text, delimiter, options)? {
            let batch = batch?;
            for (guess, column) in guesses.iter_mut().zip(batch.columns()) {
                if let Some(cells) = column.as_any().downcast_ref::<StringArray>() {
                    cells.iter().flatten().for_each(|cell| guess.narrow(cell));
                }
            }
        }
    }
    let fields = names
        .iter()
        .zip(&guesses)
        .map(|(name, guess)| Field::new(name, given(name).unwrap_or_else(|| guess.data_type()), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batches = CsvBatches::begin(&mut file, Arc::clone(&schema), delimiter, options)?;
    Ok((schema, Box::new(batches)))
}

fn header(file: &mut File, delimiter: u8) -> Result<Vec<String>> {
    file.rewind().map_err(Error::from)?;
    let mut rows = Rows::new(file, RowForm::Quoted(delimiter));
    let first = rows.next_block(1)?.map(|block| block.bytes).unwrap_or_default();
    let format = Format::default().with_header(true).with_delimiter(delimiter);
    let (schema, _) = reading(|| format.infer_schema(first.as_slice(), Some(0)))?;
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    if names.is_empty() {
        return Err(Error::new(
            ErrorKind::Corrupt,
            "such a file begins with the names of its columns, this one is empty",
        ));
    }
    if names.len() > MAX_COLUMNS {
        let message = format!("it has {} columns, at most {MAX_COLUMNS} are read", names.len());
        return Err(Error::new(ErrorKind::LimitExceeded, message));
    }
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort();
    if let Some(twice) = sorted.windows(2).find(|pair| pair.first() == pair.last()).and_then(<[_]>::first) {
        return Err(Error::new(ErrorKind::InvalidInput, format!("two columns are named '{twice}'"))
            .hint("the first line must hold the names of the columns, each of them once"));
    }
    Ok(names)
}

/// Refuses a type that no cell can be.
fn check_readable(data_type: &DataType) -> Result<()> {
    let is_text = |data_type: &DataType| matches!(data_type, DataType::Utf8);
    let readable = match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        other => {
            other.is_primitive()
                && !matches!(other, DataType::Duration(_) | DataType::Interval(_) | DataType::Float16)
                || matches!(other, DataType::Boolean | DataType::Null)
                || matches!(other, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        }
    };
    if readable {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unsupported, format!("cells of such a file cannot be read as {data_type}"))
        .hint("read them as string, or use a file of JSON lines, Parquet or Arrow"))
}

/// The batches of a file.
struct CsvBatches {
    rows: Rows<File>,
    decoder: Decoder,
    schema: SchemaRef,
    format: Format,
    form: RowForm,
    ended: bool,
}

impl CsvBatches {
    fn begin(file: &mut File, schema: SchemaRef, delimiter: u8, options: &ReadOptions) -> Result<Self> {
        file.rewind().map_err(Error::from)?;
        let mut format = Format::default().with_delimiter(delimiter);
        if let Some(null) = &options.null {
            format = format.with_null_regex(exactly(null)?);
        }
        let with_header = format.clone().with_header(true);
        let builder = ReaderBuilder::new(Arc::clone(&schema)).with_format(with_header);
        let decoder = builder.with_batch_size(BLOCK_ROWS).build_decoder();
        let form = RowForm::Quoted(delimiter);
        let rows = Rows::new(file.try_clone().map_err(Error::from)?, form);
        Ok(CsvBatches { rows, decoder, schema, format, form, ended: false })
    }

    fn read(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            // One row less than the decoder holds, so that it takes a block as a whole.
            let Some(block) = self.rows.next_block(BLOCK_ROWS - 1)? else { return Ok(None) };
            match decode(&mut self.decoder, &block.bytes) {
                Ok(Some(batch)) => return Ok(Some(batch)),
                Ok(None) => {}
                Err(error) => return Err(self.located(&block).unwrap_or(error)),
            }
        }
    }

    /// The error of the first row of a block that cannot be decoded, with its line: the library counts rows, and rows may have
    /// several lines.
    fn located(&self, block: &Block) -> Option<Error> {
        let mut rows = Rows::new(block.bytes.as_slice(), self.form);
        while let Ok(Some(row)) = rows.next_block(1) {
            let line = block.first_line + row.first_line - 1;
            if line == 1 {
                continue;
            }
            let builder = ReaderBuilder::new(Arc::clone(&self.schema)).with_format(self.format.clone());
            if let Err(error) = decode(&mut builder.build_decoder(), &row.bytes) {
                // The cause would say the same again, with another line.
                return Some(Error::new(
                    error.kind(),
                    format!("line {line}: {}", without_line(error.message())),
                ));
            }
        }
        None
    }
}

fn decode(decoder: &mut Decoder, bytes: &[u8]) -> Result<Option<RecordBatch>> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match reading(|| decoder.decode(rest))? {
            0 => break,
            taken => rest = rest.get(taken..).unwrap_or_default(),
        }
    }
    reading(|| decoder.flush())
}

/// What the library says, without the number of a line that it counted by itself.
fn without_line(message: &str) -> String {
    for (words, keeps_rest) in [(" at line ", false), (" for line ", true)] {
        if let Some((before, after)) = message.split_once(words) {
            let rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
            return if keeps_rest { format!("{before}{rest}") } else { before.to_owned() };
        }
    }
    message.to_owned()
}

impl Iterator for CsvBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let batch = self.read().transpose();
        self.ended = !matches!(batch, Some(Ok(_)));
        batch
    }
}

/// The expression that the empty text and `null` match, and nothing else.
fn exactly(null: &str) -> Result<regex::Regex> {
    regex::Regex::new(&format!("^(?:{})?$", regex::escape(null)))
        .map_err(|error| Error::new(ErrorKind::InvalidInput, "this cannot stand for null").caused_by(error))
}
