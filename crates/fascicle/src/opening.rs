//! What happens when a root is opened or made: configuration, marker and caller are brought together.

use crate::configuration::{ConfiguredPlace, StorageConfiguration};
use crate::secret::looks_secret;
use crate::stores::{StoreRoot, is_connection_option};
use crate::{Marker, OpenOptions, OpenRequest, Place};
use fascicle_core::config::Map;
use fascicle_core::wrap::{ReadOnly, observed};
use fascicle_core::{Error, ErrorKind, Result, Root, RootOptions};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A place to be opened, and everything that the caller and the configuration say about how.
pub(crate) struct Opening {
    /// Where it is; not a name.
    place: Place,
    options: OpenOptions,
    /// What the configuration says, of a place that was given by its name.
    configured: Option<ConfiguredPlace>,
}

impl Opening {
    /// Looks up a name.
    pub(crate) async fn new(asked: &OpenOptions, place: &Place) -> Result<Self> {
        let Place::Named(named) = place else {
            return Ok(Opening { place: place.clone(), options: asked.clone(), configured: None });
        };
        let configured = match &asked.configuration {
            Some(configuration) => configuration.place(named.name())?.clone(),
            None => {
                let named = named.clone();
                let find = move || StorageConfiguration::find()?.place(named.name()).cloned();
                fascicle_local::blocking(find).await?
            }
        };
        let (place, options) = (configured.address().clone(), configured.complete(asked));
        Ok(Opening { place, options, configured: Some(configured) })
    }

    pub(crate) async fn open(&self) -> Result<Root> {
        let store = self.store()?;
        if let (Some(_), Some(asked)) = (&store, &self.options.backend) {
            // Before anything is requested.
            self.check_backend(asked)?;
        }
        if let Some(marker) = self.marker_in(store.as_ref()).await? {
            if self.options.backend.as_ref().is_some_and(|asked| *asked != marker.backend) {
                return Err(self.has_other_backend(&marker));
            }
            return self.open_by(&marker.backend, marker.options).await;
        }
        let backend = self.backend(store.is_some())?;
        let root = self.open_by(&backend, Map::new()).await?;
        let (Some(store), false) = (store, self.options.read_only) else { return Ok(root) };
        // Said once, it need not be said again. Somebody else may have said it meanwhile.
        let recorded = store.record(&Marker { backend: backend.clone(), options: Map::new() }).await?;
        match recorded {
            recorded if recorded.backend != backend => Err(self.has_other_backend(&recorded)),
            recorded if recorded.options.is_empty() => Ok(root),
            recorded => self.open_by(&backend, recorded.options).await,
        }
    }

    /// What the root says of itself.
    pub(crate) async fn marker(&self) -> Result<Option<Marker>> {
        self.marker_in(self.store()?.as_ref()).await
    }

    async fn marker_in(&self, store: Option<&StoreRoot>) -> Result<Option<Marker>> {
        match (&self.place, store) {
            (Place::Folder(path), _) => Marker::read(path).await,
            (_, Some(store)) => store.marker().await.map_err(|error| self.explain(error, "")),
            _ => Ok(None),
        }
    }

