//! Roots: places that hold directories.

use crate::build::{BuildGuard, BuildStack, ForeignDirectories, NameHints, SingleFlight};
use crate::guarded::Guarded;
use crate::led::Led;
use crate::{
    ArrayDefaults, Backend, Directory, EntryPath, Error, ErrorKind, Meta, Result, TableDefaults,
    wrap::Enforced,
};
use std::{fmt, sync::Arc, time::Duration};

/// How a root finds and builds directories, and how it stores what is put into them.
#[derive(Clone, Debug)]
pub struct RootOptions {
    /// Whether finished directories that another program made (the Python package datamate) are found by their config as soon as
    /// they are there. Looking for them lists the root once for each config that is built; metas that are known are not read.
    /// `None` does so, but for roots on object stores.
    ///
    /// Without it all directories are looked at once, when nothing is known of them: those that were built before the index was
    /// lost, and before the rules of a type changed, are found all the same.
    pub adopt_foreign: Option<bool>,
    /// How often a builder shows that it is alive.
    pub beat: Duration,
    /// For how long a builder may show nothing before it is taken for dead.
    pub lease: Duration,
    /// How long a directory that another program is building may stay unchanged before it is no longer waited for.
    pub foreign_timeout: Duration,
    /// The shortest and the longest pause between two looks at a build that is waited for. On object stores, where each look is
    /// a request, roots that say nothing else take 200 ms and 5 s.
    pub poll: (Duration, Duration),
    /// How arrays are stored where a call does not say.
    pub array_defaults: ArrayDefaults,
    /// How tables are stored where a call does not say.
    pub table_defaults: TableDefaults,
}

impl RootOptions {
    pub(crate) fn adopts_foreign(&self) -> bool {
        self.adopt_foreign.unwrap_or(true)
    }
}

impl Default for RootOptions {
    fn default() -> Self {
        RootOptions {
            adopt_foreign: None,
            beat: Duration::from_secs(10),
            lease: Duration::from_secs(60),
            foreign_timeout: Duration::from_secs(600),
            poll: (Duration::from_millis(20), Duration::from_secs(1)),
            array_defaults: ArrayDefaults::default(),
            table_defaults: TableDefaults::default(),
        }
    }
}

/// A place that holds directories: a local folder, memory, or whatever the backend stands for.
///
/// Cloning is cheap and gives a handle to the same place. Nothing is created before the first write.
///
/// ```
/// # use fascicle_core::Root;
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let root = Root::new(fascicle_memory::MemoryBackend::new());
/// let cells = root.dir("cells")?;
/// cells.put("x", [0.5, 1.5]).await?;
/// assert!(root.contains("cells").await?);
/// # Ok::<(), fascicle_core::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Root {
    inner: Arc<RootInner>,
    /// The builds in which this handle was given out.
    builds: Option<Arc<BuildStack>>,
    /// The backend as the innermost of them sees it.
    guarded: Option<Arc<dyn Backend>>,
}

struct RootInner {
    /// Leads to entries that are not where their paths say.
    backend: Arc<dyn Backend>,
    /// The same storage without that.
    backend_itself: Arc<dyn Backend>,
    options: RootOptions,
    flights: SingleFlight,
    foreign: ForeignDirectories,
    names: NameHints,
}

impl Root {
    /// A root on `backend`, with default options.
    pub fn new(backend: impl Backend + 'static) -> Self {
        Root::with_options(Arc::new(backend), RootOptions::default())
    }

    /// A root on a shared backend.
    pub fn with_options(backend: Arc<dyn Backend>, options: RootOptions) -> Self {
        let backend: Arc<dyn Backend> = Arc::new(Enforced::new(backend));
        Root {
            inner: Arc::new(RootInner {
                backend: Arc::new(Led::new(backend.clone())),
                backend_itself: backend,
                options,
                flights: SingleFlight::default(),
                foreign: ForeignDirectories::default(),
                names: NameHints::default(),
            }),
            builds: None,
            guarded: None,
        }
    }

