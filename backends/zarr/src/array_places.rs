//! From the name of an array to its objects.

use crate::{
    append::TailCache,
    claim::Claims,
    config::ZarrOptions,
    objects::{Limits, Objects},
    stored_array::StoredArray,
};
use fascicle_backend::Result;
use fascicle_objects::{Store, WRITING_PREFIX, object_store::path::Path};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Mutex as AsyncMutex;

/// So many arrays are remembered by a handle.
const MAX_REMEMBERED: usize = 64;

/// The arrays of a store.
pub(crate) struct ArrayPlaces {
    objects: Objects,
    options: Arc<ZarrOptions>,
    tails: Mutex<HashMap<String, Arc<AsyncMutex<TailCache>>>>,
}

impl ArrayPlaces {
    /// Fails with `InvalidInput` for options that nothing could work with.
    pub(crate) fn new(store: Store, options: ZarrOptions) -> Result<Self> {
        options.check()?;
        let limits = Arc::new(Limits::new(&options));
        let objects = Objects::new(store, Path::default(), limits);
        Ok(ArrayPlaces { objects, options: Arc::new(options), tails: Mutex::default() })
    }

    /// The array stored as `stored_name` in the folder `directory`.
    pub(crate) fn array(&self, directory: &Path, stored_name: &str) -> StoredArray {
        let prefix = directory.clone().join(stored_name);
        let mut tails = self.tails.lock().unwrap_or_else(PoisonError::into_inner);
        if tails.len() >= MAX_REMEMBERED {
            // Those that nobody is using.
            tails.retain(|_, tail| Arc::strong_count(tail) > 1);
        }
        let tail = Arc::clone(tails.entry(prefix.to_string()).or_default());
        StoredArray { objects: self.objects.with_prefix(prefix), options: Arc::clone(&self.options), tail }
    }

    /// The claims on that array.
    pub(crate) fn claims(&self, directory: &Path, stored_name: &str) -> Claims {
        Claims {
            objects: self.objects.with_prefix(directory.clone().join(WRITING_PREFIX)),
            stored_name: stored_name.to_owned(),
            lease: self.options.lock_timeout / 2,
        }
    }
}
