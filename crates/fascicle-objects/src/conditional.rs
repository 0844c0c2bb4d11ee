//! Conditional writes whose outcome is certain.
//!
//! A service answers that the condition does not hold also when it was one's own write that made it so: the answer to that
//! write was lost, and the client made the request again. And a write that failed may have happened. So every conditional
//! write carries a nonce as metadata of the object, and on anything but success the object is looked at.

use crate::{
    error::is_ambiguous,
    lineage::Lineage,
    sends::Sends,
    store::{Object, Store, update_version, version_of},
};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, Result, Version};
use object_store::{PutMode, PutOptions, PutPayload, PutResult, path::Path};
use std::time::Duration;

/// How often a write is sent of which nothing was found afterwards.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// What must hold for a write to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// There is no such object.
    Absent,
    /// The object is in the state of this version.
    Unchanged(Version),
}

/// What a conditional write found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum PutOutcome {
    /// The condition held; the object now has this version.
    Stored(Version),
    /// The condition held and the object was written, and others have changed it since.
    Overtaken,
    /// The condition did not hold, and nothing was changed.
    Refused,
    /// Others have changed the object, and whether it was written before that is not known: the answer to this write was lost.
    Unclear,
}

/// What came of sending a write.
#[derive(Debug)]
pub struct Sending {
    /// The answer.
    pub answer: object_store::Result<PutResult>,
    /// Whether it was sent but once, so that a refusal is none of an own write whose answer was lost.
    pub was_single: bool,
}

impl Store {
    /// Stores an object if `condition` holds: of any number of concurrent writers, in any process, at most one is told
    /// [`PutOutcome::Stored`] for one state.
    ///
    /// - Cost: one request; one or two more when the answer is not success.
    /// - Errors: `Unsupported` on a store without conditional writes; else it is unknown whether the write happened.
    pub async fn put_if(&self, key: &Path, bytes: Bytes, condition: &Condition) -> Result<PutOutcome> {
        self.require(condition).await?;
        self.put_if_unprobed(key, bytes, condition).await
    }

    /// The same for a state that was read whole. Then the outcome is also known when the answer was lost and others, up to 15 of
    /// them who use this, have changed the object since.
    pub async fn put_over(&self, key: &Path, bytes: Bytes, read: &Object) -> Result<PutOutcome> {
        let condition = Condition::Unchanged(read.version.clone());
        self.require(&condition).await?;
        self.put_after(key, bytes, &condition, &read.lineage).await
    }

    /// As [`Store::put_if`], where the store's abilities are not known yet.
    pub(crate) async fn put_if_unprobed(
        &self,
        key: &Path,
        bytes: Bytes,
        condition: &Condition,
    ) -> Result<PutOutcome> {
        self.put_after(key, bytes, condition, &Lineage::default()).await
    }

    /// Stores an object if `condition` holds; `before` is what is known of the state that is replaced.
    async fn put_after(
        &self,
        key: &Path,
        bytes: Bytes,
        condition: &Condition,
        before: &Lineage,
    ) -> Result<PutOutcome> {
        let nonce = nonce()?;
        let lineage = before.followed_by(&nonce, condition);
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let options = PutOptions {
                mode: mode(condition),
                attributes: lineage.to_attributes(),
                ..PutOptions::default()
            };
            let Sending { answer, was_single } = self.send(key, bytes.clone().into(), options).await;
            let error = match answer {
                Ok(result) => return Ok(PutOutcome::Stored(version_of(result.e_tag, result.version))),
                Err(error) => error,
            };
            if !is_ambiguous(&error) {
                return Err(self.error("writing", key, error));
            }
            let is_refusal = is_refusal(&error);
            if is_refusal && self.answers_for_sure() {
                return Ok(PutOutcome::Refused);
            }
            let error = self.error("writing", key, error);
            let found = match self.written_by(key).await {
                Ok(found) => found,
                Err(_) if attempt < ATTEMPTS && !is_refusal => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    continue;
                }
                // The failure of the write is the one to report, if it was none of the condition.
                Err(look) => return Err(unknown(if is_refusal { look } else { error })),
            };
            let still_holds = match (&found, condition) {
                (Some((version, theirs)), _) if theirs.begins_with(&nonce) => {
                    return Ok(PutOutcome::Stored(version.clone()));
                }
                (Some((_, theirs)), _) if theirs.holds(&nonce) => return Ok(PutOutcome::Overtaken),
                (None, Condition::Absent) => true,
                (Some((version, _)), Condition::Unchanged(expected)) => version == expected,
                (Some(_), Condition::Absent) | (None, Condition::Unchanged(_)) => false,
            };
            if !still_holds {
                let is_sure = is_refusal && was_single && attempt == 1
                    || found.is_some_and(|(_, theirs)| theirs.replaced(condition));
                return Ok(if is_sure { PutOutcome::Refused } else { PutOutcome::Unclear });
            }
            // Nothing has landed. Sending it again is harmless: whichever copy lands carries the same nonce.
            if attempt >= ATTEMPTS {
                return Err(unknown(error));
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err(Error::new(ErrorKind::Internal, "the attempts of a write cannot be counted"))
    }

