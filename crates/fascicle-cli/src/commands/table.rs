//! `fascicle table`: the arrays of a directory, or the configs of many, as one table.

use super::Context;
use super::get::{Destination, get_batch, get_directory};
use crate::exit::Exit;
use crate::format::Format;
use clap::Args;
use fascicle::convert::{BytesForm, ToTableOptions};
use fascicle::{Directory, EntryKind, Error, ErrorKind, Result, metas_as_table};
use std::path::PathBuf;

/// Make one table of the arrays in a directory, or with --configs of the configs of several directories
#[derive(Args, Debug)]
pub(crate) struct Table {
    /// The directory; with --configs directories, or roots for all directories in them
    #[arg(required = true, value_name = "PLACE")]
    places: Vec<String>,

    /// The file to write: .csv, .tsv, .json, .jsonl, .parquet or .arrow; '-' is the standard output. Without it the table is printed in short
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The format to write; by default the one of the file's ending
    #[arg(long)]
    format: Option<Format>,

    /// Put configs and statuses side by side: a row for each field, a column for each directory
    #[arg(long)]
    configs: bool,

    /// With --configs: what the columns are called
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', requires = "configs")]
    names: Option<Vec<String>>,

    /// Only these arrays, in this order
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "configs")]
    include: Option<Vec<String>>,

    /// Not these arrays
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "configs")]
    exclude: Vec<String>,

    /// Give bytes as bytes, also where they are text
    #[arg(long, conflicts_with = "configs")]
    binary: bool,
}

impl Table {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let destination = Destination::new(self.output.clone(), self.format);
        if self.configs {
            return self.configs(context, &destination).await;
        }
        let [place] = self.places.as_slice() else {
            return Err(Error::new(ErrorKind::InvalidInput, "the arrays of one directory make one table")
                .hint("several directories are put side by side with --configs"));
        };
        let directory = context.root.find_directory(place).await?;
        let bytes = if self.binary { BytesForm::Binary } else { BytesForm::Auto };
        let options = ToTableOptions {
            include: self.include,
            exclude: self.exclude,
            bytes,
            ..ToTableOptions::default()
        };
        get_directory(&directory, &destination, &mut context.output, &options).await?;
        Ok(Exit::Fine)
    }

    async fn configs(self, context: &mut Context, destination: &Destination) -> Result<Exit> {
        let mut directories: Vec<(String, Directory)> = Vec::new();
        for given in &self.places {
            let directory = context.root.find_directory(given).await?;
            if !directory.path().is_root() {
                directories.push((directory.name().to_owned(), directory));
                continue;
            }
            for entry in
                directory.entries().await?.into_iter().filter(|entry| entry.kind == EntryKind::Directory)
            {
                let inner = directory.dir(&entry.name)?;
                match inner.meta().await {
                    Ok(_) => directories.push((entry.name, inner)),
                    // One broken meta does not keep the others from being shown.
                    Err(error) => crate::report::warning(&error.chain()),
                }
            }
        }
        if let Some(names) = self.names {
            if names.len() != directories.len() {
                let message =
                    format!("{} names are given for {} directories", names.len(), directories.len());
                return Err(Error::new(ErrorKind::InvalidInput, message));
            }
            directories.iter_mut().zip(names).for_each(|((name, _), given)| *name = given);
        }
        let named: Vec<(&str, &Directory)> =
            directories.iter().map(|(name, inner)| (name.as_str(), inner)).collect();
        get_batch(metas_as_table(&named).await?, destination, &mut context.output).await?;
        Ok(Exit::Fine)
    }
}
