//! Removing, copying and moving entries. Arrays are removed and copied under a claim, everything else as the store's tree does it.

use crate::{
    ZarrBackend,
    chunk_keys::KeySpace,
    layout::array_form,
    metadata::MAX_METADATA_BYTES,
    objects::{Expect, Put},
    stored_array::{ATTRIBUTES_V2_KEY, METADATA_KEY, METADATA_V2_KEY, Patience, StoredArray},
};
use fascicle_backend::{EntryKind, EntryPath, Error, ErrorKind, Result, WriteMode};
use futures::{StreamExt, TryStreamExt, stream};

impl ZarrBackend {
    pub(crate) async fn remove_entry(&self, path: &EntryPath) -> Result<()> {
        if path.is_root() {
            return Err(Error::new(ErrorKind::InvalidInput, "the root cannot be removed"));
        }
        let entry = self.tree().require_any(path).await?;
        if entry.form == array_form() {
            self.remove_array(path).await
        } else {
            self.tree().remove_entry(path, &entry).await
        }
    }

    /// Removes an array: its description first, so that nobody sees a part of it, then its objects.
    pub(crate) async fn remove_array(&self, path: &EntryPath) -> Result<()> {
        let (array, claims) = (self.array_at(path)?, self.claims_at(path)?);
        let patience = Patience::new(array.options.lock_timeout);
        // Another array may take its place before its key space is claimed, and lies elsewhere then.
        loop {
            let space = key_space(&array).await.map_err(|error| error.at(path))?;
            let (_, claim) = claims.claim(&[space], &patience).await.map_err(|error| error.at(path))?;
            match key_space(&array).await {
                Ok(now) if now != space => {
                    claim.release().await?;
                    continue;
                }
                Err(error) => {
                    claim.release().await?;
                    return Err(error.at(path));
                }
                Ok(_) => {}
            }
            for key in [METADATA_KEY, METADATA_V2_KEY, ATTRIBUTES_V2_KEY] {
                array.objects.delete(key).await?;
            }
            array.objects.delete_all(|key| space.contains(key)).await?;
            return claim.release().await;
        }
    }

    pub(crate) async fn copy_entry(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        let entry = self.tree().require_any(from).await?;
        if entry.form != array_form() {
            return self.tree().copy(from, to).await;
        }
        if to.is_within(from) {
            let why = format!("the target '{to}' is, or lies within, the source");
            return Err(Error::new(ErrorKind::InvalidInput, why).at(from));
        }
        self.tree().prepare(to, EntryKind::Array, WriteMode::Create).await?;
        self.copy_array(from, to).await?;
        match self.tree().rivals(to, &array_form()).await?.first() {
            None => Ok(()),
            Some(_) => {
                self.remove_array(to).await?;
                Err(Error::new(ErrorKind::AlreadyExists, "the name was taken meanwhile").at(to))
            }
        }
    }

    /// Copies the objects of an array, its description last.
    async fn copy_array(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        let (source, target) = (self.array_at(from)?, self.array_at(to)?);
        let taken = || Error::new(ErrorKind::AlreadyExists, "there is such an array already").at(to);
        let loaded = source.load().await.map_err(|error| error.at(from))?;
        let space = loaded.metadata.keys.key_space(loaded.metadata.shape.rank());
        let described = if loaded.metadata.is_writable() { METADATA_KEY } else { METADATA_V2_KEY };
        let Some(description) = source.objects.get(described, MAX_METADATA_BYTES).await? else {
            return Err(Error::new(ErrorKind::NotFound, "the array was removed meanwhile").at(from));
        };
        let patience = Patience::new(target.options.lock_timeout);
        let (_, claim) =
            self.claims_at(to)?.claim(&[space], &patience).await.map_err(|error| error.at(to))?;
        let copied = async {
            if key_space(&target).await.is_ok() {
                return Err(taken());
            }
            target.objects.delete_all(|key| space.contains(key)).await?;
            let keys = source.objects.list().await?.into_iter().map(|(key, _)| key);
            let keys = keys.filter(|key| space.contains(key) || key == ATTRIBUTES_V2_KEY);
            let copies = keys.map(|key| {
                let (source, target) = (&source, &target);
                async move { source.objects.copy_to(&target.objects, &key).await }
            });
            stream::iter(copies)
                .buffer_unordered(source.options.concurrent_requests.max(1))
                .try_collect::<Vec<()>>()
                .await?;
            if !source.load().await?.metadata.is_same_array(&loaded.metadata) {
                let why = "the array was replaced while it was copied";
                return Err(Error::new(ErrorKind::Conflict, why).at(from));
            }
            match target.objects.put(described, description.bytes.clone(), &Expect::Absent).await? {
                Put::Done(_) => Ok(()),
                Put::Refused | Put::Unclear => Err(taken()),
            }
        }
        .await;
        if copied.is_err() && key_space(&target).await.is_err() {
            // What was copied so far is no array; the failure of the copy is the one to report.
            let _ = target.objects.delete_all(|key| space.contains(key)).await;
        }
        claim.release().await?;
        copied
    }

    /// On a local file system in one step. Elsewhere the entry is copied and then removed, so that for a moment there are both.
    pub(crate) async fn rename_entry(&self, from: &EntryPath, to: &EntryPath) -> Result<()> {
        if self.tree().store().is_local() {
            return self.tree().rename(from, to).await;
        }
        let entry = self.tree().require_any(from).await?;
        if entry.form != array_form() {
            return self.tree().rename(from, to).await;
        }
        self.copy_entry(from, to).await?;
        self.remove_array(from).await
    }
}

/// The key space that the chunks of an array lie in; `NotFound` when there is none.
async fn key_space(array: &StoredArray) -> Result<KeySpace> {
    match array.load().await {
        Ok(loaded) => Ok(loaded.metadata.keys.key_space(loaded.metadata.shape.rank())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound) => Err(error),
        // What cannot be read can still be removed, as far as its place can be guessed.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::LimitExceeded | ErrorKind::WrongKind
            ) =>
        {
            Ok(KeySpace::Slashes)
        }
        Err(error) => Err(error),
    }
}
