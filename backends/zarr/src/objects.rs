//! The objects of one array: conditional writes whose lost answers are found again, and reads of bounded size.

use crate::{config::ZarrOptions, metadata::corrupt};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, Result};
use fascicle_objects::{
    Conditions, Sending, Store,
    object_store::{
        self, GetOptions, GetRange, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion,
        path::Path,
    },
};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use serde_json::{Value, json};
use std::{ops::Range, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// How often a conditional write is sent again whose outcome the store does not show.
const SENDS: u32 = 4;

/// What identifies one state of an object, as the store tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    e_tag: Option<String>,
    version: Option<String>,
}

impl Tag {
    fn new(e_tag: Option<String>, version: Option<String>) -> Option<Self> {
        (e_tag.is_some() || version.is_some()).then_some(Tag { e_tag, version })
    }

    fn update_version(&self) -> UpdateVersion {
        UpdateVersion { e_tag: self.e_tag.clone(), version: self.version.clone() }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!([self.e_tag, self.version])
    }

    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match value.as_array()?.as_slice() {
            [e_tag, version] => Tag::new(text(e_tag), text(version)),
            _ => None,
        }
    }
}

/// An object as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) bytes: Bytes,
    pub(crate) tag: Option<Tag>,
}

/// What a conditional write expects to find.
#[derive(Clone, Debug)]
pub(crate) enum Expect {
    Absent,
    State(Tag),
}

/// What a conditional write did.
#[derive(Clone, Debug)]
pub(crate) enum Put {
    /// The object is what was written.
    Done(Option<Tag>),
    /// It was in another state, and is as it was.
    Refused,
    /// It is in another state, and whether it was what was written before that is not known: the answer to this write was lost.
    Unclear,
}

/// What bounds all calls on a handle together.
pub(crate) struct Limits {
    requests: Semaphore,
    memory: Arc<Semaphore>,
    /// For what is known of shards while chunks of them are fetched. Apart from `memory`, as a task that holds some of this asks
    /// for some of that.
    plans: Semaphore,
    memory_units: u32,
}

/// Memory is counted in units of this many bytes.
const UNIT: u64 = 4096;

impl Limits {
    pub(crate) fn new(options: &ZarrOptions) -> Self {
        let units = (options.max_bytes_in_flight / UNIT).clamp(1, u64::from(u32::MAX) >> 4) as u32;
        let requests = options.concurrent_requests.clamp(1, 1 << 16);
        Limits {
            requests: Semaphore::new(requests),
            memory: Arc::new(Semaphore::new(units as usize)),
            plans: Semaphore::new(units as usize),
            memory_units: units,
        }
    }

    /// Waits until this many bytes may be used. More than all there is counts as all there is. A task that holds some must
    /// not ask for more.
    pub(crate) async fn memory(&self, bytes: u64) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.memory).acquire_many_owned(self.units(bytes)).await.map_err(closed)
    }

    /// The same for what is known of a shard. A task that holds some may ask for memory, but not for more of this.
    pub(crate) async fn plan(&self, bytes: u64) -> Result<SemaphorePermit<'_>> {
        self.plans.acquire_many(self.units(bytes)).await.map_err(closed)
    }

    fn units(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).clamp(1, self.memory_units)
    }

    async fn request(&self) -> Result<SemaphorePermit<'_>> {
        self.requests.acquire().await.map_err(closed)
    }
}

fn closed(error: tokio::sync::AcquireError) -> Error {
    Error::new(ErrorKind::Internal, "the limits of a handle are gone").caused_by(error)
}

/// The objects whose keys begin with one prefix.
#[derive(Clone)]
pub(crate) struct Objects {
    store: Store,
    prefix: Path,
    limits: Arc<Limits>,
}

impl Objects {
    pub(crate) fn new(store: Store, prefix: Path, limits: Arc<Limits>) -> Self {
        Objects { store, prefix, limits }
    }

    pub(crate) fn prefix(&self) -> &str {
        self.prefix.as_ref()
    }

