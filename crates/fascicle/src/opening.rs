//! What happens when a root is opened or made: configuration, marker and caller are brought together.

use crate::configuration::{ConfiguredPlace, StorageConfiguration};
use crate::secret::looks_secret;
use crate::{Marker, OpenOptions, OpenRequest, Place};
use fascicle_core::config::Map;
use fascicle_core::wrap::{ReadOnly, observed};
use fascicle_core::{Error, ErrorKind, Result, Root};
use std::path::Path;
use std::sync::Arc;

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
        let marker = match &self.place {
            Place::Folder(path) => Marker::read(path).await?,
            _ => None,
        };
        let (backend, stored) = match (marker, &self.options.backend) {
            (Some(marker), Some(asked)) if marker.backend != *asked => {
                let error = Error::new(
                    ErrorKind::Mismatch,
                    format!("it is a root of the backend '{}', and '{asked}' was asked for", marker.backend),
                );
                return Err(self.explain(error, ".backend"));
            }
            (Some(marker), _) => (marker.backend, marker.options),
            (None, _) => (self.backend()?, Map::new()),
        };
        self.open_by(&backend, stored).await
    }

    /// Makes a root with these options in its marker, and opens it.
    pub(crate) async fn init(&self, stored: &Map) -> Result<Root> {
        if let Some(name) = stored.keys().find(|name| looks_secret(name)) {
            let message =
                format!("the option '{name}' looks like a secret, which is not written into a root");
            let error = Error::new(ErrorKind::InvalidInput, message);
            return Err(error.hint("give it whenever the root is opened"));
        }
        let backend = self.backend()?;
        // Opening touches nothing, and refuses what cannot be.
        let root = self.open_by(&backend, stored.clone()).await?;
        let Place::Folder(path) = &self.place else { return Ok(root) };
        if Some(backend.as_str()) != self.place.default_backend()
            && Marker::read(path).await?.is_none()
            && holds_anything(path).await?
        {
            return Err(Error::new(
                ErrorKind::AlreadyExists,
                format!("the folder holds something, which the backend '{backend}' would not find"),
            )
            .hint("choose an empty folder"));
        }
        Marker { backend, options: stored.clone() }.create(path).await?;
        Ok(root)
    }

    async fn open_by(&self, backend: &str, stored: Map) -> Result<Root> {
        let OpenOptions { registry, root, options, fsync, lock_timeout, read_only, .. } = &self.options;
        if let Some(configured) = &self.configured {
            if configured.backend() == Some(backend) {
                registry.check_backend(backend).map_err(|error| self.explain(error, ".backend"))?;
            }
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
        };
        let opened = registry.open(backend, request).await;
        let mut backend = opened.map_err(|error| self.explain(error, ""))?;
        if *read_only {
            backend = Arc::new(observed(backend, Arc::new(ReadOnly)));
        }
        Ok(Root::with_options(backend, root.clone()))
    }

    /// The backend of a place that has no marker.
    fn backend(&self) -> Result<String> {
        let backend = self.options.backend.as_deref().or(self.place.default_backend());
        backend.map(str::to_owned).ok_or_else(|| {
            let error = Error::new(ErrorKind::Unsupported, "storage at such an address is not known here")
                .hint("known are folders and 'memory:'; write './' before the name of a folder that looks like an address");
            self.explain(error, "")
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
