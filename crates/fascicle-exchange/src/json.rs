//! Reading JSON and JSON lines.
//!
//! A row is an object, a column a member. Whole numbers are int64, or uint64 where that is needed; with others among them float64,
//! as far as a float holds them; values of several plain types are text; lists and objects are lists and structs. A member that is null
//! or missing is null.

use crate::guard::reading;
use crate::json_types::ObjectGuess;
use crate::read::{Batches, ReadOptions};
use crate::rows::{BLOCK_ROWS, Block, RowForm, Rows};
use crate::types::check_known;
use arrow_array::RecordBatch;
use arrow_json::ReaderBuilder;
use arrow_json::reader::Decoder;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use fascicle_backend::{Error, ErrorKind, Result};
use serde_json::Value;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::sync::Arc;

/// Opens a file of a list of objects, or of an object on each line. Types that `options` do not give are inferred from all rows.
pub(crate) fn open_json(mut file: File, options: &ReadOptions) -> Result<(SchemaRef, Batches)> {
    let mut guess = ObjectGuess::default();
    let unit = rows_are(&mut file)?;
    let mut rows = Rows::new(begin(&mut file)?, RowForm::Lines);
    while let Some(block) = rows.next_block(BLOCK_ROWS)? {
        for (line, text) in lines(&block) {
            let value: Value = serde_json::from_slice(text).map_err(|error| {
                let why = if text.is_ascii() || std::str::from_utf8(text).is_ok() {
                    ""
                } else {
                    ", it is not UTF-8"
                };
                corrupt(format!("{unit} {line} is no JSON{why}: {error}")).caused_by(error)
            })?;
            let Value::Object(object) = &value else {
                return Err(corrupt(format!("{unit} {line} is no object"))
                    .hint("a row is an object: {\"a\": 1, \"b\": \"x\"}"));
            };
            guess.add(object).map_err(|path| {
                Error::new(
                    ErrorKind::Mismatch,
                    format!(
                        "'{path}' of {unit} {line} is of another kind than before: plain, list or object"
                    ),
                )
                .hint("a column is of one kind in all rows")
            })?;
        }
    }
    // The library reads no dictionaries; their values widen to one where they are appended to it.
    let given = |name: &str| match options.given_type(name) {
        Some(DataType::Dictionary(_, values)) => Some(*values),
        other => other,
    };
    let mut fields = guess.fields(&given);
    let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    if fields.is_empty() {
        // Without any row the columns are those that are given.
        fields = options.types.iter().map(|(name, kind)| Field::new(name, kind.clone(), true)).collect();
    } else {
        check_known(&options.types, &names)?;
    }
    if fields.is_empty() {
        return Err(corrupt("it holds no object with members, and so no columns".to_owned())
            .hint("give the types of the columns"));
    }
    let schema = Arc::new(Schema::new(fields));
    let rows = Rows::new(begin(&mut file)?, RowForm::Lines);
    let decoder = decoder(&schema)?;
    let batches = JsonBatches { rows, decoder, schema: Arc::clone(&schema), unit, ended: false };
    Ok((schema, Box::new(batches)))
}

fn corrupt(message: String) -> Error {
    Error::new(ErrorKind::Corrupt, message)
}

/// The first byte that is not space.
fn first_byte(file: &mut File) -> Result<Option<u8>> {
    file.rewind().map_err(Error::from)?;
    let bytes = BufReader::new(&mut *file).bytes();
    for byte in bytes {
        let byte = byte.map_err(Error::from)?;
        // The three last are the mark before UTF-8.
        if !byte.is_ascii_whitespace() && !b"\xef\xbb\xbf".contains(&byte) {
            return Ok(Some(byte));
        }
    }
    Ok(None)
}

/// What messages count.
fn rows_are(file: &mut File) -> Result<&'static str> {
    Ok(if first_byte(file)? == Some(b'[') { "item" } else { "line" })
}

/// The rows as lines, from the first one on.
fn begin(file: &mut File) -> Result<Box<dyn Read + Send>> {
    let is_list = first_byte(file)? == Some(b'[');
    file.rewind().map_err(Error::from)?;
    let source = BufReader::with_capacity(1 << 16, file.try_clone().map_err(Error::from)?);
    Ok(if is_list { Box::new(Items { source, place: Place::Before, depth: 0 }) } else { Box::new(source) })
}

/// The lines of a block that are not empty, with their numbers.
fn lines(block: &Block) -> impl Iterator<Item = (u64, &[u8])> {
    let numbered = (block.first_line..).zip(block.bytes.split(|byte| *byte == b'\n'));
    numbered.filter(|(_, line)| !line.trim_ascii().is_empty())
}

fn decoder(schema: &SchemaRef) -> Result<Decoder> {
    let builder = ReaderBuilder::new(Arc::clone(schema)).with_batch_size(BLOCK_ROWS);
    reading(|| builder.with_coerce_primitive(true).with_strict_mode(true).build_decoder())
}

/// The batches of a file.
struct JsonBatches {
    rows: Rows<Box<dyn Read + Send>>,
    decoder: Decoder,
    schema: SchemaRef,
    unit: &'static str,
    ended: bool,
}

