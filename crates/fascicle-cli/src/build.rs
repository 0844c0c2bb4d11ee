//! A command that fills a directory, watched over: signals are passed on to it, and how it ended is told.

use crate::commands::signal_code;
use crate::facts::config_json;
use crate::place::STORE_OPTIONS;
use crate::progress::ProgressFile;
use crate::signals;
use fascicle::config::matches;
use fascicle::{
    BuildResult, Config, Directory, Error, IdentityRules, Result, Root, Status, StorageConfiguration,
};
use rustix::process::{Pid, Signal, getpgrp, kill_process};
use std::ffi::OsString;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The builds in whose commands this process runs, the outermost first, one path on each line.
const BUILDING: &str = "FASCICLE_BUILDING";
/// Says that the command goes on where an earlier one was interrupted.
const RESUMED: &str = "FASCICLE_RESUMED";
/// Names the file with the progress of the command.
const PROGRESS: &str = "FASCICLE_PROGRESS";
/// No command has failed yet.
const NO_FAILURE: u16 = u16::MAX;

/// A command to be run for a directory.
pub(crate) struct BuildCommand {
    command: Vec<OsString>,
    /// The root, as the command names it in its places.
    root: String,
    /// Where the root is, however it is named.
    location: String,
    /// The options of the root's store.
    store_options: Vec<String>,
    /// How many signals have arrived, and the last of them.
    signals: watch::Receiver<(u64, Signal)>,
    /// Whether the command can go on where an earlier one was interrupted.
    resumes: bool,
    is_building: AtomicBool,
    failure: AtomicU16,
}

impl BuildCommand {
    /// A command for a root. From here on this process no longer ends of its own accord by a signal that asks for an end: those that
    /// always do, and those that were `chosen`.
    pub(crate) fn new(
        command: Vec<OsString>,
        root: String,
        location: String,
        store_options: Vec<String>,
        chosen: &[Signal],
    ) -> Result<Self> {
        let (sender, signals) = watch::channel((0, Signal::TERM));
        let more = chosen.iter().filter(|signal| !signals::ALWAYS.contains(signal));
        for &awaited in signals::ALWAYS.iter().chain(more) {
            let mut arrivals = signal(SignalKind::from_raw(awaited.as_raw()))
                .map_err(|error| Error::from(error).during("watch for signals"))?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while arrivals.recv().await.is_some() {
                    sender.send_modify(|(count, last)| (*count, *last) = (*count + 1, awaited));
                }
            });
        }
        Ok(BuildCommand {
            command,
            root,
            location,
            store_options,
            signals,
            resumes: false,
            is_building: AtomicBool::new(false),
            failure: AtomicU16::new(NO_FAILURE),
        })
    }

    /// Sets whether the command can go on where an earlier one was interrupted.
    pub(crate) fn resumable(mut self, resumes: bool) -> Self {
        self.resumes = resumes;
        self
    }

    /// Waits for a signal that arrives while nothing is being built.
    pub(crate) async fn interrupted(&self) -> Signal {
        let mut signals = self.signals.clone();
        loop {
            if signals.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            let (_, signal) = *signals.borrow_and_update();
            if !self.is_building.load(Ordering::Acquire) {
                return signal;
            }
        }
    }

    /// The exit code of the command, if it failed.
    pub(crate) fn failure(&self) -> Option<u8> {
        u8::try_from(self.failure.load(Ordering::Acquire)).ok()
    }

    /// Runs the command once, to fill `directory`.
    pub(crate) async fn run(&self, directory: Directory) -> BuildResult {
        self.is_building.store(true, Ordering::Release);
        let outcome = self.run_watched(&directory).await;
        if outcome.is_err() && self.failure().is_none() {
            self.failure.store(1, Ordering::Release);
        }
        self.is_building.store(false, Ordering::Release);
        outcome
    }

    async fn run_watched(&self, directory: &Directory) -> BuildResult {
        let mut signals = self.signals.clone();
        let (program, arguments) = self.command.split_first().ok_or("there is no command")?;
        let place = format!("{}/{}", self.root, directory.path());
        let mut config_file =
            tempfile::Builder::new().prefix("fascicle-config-").suffix(".json").tempfile()?;
        serde_json::to_writer_pretty(&mut config_file, &config_json(&directory.config().await?))?;
        config_file.flush()?;
        let progress = ProgressFile::holding(directory.resumed_from())?;
        let mut command = tokio::process::Command::new(program);
        command
            .args(arguments)
            .env("FASCICLE_DIR", &place)
            .env("FASCICLE_CONFIG_FILE", config_file.path())
            .env(PROGRESS, progress.path())
            .env(BUILDING, with_ancestors(&format!("{}/{}", self.location, directory.path())))
            // What a command prints is not the answer of this one.
            .stdout(Stdio::from(std::io::stderr().as_fd().try_clone_to_owned()?));
        if directory.resumed_from().is_some() {
            command.env(RESUMED, "1");
        } else {
            command.env_remove(RESUMED);
        }
        if !self.store_options.is_empty() {
            command.env(STORE_OPTIONS, self.store_options.join("\n"));
        }
        if self.root.starts_with('@')
            && std::env::var_os("FASCICLE_CONFIG").is_none_or(|file| file.is_empty())
        {
            // The command may work in another folder, where the file would not be found.
            command.env("FASCICLE_CONFIG", StorageConfiguration::find()?.file());
        }
        let (earlier, signal) = *signals.borrow_and_update();
        if earlier > 0 {
            self.fail(signal_code(signal));
            return Err(format!("signal {} arrived before the command was started", signal.as_raw()).into());
        }
        let mut child = command.spawn().map_err(|error| {
            self.fail(if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 });
            format!("the command '{}' could not be started: {error}", program.to_string_lossy())
        })?;
        let mut interruption = None;
        let status = loop {
            tokio::select! {
                status = child.wait() => break status?,
                Ok(()) = signals.changed() => {
                    let (_, signal) = *signals.borrow_and_update();
                    interruption = Some(signal);
                    pass_on(signal, child.id());
                }
            }
        };
        match (status_code(status), interruption) {
            (0, None) => Ok(()),
            (code, Some(signal)) if self.resumes => {
                self.fail(if code == 0 { signal_code(signal) } else { code });
                Err(progress.interrupted().into())
            }
            (0, Some(signal)) => {
                self.fail(signal_code(signal));
                Err(format!("signal {} arrived while the command was running", signal.as_raw()).into())
            }
            (code, _) => {
                self.fail(code);
                Err(match status.signal() {
                    Some(signal) => format!("the command was ended by signal {signal}"),
                    None => format!("the command ended with exit code {code}"),
                }
                .into())
            }
        }
    }

    fn fail(&self, code: u8) {
        self.failure.store(u16::from(code), Ordering::Release);
    }
}

