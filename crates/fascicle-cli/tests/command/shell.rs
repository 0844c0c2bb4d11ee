//! A folder to run the command in.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder that vanishes at the end of the test.
pub(crate) struct Shell {
    folder: tempfile::TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Shell {
    pub(crate) fn new() -> Self {
        Shell { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// The command with arguments, to be started in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fascicle"));
        let binaries = Path::new(env!("CARGO_BIN_EXE_fascicle")).parent().unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(binaries.to_owned()).chain(std::env::split_paths(&path));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("PATH", std::env::join_paths(paths).unwrap())
            .env("TZ", "UTC")
            .env_remove("FASCICLE_BUILDING")
            .env_remove("FASCICLE_DIR")
            .env_remove("FASCICLE_CONFIG")
            .env_remove("FASCICLE_PROFILE")
            .env_remove("FASCICLE_PLACE")
            .env_remove("FASCICLE_STORE_OPTIONS")
            .stdin(Stdio::null());
        command
    }

    /// Runs the command, however it ends.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).output().unwrap())
    }

    /// Runs the command, which must end with `code`.
    pub(crate) fn ends(&self, code: i32, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, code, "fascicle {arguments:?}\n{}{}", ended.stdout, ended.stderr);
        ended
    }

    /// Runs the command, which must be fine and have nothing to complain about, and returns what it printed.
    pub(crate) fn fine(&self, arguments: &[&str]) -> String {
        let ended = self.ends(0, arguments);
        assert_eq!(ended.stderr, "", "fascicle {arguments:?}");
        ended.stdout
    }

    /// Runs the command with `--json`, which must print one document.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let text = self.fine(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Runs the command, which must fail with `code` and one error of `kind`, which it returns.
    pub(crate) fn refused(&self, code: i32, kind: &str, arguments: &[&str]) -> String {
        let told = self.ends(code, arguments);
        assert_eq!(told.stdout, "", "fascicle {arguments:?}");
        assert_eq!(told.stderr.lines().count(), 1, "one line: {}", told.stderr);
        assert!(told.stderr.starts_with("error: "), "{}", told.stderr);
        let first: Vec<&str> = arguments.iter().copied().take(1).chain(["--json"]).collect();
        let as_json = self.ends(code, &[&first, arguments.get(1..).unwrap_or(&[])].concat());
        let document: Value = serde_json::from_str(&as_json.stderr).unwrap();
        assert_eq!(
            (&document["error"]["kind"], &document["error"]["exit_code"]),
            (&kind.into(), &code.into())
        );
        told.stderr
    }
}

pub(crate) fn ended(output: Output) -> Ended {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code().unwrap(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// The bytes of an `.npy` file.
pub(crate) fn npy(descr: &str, fortran_order: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran_order { "True" } else { "False" };
    let header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// The bytes of an `.npy` file of `int64` in one axis.
pub(crate) fn npy_integers(numbers: impl IntoIterator<Item = i64>) -> Vec<u8> {
    let data: Vec<u8> = numbers.into_iter().flat_map(i64::to_le_bytes).collect();
    npy("<i8", false, &format!("({},)", data.len() / 8), &data)
}
