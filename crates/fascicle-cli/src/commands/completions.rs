//! `fascicle completions`: what a shell needs to complete the command line.

use super::Context;
use crate::arguments::Arguments;
use crate::exit::Exit;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use fascicle::Result;

/// Print a completion script for a shell
///
/// For example: fascicle completions bash > ~/.local/share/bash-completion/completions/fascicle
#[derive(Args, Debug)]
pub(crate) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, context: &mut Context) -> Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "fascicle", &mut script);
        context.output.bytes(&script)?;
        Ok(Exit::Fine)
    }
}