    /// Sends a write, and notes whether the client sent it again by itself.
    pub async fn send(&self, key: &Path, payload: PutPayload, mut options: PutOptions) -> Sending {
        let sends = Sends::default();
        options.extensions.insert(sends.clone());
        let answer = self.objects().put_opts(key, payload, options).await;
        Sending { answer, was_single: self.answers_for_sure() || !sends.were_several() }
    }

    /// Sends a create once, to a store that is known to honour its condition, and takes the answer at its word: `false` may
    /// mean that it is one's own.
    pub(crate) async fn create_unverified(&self, key: &Path, bytes: Bytes) -> Result<bool> {
        let options = PutOptions::from(PutMode::Create);
        match self.objects().put_opts(key, bytes.into(), options).await {
            Ok(_) => Ok(true),
            Err(error) if is_refusal(&error) => Ok(false),
            Err(error) => Err(self.error("creating", key, error)),
        }
    }

    /// The best that can be done: [`Store::put_if`] where the store has conditional writes, else a look before the write, which
    /// does not exclude a writer in between.
    pub(crate) async fn put_checked(
        &self,
        key: &Path,
        bytes: Bytes,
        condition: &Condition,
    ) -> Result<PutOutcome> {
        if self.allows(condition).await? {
            return self.put_if_unprobed(key, bytes, condition).await;
        }
        let holds = match (self.written_by(key).await?, condition) {
            (None, Condition::Absent) => true,
            (Some((version, _)), Condition::Unchanged(expected)) => version == *expected,
            _ => false,
        };
        if holds { self.put(key, bytes).await.map(PutOutcome::Stored) } else { Ok(PutOutcome::Refused) }
    }

    async fn allows(&self, condition: &Condition) -> Result<bool> {
        let conditions = self.conditions().await?;
        Ok(match condition {
            Condition::Absent => conditions.create,
            Condition::Unchanged(_) => conditions.update,
        })
    }

    async fn require(&self, condition: &Condition) -> Result<()> {
        if self.allows(condition).await? {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("'{}' has no conditional writes, or ignores their conditions", self.location()),
        )
        .hint("plain reading and writing work; to coordinate, use a store that has conditional writes"))
    }
}

fn mode(condition: &Condition) -> PutMode {
    match condition {
        Condition::Absent => PutMode::Create,
        Condition::Unchanged(version) => PutMode::Update(update_version(version)),
    }
}

/// Whether a service says that a condition does not hold.
fn is_refusal(error: &object_store::Error) -> bool {
    use object_store::Error as E;
    matches!(error, E::AlreadyExists { .. } | E::Precondition { .. } | E::NotModified { .. })
}

fn unknown(error: Error) -> Error {
    error.hint("it is unknown whether the write happened; look before doing it again").retryable(false)
}

/// 32 hexadecimal digits that nobody else chooses.
pub(crate) fn nonce() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Unavailable, format!("the system gives no random numbers: {error}"))
    })?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
