//! Following what is appended: rows and bytes as they are committed, until the build is done.

use crate::array::{rows_in_block, store};
use crate::directory::read_meta;
use crate::{
    Array, ArrayData, BatchStream, ByteStream, Directory, EntryPath, Error, ErrorKind, File, Region, Result,
    ScanOptions, Status, Table, Values,
};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use std::time::Duration;

/// What is read at once takes about this many bytes, or rows of a table, so that a reader that comes late does not take
/// everything at once.
const BLOCK_BYTES: u64 = 8 << 20;
const BLOCK_ROWS: u64 = 64 << 10;

/// How something that grows is followed.
#[derive(Clone, Copy, Debug, Default)]
pub struct TailOptions {
    /// The row, or of a file the byte, to begin at.
    pub from: u64,
    /// Goes on when the build is done, and where there is none, until the caller stops.
    pub for_ever: bool,
}

impl TailOptions {
    /// Begins at this row, or of a file at this byte.
    #[must_use]
    pub fn from(mut self, from: u64) -> Self {
        self.from = from;
        self
    }

    /// Goes on until the caller stops.
    #[must_use]
    pub fn for_ever(mut self) -> Self {
        self.for_ever = true;
        self
    }
}

impl Array {
    /// The rows from [`TailOptions::from`] on, and then those that are appended, as they are committed: every row once, in order.
    ///
    /// Ends after the last row once the directory is done, which is the one that is being built and that the array is in, at
    /// whatever depth. Where nothing is being built it ends after the rows that are there, unless it goes on for ever.
    ///
    /// - Cost: while nothing arrives, a look at the array and at the metas above it now and then, as often as the root
    ///   [polls](crate::RootOptions::poll).
    /// - Errors, after the rows that were committed: `BuildFailed` when the build failed, was interrupted or abandoned; `Conflict`
    ///   when the array was replaced by a shorter one, or by one whose rows have another shape or dtype; what reading fails with.
    ///
    /// ```
    /// # use fascicle_core::{Root, TailOptions};
    /// # use futures::TryStreamExt;
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let root = Root::new(fascicle_memory::MemoryBackend::new());
    /// let run = root.dir("run")?;
    /// run.append("loss", [0.5, 0.25]).await?;
    /// let mut rows = run.array("loss").await?.tail(&TailOptions::default());
    /// while let Some(rows) = rows.try_next().await? {
    ///     assert_eq!(rows.into_vec::<f64>()?, [0.5, 0.25]);
    /// }
    /// # Ok::<(), fascicle_core::Error>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tail(&self, options: &TailOptions) -> BoxStream<'static, Result<ArrayData>> {
        let (opened, begin) = (self.clone(), options.from);
        follow(self.directory(), self.path(), *options, move |from| {
            let (mut array, opened) = (opened.clone(), opened.clone());
            Box::pin(async move {
                array.refresh().await?;
                let is_same = array.shape().trailing() == opened.shape().trailing()
                    && array.shape().rank() == opened.shape().rank()
                    && array.dtype() == opened.dtype();
                if !is_same {
                    return Err(replaced(array.path()));
                }
                let rows = ahead(array.path(), array.len(), from, begin)?.min(rows_in_block(
                    array.shape(),
                    array.dtype(),
                    BLOCK_BYTES,
                ));
                if rows == 0 {
                    return Ok(None);
                }
                let region = Region::rows(array.shape(), from, rows);
                let buffer = Values::zeros(array.dtype(), region.element_count()?)?;
                let values = store(array.directory())?.read(array.path(), &region, buffer).await?;
                Ok(Some((rows, ArrayData::new(region.shape()?, values)?)))
            })
        })
    }
}

impl Table {
    /// The rows from [`TailOptions::from`] on, and then those that are appended, batch by batch. As [`Array::tail`].
    pub fn tail(&self, options: &TailOptions) -> BatchStream {
        let (opened, begin) = (self.clone(), options.from);
        follow(self.directory(), self.path(), *options, move |from| {
            let mut table = opened.clone();
            Box::pin(async move {
                table.refresh().await?;
                if ahead(table.path(), table.rows(), from, begin)? == 0 {
                    return Ok(None);
                }
                let next = ScanOptions { offset: from, limit: Some(BLOCK_ROWS), ..ScanOptions::default() };
                let batch = table.read_with(&next).await?;
                Ok(Some((batch.num_rows() as u64, batch)).filter(|(rows, _)| *rows > 0))
            })
        })
    }
}

