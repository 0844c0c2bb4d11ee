//! `fascicle cp`: entries are copied, also to another root and into another format.

use super::Context;
use crate::exit::Exit;
use crate::place::Place;
use clap::Args;
use fascicle::{Directory, EntryKind, Error, ErrorKind, Result, WriteMode, compare, digest::digest};
use serde_json::json;

/// Copy an entry, within its root, to another one, or into another format; nothing is ever replaced
///
/// A root is copied entry by entry into another root. What is copied counts as running until it is complete.
#[derive(Args, Debug)]
pub(crate) struct Cp {
    /// The entry, or a root
    from: String,

    /// The place of the copy; or a root, or a directory given with a final '/', that it is put into
    to: String,

    /// Afterwards, read both and compare their digests; ends with 1 when they differ
    #[arg(long)]
    verify: bool,

    /// Go on with a copy that was interrupted: what is there already and the same is kept
    #[arg(long)]
    resume: bool,
}

impl Cp {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let from = context.root.find(&self.from).await?;
        let mut to = context.root.locate(&self.to).await?;
        if from.root.location() == to.root.location() {
            // One handle, by which a copy into itself is recognised.
            to.root = from.root.clone();
        }
        let mut copied = Vec::new();
        if from.path.is_root() {
            if !to.path.is_root() || from.root.location() == to.root.location() {
                return Err(Error::new(ErrorKind::InvalidInput, "a root is copied into another root only")
                    .during("copy")
                    .at(&self.from)
                    .hint("make one with `fascicle init`, or name an entry in it"));
            }
            for entry in from.root.as_dir().entries().await? {
                self.copy(&from.root.as_dir(), &entry.name, entry.kind, &to.root.as_dir(), &entry.name)
                    .await?;
                copied.push((from.join(&entry.name)?, to.join(&entry.name)?));
            }
        } else {
            if to.path.is_root() || to.is_given_as_directory() {
                to = to.join(from.name())?;
            }
            let kind = from.kind().await?.unwrap_or(EntryKind::File);
            self.copy(&from.home()?, from.name(), kind, &to.root.as_dir(), to.path.as_str()).await?;
            copied.push((from, to));
        }
        let mut verified = Vec::new();
        let mut exit = Exit::Fine;
        for (from, to) in &copied {
            let mut document = json!({ "from": from.path.as_str(), "to": to.path.as_str() });
            if self.verify {
                let (this, other) = (digest_of(from).await?, digest_of(to).await?);
                document["digest"] = json!(this);
                document["verified"] = json!(this == other);
                if this != other {
                    exit = Exit::Differs;
                    let differs =
                        format!("the copy '{}' differs: its digest is {other}, not {this}", to.path);
                    crate::report::warning(&differs);
                }
            }
            verified.push(document);
        }
        if context.output.json {
            context.output.json_document(&json!({ "copied": verified }))?;
        }
        Ok(exit)
    }

    async fn copy(
        &self,
        source: &Directory,
        name: &str,
        kind: EntryKind,
        target: &Directory,
        new_name: &str,
    ) -> Result<()> {
        match (self.resume, kind) {
            (false, _) => target.copy_entry(source, name, new_name, WriteMode::Create).await,
            (true, EntryKind::Directory) => {
                target.resume_copy_from(&source.dir(name)?, new_name).await.map(drop)
            }
            (true, _) => target.resume_entry(source, name, new_name).await.map(drop),
        }
    }
}

async fn digest_of(place: &Place) -> Result<String> {
    let place = compare::Place::new(&**place.root.backend(), &place.path);
    Ok(digest(place).await?.to_string())
}
