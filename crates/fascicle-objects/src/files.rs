//! Opaque files, byte for byte as objects under their own names.

use crate::{
    conditional::{Condition, PutOutcome, nonce},
    store::{STAGE_PREFIX, key},
    tree::{Form, StoredEntry, Tree, already_exists, wrong_kind},
};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use fascicle_backend::{
    ByteStream, EntryKind, EntryPath, Error, ErrorKind, FileOptions, FileStore, FileWriter, Result, WriteMode,
};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{GetOptions, GetRange, MultipartUpload, ObjectStoreExt, UploadPart, path::Path};
use std::{collections::VecDeque, ops::Range, time::Duration};

/// No longer file is appended to, as its bytes pass through this process.
pub const MOST_APPENDABLE_BYTES: u64 = 1 << 30;

/// How often an append begins anew when others change the file meanwhile.
const APPEND_ATTEMPTS: u32 = 100;
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The opaque files of a [`Tree`].
///
/// - **Writing** streams. Up to the part size a file is one request; a larger one is uploaded in parts, of which as many as the
///   store's limits allow are under way at once, and appears when the last one is there. Created anew, a large file is uploaded
///   under a working name and then copied (on a local file system moved) to its own, if that is still free.
/// - **Reading** streams, from one state of the file.
/// - **Appending** reads the file and writes it again, if nobody changed it meanwhile: two requests and twice the file's
///   size, for files up to [`MOST_APPENDABLE_BYTES`].
#[derive(Clone, Debug)]
pub struct StoreFiles {
    tree: Tree,
}

impl StoreFiles {
    /// The files of a tree.
    pub fn new(tree: Tree) -> Self {
        StoreFiles { tree }
    }
}

