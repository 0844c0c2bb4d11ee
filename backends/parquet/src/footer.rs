//! The footer of a part: what is known of it without reading its rows, all of it checked before it is believed.

use crate::{array_type::ArrayType, column, manifest::FORMAT_VERSION};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, Result};
use fascicle_tables::{corrupt_file, reading_file};
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions},
    errors::ParquetError,
    file::metadata::ParquetMetaDataReader,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// The key of what a part says of itself in the metadata of its footer.
pub(crate) const NOTE_KEY: &str = "fascicle.array";
/// The last bytes of a file: the length of its metadata, and `PAR1`.
const END_BYTES: u64 = 8;
const MAGIC: &[u8] = b"PAR1";
/// No longer metadata is read.
const MOST_METADATA_BYTES: u64 = 16 << 20;

/// The footer of a part.
#[derive(Clone, Debug)]
pub(crate) struct Footer {
    /// The name that messages use.
    pub(crate) name: String,
    pub(crate) rows: u64,
    pub(crate) note: Option<Note>,
    pub(crate) groups: Vec<RowGroup>,
    pub(crate) metadata: ArrowReaderMetadata,
    /// The length of the file.
    pub(crate) size: u64,
}

/// Where the rows of a row group are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RowGroup {
    /// The row of the part that is its first.
    pub(crate) first_row: u64,
    pub(crate) rows: u64,
    /// The bytes of the file that hold it.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The CRC32C of these bytes, if the writer noted it.
    pub(crate) checksum: Option<u32>,
}

/// What a part that this crate wrote says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) array: ArrayType,
    /// The position of the part in its generation.
    pub(crate) position: u64,
    pub(crate) rows: u64,
    /// The rows of all parts before it.
    pub(crate) rows_before: u64,
    /// The CRC32C of each row group.
    pub(crate) checksums: Vec<u32>,
}

impl Note {
    pub(crate) fn to_json(&self) -> String {
        let (dtype, shape) = self.array.to_json();
        json!({
            "version": FORMAT_VERSION,
            "dtype": dtype,
            "shape": shape,
            "part": self.position,
            "rows": self.rows,
            "rows_before": self.rows_before,
            "crc32c": self.checksums,
        })
        .to_string()
    }

    fn parse(text: &str) -> Result<Self> {
        let document: Value = serde_json::from_str(text)
            .map_err(|error| Error::new(ErrorKind::Corrupt, "its note is no JSON object").caused_by(error))?;
        let number = |name: &str| {
            let number = document.get(name).and_then(Value::as_u64);
            number.ok_or_else(|| Error::new(ErrorKind::Corrupt, format!("its note lacks '{name}'")))
        };
        if number("version")? != FORMAT_VERSION {
            return Err(Error::new(ErrorKind::Unsupported, "it is of a later version of the format"));
        }
        let null = Value::Null;
        let checksums = document.get("crc32c").and_then(Value::as_array).and_then(|checksums| {
            let checksums = checksums.iter().map(|checksum| u32::try_from(checksum.as_u64()?).ok());
            checksums.collect::<Option<Vec<u32>>>()
        });
        Ok(Note {
            array: ArrayType::from_json(
                document.get("dtype").unwrap_or(&null),
                document.get("shape").unwrap_or(&null),
            )?,
            position: number("part")?,
            rows: number("rows")?,
            rows_before: number("rows_before")?,
            checksums: checksums.ok_or_else(|| Error::new(ErrorKind::Corrupt, "its note lacks 'crc32c'"))?,
        })
    }
}

/// How many of the last bytes of a file make its footer. `end` is the end of the file. Errors: `Corrupt`, naming the file.
pub(crate) fn footer_bytes(name: &str, size: u64, end: &[u8]) -> Result<u64> {
    let whole = end.len().checked_sub(MAGIC.len() * 2).and_then(|at| end.get(at..));
    let Some([length @ .., b'P', b'A', b'R', b'1']) = whole else {
        return Err(corrupt_file(name, "it does not end as a Parquet file does"));
    };
    let length = length.try_into().map_or(0, u32::from_le_bytes);
    let bytes = u64::from(length) + END_BYTES;
    if bytes > size {
        return Err(corrupt_file(name, &format!("its footer is longer than the file of {size} bytes")));
    }
    if bytes > MOST_METADATA_BYTES {
        let why = format!("the footer of '{name}' has {bytes} bytes, at most {MOST_METADATA_BYTES} are read");
        return Err(Error::new(ErrorKind::LimitExceeded, why));
    }
    Ok(bytes)
}