    /// The objects of another prefix of the same store.
    pub(crate) fn with_prefix(&self, prefix: Path) -> Self {
        Objects { prefix, ..self.clone() }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    fn path(&self, key: &str) -> Result<Path> {
        let whole = match self.prefix.as_ref() {
            "" => key.to_owned(),
            prefix => format!("{prefix}/{key}"),
        };
        Path::parse(whole).map_err(|error| {
            Error::new(ErrorKind::InvalidPath, "no object can have this key").caused_by(error)
        })
    }

    fn error(&self, doing: &str, key: &str, error: object_store::Error) -> Error {
        match self.path(key) {
            Ok(path) => self.store.error(doing, &path, error),
            Err(error) => error,
        }
    }

    /// Fails with `Unsupported` on a store that cannot keep concurrent writers apart.
    pub(crate) async fn require_conditions(&self) -> Result<()> {
        if self.store.conditions().await? == (Conditions { create: true, update: true }) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            "the store has no conditional writes, or ignores their conditions, so that concurrent writers could not be told \
             apart",
        )
        .hint("write the array anew, or use a store that has conditional writes"))
    }

    /// Reads an object of at most `most` bytes; `None` when there is none. A longer one is `Corrupt`, and is not fetched.
    pub(crate) async fn get(&self, key: &str, most: u64) -> Result<Option<Stored>> {
        self.get_unless(key, None, most).await.map(|(stored, _)| stored)
    }

    /// As [`Objects::get`], but an object still in state `known` is not fetched: then the second value is true.
    pub(crate) async fn get_unless(
        &self,
        key: &str,
        known: Option<&Tag>,
        most: u64,
    ) -> Result<(Option<Stored>, bool)> {
        let _permit = self.limits.request().await?;
        let if_none_match = known.and_then(|tag| tag.e_tag.clone());
        let options = GetOptions { if_none_match, ..GetOptions::default() };
        let result = match self.store.objects().get_opts(&self.path(key)?, options).await {
            Ok(result) => result,
            Err(object_store::Error::NotFound { .. }) => return Ok((None, false)),
            Err(object_store::Error::NotModified { .. }) => return Ok((None, true)),
            Err(error) => return Err(self.error("reading", key, error)),
        };
        if result.meta.size > most {
            let size = result.meta.size;
            return Err(corrupt(format!("the object '{key}' has {size} bytes, at most {most} belong there")));
        }
        let tag = Tag::new(result.meta.e_tag.clone(), result.meta.version.clone());
        let bytes = result.bytes().await.map_err(|error| self.error("reading", key, error))?;
        Ok((Some(Stored { bytes, tag }), false))
    }

    /// The state of an object, without its bytes.
    pub(crate) async fn head(&self, key: &str) -> Result<Option<(Option<Tag>, u64)>> {
        let _permit = self.limits.request().await?;
        match self.store.objects().head(&self.path(key)?).await {
            Ok(meta) => Ok(Some((Tag::new(meta.e_tag, meta.version), meta.size))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.error("looking for", key, error)),
        }
    }

    /// The first or the last `length` bytes of an object, with its state and size; `None` when there is no object. Shorter
    /// objects are `Corrupt`.
    pub(crate) async fn get_end(&self, key: &str, length: u64, first: bool) -> Result<Option<(Stored, u64)>> {
        let range = if first { GetRange::Bounded(0..length) } else { GetRange::Suffix(length) };
        let found = match self.get_range(key, range, None).await {
            // Some services have no ranges that are counted from the end.
            Err(Failed::Store(
                object_store::Error::NotSupported { .. } | object_store::Error::NotImplemented { .. },
            )) => {
                let Some((_, size)) = self.head(key).await? else { return Ok(None) };
                let start = size.checked_sub(length).ok_or_else(|| too_short(key, size))?;
                self.get_range(key, GetRange::Bounded(start..size), None).await
            }
            other => other,
        };
        match found {
            Ok((stored, size)) if stored.bytes.len() as u64 == length => Ok(Some((stored, size))),
            Ok((_, size)) => Err(too_short(key, size)),
            Err(Failed::Store(object_store::Error::NotFound { .. })) => Ok(None),
            Err(Failed::Store(error)) => Err(self.error("reading", key, error)),
            Err(Failed::Other(error)) => Err(error),
        }
    }

    /// A range of an object that is still in the state `tag`; `None` when it is in another one.
    pub(crate) async fn get_part(
        &self,
        key: &str,
        range: Range<u64>,
        tag: Option<&Tag>,
    ) -> Result<Option<Bytes>> {
        let length = range.end - range.start;
        match self.get_range(key, GetRange::Bounded(range), tag).await {
            Ok((stored, _)) if stored.bytes.len() as u64 == length => Ok(Some(stored.bytes)),
            Ok((_, size)) => Err(too_short(key, size)),
            Err(Failed::Store(
                object_store::Error::NotFound { .. } | object_store::Error::Precondition { .. },
            )) => Ok(None),
            Err(Failed::Store(error)) => Err(self.error("reading a part of", key, error)),
            Err(Failed::Other(error)) => Err(error),
        }
    }

    async fn get_range(
        &self,
        key: &str,
        range: GetRange,
        tag: Option<&Tag>,
    ) -> Result<(Stored, u64), Failed> {
        let _permit = self.limits.request().await.map_err(Failed::Other)?;
        let if_match = tag.and_then(|tag| tag.e_tag.clone());
        let options = GetOptions { range: Some(range), if_match, ..GetOptions::default() };
        let path = self.path(key).map_err(Failed::Other)?;
        let result = self.store.objects().get_opts(&path, options).await.map_err(Failed::Store)?;
        let (tag, size) =
            (Tag::new(result.meta.e_tag.clone(), result.meta.version.clone()), result.meta.size);
        let bytes = result.bytes().await.map_err(Failed::Store)?;
        Ok((Stored { bytes, tag }, size))
    }

    /// Writes an object if it is in the state that is expected. One's own write that was taken for another's, because its
    /// answer was lost, is recognised by its bytes.
    pub(crate) async fn put(&self, key: &str, bytes: Bytes, expect: &Expect) -> Result<Put> {
        let path = self.path(key)?;
        let conditions = self.store.conditions().await?;
        let mode = match expect {
            Expect::Absent if conditions.create => PutMode::Create,
            Expect::State(tag) if conditions.update => PutMode::Update(tag.update_version()),
            // The best that can be done is to look first.
            expect => {
                let found = self.head(key).await?;
                let holds = match expect {
                    Expect::Absent => found.is_none(),
                    Expect::State(tag) => found.is_some_and(|(found, _)| found.as_ref() == Some(tag)),
                };
                if !holds {
                    return Ok(Put::Refused);
                }
                PutMode::Overwrite
            }
        };
        let mut sends = 0;
        loop {
            sends += 1;
            let Sending { answer, was_single } = {
                let _permit = self.limits.request().await?;
                let options = PutOptions { mode: mode.clone(), ..PutOptions::default() };
                self.store.send(&path, PutPayload::from_bytes(bytes.clone()), options).await
            };
            let error = match answer {
                Ok(result) => return Ok(Put::Done(Tag::new(result.e_tag, result.version))),
                Err(error) => error,
            };
            if is_final(&error) {
                return Err(self.error("writing", key, error));
            }
            let refused = match was_single && sends == 1 && is_refusal(&error) {
                true => Put::Refused,
                false => Put::Unclear,
            };
            // A refusal may be the echo of one's own success, and a failure may have happened after it.
            let (found, is_own) = match self.get(key, bytes.len() as u64).await {
                Ok(found) => {
                    let is_own = found.as_ref().is_some_and(|stored| stored.bytes == bytes);
                    (found.map(|stored| stored.tag), is_own)
                }
                // What is there is longer.
                Err(read_back) if read_back.kind() == ErrorKind::Corrupt => match self.head(key).await {
                    Ok(found) => (found.map(|(tag, _)| tag), false),
                    Err(_) => return Err(self.error("writing", key, error)),
                },
                Err(_) => return Err(self.error("writing", key, error)),
            };
            match (found, expect) {
                (Some(tag), _) if is_own => return Ok(Put::Done(tag)),
                (Some(_), Expect::Absent) => return Ok(refused),
                (Some(found), Expect::State(tag)) if found.as_ref() != Some(tag) => return Ok(refused),
                (None, Expect::State(_)) => return Ok(refused),
                // Nothing landed: the same bytes are sent again.
                _ if sends < SENDS => tokio::time::sleep(Duration::from_millis(20 << sends)).await,
                _ => return Err(self.error("writing", key, error)),
            }
        }
    }

    /// Removes an object; fine when there is none.
    pub(crate) async fn delete(&self, key: &str) -> Result<()> {
        let _permit = self.limits.request().await?;
        match self.store.objects().delete(&self.path(key)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.error("removing", key, error)),
        }
    }

    /// The keys of all objects, without the prefix, and their sizes.
    pub(crate) async fn list(&self) -> Result<Vec<(String, u64)>> {
        let prefix = self.prefix.clone();
        let objects = self.store.objects().list(Some(&prefix)).map(|item| {
            let meta = item.map_err(|error| self.error("listing", prefix.as_ref(), error))?;
            let key = meta.location.as_ref().strip_prefix(prefix.as_ref()).unwrap_or(meta.location.as_ref());
            Ok((key.trim_start_matches('/').to_owned(), meta.size))
        });
        objects.try_collect().await
    }

    /// Removes all objects whose keys `is_meant` picks, but for those that are gone already.
    pub(crate) async fn delete_all(&self, is_meant: impl Fn(&str) -> bool) -> Result<()> {
        let mut paths = Vec::new();
        for (key, _) in self.list().await?.iter().filter(|(key, _)| is_meant(key)) {
            paths.push(Ok(self.path(key)?));
        }
        if paths.is_empty() {
            return Ok(());
        }
        let paths: BoxStream<'static, object_store::Result<Path>> = futures::stream::iter(paths).boxed();
        let mut deleted = self.store.objects().delete_stream(paths);
        while let Some(result) = deleted.next().await {
            match result {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.error("removing objects below", self.prefix.as_ref(), error)),
            }
        }
        Ok(())
    }
}

