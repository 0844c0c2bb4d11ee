//! What is left in a store by writers and removers that were killed, and its deletion.

use super::{Form, META_NAME, Tree, WRITING_PREFIX, tombstone::removal_key};
use crate::{
    probe::PROBE_PREFIX,
    store::{STAGE_PREFIX, child_key, key},
};
use fascicle_backend::{
    EntryKind, EntryPath, Error, ErrorKind, Leftover, LeftoverKind, Owner, Result, Version,
};
use fascicle_local::is_working_folder;
use fascicle_tables::{PARTS_OF_A_GENERATION, is_key_name, part_number};
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use object_store::{ObjectMeta, path::Path};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

/// How the name of the marker of a directory's removal ends.
const REMOVAL_SUFFIX: &str = ".removal";

impl Tree {
    /// What is left in the store: large files that were being uploaded, probes, removals of directories that were broken off;
    /// and on a local file system what [`fascicle_local::leftovers`] finds. What formats leave within their entries is theirs
    /// to find: `each` sees every object.
    ///
    /// Cost: a request for each 1,000 objects, one for each thing that is found, and one for each meta of a tombstone's length.
    pub async fn leftovers(&self, mut each: impl FnMut(&ObjectMeta) + Send) -> Result<Vec<Leftover>> {
        let mut found = self.local_leftovers().await?;
        let mut removals: BTreeMap<Path, SystemTime> = BTreeMap::new();
        let mut tables: BTreeMap<String, Generations> = BTreeMap::new();
        let mut objects = self.readable_objects();
        while let Some(object) = objects.try_next().await? {
            each(&object);
            let (parent, name) = split(&object.location);
            let top = object.location.as_ref().split('/').next().unwrap_or("");
            let kind = match top {
                STAGE_PREFIX => Some(LeftoverKind::Staged),
                PROBE_PREFIX => Some(LeftoverKind::Probe),
                _ => None,
            };
            if let Some(kind) = kind {
                found.extend(self.describe(&object, kind).await?);
                continue;
            }
            let removed = match name {
                META_NAME if !parent.is_empty() && self.is_tombstone_at(&object).await? => Some(key(parent)?),
                _ => removed_directory(parent, name)?.filter(|removed| self.finishes_removal(removed)),
            };
            if let Some(directory) = removed {
                let modified = removals.entry(directory).or_insert(SystemTime::UNIX_EPOCH);
                *modified = (*modified).max(object.last_modified.into());
            } else if let Some(number) = part_number(name).filter(|_| self.is_table(parent)) {
                tables.entry(parent.to_owned()).or_default().see(number, name, &object);
            }
        }
        found.extend(tables.iter().filter_map(|(table, generations)| generations.leftover(table)));
        for (directory, modified) in removals {
            let state = self.removal_state(&directory).await?;
            found.extend(state.map(|state| Leftover {
                stored_as: directory.to_string(),
                kind: LeftoverKind::Removal,
                size_bytes: 0,
                age: Some(age_of(modified)),
                // Whoever takes it over watches it first.
                owner: Owner::Unknown,
                state,
            }));
        }
        found.sort_by(|one, other| one.stored_as.cmp(&other.stored_as));
        Ok(found)
    }

    /// Deletes a leftover that [`Tree::leftovers`] found, if it is as it was; finishes a removal, which is watched for half a
    /// minute before.
    pub async fn collect(&self, leftover: &Leftover) -> Result<bool> {
        let stored = key(&leftover.stored_as)?;
        match leftover.kind {
            LeftoverKind::Staged | LeftoverKind::Probe if !is_local_name(&leftover.stored_as) => {
                let beginning = format!(
                    "{}/",
                    if leftover.kind == LeftoverKind::Staged { STAGE_PREFIX } else { PROBE_PREFIX }
                );
                if !leftover.stored_as.starts_with(&beginning) {
                    return Err(not_collected(leftover));
                }
                match self.store().written_by(&stored).await? {
                    Some((version, _)) if version == leftover.state => {
                        self.store().delete(&stored).await.map(|()| true)
                    }
                    _ => Ok(false),
                }
            }
            LeftoverKind::Removal => self.finish_removal(&stored, leftover).await,
            LeftoverKind::Superseded => self.remove_superseded(&stored, leftover).await,
            _ => match self.store().local() {
                Some(local) => local.collect(leftover).await,
                None => Err(not_collected(leftover)),
            },
        }
    }

