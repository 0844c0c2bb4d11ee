//! `fascicle get`: an entry as a file outside, or printed.

use super::Context;
use crate::exit::Exit;
use crate::facts::columns_json;
use crate::format::Format;
use crate::npy::{NpyWriter, text_width};
use crate::output::Output;
use crate::place::Place;
use crate::save::Saved;
use crate::selected::SelectedArray;
use crate::text::{EDGE_ROWS, Preview, array_text, batch_json, cells, elements_json};
use clap::Args;
use fascicle::arrow::schema::{Schema, SchemaRef};
use fascicle::backend::BatchStream;
use fascicle::convert::{BytesForm, ToTableOptions, arrow_field, values_to_arrow};
use fascicle::exchange::{FileFormat, TableFileWriter, export};
use fascicle::{ArrayData, Directory, EntryKind, Error, ErrorKind, Result, ScanOptions, Table};
use futures::TryStreamExt;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Get an entry out: printed, or as a file in the format of its ending
///
/// Arrays are written to .npy, or as a table of one column; tables to .csv, .tsv, .json, .jsonl, .parquet and .arrow; files as they
/// are; of a directory all arrays as one table. Without -o arrays and tables are printed in short, files as they are.
#[derive(Args, Debug)]
pub(crate) struct Get {
    /// The entry
    place: String,

    /// The file to write, as a whole or not at all; '-' is the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The part of an array, as in Python: '0:50,::2'
    #[arg(long, allow_hyphen_values = true)]
    slice: Option<String>,

    /// The format to write; by default the one of the file's ending
    #[arg(long)]
    format: Option<Format>,
}

/// Where an entry goes, and in which format; `None` prints it.
pub(super) struct Destination {
    pub(super) path: Option<PathBuf>,
    pub(super) format: Option<Format>,
}

impl Destination {
    /// What `-o` and `--format` say. A format without a file goes to the standard output.
    pub(super) fn new(output: Option<PathBuf>, format: Option<Format>) -> Self {
        let path = output.filter(|path| path != Path::new("-"));
        let format = format.or_else(|| path.as_deref().map(Format::of_path));
        Destination { path, format }
    }

    /// Writes with `write`, to the file, as a whole or not at all, or to the standard output.
    pub(super) async fn write<F>(&self, output: &mut Output, write: F) -> Result<()>
    where
        F: AsyncFnOnce(&mut (dyn Write + Send)) -> Result<()>,
    {
        match &self.path {
            None => write(output).await,
            Some(path) => {
                let mut file = Saved::create(path)?;
                write(&mut file).await.map_err(|error| match error.operation() {
                    Some(_) => error,
                    None => error.during("write file").at(path.display()),
                })?;
                file.finish()
            }
        }
    }
}

impl Get {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let place = context.root.find(&self.place).await?;
        let kind = place.kind().await?.unwrap_or(EntryKind::Directory);
        if self.slice.is_some() && kind != EntryKind::Array {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("only arrays have slices, and this is a {kind}"),
            )
            .during("get")
            .at(&self.place));
        }
        let destination = Destination::new(self.output, self.format);
        let output = &mut context.output;
        match kind {
            EntryKind::Array => {
                let array = place.root.as_dir().array(place.path.as_str()).await?;
                get_array(&SelectedArray::new(array, self.slice.as_deref())?, &destination, output).await?;
            }
            EntryKind::Table => {
                let table = place.root.as_dir().table(place.path.as_str()).await?;
                get_table(&table, &destination, output).await?;
            }
            EntryKind::File => get_file(&place, &destination, self.format, output).await?,
            EntryKind::Directory => {
                get_directory(&place.directory()?, &destination, output, &ToTableOptions::default()).await?
            }
        }
        Ok(Exit::Fine)
    }
}

async fn get_array(array: &SelectedArray, destination: &Destination, output: &mut Output) -> Result<()> {
    match destination.format {
        None if output.json => array_json(array, output).await,
        None => {
            let lines = array_text(array).await?;
            lines.iter().try_for_each(|line| output.line(line))
        }
        Some(Format::Npy) => destination.write(output, async |target| write_npy(array, target).await).await,
        Some(format) => match format.of_table() {
            Some(format) => {
                destination.write(output, async |target| write_column(array, format, target).await).await
            }
            None => Err(format.refuse(EntryKind::Array).during("get").at(array.name())),
        },
    }
}

async fn write_npy(array: &SelectedArray, target: &mut (dyn Write + Send)) -> Result<()> {
    let mut width = 0;
    if array.dtype() == fascicle::DType::Text {
        for block in array.blocks()? {
            width = width.max(text_width(array.read(&block).await?.values()));
        }
    }
    let mut writer = NpyWriter::create(target, array.dtype(), array.shape(), width)?;
    for block in array.blocks()? {
        writer.write(&array.read(&block).await?)?;
    }
    Ok(())
}

