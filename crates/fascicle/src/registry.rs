//! Which backends there are.

use crate::configuration::did_you_mean;
use crate::secret::NamesOnly;
use crate::{Place, backends};
use fascicle_core::config::{Map, Value};
use fascicle_core::{ArrayDefaults, Backend, Error, ErrorKind, Result, TableDefaults};
use futures::future::{BoxFuture, FutureExt};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

type Factory = dyn Fn(OpenRequest) -> BoxFuture<'static, Result<Arc<dyn Backend>>> + Send + Sync;

/// What a factory is asked to open.
#[derive(Clone, PartialEq)]
pub struct OpenRequest {
    /// Where. Never a named place.
    pub place: Place,
    /// Options that the place itself says it has, from its marker. They may come from somebody else: whatever weakens a
    /// protection is to be refused here.
    pub stored: Map,
    /// Options that the caller gave, or the configuration of the place; they go before those of the place itself.
    pub options: Map,
    /// How arrays are going to be stored where a call does not say, so that what cannot be is refused at once.
    pub arrays: ArrayDefaults,
    /// The same for tables.
    pub tables: TableDefaults,
    /// Whether what was written survives a power failure when a call returns; a backend for which this means nothing
    /// ignores it.
    pub fsync: Option<bool>,
    /// How long a writer waits for another one; a backend for which this means nothing ignores it.
    pub lock_timeout: Option<Duration>,
    /// Whether the place is opened to be read alone. Every later write is refused without asking the backend; it is for the
    /// backend not to write when it is opened.
    pub read_only: bool,
}

impl OpenRequest {
    /// The options of the caller as text by text, as libraries of storage take them: `true`, `8`, `eu-west-1`. What is `null`
    /// is left out; lists and mappings are [`ErrorKind::InvalidInput`].
    pub fn text_options(&self) -> Result<BTreeMap<String, String>> {
        text_options(&self.options)
    }
}

/// Options as text by text, see [`OpenRequest::text_options`].
pub(crate) fn text_options(options: &Map) -> Result<BTreeMap<String, String>> {
    let set = options.iter().filter(|(_, value)| !value.is_null());
    set.map(|(name, value)| match value {
        Value::Text(text) => Ok((name.clone(), text.clone())),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => Ok((name.clone(), value.to_string())),
        other => {
            Err(Error::new(ErrorKind::InvalidInput, format!("the option '{name}' is {}", other.kind_name()))
                .hint("options are text, numbers and truth values"))
        }
    })
    .collect()
}

impl fmt::Debug for OpenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenRequest")
            .field("place", &self.place)
            .field("stored", &NamesOnly(&self.stored))
            .field("options", &NamesOnly(&self.options))
            .field("arrays", &self.arrays)
            .field("tables", &self.tables)
            .field("fsync", &self.fsync)
            .field("lock_timeout", &self.lock_timeout)
            .field("read_only", &self.read_only)
            .finish()
    }
}

/// The backends that places may have, by the names that are recorded in roots.
///
/// ```
/// use fascicle::{Registry, OpenOptions};
/// use std::sync::Arc;
///
/// let mut registry = Registry::default();
/// // A backend of one's own; here memory under another name.
/// registry.add("mine", |_request| async {
///     Ok(Arc::new(fascicle::MemoryBackend::new()) as Arc<dyn fascicle::backend::Backend>)
/// });
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let options = OpenOptions::default().with_registry(registry).with_backend("mine");
/// let root = options.open("mine://somewhere").await?;
/// root.dir("cells")?.put("x", [1.0]).await?;
/// # Ok::<(), fascicle::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Registry {
    backends: BTreeMap<String, Registered>,
}

#[derive(Clone)]
struct Registered {
    factory: Arc<Factory>,
    /// The names of all options that a caller can give, where they are known.
    options: Option<Arc<[String]>>,
}

impl Registry {
    /// No backend at all.
    pub fn empty() -> Self {
        Registry { backends: BTreeMap::new() }
    }

