//! The `fascicle` command: glue between the shell and the library.

mod arguments;
mod blocks;
mod build;
mod commands;
mod condition;
mod duration;
mod exit;
mod facts;
mod format;
mod json;
mod npy;
mod output;
mod place;
mod progress;
mod report;
mod save;
mod selected;
mod signals;
mod source;
mod tables;
mod text;
mod value;

use clap::Parser;
use exit::Exit;
use fascicle::{Error, Result};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Before parsing, so that wrong usage is told as JSON, too.
    report::start(
        std::env::args_os()
            .skip(1)
            .take_while(|argument| argument != "--")
            .any(|argument| argument == "--json"),
    );
    tables::install_panic_hook();
    let arguments = match arguments::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(answer) => return explain(&answer),
    };
    let exit = match std::panic::catch_unwind(|| carry_out(arguments)) {
        Ok(Ok(exit)) => exit,
        Ok(Err(error)) if output::is_broken_pipe(&error) => Exit::Fine,
        Ok(Err(error)) => {
            let exit = Exit::of(error.kind());
            report::error(&error, exit);
            exit
        }
        Err(_) => Exit::Internal,
    };
    ExitCode::from(exit.code())
}

fn carry_out(arguments: arguments::Arguments) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Error::from(error).during("start the runtime"))?;
    let output = output::Output::new(arguments.json);
    let mut context = commands::Context { output, root: arguments.root };
    let exit = runtime.block_on(arguments.verb.run(&mut context))?;
    context.output.flush()?;
    Ok(exit)
}

/// Shows help or version on the standard output, and what is wrong with the arguments on the standard error stream.
fn explain(answer: &clap::Error) -> ExitCode {
    if answer.use_stderr() {
        report::usage(&answer.render().to_string());
        return ExitCode::from(Exit::Usage.code());
    }
    // A reader that goes away has read enough.
    let _ = answer.print();
    ExitCode::SUCCESS
}
