//! `fascicle meta`: the config and the status of a directory.

use super::Context;
use crate::exit::Exit;
use crate::facts::without_build;
use crate::json::to_json;
use clap::Args;
use fascicle::{Error, ErrorKind, Result};

/// Print the meta of a directory as YAML: config, status, whether it was modified
#[derive(Args, Debug)]
pub(crate) struct Meta {
    /// The directory
    place: String,

    /// Print the config only
    #[arg(long)]
    config: bool,

    /// Print also what only find-or-build needs: identity, epoch, nonce
    #[arg(long, conflicts_with = "config")]
    all: bool,
}

impl Meta {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let directory = context.root.find_directory(&self.place).await?;
        let meta = directory.meta().await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "the directory has no meta")
                .during("read the meta of")
                .at(&self.place)
        })?;
        let value = match (self.config, self.all) {
            (true, _) => meta.config.to_value(),
            (false, true) => meta.to_value(),
            (false, false) => without_build(meta).to_value(),
        };
        match context.output.json {
            true => context.output.json_document(&to_json(&value))?,
            false => context.output.bytes(fascicle::config::write_yaml(&value)?.as_bytes())?,
        }
        Ok(Exit::Fine)
    }
}
