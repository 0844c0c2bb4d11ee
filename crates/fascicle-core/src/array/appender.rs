//! Appending small rows efficiently.

use super::{IntoArray, widen};
use crate::{Directory, Element, Error, ErrorKind, Result, ResultExt, Shape, Values};
use std::time::{Duration, Instant};

/// Collects rows and appends them to a stored array in larger pieces.
///
/// Rows are on their way out when a limit is reached: 256 rows, 1 MiB, or the next push after one second, unless set
/// otherwise. After [`Appender::flush`] or [`Appender::finish`] returns, all rows pushed so far are durable and visible.
/// **An appender that is dropped loses the rows it still holds**; end it with `finish`.
///
/// After a failed flush it is not known how many of the rows arrived; the appender then refuses to go on, so that no row
/// is written twice.
#[derive(Debug)]
#[must_use = "rows are only written by `flush` and `finish`"]
pub struct Appender<T: Element> {
    directory: Directory,
    name: String,
    trailing: Vec<u64>,
    pending: Vec<T>,
    held_rows: u64,
    oldest: Option<Instant>,
    limits: (u64, usize, Duration),
    failed: bool,
}

impl<T: Element> Appender<T> {
    pub(crate) fn new(directory: Directory, name: &str, trailing: &[u64]) -> Result<Self> {
        Shape::new(trailing)?;
        Ok(Appender {
            directory,
            name: name.to_owned(),
            trailing: trailing.to_vec(),
            pending: Vec::new(),
            held_rows: 0,
            oldest: None,
            limits: (256, 1 << 20, Duration::from_secs(1)),
            failed: false,
        })
    }

    /// Flushes when this many rows are held; at least 1.
    pub fn flush_rows(mut self, rows: u64) -> Self {
        self.limits.0 = rows.max(1);
        self
    }

    /// Flushes when the rows held take this many bytes.
    pub fn flush_bytes(mut self, bytes: usize) -> Self {
        self.limits.1 = bytes;
        self
    }

    /// Flushes at a push when the oldest row held has waited this long.
    pub fn flush_after(mut self, time: Duration) -> Self {
        self.limits.2 = time;
        self
    }

    /// Adds one row: a scalar for a one-dimensional array, else an array of the trailing shape. Fails with
    /// [`ErrorKind::Mismatch`] for any other, and nothing is added.
    pub async fn push(&mut self, row: impl IntoArray) -> Result<()> {
        if self.hold(row)? { self.flush().await } else { Ok(()) }
    }

    /// Adds one row to those held; says whether it is time to flush.
    pub(crate) fn hold(&mut self, row: impl IntoArray) -> Result<bool> {
        self.check_usable()?;
        let (shape, values) = row.into_array().context("append to array", &self.name)?.into_parts();
        if *shape != *self.trailing {
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!(
                    "a row of shape {shape} does not fit rows of shape {}",
                    Shape::new(self.trailing.as_slice())?
                ),
            )
            .during("append to array")
            .at(&self.name));
        }
        let values = widen(values, T::DTYPE).context("append to array", &self.name)?;
        let row: Vec<T> = T::from_values(values)
            .map_err(|_| Error::new(ErrorKind::Internal, "widening changed nothing"))?;
        self.pending.extend(row);
        self.held_rows += 1;
        let oldest = *self.oldest.get_or_insert_with(Instant::now);
        let (rows, bytes, time) = self.limits;
        let held_bytes = self.pending.len() * T::DTYPE.memory_bytes();
        Ok(self.held_rows >= rows || held_bytes >= bytes || oldest.elapsed() >= time)
    }

    /// Writes all rows held. When it returns they are durable, and visible to every reader.
    pub async fn flush(&mut self) -> Result<()> {
        self.check_usable()?;
        let rows = std::mem::take(&mut self.held_rows);
        if rows == 0 {
            return Ok(());
        }
        let shape: Vec<u64> = std::iter::once(rows).chain(self.trailing.iter().copied()).collect();
        let values: Values = T::into_values(std::mem::take(&mut self.pending));
        self.oldest = None;
        self.failed = true;
        self.directory.append(&self.name, super::ArrayData::new(Shape::new(shape)?, values)?).await?;
        self.failed = false;
        Ok(())
    }

    /// Writes all rows held and ends the appender. An array that never got a row is created with none.
    pub async fn finish(mut self) -> Result<()> {
        self.flush().await?;
        let shape: Vec<u64> = std::iter::once(0).chain(self.trailing.iter().copied()).collect();
        let none = super::ArrayData::from_vec::<T>(shape, Vec::new())?;
        self.directory.append(&self.name, none).await.map(|_| ())
    }

    fn check_usable(&self) -> Result<()> {
        if !self.failed {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Conflict,
            "an earlier flush failed, and how many of its rows arrived is not known",
        )
        .hint("read the length of the array and start a new appender from there")
        .retryable(false)
        .during("append to array")
        .at(&self.name))
    }
}
