//! Following what is appended: rows and bytes as they are committed, until the build is done.

use crate::array::{rows_in_block, store};
use crate::build::{Growing, Growth};
use crate::{
    Array, ArrayData, BatchStream, ByteStream, Directory, EntryPath, Error, ErrorKind, File, Region, Result,
    ScanOptions, Table, Values,
};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt};
use std::time::Duration;
use tokio::time::Instant;

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
    /// What others append to a directory that is done comes too, if it is there when the end is reached.
    ///
    /// - Cost: while nothing arrives, a look at the array, at the metas above it and at the builder's signs of life now and then, as
    ///   often as the root [polls](crate::RootOptions::poll). Nothing is changed.
    /// - Errors, after the rows that were committed: `BuildFailed` when the build failed, was interrupted or abandoned, when its
    ///   builder is seen to be dead or has shown no sign of life for its lease, and when another program that builds has changed
    ///   nothing for the root's [`foreign_timeout`](crate::RootOptions::foreign_timeout). At once: `Conflict` when the directory was
    ///   built anew meanwhile (an attempt that goes on with an interrupted one is followed), and when the array was replaced by a
    ///   shorter one, or by one whose rows have another shape or dtype; what reading fails with.
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
    let growing = Growing::new(directory.root(), path);
    let (poll, path) = (directory.root().options().poll, path.clone());
    let following = Following { growing, step, options, poll, growth: None };
    stream::unfold(Some(following), move |following| {
        let path = path.clone();
        async move {
            let mut following = following?;
            match following.next().await {
                Ok(item) => item.map(|item| (Ok(item), Some(following))),
                Err(error) => Some((Err(error.during("follow").at(&path)), None)),
            }
        }
    })
    .boxed()
}

/// Something that is followed.
struct Following<F> {
    growing: Growing,
    step: F,
    /// The position that comes next, and whether it goes on for ever.
    options: TailOptions,
    /// The shortest and the longest pause between two looks.
    poll: (Duration, Duration),
    /// Whether more was to be expected at the last look.
    growth: Option<Growth>,
}

impl<F> Following<F> {
    /// What comes next; `None` after the last.
    async fn next<T>(&mut self) -> Result<Option<T>>
    where
        F: Fn(u64) -> Step<T>,
    {
        let (mut pause, longest) = self.poll;
        // Looked at before the step: what is committed until the build is done is seen after that.
        let mut growth = match self.growth.take() {
            Some(growth) => growth,
            None => self.growing.look(false).await?,
        };
        loop {
            let found = (self.step)(self.options.from).await;
            if !matches!(found, Ok(None)) {
                // And after it: what was read may be of another attempt, which has taken the place of the one that is followed.
                self.growth = Some(self.growing.look(false).await?);
            }
            if let Some((count, item)) = found? {
                self.options.from += count;
                return Ok(Some(item));
            }
            match growth {
                Growth::Over if !self.options.for_ever => return Ok(None),
                Growth::Broken(error) if !self.options.for_ever => return Err(error),
                Growth::Over | Growth::Broken(_) | Growth::GoesOn => {}
            }
            let asleep = Instant::now();
            tokio::time::sleep(pause).await;
            self.growing.paused(pause, asleep.elapsed());
            pause = (pause * 2).min(longest.max(pause)).max(Duration::from_millis(1));
            growth = self.growing.look(!self.options.for_ever).await?;
        }
    }
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
