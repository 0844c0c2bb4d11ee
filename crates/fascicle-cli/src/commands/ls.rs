//! `fascicle ls`: what a directory holds.

use super::Context;
use crate::exit::Exit;
use crate::facts::Facts;
use crate::report;
use crate::text::{aligned, printable};
use clap::Args;
use fascicle::{EntryKind, Result};
use serde_json::{Map, Value as Json, json};

/// List the entries of a directory: kind, what is known of it, name
#[derive(Args, Debug)]
pub(crate) struct Ls {
    /// The directory, or a single entry
    #[arg(default_value = ".")]
    place: String,

    /// Print names only, one on each line
    #[arg(short = '1', long)]
    names: bool,
}

impl Ls {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let place = context.root.find(&self.place).await?;
        let (directory, names) = match place.kind().await? {
            Some(EntryKind::Directory) => {
                let directory = place.directory()?;
                let entries = directory.entries().await?;
                (directory, entries)
            }
            _ => {
                let home = place.home()?;
                let own =
                    home.entries().await?.into_iter().filter(|entry| entry.name == place.name()).collect();
                (home, own)
            }
        };
        if self.names && !context.output.json {
            names.iter().try_for_each(|entry| context.output.line(printable(&entry.name)))?;
            return Ok(Exit::Fine);
        }
        let (mut rows, mut documents, mut exit) = (Vec::new(), Vec::new(), Exit::Fine);
        for entry in &names {
            let mut document = Map::from_iter([("name".to_owned(), json!(entry.name))]);
            let words = match Facts::of(&directory, &entry.name).await {
                Ok(facts) => {
                    document.extend(facts.json()?);
                    facts.words()
                }
                // Gone since it was listed.
                Err(error) if error.is_not_found() => continue,
                Err(error) => {
                    exit = Exit::of(error.kind());
                    document.insert("kind".to_owned(), json!(entry.kind.name()));
                    document.insert("error".to_owned(), json!(error.chain()));
                    if !context.output.json {
                        report::warning(&error.chain());
                    }
                    "unreadable".to_owned()
                }
            };
            rows.push(vec![entry.kind.name().to_owned(), words, printable(&entry.name)]);
            documents.push(Json::Object(document));
        }
        if context.output.json {
            context.output.json_document(&Json::Array(documents))?;
        } else {
            aligned(&rows, false).iter().try_for_each(|line| context.output.line(line))?;
        }
        Ok(exit)
    }
}