#[async_trait]
impl FileStore for StoreFiles {
    async fn create(
        &self,
        path: &EntryPath,
        options: &FileOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn FileWriter>> {
        self.tree.prepare(path, EntryKind::File, mode).await?;
        let place = FilePlace { tree: self.tree.clone(), path: path.clone(), options: options.clone(), mode };
        Ok(Box::new(ObjectFileWriter { place, gathered: BytesMut::new(), upload: None, is_broken: false }))
    }

    async fn read(&self, path: &EntryPath, range: Option<Range<u64>>) -> Result<ByteStream> {
        let store = self.tree.store();
        let object = self.tree.key_of(path, &Form::File)?;
        let start = range.as_ref().map_or(0, |range| range.start);
        let is_empty = range.as_ref().is_some_and(|range| range.end <= range.start);
        let options = GetOptions {
            range: range.filter(|_| !is_empty).map(GetRange::Bounded),
            head: is_empty,
            ..GetOptions::default()
        };
        let failed = {
            let (store, object) = (store.clone(), object.clone());
            move |error| store.error("reading", &object, error)
        };
        let result = match store.objects().get_opts(&object, options).await {
            Ok(result) => result,
            Err(error) => {
                // There is no such object, or the range begins beyond its end; a look tells.
                return match store.head(&object).await? {
                    None => Err(self.tree.explain_absence(path, EntryKind::File).await),
                    Some(meta) if meta.size <= start => Ok(stream::empty().boxed()),
                    Some(_) => Err(failed(error).at(path)),
                };
            }
        };
        if is_empty {
            return Ok(stream::empty().boxed());
        }
        let path = path.clone();
        Ok(result.into_stream().map_err(move |error| failed(error).at(&path)).boxed())
    }

    async fn append(&self, path: &EntryPath, bytes: Bytes) -> Result<u64> {
        let store = self.tree.store();
        let object = self.tree.key_of(path, &Form::File)?;
        let mut pause = FIRST_PAUSE;
        for _ in 0..APPEND_ATTEMPTS {
            let Some(current) = store.read(&object, MOST_APPENDABLE_BYTES).await? else {
                return Err(self.tree.explain_absence(path, EntryKind::File).await);
            };
            if bytes.is_empty() {
                return Ok(current.bytes.len() as u64);
            }
            let mut whole = BytesMut::with_capacity(current.bytes.len() + bytes.len());
            whole.extend_from_slice(&current.bytes);
            whole.extend_from_slice(&bytes);
            let length = whole.len() as u64;
            match store.put_over(&object, whole.freeze(), &current).await? {
                PutOutcome::Stored(_) | PutOutcome::Overtaken => return Ok(length),
                PutOutcome::Refused => {}
                PutOutcome::Unclear => return Err(unclear().at(path)),
            }
            tokio::time::sleep(pause.mul_f64(jitter()?)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Err(Error::new(ErrorKind::Busy, "others kept changing the file").at(path))
    }
}

fn unclear() -> Error {
    let why = "the store did not say whether the bytes were added, and others changed the file before it could be looked at";
    Error::new(ErrorKind::Unavailable, why)
        .hint("look at the end of the file before appending them again")
        .retryable(false)
}

/// Between one half and one and a half.
fn jitter() -> Result<f64> {
    let mut byte = [0u8];
    getrandom::fill(&mut byte).map_err(|error| {
        Error::new(ErrorKind::Unavailable, format!("the system gives no random numbers: {error}"))
    })?;
    Ok(0.5 + f64::from(byte[0]) / 255.0)
}

/// Where a file is written, and how.
struct FilePlace {
    tree: Tree,
    path: EntryPath,
    options: FileOptions,
    mode: WriteMode,
}

/// A file being written.
struct ObjectFileWriter {
    place: FilePlace,
    gathered: BytesMut,
    upload: Option<PartUpload>,
    /// An earlier write failed or was cancelled.
    is_broken: bool,
}

/// An upload in parts that is under way.
struct PartUpload {
    target: Path,
    upload: Box<dyn MultipartUpload>,
    under_way: VecDeque<tokio::task::JoinHandle<object_store::Result<()>>>,
}

impl FilePlace {
    /// Where the parts go: for a new file to a working name, as completing an upload replaces what is there.
    async fn begin_upload(&self) -> Result<PartUpload> {
        let target = match self.mode {
            WriteMode::Create => key(&format!("{STAGE_PREFIX}/{}", nonce()?))?,
            WriteMode::Overwrite | WriteMode::Replace => self.tree.key_of(&self.path, &Form::File)?,
        };
        let store = self.tree.store();
        let upload = store.objects().put_multipart(&target).await;
        let upload = upload.map_err(|error| store.error("writing", &target, error))?;
        Ok(PartUpload { target, upload, under_way: VecDeque::new() })
    }

    async fn check_again(&self) -> Result<Vec<StoredEntry>> {
        let entries = self.tree.find_all(&self.path).await?;
        for entry in &entries {
            match self.mode {
                WriteMode::Create => return Err(already_exists(entry).at(&self.path)),
                WriteMode::Overwrite if entry.form != Form::File => {
                    return Err(wrong_kind(entry, EntryKind::File).at(&self.path));
                }
                WriteMode::Overwrite | WriteMode::Replace => {}
            }
        }
        Ok(entries)
    }
}

impl ObjectFileWriter {
    /// Sends off what was gathered, as one part.
    async fn send_part(&mut self) -> Result<()> {
        let part = self.gathered.split().freeze();
        let mut upload = match self.upload.take() {
            Some(upload) => upload,
            None => self.place.begin_upload().await?,
        };
        let store = self.place.tree.store().clone();
        let sent: UploadPart = upload.upload.put_part(part.into());
        upload.under_way.push_back(tokio::spawn(sent));
        let most = store.limits().concurrency.max(1);
        let waited = upload.wait_until(most - 1).await;
        let waited = waited.map_err(|error| store.error("writing", &upload.target, error));
        self.upload = Some(upload);
        waited
    }

    /// Puts the object in its place.
    async fn publish(&mut self) -> Result<()> {
        let store = self.place.tree.store().clone();
        let object = self.place.tree.key_of(&self.place.path, &Form::File)?;
        let taken = || {
            Error::new(ErrorKind::AlreadyExists, "an entry of that name appeared meanwhile")
                .at(&self.place.path)
        };
        let Some(mut upload) = self.upload.take() else {
            let bytes = self.gathered.split().freeze();
            if self.place.mode != WriteMode::Create {
                return store.put(&object, bytes).await.map(drop);
            }
            return match store.put_checked(&object, bytes, &Condition::Absent).await? {
                PutOutcome::Stored(_) | PutOutcome::Overtaken => Ok(()),
                PutOutcome::Refused | PutOutcome::Unclear => Err(taken()),
            };
        };
        let failed = |error| store.error("writing", &object, error);
        upload.wait_until(0).await.map_err(failed)?;
        upload.upload.complete().await.map_err(failed)?;
        if upload.target == object {
            return Ok(());
        }
        match store.objects().rename_if_not_exists(&upload.target, &object).await {
            Ok(()) => Ok(()),
            Err(error) => {
                // The failure of the move is the one to report.
                let _ = store.delete(&upload.target).await;
                match error {
                    object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. } => {
                        Err(taken())
                    }
                    error => Err(failed(error)),
                }
            }
        }
    }
}

impl PartUpload {
    /// Waits until at most `most` parts are under way.
    async fn wait_until(&mut self, most: usize) -> object_store::Result<()> {
        while self.under_way.len() > most {
            let Some(part) = self.under_way.pop_front() else { break };
            part.await.map_err(|source| object_store::Error::JoinError { source })??;
        }
        Ok(())
    }
}

#[async_trait]
impl FileWriter for ObjectFileWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if std::mem::replace(&mut self.is_broken, true) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "an earlier write to this file failed or was cancelled",
            )
            .hint("begin again with a new writer")
            .at(&self.place.path));
        }
        let part_bytes =
            self.place.tree.store().limits().part_bytes.max(crate::StoreLimits::LEAST_PART_BYTES);
        let mut bytes = bytes;
        while self.gathered.len() + bytes.len() > part_bytes {
            let room = part_bytes.saturating_sub(self.gathered.len()).min(bytes.len());
            self.gathered.extend_from_slice(&bytes.split_to(room));
            self.send_part().await?;
        }
        self.gathered.extend_from_slice(&bytes);
        self.is_broken = false;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<()> {
        // Refuses to finish what was broken off.
        self.write(Bytes::new()).await?;
        if self.upload.is_some() && !self.gathered.is_empty() {
            self.send_part().await?;
        }
        let replaced = self.place.check_again().await?;
        for entry in replaced.iter().filter(|entry| entry.form != Form::File) {
            self.place.tree.remove_entry(&self.place.path, entry).await?;
        }
        self.place.tree.put_attributes(&self.place.path, &Form::File, &self.place.options.attributes).await?;
        self.publish().await?;
        if self.place.mode == WriteMode::Create
            && !self.place.tree.rivals(&self.place.path, &Form::File).await?.is_empty()
        {
            let object = self.place.tree.key_of(&self.place.path, &Form::File)?;
            self.place.tree.store().delete(&object).await?;
            return Err(Error::new(ErrorKind::AlreadyExists, "an entry of that name appeared meanwhile")
                .at(&self.place.path));
        }
        Ok(())
    }
}

impl Drop for ObjectFileWriter {
    fn drop(&mut self) {
        let Some(mut upload) = self.upload.take() else { return };
        for part in &upload.under_way {
            part.abort();
        }
        // What was uploaded costs money until it is forgotten.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = upload.upload.abort().await {
                    log::warn!("an upload that was given up could not be removed: {}", error_text(&error));
                }
            });
        }
    }
}

/// What may be said of an error in a log.
fn error_text(error: &object_store::Error) -> &'static str {
    match error {
        object_store::Error::NotFound { .. } => "it is gone already",
        _ => "the store refused",
    }
}
