//! Whether a store honours the conditions of writes. Some services have none, and some accept and ignore them.

use crate::{
    conditional::{Condition, PutOutcome, nonce},
    records::INDEX_PREFIX,
    store::{Store, key},
};
use bytes::Bytes;
use fascicle_backend::{ErrorKind, Result, Version};
use futures::{StreamExt, stream};
use object_store::path::Path;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// The record that says what was found.
const RECORD: &str = "conditional-writes.json";
/// Where the probe writes.
pub(crate) const PROBE_PREFIX: &str = "_probe";
/// How many creations of one key are under way at once.
const CONTENDERS: usize = 8;

/// What was found in this process, by bucket and service.
static FOUND: Mutex<BTreeMap<String, Conditions>> = Mutex::new(BTreeMap::new());

/// The conditions that a store honours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// An object is created only when there is none.
    pub create: bool,
    /// An object is replaced only when it is in a given state.
    pub update: bool,
}

impl Conditions {
    pub(crate) const ALL: Conditions = Conditions { create: true, update: true };
    const NONE: Conditions = Conditions { create: false, update: false };
}

impl Store {
    /// The conditions of writes that this store honours.
    ///
    /// Cost: nothing on local file systems and in memory. Elsewhere, once in a process for each bucket: one request when the place was
    /// probed before; else about twenty, and what they wrote is removed again. Opened to be read alone, a store that was never probed is taken for
    /// one that honours none.
    pub async fn conditions(&self) -> Result<Conditions> {
        self.conditions_cell().get_or_try_init(|| self.find_conditions()).await.copied()
    }

    async fn find_conditions(&self) -> Result<Conditions> {
        if let Some(conditions) = self.parts().conditions {
            return Ok(conditions);
        }
        let service = &self.parts().service;
        let known = FOUND.lock().unwrap_or_else(PoisonError::into_inner).get(service).copied();
        if let Some(conditions) = known {
            return Ok(conditions);
        }
        let record = key(&format!("{INDEX_PREFIX}/{RECORD}"))?;
        let conditions = match self.read(&record, 1024).await? {
            // Only that all is well is recorded: what a service lacks it may learn.
            Some(object) if object.bytes == recorded() => Conditions::ALL,
            // It is not known for those who are going to write.
            _ if self.parts().read_only => return Ok(Conditions::NONE),
            _ => {
                let conditions = self.probe().await?;
                if conditions == Conditions::ALL {
                    self.put(&record, recorded()).await?;
                }
                conditions
            }
        };
        FOUND.lock().unwrap_or_else(PoisonError::into_inner).insert(service.clone(), conditions);
        Ok(conditions)
    }

    async fn probe(&self) -> Result<Conditions> {
        let place = format!("{PROBE_PREFIX}/{}", nonce()?);
        let (one, contended) = (key(&format!("{place}/one"))?, key(&format!("{place}/contended"))?);
        let found = match self.probe_create(&one, &contended).await {
            Ok(Some(version)) => match self.probe_update(&one, &version).await {
                Ok(update) => Ok(Conditions { create: true, update }),
                Err(error) => Err(error),
            },
            Ok(None) => Ok(Conditions::NONE),
            Err(error) => Err(error),
        };
        let found = match found {
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Conditions::NONE),
            found => found,
        };
        let removed = self.delete_all(stream::iter([Ok(one), Ok(contended)]).boxed()).await;
        let found = found?;
        removed?;
        if found != Conditions::ALL {
            log::warn!("'{}' does not honour all conditions of writes: {found:?}", self.location());
        }
        Ok(found)
    }

    /// The version of the object at `one` when creation is exclusive.
    async fn probe_create(&self, one: &Path, contended: &Path) -> Result<Option<Version>> {
        let first = Bytes::from_static(b"first");
        let PutOutcome::Stored(version) =
            self.put_if_unprobed(one, first.clone(), &Condition::Absent).await?
        else {
            return Ok(None);
        };
        let second = self.put_if_unprobed(one, Bytes::from_static(b"second"), &Condition::Absent).await?;
        let stored = self.read(one, 1024).await?;
        if second != PutOutcome::Refused || stored.is_none_or(|object| object.bytes != first) {
            return Ok(None);
        }
        let contenders = (0..CONTENDERS).map(|number| {
            self.put_if_unprobed(contended, Bytes::from(number.to_string()), &Condition::Absent)
        });
        let outcomes: Vec<Result<PutOutcome>> =
            stream::iter(contenders).buffer_unordered(CONTENDERS).collect().await;
        let mut winners = 0;
        for outcome in outcomes {
            winners += usize::from(matches!(outcome?, PutOutcome::Stored(_)));
        }
        Ok((winners == 1).then_some(version))
    }

    /// Whether an update of a state that is gone is refused, and one of the current state is not.
    async fn probe_update(&self, one: &Path, first: &Version) -> Result<bool> {
        let update = async |version: &Version, bytes: &'static [u8]| {
            let condition = Condition::Unchanged(version.clone());
            match self.put_if_unprobed(one, Bytes::from_static(bytes), &condition).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
                outcome => outcome.map(Some),
            }
        };
        let Some(PutOutcome::Stored(_)) = update(first, b"third").await? else { return Ok(false) };
        let stale = update(first, b"fourth").await?;
        let stored = self.read(one, 1024).await?;
        Ok(stale == Some(PutOutcome::Refused)
            && stored.is_some_and(|object| object.bytes[..] == b"third"[..]))
    }
}

fn recorded() -> Bytes {
    Bytes::from_static(b"{\"format\":1,\"create\":true,\"update\":true}")
}
