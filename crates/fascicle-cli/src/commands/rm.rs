//! `fascicle rm`: entries are removed.

use super::Context;
use crate::exit::Exit;
use clap::Args;
use fascicle::{EntryKind, Error, ErrorKind, Result};
use serde_json::json;

/// Remove entries
#[derive(Args, Debug)]
pub(crate) struct Rm {
    /// The entries
    #[arg(required = true)]
    places: Vec<String>,

    /// Remove directories with everything in them
    #[arg(short, long)]
    recursive: bool,

    /// Say nothing of entries that are not there
    #[arg(short, long)]
    force: bool,
}

impl Rm {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let mut found = Vec::new();
        // All are looked at first, so that a wrong one leaves everything as it was.
        for given in &self.places {
            let place = match context.root.find(given).await {
                Err(error) if error.is_not_found() && self.force => continue,
                answer => answer?,
            };
            let refuse = |message: &str, hint: &str| {
                Err(Error::new(ErrorKind::InvalidInput, message).during("remove").at(given).hint(hint))
            };
            if place.path.is_root() {
                return refuse("this is a root and not an entry", "remove the entries in it");
            }
            if place.kind().await? == Some(EntryKind::Directory)
                && !self.recursive
                && !place.directory()?.is_empty().await?
            {
                return refuse(
                    "it is a directory that is not empty",
                    "remove it with everything in it by -r",
                );
            }
            found.push(place);
        }
        for place in &found {
            match place.root.as_dir().remove(place.path.as_str()).await {
                Err(error) if error.is_not_found() && self.force => {}
                answer => answer?,
            }
        }
        if context.output.json {
            let removed: Vec<&str> = found.iter().map(|place| place.path.as_str()).collect();
            context.output.json_document(&json!({ "removed": removed }))?;
        }
        Ok(Exit::Fine)
    }
}
