//! Blocking reads and writes of tables as the contract's asynchronous ones.

use arrow_array::RecordBatch;
use async_trait::async_trait;
use fascicle_backend::{BatchStream, Error, ErrorKind, Result, TableWriter};
use futures::stream;

/// Something that rows are written to; its calls block.
pub trait BlockingTableWriter: Send + 'static {
    /// Adds rows.
    fn write(&mut self, batch: &RecordBatch) -> Result<()>;

    /// Makes the rows appear and returns how many the table has now.
    fn finish(self) -> Result<u64>;
}

/// A stream of the batches of an iterator that blocks. Each is read on a blocking thread when it is asked for; no thread
/// waits for whoever reads.
pub fn stream_of_batches<I>(batches: I) -> BatchStream
where
    I: Iterator<Item = Result<RecordBatch>> + Send + 'static,
{
    Box::pin(stream::unfold(Some(batches), |batches| async {
        let mut batches = batches?;
        match on_blocking_thread(move || (batches.next(), batches)).await {
            Ok((batch, batches)) => batch.map(|batch| (batch, Some(batches))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

/// A [`TableWriter`] on a writer that blocks. After an error, and after a call that was given up, it refuses to go on,
/// because rows may be missing.
pub struct OffloadedTableWriter<W> {
    writer: Option<W>,
}

impl<W: BlockingTableWriter> OffloadedTableWriter<W> {
    /// Wraps a writer.
    pub fn new(writer: W) -> Self {
        OffloadedTableWriter { writer: Some(writer) }
    }

    fn take(&mut self) -> Result<W> {
        self.writer.take().ok_or_else(|| {
            Error::new(ErrorKind::Internal, "an earlier write to this table failed or was given up")
                .hint("begin again; nothing was written")
        })
    }
}

#[async_trait]
impl<W: BlockingTableWriter> TableWriter for OffloadedTableWriter<W> {
    async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        let mut writer = self.take()?;
        let (outcome, writer) = on_blocking_thread(move || (writer.write(&batch), writer)).await?;
        outcome?;
        self.writer = Some(writer);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<u64> {
        let writer = self.take()?;
        on_blocking_thread(move || writer.finish()).await?
    }
}

/// Runs `work` on a thread that may block, to its end even when nobody waits for it any more.
async fn on_blocking_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|failure| {
        let (kind, why) = match failure.is_panic() {
            true => (ErrorKind::Internal, "the work on the table panicked"),
            false => (ErrorKind::Unavailable, "the runtime is shutting down"),
        };
        Error::new(kind, why).caused_by(failure)
    })
}
