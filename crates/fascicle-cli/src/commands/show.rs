//! `fascicle show`: everything that is known of one entry.

use super::Context;
use crate::exit::Exit;
use crate::facts::{Details, Facts, without_build};
use crate::selected::SelectedArray;
use crate::text::{Stats, aligned, element_texts, printable};
use clap::Args;
use fascicle::size::format_size;
use fascicle::tree::{TimeZone, format_time};
use fascicle::{Capability, EntryKind, Error, ErrorKind, Meta, Result};
use serde_json::{Value as Json, json};

/// Show everything that is known of an entry: dtype, shape, chunks, columns, sizes, attributes, config
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The entry
    place: String,

    /// Read an array and show extremes, mean, NaNs, a histogram, and how a series goes
    #[arg(long)]
    stats: bool,
}

impl Show {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let place = context.root.find(&self.place).await?;
        let is_directory = place.kind().await? == Some(EntryKind::Directory);
        let facts = match is_directory {
            true => Facts::of_directory(&place.directory()?).await?,
            false => Facts::of(&place.home()?, place.name()).await?,
        };
        let keeps_attributes = place.root.backend().capabilities().has(Capability::Attributes);
        let attributes = match place.path.is_root() || !keeps_attributes {
            true => serde_json::Map::new(),
            false => place.root.as_dir().attributes(place.path.as_str()).await?,
        };
        let stats = match (&facts.details, self.stats) {
            (_, false) => None,
            (Details::Array(_), true) => {
                let array = place.root.as_dir().array(place.path.as_str()).await?;
                let array = SelectedArray::new(array, None)?;
                let stats = Stats::of(&array).await?;
                Some(stats.ok_or_else(|| {
                    Error::new(ErrorKind::Unsupported, format!("elements of {} have no order", array.dtype()))
                        .during("make statistics of")
                        .at(&self.place)
                })?)
            }
            (_, true) => {
                return Err(Error::new(ErrorKind::WrongKind, format!("it is of kind '{}'", facts.stat.kind))
                    .during("make statistics of")
                    .at(&self.place)
                    .hint("--stats reads an array"));
            }
        };
        if context.output.json {
            let mut document = facts.json()?;
            document.insert("path".to_owned(), json!(place.path.as_str()));
            document.insert("root".to_owned(), json!(place.root.location()));
            document.insert("backend".to_owned(), json!(place.root.backend().name()));
            document.insert("attributes".to_owned(), Json::Object(attributes));
            if let Some(stats) = stats {
                document.insert("stats".to_owned(), stats.json());
            }
            context.output.json_document(&Json::Object(document))?;
            return Ok(Exit::Fine);
        }
        let mut rows = vec![("kind", facts.stat.kind.name().to_owned())];
        rows.extend(details(&facts)?);
        rows.push(("stored as", printable(&facts.stat.stored_name)));
        if !is_directory {
            rows.push(("size", format_size(facts.stat.size_bytes)));
        }
        if let Some(time) = facts.stat.modified.and_then(|time| format_time(time, TimeZone::Local)) {
            rows.push(("last modified", time));
        }
        rows.push(("root", format!("{} ({})", place.root.location(), place.root.backend().name())));
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .filter(|(_, fact)| !fact.is_empty())
            .map(|(name, fact)| vec![format!("{name}:"), fact])
            .collect();
        let mut lines = aligned(&rows, false);
        if let Details::Table(table) = &facts.details {
            lines.push("columns:".to_owned());
            let column = |field: &fascicle::arrow::schema::FieldRef| {
                let null = if field.is_nullable() { "or null" } else { "" };
                vec![format!("  {}", printable(field.name())), field.data_type().to_string(), null.to_owned()]
            };
            lines.extend(aligned(&table.schema.fields().iter().map(column).collect::<Vec<_>>(), false));
        }
        if !attributes.is_empty() {
            lines.push("attributes:".to_owned());
            lines.extend(attributes.iter().map(|(name, value)| format!("  {}: {value}", printable(name))));
        }
        match &facts.details {
            Details::Directory(Ok(Some(meta))) => {
                lines.push("meta:".to_owned());
                let yaml = fascicle::config::write_yaml(&without_build(Meta::clone(meta)).to_value())?;
                lines.extend(yaml.lines().map(|line| format!("  {line}")));
            }
            Details::Directory(Err(error)) => crate::report::warning(&error.chain()),
            _ => {}
        }
        if let Some(stats) = stats {
            lines.extend(stats.lines());
        }
        lines.iter().try_for_each(|line| context.output.line(line))?;
        Ok(Exit::Fine)
    }
}

fn details(facts: &Facts) -> Result<Vec<(&'static str, String)>> {
    Ok(match &facts.details {
        Details::Array(array) => {
            let chunks = array.chunks.as_ref().map(|chunks| format!("{chunks:?}")).unwrap_or_default();
            let fill = array.fill.as_ref().map(element_texts).transpose()?.and_then(|mut texts| texts.pop());
            vec![
                ("dtype", array.dtype.to_string()),
                ("shape", array.shape.to_string()),
                ("elements", array.shape.element_count().to_string()),
                ("chunks", chunks),
                ("codecs", array.codecs.join(", ")),
                ("fill", fill.unwrap_or_default()),
                ("stored bytes", array.stored_bytes.map(format_size).unwrap_or_default()),
            ]
        }
        Details::Table(table) => vec![
            ("rows", table.rows.to_string()),
            ("format", format!("{}, {} parts", table.format, table.parts)),
            ("stored bytes", format_size(table.stored_bytes)),
        ],
        Details::File | Details::Directory(_) => Vec::new(),
    })
}
