//! Errors and warnings on the standard error stream: one readable line each, or a JSON object each with `--json`.

use crate::exit::Exit;
use fascicle::Error;
use serde_json::{Value, json};
use std::error::Error as _;
use std::io::Write;
use std::sync::OnceLock;

/// Whether reports are JSON; set once, before anything can be reported.
static AS_JSON: OnceLock<bool> = OnceLock::new();

/// Begins to report: from now on warnings of the libraries are shown as well.
pub(crate) fn start(as_json: bool) {
    let _ = AS_JSON.set(as_json);
    if log::set_logger(&Warnings).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
}

/// Shows an error with its causes and its advice.
pub(crate) fn error(error: &Error, exit: Exit) {
    if as_json() {
        return line(&json!({ "error": error_json(error, exit) }).to_string());
    }
    line(&format!("error: {}", one_line(&text(error))));
}

/// Shows that the command was called in a way that makes no sense; `text` is what the argument parser says.
pub(crate) fn usage(text: &str) {
    if as_json() {
        let message = one_line(text.trim().trim_start_matches("error:").trim());
        let body = json!({ "kind": "usage", "message": message, "exit_code": Exit::Usage.code() });
        return line(&json!({ "error": body }).to_string());
    }
    line(text.trim_end());
}

/// Shows something that a person should know.
pub(crate) fn warning(message: &str) {
    if as_json() {
        return line(&json!({ "warning": message }).to_string());
    }
    line(&format!("warning: {}", one_line(message)));
}

/// The error as `cannot OPERATION 'PATH': MESSAGE: CAUSE: … (HINT)`; a cause that says nothing new is left out.
fn text(error: &Error) -> String {
    let mut text = match (error.operation(), error.path()) {
        (Some(operation), Some(path)) => format!("cannot {operation} '{path}': "),
        (Some(operation), None) => format!("cannot {operation}: "),
        (None, Some(path)) => format!("'{path}': "),
        (None, None) => String::new(),
    };
    text.push_str(error.message());
    for cause in causes(error) {
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    if let Some(advice) = error.advice() {
        text.push_str(&format!(" ({advice})"));
    }
    text
}

fn error_json(error: &Error, exit: Exit) -> Value {
    json!({
        "kind": error.kind().name(),
        "operation": error.operation(),
        "path": error.path(),
        "message": error.message(),
        "causes": causes(error),
        "hint": error.advice(),
        "retryable": error.is_retryable(),
        "exit_code": exit.code(),
    })
}

fn causes(error: &Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}

/// What names of files and stored text may hold must not break the line or drive the terminal.
fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let escaped = |character: char| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.to_string(),
    };
    lines.join("; ").chars().map(escaped).collect()
}

fn as_json() -> bool {
    AS_JSON.get().copied().unwrap_or(false)
}

fn line(text: &str) {
    // Without a standard error stream there is nobody to tell.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Shows what the libraries warn of.
struct Warnings;

impl log::Log for Warnings {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        metadata.level() <= log::Level::Warn && metadata.target().starts_with("fascicle")
    }

    fn log(&self, record: &log::Record) {
        if self.enabled(record.metadata()) {
            warning(&record.args().to_string());
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use fascicle::ErrorKind;

    #[test]
    fn an_error_is_one_line_with_causes_before_the_advice() {
        let error = Error::new(ErrorKind::Corrupt, "it cannot be read")
            .during("open")
            .at("a\nb")
            .hint("look at it")
            .caused_by(std::io::Error::other("bad magic"));
        assert_eq!(one_line(&text(&error)), "cannot open 'a; b': it cannot be read: bad magic (look at it)");
        assert_eq!(one_line("a\u{1b}[31mb"), "a\\u{1b}[31mb");
    }
}
