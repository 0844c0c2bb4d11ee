//! What is put or appended: a file outside, the standard input, or a value given as an argument.

use crate::format::{Format, check_kind};
use crate::value::parse_array;
use clap::{Args, ValueEnum};
use fascicle::arrow::schema::{DataType, SchemaRef};
use fascicle::exchange::{ReadOptions, TableFile, parse_types};
use fascicle::{ArrayData, DType, EntryKind, Error, ErrorKind, Result};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

/// The kinds of entries that a file can become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AsKind {
    /// An array, from a .npy file
    Array,
    /// A table, from a .csv, .tsv, .json, .jsonl, .parquet or .arrow file
    Table,
    /// A file with the same bytes
    File,
    /// A directory with an array for each column of a table
    Columns,
}

/// The arguments that say what is put or appended, and where.
#[derive(Args, Debug)]
pub(crate) struct SourceArguments {
    /// The file, or '-' for the standard input (not with --value), and the place
    #[arg(required = true, num_args = 1..=2, value_names = ["FILE", "PLACE"])]
    operands: Vec<String>,

    /// A small array instead of a file: 0.5, '[1, 2, 3]', '[[a, b], [c, d]]'
    #[arg(long, value_name = "ARRAY", allow_hyphen_values = true)]
    value: Option<String>,

    /// The dtype of --value, in NumPy's words: float32, S5, datetime64[ms]
    #[arg(long, requires = "value")]
    dtype: Option<String>,

    /// What the file becomes; by default what its ending says: .npy an array, .csv .tsv .jsonl .parquet .arrow .feather a
    /// table, anything else a file; .json is a table, too, when this or --format says so
    #[arg(long = "as", value_name = "KIND", conflicts_with = "value")]
    kind: Option<AsKind>,

    /// The format of the file, where its name does not tell it
    #[arg(long, conflicts_with = "value")]
    format: Option<Format>,

    /// Types of columns of .csv, .tsv, .json and .jsonl files, which are inferred without it: 'id=int64, when=timestamp[us],
    /// price=decimal(10, 2)'
    #[arg(long, value_name = "COLUMN=TYPE,…", conflicts_with = "value")]
    schema: Option<String>,

    /// Text that stands for null in a .csv or .tsv file, besides empty cells
    #[arg(long, value_name = "TEXT", conflicts_with = "value")]
    null: Option<String>,
}

/// What is put or appended.
#[derive(Debug)]
pub(crate) enum Source {
    /// An array from the command line.
    Value(ArrayData),
    /// A file, of which an entry is made.
    File(FileSource),
}

/// A file outside, or the standard input.
#[derive(Debug)]
pub(crate) struct FileSource {
    /// `None` is the standard input.
    path: Option<PathBuf>,
    pub(crate) format: Format,
    pub(crate) kind: AsKind,
    null: Option<String>,
    types: Vec<(String, DataType)>,
}

impl SourceArguments {
    /// What is put or appended, and the place as it was given.
    pub(crate) fn understand(self) -> Result<(Source, String)> {
        let mut operands = self.operands.into_iter();
        let (first, second) = (operands.next().unwrap_or_default(), operands.next());
        let usage = |message: &str| Error::new(ErrorKind::InvalidInput, message);
        if let Some(value) = &self.value {
            if second.is_some() {
                return Err(usage("with --value the only argument is the place"));
            }
            let dtype = self.dtype.as_deref().map(str::parse::<DType>).transpose()?;
            return Ok((Source::Value(parse_array(value, dtype)?), first));
        }
        let place = second.ok_or_else(|| usage("the place is missing; the arguments are FILE and PLACE"))?;
        let path = (first != "-").then(|| PathBuf::from(first));
        let format = self.format.or_else(|| path.as_deref().map(Format::of_path));
        let (format, kind) = match (format, self.kind) {
            // A file of JSON is seldom a table.
            (Some(Format::Json), None) if self.format.is_none() => (Format::Bytes, AsKind::File),
            (Some(format), None) => (format, default_kind(format)),
            (_, Some(AsKind::File)) => (Format::Bytes, AsKind::File),
            (Some(format), Some(kind)) => (format, kind),
            (None, Some(AsKind::Array)) => (Format::Npy, AsKind::Array),
            (None, Some(kind)) => (Format::Csv, kind),
            (None, None) => {
                return Err(usage("what the standard input becomes is not known")
                    .hint("say so with --as or --format"));
            }
        };
        let entry = match kind {
            AsKind::Array => EntryKind::Array,
            AsKind::Table | AsKind::Columns => EntryKind::Table,
            AsKind::File => EntryKind::File,
        };
        check_kind(format, entry)
            .map_err(|error| error.at(path.as_deref().unwrap_or(Path::new("-")).display()))?;
        let types = self.schema.as_deref().map(parse_types).transpose()?.unwrap_or_default();
        if !types.is_empty() && !matches!(format, Format::Csv | Format::Tsv | Format::Json | Format::Jsonl) {
            return Err(usage("types of columns are given for files of CSV, TSV and JSON"));
        }
        Ok((Source::File(FileSource { path, format, kind, null: self.null, types }), place))
    }
}

