//! The examples of this package as programs, for the tests that run them.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::path::PathBuf;
use std::process::Command;

/// An example, built as it is now. It is built as a test run of the whole workspace builds its examples: with fewer packages the
/// dependencies would have other features and be built a second time.
pub(crate) fn built_example(name: &str) -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--workspace", "--example", name])
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let this = std::env::current_exe().unwrap();
    this.parent().unwrap().parent().unwrap().join("examples").join(name)
}