/// Writes an array as a table of one column, its first axis the rows.
async fn write_column(
    array: &SelectedArray,
    format: FileFormat,
    target: &mut (dyn Write + Send),
) -> Result<()> {
    let form = column_form(array).await?;
    let field = arrow_field(array.name(), array.dtype(), array.shape().trailing(), form)?;
    let schema: SchemaRef = Arc::new(Schema::new(vec![field]));
    let mut writer = TableFileWriter::create(target, format, &schema)?;
    let total = array.shape().rows().unwrap_or(1);
    let mut start = 0;
    while start < total {
        let rows = array.block_rows().min(total - start);
        let (shape, values) = array.read_rows(start, rows).await?.into_parts();
        writer.write(&batch(&schema, vec![values_to_arrow(values, &shape, form)?])?)?;
        start += rows;
    }
    writer.finish()
}

/// Whether the fixed-length bytes of an array, if it has any, are text throughout.
async fn column_form(array: &SelectedArray) -> Result<BytesForm> {
    if !matches!(array.dtype(), fascicle::DType::FixedBytes(_)) {
        return Ok(BytesForm::Auto);
    }
    for block in array.blocks()? {
        let (shape, values) = array.read(&block).await?.into_parts();
        if let Err(error) = values_to_arrow(values, &shape, BytesForm::Text) {
            match error.kind() {
                ErrorKind::Mismatch => return Ok(BytesForm::Binary),
                _ => return Err(error),
            }
        }
    }
    Ok(BytesForm::Text)
}

/// Prints `{"dtype": …, "shape": […], "data": …}` block by block.
async fn array_json(array: &SelectedArray, output: &mut Output) -> Result<()> {
    let lengths = array.shape().to_vec();
    let shape = json!(lengths);
    output.bytes(
        format!("{{\"dtype\": {}, \"shape\": {shape}, \"data\": ", json!(array.dtype().to_string()))
            .as_bytes(),
    )?;
    if array.shape().element_count() == 0 {
        return output.line("[]}");
    }
    // How many elements each bracket holds, the innermost first.
    let mut brackets: Vec<u64> = Vec::new();
    for length in lengths.iter().rev() {
        brackets.push(length * brackets.last().copied().unwrap_or(1));
    }
    let mut at: u64 = 0;
    for block in array.blocks()? {
        let mut text = String::new();
        for element in elements_json(array.read(&block).await?.values())? {
            text.push_str(if at == 0 { "" } else { ", " });
            brackets.iter().filter(|size| at.is_multiple_of(**size)).for_each(|_| text.push('['));
            text.push_str(&element.to_string());
            at += 1;
            brackets.iter().filter(|size| at.is_multiple_of(**size)).for_each(|_| text.push(']'));
        }
        output.bytes(text.as_bytes())?;
    }
    output.line("}")
}

async fn get_table(table: &Table, destination: &Destination, output: &mut Output) -> Result<()> {
    let schema = table.schema().clone();
    match destination.format {
        None if output.json => {
            let batches = table.scan(&ScanOptions::default()).await?;
            rows_json(&schema, batches, output).await
        }
        None => {
            let mut preview = Preview::new(&schema, table.rows());
            let (head, tail) = match Preview::is_elided(table.rows()) {
                true => (EDGE_ROWS, Some(table.rows() - EDGE_ROWS)),
                false => (table.rows(), None),
            };
            preview.add(0, &table.read_with(&ScanOptions::default().with_limit(head)).await?)?;
            if let Some(start) = tail {
                let options = ScanOptions::default().with_offset(start).with_limit(EDGE_ROWS);
                preview.add(start, &table.read_with(&options).await?)?;
            }
            preview.lines().iter().try_for_each(|line| output.line(line))
        }
        Some(format) => {
            let batches = table.scan(&ScanOptions::default()).await?;
            destination
                .write(output, async |target| {
                    write_rows(&schema, batches, format, EntryKind::Table, target).await
                })
                .await
        }
    }
}

/// The arrays of a directory as one table.
pub(super) async fn get_directory(
    directory: &Directory,
    destination: &Destination,
    output: &mut Output,
    options: &ToTableOptions,
) -> Result<()> {
    match destination.format {
        None if output.json => {
            let table = directory.to_table_stream(options).await?;
            rows_json(&table.schema, table.batches, output).await
        }
        None => {
            let short = options.clone().with_batch_rows(2 * EDGE_ROWS as usize);
            let mut table = directory.to_table_stream(&short).await?;
            let mut preview = Preview::new(&table.schema, table.rows);
            let first = table.batches.try_next().await?;
            if let Some(first) = first {
                let head = if Preview::is_elided(table.rows) { EDGE_ROWS as usize } else { first.num_rows() };
                preview.add(0, &first.slice(0, head.min(first.num_rows())))?;
            }
            if Preview::is_elided(table.rows) {
                let start = table.rows - EDGE_ROWS;
                let mut columns = Vec::new();
                for field in table.schema.fields() {
                    columns.push(last_cells(directory, field.name(), start).await?);
                }
                preview.add_cells(start, &columns);
            }
            preview.lines().iter().try_for_each(|line| output.line(line))
        }
        Some(format) => {
            let table = directory.to_table_stream(options).await?;
            let (schema, batches) = (table.schema, table.batches);
            destination
                .write(output, async |target| {
                    write_rows(&schema, batches, format, EntryKind::Directory, target).await
                })
                .await
        }
    }
}

