//! The command line as a whole.

use crate::commands::Verb;
use crate::place::RootArgument;
use crate::{exit, place};
use clap::Parser;

/// Arrays, tables, files and nested directories for experiments: stored, found by their config, compared.
#[derive(Debug, Parser)]
#[command(name = "fascicle", version, max_term_width = 110, after_long_help = after_help())]
#[command(after_help = "See --help for how places are understood and for the exit codes.")]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Print facts, errors and warnings as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) root: RootArgument,

    #[command(subcommand)]
    pub(crate) verb: Verb,
}

fn after_help() -> String {
    format!("{}\n\n{}", place::HELP, exit::HELP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
