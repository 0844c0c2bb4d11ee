//! A root in a folder of its own, and the Python programs that work on it.

use fascicle::{OpenOptions, Root};
use fascicle_judges::run_python_file;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tokio::task::JoinHandle;

pub(crate) struct Place {
    keep: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { keep: tempfile::tempdir().unwrap() }
    }

    /// The folder `name` within this place; the place itself for an empty name.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.keep.path().to_owned() } else { self.keep.path().join(name) }
    }

    /// The root, opened anew: nothing is remembered of what was seen before.
    pub(crate) async fn root(&self) -> Root {
        open(self.keep.path()).await
    }

    /// Runs a Python program with this place and more arguments, and returns what it says: JSON on the last line, for
    /// datamate itself prints what it tries again.
    pub(crate) async fn python(&self, program: &str, arguments: &[&str]) -> Value {
        self.beside(program, arguments).await.unwrap()
    }

    /// The same while this process goes on.
    pub(crate) fn beside(&self, program: &str, arguments: &[&str]) -> JoinHandle<Value> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/python").join(program);
        let folder = self.keep.path().to_string_lossy().into_owned();
        let arguments: Vec<String> =
            std::iter::once(folder).chain(arguments.iter().map(|&argument| argument.to_owned())).collect();
        tokio::task::spawn_blocking(move || {
            let printed = run_python_file(&program, arguments);
            serde_json::from_str(printed.lines().last().unwrap_or_default())
                .unwrap_or_else(|error| panic!("{error}: {printed}"))
        })
    }
}

pub(crate) async fn open(folder: impl AsRef<Path>) -> Root {
    OpenOptions::default().with_fsync(false).open(folder).await.unwrap()
}

/// The JSON list of texts as texts.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}
