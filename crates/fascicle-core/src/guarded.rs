//! Writers of a build: what was begun under its claim is not written once the claim may be lost.

use crate::build::BuildGuard;
use crate::{FileWriter, Result, TableWriter};
use arrow_array::RecordBatch;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

struct Guarded<W: ?Sized> {
    inner: Box<W>,
    guard: Arc<BuildGuard>,
}

/// A writer of a file that looks at the claim of the build, if it belongs to one, before everything it does.
pub(crate) fn file_writer(
    inner: Box<dyn FileWriter>,
    guard: Option<&Arc<BuildGuard>>,
) -> Box<dyn FileWriter> {
    match guard {
        Some(guard) => Box::new(Guarded { inner, guard: guard.clone() }),
        None => inner,
    }
}

/// The same for a table.
pub(crate) fn table_writer(
    inner: Box<dyn TableWriter>,
    guard: Option<&Arc<BuildGuard>>,
) -> Box<dyn TableWriter> {
    match guard {
        Some(guard) => Box::new(Guarded { inner, guard: guard.clone() }),
        None => inner,
    }
}

#[async_trait]
impl FileWriter for Guarded<dyn FileWriter> {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.guard.check()?;
        self.inner.write(bytes).await
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        self.guard.check()?;
        self.inner.finish().await
    }
}

#[async_trait]
impl TableWriter for Guarded<dyn TableWriter> {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.guard.check()?;
        self.inner.write(batch).await
    }

    async fn finish(self: Box<Self>) -> Result<u64> {
        self.guard.check()?;
        self.inner.finish().await
    }
}
