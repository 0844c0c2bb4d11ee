//! `fascicle run`: any program as the build step of find-or-build.

use super::Context;
use super::rules::RuleArguments;
use crate::build::{BuildCommand, within_itself};
use crate::duration::parse_duration;
use crate::exit::Exit;
use crate::facts::config_json;
use crate::place::shared_root;
use crate::report;
use crate::signals::parse_signal;
use clap::{Args, ValueEnum};
use fascicle::config::{Map, Value, parse_arguments, read_yaml_bytes};
use fascicle::{Config, Error, ErrorKind, IdentityRules, OnMismatch, ResolveOptions, Result, Root};
use rustix::process::Signal;
use serde_json::json;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Find the finished directory of a config, or build it by running a command once
///
/// Of all who ask for one config, in any process, one runs the command and the
/// others wait. The last line printed is the place of the directory. The command
/// finds in its environment
///   FASCICLE_DIR          the directory to fill, by fascicle put FILE "$FASCICLE_DIR/x",
///                         or by files written into it where the root is a folder
///   FASCICLE_RESUMED      1 when it goes on where an earlier one was interrupted,
///                         with --resume
///   FASCICLE_PROGRESS     a file into which it may write how far it is, as YAML or
///                         JSON; when it is interrupted, with --resume, that is kept,
///                         and stands there, as JSON, for the one that goes on
///   FASCICLE_CONFIG_FILE  the config as JSON, 'type' among its fields; NaN and
///                         infinities are text
/// What it prints goes to the standard error stream. When it fails, the directory
/// is marked as 'stopped' and never found, and 'run' ends with the same exit code.
/// Ctrl-C, SIGTERM, SIGHUP and each --signal are passed on to it, and the build is
/// then 'stopped', or with --resume interrupted.
/// Without a command nothing is built: exit code 3 if there is no such directory.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
#[command(override_usage = "fascicle run [OPTIONS] <ROOT> <TYPE> [KEY=VALUE]... [-- <COMMAND>...]")]
pub(crate) struct Run {
    /// The root
    #[arg(value_name = "ROOT")]
    place: String,

    /// The type of the config, which names the directory, too
    #[arg(value_name = "TYPE")]
    type_name: String,

    /// Fields of the config; values are YAML 1.2: 1e-5 is a float, 007 is seven, no is text, [1, 2] a list; a.b nests
    #[arg(value_name = "KEY=VALUE")]
    fields: Vec<String>,

    /// A YAML or JSON file with fields of the config; those given as arguments come before those in the file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    rules: RuleArguments,

    /// The path that the directory must have, instead of an automatic name
    #[arg(long, value_name = "NAME")]
    path: Option<String>,

    /// What happens when the directory at --path has another config
    #[arg(long, value_name = "WHAT", default_value = "fail", requires = "path")]
    on_mismatch: Mismatch,

    /// How long to wait for somebody else who builds the directory: 30s, 10m, 2h
    #[arg(long, value_parser = parse_duration)]
    timeout: Option<Duration>,

    /// The command can go on where an earlier one was interrupted: ended by a signal, it leaves the directory to the next 'run
    /// --resume', which tells its command so by FASCICLE_RESUMED=1
    #[arg(long)]
    resume: bool,

    /// Another signal that asks for an end, as SIGTERM does: USR1, SIGUSR2, XCPU. Can be given several times
    #[arg(long = "signal", value_name = "NAME", value_parser = parse_signal)]
    signals: Vec<Signal>,

    /// The command and its arguments
    #[arg(last = true)]
    command: Vec<OsString>,
}

/// What happens when the directory at a given path has another config.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mismatch {
    /// Refuse, with exit code 4
    Fail,
    /// Take it as it is, with a warning
    Warn,
}

