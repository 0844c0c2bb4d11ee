//! A place for one behaviour, owned by the suite.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tempfile::TempDir;

/// Where a backend under test keeps what one behaviour writes: fresh at first, used by nothing else, and opened as
/// often as the behaviour asks. Clones are the same place.
#[derive(Clone, Debug)]
pub struct Site {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: TempDir,
    prefix: String,
}

impl Site {
    /// A fresh place for the behaviour `name`.
    pub(crate) fn new(name: &str) -> io::Result<Self> {
        static SITES: AtomicU64 = AtomicU64::new(0);
        let dir = tempfile::Builder::new().prefix("fascicle-conformance-").tempdir()?;
        let unique =
            dir.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let number = SITES.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("{unique}/{number}-{}", name.replace("::", "-"));
        Ok(Site { inner: Arc::new(Inner { dir, prefix }) })
    }

    /// A directory on this machine, empty at first, that is removed when the behaviour is done.
    pub fn dir(&self) -> &Path {
        self.inner.dir.path()
    }

    /// A key prefix that nobody else has, for backends that are not on this machine: names joined by `/`, without a
    /// leading or trailing one. What is stored under it is for
    /// [`Suite::clean_up`](crate::Suite::clean_up) to remove.
    pub fn prefix(&self) -> &str {
        &self.inner.prefix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_apart_and_go_away() {
        let (a, b) = (Site::new("list::x").unwrap(), Site::new("list::x").unwrap());
        assert!(a.dir() != b.dir() && a.prefix() != b.prefix());
        assert!(a.prefix().ends_with("list-x"));
        let (dir, clone) = (a.dir().to_owned(), a.clone());
        drop(a);
        assert!(dir.is_dir());
        drop(clone);
        assert!(!dir.exists());
    }
}