    /// Whether a removal that was broken off can be finished by anybody. What is stored under a prefix whose key object comes last
    /// may be an array that is being written.
    fn finishes_removal(&self, removed: &Path) -> bool {
        let entry = self.layout().entry_of(removed.filename().unwrap_or(""), true);
        entry.is_some_and(|(_, form)| matches!(form.kind(), EntryKind::Directory | EntryKind::Table))
    }

    /// Whether the parts in a folder of this key are those of a table.
    fn is_table(&self, folder: &str) -> bool {
        let name = folder.rsplit('/').next().unwrap_or(folder);
        self.layout().entry_of(name, true).is_some_and(|(_, form)| form.kind() == EntryKind::Table)
    }

    async fn finish_removal(&self, directory: &Path, leftover: &Leftover) -> Result<bool> {
        if self.removal_state(directory).await?.as_ref() != Some(&leftover.state) {
            return Ok(false);
        }
        let name = directory.filename().unwrap_or("");
        if let Some((_, form @ Form::Prefix(_))) = self.layout().entry_of(name, true) {
            return self.finish_removal_of_parts(directory, &form).await;
        }
        let path = EntryPath::parse(directory.as_ref())?;
        let finished = match self.await_removal(&path, directory).await {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            answer => answer?,
        };
        if !finished && self.removal_state(directory).await?.as_ref() != Some(&leftover.state) {
            return Ok(false);
        }
        // Of a removal that was broken off before it had begun, or after its end, only the marker is left.
        self.store().delete(&removal_key(directory)?).await.map(|()| true)
    }

    /// Deletes what is left of a table whose removal was broken off, and the marker of the removal, without which it would be
    /// taken for a table. One that was created meanwhile begins a later generation than anything that is left.
    async fn finish_removal_of_parts(&self, prefix: &Path, form: &Form) -> Result<bool> {
        let listed = self.store().list(prefix).map_ok(|object| object.location);
        let mut objects: Vec<Path> = listed.try_collect().await?;
        if !objects.iter().any(|location| form.is_key_at(prefix, location)) {
            objects.sort();
            // One after the other, the last one last: whoever creates a table meanwhile sees which generation is over.
            for object in objects {
                self.store().delete(&object).await?;
            }
        }
        self.store().delete(&removal_key(prefix)?).await.map(|()| true)
    }

    /// Deletes the parts of a table that another one has replaced: they are of a lower generation, and never count again.
    async fn remove_superseded(&self, table: &Path, leftover: &Leftover) -> Result<bool> {
        let mut generations = Generations::default();
        let mut parts = Vec::new();
        let mut objects = self.store().list(table);
        while let Some(object) = objects.try_next().await? {
            let (parent, name) = split(&object.location);
            if let Some(number) = part_number(name).filter(|_| parent == table.as_ref()) {
                generations.see(number, name, &object);
                parts.push((number, object.location));
            }
        }
        match (generations.leftover(table.as_ref()), generations.current) {
            (Some(now), Some(current)) if now.state == leftover.state => {
                let superseded = parts.into_iter().filter(|(number, _)| generation_of(*number) < current);
                let keys: Vec<_> = superseded.map(|(_, location)| Ok(location)).collect();
                self.store().delete_all(stream::iter(keys).boxed()).await.map(|()| true)
            }
            _ => Ok(false),
        }
    }

    /// What identifies the state of a removal: its tombstone, or else its marker; `None` when there is neither.
    async fn removal_state(&self, directory: &Path) -> Result<Option<Version>> {
        let meta = child_key(directory, META_NAME)?;
        if let Some(object) = self.store().head(&meta).await?
            && self.is_tombstone_at(&object).await?
        {
            return Ok(self.store().written_by(&meta).await?.map(|(version, _)| version));
        }
        Ok(self.store().written_by(&removal_key(directory)?).await?.map(|(version, _)| version))
    }

    /// Whether the object, a meta, is a tombstone; on a local file system there are none.
    async fn is_tombstone_at(&self, meta: &ObjectMeta) -> Result<bool> {
        Ok(!self.store().is_local() && self.is_buried(meta).await?)
    }

    async fn describe(&self, object: &ObjectMeta, kind: LeftoverKind) -> Result<Option<Leftover>> {
        let written = self.store().written_by(&object.location).await?;
        Ok(written.map(|(state, _)| Leftover {
            stored_as: object.location.to_string(),
            kind,
            size_bytes: object.size,
            age: Some(age_of(object.last_modified.into())),
            owner: Owner::Unknown,
            state,
        }))
    }