impl Run {
    pub(crate) async fn run(self, context: &mut Context) -> Result<Exit> {
        context.root.check_unused()?;
        let config = self.config()?;
        let rules = self.rules.rules()?;
        let mut options =
            ResolveOptions { timeout: self.timeout, resume: self.resume, ..ResolveOptions::default() };
        options.path = self.path.clone();
        if self.on_mismatch == Mismatch::Warn {
            options = options.on_mismatch(OnMismatch::Warn);
        }
        if self.command.is_empty() {
            let root = context.root.open_root(&self.place).await?;
            return self.find(&root, &config, &rules, context).await;
        }
        let root = context.root.open_root(&self.place).await?;
        let place = shared_root(&self.place)?;
        // However a store is named, it is one place.
        let location = if place.starts_with('/') { place.clone() } else { root.location() };
        if within_itself(&root, &location, &config, &rules).await? {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the command of this build asks for the same build",
            )
            .during("find or build")
            .at(config));
        }
        let store_options = context.root.store_options()?;
        let build = BuildCommand::new(self.command.clone(), place, location, store_options, &self.signals)?
            .resumable(self.resume);
        let resolving = root.resolve_config(&config, &rules, &options, |directory| build.run(directory));
        let resolution = tokio::select! {
            biased;
            resolution = resolving => resolution,
            // Nothing is being built: whoever builds is not disturbed.
            signal = build.interrupted() => return Ok(Exit::Command(signal_code(signal))),
        };
        let resolution = match (resolution, build.failure()) {
            (Ok(resolution), _) => resolution,
            (Err(error), Some(code)) if error.kind() == ErrorKind::BuildFailed => {
                report::error(&error, Exit::Command(code));
                return Ok(Exit::Command(code));
            }
            (Err(error), _) => return Err(error),
        };
        self.print(
            resolution.directory.path().as_str(),
            (resolution.outcome.name(), Some(&resolution.reason)),
            &resolution.directory,
            context,
        )
        .await?;
        Ok(Exit::Fine)
    }

    async fn find(
        &self,
        root: &Root,
        config: &Config,
        rules: &IdentityRules,
        context: &mut Context,
    ) -> Result<Exit> {
        if self.path.is_some() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "--path says where a directory is built, and there is no command",
            )
            .hint("give the command after '--', or leave --path out"));
        }
        let directory = root.find_config(config, rules).await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "there is no finished directory of this config")
                .during("find")
                .at(config)
                .hint("a command after '--' builds it")
        })?;
        self.print(directory.path().as_str(), ("found", None), &directory, context).await?;
        Ok(Exit::Fine)
    }

    async fn print(
        &self,
        path: &str,
        (outcome, reason): (&str, Option<&String>),
        directory: &fascicle::Directory,
        context: &mut Context,
    ) -> Result<()> {
        let place = match self.place.ends_with([':', '/']) {
            true => format!("{}{path}", self.place),
            false => format!("{}/{path}", self.place),
        };
        if !context.output.json {
            return context.output.line(place);
        }
        let config = directory.config().await?;
        context.output.json_document(&json!({
            "place": place,
            "path": path,
            "outcome": outcome,
            "reason": reason,
            "config": config_json(&config),
        }))
    }

    fn config(&self) -> Result<Config> {
        let mut fields = match &self.config {
            Some(file) => read_config_file(file, &self.type_name)?,
            None => Map::new(),
        };
        merge(&mut fields, parse_arguments(&self.fields)?);
        let config = Config::from_fields(&self.type_name, fields);
        config.check()?;
        Ok(config)
    }
}

/// The exit code of a process that a signal ended.
pub(crate) fn signal_code(signal: Signal) -> u8 {
    u8::try_from(128 + signal.as_raw()).unwrap_or(255)
}

fn read_config_file(file: &Path, type_name: &str) -> Result<Map> {
    let located = |error: Error| error.during("read the config file").at(file.display());
    let bytes = std::fs::read(file).map_err(|error| located(error.into()))?;
    let value = read_yaml_bytes(&bytes)
        .map_err(|error| located(Error::new(ErrorKind::Corrupt, error.to_string())))?;
    let Value::Map(mut fields) = value else {
        return Err(located(Error::new(ErrorKind::Corrupt, "it does not hold a mapping of fields")));
    };
    match fields.shift_remove("type") {
        Some(stored) if stored.as_str() != Some(type_name) => Err(located(Error::new(
            ErrorKind::InvalidInput,
            format!("its 'type' is {stored}, and {type_name} is asked for"),
        ))),
        _ => Ok(fields),
    }
}

/// Puts `given` over `fields`, maps field by field.
fn merge(fields: &mut Map, given: Map) {
    for (key, value) in given {
        match (fields.get_mut(&key), value) {
            (Some(Value::Map(inner)), Value::Map(given)) => merge(inner, given),
            (_, value) => {
                fields.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_come_before_the_file() {
        let map = |text: &str| fascicle::config::read_yaml(text).unwrap().as_map().unwrap().clone();
        let mut fields = map("{a: 1, b: {c: 1, d: 2}, e: {f: 1}}");
        merge(&mut fields, map("{b: {d: 3}, e: 5, g: 6}"));
        assert_eq!(Value::Map(fields).to_string(), "{a: 1, b: {c: 1, d: 3}, e: 5, g: 6}");
    }
}
