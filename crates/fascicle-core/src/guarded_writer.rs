//! Writers of a build: what was begun under its claim is not written once the claim may be lost.

use crate::build::BuildGuard;
use crate::guarded::under;
use crate::{ArrayWriter, EntryPath, Error, ErrorKind, FileWriter, Region, Result, TableWriter, Values};
use arrow_array::RecordBatch;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

/// A writer that looks at the claim of its build, if it belongs to one, before everything it does.
pub(crate) struct GuardedWriter<W: ?Sized> {
    /// `None` while it writes, and after a write that was given up.
    inner: Option<Box<W>>,
    guard: Option<Arc<BuildGuard>>,
    path: EntryPath,
}

impl<W: ?Sized> GuardedWriter<W> {
    pub(crate) fn new(inner: Box<W>, guard: Option<Arc<BuildGuard>>, path: &EntryPath) -> Self {
        GuardedWriter { inner: Some(inner), guard, path: path.clone() }
    }
}

impl<W: ?Sized + Send + 'static> GuardedWriter<W> {
    /// Lends the writer out for a step that gives it back.
    async fn step<T, F>(&mut self, step: impl FnOnce(Box<W>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = (Box<W>, Result<T>)> + Send + 'static,
    {
        let step = step(self.take()?);
        let (inner, answer) = match &self.guard {
            Some(guard) => under(guard, step).await?,
            None => step.await,
        };
        self.inner = Some(inner);
        answer
    }

    /// Takes the last step.
    async fn last<T, F>(mut self: Box<Self>, step: impl FnOnce(Box<W>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let step = step(self.take()?);
        match &self.guard {
            Some(guard) => under(guard, step).await?,
            None => step.await,
        }
    }

    fn take(&mut self) -> Result<Box<W>> {
        self.inner.take().ok_or_else(|| {
            Error::new(ErrorKind::Conflict, "an earlier write of it was given up or refused")
                .hint("begin to write it anew")
                .retryable(false)
                .during("write")
                .at(&self.path)
        })
    }
}

#[async_trait]
impl FileWriter for GuardedWriter<dyn FileWriter> {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.step(|mut inner| async move {
            let written = inner.write(bytes).await;
            (inner, written)
        })
        .await
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        self.last(|inner| inner.finish()).await
    }
}

#[async_trait]
impl ArrayWriter for GuardedWriter<dyn ArrayWriter> {
    async fn write(&mut self, region: &Region, values: Values) -> Result<()> {
        let region = region.clone();
        self.step(|mut inner| async move {
            let written = inner.write(&region, values).await;
            (inner, written)
        })
        .await
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        self.last(|inner| inner.finish()).await
    }
}

#[async_trait]
impl TableWriter for GuardedWriter<dyn TableWriter> {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.step(|mut inner| async move {
            let written = inner.write(batch).await;
            (inner, written)
        })
        .await
    }

    async fn finish(self: Box<Self>) -> Result<u64> {
        self.last(|inner| inner.finish()).await
    }
}
