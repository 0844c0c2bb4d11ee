//! Roots.

use super::{Directory, wait};
use crate::maintain::{GcOptions, RepairOptions, Report, VerifyOptions, VerifyReport};
use crate::{Backend, Result, RootOptions};
use std::{fmt, sync::Arc};

/// A place that holds directories, as [`crate::Root`].
///
/// ```
/// # use fascicle_core::blocking::Root;
/// let root = Root::new(fascicle_memory::MemoryBackend::new());
/// root.dir("cells")?.put("x", [0.5, 1.5])?;
/// assert!(root.contains("cells")?);
/// # Ok::<(), fascicle_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Root {
    pub(super) inner: crate::Root,
}

impl From<crate::Root> for Root {
    fn from(inner: crate::Root) -> Self {
        Root { inner }
    }
}

impl From<Root> for crate::Root {
    fn from(root: Root) -> Self {
        root.inner
    }
}

impl Root {
    /// A root on `backend`, with default options.
    pub fn new(backend: impl Backend + 'static) -> Self {
        crate::Root::new(backend).into()
    }

    /// A root on a shared backend.
    pub fn with_options(backend: Arc<dyn Backend>, options: RootOptions) -> Self {
        crate::Root::with_options(backend, options).into()
    }

    /// The asynchronous handle to the same place.
    pub fn as_async(&self) -> &crate::Root {
        &self.inner
    }

    /// Where this is, for people; never contains credentials.
    pub fn location(&self) -> String {
        self.inner.location()
    }

    /// A handle to the directory at `path`, which need not exist. Fails with
    /// [`InvalidPath`](crate::ErrorKind::InvalidPath).
    pub fn dir(&self, path: &str) -> Result<Directory> {
        self.inner.dir(path).map(Directory::from)
    }

    /// The root as a directory: what is in it, its tree and its size.
    pub fn as_dir(&self) -> Directory {
        self.inner.as_dir().into()
    }

    /// A handle to a new directory with an automatic name, as [`crate::Root::new_dir`].
    pub fn new_dir(&self, type_name: &str) -> Result<Directory> {
        wait(self.inner.new_dir(type_name)).map(Directory::from)
    }

    /// Creates a directory with an automatic name at once. Whoever else asks gets another name.
    pub fn create_dir(&self, type_name: &str) -> Result<Directory> {
        wait(self.inner.create_dir(type_name)).map(Directory::from)
    }

    /// Whether there is an entry at `path`.
    pub fn contains(&self, path: &str) -> Result<bool> {
        wait(self.inner.contains(path))
    }

    /// Reads everything and says what is damaged or contradicts itself, as [`crate::Root::verify`].
    pub fn verify(&self, options: &VerifyOptions) -> Result<VerifyReport> {
        wait(self.inner.verify(options))
    }

    /// Takes the steps that builders and writers which died did not take, as [`crate::Root::repair`].
    pub fn repair(&self, options: &RepairOptions) -> Result<Report> {
        wait(self.inner.repair(options))
    }

    /// Deletes what nobody will ever need, as [`crate::Root::gc`].
    pub fn gc(&self, options: &GcOptions) -> Result<Report> {
        wait(self.inner.gc(options))
    }

    /// Removes a directory or any other entry with everything in it. Fails with
    /// [`NotFound`](crate::ErrorKind::NotFound).
    pub fn remove(&self, path: &str) -> Result<()> {
        wait(self.inner.remove(path))
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
