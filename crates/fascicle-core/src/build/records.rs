//! The records of find-or-build: their keys, their bodies, and creating one exactly once.
//!
//! | key | written | says |
//! |---|---|---|
//! | `v1/<aa>/<h>.<n>.claim` | once | who builds epoch `n` of identity `h` (`aa` are the first two digits of `h`) |
//! | `v1/<aa>/<h>.<n>.beat` | again and again by the builder | it is alive, and in which directory it builds |
//! | `v1/<aa>/<h>.<n>.end` | once | how the epoch ended |
//! | `v1/<aa>/<h>.<n>.retired` | once | that its directory was modified or removed afterwards |

use super::process::ProcessId;
use crate::meta::BuildMark;
use crate::{Backend, CreateOutcome, Error, ErrorKind, Identity, RecordKey, Result};
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::time::Duration;

/// The largest body of a record.
pub(super) const MAX_BODY_BYTES: usize = 64 << 10;

/// The first claim of an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Claim {
    pub nonce: String,
    pub process: ProcessId,
    pub beat_ms: u64,
    pub lease_ms: u64,
}

/// A sign of life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Beat {
    pub nonce: String,
    pub counter: u64,
    /// The directory of the attempt, relative to the root.
    pub directory: Option<String>,
    /// The builds that this one waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting_on: Vec<WaitingOn>,
}

/// A build that another one waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WaitingOn {
    /// What its epochs are of.
    pub key: String,
    /// Which epoch.
    pub epoch: u64,
}

/// How an epoch ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "snake_case")]
pub(super) enum End {
    /// The builder finished; the directory is complete.
    Done {
        nonce: String,
        directory: String,
        /// Whether it is another program's, which no meta says by a mark.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        foreign: bool,
    },
    /// The build function failed.
    Stopped { nonce: String, error: String },
    /// The builder stopped halfway. The next epoch may go on in its directory.
    Interrupted {
        nonce: String,
        directory: String,
        /// How far it got, as YAML.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        progress: Option<String>,
    },
    /// Somebody else took the builder for dead.
    Abandoned { nonce: String },
}

/// That a finished directory no longer holds what was built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Retired {
    pub nonce: String,
    pub reason: RetiredReason,
}

/// Why a directory was retired.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RetiredReason {
    /// Something was written after it was done.
    Modified,
    /// It was removed, or moved away.
    Deleted,
}

/// A body that carries the nonce of who wrote it.
pub(super) trait Body: Serialize + DeserializeOwned {
    /// The nonce of the writer of this very record.
    fn nonce(&self) -> &str;
}

impl Body for Claim {
    fn nonce(&self) -> &str {
        &self.nonce
    }
}

impl Body for Beat {
    fn nonce(&self) -> &str {
        &self.nonce
    }
}

impl Body for End {
    fn nonce(&self) -> &str {
        match self {
            End::Done { nonce, .. }
            | End::Stopped { nonce, .. }
            | End::Interrupted { nonce, .. }
            | End::Abandoned { nonce } => nonce,
        }
    }
}

impl Body for Retired {
    fn nonce(&self) -> &str {
        &self.nonce
    }
}

/// The records of one epoch of one identity.
#[derive(Clone, Debug)]
pub(super) struct Epoch {
    pub key: Identity,
    pub number: u64,
}

impl Epoch {
    /// The epoch that a directory says it is an attempt of.
    pub(super) fn of_mark(mark: &BuildMark) -> Self {
        Epoch { key: mark.key, number: mark.epoch }
    }

    pub(super) fn claim(&self) -> Result<RecordKey> {
        self.record("claim")
    }

    pub(super) fn beat(&self) -> Result<RecordKey> {
        self.record("beat")
    }

    pub(super) fn end(&self) -> Result<RecordKey> {
        self.record("end")
    }

    pub(super) fn retired(&self) -> Result<RecordKey> {
        self.record("retired")
    }

    fn record(&self, what: &str) -> Result<RecordKey> {
        let hash = self.key.to_string();
        let shard = hash.get(..2).unwrap_or("00");
        RecordKey::parse(&format!("v1/{shard}/{hash}.{}.{what}", self.number))
    }
}

/// Who created a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Creator<T> {
    /// This caller.
    Mine,
    /// Somebody else, who wrote this.
    Theirs(T),
}

