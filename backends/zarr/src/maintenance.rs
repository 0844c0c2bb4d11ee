//! What killed writers leave in a place, and its removal.
//!
//! An array that was being written when its writer died is a key space full of chunks that no `zarr.json` speaks of, with or
//! without the claim of its writer; so is one that was being replaced or removed. Such a key space is emptied by whoever holds its
//! claim: it is watched for as long as any writer would watch it, then taken over, and looked at again.

use crate::{
    ZarrBackend,
    chunk_keys::KeySpace,
    layout::array_form,
    metadata::Metadata,
    stored_array::{METADATA_KEY, METADATA_V2_KEY, Patience, StoredArray},
};
use async_trait::async_trait;
use fascicle_backend::{
    EntryPath, Error, ErrorKind, Flaw, FlawKind, Leftover, LeftoverKind, Maintenance, Owner, Result, Version,
};
use fascicle_objects::{WRITING_PREFIX, age_of, object_store::ObjectMeta};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

#[async_trait]
impl Maintenance for ZarrBackend {
    async fn leftovers(&self) -> Result<Vec<Leftover>> {
        let mut spaces = Spaces::default();
        let mut found = self.tree().leftovers(|object| spaces.see(object)).await?;
        for (at, seen) in spaces.suspicious() {
            // A claim beside an array says that its writer has not tidied up, or is at work.
            if !seen.has_claim && matches!(self.space_in_use(&at).await?, InUse::This | InUse::Unknown) {
                continue;
            }
            found.push(Leftover {
                stored_as: at.claim(),
                kind: LeftoverKind::Unfinished,
                size_bytes: seen.size_bytes,
                age: Some(age_of(seen.modified)),
                // Whoever takes the claim over watches it first.
                owner: Owner::Unknown,
                state: seen.state(),
            });
        }
        found.sort_by(|one, other| one.stored_as.cmp(&other.stored_as));
        Ok(found)
    }

    async fn collect(&self, leftover: &Leftover) -> Result<bool> {
        match leftover.kind {
            LeftoverKind::Unfinished => self.empty_space(&SpaceAt::of_claim(&leftover.stored_as)?).await,
            _ => self.tree().collect(leftover).await,
        }
    }

    async fn flaws(&self, path: &EntryPath) -> Result<Vec<Flaw>> {
        if path.is_root() {
            return Ok(Vec::new());
        }
        let entry = self.tree().require_any(path).await?;
        if entry.form != array_form() {
            return Ok(Vec::new());
        }
        let array = self.array_at(path)?;
        let metadata = array.load().await?.metadata;
        array.flaws(&metadata).await
    }

    async fn mend(&self, path: &EntryPath, kind: FlawKind) -> Result<bool> {
        self.tree().require_any(path).await?;
        // A chunk beyond the end may be one that a writer is about to commit, and no store deletes on a condition.
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("flaws of the kind '{}' cannot be mended here", kind.name()),
        )
        .hint("they are harmless; copying the array leaves them behind"))
    }

    async fn remove_directory_if(&self, path: &EntryPath, meta: &Version) -> Result<bool> {
        self.tree().remove_directory_if(path, meta).await
    }
}

/// A key space of an array.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SpaceAt {
    /// The directory, without a final `/`.
    directory: String,
    stored_name: String,
    space: &'static str,
}

impl SpaceAt {
    /// The key of its claim.
    fn claim(&self) -> String {
        let below = format!("{WRITING_PREFIX}/{}.{}.json", self.stored_name, self.space);
        if self.directory.is_empty() { below } else { format!("{}/{below}", self.directory) }
    }

    /// The key space that a claim of this key is for.
    fn of_claim(key: &str) -> Result<SpaceAt> {
        let (folder, name) = key.rsplit_once('/').unwrap_or(("", key));
        let directory = match folder.strip_suffix(WRITING_PREFIX) {
            Some(above) if above.is_empty() || above.ends_with('/') => above.trim_end_matches('/'),
            _ => return Err(no_claim(key)),
        };
        let (stored_name, space) = KeySpace::ALL
            .iter()
            .find_map(|space| Some((name.strip_suffix(&format!(".{}.json", space.name()))?, space.name())))
            .filter(|(stored_name, _)| is_array_name(stored_name))
            .ok_or_else(|| no_claim(key))?;
        Ok(SpaceAt { directory: directory.to_owned(), stored_name: stored_name.to_owned(), space })
    }

    fn key_space(&self) -> Option<KeySpace> {
        KeySpace::ALL.into_iter().find(|space| space.name() == self.space)
    }
}

fn no_claim(key: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("'{key}' is not the claim of an array"))
}

fn is_array_name(stored_name: &str) -> bool {
    let suffix = array_form().suffix();
    stored_name.len() > suffix.len() && stored_name.ends_with(suffix) && !stored_name.starts_with('_')
}

/// What was seen of a key space.
#[derive(Debug)]
struct Seen {
    has_claim: bool,
    objects: u64,
    size_bytes: u64,
    modified: SystemTime,
}

impl Seen {
    fn state(&self) -> Version {
        let changed = self.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Version::new(format!("{}:{}:{}", self.objects, self.size_bytes, changed.as_nanos()))
    }
}

/// The key spaces that hold anything.
#[derive(Debug, Default)]
struct Spaces {
    seen: BTreeMap<SpaceAt, Seen>,
    /// The directories and names of arrays that have a description.
    described: BTreeSet<(String, String)>,
}