/// The cells of an array from row `start` on, of one that is repeated its only one.
async fn last_cells(directory: &Directory, name: &str, start: u64) -> Result<Vec<String>> {
    let array = directory.array(name).await?;
    let is_repeated = array.len() <= 1;
    let data: ArrayData = match is_repeated {
        true => array.read().await?,
        false => array.select(fascicle::Selection::rows(start..array.len()))?.read().await?,
    };
    let (shape, values) = data.into_parts();
    let cells = cells(&values_to_arrow(values, &shape, BytesForm::Auto)?)?;
    let cell = cells.first().cloned().unwrap_or_default();
    Ok(if is_repeated { vec![cell; EDGE_ROWS as usize] } else { cells })
}

/// Prints `{"columns": […], "data": [{…}, …]}` batch by batch.
pub(super) async fn rows_json(
    schema: &SchemaRef,
    mut batches: BatchStream,
    output: &mut Output,
) -> Result<()> {
    output.bytes(format!("{{\"columns\": {}, \"data\": [", columns_json(schema)).as_bytes())?;
    let mut is_first = true;
    while let Some(batch) = batches.try_next().await? {
        if batch.num_rows() == 0 {
            continue;
        }
        output.bytes(if is_first { b"" } else { b"," })?;
        is_first = false;
        output.bytes(&batch_json(&batch)?)?;
    }
    output.line("]}")
}

/// Writes the rows of a stream in a format of tables.
pub(super) async fn write_rows(
    schema: &SchemaRef,
    batches: BatchStream,
    format: Format,
    kind: EntryKind,
    target: &mut (dyn Write + Send),
) -> Result<()> {
    export(schema, batches, format.of_table().ok_or_else(|| format.refuse(kind))?, target).await
}

/// Prints or writes a table that is in memory.
pub(super) async fn get_batch(
    rows: fascicle::arrow::array::RecordBatch,
    destination: &Destination,
    output: &mut Output,
) -> Result<()> {
    let schema = rows.schema();
    let mut lines = Preview::new(&schema, 0);
    match destination.format {
        None if output.json => rows_json(&schema, stream_of(rows), output).await,
        None => {
            lines.add(0, &rows)?;
            lines.lines_without_size().iter().try_for_each(|line| output.line(line))
        }
        Some(format) => {
            let batches = stream_of(rows);
            destination
                .write(output, async |target| {
                    write_rows(&schema, batches, format, EntryKind::Table, target).await
                })
                .await
        }
    }
}

fn stream_of(rows: fascicle::arrow::array::RecordBatch) -> BatchStream {
    Box::pin(futures::stream::iter([Ok(rows)]))
}

async fn get_file(
    place: &Place,
    destination: &Destination,
    format: Option<Format>,
    output: &mut Output,
) -> Result<()> {
    if let Some(format) = format.filter(|format| *format != Format::Bytes) {
        return Err(format.refuse(EntryKind::File).during("get").at(&place.given));
    }
    let file = place.root.as_dir().file(place.path.as_str()).await?;
    if destination.path.is_none() && output.json {
        let bytes = file.read().await?;
        let mut document = json!({ "size_bytes": bytes.len() });
        match std::str::from_utf8(&bytes) {
            Ok(text) => document["text"] = json!(text),
            Err(_) => {
                document["base64"] = crate::json::to_json(&fascicle::config::Value::Bytes(bytes.to_vec()))
            }
        }
        return output.json_document(&document);
    }
    let mut pieces = file.stream(None).await?;
    let write = async |target: &mut (dyn Write + Send)| {
        while let Some(piece) = pieces.try_next().await? {
            target.write_all(&piece).map_err(Error::from)?;
        }
        Ok(())
    };
    destination.write(output, write).await
}

fn batch(
    schema: &SchemaRef,
    columns: Vec<fascicle::arrow::array::ArrayRef>,
) -> Result<fascicle::arrow::array::RecordBatch> {
    fascicle::arrow::array::RecordBatch::try_new(SchemaRef::clone(schema), columns).map_err(|error| {
        Error::new(ErrorKind::Internal, "a column does not fit its own type").caused_by(error)
    })
}
