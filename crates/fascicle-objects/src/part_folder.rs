//! The parts of a table as objects under one prefix.

use crate::{
    StagedPart, StorePartReader,
    store::{Store, child_key},
};
use fascicle_backend::{Error, ErrorKind, Result};
use fascicle_tables::{CommitOutcome, ListedName, PartFolder};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectMeta, ObjectStoreExt, path::Path};
use std::fmt;
use tokio::runtime::Handle;

/// A [`PartFolder`] over a store: the part `n` is created if there is none, as `part-<n>.parquet` under the table's prefix.
///
/// Its calls block on requests, so they must be made on threads that may block, such as those of
/// [`fascicle_tables::stream_of_batches`]. Cost: listing is a request for each 1,000 parts; opening a part is one request, which brings
/// its last MiB at most; reading it further ones for each MiB, or larger pages, that are touched; committing is one.
#[derive(Clone)]
pub struct StorePartFolder {
    store: Store,
    prefix: Path,
    runtime: Handle,
}

impl StorePartFolder {
    /// The parts under `prefix`. Must be called within a tokio runtime, which makes the requests.
    ///
    /// Errors: `Internal` outside of a runtime.
    pub fn new(store: Store, prefix: Path) -> Result<Self> {
        let runtime = Handle::try_current().map_err(|error| {
            Error::new(ErrorKind::Internal, "tables in object stores need a tokio runtime").caused_by(error)
        })?;
        Ok(StorePartFolder { store, prefix, runtime })
    }
}

impl StorePartFolder {
    /// A part that is being written.
    pub fn stage(&self) -> StagedPart {
        StagedPart::new(self.store.clone(), self.runtime.clone())
    }

    /// What an object directly in the folder is listed as; one deeper is not.
    fn listed(&self, object: &ObjectMeta) -> Option<ListedName> {
        let name = object.location.filename()?;
        (child_key(&self.prefix, name).ok()? == object.location).then(|| ListedName {
            name: name.to_owned(),
            is_file: true,
            size_bytes: Some(object.size),
            tag: object.e_tag.clone(),
        })
    }
}

impl fmt::Debug for StorePartFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StorePartFolder({} in {:?})", self.prefix, self.store)
    }
}

impl PartFolder for StorePartFolder {
    type Reader = StorePartReader;
    type Staged = StagedPart;

    fn list(&self) -> Result<Vec<ListedName>> {
        let listed = self.runtime.block_on(self.store.list_children(&self.prefix))?;
        if listed.objects.is_empty() && listed.common_prefixes.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, format!("there is nothing under '{}'", self.prefix)));
        }
        let prefixes = listed.common_prefixes.iter().filter_map(|prefix| {
            let name = prefix.filename()?.to_owned();
            Some(ListedName { name, is_file: false, size_bytes: None, tag: None })
        });
        Ok(listed.objects.iter().filter_map(|object| self.listed(object)).chain(prefixes).collect())
    }

    fn list_after(&self, name: &str) -> Result<Vec<ListedName>> {
        let after = child_key(&self.prefix, name)?;
        let objects = self.store.objects().list_with_offset(Some(&self.prefix), &after);
        let objects: Vec<ObjectMeta> = self
            .runtime
            .block_on(objects.try_collect())
            .map_err(|error| self.store.error("listing", &self.prefix, error))?;
        Ok(objects.iter().filter_map(|object| self.listed(object)).collect())
    }

    fn contains(&self, name: &str) -> Result<bool> {
        let part = child_key(&self.prefix, name)?;
        Ok(self.runtime.block_on(self.store.head(&part))?.is_some())
    }

    fn size_bytes(&self, name: &str) -> Result<u64> {
        let part = child_key(&self.prefix, name)?;
        match self.runtime.block_on(self.store.head(&part))? {
            Some(meta) => Ok(meta.size),
            None => Err(Error::new(ErrorKind::NotFound, format!("there is no '{part}'"))),
        }
    }

    fn open(&self, name: &str, size_bytes: Option<u64>) -> Result<StorePartReader> {
        let part = child_key(&self.prefix, name)?;
        let opened = StorePartReader::open(self.store.clone(), part, size_bytes, self.runtime.clone());
        self.runtime.block_on(opened)
    }

    fn commit(&self, staged: &mut StagedPart, name: &str) -> Result<CommitOutcome> {
        let part = child_key(&self.prefix, name)?;
        self.runtime.block_on(staged.commit(&part))
    }

    fn publish(&self, name: &str, new_name: &str) -> Result<()> {
        let (from, to) = (child_key(&self.prefix, name)?, child_key(&self.prefix, new_name)?);
        let copied = self.runtime.block_on(self.store.objects().copy_if_not_exists(&from, &to));
        match copied {
            Ok(())
            | Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Ok(())
            }
            Err(error) => Err(self.store.error("copying", &from, error)),
        }
    }

    fn remove(&self, names: &[String]) -> Result<()> {
        let keys = names.iter().map(|name| child_key(&self.prefix, name)).collect::<Result<Vec<_>>>()?;
        self.runtime.block_on(self.store.delete_all(stream::iter(keys.into_iter().map(Ok)).boxed()))
    }
}
