//! Marks: objects that say that parts of a generation are being stored and are no array yet.
//!
//! A mark lies in the folder `_writing` of the directory, and its name holds the generation. It says `storing` until its writer makes
//! it say `committing`, just before the description that names the generation is written. Whoever collects what a dead writer left
//! makes it say `collected` first. Both write on condition of the state that they read: the parts become an array, or they are
//! removed, whoever of the two is slow.

use crate::{part_name, stored_array::StoredArray};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, Result, Version};
use fascicle_objects::{Condition, PutOutcome, WRITING_PREFIX, key, object_store::path::Path};

const STORING: &[u8] = b"storing";
const COMMITTING: &[u8] = b"committing";
const COLLECTED: &[u8] = b"collected";
/// No mark is longer.
pub(crate) const MOST_MARK_BYTES: u64 = 64;

/// What the name of the object that says that the array is being removed ends in, instead of a generation.
const REMOVAL: &str = "removal";

/// The mark of parts that this program stores.
#[derive(Debug)]
pub(crate) struct Mark {
    pub(crate) generation: u64,
    /// The state of the object while it says `storing`; none afterwards, and on a store without conditional writes.
    storing: Option<Version>,
}

/// What an object in the folder of marks is about, by its key.
pub(crate) struct MarkPlace<'a> {
    /// The directory of the array, without a final `/`.
    pub(crate) directory: &'a str,
    pub(crate) stored_name: &'a str,
    /// None for an array that is being removed.
    pub(crate) generation: Option<u64>,
}

impl<'a> MarkPlace<'a> {
    /// Reads a key; `None` for what is no mark.
    pub(crate) fn of(object: &'a str) -> Option<Self> {
        let (folder, name) = object.rsplit_once('/')?;
        let directory = folder.strip_suffix(WRITING_PREFIX)?;
        if !directory.is_empty() && !directory.ends_with('/') {
            return None;
        }
        let (stored_name, what) = name.rsplit_once('.')?;
        let generation = match what {
            REMOVAL => None,
            generation if generation.len() == 10 => Some(generation.parse().ok()?),
            _ => return None,
        };
        Some(MarkPlace { directory: directory.trim_end_matches('/'), stored_name, generation })
    }

    /// The key of the array's folder.
    pub(crate) fn array_folder(&self) -> String {
        match self.directory {
            "" => self.stored_name.to_owned(),
            directory => format!("{directory}/{}", self.stored_name),
        }
    }
}

impl StoredArray {
    /// The folder of the objects that say what is being stored in the directory.
    pub(crate) fn writing_folder(&self) -> Result<Path> {
        match self.directory.as_ref() {
            "" => key(WRITING_PREFIX),
            directory => key(&format!("{directory}/{WRITING_PREFIX}")),
        }
    }

    /// The object that says that parts of a generation are being stored.
    fn marker(&self, generation: u64) -> Result<Path> {
        self.marker_of(&format!("{generation:010}"))
    }

    /// The object that says that the array is being removed.
    pub(crate) fn removal_marker(&self) -> Result<Path> {
        self.marker_of(REMOVAL)
    }

    fn marker_of(&self, what: &str) -> Result<Path> {
        let name = self.prefix.filename().unwrap_or_default();
        key(&format!("{}/{name}.{what}", self.writing_folder()?))
    }

    /// Says that parts of a generation, which is chosen anew, are going to be stored. Cost: one request.
    pub(crate) async fn mark(&self, generation: u64) -> Result<Mark> {
        let (object, says) = (self.marker(generation)?, Bytes::from_static(STORING));
        let conditions = self.store.conditions().await?;
        if !conditions.create || !conditions.update {
            self.store.put(&object, says).await?;
            return Ok(Mark { generation, storing: None });
        }
        match self.store.put_if(&object, says, &Condition::Absent).await? {
            PutOutcome::Stored(version) => Ok(Mark { generation, storing: Some(version) }),
            PutOutcome::Overtaken | PutOutcome::Refused | PutOutcome::Unclear => Err(taken()),
        }
    }

