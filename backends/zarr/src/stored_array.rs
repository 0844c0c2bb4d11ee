//! One array of a store: a folder of objects, described by its `zarr.json`.

use crate::{
    append::TailCache,
    config::ZarrOptions,
    metadata::{MAX_METADATA_BYTES, Metadata},
    metadata_v2,
    objects::{Expect, Objects, Put, Stored, Tag},
};
use fascicle_backend::{ArrayDescription, Attributes, Error, ErrorKind, Region, Result, Values};
pub(crate) use fascicle_objects::Patience;
use std::sync::Arc;

/// The object that describes an array.
pub(crate) const METADATA_KEY: &str = "zarr.json";
/// The object that describes an array of version 2.
pub(crate) const METADATA_V2_KEY: &str = ".zarray";
/// The attributes of an array of version 2.
pub(crate) const ATTRIBUTES_V2_KEY: &str = ".zattrs";

/// One array of a store.
#[derive(Clone)]
pub(crate) struct StoredArray {
    pub(crate) objects: Objects,
    pub(crate) options: Arc<ZarrOptions>,
    /// What the handle remembers of the end of the array; also the queue of the handle's own appends.
    pub(crate) tail: Arc<tokio::sync::Mutex<TailCache>>,
}

/// A description that was read, and the state it was in.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) metadata: Arc<Metadata>,
    /// None for version 2, which is not written.
    pub(crate) tag: Option<Tag>,
}

impl StoredArray {
    /// Reads the description: one request, and more for version 2 only.
    pub(crate) async fn load(&self) -> Result<Loaded> {
        if let Some(stored) = self.objects.get(METADATA_KEY, MAX_METADATA_BYTES).await? {
            return self.parse(stored);
        }
        let Some(array) = self.objects.get(METADATA_V2_KEY, MAX_METADATA_BYTES).await? else {
            return Err(Error::new(ErrorKind::NotFound, "there is no such array"));
        };
        let attributes = self.objects.get(ATTRIBUTES_V2_KEY, MAX_METADATA_BYTES).await?;
        let attributes = attributes.as_ref().map(|stored| stored.bytes.as_ref());
        Ok(Loaded { metadata: Arc::new(metadata_v2::parse(&array.bytes, attributes)?), tag: None })
    }

    /// What a `zarr.json` says of this array.
    pub(crate) fn parse(&self, stored: Stored) -> Result<Loaded> {
        let mut metadata = Metadata::parse(&stored.bytes)?;
        metadata.own = metadata.own.filter(|own| own.at == self.objects.prefix());
        Ok(Loaded { metadata: Arc::new(metadata), tag: stored.tag })
    }

    /// Reads the description of an array that is to be changed.
    pub(crate) async fn load_writable(&self) -> Result<(Loaded, Tag)> {
        self.objects.require_conditions().await?;
        let loaded = self.load().await?;
        if !loaded.metadata.is_writable() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "an array of version 2 of the Zarr format is only read here",
            )
            .hint("copy it into a new array, which is of version 3"));
        }
        match loaded.tag.clone() {
            Some(tag) => Ok((loaded, tag)),
            None => Err(no_conditional_writes()),
        }
    }

    pub(crate) async fn describe(&self) -> Result<ArrayDescription> {
        let Loaded { metadata, .. } = self.load().await?;
        Ok(ArrayDescription {
            shape: metadata.shape.clone(),
            dtype: metadata.element.dtype,
            chunks: Some(metadata.layout.chunk_shape().to_vec()),
            codecs: metadata.layout.codec_names(),
            fill: metadata.fill.to_values(metadata.element)?,
            stored_bytes: None,
        })
    }

    pub(crate) async fn attributes(&self) -> Result<Attributes> {
        Ok(self.load().await?.metadata.attributes.clone())
    }

    /// Replaces the attributes: one read and one conditional write.
    pub(crate) async fn set_attributes(&self, attributes: &Attributes) -> Result<()> {
        let patience = Patience::new(self.options.lock_timeout);
        loop {
            let (loaded, tag) = self.load_writable().await?;
            let mut next = (*loaded.metadata).clone();
            next.attributes = attributes.clone();
            match self.replace_metadata(&next, &tag).await? {
                Put::Done(_) => return Ok(()),
                Put::Refused | Put::Unclear => patience.wait().await?,
            }
        }
    }

    /// Whether the array is the one of this generation, whatever others did with it since it was made.
    pub(crate) async fn is_of_generation(&self, generation: &str) -> Result<bool> {
        match self.load().await {
            Ok(loaded) => Ok(loaded.metadata.own.as_ref().is_some_and(|own| own.generation == generation)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Replaces the description that was in state `tag`.
    pub(crate) async fn replace_metadata(&self, next: &Metadata, tag: &Tag) -> Result<Put> {
        self.objects.put(METADATA_KEY, next.to_bytes()?, &Expect::State(tag.clone())).await
    }
}

/// Refuses a region or elements that belonged to an array which was here before.
pub(crate) fn check_current(metadata: &Metadata, region: &Region, values: &Values) -> Result<()> {
    let why = if values.dtype() != metadata.element.dtype {
        format!("the array's dtype is {}, not {}", metadata.element.dtype, values.dtype())
    } else if !region.fits(&metadata.shape) {
        format!("the array of shape {} does not contain the region", metadata.shape)
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Conflict, why).hint("describe the array again and repeat the call"))
}

/// Why an array of a store without conditional writes cannot be changed in place.
pub(crate) fn no_conditional_writes() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "the store does not say in which state an object is, so that concurrent writers could not be told apart",
    )
    .hint("write the array anew, or use a store with conditional writes")
}

/// A name that nobody else has made.
pub(crate) fn nonce() -> Result<String> {
    let mut bytes = [0u8; 8];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Storage, "the system gives no random numbers").caused_by(error)
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
