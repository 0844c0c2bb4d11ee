//! Claims: who may write, or remove, all objects of a key space of an array.
//!
//! A new array is written beside the one that it replaces, in a key space of its own, and whoever removes an array removes one
//! key space. A claim, an object that is created if it is absent, keeps others away from it meanwhile. It lies in the folder
//! `_writing` of the array's directory, where a listing shows which arrays may not exist yet.
//!
//! The holder keeps changing its claim; one that has not changed for a while, by the clock of whoever wants it, is taken over.

use crate::{
    chunk_keys::KeySpace,
    objects::{Expect, Objects, Put, Tag},
    stored_array::{Patience, no_conditional_writes, nonce},
};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, Result};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// The largest claim.
const MAX_CLAIM_BYTES: u64 = 4096;

/// How many times a claim is changed in the time after which it is taken over.
const BEATS_IN_LEASE: u32 = 6;

/// The right to a key space. It ends when it is released, or some time after it is dropped.
pub(crate) struct Claim {
    claims: Objects,
    key: String,
    is_lost: Arc<AtomicBool>,
    beat: JoinHandle<()>,
}

/// The claims of one array.
#[derive(Clone)]
pub(crate) struct Claims {
    /// The objects in the folder of claims.
    pub(crate) objects: Objects,
    /// The name under which the array is stored.
    pub(crate) stored_name: String,
    /// After which time without change a claim is taken over.
    pub(crate) lease: Duration,
}

impl Claims {
    fn key(&self, space: KeySpace) -> String {
        format!("{}.{}.json", self.stored_name, space.name())
    }

    /// Claims a key space if nobody has it.
    pub(crate) async fn try_claim(&self, space: KeySpace) -> Result<Option<Claim>> {
        self.put(space, &Expect::Absent).await
    }

    async fn put(&self, space: KeySpace, expect: &Expect) -> Result<Option<Claim>> {
        let (key, holder) = (self.key(space), nonce()?);
        match self.objects.put(&key, body(&holder, 0), expect).await? {
            Put::Refused | Put::Unclear => Ok(None),
            Put::Done(tag) => {
                let is_lost = Arc::new(AtomicBool::new(false));
                let beat = tokio::spawn(beat(
                    self.objects.clone(),
                    key.clone(),
                    holder,
                    tag,
                    self.lease / BEATS_IN_LEASE,
                    Arc::clone(&is_lost),
                ));
                Ok(Some(Claim { claims: self.objects.clone(), key, is_lost, beat }))
            }
        }
    }

    /// Claims one of these key spaces, the first one that is free. Waits for others until `patience` ends.
    pub(crate) async fn claim(&self, spaces: &[KeySpace], patience: &Patience) -> Result<(KeySpace, Claim)> {
        let mut watched: Vec<(KeySpace, Option<Tag>, Instant)> = Vec::new();
        loop {
            for space in spaces {
                if let Some(claim) = self.try_claim(*space).await? {
                    return Ok((*space, claim));
                }
                let Some(held) = self.objects.get(&self.key(*space), MAX_CLAIM_BYTES).await? else {
                    continue;
                };
                match watched.iter_mut().find(|(watched, _, _)| watched == space) {
                    None => watched.push((*space, held.tag, Instant::now())),
                    Some((_, tag, since)) if *tag != held.tag => (*tag, *since) = (held.tag, Instant::now()),
                    Some((_, _, since)) if since.elapsed() < self.lease => {}
                    Some(_) => {
                        let expect = Expect::State(held.tag.ok_or_else(no_conditional_writes)?);
                        if let Some(claim) = self.put(*space, &expect).await? {
                            return Ok((*space, claim));
                        }
                    }
                }
            }
            patience.wait().await?;
        }
    }
}

impl Claim {
    /// Fails when somebody else has taken the claim over.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_lost.load(Ordering::Acquire) {
            return Err(Error::new(
                ErrorKind::LeaseLost,
                "this program showed no sign of life for so long that another writer took over",
            ));
        }
        Ok(())
    }

    /// Whether the claim is still where it was put. It is not when the whole directory was removed.
    pub(crate) async fn is_there(&self) -> Result<bool> {
        self.check()?;
        Ok(self.claims.head(&self.key).await?.is_some())
    }

    /// Gives the key space free.
    pub(crate) async fn release(self) -> Result<()> {
        self.beat.abort();
        if self.is_lost.load(Ordering::Acquire) {
            return Ok(());
        }
        self.claims.delete(&self.key).await
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.beat.abort();
    }
}

fn body(holder: &str, beats: u64) -> Bytes {
    Bytes::from(json!({"holder": holder, "beats": beats}).to_string())
}

/// Changes a claim again and again, until it turns out to be another's.
async fn beat(
    claims: Objects,
    key: String,
    holder: String,
    tag: Option<Tag>,
    pause: Duration,
    is_lost: Arc<AtomicBool>,
) {
    let Some(mut tag) = tag else { return };
    for beats in 1.. {
        tokio::time::sleep(pause).await;
        match claims.put(&key, body(&holder, beats), &Expect::State(tag.clone())).await {
            Ok(Put::Done(Some(next))) => tag = next,
            Ok(Put::Refused | Put::Unclear) => return is_lost.store(true, Ordering::Release),
            // The store is away; whether the claim is lost will show.
            Ok(Put::Done(None)) | Err(_) => {}
        }
    }
}
