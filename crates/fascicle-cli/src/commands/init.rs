//! `fascicle init`: a folder becomes a root.

use super::Context;
use crate::exit::Exit;
use clap::Args;
use fascicle::config::parse_arguments;
use fascicle::{OpenOptions, Result};
use serde_json::json;

/// Make a root
#[derive(Args, Debug)]
pub(crate) struct Init {
    /// The folder, which is created when it does not exist, or the address of a store, such as s3://BUCKET/NAME
    place: String,

    /// How the root stores what is put into it; else what fascicle.yaml says of the place, and hdf5 for a folder
    #[arg(long)]
    backend: Option<String>,

    /// An option of the backend: tables=csv stores tables as datamate does
    #[arg(long = "option", value_name = "NAME=VALUE")]
    options: Vec<String>,
}

impl Init {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        context.root.check_unused()?;
        let mut options = context.root.options(&self.place)?;
        options.options.extend(parse_arguments(&self.options)?);
        let options = OpenOptions { backend: self.backend, ..options };
        let root = options.init(&self.place).await?;
        if context.output.json {
            let document = json!({ "root": root.location(), "backend": root.backend().name() });
            context.output.json_document(&document)?;
        }
        Ok(Exit::Fine)
    }
}
