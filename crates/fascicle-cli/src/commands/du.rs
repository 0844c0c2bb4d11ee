//! `fascicle du`: how much storage an entry occupies.

use super::Context;
use crate::exit::Exit;
use crate::text::{aligned, printable, utc};
use clap::Args;
use fascicle::size::{DEFAULT_SIZE_WARNING_BYTES, Usage, format_size, size_warning, usage};
use fascicle::{EntryKind, Result};
use serde_json::{Value as Json, json};

/// Show how much storage an entry, and each entry in a directory, occupies
#[derive(Args, Debug)]
pub(crate) struct Du {
    /// The entry
    #[arg(default_value = ".")]
    place: String,

    /// Print the total only
    #[arg(short, long)]
    summarize: bool,

    /// Print bytes instead of rounded sizes
    #[arg(short, long)]
    bytes: bool,
}

impl Du {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let place = context.root.find(&self.place).await?;
        let backend = &**place.root.backend();
        let total = usage(backend, &place.path).await?;
        let mut parts: Vec<(String, EntryKind, Usage)> = Vec::new();
        if !self.summarize && place.kind().await? == Some(EntryKind::Directory) {
            for entry in place.directory()?.entries().await? {
                match usage(backend, &place.path.join(&entry.name)?).await {
                    Ok(part) => parts.push((entry.name, entry.kind, part)),
                    // Gone since it was listed.
                    Err(error) if error.is_not_found() => {}
                    Err(error) => return Err(error),
                }
            }
        }
        if let Some(warning) = size_warning(&self.place, total.size_bytes, DEFAULT_SIZE_WARNING_BYTES) {
            crate::report::warning(&warning);
        }
        if context.output.json {
            let mut document = usage_json(&total);
            let part = |(name, kind, usage): &(String, EntryKind, Usage)| {
                let mut document = usage_json(usage);
                document["name"] = json!(name);
                document["kind"] = json!(kind.name());
                document
            };
            document["entries"] = Json::Array(parts.iter().map(part).collect());
            context.output.json_document(&document)?;
            return Ok(Exit::Fine);
        }
        let size = |usage: &Usage| match self.bytes {
            true => usage.size_bytes.to_string(),
            false => format_size(usage.size_bytes),
        };
        let mut rows: Vec<Vec<String>> =
            parts.iter().map(|(name, _, usage)| vec![size(usage), printable(name)]).collect();
        rows.push(vec![size(&total), printable(&self.place)]);
        aligned(&rows, false).iter().try_for_each(|line| context.output.line(line))?;
        Ok(Exit::Fine)
    }
}

fn usage_json(usage: &Usage) -> Json {
    json!({
        "size_bytes": usage.size_bytes,
        "last_modified": usage.last_modified.and_then(utc),
        "arrays": usage.arrays,
        "tables": usage.tables,
        "files": usage.files,
        "directories": usage.directories,
    })
}
