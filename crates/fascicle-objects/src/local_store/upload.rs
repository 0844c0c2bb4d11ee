//! Uploads in parts: a staged file that appears when it is complete.

use super::{
    Inner,
    convert::{blocking, failed, generic},
    write::publish,
};
use async_trait::async_trait;
use fascicle_backend::{Error, ErrorKind};
use fascicle_local::{Existing, Staged, storage_error};
use futures::FutureExt;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart, path::Path};
use std::{
    fmt,
    fs::File,
    os::unix::fs::FileExt,
    sync::{Arc, Mutex, PoisonError},
};

/// An upload; dropping it forgets what was uploaded.
pub(crate) struct Upload {
    inner: Arc<Inner>,
    location: Path,
    /// `None` once the upload is complete or aborted.
    staged: Option<Staged>,
    file: Arc<File>,
    offset: u64,
    /// The first part that could not be written.
    failure: Arc<Mutex<Option<String>>>,
}

impl Upload {
    pub(crate) fn begin(inner: Arc<Inner>, location: Path) -> Result<Upload> {
        let (staged, file) = inner.staging.create_file().map_err(|error| failed(&location, error))?;
        let failure = Arc::default();
        Ok(Upload { inner, location, staged: Some(staged), file: Arc::new(file), offset: 0, failure })
    }

    fn ended(&self) -> object_store::Error {
        generic(Error::new(ErrorKind::Conflict, format!("the upload of '{}' has ended", self.location)))
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upload({})", self.location)
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let Some(path) = self.staged.as_ref().map(Staged::path) else {
            return futures::future::ready(Err(self.ended())).boxed();
        };
        let (mut offset, file, failure) = (self.offset, self.file.clone(), self.failure.clone());
        self.offset = self.offset.saturating_add(data.content_length() as u64);
        blocking(move || {
            for piece in &data {
                if let Err(error) = file.write_all_at(piece, offset) {
                    let error = storage_error("writing", &path, error);
                    *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
                    return Err(generic(error));
                }
                offset = offset.saturating_add(piece.len() as u64);
            }
            Ok(())
        })
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let Some(staged) = self.staged.take() else { return Err(self.ended()) };
        if let Some(why) = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let error = Error::new(ErrorKind::Storage, format!("a part could not be written: {why}"));
            return Err(generic(error));
        }
        let (inner, location, file, length) =
            (self.inner.clone(), self.location.clone(), self.file.clone(), self.offset);
        blocking(move || {
            let written = file
                .metadata()
                .map_err(|error| failed(&location, storage_error("looking at", &staged.path(), error)))?;
            if written.len() != length {
                let why = "the upload was completed before all its parts were written";
                return Err(generic(Error::new(ErrorKind::InvalidInput, why)));
            }
            publish(&inner.lock(&location)?, &location, staged, Existing::Replace)
        })
        .await
    }

    async fn abort(&mut self) -> Result<()> {
        let staged = self.staged.take();
        blocking(move || {
            drop(staged);
            Ok(())
        })
        .await
    }
}
