//! One array of a store: its description and its parts at one moment.

use crate::{
    ParquetOptions,
    append::Tail,
    array_type::ArrayType,
    compute::Memory,
    footer_cache::FooterCache,
    manifest::{MANIFEST_NAME, MOST_MANIFEST_BYTES, Manifest},
    part_name,
};
use fascicle_backend::{ArrayDescription, Attributes, Error, ErrorKind, Result};
use fascicle_objects::{Condition, Patience, PutOutcome, Store, key, object_store::path::Path};
use futures::future::try_join;
use std::{sync::Arc, time::SystemTime};

/// What all arrays of a handle share.
pub(crate) struct Shared {
    pub(crate) options: ParquetOptions,
    pub(crate) memory: Memory,
    pub(crate) footers: FooterCache,
}

/// One array of a store, whether there is one or not.
#[derive(Clone)]
pub(crate) struct StoredArray {
    pub(crate) store: Store,
    /// The folder of the array, and the one of the directory that it stands in.
    pub(crate) prefix: Path,
    pub(crate) directory: Path,
    pub(crate) shared: Arc<Shared>,
    /// What the handle remembers of the end of the array; also the queue of the handle's own changes of it.
    pub(crate) tail: Arc<tokio::sync::Mutex<Option<Tail>>>,
}

/// A description that was read, and the state it was in.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) version: fascicle_backend::Version,
}

/// An object of an array's folder.
#[derive(Clone, Debug)]
pub(crate) struct PartObject {
    pub(crate) name: String,
    pub(crate) key: Path,
    pub(crate) size: u64,
    /// What a listing says of the state of the object.
    pub(crate) state: (Option<String>, SystemTime),
}

/// The parts of an array at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// None for a folder that another program wrote.
    pub(crate) described: Option<Described>,
    pub(crate) parts: Arc<Vec<PartObject>>,
}

impl Snapshot {
    /// The bytes of all parts.
    fn stored_bytes(&self) -> u64 {
        self.parts.iter().fold(0, |bytes, part| bytes.saturating_add(part.size))
    }

    /// The description of an array that is to be changed. Errors: `Unsupported` for another program's.
    pub(crate) fn writable(&self) -> Result<&Described> {
        self.described.as_ref().ok_or_else(|| {
            let why = "the array was written by another program, whose files have no order in which rows could be added";
            Error::new(ErrorKind::Unsupported, why).hint("write the array anew, then change it")
        })
    }
}

impl StoredArray {
    pub(crate) fn options(&self) -> &ParquetOptions {
        &self.shared.options
    }

    pub(crate) fn key(&self, name: &str) -> Result<Path> {
        key(&format!("{}/{name}", self.prefix))
    }

    /// Reads the description; `None` when there is none. Cost: one request.
    pub(crate) async fn load(&self) -> Result<Option<Described>> {
        let Some(object) = self.store.read(&self.key(MANIFEST_NAME)?, MOST_MANIFEST_BYTES).await? else {
            return Ok(None);
        };
        let manifest = Arc::new(Manifest::parse(&object.bytes)?);
        Ok(Some(Described { manifest, version: object.version }))
    }

    /// What is in the folder, but for names that begin with `_` or `.`. Cost: a request for each 1,000 objects.
    pub(crate) async fn list(&self) -> Result<Vec<PartObject>> {
        let listed = self.store.list_children(&self.prefix).await?;
        let is_hidden = |name: &str| name.starts_with(['_', '.']);
        for folder in &listed.common_prefixes {
            let name = folder.filename().unwrap_or_default();
            if !is_hidden(name) {
                return Err(stranger(&format!("'{name}' in it is not a file")));
            }
        }
        let objects = listed.objects.into_iter().filter_map(|object| {
            let name = object.location.filename()?.to_owned();
            let state = (object.e_tag, object.last_modified.into());
            (!is_hidden(&name)).then_some(PartObject { name, key: object.location, size: object.size, state })
        });
        Ok(objects.collect())
    }

