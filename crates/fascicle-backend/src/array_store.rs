//! n-dimensional arrays.

use crate::{ArrayOptions, DType, EntryPath, Region, Result, Shape, Values, WriteMode};
use async_trait::async_trait;

/// What makes an array: its shape and its dtype.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArraySpec {
    /// The lengths of the axes.
    pub shape: Shape,
    /// The type of the elements.
    pub dtype: DType,
}

/// What is known of a stored array without reading its elements.
#[derive(Clone, Debug)]
pub struct ArrayDescription {
    /// The lengths of the axes.
    pub shape: Shape,
    /// The type of the elements.
    pub dtype: DType,
    /// Elements of a chunk along each axis; `None` when it is stored in one piece.
    pub chunks: Option<Vec<u64>>,
    /// The codecs that chunks pass through when written, by the format's names, the first first.
    pub codecs: Vec<String>,
    /// The value of elements never written, where it is not zero.
    pub fill: Option<Values>,
    /// Bytes the elements occupy in the storage, where that is known without reading them.
    pub stored_bytes: Option<u64>,
}

/// n-dimensional arrays.
#[async_trait]
pub trait ArrayStore: Send + Sync {
    /// Begins to write an array; it appears at [`ArrayWriter::finish`].
    ///
    /// - What `mode` refuses is refused here, and again at `finish` should an entry have appeared meanwhile.
    /// - Elements that are never written hold the fill value, else zero, `false` or empty text.
    /// - Dropping the writer leaves everything as it was.
    /// - Errors: `NotFound` (parent), `AlreadyExists`, `WrongKind`, `Unsupported` (a codec, a dtype).
    async fn create(
        &self,
        path: &EntryPath,
        spec: &ArraySpec,
        options: &ArrayOptions,
        mode: WriteMode,
    ) -> Result<Box<dyn ArrayWriter>>;

    /// Describes an array without reading its elements.
    ///
    /// - Errors: `NotFound`, `WrongKind`, `Corrupt`.
    async fn describe(&self, path: &EntryPath) -> Result<ArrayDescription>;

    /// Reads the elements of `region` into `buffer`, which the caller allocated with the array's dtype and the region's
    /// element count, and returns it.
    ///
    /// - Cost: the stored chunks that the region touches.
    /// - Elements of one call may come from before and after a concurrent [`ArrayStore::write`], never from within an
    ///   element; with [`ArrayStore::append`] and [`ArrayStore::create`] they come from one state.
    /// - Errors: `NotFound`, `WrongKind`, `Corrupt`; `Conflict` when the array meanwhile has another dtype, or no longer
    ///   contains the region: describe it again.
    async fn read(&self, path: &EntryPath, region: &Region, buffer: Values) -> Result<Values>;

    /// Writes elements over those of `region`, which lies inside the array.
    ///
    /// - Durable on return. Not atomic for readers: one may see some of the elements before others.
    /// - Errors: `NotFound`, `WrongKind`, `Busy`, `Conflict` as for reading.
    async fn write(&self, path: &EntryPath, region: &Region, values: Values) -> Result<()>;

    /// Adds rows at the end of the first axis and returns the new length of that axis.
    ///
    /// - Durable and visible on return. A reader sees none of the rows or a prefix of them, whole.
    /// - Concurrent appends each arrive whole and contiguous, in some order.
    /// - `values` has the array's dtype and a whole number of rows of the array's trailing shape; anything else is
    ///   `Mismatch` and changes nothing. A scalar has no first axis: `Mismatch`.
    /// - Errors: `NotFound`, `WrongKind`, `Mismatch`, `Busy`.
    async fn append(&self, path: &EntryPath, rows: u64, values: Values) -> Result<u64>;
}

/// An array being written.
#[async_trait]
pub trait ArrayWriter: Send {
    /// Writes the elements of `region`, which lies inside the declared shape.
    async fn write(&mut self, region: &Region, values: Values) -> Result<()>;

    /// Makes the array appear, whole and durable, in place of what the mode allowed to replace.
    async fn finish(self: Box<Self>) -> Result<()>;
}
