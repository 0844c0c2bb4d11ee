//! Writers that change what passes through them, or finish what was to be dropped.

use arrow_array::RecordBatch;
use async_trait::async_trait;
use bytes::Bytes;
use fascicle_backend::{ArrayWriter, FileWriter, Region, Result, TableWriter, Values};
use futures::FutureExt;

/// Passes each piece of a file through a function, which may lose it.
pub(crate) struct AlteredFile {
    pub(crate) inner: Box<dyn FileWriter>,
    pub(crate) alter: fn(Bytes) -> Option<Bytes>,
}

#[async_trait]
impl FileWriter for AlteredFile {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        match (self.alter)(bytes) {
            Some(bytes) => self.inner.write(bytes).await,
            None => Ok(()),
        }
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        self.inner.finish().await
    }
}

/// Passes each piece of an array through a function, which may lose it.
pub(crate) struct AlteredArray {
    pub(crate) inner: Box<dyn ArrayWriter>,
    pub(crate) alter: fn(Region, Values) -> Option<(Region, Values)>,
}

#[async_trait]
impl ArrayWriter for AlteredArray {
    async fn write(&mut self, region: &Region, values: Values) -> Result<()> {
        match (self.alter)(region.clone(), values) {
            Some((region, values)) => self.inner.write(&region, values).await,
            None => Ok(()),
        }
    }

    async fn finish(self: Box<Self>) -> Result<()> {
        self.inner.finish().await
    }
}

/// Makes a writer that finishes when it is dropped, as one that writes in place does.
macro_rules! dropped {
    ($name:ident, $writer:ident, $answer:ty, ($($argument:ident : $type:ty),*)) => {
        pub(crate) struct $name(pub(crate) Option<Box<dyn $writer>>);

        #[async_trait]
        impl $writer for $name {
            async fn write(&mut self, $($argument: $type),*) -> Result<()> {
                match &mut self.0 {
                    Some(inner) => inner.write($($argument),*).await,
                    None => Ok(()),
                }
            }

            async fn finish(mut self: Box<Self>) -> Result<$answer> {
                match self.0.take() {
                    Some(inner) => inner.finish().await,
                    None => Ok(Default::default()),
                }
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                if let Some(inner) = self.0.take() {
                    // The memory backend never waits.
                    let _ = inner.finish().now_or_never();
                }
            }
        }
    };
}

dropped!(DroppedFile, FileWriter, (), (bytes: Bytes));
dropped!(DroppedArray, ArrayWriter, (), (region: &Region, values: Values));
dropped!(DroppedTable, TableWriter, u64, (batch: RecordBatch));
