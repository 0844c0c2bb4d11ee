//! Opening and making roots.

use crate::{Marker, OpenRequest, Place, Registry};
use fascicle_core::config::{Map, Value};
use fascicle_core::wrap::{ReadOnly, observed};
use fascicle_core::{Error, ErrorKind, Result, Root, RootOptions, roots};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Opens the root at a place: a folder, or what else [`Place`] says. Nothing needs to exist, and nothing is created before
/// the first write.
///
/// A folder is opened by the backend that its marker names, see [`init`]; one without a marker by `hdf5`, as which the
/// folders of the Python package datamate are opened.
///
/// - Errors: [`ErrorKind::WrongKind`] for a path that is no folder; [`ErrorKind::Unsupported`] for storage, backends and
///   formats that are not known here.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let root = fascicle::open("memory:example").await?;
/// root.dir("cells")?.put("x", [0.5, 1.5]).await?;
/// # Ok::<(), fascicle::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn open(place: impl AsRef<Path>) -> Result<Root> {
    open_with(place, &OpenOptions::default()).await
}

/// Opens the root at a place with options.
pub async fn open_with(place: impl AsRef<Path>, options: &OpenOptions) -> Result<Root> {
    options.open(place).await
}

/// Makes a root: a folder with a marker that says which backend it has, with which options. Opens it, too.
///
/// Making the same root again changes nothing. A folder that holds data but no marker can only become a root of the backend
/// that it is opened by, `hdf5`.
///
/// - Errors: [`ErrorKind::AlreadyExists`] for a root of another backend or with other options; otherwise as [`open`].
///
/// ```
/// # #[cfg(feature = "hdf5")]
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let place = folder.path().join("data");
/// let options = [("tables".to_owned(), "csv".into())].into_iter().collect();
/// fascicle::init(&place, "hdf5", &options).await?;
/// let root = fascicle::open(&place).await?;
/// assert_eq!(root.backend().name(), "hdf5");
/// # Ok::<(), fascicle::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn init(place: impl AsRef<Path>, backend: &str, options: &Map) -> Result<Root> {
    OpenOptions { options: options.clone(), ..OpenOptions::default() }.with_backend(backend).init(place).await
}

/// Opens the root at a place and makes it the default root of this process, see [`roots`].
pub async fn set_default_root(place: impl AsRef<Path>) -> Result<Root> {
    let root = open(place).await?;
    roots::set_default(Some(root.clone()));
    Ok(root)
}

/// How a root is opened.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use fascicle::{ErrorKind, OpenOptions};
/// let root = OpenOptions::default().with_read_only(true).open("memory:").await?;
/// let error = root.dir("cells")?.put("x", [1.0]).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Unsupported);
/// # Ok::<(), fascicle::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The backend; `None` takes the one that the place says it has, or that places of its kind have.
    pub backend: Option<String>,
    /// Whether every write is refused with [`ErrorKind::Unsupported`].
    pub read_only: bool,
    /// Whether what was written survives a power failure when a call returns; `None` is what the backend does by itself.
    pub fsync: Option<bool>,
    /// How long a writer waits for another one at the same entry; `None` is what the backend does by itself.
    pub lock_timeout: Option<Duration>,
    /// Options of the backend by name. `hdf5` has `tables` (`parquet` or `csv`: how new tables are stored) and
    /// `follow_symlinks` (whether links that lead out of the root are followed).
    pub options: Map,
    /// How directories are found and built.
    pub root: RootOptions,
    /// The backends to choose from.
    pub registry: Registry,
}

impl OpenOptions {
    /// Sets the backend.
    #[must_use]
    pub fn with_backend(mut self, name: impl Into<String>) -> Self {
        self.backend = Some(name.into());
        self
    }

    /// Sets whether every write is refused.
    #[must_use]
    pub fn with_read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Sets whether what was written survives a power failure when a call returns.
    #[must_use]
    pub fn with_fsync(mut self, fsync: bool) -> Self {
        self.fsync = Some(fsync);
        self
    }

