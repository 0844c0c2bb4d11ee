//! The Python programs that judge our files in tests: datamate, h5py, pyarrow, pandas, polars, duckdb.
//!
//! For tests only. A judge that is missing is never skipped over: the project's own set-up makes it, and where that fails,
//! the test fails.

#![expect(clippy::panic, reason = "tests fail by panicking")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The Python that has the judges: `FASCICLE_PYTHON`, which `tools/test` sets, else the one that `tools/setup` makes.
pub fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        if let Some(python) = std::env::var_os("FASCICLE_PYTHON") {
            return PathBuf::from(python);
        }
        let setup = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/setup");
        let output = match Command::new(&setup).output() {
            Ok(output) => output,
            Err(error) => panic!("{} cannot be run: {error}", setup.display()),
        };
        let text = String::from_utf8_lossy(&output.stdout);
        match text.lines().last() {
            Some(python) if output.status.success() => PathBuf::from(python),
            _ => panic!("{} failed: {}", setup.display(), String::from_utf8_lossy(&output.stderr)),
        }
    })
}

/// Runs a script with `arguments` in `sys.argv[1:]` and returns what it printed; a script that fails fails the test.
pub fn run_python<A: AsRef<OsStr>>(script: &str, arguments: impl IntoIterator<Item = A>) -> String {
    finish(Command::new(python()).arg("-c").arg(script).args(arguments))
}

/// Runs a script file in the same way.
pub fn run_python_file<A: AsRef<OsStr>>(script: &Path, arguments: impl IntoIterator<Item = A>) -> String {
    finish(Command::new(python()).arg(script).args(arguments))
}

fn finish(command: &mut Command) -> String {
    let output = match command.env("PYTHONDONTWRITEBYTECODE", "1").output() {
        Ok(output) => output,
        Err(error) => panic!("{} cannot be run: {error}", python().display()),
    };
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the judge failed:\n{printed}\n{complaints}");
    printed
}

/// The whole numbers in the first of the `columns` of a table's folder, in the order in which pyarrow, pandas, polars and duckdb read
/// it as one data set. All of them must read the same rows of all of the columns.
pub fn rows_others_read(folder: &Path, columns: &[&str]) -> Vec<i64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/judge_table.py");
    let arguments = std::iter::once(folder.as_os_str()).chain(columns.iter().map(OsStr::new));
    let printed = run_python_file(&script, arguments);
    let numbers = printed.trim().split(',').filter(|number| !number.is_empty());
    let numbers: Result<Vec<i64>, _> = numbers.map(str::parse).collect();
    match numbers {
        Ok(numbers) => numbers,
        Err(error) => panic!("the judge printed something else than numbers: {error}\n{printed}"),
    }
}