impl JsonBatches {
    fn read(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let Some(block) = self.rows.next_block(BLOCK_ROWS - 1)? else { return Ok(None) };
            match decode(&mut self.decoder, &block.bytes) {
                Ok(Some(batch)) => return Ok(Some(batch)),
                Ok(None) => {}
                Err(error) => return Err(self.located(&block).unwrap_or(error)),
            }
        }
    }

    /// The error of the first row of a block that cannot be decoded, with its line.
    fn located(&self, block: &Block) -> Option<Error> {
        lines(block).find_map(|(line, text)| {
            let error = decode(&mut decoder(&self.schema).ok()?, text).err()?;
            Some(error.note(format!("in {} {line}", self.unit)))
        })
    }
}

fn decode(decoder: &mut Decoder, bytes: &[u8]) -> Result<Option<RecordBatch>> {
    let taken = reading(|| decoder.decode(bytes))?;
    if taken < bytes.len() {
        return Err(corrupt("more than one object stands on a line".to_owned()));
    }
    reading(|| decoder.flush())
}

impl Iterator for JsonBatches {
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

/// The items of a list, each on a line of its own.
struct Items<R> {
    source: R,
    place: Place,
    /// Brackets that are open within an item.
    depth: usize,
}

/// Where in a list the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Before,
    /// Before an item, the first one or not.
    ItemBegins {
        is_first: bool,
    },
    Item,
    Text {
        escaped: bool,
    },
    /// After an item of brackets or quotes.
    ItemEnds,
    After,
}

impl<R: Read> Items<R> {
    /// What becomes of a byte; `None` leaves it out.
    fn step(&mut self, byte: u8) -> std::io::Result<Option<u8>> {
        let broken =
            |why: &str| Err(std::io::Error::new(std::io::ErrorKind::InvalidData, format!("the list {why}")));
        let is_space = byte.is_ascii_whitespace();
        Ok(match (self.place, byte) {
            (Place::Text { escaped: true }, byte) => {
                self.place = Place::Text { escaped: false };
                Some(byte)
            }
            (Place::Text { .. }, b'\\') => {
                self.place = Place::Text { escaped: true };
                Some(byte)
            }
            (Place::Text { .. }, b'"') => {
                self.place = if self.depth == 0 { Place::ItemEnds } else { Place::Item };
                Some(byte)
            }
            // Not allowed in text; as a line of its own it would be another row.
            (Place::Text { .. }, b'\n') => return broken("holds text with a line break in it"),
            (Place::Text { .. }, byte) => Some(byte),
            (Place::Before, b'[') => {
                self.place = Place::ItemBegins { is_first: true };
                None
            }
            (Place::Before, _) => None,
            (_, _) if is_space => (self.place == Place::Item).then_some(b' '),
            (Place::After, _) => return broken("is followed by something else"),
            (Place::ItemBegins { is_first: true }, b']') | (Place::ItemEnds, b']') => {
                self.place = Place::After;
                Some(b'\n')
            }
            (Place::Item, b']') if self.depth == 0 => {
                self.place = Place::After;
                Some(b'\n')
            }
            (Place::ItemEnds, b',') => {
                self.place = Place::ItemBegins { is_first: false };
                Some(b'\n')
            }
            (Place::Item, b',') if self.depth == 0 => {
                self.place = Place::ItemBegins { is_first: false };
                Some(b'\n')
            }
            (Place::ItemBegins { .. }, b',' | b']') => return broken("has a comma too many"),
            (Place::ItemEnds, _) => return broken("lacks a comma between two items"),
            (_, b'"') => {
                self.place = Place::Text { escaped: false };
                Some(byte)
            }
            (_, b'{' | b'[') => {
                self.depth += 1;
                self.place = Place::Item;
                Some(byte)
            }
            (_, b'}' | b']') => {
                self.depth = self.depth.saturating_sub(1);
                self.place = if self.depth == 0 { Place::ItemEnds } else { Place::Item };
                Some(byte)
            }
            (_, byte) => {
                self.place = Place::Item;
                Some(byte)
            }
        })
    }
}

impl<R: Read> Read for Items<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        while filled == 0 && !buffer.is_empty() {
            let read = self.source.read(buffer)?;
            if read == 0 {
                return match self.place {
                    Place::After => Ok(0),
                    _ => Err(std::io::Error::new(
                        std::io::ErrorKind::UnexpectedEof,
                        "the list is never closed",
                    )),
                };
            }
            for at in 0..read {
                let Some(byte) = buffer.get(at).copied() else { break };
                if let Some(kept) = self.step(byte)?
                    && let Some(target) = buffer.get_mut(filled)
                {
                    *target = kept;
                    filled += 1;
                }
            }
        }
        Ok(filled)
    }
}

/// The types that are given, for those who read.
impl ReadOptions {
    pub(crate) fn given_type(&self, column: &str) -> Option<DataType> {
        let given =
            self.types.iter().find(|(name, _)| name == column).map(|(_, data_type)| data_type.clone());
        given.or_else(|| {
            let stored = self.stored.as_ref()?;
            stored.field_with_name(column).ok().map(|field| field.data_type().clone())
        })
    }
}
