//! The progress of a command, in a file that both it and `run` know.

use crate::json::to_json;
use crate::report;
use fascicle::config::{Value, read_yaml_bytes};
use fascicle::{Interrupted, Result};
use std::io::{Read, Write};
use std::path::Path;

/// The most bytes that are read of what a command wrote.
const MAX_BYTES: u64 = 16 << 10;

/// A file for the progress of one command: at first it holds how far an earlier one got.
pub(crate) struct ProgressFile {
    file: tempfile::NamedTempFile,
}

impl ProgressFile {
    pub(crate) fn holding(progress: Option<&Value>) -> Result<Self> {
        let mut file = tempfile::Builder::new().prefix("fascicle-progress-").tempfile()?;
        if let Some(progress) = progress.filter(|progress| **progress != Value::Null) {
            writeln!(file, "{}", to_json(progress))?;
            file.flush()?;
        }
        Ok(ProgressFile { file })
    }

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// That the command was interrupted, and how far it got by what it wrote. What cannot be read is told, and is no progress: what is in
    /// the directory still says how far it is.
    pub(crate) fn interrupted(&self) -> Interrupted {
        match self.read() {
            Ok(Some(progress)) => Interrupted::at(progress),
            Ok(None) => Interrupted::new(),
            Err(why) => {
                report::warning(&format!("the progress that the command wrote is not kept: {why}"));
                Interrupted::new()
            }
        }
    }

    fn read(&self) -> std::result::Result<Option<Value>, String> {
        // By its name: the command may have put another file in its place.
        let mut bytes = Vec::new();
        let file = match std::fs::File::open(self.path()) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| error.to_string())?,
        };
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(format!("it takes more than {MAX_BYTES} bytes"));
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        read_yaml_bytes(&bytes).map(Some).map_err(|error| error.to_string())
    }
}