    /// Sets how long a writer waits for another one.
    #[must_use]
    pub fn with_lock_timeout(mut self, lock_timeout: Duration) -> Self {
        self.lock_timeout = Some(lock_timeout);
        self
    }

    /// Sets how new tables are stored: `parquet` or `csv`.
    #[must_use]
    pub fn with_tables(self, format: &str) -> Self {
        self.with_option("tables", format)
    }

    /// Sets an option of the backend.
    #[must_use]
    pub fn with_option(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.options.insert(name.into(), value.into());
        self
    }

    /// Sets how directories are found and built.
    #[must_use]
    pub fn with_root_options(mut self, root: RootOptions) -> Self {
        self.root = root;
        self
    }

    /// Sets the backends to choose from.
    #[must_use]
    pub fn with_registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Opens the root at a place, as [`open`].
    pub async fn open(&self, place: impl AsRef<Path>) -> Result<Root> {
        let place = Place::parse(place)?;
        self.open_place(&place).await.map_err(|error| error.during("open the root").at(&place))
    }

    /// Makes a root of [`backend`](OpenOptions::backend) with [`options`](OpenOptions::options) and opens it, as [`init`].
    pub async fn init(&self, place: impl AsRef<Path>) -> Result<Root> {
        let place = Place::parse(place)?;
        self.init_place(&place).await.map_err(|error| error.during("make the root").at(&place))
    }

    async fn open_place(&self, place: &Place) -> Result<Root> {
        let marker = match place {
            Place::Folder(path) => Marker::read(path).await?,
            Place::Memory(_) | Place::Address(_) => None,
        };
        let (name, stored) = match (marker, &self.backend) {
            (Some(marker), Some(asked)) if marker.backend != *asked => {
                return Err(Error::new(
                    ErrorKind::Mismatch,
                    format!("it is a root of the backend '{}', and '{asked}' was asked for", marker.backend),
                ));
            }
            (Some(marker), _) => (marker.backend, marker.options),
            (None, _) => (self.backend_for(place)?, Map::new()),
        };
        self.open_by(&name, place, stored, self.options.clone()).await
    }

    async fn init_place(&self, place: &Place) -> Result<Root> {
        let backend = self.backend_for(place)?;
        // Opening touches nothing, and refuses what cannot be.
        let root = self.open_by(&backend, place, self.options.clone(), self.options.clone()).await?;
        let Place::Folder(path) = place else { return Ok(root) };
        if Some(backend.as_str()) != place.default_backend()
            && Marker::read(path).await?.is_none()
            && holds_anything(path).await?
        {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("the folder holds something, which the backend '{backend}' would not find"),
            )
            .hint("choose an empty folder"));
        }
        Marker { backend, options: self.options.clone() }.create(path).await?;
        Ok(root)
    }

    async fn open_by(&self, backend: &str, place: &Place, stored: Map, options: Map) -> Result<Root> {
        let (fsync, lock_timeout) = (self.fsync, self.lock_timeout);
        let request = OpenRequest { place: place.clone(), stored, options, fsync, lock_timeout };
        let mut backend = self.registry.open(backend, request).await?;
        if self.read_only {
            backend = Arc::new(observed(backend, Arc::new(ReadOnly)));
        }
        Ok(Root::with_options(backend, self.root.clone()))
    }

    fn backend_for(&self, place: &Place) -> Result<String> {
        if let Some(name) = &self.backend {
            return Ok(name.clone());
        }
        if let Some(name) = place.default_backend() {
            return Ok(name.to_owned());
        }
        Err(Error::new(ErrorKind::Unsupported, "storage at such an address is not known here")
            .hint("known are folders and 'memory:'; write './' before the name of a folder that looks like an address"))
    }
}

async fn holds_anything(folder: &Path) -> Result<bool> {
    let folder = folder.to_owned();
    fascicle_local::blocking(move || match std::fs::read_dir(&folder) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(fascicle_local::storage_error("listing", &folder, error)),
    })
    .await
}