fn default_kind(format: Format) -> AsKind {
    match format.kind() {
        EntryKind::Array => AsKind::Array,
        EntryKind::Table => AsKind::Table,
        EntryKind::File | EntryKind::Directory => AsKind::File,
    }
}

impl Source {
    /// The name of an entry made of this, for a place that is a directory: that of the file, for arrays and tables without
    /// its ending.
    pub(crate) fn entry_name(&self) -> Result<String> {
        let name = match self {
            Source::File(FileSource { path: Some(path), kind: AsKind::File, .. }) => path.file_name(),
            Source::File(FileSource { path: Some(path), .. }) => path.file_stem(),
            Source::Value(_) | Source::File(FileSource { path: None, .. }) => None,
        };
        name.and_then(|name| name.to_str()).map(str::to_owned).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                "the place ends in '/' and there is no name to give the entry",
            )
            .hint("name the entry: DIRECTORY/ENTRY")
        })
    }
}

impl FileSource {
    /// For messages.
    pub(crate) fn name(&self) -> String {
        self.path.as_ref().map_or_else(|| "standard input".to_owned(), |path| path.display().to_string())
    }

    /// The bytes from the first to the last, and how many there are, where that is known.
    pub(crate) fn open(&self) -> Result<(Box<dyn Read + Send>, Option<u64>)> {
        match &self.path {
            None => Ok((Box::new(io::stdin()), None)),
            Some(path) => {
                let file = open_file(path)?;
                let metadata = file.metadata().map_err(|error| unreadable(error, path))?;
                let length = metadata.is_file().then_some(metadata.len());
                Ok((Box::new(BufReader::with_capacity(1 << 16, file)), length))
            }
        }
    }

    /// The rows of a table; of columns that `stored` has the types are taken from there.
    pub(crate) fn open_table(&self, stored: Option<SchemaRef>) -> Result<TableFile> {
        let format = self.format.of_table().ok_or_else(|| self.format.refuse(EntryKind::Table))?;
        let (null, types) = (self.null.clone(), self.types.clone());
        let options = ReadOptions { null, types, stored, ..ReadOptions::default() };
        TableFile::from_file(self.open_seekable()?, &self.name(), format, &options)
    }

    /// A file that can be read from any position; the standard input, and what else is read only once, is kept in a temporary
    /// file.
    fn open_seekable(&self) -> Result<File> {
        let mut input: Box<dyn Read> = match &self.path {
            None => Box::new(io::stdin()),
            Some(path) => {
                let file = open_file(path)?;
                if file.metadata().map_err(|error| unreadable(error, path))?.is_file() {
                    return Ok(file);
                }
                Box::new(file)
            }
        };
        let mut keep = || -> io::Result<File> {
            let mut kept = tempfile::tempfile()?;
            io::copy(&mut input, &mut kept)?;
            kept.rewind()?;
            Ok(kept)
        };
        keep().map_err(|error| Error::from(error).during("keep what is read from").at(self.name()))
    }
}

fn open_file(path: &Path) -> Result<File> {
    if path.is_dir() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is a folder, a single file is needed")
            .during("read file")
            .at(path.display()));
    }
    File::open(path).map_err(|error| unreadable(error, path))
}

fn unreadable(error: io::Error, path: &Path) -> Error {
    Error::from(error).during("read file").at(path.display())
}