fn status_code(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code).unwrap_or(255),
        (None, Some(signal)) => u8::try_from(128 + signal).unwrap_or(255),
        (None, None) => 255,
    }
}

/// Sends a signal on to the command, unless the terminal has sent it there already.
fn pass_on(signal: Signal, child: Option<u32>) {
    let from_keyboard = signal == Signal::INT || signal == Signal::QUIT;
    if from_keyboard && is_in_foreground() {
        return;
    }
    let child = child.and_then(|child| i32::try_from(child).ok()).and_then(Pid::from_raw);
    if let Some(child) = child {
        // A command that has ended meanwhile needs no signal.
        let _ = kill_process(child, signal);
    }
}

/// Whether the terminal sends Ctrl-C to this process, and so to the command, too.
fn is_in_foreground() -> bool {
    let terminal = std::fs::File::open("/dev/tty");
    terminal.is_ok_and(|terminal| rustix::termios::tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp()))
}

fn with_ancestors(place: &str) -> OsString {
    let mut all = std::env::var_os(BUILDING).unwrap_or_default();
    if !all.is_empty() {
        all.push("\n");
    }
    all.push(place);
    all
}

/// Whether this process runs in the command of a build of the same config, which would wait for itself for ever.
pub(crate) async fn within_itself(
    root: &Root,
    location: &str,
    config: &Config,
    rules: &IdentityRules,
) -> Result<bool> {
    let building = std::env::var(BUILDING).unwrap_or_default();
    let below =
        |building: &str| match (Path::new(building).canonicalize(), Path::new(location).canonicalize()) {
            (Ok(building), Ok(folder)) => building.strip_prefix(folder).ok()?.to_str().map(str::to_owned),
            _ => building.strip_prefix(location)?.strip_prefix('/').map(str::to_owned),
        };
    for path in building.lines().filter_map(below) {
        let Some(meta) = root.dir(&path)?.meta().await? else { continue };
        let asked = rules.complete(config)?;
        if meta.status == Status::Running
            && meta.config.type_name() == asked.type_name()
            && matches(&meta.config, &asked, rules)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}
