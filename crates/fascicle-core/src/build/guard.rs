//! What a builder carries: its claim, and whether it still holds.

use super::records::Epoch;
use crate::{EntryPath, Error, ErrorKind, Result};
use std::collections::HashSet;
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// The claim under which a directory is being built; every write of the build looks at it first.
#[derive(Debug)]
pub(crate) struct BuildGuard {
    pub(super) epoch: Epoch,
    pub(super) nonce: String,
    directory: EntryPath,
    lost: AtomicBool,
    over: AtomicBool,
    /// A forked child has the memory of its parent and none of its threads: it must not write.
    pid: u32,
    known: Mutex<HashSet<EntryPath>>,
}

impl BuildGuard {
    pub(super) fn new(epoch: Epoch, nonce: String, directory: EntryPath) -> Self {
        let known = Mutex::new(HashSet::from([directory.clone()]));
        BuildGuard {
            epoch,
            nonce,
            directory,
            lost: AtomicBool::new(false),
            over: AtomicBool::new(false),
            pid: std::process::id(),
            known,
        }
    }

    /// The directory that is being built.
    pub(crate) fn directory(&self) -> &EntryPath {
        &self.directory
    }

    /// Refuses to write for a builder whose claim may have passed to another, and after the build is over.
    pub(crate) fn check(&self) -> Result<()> {
        let refuse = |message: &str, hint: &str| {
            Err(Error::new(ErrorKind::LeaseLost, message).hint(hint).during("write into").at(&self.directory))
        };
        if self.lost.load(Ordering::Acquire) {
            return refuse(
                "the storage could not be reached for so long that another process may have taken over the build",
                "ask for the directory again",
            );
        }
        if self.over.load(Ordering::Acquire) {
            return refuse(
                "its build is over, and the handle that the build function was given ended with it",
                "use the directory that was returned",
            );
        }
        if self.pid != std::process::id() {
            return refuse("the build belongs to the parent of this forked process", "write from the parent");
        }
        Ok(())
    }

    /// Says that another process may have taken over.
    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }

    /// Says that nothing may be written any more.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Whether this build has already created, or seen, the directory.
    pub(crate) fn knows(&self, directory: &EntryPath) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(directory)
    }

    /// Remembers a directory within the build that exists.
    pub(crate) fn learn(&self, directory: EntryPath) {
        if directory.is_within(&self.directory) {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(directory);
        }
    }

    /// Forgets directories that may have been removed.
    pub(crate) fn forget(&self, directory: &EntryPath) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|path| !path.is_within(directory) || *path == self.directory);
    }
}