    /// The state of the array at one moment. Cost: two requests, one more for each 1,000 parts. Errors: `NotFound`, `Corrupt`.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot> {
        let mut seen = None;
        loop {
            let (described, listed) = try_join(self.load(), self.list()).await?;
            let Some(described) = described else { return foreign(listed) };
            match own(&described.manifest, listed) {
                Ok(parts) => return Ok(Snapshot { described: Some(described), parts: Arc::new(parts) }),
                // The description and the listing may be of different moments, and a listing of several.
                Err(error) if seen.as_ref() == Some(&described.version) => return Err(error),
                Err(_) => seen = Some(described.version),
            }
        }
    }

    /// Describes the array. Cost: as [`StoredArray::snapshot`], and the footer of the last part; of every part where another program
    /// wrote them.
    pub(crate) async fn describe(&self) -> Result<ArrayDescription> {
        let patience = Patience::new(self.options().lock_timeout);
        loop {
            let snapshot = self.snapshot().await?;
            let Some((array, rows)) = self.measure(&snapshot).await? else {
                patience.wait().await?;
                continue;
            };
            let shape = array.shape(rows)?;
            let manifest = snapshot.described.as_ref().map(|described| &described.manifest);
            return Ok(ArrayDescription {
                chunks: manifest.and_then(|manifest| chunks(&array, manifest)),
                codecs: manifest.map(|manifest| manifest.codec_names()).unwrap_or_default(),
                fill: manifest.and_then(|manifest| manifest.fill.clone()),
                stored_bytes: Some(snapshot.stored_bytes()),
                dtype: array.dtype,
                shape,
            });
        }
    }

    /// The attributes: one request.
    pub(crate) async fn attributes(&self) -> Result<Attributes> {
        match self.load().await? {
            Some(described) => Ok(described.manifest.attributes.clone()),
            None => Ok(Attributes::new()),
        }
    }

    /// Replaces the attributes: one read and one conditional write.
    pub(crate) async fn set_attributes(&self, attributes: &Attributes) -> Result<()> {
        let patience = Patience::new(self.options().lock_timeout);
        loop {
            let Some(described) = self.load().await? else {
                let why =
                    "the array was written by another program, whose files have no place for attributes";
                return Err(Error::new(ErrorKind::Unsupported, why).hint("write the array anew"));
            };
            let next = Manifest { attributes: attributes.clone(), ..(*described.manifest).clone() };
            if self.put_manifest(&next, Some(&described)).await? {
                return Ok(());
            }
            patience.wait().await?;
        }
    }

    /// Writes the description if it is still in the state that was read, or if there is still none. Where the store has no
    /// conditional writes, in any case.
    pub(crate) async fn put_manifest(&self, next: &Manifest, current: Option<&Described>) -> Result<bool> {
        let (object, bytes) = (self.key(MANIFEST_NAME)?, next.to_bytes()?);
        let condition = match current {
            Some(described) => Condition::Unchanged(described.version.clone()),
            None => Condition::Absent,
        };
        let conditions = self.store.conditions().await?;
        if !conditions.create || !conditions.update {
            return self.store.put(&object, bytes).await.map(|_| true);
        }
        let outcome = self.store.put_if(&object, bytes, &condition).await?;
        Ok(matches!(outcome, PutOutcome::Stored(_) | PutOutcome::Overtaken))
    }

    /// The same for a description that names a generation of its own, which is the array's even when others have changed the description
    /// since.
    pub(crate) async fn put_generation(&self, next: &Manifest, current: Option<&Described>) -> Result<bool> {
        if self.put_manifest(next, current).await? {
            return Ok(true);
        }
        Ok(self.load().await?.is_some_and(|now| now.manifest.generation == next.generation))
    }
}

/// The rows of a row group and the whole of the other axes.
fn chunks(array: &ArrayType, manifest: &Manifest) -> Option<Vec<u64>> {
    let trailing = array.trailing.as_ref()?;
    Some(std::iter::once(manifest.chunk_rows).chain(trailing.iter().map(|length| (*length).max(1))).collect())
}

/// The parts of the generation that a description names. Errors: `Corrupt`, naming the file.
fn own(manifest: &Manifest, listed: Vec<PartObject>) -> Result<Vec<PartObject>> {
    let mut parts = Vec::new();
    for object in listed {
        match part_name::place_of(&object.name) {
            Some((generation, position)) if generation == manifest.generation => {
                parts.push((position, object))
            }
            // What is left of an array that was here before, or is not finished yet.
            Some(_) => {}
            None => {
                return Err(stranger(&format!("the file '{}' in it is no part of the array", object.name)));
            }
        }
    }
    parts.sort_by_key(|(position, _)| *position);
    for (expected, (position, _)) in (0u64..).zip(&parts) {
        if *position != expected {
            let name = part_name::name_of(manifest.generation, expected)?;
            return Err(damaged(&format!("the part '{name}' is missing, later ones are there")));
        }
    }
    if parts.is_empty() {
        let name = part_name::name_of(manifest.generation, 0)?;
        return Err(damaged(&format!("the part '{name}' is missing")));
    }
    Ok(parts.into_iter().map(|(_, object)| object).collect())
}

/// The files of a folder that has no description. Errors: `NotFound` when there are none.
fn foreign(listed: Vec<PartObject>) -> Result<Snapshot> {
    let mut parts: Vec<PartObject> =
        listed.into_iter().filter(|object| part_name::place_of(&object.name).is_none()).collect();
    if parts.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "there is no such array"));
    }
    if let Some(other) = parts.iter().find(|object| !object.name.ends_with(".parquet")) {
        return Err(stranger(&format!("the file '{}' in it is no Parquet file", other.name)));
    }
    parts.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Snapshot { described: None, parts: Arc::new(parts) })
}

fn stranger(why: &str) -> Error {
    damaged(why).hint("remove it, or let its name begin with '_'")
}

fn damaged(why: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the array's folder is damaged: {why}"))
        .hint("restore the file from a copy; no rows after it can be placed")
}
