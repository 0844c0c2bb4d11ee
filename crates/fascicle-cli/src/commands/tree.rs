//! `fascicle tree`: what is in a directory, drawn.

use super::Context;
use crate::exit::Exit;
use clap::Args;
use fascicle::tree::{TreeOptions, Verbosity, tree_lines, tree_node};
use fascicle::{Error, ErrorKind, Result};

/// Draw a directory and what is in it
#[derive(Args, Debug)]
pub(crate) struct Tree {
    /// The directory
    #[arg(default_value = ".")]
    place: String,

    /// 0: the header alone; 1: two levels and 25 lines; 2: everything
    #[arg(short, long, value_name = "LEVEL", default_value_t = 1)]
    verbosity: u8,

    /// Levels of entries that are shown
    #[arg(short = 'L', long = "levels", value_name = "N")]
    levels: Option<usize>,

    /// Lines that are shown between the header and the closing line
    #[arg(long, value_name = "N")]
    lines: Option<usize>,

    /// Show directories only
    #[arg(short, long)]
    directories: bool,

    /// Leave out when the directory was last modified
    #[arg(long)]
    no_time: bool,
}

impl Tree {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        let directory = context.root.find_directory(&self.place).await?;
        let backend = &**directory.root().backend();
        let mut options = TreeOptions::new(Verbosity::from_level(self.verbosity)?)
            .with_last_modified(!self.no_time)
            .with_directories_only(self.directories);
        if let Some(levels) = self.levels {
            options = options.with_max_depth(levels);
        }
        if let Some(lines) = self.lines {
            options = options.with_max_lines(lines);
        }
        if context.output.json {
            let tree = tree_node(backend, directory.path(), &options).await?;
            let document = serde_json::to_value(&tree).map_err(|error| {
                Error::new(ErrorKind::Internal, "the tree could not be written as JSON").caused_by(error)
            })?;
            context.output.json_document(&document)?;
            return Ok(Exit::Fine);
        }
        let mut lines = tree_lines(backend, directory.path(), &options);
        while let Some(line) = lines.next_line().await? {
            context.output.line(line)?;
        }
        Ok(Exit::Fine)
    }
}
