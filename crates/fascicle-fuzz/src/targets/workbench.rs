//! What targets work on: a runtime, a folder, and roots in it.

use fascicle::{OpenOptions, Root, RootOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().unwrap();
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
}

/// A path in a folder of this thread's own.
pub(super) fn scratch(name: &str) -> PathBuf {
    FOLDER.with(|folder| folder.path().join(name))
}

/// Runs a future to its end.
pub(super) fn run<F: Future>(future: F) -> F::Output {
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// A root in a folder, opened anew.
pub(super) async fn open(folder: &Path, backend: &str) -> Root {
    let options = OpenOptions::default().with_backend(backend).with_fsync(false);
    options
        .with_lock_timeout(Duration::from_millis(200))
        .with_root_options(hasty())
        .open(folder)
        .await
        .unwrap()
}

/// Nobody is waited for.
pub(super) fn hasty() -> RootOptions {
    RootOptions {
        beat: Duration::from_secs(60),
        lease: Duration::from_millis(20),
        foreign_timeout: Duration::ZERO,
        poll: (Duration::from_millis(1), Duration::from_millis(1)),
        ..RootOptions::default()
    }
}