    /// Adds a backend, in the place of one that has the name. It is given all options, and refuses those it does not know.
    pub fn add<F, O>(&mut self, name: impl Into<String>, factory: F) -> &mut Self
    where
        F: Fn(OpenRequest) -> O + Send + Sync + 'static,
        O: Future<Output = Result<Arc<dyn Backend>>> + Send + 'static,
    {
        self.register(name.into(), None, factory)
    }

    /// Adds a backend that has these options and no others, which are refused before it is asked.
    pub fn add_with_options<F, O>(
        &mut self,
        name: impl Into<String>,
        options: &[&str],
        factory: F,
    ) -> &mut Self
    where
        F: Fn(OpenRequest) -> O + Send + Sync + 'static,
        O: Future<Output = Result<Arc<dyn Backend>>> + Send + 'static,
    {
        let options = options.iter().map(|&option| option.to_owned()).collect();
        self.register(name.into(), Some(options), factory)
    }

    fn register<F, O>(&mut self, name: String, options: Option<Arc<[String]>>, factory: F) -> &mut Self
    where
        F: Fn(OpenRequest) -> O + Send + Sync + 'static,
        O: Future<Output = Result<Arc<dyn Backend>>> + Send + 'static,
    {
        let factory: Arc<Factory> = Arc::new(move |request| factory(request).boxed());
        self.backends.insert(name, Registered { factory, options });
        self
    }

    /// The names of the backends, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.backends.keys().map(String::as_str)
    }

    /// Opens a place by the backend of this name. Fails with [`ErrorKind::Unsupported`] for an unknown one, and with
    /// [`ErrorKind::InvalidInput`] for an option that it does not have, naming those that are known; otherwise as the factory
    /// does.
    pub async fn open(&self, name: &str, request: OpenRequest) -> Result<Arc<dyn Backend>> {
        self.check_options(name, &request.options)?;
        (self.find(name)?.factory)(request).await
    }

    /// Refuses an unknown backend.
    pub(crate) fn check_backend(&self, name: &str) -> Result<()> {
        self.find(name).map(|_| ())
    }

    /// Refuses options that a backend is known not to have, and an unknown backend.
    pub(crate) fn check_options(&self, name: &str, options: &Map) -> Result<()> {
        let Some(known) = &self.find(name)?.options else { return Ok(()) };
        let Some(unknown) = options.keys().find(|option| !known.contains(option)) else { return Ok(()) };
        let meant = did_you_mean(unknown, known.iter().map(String::as_str));
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Err(Error::new(ErrorKind::InvalidInput, format!("there is no option '{unknown}'{meant}"))
            .hint(format!("known are: {known}")))
    }

    fn find(&self, name: &str) -> Result<&Registered> {
        self.backends.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.names().collect();
            let hint = match name {
                "hdf5" | "parquet" | "zarr" => format!("the feature '{name}' of the crate fascicle adds it"),
                _ if known.is_empty() => "no backend is known".to_owned(),
                _ => format!("known are {}", known.join(", ")),
            };
            let meant = did_you_mean(name, known);
            let message = format!("the backend '{name}' is not known here{meant}");
            Error::new(ErrorKind::Unsupported, message).hint(hint)
        })
    }
}

impl Default for Registry {
    /// The backends that this build of fascicle brings: `memory`, and `hdf5`, `parquet` and `zarr` with the
    /// features of these names.
    fn default() -> Self {
        let mut registry = Registry::empty();
        registry.add_with_options("memory", &[], |request| async { backends::memory(request) });
        #[cfg(feature = "hdf5")]
        registry.add_with_options("hdf5", &backends::HDF5_OPTIONS, |request| async {
            // Looks at the folder.
            fascicle_local::blocking(move || backends::hdf5(request)).await
        });
        // Which options there are depends on the place.
        #[cfg(feature = "parquet")]
        registry.add("parquet", crate::parquet::parquet);
        #[cfg(feature = "zarr")]
        registry.add("zarr", crate::zarr::zarr);
        registry
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
