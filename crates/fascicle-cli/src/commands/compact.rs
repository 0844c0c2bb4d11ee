//! `fascicle compact`: the small parts of tables are merged.

use super::Context;
use crate::duration::parse_duration;
use crate::exit::Exit;
use crate::place::Place;
use crate::text::printable;
use clap::Args;
use fascicle::{CompactOptions, Compaction, EntryKind, Error, ErrorKind, Result};
use serde_json::json;
use std::time::Duration;

/// Merge the small parts in which tables are stored
///
/// Without --apply says what would be done and changes nothing. The rows stay as they are; reading and appending may go on
/// meanwhile. Other programs go on reading the parts that were merged, until the time of --grace is over and the tables are
/// compacted again: then the merged parts take their place, and a program that reads the files at that moment may fail, or see rows
/// twice.
#[derive(Args, Debug)]
pub(crate) struct Compact {
    /// A table, or a directory: all tables in it
    place: String,

    /// Do it
    #[arg(long)]
    apply: bool,

    /// For how long other programs go on reading the parts that were merged
    #[arg(long, default_value = "24h", value_parser = parse_duration)]
    grace: Duration,

    /// About how many MiB a merged part has
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    target_mib: u64,
}

impl Compact {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let place = context.root.find(&self.place).await?;
        let options =
            CompactOptions { target_bytes: self.target_mib << 20, grace: self.grace, dry_run: !self.apply };
        let mut done = Vec::new();
        for (name, table) in tables_in(&self.place, place).await? {
            let compaction = table.home()?.table(table.name()).await?.compact(&options).await;
            match compaction {
                Ok(compaction) => done.push((name, compaction)),
                // Gone since it was listed.
                Err(error) if error.is_not_found() && name != self.place => {}
                Err(error) => return Err(error),
            }
        }
        if context.output.json {
            let tables: Vec<_> = done
                .iter()
                .map(|(name, compaction)| {
                    json!({
                        "table": name,
                        "parts_before": compaction.parts_before,
                        "parts_after": compaction.parts_after,
                        "merged_parts": compaction.merged_parts,
                        "removed_files": compaction.removed_files,
                        "waiting_files": compaction.waiting_files,
                    })
                })
                .collect();
            context.output.json_document(&json!({ "applied": self.apply, "tables": tables }))?;
            return Ok(Exit::Fine);
        }
        for (name, compaction) in &done {
            context.output.line(format!("{}: {}", printable(name), self.told(compaction)))?;
        }
        if !self.apply && done.iter().any(|(_, compaction)| compaction.merged_parts > 0) {
            context.output.line("nothing was changed; --apply does it")?;
        }
        Ok(Exit::Fine)
    }

    fn told(&self, compaction: &Compaction) -> String {
        let Compaction { parts_before, parts_after, removed_files, waiting_files, .. } = compaction;
        let verb = if self.apply { "" } else { "would be " };
        let mut text = match parts_before == parts_after {
            true => format!("{parts_before} parts"),
            false => format!("{parts_before} parts {verb}merged into {parts_after}"),
        };
        if *removed_files > 0 {
            text.push_str(&format!(", {removed_files} files removed"));
        }
        if *waiting_files > 0 {
            text.push_str(&format!(", {waiting_files} files wait to be removed"));
        }
        text
    }
}

/// The table at a place, or all tables in the directory there, with what they are called.
async fn tables_in(given: &str, place: Place) -> Result<Vec<(String, Place)>> {
    match place.kind().await? {
        Some(EntryKind::Table) => return Ok(vec![(given.to_owned(), place)]),
        Some(EntryKind::Directory) => {}
        kind => {
            let kind = kind.map_or_else(|| "missing".to_owned(), |kind| format!("of kind {kind}"));
            let why = format!("it is {kind}, neither a table nor a directory");
            return Err(Error::new(ErrorKind::WrongKind, why).during("compact").at(given));
        }
    }
    let mut found = Vec::new();
    let mut directories = vec![(given.to_owned(), place)];
    while let Some((name, place)) = directories.pop() {
        for entry in place.directory()?.entries().await? {
            let (inner_name, inner) =
                (format!("{}/{}", name.trim_end_matches('/'), entry.name), place.join(&entry.name)?);
            match entry.kind {
                EntryKind::Table => found.push((inner_name, inner)),
                EntryKind::Directory => directories.push((inner_name, inner)),
                EntryKind::Array | EntryKind::File => {}
            }
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}