impl Spaces {
    /// Those that may be nobody's: with a claim, or of an array that has no description or several key spaces. The only key
    /// space of a described array is its own.
    fn suspicious(self) -> Vec<(SpaceAt, Seen)> {
        let array = |at: &SpaceAt| (at.directory.clone(), at.stored_name.clone());
        let mut counts: BTreeMap<(String, String), u32> = BTreeMap::new();
        for at in self.seen.keys() {
            *counts.entry(array(at)).or_default() += 1;
        }
        let is_suspicious = |(at, seen): &(SpaceAt, Seen)| {
            let array = array(at);
            seen.has_claim
                || !self.described.contains(&array)
                || counts.get(&array).is_some_and(|count| *count > 1)
        };
        self.seen.into_iter().filter(is_suspicious).collect()
    }

    fn see(&mut self, object: &ObjectMeta) {
        let key = object.location.as_ref();
        if let Ok(at) = SpaceAt::of_claim(key) {
            self.add(at, object, true);
            return;
        }
        // The outermost folder of an array: nothing within it is another's.
        let mut start = 0;
        for name in key.split('/') {
            let end = start + name.len();
            if is_array_name(name) {
                let directory = key.get(..start).unwrap_or("").trim_end_matches('/');
                let within = key.get(end + 1..).unwrap_or("");
                if within == METADATA_KEY || within == METADATA_V2_KEY {
                    self.described.insert((directory.to_owned(), name.to_owned()));
                }
                if let Some(space) = KeySpace::ALL.into_iter().find(|space| space.contains(within)) {
                    let at = SpaceAt {
                        directory: directory.to_owned(),
                        stored_name: name.to_owned(),
                        space: space.name(),
                    };
                    self.add(at, object, false);
                }
                return;
            }
            start = end + 1;
        }
    }

    fn add(&mut self, at: SpaceAt, object: &ObjectMeta, is_claim: bool) {
        let seen = self.seen.entry(at).or_insert(Seen {
            has_claim: false,
            objects: 0,
            size_bytes: 0,
            modified: SystemTime::UNIX_EPOCH,
        });
        seen.has_claim |= is_claim;
        seen.objects += 1;
        seen.size_bytes = seen.size_bytes.saturating_add(object.size);
        seen.modified = seen.modified.max(object.last_modified.into());
    }
}

/// Whether an array's description speaks of a key space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InUse {
    This,
    Another,
    /// There is no array.
    None,
    /// There is a description that cannot be understood: anything may be in use.
    Unknown,
}

impl ZarrBackend {
    fn array_of(&self, at: &SpaceAt) -> Result<StoredArray> {
        let directory = fascicle_objects::key(&at.directory)?;
        Ok(self.places().array(&directory, &at.stored_name))
    }

    async fn space_in_use(&self, at: &SpaceAt) -> Result<InUse> {
        match self.array_of(at)?.load().await {
            Ok(loaded) => {
                let space = loaded.metadata.keys.key_space(loaded.metadata.shape.rank());
                Ok(if space.name() == at.space { InUse::This } else { InUse::Another })
            }
            Err(error) if error.is_not_found() => Ok(InUse::None),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Corrupt
                        | ErrorKind::Unsupported
                        | ErrorKind::LimitExceeded
                        | ErrorKind::WrongKind
                ) =>
            {
                Ok(InUse::Unknown)
            }
            Err(error) => Err(error),
        }
    }

    /// Empties a key space that no array is in, once nobody holds its claim.
    async fn empty_space(&self, at: &SpaceAt) -> Result<bool> {
        let Some(space) = at.key_space() else { return Ok(false) };
        let array = self.array_of(at)?;
        let claims = self.places().claims(&fascicle_objects::key(&at.directory)?, &at.stored_name);
        // As long as a claim without a sign of life is left alone, and a little longer.
        let patience = Patience::new(claims.lease + claims.lease / 2);
        let claim = match claims.claim(&[space], &patience).await {
            Ok((_, claim)) => claim,
            Err(error) if error.kind() == ErrorKind::Busy => return Ok(false),
            Err(error) => return Err(error),
        };
        // Only now is it certain that nobody brings an array into this space.
        let emptied = match self.space_in_use(at).await {
            Ok(InUse::None | InUse::Another) => {
                array.objects.delete_all(|key| space.contains(key)).await.map(|()| true)
            }
            // The writer died after its array had appeared: only its claim was left.
            Ok(InUse::This) => Ok(true),
            Ok(InUse::Unknown) => Ok(false),
            Err(error) => Err(error),
        };
        claim.release().await?;
        emptied
    }
}

impl StoredArray {
    /// Objects that are no chunk of the array. Those of other key spaces are leftovers of their own.
    async fn flaws(&self, metadata: &Metadata) -> Result<Vec<Flaw>> {
        let (rank, keys) = (metadata.shape.rank(), metadata.keys);
        let space = keys.key_space(rank);
        let (mut beyond, mut stray) = (0u64, Vec::new());
        for (key, _) in self.objects.list().await?.iter().filter(|(key, _)| space.contains(key)) {
            match keys.indices(key, rank) {
                None => stray.push(key.clone()),
                Some(indices) => {
                    let axes = indices.iter().zip(metadata.shape.iter()).zip(metadata.layout.object_shape());
                    let is_within = axes.into_iter().all(|((index, length), chunk)| {
                        index.checked_mul(*chunk).is_some_and(|start| start < *length)
                    });
                    beyond += u64::from(!is_within);
                }
            }
        }
        let mut flaws = Vec::new();
        if beyond > 0 {
            flaws.push(Flaw {
                kind: FlawKind::BeyondTheEnd,
                what: format!(
                    "{beyond} chunks lie beyond the end of the array of shape {}: an append that was not completed",
                    metadata.shape
                ),
                mendable: false,
            });
        }
        if let Some(first) = stray.first() {
            flaws.push(Flaw {
                kind: FlawKind::Stray,
                what: format!("{} objects among the chunks are none, such as '{first}'", stray.len()),
                mendable: false,
            });
        }
        Ok(flaws)
    }
}