/// Creates a record whose body holds a fresh nonce, exactly once.
///
/// Anything but success is a question and no answer: an own success whose acknowledgement was lost looks like a loss. So the
/// record is read back and the nonces compared; where nothing is found the same body is sent again, which is harmless however
/// late the first one lands. Fails with the storage's error after `patience`; then it is unknown who created it.
pub(super) async fn create_once<T: Body>(
    backend: &dyn Backend,
    key: &RecordKey,
    body: &T,
    patience: Duration,
) -> Result<Creator<T>> {
    let bytes = encode(key, body)?;
    let begin = tokio::time::Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        let failure = match backend.records().create(key, bytes.clone()).await {
            Ok(CreateOutcome::Created) => return Ok(Creator::Mine),
            Ok(CreateOutcome::Exists) => None,
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => Some(error),
        };
        let failure = match read::<T>(backend, key).await {
            Ok(Some(found)) if found.nonce() == body.nonce() => return Ok(Creator::Mine),
            Ok(Some(found)) => return Ok(Creator::Theirs(found)),
            Ok(None) => failure,
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => Some(error),
        };
        if begin.elapsed() >= patience {
            return Err(failure.unwrap_or_else(|| {
                Error::new(
                    ErrorKind::Unavailable,
                    "the storage says that a record exists and that it does not",
                )
                .at(key)
            }));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(500));
    }
}

/// Errors that trying again does not mend and that had no effect.
pub(super) fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unsupported
            | ErrorKind::PermissionDenied
            | ErrorKind::InvalidInput
            | ErrorKind::LimitExceeded
            | ErrorKind::Corrupt
    )
}

/// Reads a record. Fails with [`ErrorKind::Corrupt`] for a body that is none of ours.
pub(super) async fn read<T: Body>(backend: &dyn Backend, key: &RecordKey) -> Result<Option<T>> {
    let Some(bytes) = backend.records().read(key).await? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Error::new(ErrorKind::Corrupt, "the record is not one of fascicle's")
            .hint("the index below '_index' was damaged; it may be removed, finished directories are found again")
            .caused_by(error)
            .during("read record")
            .at(key)
    })
}

/// Writes a record in any case.
pub(super) async fn overwrite<T: Body>(backend: &dyn Backend, key: &RecordKey, body: &T) -> Result<()> {
    backend.records().overwrite(key, encode(key, body)?).await
}

fn encode<T: Body>(key: &RecordKey, body: &T) -> Result<Bytes> {
    let json = serde_json::to_vec(body).map_err(|error| {
        Error::new(ErrorKind::Internal, "a record cannot be encoded").caused_by(error).at(key)
    })?;
    Ok(json.into())
}

/// 128 random bits as 32 hexadecimal digits.
pub(super) fn new_nonce() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Unavailable, "the system gives no random numbers").caused_by(error)
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wrap::{Faults, Moment, Operation, observed};
    use std::sync::Arc;

    fn retired(nonce: &str) -> Retired {
        Retired { nonce: nonce.to_owned(), reason: RetiredReason::Modified }
    }

    #[tokio::test]
    async fn one_of_two_creators_wins() {
        let backend = fascicle_memory::MemoryBackend::new();
        let key = RecordKey::parse("v1/ab/x").unwrap();
        let patience = Duration::from_secs(1);
        assert_eq!(create_once(&backend, &key, &retired("a"), patience).await.unwrap(), Creator::Mine);
        let second = create_once(&backend, &key, &retired("b"), patience).await.unwrap();
        assert_eq!(second, Creator::Theirs(retired("a")));
    }

    #[tokio::test]
    async fn a_lost_acknowledgement_is_no_loss() {
        for moment in [Moment::BeforeEffect, Moment::AfterEffect] {
            let faults = Arc::new(Faults::default());
            let backend = observed(Arc::new(fascicle_memory::MemoryBackend::new()), faults.clone());
            let key = RecordKey::parse("v1/ab/x").unwrap();
            faults.fail_call_of(Operation::CreateRecord, 1, moment);
            let created = create_once(&backend, &key, &retired("a"), Duration::from_secs(1)).await.unwrap();
            assert_eq!(created, Creator::Mine, "{moment:?}");
            assert!(faults.fired().is_some());
        }
    }
}
