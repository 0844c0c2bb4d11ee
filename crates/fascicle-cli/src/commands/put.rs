//! `fascicle put`: a file outside becomes an entry.

use super::Context;
use crate::exit::Exit;
use crate::facts::Facts;
use crate::npy::NpyReader;
use crate::place::Place;
use crate::source::{AsKind, FileSource, Source, SourceArguments};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use fascicle::config::parse_argument_value;
use fascicle::convert::FromTableOptions;
use fascicle::exchange::import_with;
use fascicle::{
    ArrayOptions, ArraySpec, Attributes, Codec, DType, Error, ErrorKind, PutOptions, Result, TableOptions,
    WriteMode,
};
use serde_json::{Value as Json, json};
use std::io::Read;

/// Bytes of a file that are written at once.
const PIECE_BYTES: usize = 1 << 20;

/// Put a file into a directory: .npy as an array, .csv .tsv .jsonl .parquet .arrow as a table, anything else as a file
#[derive(Args, Debug)]
#[command(
    override_usage = "fascicle put [OPTIONS] <FILE> <PLACE>\n       fascicle put [OPTIONS] --value <ARRAY> <PLACE>"
)]
pub(crate) struct Put {
    #[command(flatten)]
    source: SourceArguments,

    /// What happens when something is there
    #[arg(long, default_value = "overwrite")]
    mode: Mode,

    /// Elements of a chunk along each axis, for arrays: 100,3
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    chunks: Option<Vec<u64>>,

    /// Compression: none, gzip:1 to gzip:9, zstd:1 to zstd:22
    #[arg(long, value_parser = parse_codec)]
    codec: Option<Codec>,

    /// An attribute; the value is YAML: units=mV, range='[0, 1]'
    #[arg(long = "attribute", value_name = "NAME=VALUE")]
    attributes: Vec<String>,

    /// With --as columns: the dtype of a column, as in name=S50
    #[arg(long = "column-dtype", value_name = "COLUMN=DTYPE")]
    column_dtypes: Vec<String>,
}

/// What happens when something is there.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    /// Refuse
    Create,
    /// Replace an entry of the same kind, refuse any other
    Overwrite,
    /// Replace whatever is there, a directory with everything in it included
    Replace,
}

impl From<Mode> for WriteMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Create => WriteMode::Create,
            Mode::Overwrite => WriteMode::Overwrite,
            Mode::Replace => WriteMode::Replace,
        }
    }
}

/// How an entry is stored.
struct Storage {
    mode: WriteMode,
    array: ArrayOptions,
    column_dtypes: Vec<(String, DType)>,
}

impl Put {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let storage = self.storage()?;
        let (source, given) = self.source.understand()?;
        let place = target(context, &source, &given).await?;
        match source {
            Source::Value(data) => {
                let options = PutOptions { mode: storage.mode, array: storage.array };
                place.root.as_dir().put_with(place.path.as_str(), data, &options).await?;
            }
            Source::File(file) => put_file(&place, &file, storage).await?,
        }
        report(context, &place).await?;
        Ok(Exit::Fine)
    }

    fn storage(&self) -> Result<Storage> {
        let mut attributes = Attributes::new();
        for attribute in &self.attributes {
            let (name, value) = halves(attribute, "attribute", "NAME=VALUE")?;
            attributes.insert(name.to_owned(), crate::json::to_json(&parse_argument_value(value)?));
        }
        let column_dtypes = self.column_dtypes.iter().map(|argument| {
            let (name, dtype) = halves(argument, "column-dtype", "COLUMN=DTYPE")?;
            Ok((name.to_owned(), dtype.parse()?))
        });
        let array = ArrayOptions {
            chunks: self.chunks.clone(),
            codec: self.codec,
            attributes,
            ..ArrayOptions::default()
        };
        Ok(Storage { mode: self.mode.into(), array, column_dtypes: column_dtypes.collect::<Result<_>>()? })
    }
}

