//! `fascicle append`: rows or bytes at the end of an entry.

use super::Context;
use super::put::{next_piece, report, target};
use crate::exit::Exit;
use crate::npy::NpyReader;
use crate::place::Place;
use crate::source::{AsKind, FileSource, Source, SourceArguments};
use crate::value::as_rows;
use clap::Args;
use fascicle::exchange::append_with;
use fascicle::{Error, ErrorKind, Result};

/// So many bytes of a file appear at once.
const MOST_BYTES_AT_ONCE: usize = 256 << 20;

/// Add rows to an array or a table, or bytes to a file; it is created when it is not there
///
/// The dtype and the columns must fit what is there. Input of up to 256 MiB (arrays: 8 MiB) appears all at once, larger input
/// in parts of that size.
#[derive(Args, Debug)]
#[command(
    override_usage = "fascicle append [OPTIONS] <FILE> <PLACE>\n       fascicle append [OPTIONS] --value <ARRAY> <PLACE>"
)]
pub(crate) struct Append {
    #[command(flatten)]
    source: SourceArguments,
}

impl Append {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let (source, given) = self.source.understand()?;
        let place = target(context, &source, &given).await?;
        match source {
            Source::Value(data) => {
                place.root.as_dir().append(place.path.as_str(), as_rows(data)?).await?;
            }
            Source::File(file) => append_file(&place, &file).await?,
        }
        report(context, &place).await?;
        Ok(Exit::Fine)
    }
}

async fn append_file(place: &Place, file: &FileSource) -> Result<()> {
    let (home, name) = (place.root.as_dir(), place.path.as_str());
    let located = |error: Error| error.during("read file").at(file.name());
    match file.kind {
        AsKind::Array => {
            let (source, length) = file.open()?;
            let mut reader = NpyReader::open(source, length).map_err(located)?;
            if reader.spec().shape.rank() == 0 {
                return home.append(name, reader.no_rows()?).await.map(|_| ());
            }
            if !reader.is_in_rows() {
                // Rows lie scattered over such a file, so it is read as a whole; it then is no longer in rows of its own.
                let rows = reader.read_all().map_err(located)?;
                return home.append(name, rows).await.map(|_| ());
            }
            let mut done = 0;
            while let Some(rows) = reader.next_rows(&mut done).map_err(located)? {
                home.append(name, rows).await?;
            }
            // Nothing was appended of a file without rows: it still must fit, and creates the array when there is none.
            match done {
                0 => home.append(name, reader.no_rows()?).await.map(|_| ()),
                _ => Ok(()),
            }
        }
        AsKind::Table => {
            let stored = match home.table(name).await {
                Ok(table) => Some(table.schema().clone()),
                Err(error) if error.is_not_found() => None,
                Err(error) => return Err(error),
            };
            append_with(&home, name, file.open_table(stored)?).await.map(|_| ())
        }
        AsKind::Columns => {
            Err(Error::new(ErrorKind::InvalidInput, "columns cannot be appended to a whole directory")
                .during("append to")
                .at(name)
                .hint("append to each array, or to a table"))
        }
        AsKind::File => {
            let (mut source, _) = file.open()?;
            let mut is_empty = true;
            while let Some(piece) = next_piece(&mut source, MOST_BYTES_AT_ONCE).map_err(located)? {
                is_empty = false;
                home.append_file(name, piece).await?;
            }
            if is_empty {
                home.append_file(name, Vec::new()).await?;
            }
            Ok(())
        }
    }
}