    /// Makes a root with these options in its marker, and opens it. Options that say how a store is reached are left out.
    pub(crate) async fn init(&self, options: &Map) -> Result<Root> {
        let lasting = options.iter().filter(|(name, _)| !is_connection_option(&self.place, name));
        let stored: Map = lasting.map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(name) = stored.keys().find(|name| looks_secret(name)) {
            let message =
                format!("the option '{name}' looks like a secret, which is not written into a root");
            let error = Error::new(ErrorKind::InvalidInput, message);
            return Err(error.hint("give it whenever the root is opened"));
        }
        let store = self.store()?;
        let backend = self.backend(store.is_some())?;
        // Opening stores nothing of anybody's, and refuses what cannot be.
        let root = self.open_by(&backend, stored.clone()).await?;
        let marker = Marker { backend, options: stored };
        if let Some(store) = store {
            let recorded = store.record(&marker).await?;
            return if recorded == marker { Ok(root) } else { Err(recorded.is_another()) };
        }
        let Place::Folder(path) = &self.place else { return Ok(root) };
        if Some(marker.backend.as_str()) != self.place.default_backend()
            && Marker::read(path).await?.is_none()
            && holds_anything(path).await?
        {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("the folder holds something, which the backend '{}' would not find", marker.backend),
            )
            .hint("choose an empty folder"));
        }
        marker.create(path).await?;
        Ok(root)
    }

    fn store(&self) -> Result<Option<StoreRoot>> {
        StoreRoot::at(&self.place, &self.options.options).map_err(|error| self.explain(error, ""))
    }

    fn has_other_backend(&self, marker: &Marker) -> Error {
        let asked = self.options.backend.as_deref().unwrap_or_default();
        let message =
            format!("it is a root of the backend '{}', and '{asked}' was asked for", marker.backend);
        self.explain(Error::new(ErrorKind::Mismatch, message), ".backend")
    }

    /// Refuses an unknown backend.
    fn check_backend(&self, backend: &str) -> Result<()> {
        let part = match &self.configured {
            Some(configured) if configured.backend() == Some(backend) => ".backend",
            _ => "",
        };
        self.options.registry.check_backend(backend).map_err(|error| self.explain(error, part))
    }

    async fn open_by(&self, backend: &str, stored: Map) -> Result<Root> {
        let OpenOptions { registry, root, options, fsync, lock_timeout, read_only, .. } = &self.options;
        if let Some(configured) = &self.configured {
            self.check_backend(backend)?;
            let known = registry.check_options(backend, configured.options());
            known.map_err(|error| self.explain(error, ".options"))?;
        }
        let request = OpenRequest {
            place: self.place.clone(),
            stored,
            options: options.clone(),
            arrays: root.array_defaults,
            tables: root.table_defaults,
            fsync: *fsync,
            lock_timeout: *lock_timeout,
            read_only: *read_only,
        };
        let opened = registry.open(backend, request).await;
        let mut backend = opened.map_err(|error| self.explain(error, ""))?;
        if *read_only {
            backend = Arc::new(observed(backend, Arc::new(ReadOnly)));
        }
        let mut root = root.clone();
        if matches!(self.place, Place::Address(_)) {
            // Every look is a request, and no program without an index writes there.
            root.adopt_foreign.get_or_insert(false);
            if root.poll == RootOptions::default().poll {
                root.poll = (Duration::from_millis(200), Duration::from_secs(5));
            }
        }
        Ok(Root::with_options(backend, root))
    }

    /// The backend of a place that has no marker.
    fn backend(&self, is_store: bool) -> Result<String> {
        let backend = self.options.backend.as_deref().or(self.place.default_backend());
        backend.map(str::to_owned).ok_or_else(|| {
            let (kind, message, hint) = match is_store {
                true => (
                    ErrorKind::InvalidInput,
                    "it does not say which backend it has, and none was asked for",
                    "say it once, such as zarr or parquet: as the backend of the place in 'fascicle.yaml', when it is \
                     opened, or with `fascicle init PLACE --backend zarr`",
                ),
                false => (
                    ErrorKind::Unsupported,
                    "storage at such an address is not known here",
                    "known are folders, 'memory:', and 's3://', 'gs://', 'az://', 'abfs://' with the features 'zarr' and \
                     'parquet'; write './' before the name of a folder that looks like an address",
                ),
            };
            self.explain(Error::new(kind, message).hint(hint), "")
        })
    }

    /// Adds where in the configuration the place, or a part of it, stands.
    fn explain(&self, error: Error, part: &str) -> Error {
        match &self.configured {
            Some(configured) => configured.explain(error, part),
            None => error,
        }
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