/// The place that something is put into or appended to.
pub(super) async fn target(context: &Context, source: &Source, given: &str) -> Result<Place> {
    let place = context.root.locate(given).await?;
    let place = if place.is_given_as_directory() { place.join(&source.entry_name()?)? } else { place };
    if place.path.is_root() {
        return Err(Error::new(ErrorKind::InvalidPath, "this is a root, and an entry is needed")
            .during("write")
            .at(&place.given)
            .hint("name an entry in it: ROOT/DIRECTORY/ENTRY"));
    }
    Ok(place)
}

/// Prints what is there now, with `--json`.
pub(super) async fn report(context: &mut Context, place: &Place) -> Result<()> {
    if !context.output.json {
        return Ok(());
    }
    let mut document = Facts::of(&place.home()?, place.name()).await?.json()?;
    document.insert("path".to_owned(), json!(place.path.as_str()));
    document.insert("root".to_owned(), json!(place.root.location()));
    context.output.json_document(&Json::Object(document))
}

async fn put_file(place: &Place, file: &FileSource, storage: Storage) -> Result<()> {
    let name = place.path.as_str();
    let home = place.root.as_dir();
    let located = |error: Error| error.during("read file").at(file.name());
    let Storage { mode, array, column_dtypes } = storage;
    match file.kind {
        AsKind::Array => {
            let (source, length) = file.open()?;
            let mut reader = NpyReader::open(source, length).map_err(located)?;
            let spec: ArraySpec = reader.spec();
            let mut writer = home.create_array(name, spec, &PutOptions { mode, array }).await?;
            while let Some((region, part)) = reader.next_part().map_err(located)? {
                writer.write(&region, part).await?;
            }
            writer.finish().await
        }
        AsKind::Table => {
            let options = TableOptions { codec: array.codec, attributes: array.attributes };
            import_with(&home, name, file.open_table(None)?, &options, mode).await.map(|_| ())
        }
        AsKind::Columns => {
            let table = file.open_table(None)?;
            let schema = table.schema().clone();
            let batches = table.collect::<Result<Vec<_>>>()?;
            let all = arrow_select::concat::concat_batches(&schema, &batches).map_err(|error| {
                located(
                    Error::new(ErrorKind::LimitExceeded, "the table does not fit into memory")
                        .caused_by(error),
                )
            })?;
            let mut options = FromTableOptions { codec: array.codec, mode, ..FromTableOptions::default() };
            for (column, dtype) in column_dtypes {
                options = options.with_dtype(column, dtype);
            }
            place.directory()?.put_columns(&all, &options).await
        }
        AsKind::File => {
            let (mut source, _) = file.open()?;
            let mut writer = home.create_file(name, mode).await?;
            while let Some(piece) = next_piece(&mut source, PIECE_BYTES).map_err(located)? {
                writer.write(piece).await?;
            }
            writer.finish().await?;
            match array.attributes.is_empty() {
                true => Ok(()),
                false => home.set_attributes(name, &array.attributes).await,
            }
        }
    }
}

/// The next bytes of a file, as many as there are up to `most`; `None` at its end.
pub(super) fn next_piece(source: &mut impl Read, most: usize) -> Result<Option<Bytes>> {
    let mut piece = Vec::with_capacity(most.min(PIECE_BYTES));
    source.by_ref().take(most as u64).read_to_end(&mut piece).map_err(Error::from)?;
    Ok((!piece.is_empty()).then(|| piece.into()))
}

fn halves<'a>(argument: &'a str, option: &str, form: &str) -> Result<(&'a str, &'a str)> {
    argument.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, format!("'{argument}' is not of the form {form}"))
            .during("understand the option")
            .at(format!("--{option}"))
    })
}

fn parse_codec(text: &str) -> std::result::Result<Codec, String> {
    let (name, level) = match text.split_once(':') {
        Some((name, level)) => {
            (name, Some(level.parse::<u8>().map_err(|_| format!("'{level}' is not a level"))?))
        }
        None => (text, None),
    };
    match (name, level) {
        ("none", None) => Ok(Codec::Uncompressed),
        ("gzip", level @ (None | Some(1..=9))) => Ok(Codec::Gzip { level: level.unwrap_or(4) }),
        ("zstd", level @ (None | Some(1..=22))) => Ok(Codec::Zstd { level: level.unwrap_or(3) }),
        _ => Err("compression is none, gzip:1 to gzip:9, or zstd:1 to zstd:22".to_owned()),
    }
}
