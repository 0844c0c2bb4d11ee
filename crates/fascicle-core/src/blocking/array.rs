//! Arrays.

use super::{Directory, StreamIterator, wait};
use crate::{
    ArrayData, ArrayDescription, ArraySpec, Attributes, DType, Element, EntryPath, FromArray, IntoArray,
    IntoSelection, PutOptions, Region, Result, ResultExt, Shape, TailOptions,
};
use ndarray::ArrayD;
use std::time::Duration;

/// What was to be put, converted on the caller's thread: the caller's own type need not be able to change threads.
struct Converted(Result<ArrayData>);

impl Converted {
    fn new(value: impl IntoArray) -> Self {
        Converted(value.into_array())
    }
}

impl IntoArray for Converted {
    fn into_array(self) -> Result<ArrayData> {
        self.0
    }
}

/// A handle to a stored array, as [`crate::Array`].
#[derive(Clone, Debug)]
pub struct Array {
    inner: crate::Array,
}

impl From<crate::Array> for Array {
    fn from(inner: crate::Array) -> Self {
        Array { inner }
    }
}

impl Array {
    /// The path below the root.
    pub fn path(&self) -> &EntryPath {
        self.inner.path()
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &Shape {
        self.inner.shape()
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.inner.dtype()
    }

    /// The length of the first axis; 0 for a scalar.
    pub fn len(&self) -> u64 {
        self.inner.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Everything that is known without reading elements.
    pub fn description(&self) -> &ArrayDescription {
        self.inner.description()
    }

    /// Looks again: another writer may have appended, or replaced the array.
    pub fn refresh(&mut self) -> Result<()> {
        wait(self.inner.refresh())
    }

    /// Reads all elements, as an ndarray array, a vector or [`ArrayData`]; elements widen without loss to the type asked
    /// for, anything else is [`Mismatch`](crate::ErrorKind::Mismatch).
    pub fn read<A: FromArray>(&self) -> Result<A> {
        A::from_array(wait(self.inner.read())?).context("read array", self.path())
    }

    /// Reads all elements into `target`, whose memory is reused when the number of elements has not changed.
    ///
    /// Should the read fail, `target` may be left empty.
    pub fn read_into<T: Element>(&self, target: &mut ArrayD<T>) -> Result<()> {
        wait(self.inner.read_into(target))
    }

    /// The rows that are there and those that are appended, as [`crate::Array::tail`].
    pub fn tail(&self, options: &TailOptions) -> StreamIterator<ArrayData> {
        StreamIterator::from(self.inner.tail(options))
    }

    /// Selects elements: `s![..50, ..]`, `"0:50,::2"`, an index or a range.
    pub fn select(&self, selection: impl IntoSelection) -> Result<Selected<'_>> {
        Ok(Selected { inner: self.inner.select(selection)?, path: self.path() })
    }

    /// The attributes.
    pub fn attributes(&self) -> Result<Attributes> {
        wait(self.inner.attributes())
    }
}

/// Selected elements of a stored array, as [`crate::Selected`].
#[derive(Clone, Debug)]
pub struct Selected<'a> {
    inner: crate::Selected<'a>,
    path: &'a EntryPath,
}

impl Selected<'_> {
    /// The shape of what would be read: axes selected by an index are gone.
    pub fn shape(&self) -> Result<Shape> {
        self.inner.shape()
    }

    /// Reads the selected elements. Only the chunks that hold them are read.
    pub fn read<A: FromArray>(&self) -> Result<A> {
        A::from_array(wait(self.inner.read())?).context("read array", self.path)
    }

    /// Reads the selected elements into `target`, whose memory is reused when the number of elements has not changed.
    ///
    /// Should the read fail, `target` may be left empty.
    pub fn read_into<T: Element>(&self, target: &mut ArrayD<T>) -> Result<()> {
        wait(self.inner.read_into(target))
    }

    /// Writes over the selected elements, as [`crate::Selected::write`].
    pub fn write(&self, value: impl IntoArray) -> Result<()> {
        wait(self.inner.write(Converted::new(value)))
    }
}

/// An array being stored part by part, as [`crate::ArrayBuilder`]. Dropping it leaves everything as it was.
#[derive(Debug)]
#[must_use = "the array appears at `finish`"]
pub struct ArrayBuilder {
    inner: crate::ArrayBuilder,
}