    /// Every object; on a local file system without those in folders that may not be read, in which nothing could be tidied up either.
    fn readable_objects(&self) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.store().local() {
            Some(local) => {
                let store = self.store().clone();
                let objects = local.list_readable();
                objects.map_err(move |error| store.error("listing", &Path::default(), error)).boxed()
            }
            None => self.store().list(&Path::default()),
        }
    }

    async fn local_leftovers(&self) -> Result<Vec<Leftover>> {
        match self.store().local() {
            Some(local) => local.leftovers(self.layout().suffixes()).await,
            None => Ok(Vec::new()),
        }
    }

    /// Removes the directory at `path`, with everything in it, if its meta still has this version; tells whether it did.
    ///
    /// Elsewhere than on a local file system the tombstone takes the place of that very state of the meta, so that it never
    /// buries another directory of the name.
    pub async fn remove_directory_if(&self, path: &EntryPath, meta: &Version) -> Result<bool> {
        let prefix = self.key_of(path, &Form::Directory)?;
        if let Some(local) = self.store().local() {
            let failed = |error| self.store().error("removing", &prefix, error);
            let removed = local.discard_if(&prefix, META_NAME, meta).await.map_err(failed)?;
            if removed {
                self.forget_attributes(path).await?;
            }
            return Ok(removed);
        }
        self.remove_directory_of(path, &prefix, meta).await
    }
}

/// The generation that a part belongs to.
fn generation_of(number: u64) -> u64 {
    number / PARTS_OF_A_GENERATION
}

/// The parts of a table by their generations.
#[derive(Debug, Default)]
struct Generations {
    /// The highest one with a first part: the table.
    current: Option<u64>,
    seen: BTreeMap<u64, (u64, u64, SystemTime)>,
}

impl Generations {
    fn see(&mut self, number: u64, name: &str, object: &ObjectMeta) {
        let generation = generation_of(number);
        if is_key_name(name) {
            self.current = self.current.max(Some(generation));
        }
        let seen = self.seen.entry(generation).or_insert((0, 0, SystemTime::UNIX_EPOCH));
        *seen = (seen.0 + 1, seen.1.saturating_add(object.size), seen.2.max(object.last_modified.into()));
    }

    /// What lies below the generation that counts.
    fn leftover(&self, table: &str) -> Option<Leftover> {
        let mut sum = (0, 0, SystemTime::UNIX_EPOCH);
        for (_, (parts, bytes, modified)) in self.seen.range(..self.current?) {
            sum = (sum.0 + parts, sum.1 + bytes, sum.2.max(*modified));
        }
        let (parts, size_bytes, modified) = sum;
        (parts > 0).then(|| Leftover {
            stored_as: table.to_owned(),
            kind: LeftoverKind::Superseded,
            size_bytes,
            age: Some(age_of(modified)),
            owner: Owner::Unknown,
            state: Version::new(format!("{parts}:{size_bytes}:{:?}", self.current)),
        })
    }
}

/// For how long something has not changed. Its time is the service's, the present this machine's: the difference between two
/// clocks counts as age, and ages only decide when to try.
pub fn age_of(modified: SystemTime) -> Duration {
    SystemTime::now().duration_since(modified).unwrap_or(Duration::ZERO)
}

fn split(location: &Path) -> (&str, &str) {
    location.as_ref().rsplit_once('/').unwrap_or(("", location.as_ref()))
}

/// The directory whose removal an object of this name marks.
fn removed_directory(parent: &str, name: &str) -> Result<Option<Path>> {
    let Some(removed) = name.strip_suffix(REMOVAL_SUFFIX) else { return Ok(None) };
    match parent.strip_suffix(WRITING_PREFIX) {
        Some(above) if above.is_empty() || above.ends_with('/') => {
            key(&format!("{above}{removed}")).map(Some)
        }
        _ => Ok(None),
    }
}

/// Whether something lies in a folder that only local file systems have.
fn is_local_name(stored_as: &str) -> bool {
    stored_as.split('/').next().is_some_and(is_working_folder)
}

fn not_collected(leftover: &Leftover) -> Error {
    Error::new(ErrorKind::Unsupported, format!("'{}' is not deleted as a leftover", leftover.stored_as))
}
