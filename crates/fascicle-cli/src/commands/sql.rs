//! `fascicle sql`: a query, printed or as a file outside.

use super::Context;
use super::get::{Destination, rows_json, write_rows};
use crate::exit::Exit;
use crate::format::Format;
use crate::output::Output;
use crate::text::{Preview, printable};
use clap::Args;
use fascicle::arrow::array::{Array, RecordBatch, StringArray};
use fascicle::convert::BytesForm;
use fascicle::expert::parse_byte_size;
use fascicle::sql::{QueryOptions, QueryStream, query_with};
use fascicle::{EntryKind, Error, ErrorKind, Result};
use futures::TryStreamExt;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Names in a query, shown at the end of `--help`.
const HELP: &str = "\
Names in a query:
  cells                  the table 'cells' of the directory
  loss                   the array 'loss' as a table of one column
  arrays                 all arrays of the directory, a column each
  configs                all directories within, a row each, with the columns
                         path, name, type, status, modified, config.seed, …
  connections.edges      'edges' in the nested directory 'connections'
  \"a/b/c\".edges        however deep
Names are taken as they are written: Cells is not cells. What is stored wins
over 'arrays' and 'configs', which are always there as '_arrays' and '_configs'.

  fascicle sql data \"select path from configs where config.seed = 0\"
  fascicle sql data/Cells_0000 \"select type, avg(x) from arrays group by type\"";

/// Ask a query in SQL about the tables, arrays and configs of a directory
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct Sql {
    /// The directory, or a root
    place: String,

    /// The query; '-' is the standard input
    query: String,

    /// The file to write, as a whole or not at all; '-' is the standard output. Without it the first rows are printed
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The format to write; by default the one of the file's ending
    #[arg(long)]
    format: Option<Format>,

    /// The most rows that are printed as text
    #[arg(long, value_name = "N", default_value = "50")]
    rows: usize,

    /// The most memory that sorting, grouping and joining hold; beyond it they go to temporary files
    #[arg(long, value_name = "BYTES", default_value = "1GiB", value_parser = parse_byte_size)]
    memory: u64,

    /// The most bytes of temporary files; 0 makes none
    #[arg(long, value_name = "BYTES", default_value = "64GiB", value_parser = parse_byte_size)]
    spill: u64,

    /// On how many cores groups and joins are computed; all without it
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Give bytes in arrays as bytes, also where they are text
    #[arg(long)]
    binary: bool,
}

impl Sql {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let directory = context.root.find_directory(&self.place).await?;
        let query = if self.query == "-" { standard_input()? } else { self.query };
        let bytes = if self.binary { BytesForm::Binary } else { BytesForm::Auto };
        let options =
            QueryOptions { memory_bytes: self.memory, spill_bytes: self.spill, threads: self.threads, bytes };
        let answer = query_with(&directory, &query, &options).await?;
        let destination = Destination::new(self.output, self.format);
        let output = &mut context.output;
        match destination.format {
            None if output.json => rows_json(&answer.schema, answer.batches, output).await?,
            None => print(answer, self.rows, output).await?,
            Some(format) => {
                let QueryStream { schema, batches } = answer;
                destination
                    .write(output, async |target| {
                        write_rows(&schema, batches, format, EntryKind::Table, target).await
                    })
                    .await?;
            }
        }
        Ok(Exit::Fine)
    }
}

fn standard_input() -> Result<String> {
    let mut query = String::new();
    std::io::stdin().read_to_string(&mut query).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Error::new(ErrorKind::InvalidInput, "the query is not UTF-8"),
        _ => Error::from(error).during("read the query from").at("standard input"),
    })?;
    Ok(query)
}

/// Prints the first rows; of those beyond them none is computed.
async fn print(mut answer: QueryStream, most: usize, output: &mut Output) -> Result<()> {
    let mut preview = Preview::new(&answer.schema, 0);
    let (mut shown, mut is_all) = (0, true);
    while let Some(batch) = answer.batches.try_next().await? {
        if let Some(plans) = plans(&batch) {
            plans.iter().try_for_each(|line| output.line(line))?;
            return Ok(());
        }
        let rows = batch.num_rows().min(most - shown);
        preview.add(shown as u64, &batch.slice(0, rows))?;
        shown += rows;
        if rows < batch.num_rows() {
            is_all = false;
            break;
        }
    }
    preview.lines_without_size().iter().try_for_each(|line| output.line(line))?;
    let columns = answer.schema.fields().len();
    output.line(match is_all {
        true => format!("[{shown} rows x {columns} columns]"),
        false => {
            format!("[the first {shown} rows x {columns} columns; --rows shows more, -o FILE writes all]")
        }
    })
}

/// What `explain` answers, line by line.
fn plans(batch: &RecordBatch) -> Option<Vec<String>> {
    let text = |name: &str| batch.column_by_name(name)?.as_any().downcast_ref::<StringArray>();
    let (kinds, plans) = (text("plan_type")?, text("plan")?);
    let plan = |row: usize| {
        let lines = plans.value(row).lines().map(|line| format!("  {}", printable(line)));
        std::iter::once(format!("{}:", kinds.value(row))).chain(lines).collect::<Vec<_>>()
    };
    (batch.num_columns() == 2).then(|| (0..kinds.len()).flat_map(plan).collect())
}
