//! Opening and making roots.

use crate::opening::Opening;
use crate::secret::NamesOnly;
use crate::{Marker, Place, Registry, StorageConfiguration};
use fascicle_core::config::{Map, Value};
use fascicle_core::{Directory, EntryPath, Error, ErrorKind, Result, Root, RootOptions, roots};
use std::fmt;
use std::path::Path;
use std::time::Duration;

/// Opens the root at a place: a folder, or what else [`Place`] says. Nothing needs to exist, and nothing is created before
/// the first write.
///
/// `@name` is the place of that name in the [`StorageConfiguration`] of this process, `@` its default place.
///
/// A folder is opened by the backend that its marker names, see [`init`]; one without a marker by `hdf5`, as which the
/// folders of the Python package datamate are opened. On an object store (`s3://`, `gs://`, `az://`, `abfs://`) the backend is
/// named once, by [`OpenOptions`], by the configuration or by [`init`]: a root that does not say it is refused without, and
/// the first one that is opened with it, and not only for reading, says it from then on.
///
/// - Errors: [`ErrorKind::WrongKind`] for a path that is no folder; [`ErrorKind::Unsupported`] for storage, backends and
///   formats that are not known here; what the configuration of a named place is refused for.
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

/// Opens the default place of the [`StorageConfiguration`] of this process: `open("@")`.
pub async fn open_default() -> Result<Root> {
    open("@").await
}

/// A handle to the directory at a place, which need not exist: `@cloud/Cells_0000`. Of places without a name, which do not
/// say where the root in them ends, the whole is the root. Fails as [`open`].
pub async fn open_dir(place: impl AsRef<Path>) -> Result<Directory> {
    OpenOptions::default().open_dir(place).await
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

/// Opens the default place of the [`StorageConfiguration`] of this process and makes it the default root, see [`roots`].
pub async fn use_default_root() -> Result<Root> {
    set_default_root("@").await
}

/// How a root is opened. What is said here goes before what the configuration of a place says.
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
#[derive(Clone, Default)]
pub struct OpenOptions {
    /// The backend; `None` takes the one that the place says it has, or that places of its kind have.
    pub backend: Option<String>,
    /// Whether every write is refused with [`ErrorKind::Unsupported`].
    pub read_only: bool,
    /// Whether what was written survives a power failure when a call returns; `None` is what the backend does by itself.
    pub fsync: Option<bool>,
    /// How long a writer waits for another one at the same entry; `None` is what the backend does by itself.
    pub lock_timeout: Option<Duration>,
    /// Options of the backend by name. `hdf5` has `tables` (`parquet` or `csv`: how new tables are stored),
    /// `follow_symlinks` (whether links that lead out of the root are followed), and by their names the two before. `zarr` has
    /// those of [`ZarrOptions`](crate::ZarrOptions) and `parquet` those of [`ParquetOptions`](crate::ParquetOptions), both also of the use
    /// of a store, and the store's own, such as `region`.
    pub options: Map,
    /// How directories are found and built, and how arrays and tables are stored.
    pub root: RootOptions,
    /// The backends to choose from.
    pub registry: Registry,
    /// Where named places are looked up; `None` is [`StorageConfiguration::find`], each time a named place is opened.
    pub configuration: Option<StorageConfiguration>,
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

    /// Sets where named places are looked up.
    #[must_use]
    pub fn with_configuration(mut self, configuration: StorageConfiguration) -> Self {
        self.configuration = Some(configuration);
        self
    }

    /// Opens the root at a place, as [`open`].
    pub async fn open(&self, place: impl AsRef<Path>) -> Result<Root> {
        let place = Place::parse(place)?;
        let opened = async {
            check_is_root(&place)?;
            Opening::new(self, &place).await?.open().await
        };
        opened.await.map_err(|error| error.during("open the root").at(&place))
    }

    /// A handle to the directory at a place, as [`open_dir`].
    pub async fn open_dir(&self, place: impl AsRef<Path>) -> Result<Directory> {
        let place = Place::parse(place)?;
        let opened = async { Opening::new(self, &place).await?.open().await };
        let root = opened.await.map_err(|error| error.during("open the root of").at(&place))?;
        match &place {
            Place::Named(named) if !named.entry().is_root() => root.dir(named.entry().as_str()),
            _ => Ok(root.as_dir()),
        }
    }

    /// The root that an address such as `s3://bucket/data/Cells_0000/x` lies in, as an address, and the path below it: the
    /// nearest prefix, from the address upwards, that holds `_fascicle.yaml` or `_index/`. `None` when there is none, and for
    /// places that are no addresses of a store.
    ///
    /// - Errors: those of the store, such as [`ErrorKind::NotFound`] for a missing bucket.
    /// - Cost: one request for each name in the address, and one more.
    pub async fn find_root(&self, place: impl AsRef<Path>) -> Result<Option<(String, EntryPath)>> {
        let place = Place::parse(place)?;
        let found = crate::stores::find_root(&place, &self.options).await;
        found.map_err(|error| error.during("find the root of").at(&place))
    }

    /// What the root at a place says of itself, of which backend it is and with which options; `None` when it says nothing.
    /// Changes nothing.
    ///
    /// - Errors: those of the storage, and [`ErrorKind::Corrupt`] for a marker that is none.
    /// - Cost: one request.
    pub async fn marker(&self, place: &Place) -> Result<Option<Marker>> {
        let marker = async { Opening::new(self, place).await?.marker().await };
        marker.await.map_err(|error| error.during("read the marker of").at(place))
    }

    /// Makes a root of [`backend`](OpenOptions::backend), else of the one that such a place has, with
    /// [`options`](OpenOptions::options), and opens it, as [`init`]. The configuration of a named place says where it is and
    /// which backend it has; its options are not written into the root.
    pub async fn init(&self, place: impl AsRef<Path>) -> Result<Root> {
        let place = Place::parse(place)?;
        let made = async {
            check_is_root(&place)?;
            Opening::new(self, &place).await?.init(&self.options).await
        };
        made.await.map_err(|error| error.during("make the root").at(&place))
    }
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions")
            .field("backend", &self.backend)
            .field("read_only", &self.read_only)
            .field("fsync", &self.fsync)
            .field("lock_timeout", &self.lock_timeout)
            .field("options", &NamesOnly(&self.options))
            .field("root", &self.root)
            .field("registry", &self.registry)
            .field("configuration", &self.configuration)
            .finish()
    }
}

/// Refuses a place that names an entry in a root.
fn check_is_root(place: &Place) -> Result<()> {
    match place {
        Place::Named(named) if !named.entry().is_root() => {
            let (root, entry) = (named.root(), named.entry());
            Err(Error::new(ErrorKind::InvalidInput, "it is an entry in a root, and not a root")
                .hint(format!("open '{root}' and take the entry '{entry}' of it, or use `open_dir`")))
        }
        _ => Ok(()),
    }
}