    /// The backend, behind its checks.
    pub fn backend(&self) -> &Arc<dyn Backend> {
        self.guarded.as_ref().unwrap_or(&self.inner.backend)
    }

    /// How directories are found and built.
    pub fn options(&self) -> &RootOptions {
        &self.inner.options
    }

    /// Where this is, for people; never contains credentials.
    pub fn location(&self) -> String {
        self.inner.backend.location()
    }

    /// A handle to the directory at `path`, which need not exist. Fails with [`ErrorKind::InvalidPath`].
    pub fn dir(&self, path: &str) -> Result<Directory> {
        let parsed = EntryPath::parse(path)?;
        if parsed.is_root() {
            return Err(Error::new(ErrorKind::InvalidPath, "the name of a directory is empty"));
        }
        Ok(Directory::at(self.clone(), parsed))
    }

    /// The root as a directory: what is in it, its tree and its size.
    pub fn as_dir(&self) -> Directory {
        Directory::at(self.clone(), EntryPath::root())
    }

    /// A handle to a new directory with an automatic name: `type_name`, `_` and at least four hexadecimal digits, the
    /// first that is free. Nothing is created before the first write; should somebody else take the name before that,
    /// the write fails with [`ErrorKind::AlreadyExists`].
    pub async fn new_dir(&self, type_name: &str) -> Result<Directory> {
        let path = self.inner.names.first_free(&*self.inner.backend, type_name).await?;
        Ok(Directory::fresh(self.clone(), path))
    }

    /// Creates a directory with an automatic name at once. Whoever else asks gets another name.
    pub async fn create_dir(&self, type_name: &str) -> Result<Directory> {
        let meta = Meta::plain().to_bytes()?;
        let (path, _) =
            self.inner.names.create(&*self.inner.backend, type_name, |_| Ok(meta.clone())).await?;
        Ok(Directory::at(self.clone(), path))
    }

    /// Whether there is an entry at `path`.
    pub async fn contains(&self, path: &str) -> Result<bool> {
        self.as_dir().contains(path).await
    }

    /// Removes a directory or any other entry with everything in it. Fails with [`ErrorKind::NotFound`].
    pub async fn remove(&self, path: &str) -> Result<()> {
        self.as_dir().remove(path).await
    }

    pub(crate) fn flights(&self) -> &SingleFlight {
        &self.inner.flights
    }

    pub(crate) fn foreign(&self) -> &ForeignDirectories {
        &self.inner.foreign
    }

    pub(crate) fn name_hints(&self) -> &NameHints {
        &self.inner.names
    }

    /// The backend that leads nowhere but where a path says.
    pub(crate) fn backend_itself(&self) -> &dyn Backend {
        &*self.inner.backend_itself
    }

    /// The builds in which this handle was given out.
    pub(crate) fn builds(&self) -> Option<&BuildStack> {
        self.builds.as_deref()
    }

    /// A handle to be given to a build function, wherever that takes it. What is written by it into the directory of the build is
    /// written under the guard.
    pub(crate) fn within_builds(&self, builds: BuildStack, guard: Arc<BuildGuard>) -> Root {
        let guarded = Guarded::new(self.inner.backend.clone(), guard);
        Root { inner: self.inner.clone(), builds: Some(Arc::new(builds)), guarded: Some(Arc::new(guarded)) }
    }

    /// A handle that belongs to no build.
    pub(crate) fn outside_builds(&self) -> Root {
        Root { inner: self.inner.clone(), builds: None, guarded: None }
    }

    /// Whether both are handles to the same opened place.
    pub(crate) fn is_same_as(&self, other: &Root) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// What tells this opened place from every other in this process.
    pub(crate) fn token(&self) -> usize {
        Arc::as_ptr(&self.inner) as usize
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({} at {})", self.backend().name(), self.location())
    }
}