impl ArrayBuilder {
    /// Writes the elements of a region, which widen without loss to the array's dtype.
    pub fn write(&mut self, region: &Region, value: impl IntoArray) -> Result<()> {
        wait(self.inner.write(region, Converted::new(value)))
    }

    /// Writes rows from row `start` on.
    pub fn write_rows(&mut self, start: u64, rows: impl IntoArray) -> Result<()> {
        wait(self.inner.write_rows(start, Converted::new(rows)))
    }

    /// Makes the array appear, whole and durable.
    pub fn finish(self) -> Result<()> {
        wait(self.inner.finish())
    }

    /// The declared shape.
    pub fn shape(&self) -> &Shape {
        self.inner.shape()
    }
}

/// Collects rows and appends them to a stored array in larger pieces, as [`crate::Appender`]. A push that does not flush
/// only copies the row.
///
/// ```
/// # use fascicle_core::blocking::Root;
/// # let root = Root::new(fascicle_memory::MemoryBackend::new());
/// let run = root.dir("run")?;
/// let mut loss = run.appender::<f64>("loss", &[])?;
/// for step in 1..=1000 {
///     loss.push(1.0 / f64::from(step))?;
/// }
/// loss.finish()?;
/// assert_eq!(run.array("loss")?.len(), 1000);
/// # Ok::<(), fascicle_core::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "rows are only written by `flush` and `finish`"]
pub struct Appender<T: Element> {
    inner: crate::Appender<T>,
}

impl<T: Element> Appender<T> {
    /// Flushes when this many rows are held; at least 1.
    pub fn flush_rows(self, rows: u64) -> Self {
        Appender { inner: self.inner.flush_rows(rows) }
    }

    /// Flushes when the rows held take this many bytes.
    pub fn flush_bytes(self, bytes: usize) -> Self {
        Appender { inner: self.inner.flush_bytes(bytes) }
    }

    /// Flushes at a push when the oldest row held has waited this long.
    pub fn flush_after(self, time: Duration) -> Self {
        Appender { inner: self.inner.flush_after(time) }
    }

    /// Adds one row: a scalar for a one-dimensional array, else an array of the trailing shape. Fails with
    /// [`Mismatch`](crate::ErrorKind::Mismatch) for any other, and nothing is added.
    pub fn push(&mut self, row: impl IntoArray) -> Result<()> {
        if self.inner.hold(row)? { self.flush() } else { Ok(()) }
    }

    /// Writes all rows held. When it returns they are durable, and visible to every reader.
    pub fn flush(&mut self) -> Result<()> {
        wait(self.inner.flush())
    }

    /// Writes all rows held and ends the appender. An array that never got a row is created with none.
    pub fn finish(self) -> Result<()> {
        wait(self.inner.finish())
    }
}

impl Directory {
    /// Stores an array under `name`, replacing an array that is there. Its elements are durable on return; until then
    /// readers see the old array.
    pub fn put(&self, name: &str, value: impl IntoArray) -> Result<()> {
        wait(self.inner.put(name, Converted::new(value)))
    }

    /// Stores an array with a write mode and storage options.
    pub fn put_with(&self, name: &str, value: impl IntoArray, options: &PutOptions) -> Result<()> {
        wait(self.inner.put_with(name, Converted::new(value), options))
    }

    /// Begins to store an array larger than memory, as [`crate::Directory::create_array`].
    pub fn create_array(&self, name: &str, spec: ArraySpec, options: &PutOptions) -> Result<ArrayBuilder> {
        let inner = wait(self.inner.create_array(name, spec, options))?;
        Ok(ArrayBuilder { inner })
    }

    /// Opens the array at `name` without reading its elements. Fails with [`NotFound`](crate::ErrorKind::NotFound),
    /// naming what is there.
    pub fn array(&self, name: &str) -> Result<Array> {
        wait(self.inner.array(name)).map(Array::from)
    }

    /// Adds rows at the end of the first axis of the array at `name` and returns its new length; creates it when there is
    /// none. As [`crate::Directory::append`].
    pub fn append(&self, name: &str, rows: impl IntoArray) -> Result<u64> {
        wait(self.inner.append(name, Converted::new(rows)))
    }

    /// An [`Appender`] for rows of shape `trailing` (empty for a one-dimensional array) and element type `T`.
    pub fn appender<T: Element>(&self, name: &str, trailing: &[u64]) -> Result<Appender<T>> {
        let inner = self.inner.appender(name, trailing)?;
        Ok(Appender { inner })
    }
}