impl Footer {
    /// Reads the footer of the file that messages call `name`, of `size` bytes; `end` is the end of the file and holds at least
    /// [`footer_bytes`]. Errors: `Corrupt`, `Unsupported` for what is no array.
    pub(crate) fn parse(name: &str, size: u64, end: &Bytes) -> Result<Footer> {
        let metadata = reading_file(name, || {
            let mut reader = ParquetMetaDataReader::new();
            reader.try_parse_sized(end, size)?;
            let metadata = Arc::new(reader.finish()?);
            ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new())
        })?;
        let groups = reading_file(name, || row_groups(&metadata, size))?;
        let rows = groups.last().map_or(0, |group| group.first_row + group.rows);
        let declared = metadata.metadata().file_metadata().num_rows();
        if u64::try_from(declared) != Ok(rows) {
            return Err(corrupt_file(
                name,
                &format!("it declares {declared} rows, its row groups hold {rows}"),
            ));
        }
        let pairs = metadata.metadata().file_metadata().key_value_metadata();
        let note = pairs.into_iter().flatten().find(|pair| pair.key == NOTE_KEY);
        let note = note.map(|pair| Note::parse(pair.value.as_deref().unwrap_or("")));
        let note = note.transpose().map_err(|error| within(name, error))?;
        let mut footer = Footer { name: name.to_owned(), rows, note, groups, metadata, size };
        footer.take_checksums()?;
        Ok(footer)
    }

    /// Gives each row group its checksum.
    fn take_checksums(&mut self) -> Result<()> {
        let Some(note) = &self.note else { return Ok(()) };
        if note.rows != self.rows {
            let why = format!("it holds {} rows, its writer noted {}", self.rows, note.rows);
            return Err(corrupt_file(&self.name, &why));
        }
        if note.checksums.len() != self.groups.len() {
            let why = format!("{} of {} row groups have checksums", note.checksums.len(), self.groups.len());
            return Err(corrupt_file(&self.name, &why));
        }
        for (group, checksum) in self.groups.iter_mut().zip(&note.checksums) {
            group.checksum = Some(*checksum);
        }
        Ok(())
    }

    /// The array that the part holds, by its note or else by its column. Errors: `Unsupported` when it holds none.
    pub(crate) fn array(&self) -> Result<ArrayType> {
        match (&self.note, self.metadata.schema().fields().as_ref()) {
            (Some(note), _) => Ok(note.array.clone()),
            (None, [column]) => column::array_of(column).map_err(|error| within(&self.name, error)),
            (None, columns) => {
                let why = format!("the file '{}' has {} columns, an array has one", self.name, columns.len());
                Err(Error::new(ErrorKind::Unsupported, why)
                    .hint("it is a table: rename the folder so that its name ends with '.parquet' alone"))
            }
        }
    }

    /// Refuses a part that does not hold rows of `array`.
    pub(crate) fn check(&self, array: &ArrayType) -> Result<()> {
        if let Some(note) = &self.note
            && note.array != *array
        {
            let describe = |array: &ArrayType| {
                let (dtype, shape) = array.to_json();
                format!("{dtype} of shape {shape}")
            };
            let why = format!("it holds rows of {}, the array is {}", describe(&note.array), describe(array));
            return Err(corrupt_file(&self.name, &why));
        }
        let columns = self.metadata.schema().fields();
        let fits = match columns.as_ref() {
            [column] => column::holds(array, column.data_type())?,
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let types: Vec<String> = columns.iter().map(|column| column.data_type().to_string()).collect();
        let why = format!("it has columns of {}, which are no rows of {}", types.join(", "), array.dtype);
        Err(corrupt_file(&self.name, &why))
    }
}

/// The row groups, if each lies inside of the file and has the one column that arrays have.
fn row_groups(metadata: &ArrowReaderMetadata, size: u64) -> std::result::Result<Vec<RowGroup>, ParquetError> {
    let mut groups = Vec::new();
    let mut first_row = 0u64;
    for (position, group) in metadata.metadata().row_groups().iter().enumerate() {
        let wrong = |why: &str| ParquetError::General(format!("row group {position} {why}"));
        let rows = u64::try_from(group.num_rows()).map_err(|_| wrong("has a negative number of rows"))?;
        let (mut begin, mut finish) = (u64::MAX, 0);
        for column in group.columns() {
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let start = u64::try_from(start).map_err(|_| wrong("begins before the file"))?;
            let bytes = u64::try_from(column.compressed_size()).map_err(|_| wrong("has a negative size"))?;
            let end = start.checked_add(bytes).filter(|end| *end <= size);
            (begin, finish) =
                (begin.min(start), finish.max(end.ok_or_else(|| wrong("ends after the file"))?));
        }
        let after = first_row.checked_add(rows).filter(|after| *after <= i64::MAX as u64);
        let group = RowGroup { first_row, rows, start: begin.min(finish), end: finish, checksum: None };
        first_row = after.ok_or_else(|| wrong("makes the rows too many to be counted"))?;
        groups.push(group);
    }
    Ok(groups)
}

/// An error about a file, which names it.
pub(crate) fn within(name: &str, error: Error) -> Error {
    Error::new(error.kind(), format!("the file '{name}': {}", error.message())).caused_by(error)
}
