//! The formats of files of tables.

use std::fmt;
use std::path::Path;

/// The format of a file of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileFormat {
    /// Comma-separated values with a header line.
    Csv,
    /// Tab-separated values with a header line.
    Tsv,
    /// A list of objects.
    Json,
    /// An object on each line.
    JsonLines,
    /// Apache Parquet.
    Parquet,
    /// Arrow's file format, which is Feather of version 2; its stream format is read, too.
    Arrow,
}

impl FileFormat {
    /// The format that the ending of a name stands for.
    pub fn of_path(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match ending.as_str() {
            "csv" => FileFormat::Csv,
            "tsv" => FileFormat::Tsv,
            "json" => FileFormat::Json,
            "jsonl" | "ndjson" => FileFormat::JsonLines,
            "parquet" | "pq" => FileFormat::Parquet,
            "arrow" | "feather" | "ipc" => FileFormat::Arrow,
            _ => return None,
        })
    }

    /// The name people use.
    pub fn name(self) -> &'static str {
        match self {
            FileFormat::Csv => "CSV",
            FileFormat::Tsv => "TSV",
            FileFormat::Json => "JSON",
            FileFormat::JsonLines => "JSON lines",
            FileFormat::Parquet => "Parquet",
            FileFormat::Arrow => "Arrow",
        }
    }
}

impl fmt::Display for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
