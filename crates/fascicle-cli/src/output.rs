//! The standard output stream: facts and nothing else.

use fascicle::{Error, ErrorKind, Result};
use std::io::{self, BufWriter, Stdout, Write};

/// Where a verb prints its facts. A reader that goes away, as `head` does, ends the command silently.
pub(crate) struct Output {
    stream: BufWriter<Stdout>,
    /// Whether facts are printed as JSON.
    pub(crate) json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Output { stream: BufWriter::new(io::stdout()), json }
    }

    /// Prints a line of text.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> Result<()> {
        let text = text.as_ref();
        checked(self.stream.write_all(text.as_bytes()).and_then(|()| self.stream.write_all(b"\n")))
    }

    /// Prints one JSON document, on several lines.
    pub(crate) fn json_document(&mut self, document: &serde_json::Value) -> Result<()> {
        let text = serde_json::to_string_pretty(document).map_err(|error| {
            Error::new(ErrorKind::Internal, "facts could not be written as JSON").caused_by(error)
        })?;
        self.line(text)
    }

    /// Prints bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        checked(self.stream.write_all(bytes))
    }

    /// Hands everything to the reader.
    pub(crate) fn flush(&mut self) -> Result<()> {
        checked(self.stream.flush())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn checked(written: io::Result<()>) -> Result<()> {
    written.map_err(|error| Error::from(error).during("write to the standard output"))
}

/// Whether an error says that the reader of the standard output has gone away; nothing else is written to a pipe.
pub(crate) fn is_broken_pipe(error: &Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(cause) = next {
        if cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return true;
        }
        next = cause.source();
    }
    false
}
