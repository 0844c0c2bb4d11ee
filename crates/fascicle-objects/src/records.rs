//! Records as objects under `_index/`.

use crate::{
    Coordination,
    conditional::{Condition, PutOutcome},
    store::{Store, key},
};
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{CreateOutcome, Error, ErrorKind, MAX_RECORD_BYTES, RecordKey, RecordStore, Result};
use futures::TryStreamExt;
use object_store::path::Path;
use serde_json::json;
use tokio::sync::Mutex;

/// The prefix of the records.
pub const INDEX_PREFIX: &str = "_index";

/// Says, in a store that holds the records of another place, which place that is.
const PLACE_RECORD: &str = "place.json";

/// Keeps creators of this process apart, where it alone creates. Keys share these by their bytes.
static CREATORS: [Mutex<()>; 64] = [const { Mutex::const_new(()) }; 64];

/// Records in a store: the key `v1/ab/x` is the object `_index/v1/ab/x`.
///
/// - Creating is a conditional write, which a store must honour: `Unsupported` otherwise, unless [`Coordination`] says what to do
///   instead. An answer is taken at its word, as [`CreateOutcome::Exists`] allows.
/// - Cost: a request each; listing one for each 1,000 records.
/// - On local file systems a key cannot continue another record's key (`a` and `a/b`).
#[derive(Clone, Debug)]
pub struct StoreRecords {
    store: Store,
    /// Only this process creates, and looks before it does.
    within_process: bool,
}

impl StoreRecords {
    /// The records of a store that has conditional writes.
    pub fn new(store: Store) -> Self {
        StoreRecords { store, within_process: false }
    }

    /// The records of a place, wherever its [`Coordination`] says that they are.
    ///
    /// Errors: `Mismatch` when another store is to hold them that holds those of another place, `Unsupported` when that has no
    /// conditional writes either; those of reaching it.
    pub async fn of_place(store: &Store) -> Result<Self> {
        let coordination = &store.parts().coordination;
        if *coordination == Coordination::Refused || store.conditions().await?.create {
            return Ok(StoreRecords::new(store.clone()));
        }
        match coordination {
            Coordination::Refused => Ok(StoreRecords::new(store.clone())),
            Coordination::WithinProcess => Ok(StoreRecords { store: store.clone(), within_process: true }),
            Coordination::Elsewhere(config) => {
                let config = config.as_ref().clone().with_read_only(store.parts().read_only);
                let other = Store::open(&config)?;
                dedicate(&other, store).await?;
                Ok(StoreRecords::new(other))
            }
        }
    }
}

/// Makes `other` the store of the records of `place`, unless it is that of another one.
async fn dedicate(other: &Store, place: &Store) -> Result<()> {
    let object = key(&format!("{INDEX_PREFIX}/{PLACE_RECORD}"))?;
    let id = blake3::hash(format!("{} {}", place.parts().service, place.location()).as_bytes()).to_hex();
    let body = Bytes::from(json!({"format": 1, "place": place.location(), "id": id.as_str()}).to_string());
    let stored = match other.read(&object, MAX_RECORD_BYTES as u64).await? {
        None if place.parts().read_only => return Ok(()),
        None => match other.put_if(&object, body.clone(), &Condition::Absent).await? {
            PutOutcome::Stored(_) => return Ok(()),
            PutOutcome::Overtaken | PutOutcome::Refused | PutOutcome::Unclear => {
                other.read(&object, MAX_RECORD_BYTES as u64).await?
            }
        },
        stored => stored,
    };
    if stored.is_some_and(|stored| stored.bytes == body) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Mismatch,
        format!("'{}' holds the records of another place than '{}'", other.location(), place.location()),
    )
    .hint("each place needs a store of its own for its records, and all who use it reach it by one address"))
}

fn not_coordinated(store: &Store) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("'{}' has no conditional writes, or ignores their conditions", store.location()),
    )
    .hint(
        "plain reading and writing work; to coordinate, use a store that has conditional writes, name one as 'lock_root', or \
         promise by 'coordination: none' that one process alone builds there",
    )
}

fn object_key(record: &RecordKey) -> Result<Path> {
    key(&format!("{INDEX_PREFIX}/{record}"))
}

#[async_trait]
impl RecordStore for StoreRecords {
    async fn create(&self, record: &RecordKey, body: Bytes) -> Result<CreateOutcome> {
        let object = object_key(record)?;
        let created = if self.within_process {
            let place = object.as_ref().bytes().map(usize::from).sum::<usize>() % CREATORS.len();
            let _alone = match CREATORS.get(place) {
                Some(creators) => Some(creators.lock().await),
                None => None,
            };
            let is_free = self.store.head(&object).await?.is_none();
            if is_free {
                self.store.put(&object, body).await?;
            }
            is_free
        } else {
            if !self.store.conditions().await?.create {
                return Err(not_coordinated(&self.store));
            }
            self.store.create_unverified(&object, body).await?
        };
        Ok(if created { CreateOutcome::Created } else { CreateOutcome::Exists })
    }

    async fn read(&self, record: &RecordKey) -> Result<Option<Bytes>> {
        let object = self.store.read(&object_key(record)?, MAX_RECORD_BYTES as u64).await?;
        Ok(object.map(|object| object.bytes))
    }

    async fn overwrite(&self, record: &RecordKey, body: Bytes) -> Result<()> {
        self.store.put(&object_key(record)?, body).await.map(drop)
    }

    async fn remove(&self, record: &RecordKey) -> Result<()> {
        self.store.delete(&object_key(record)?).await
    }

    async fn list(&self, prefix: &RecordKey) -> Result<Vec<RecordKey>> {
        let mut keys = Vec::new();
        let mut objects = self.store.list(&object_key(prefix)?);
        while let Some(object) = objects.try_next().await? {
            let name =
                object.location.as_ref().strip_prefix(INDEX_PREFIX).and_then(|name| name.strip_prefix('/'));
            // What cannot be a key was put there by somebody else.
            keys.extend(name.and_then(|name| RecordKey::parse(name).ok()));
        }
        keys.sort();
        Ok(keys)
    }
}
