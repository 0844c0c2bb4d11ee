//! The verbs, one in each file.

mod append;
mod compact;
mod completions;
#[cfg(feature = "conformance")]
mod conformance;
mod cp;
mod diff;
mod digest;
mod du;
mod find;
mod get;
mod init;
mod ls;
mod maintain;
mod meta;
mod mv;
mod put;
mod rm;
mod rules;
mod run;
mod show;
#[cfg(feature = "sql")]
mod sql;
mod table;
mod tree;

pub(crate) use run::signal_code;

use crate::exit::Exit;
use crate::output::Output;
use crate::place::RootArgument;
use clap::Subcommand;
use fascicle::Result;

/// What every verb works with.
pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) root: RootArgument,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Init(init::Init),
    Ls(ls::Ls),
    Tree(tree::Tree),
    Show(show::Show),
    Put(put::Put),
    Append(append::Append),
    Get(get::Get),
    Meta(meta::Meta),
    Run(run::Run),
    Find(find::Find),
    Rm(rm::Rm),
    Mv(mv::Mv),
    Cp(cp::Cp),
    Du(du::Du),
    Diff(diff::Diff),
    Digest(digest::Digest),
    Verify(maintain::Verify),
    Repair(maintain::Repair),
    Gc(maintain::Gc),
    Compact(compact::Compact),
    Table(table::Table),
    #[cfg(feature = "sql")]
    Sql(sql::Sql),
    #[cfg(feature = "conformance")]
    Conformance(conformance::Conformance),
    Completions(completions::Completions),
}

impl Verb {
    /// Does it.
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        match self {
            Verb::Init(verb) => verb.run(context).await,
            Verb::Ls(verb) => verb.run(context).await,
            Verb::Tree(verb) => verb.run(context).await,
            Verb::Show(verb) => verb.run(context).await,
            Verb::Put(verb) => verb.run(context).await,
            Verb::Append(verb) => verb.run(context).await,
            Verb::Get(verb) => verb.run(context).await,
            Verb::Meta(verb) => verb.run(context).await,
            Verb::Run(verb) => verb.run(context).await,
            Verb::Find(verb) => verb.run(context).await,
            Verb::Rm(verb) => verb.run(context).await,
            Verb::Mv(verb) => verb.run(context).await,
            Verb::Cp(verb) => verb.run(context).await,
            Verb::Du(verb) => verb.run(context).await,
            Verb::Diff(verb) => verb.run(context).await,
            Verb::Digest(verb) => verb.run(context).await,
            Verb::Verify(verb) => verb.run(context).await,
            Verb::Repair(verb) => verb.run(context).await,
            Verb::Gc(verb) => verb.run(context).await,
            Verb::Compact(verb) => verb.run(context).await,
            Verb::Table(verb) => verb.run(context).await,
            #[cfg(feature = "sql")]
            Verb::Sql(verb) => verb.run(context).await,
            #[cfg(feature = "conformance")]
            Verb::Conformance(verb) => verb.run(context).await,
            Verb::Completions(verb) => verb.run(context),
        }
    }
}
