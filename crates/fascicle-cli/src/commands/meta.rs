//! `fascicle meta`: the config and the status of a directory.

use super::Context;
use crate::exit::Exit;
use crate::facts::config_json;
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
}

impl Meta {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let directory = context.root.find_directory(&self.place).await?;
        let meta = directory.meta().await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "the directory has no meta")
                .during("read the meta of")
                .at(&self.place)
        })?;
        match (context.output.json, self.config) {
            (true, true) => context.output.json_document(&config_json(&meta.config))?,
            (true, false) => context.output.json_document(&to_json(&meta.to_value()))?,
            (false, config) => {
                let value = if config { meta.config.to_value() } else { meta.to_value() };
                context.output.bytes(fascicle::config::write_yaml(&value)?.as_bytes())?;
            }
        }
        Ok(Exit::Fine)
    }
}
