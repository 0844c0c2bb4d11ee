//! A part that is being written, before it has its name.

use crate::{
    StoreLimits,
    conditional::{Condition, PutOutcome, nonce},
    store::{STAGE_PREFIX, Store, key},
};
use bytes::Bytes;
use fascicle_backend::Result;
use fascicle_tables::CommitOutcome;
use object_store::{MultipartUpload, ObjectStoreExt, path::Path};
use std::{
    fmt,
    io::{self, Write},
};
use tokio::runtime::Handle;

/// Parts up to this size are kept in memory and committed by one conditional write; longer ones are uploaded aside as they are
/// written, and committed by a copy.
const MOST_AT_ONCE: usize = 64 << 20;
/// The end of a part, in which its writer's nonce stands, by which it is known again.
const END_BYTES: usize = 64 << 10;

/// A part of a table on its way to a store. Writing blocks on requests. Dropping it removes what was uploaded.
pub struct StagedPart {
    store: Store,
    runtime: Handle,
    state: State,
    length: u64,
    end: Vec<u8>,
}

enum State {
    InMemory(Vec<u8>),
    Uploading {
        aside: Path,
        upload: Box<dyn MultipartUpload>,
        gathered: Vec<u8>,
    },
    Whole(Bytes),
    Uploaded(Path),
    /// It was committed, or an upload failed.
    Done,
}

impl StagedPart {
    pub(crate) fn new(store: Store, runtime: Handle) -> Self {
        StagedPart { store, runtime, state: State::InMemory(Vec::new()), length: 0, end: Vec::new() }
    }

    /// Creates the part under `target` if there is nothing. Cost: one request when it is in memory.
    pub(crate) async fn commit(&mut self, target: &Path) -> Result<CommitOutcome> {
        self.complete().await?;
        match &self.state {
            State::Whole(bytes) => {
                let outcome = self.store.put_checked(target, bytes.clone(), &Condition::Absent).await?;
                Ok(match outcome {
                    PutOutcome::Stored(version) => {
                        let tag = version.token().split('#').next().filter(|tag| !tag.is_empty());
                        let tag = tag.map(str::to_owned);
                        CommitOutcome::Committed { tag }
                    }
                    PutOutcome::Overtaken => CommitOutcome::Committed { tag: None },
                    PutOutcome::Refused | PutOutcome::Unclear => CommitOutcome::Taken,
                })
            }
            State::Uploaded(aside) => {
                let aside = aside.clone();
                self.move_to(&aside, target).await
            }
            State::InMemory(_) | State::Uploading { .. } | State::Done => Err(given_up()),
        }
    }

    /// Ends what is being written.
    async fn complete(&mut self) -> Result<()> {
        self.state = match std::mem::replace(&mut self.state, State::Done) {
            State::InMemory(bytes) => State::Whole(bytes.into()),
            State::Uploading { aside, mut upload, gathered } => {
                let failed = |error| self.store.error("writing", &aside, error);
                let completed = async {
                    upload.put_part(Bytes::from(gathered).into()).await?;
                    upload.complete().await
                };
                if let Err(error) = completed.await {
                    // The failure of the upload is the one to report.
                    let _ = upload.abort().await;
                    return Err(failed(error));
                }
                State::Uploaded(aside)
            }
            complete => complete,
        };
        Ok(())
    }

    async fn move_to(&mut self, aside: &Path, target: &Path) -> Result<CommitOutcome> {
        // A copy of many bytes is not begun in vain.
        if self.store.head(target).await?.is_some() {
            return Ok(CommitOutcome::Taken);
        }
        match self.store.objects().rename_if_not_exists(aside, target).await {
            Ok(()) => {
                self.state = State::Done;
                Ok(CommitOutcome::Committed { tag: None })
            }
            Err(error) => {
                if self.is_ours(target).await? {
                    return Ok(CommitOutcome::Committed { tag: None });
                }
                let is_taken = matches!(
                    error,
                    object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }
                );
                if is_taken {
                    Ok(CommitOutcome::Taken)
                } else {
                    Err(self.store.error("committing", target, error))
                }
            }
        }
    }

    /// Whether the object under a part's name is this one: the answer to an earlier commit may have been lost.
    async fn is_ours(&self, target: &Path) -> Result<bool> {
        let Some(meta) = self.store.head(target).await? else { return Ok(false) };
        if meta.size != self.length {
            return Ok(false);
        }
        let start = self.length.saturating_sub(self.end.len() as u64);
        let theirs = self.store.objects().get_range(target, start..self.length).await;
        Ok(theirs.map_err(|error| self.store.error("reading", target, error))? == self.end)
    }

    async fn send(&mut self) -> Result<()> {
        self.state = match std::mem::replace(&mut self.state, State::Done) {
            State::InMemory(gathered) => {
                let aside = key(&format!("{STAGE_PREFIX}/{}", nonce()?))?;
                let upload = self.store.objects().put_multipart(&aside).await;
                let upload = upload.map_err(|error| self.store.error("writing", &aside, error))?;
                State::Uploading { aside, upload, gathered }
            }
            other => other,
        };
        let part_bytes = self.store.limits().part_bytes.max(StoreLimits::LEAST_PART_BYTES);
        let State::Uploading { aside, upload, gathered } = &mut self.state else { return Ok(()) };
        let mut begin = 0;
        while gathered.len() - begin > part_bytes {
            let part = Bytes::copy_from_slice(gathered.get(begin..begin + part_bytes).unwrap_or(&[]));
            begin += part_bytes;
            let sent = upload.put_part(part.into()).await;
            sent.map_err(|error| self.store.error("writing", aside, error))?;
        }
        gathered.drain(..begin);
        Ok(())
    }
}

impl Write for StagedPart {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part_bytes = self.store.limits().part_bytes.max(StoreLimits::LEAST_PART_BYTES);
        let is_full = match &mut self.state {
            State::InMemory(gathered) => {
                gathered.extend_from_slice(bytes);
                gathered.len() > MOST_AT_ONCE
            }
            State::Uploading { gathered, .. } => {
                gathered.extend_from_slice(bytes);
                gathered.len() > part_bytes
            }
            State::Whole(_) | State::Uploaded(_) | State::Done => return Err(io::Error::other(given_up())),
        };
        self.length += bytes.len() as u64;
        self.end.extend_from_slice(bytes.get(bytes.len().saturating_sub(END_BYTES)..).unwrap_or(&[]));
        if self.end.len() > 2 * END_BYTES {
            self.end.drain(..self.end.len() - END_BYTES);
        }
        if is_full {
            let runtime = self.runtime.clone();
            runtime.block_on(self.send()).map_err(io::Error::other)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for StagedPart {
    fn drop(&mut self) {
        let store = self.store.clone();
        match std::mem::replace(&mut self.state, State::Done) {
            State::Uploading { mut upload, .. } => {
                drop(self.runtime.spawn(async move { upload.abort().await }))
            }
            State::Uploaded(aside) => drop(self.runtime.spawn(async move { store.delete(&aside).await })),
            State::InMemory(_) | State::Whole(_) | State::Done => {}
        }
    }
}

impl fmt::Debug for StagedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StagedPart({} bytes in {:?})", self.length, self.store)
    }
}

fn given_up() -> fascicle_backend::Error {
    let why = "an earlier write to this part failed or was given up";
    fascicle_backend::Error::new(fascicle_backend::ErrorKind::Internal, why)
        .hint("begin again; nothing was written")
}