impl Objects {
    /// Copies an object to the same key below another prefix. The store copies, no data passes through this process.
    pub(crate) async fn copy_to(&self, target: &Objects, key: &str) -> Result<()> {
        let _permit = self.limits.request().await?;
        let (from, to) = (self.path(key)?, target.path(key)?);
        self.store.objects().copy(&from, &to).await.map_err(|error| self.error("copying", key, error))
    }
}

enum Failed {
    Store(object_store::Error),
    Other(Error),
}

fn too_short(key: &str, size: u64) -> Error {
    corrupt(format!("the object '{key}' of {size} bytes is truncated"))
}

/// Whether an error says that the object was in another state.
fn is_refusal(error: &object_store::Error) -> bool {
    use object_store::Error as E;
    matches!(error, E::AlreadyExists { .. } | E::Precondition { .. })
}

/// Whether an error says that nothing was written and that nothing will be.
fn is_final(error: &object_store::Error) -> bool {
    use object_store::Error as E;
    match error {
        E::NotImplemented { .. }
        | E::NotSupported { .. }
        | E::PermissionDenied { .. }
        | E::Unauthenticated { .. }
        | E::InvalidPath { .. }
        | E::UnknownConfigurationKey { .. } => true,
        // A full disk, or a file that may not be so large.
        E::Generic { source, .. } => source.downcast_ref::<Error>().is_some_and(|error| {
            matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::LimitExceeded) && !error.is_retryable()
        }),
        _ => false,
    }
}
