//! `fascicle mv`: an entry gets another path.

use super::Context;
use crate::exit::Exit;
use clap::Args;
use fascicle::{Capability, Error, ErrorKind, Result};
use serde_json::json;

/// Move or rename an entry within its root; nothing is ever replaced
///
/// In a folder this is one step. On an object store the entry is copied and then removed: both are there for a while, and stay
/// when the command is interrupted.
#[derive(Args, Debug)]
pub(crate) struct Mv {
    /// The entry
    from: String,

    /// Its new place, or a directory that it is moved into, given with a final '/'
    to: String,
}

impl Mv {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let from = context.root.find(&self.from).await?;
        let to = context.root.locate(&self.to).await?;
        let to = if to.is_given_as_directory() { to.join(from.name())? } else { to };
        let refuse = |message: String, hint: &str| {
            Err(Error::new(ErrorKind::InvalidInput, message).during("move").at(&self.from).hint(hint))
        };
        if from.root.location() != to.root.location() {
            let roots = format!("the roots differ: '{}' and '{}'", from.root.location(), to.root.location());
            return refuse(roots, "entries are moved within one root; --root says which");
        }
        if from.path.is_root() || to.path.is_root() {
            return refuse("a root is not an entry".to_owned(), "name an entry in it");
        }
        let (root, old, new) = (from.root.as_dir(), from.path.as_str(), to.path.as_str());
        if from.root.backend().capabilities().has(Capability::Rename) {
            root.rename(old, new).await?;
        } else {
            root.copy(old, new).await?;
            root.remove(old).await?;
        }
        if context.output.json {
            context.output.json_document(&json!({ "from": from.path.as_str(), "to": to.path.as_str() }))?;
        }
        Ok(Exit::Fine)
    }
}