impl File {
    /// The bytes from [`TailOptions::from`] on, and then those that are appended. As [`Array::tail`].
    pub fn tail(&self, options: &TailOptions) -> ByteStream {
        let (directory, path, begin) = (self.directory().clone(), self.path().clone(), options.from);
        follow(self.directory(), self.path(), *options, move |from| {
            let (directory, path) = (directory.clone(), path.clone());
            Box::pin(async move {
                let file = File::open(&directory, path).await?;
                if ahead(file.path(), file.len(), from, begin)? == 0 {
                    return Ok(None);
                }
                let bytes = file.read_range(from..file.len().min(from + BLOCK_BYTES)).await?;
                Ok(Some((bytes.len() as u64, bytes)).filter(|(count, _)| *count > 0))
            })
        })
    }
}

/// What stands at a position: how much of it, and it; `None` when there is nothing yet.
type Step<T> = BoxFuture<'static, Result<Option<(u64, T)>>>;

/// Follows what `step` finds until nothing more can come.
fn follow<T: Send + 'static>(
    directory: &Directory,
    path: &EntryPath,
    options: TailOptions,
    step: impl Fn(u64) -> Step<T> + Send + Sync + 'static,
) -> BoxStream<'static, Result<T>> {
    let directory = directory.clone();
    let (shortest, longest) = directory.root().options().poll;
    let state = (options.from, shortest, Some((directory, path.clone(), step)));
    stream::unfold(state, move |(mut from, mut pause, mut following)| async move {
        let (directory, path, step) = following.take()?;
        loop {
            // Looked at first: what is committed before the build is done is seen after that.
            let state = if options.for_ever { Ok(Growth::GoesOn) } else { growth(&directory, &path).await };
            let found = match state {
                Ok(state) => step(from).await.map(|found| (state, found)),
                Err(error) => Err(error),
            };
            let error = match found {
                Ok((_, Some((count, item)))) => {
                    from += count;
                    return Some((Ok(item), (from, shortest, Some((directory, path, step)))));
                }
                Ok((Growth::Over, None)) => return None,
                Ok((Growth::GoesOn, None)) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(longest.max(shortest)).max(Duration::from_millis(1));
                    continue;
                }
                Ok((Growth::Broken(error), None)) => error,
                Err(error) => error,
            };
            return Some((Err(error.during("follow").at(&path)), (from, pause, None)));
        }
    })
    .boxed()
}

/// Whether more is to be expected.
enum Growth {
    GoesOn,
    Over,
    /// The build ended otherwise than by being done.
    Broken(Error),
}

/// Looks at the metas of the directories above an entry.
async fn growth(directory: &Directory, path: &EntryPath) -> Result<Growth> {
    for above in path.ancestors() {
        let Some((meta, _)) = read_meta(directory.root(), &above).await? else { continue };
        match meta.status {
            Status::Running => return Ok(Growth::GoesOn),
            Status::Stopped => {
                return Ok(Growth::Broken(
                    Error::new(
                        ErrorKind::BuildFailed,
                        format!("the build of '{above}' did not come to its end"),
                    )
                    .hint("what was committed before is all there is"),
                ));
            }
            Status::Done | Status::Other(_) => {}
        }
    }
    Ok(Growth::Over)
}

/// How much there is beyond `from`. What has fewer rows than were seen was replaced; that it has not come to `begin` yet is no matter.
fn ahead(path: &EntryPath, length: u64, from: u64, begin: u64) -> Result<u64> {
    match length.checked_sub(from) {
        Some(ahead) => Ok(ahead),
        None if from == begin => Ok(0),
        None => Err(replaced(path)),
    }
}

fn replaced(path: &EntryPath) -> Error {
    Error::new(ErrorKind::Conflict, "it was replaced by another one while it was followed")
        .hint("open it again")
        .retryable(false)
        .at(path)
}
