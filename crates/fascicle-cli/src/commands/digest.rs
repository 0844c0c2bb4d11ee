//! `fascicle digest`: what an entry holds, as one number.

use super::Context;
use crate::exit::Exit;
use crate::text::printable;
use clap::Args;
use fascicle::Result;
use fascicle::compare::Place;
use fascicle::digest::DIGEST_FORMAT;
use serde_json::json;

/// Print the digest of entries: the same for equal content in every format
///
/// Each line is the digest, two spaces and the place. Everything in the entry is read. Names, statuses, chunks and codecs do
/// not count; docs/format/digest.md says what does.
#[derive(Args, Debug)]
pub(crate) struct Digest {
    /// The entries, or roots
    #[arg(required = true)]
    places: Vec<String>,
}

impl Digest {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let mut documents = Vec::new();
        for given in &self.places {
            let place = context.root.find(given).await?;
            let digest = fascicle::digest::digest(Place::new(&**place.root.backend(), &place.path)).await?;
            match context.output.json {
                true => documents.push(json!({ "digest": digest.to_string(), "place": given })),
                false => context.output.line(format!("{digest}  {}", printable(given)))?,
            }
        }
        if context.output.json {
            context.output.json_document(&json!({ "format": DIGEST_FORMAT, "digests": documents }))?;
        }
        Ok(Exit::Fine)
    }
}
