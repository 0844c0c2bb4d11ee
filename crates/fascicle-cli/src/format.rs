//! The formats of files that are put in and got out, and which one a file has.

use clap::ValueEnum;
use fascicle::exchange::FileFormat;
use fascicle::{EntryKind, Error, ErrorKind, Result};
use std::path::Path;

/// The format of a file outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// NumPy's .npy
    Npy,
    /// Comma-separated values with a header line
    Csv,
    /// Tab-separated values with a header line
    Tsv,
    /// A list of JSON objects, each a row
    Json,
    /// A JSON object on each line, each a row
    #[value(alias = "ndjson")]
    Jsonl,
    /// Apache Parquet
    Parquet,
    /// Arrow IPC, also called Feather
    Arrow,
    /// Bytes as they are
    Bytes,
}

impl Format {
    /// The format that the ending of a name stands for; anything else is bytes.
    pub(crate) fn of_path(path: &Path) -> Self {
        match FileFormat::of_path(path) {
            Some(FileFormat::Csv) => Format::Csv,
            Some(FileFormat::Tsv) => Format::Tsv,
            Some(FileFormat::Json) => Format::Json,
            Some(FileFormat::JsonLines) => Format::Jsonl,
            Some(FileFormat::Parquet) => Format::Parquet,
            Some(FileFormat::Arrow) => Format::Arrow,
            None if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy")) => Format::Npy,
            None => Format::Bytes,
        }
    }

    /// The format of tables that this is.
    pub(crate) fn of_table(self) -> Option<FileFormat> {
        Some(match self {
            Format::Csv => FileFormat::Csv,
            Format::Tsv => FileFormat::Tsv,
            Format::Json => FileFormat::Json,
            Format::Jsonl => FileFormat::JsonLines,
            Format::Parquet => FileFormat::Parquet,
            Format::Arrow => FileFormat::Arrow,
            Format::Npy | Format::Bytes => return None,
        })
    }

    /// The kind of entry that a file of this format becomes.
    pub(crate) fn kind(self) -> EntryKind {
        match self {
            Format::Npy => EntryKind::Array,
            Format::Bytes => EntryKind::File,
            _ => EntryKind::Table,
        }
    }

    /// Refuses to write an entry of a kind in this format.
    pub(crate) fn refuse(self, kind: EntryKind) -> Error {
        let name = self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        let article = if kind == EntryKind::Array { "an" } else { "a" };
        let fitting = match kind {
            EntryKind::Array => {
                "write it as .npy, or as a table of one column to .csv, .tsv, .json, .jsonl, .parquet or .arrow"
            }
            EntryKind::Table | EntryKind::Directory => {
                "write it to a file that ends in .csv, .tsv, .json, .jsonl, .parquet or .arrow"
            }
            EntryKind::File => "its bytes are written as they are, to a file of any other ending",
        };
        Error::new(ErrorKind::InvalidInput, format!("{article} {kind} is not written in the format '{name}'"))
            .hint(fitting)
    }
}

/// Whether `format` can become an entry of `kind`; fails with [`ErrorKind::InvalidInput`] if not.
pub(crate) fn check_kind(format: Format, kind: EntryKind) -> Result<()> {
    if kind == EntryKind::File || format.kind() == kind {
        return Ok(());
    }
    let wanted = match kind {
        EntryKind::Array => "arrays are read from .npy files",
        _ => "tables are read from .csv, .tsv, .json, .jsonl, .parquet and .arrow files",
    };
    Err(Error::new(
        ErrorKind::InvalidInput,
        format!("a file of this format cannot become an entry of kind '{kind}'"),
    )
    .hint(format!("{wanted}; name the format with --format if the file's name does not tell it")))
}
