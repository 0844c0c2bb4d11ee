//! Which backends there are.

use crate::{Place, backends};
use fascicle_core::config::Map;
use fascicle_core::{Backend, Error, ErrorKind, Result};
use futures::future::{BoxFuture, FutureExt};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

type Factory = dyn Fn(OpenRequest) -> BoxFuture<'static, Result<Arc<dyn Backend>>> + Send + Sync;

/// What a factory is asked to open.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenRequest {
    /// Where.
    pub place: Place,
    /// Options that the place itself says it has, from its marker. They may come from somebody else: whatever weakens a
    /// protection is to be refused here.
    pub stored: Map,
    /// Options that the caller gave; they go before those of the place.
    pub options: Map,
    /// Whether what was written survives a power failure when a call returns; a backend for which this means nothing
    /// ignores it.
    pub fsync: Option<bool>,
    /// How long a writer waits for another one; a backend for which this means nothing ignores it.
    pub lock_timeout: Option<Duration>,
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
    factories: BTreeMap<String, Arc<Factory>>,
}

impl Registry {
    /// No backend at all.
    pub fn empty() -> Self {
        Registry { factories: BTreeMap::new() }
    }

    /// Adds a backend, in the place of one that has the name.
    pub fn add<F, O>(&mut self, name: impl Into<String>, factory: F) -> &mut Self
    where
        F: Fn(OpenRequest) -> O + Send + Sync + 'static,
        O: Future<Output = Result<Arc<dyn Backend>>> + Send + 'static,
    {
        self.factories.insert(name.into(), Arc::new(move |request| factory(request).boxed()));
        self
    }

    /// The names of the backends, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.factories.keys().map(String::as_str)
    }

    /// Opens a place by the backend of this name. Fails with [`ErrorKind::Unsupported`] for an unknown one, naming those
    /// that are known; otherwise as the factory does.
    pub async fn open(&self, name: &str, request: OpenRequest) -> Result<Arc<dyn Backend>> {
        let Some(factory) = self.factories.get(name) else {
            let known: Vec<&str> = self.names().collect();
            let hint = match name {
                "hdf5" => "the feature 'hdf5' of the crate fascicle adds it".to_owned(),
                _ if known.is_empty() => "no backend is known".to_owned(),
                _ => format!("known are {}", known.join(", ")),
            };
            let message = format!("the backend '{name}' is not known here");
            return Err(Error::new(ErrorKind::Unsupported, message).hint(hint));
        };
        factory(request).await
    }
}

impl Default for Registry {
    /// The backends that this build of fascicle brings: `memory`, and `hdf5` with the feature of that name.
    fn default() -> Self {
        let mut registry = Registry::empty();
        registry.add("memory", |request| async { backends::memory(request) });
        #[cfg(feature = "hdf5")]
        registry.add("hdf5", |request| async {
            // Looks at the folder.
            fascicle_local::blocking(move || backends::hdf5(request)).await
        });
        registry
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
