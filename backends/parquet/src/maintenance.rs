//! What killed writers leave in a place, and its removal.
//!
//! Of an array that was being written, copied or removed when its writer died there are [marks](crate::mark), and parts that no
//! description names. Parts with a mark are removed with it; those without one are of an array that was replaced or removed, and are
//! removed as every writer of the array does.

use crate::{
    ParquetBackend,
    layout::array_form,
    manifest::MANIFEST_NAME,
    mark::{MOST_MARK_BYTES, MarkPlace},
    part_name,
    stored_array::StoredArray,
};
use async_trait::async_trait;
use fascicle_backend::{
    EntryPath, Error, ErrorKind, Flaw, FlawKind, Leftover, LeftoverKind, Maintenance, Owner, Result, Version,
};
use fascicle_objects::{age_of, key, object_store::ObjectMeta};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

#[async_trait]
impl Maintenance for ParquetBackend {
    async fn leftovers(&self) -> Result<Vec<Leftover>> {
        let mut seen = Seen::default();
        let mut found = self.tree().leftovers(|object| seen.see(object)).await?;
        for (folder, array) in &seen.arrays {
            let stored = self.folder_of(folder)?;
            for (what, marker) in &array.marks {
                let Some(object) = self.tree().store().read(&key(marker)?, MOST_MARK_BYTES).await? else {
                    continue;
                };
                let parts = what.and_then(|generation| array.parts.get(&generation)).copied();
                let parts = parts.unwrap_or_default().with(array.marked_at, 0);
                found.push(leftover(marker, parts, object.version));
            }
            let unmarked: BTreeSet<u64> =
                array.parts.keys().copied().filter(|part| !array.marks.contains_key(&Some(*part))).collect();
            if unmarked.len() <= usize::from(array.is_described) {
                continue;
            }
            let kept = match stored.load().await {
                Ok(described) => described.map(|described| described.manifest.generation),
                // What cannot be understood may name any of them.
                Err(error)
                    if error.kind() == ErrorKind::Corrupt || error.kind() == ErrorKind::Unsupported =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            };
            let left = unmarked.iter().filter(|generation| Some(**generation) != kept);
            let left = left.filter_map(|generation| array.parts.get(generation));
            let left = left.fold(Amount::default(), |sum, parts| sum.with(parts.modified, parts.bytes));
            if left != Amount::default() {
                let state = format!("{}:{:?}", left.bytes, left.modified);
                found.push(leftover(folder, left, Version::new(state)));
            }
        }
        found.sort_by(|one, other| one.stored_as.cmp(&other.stored_as));
        Ok(found)
    }

    async fn collect(&self, leftover: &Leftover) -> Result<bool> {
        if leftover.kind != LeftoverKind::Unfinished {
            return self.tree().collect(leftover).await;
        }
        let Some(mark) = MarkPlace::of(&leftover.stored_as) else {
            return self.folder_of(&leftover.stored_as)?.sweep().await.map(|()| true);
        };
        let array = self.folder_of(&mark.array_folder())?;
        match mark.generation {
            Some(generation) => array.collect_unfinished(generation, &leftover.state).await,
            None => {
                // Whoever removes an array at this moment ends as well without its marker.
                array.sweep().await?;
                array.store.delete(&array.removal_marker()?).await.map(|()| true)
            }
        }
    }

    async fn flaws(&self, path: &EntryPath) -> Result<Vec<Flaw>> {
        // Reading the parts shows what is wrong with them.
        if !path.is_root() {
            self.tree().require_any(path).await?;
        }
        Ok(Vec::new())
    }

    async fn mend(&self, path: &EntryPath, kind: FlawKind) -> Result<bool> {
        self.tree().require_any(path).await?;
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("flaws of the kind '{}' do not occur here", kind.name()),
        ))
    }

    async fn remove_directory_if(&self, path: &EntryPath, meta: &Version) -> Result<bool> {
        self.tree().remove_directory_if(path, meta).await
    }
}

impl ParquetBackend {
    /// The array in a folder of this key.
    fn folder_of(&self, folder: &str) -> Result<StoredArray> {
        let (directory, name) = folder.rsplit_once('/').unwrap_or(("", folder));
        if !is_array_name(name) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("'{folder}' is not the folder of an array"),
            ));
        }
        Ok(self.stored_array(key(directory)?, key(folder)?))
    }
}

fn is_array_name(stored_name: &str) -> bool {
    let suffix = array_form().suffix();
    stored_name.len() > suffix.len() && stored_name.ends_with(suffix) && !stored_name.starts_with('_')
}

fn leftover(stored_as: &str, amount: Amount, state: Version) -> Leftover {
    Leftover {
        stored_as: stored_as.to_owned(),
        kind: LeftoverKind::Unfinished,
        size_bytes: amount.bytes,
        age: Some(age_of(amount.modified)),
        owner: Owner::Unknown,
        state,
    }
}

/// How much there is of something, and since when it is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Amount {
    bytes: u64,
    modified: SystemTime,
}

impl Default for Amount {
    fn default() -> Self {
        Amount { bytes: 0, modified: SystemTime::UNIX_EPOCH }
    }
}

impl Amount {
    fn with(self, modified: SystemTime, bytes: u64) -> Self {
        Amount { bytes: self.bytes.saturating_add(bytes), modified: self.modified.max(modified) }
    }
}

/// What a listing shows of one array.
#[derive(Debug)]
struct SeenArray {
    is_described: bool,
    /// By generation.
    parts: BTreeMap<u64, Amount>,
    /// The keys of marks by generation; that of a removal has none.
    marks: BTreeMap<Option<u64>, String>,
    /// When the latest mark was written.
    marked_at: SystemTime,
}

/// What a listing shows of all arrays, by the keys of their folders.
#[derive(Debug, Default)]
struct Seen {
    arrays: BTreeMap<String, SeenArray>,
}

impl Seen {
    fn array(&mut self, folder: String) -> &mut SeenArray {
        self.arrays.entry(folder).or_insert_with(|| SeenArray {
            is_described: false,
            parts: BTreeMap::new(),
            marks: BTreeMap::new(),
            marked_at: SystemTime::UNIX_EPOCH,
        })
    }

    fn see(&mut self, object: &ObjectMeta) {
        let key = object.location.as_ref();
        if let Some(mark) = MarkPlace::of(key).filter(|mark| is_array_name(mark.stored_name)) {
            let array = self.array(mark.array_folder());
            array.marks.insert(mark.generation, key.to_owned());
            array.marked_at = array.marked_at.max(object.last_modified.into());
            return;
        }
        let Some((folder, name)) = key.rsplit_once('/') else { return };
        if !is_array_name(folder.rsplit('/').next().unwrap_or(folder)) {
            return;
        }
        if name == MANIFEST_NAME {
            self.array(folder.to_owned()).is_described = true;
        } else if let Some((generation, _)) = part_name::place_of(name) {
            let parts = self.array(folder.to_owned()).parts.entry(generation).or_default();
            *parts = parts.with(object.last_modified.into(), object.size);
        }
    }
}
