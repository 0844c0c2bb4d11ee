//! The formats of files that are put in and got out, and which one a file has.

use clap::ValueEnum;
use fascicle::{EntryKind, Error, ErrorKind, Result};
use std::path::Path;

/// The format of a file outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// NumPy's .npy
    Npy,
    /// Comma-separated values with a header line
    Csv,
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
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or("").to_ascii_lowercase();
        match ending.as_str() {
            "npy" => Format::Npy,
            "csv" => Format::Csv,
            "parquet" | "pq" => Format::Parquet,
            "arrow" | "feather" | "ipc" => Format::Arrow,
            _ => Format::Bytes,
        }
    }

    /// The kind of entry that a file of this format becomes.
    pub(crate) fn kind(self) -> EntryKind {
        match self {
            Format::Npy => EntryKind::Array,
            Format::Csv | Format::Parquet | Format::Arrow => EntryKind::Table,
            Format::Bytes => EntryKind::File,
        }
    }

    /// Whether this is one of the formats of tables.
    pub(crate) fn is_of_tables(self) -> bool {
        self.kind() == EntryKind::Table
    }

    /// Refuses to write an entry of a kind in this format.
    pub(crate) fn refuse(self, kind: EntryKind) -> Error {
        let name = self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        let article = if kind == EntryKind::Array { "an" } else { "a" };
        let fitting = match kind {
            EntryKind::Array => "write it as .npy, or as a table of one column to .csv, .parquet or .arrow",
            EntryKind::Table | EntryKind::Directory => {
                "write it to a file that ends in .csv, .parquet or .arrow"
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
        _ => "tables are read from .csv, .parquet and .arrow files",
    };
    Err(Error::new(
        ErrorKind::InvalidInput,
        format!("a file of this format cannot become an entry of kind '{kind}'"),
    )
    .hint(format!("{wanted}; name the format with --format if the file's name does not tell it")))
}