    /// Says that the description is going to be written. Cost: one request, the first time. Errors: `LeaseLost` when the parts were
    /// collected as a dead writer's.
    pub(crate) async fn begin_commit(&self, mark: &mut Mark) -> Result<()> {
        let Some(version) = mark.storing.take() else { return Ok(()) };
        let (object, condition) = (self.marker(mark.generation)?, Condition::Unchanged(version));
        match self.store.put_if(&object, Bytes::from_static(COMMITTING), &condition).await? {
            PutOutcome::Stored(_) => Ok(()),
            PutOutcome::Overtaken | PutOutcome::Refused | PutOutcome::Unclear => Err(Error::new(
                ErrorKind::LeaseLost,
                "the array took so long to be written that what was stored of it was collected as a dead writer's",
            )
            .hint("write it again, and let 'gc' collect only what is older than the longest write takes")),
        }
    }

    /// Takes the mark away. Cost: one request.
    pub(crate) async fn unmark(&self, generation: u64) -> Result<()> {
        self.store.delete(&self.marker(generation)?).await
    }

    /// Removes the parts of a generation whose writer is taken for dead, if its mark is in the state `found`. Whether they are gone, or
    /// turned out to be the array's.
    ///
    /// A writer that comes back fails before its array appears. One that died when the description was, perhaps, on its way leaves
    /// its parts for good where there is no array: nothing can keep that description from arriving.
    pub(crate) async fn collect_unfinished(&self, generation: u64, found: &Version) -> Result<bool> {
        let object = self.marker(generation)?;
        let Some(mark) = self.store.read(&object, MOST_MARK_BYTES).await? else { return Ok(false) };
        if mark.version != *found {
            return Ok(false);
        }
        let described = self.load().await?;
        if described.as_ref().is_some_and(|described| described.manifest.generation == generation) {
            // Only its mark was left.
            return self.unmark(generation).await.map(|()| true);
        }
        match (mark.bytes.as_ref(), described) {
            (COLLECTED, _) => {}
            (COMMITTING, None) => return Ok(false),
            // Written anew as it is, the description refuses the one that may be on its way.
            (COMMITTING, Some(described)) => {
                if !self.put_manifest(&described.manifest, Some(&described)).await? {
                    return Ok(false);
                }
            }
            _ => {
                let condition = Condition::Unchanged(mark.version);
                let says = Bytes::from_static(COLLECTED);
                let PutOutcome::Stored(_) = self.store.put_if(&object, says, &condition).await? else {
                    return Ok(false);
                };
            }
        }
        self.remove_unfinished(generation).await.map(|()| true)
    }

    /// Removes the parts of a generation that is not the array's, and its mark.
    pub(crate) async fn remove_unfinished(&self, generation: u64) -> Result<()> {
        let listed = self.list().await?;
        let of_it = |name: &str| part_name::place_of(name).is_some_and(|(other, _)| other == generation);
        let parts = listed.into_iter().filter(|part| of_it(&part.name)).map(|part| part.key);
        self.delete_all(parts.collect()).await?;
        self.unmark(generation).await
    }

    /// The generations whose parts are being stored.
    pub(crate) async fn marked(&self) -> Result<Vec<u64>> {
        let name = self.prefix.filename().unwrap_or_default();
        let listed = self.store.list_children(&self.writing_folder()?).await?;
        let generation = |object: &Path| {
            MarkPlace::of(object.as_ref()).filter(|mark| mark.stored_name == name)?.generation
        };
        Ok(listed.objects.iter().filter_map(|object| generation(&object.location)).collect())
    }
}

pub(crate) fn taken() -> Error {
    let why = "another writer chose the same number for a new array, which happens once in a billion times";
    Error::new(ErrorKind::Conflict, why).hint("try again")
}
