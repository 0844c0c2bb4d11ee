//! One options struct for each operation that has options.

use crate::{Attributes, Predicate, Values};

/// How the chunks of an array or the pages of a table are compressed.
///
/// Every codec is lossless. A backend whose format cannot hold one refuses it with
/// [`Unsupported`](crate::ErrorKind::Unsupported), naming what it offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// No compression.
    Uncompressed,
    /// DEFLATE, level 1 (fast) to 9 (small).
    Gzip {
        /// 1 to 9.
        level: u8,
    },
    /// Zstandard, level 1 (fast) to 22 (small).
    Zstd {
        /// 1 to 22.
        level: u8,
    },
}

/// How an array is stored. The default leaves every choice to the backend.
#[derive(Clone, Debug, Default)]
pub struct ArrayOptions {
    /// Elements of a chunk along each axis, each at least 1; as many as the array has axes.
    pub chunks: Option<Vec<u64>>,
    /// Compression of chunks.
    pub codec: Option<Codec>,
    /// The value of elements never written, one element of the array's dtype; zero otherwise.
    pub fill: Option<Values>,
    /// Attributes that the array has from its first moment on.
    pub attributes: Attributes,
}

impl ArrayOptions {
    /// Sets the elements of a chunk along each axis.
    #[must_use]
    pub fn with_chunks(mut self, chunks: impl Into<Vec<u64>>) -> Self {
        self.chunks = Some(chunks.into());
        self
    }

    /// Sets the compression.
    #[must_use]
    pub fn with_codec(mut self, codec: Codec) -> Self {
        self.codec = Some(codec);
        self
    }

    /// Sets the value of elements never written.
    #[must_use]
    pub fn with_fill(mut self, fill: Values) -> Self {
        self.fill = Some(fill);
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

/// How a table is stored.
#[derive(Clone, Debug, Default)]
pub struct TableOptions {
    /// Compression of pages.
    pub codec: Option<Codec>,
    /// Attributes that the table has from its first moment on.
    pub attributes: Attributes,
}

impl TableOptions {
    /// Sets the compression.
    #[must_use]
    pub fn with_codec(mut self, codec: Codec) -> Self {
        self.codec = Some(codec);
        self
    }

    /// Adds an attribute.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

/// How a file is stored.
#[derive(Clone, Debug, Default)]
pub struct FileOptions {
    /// Attributes that the file has from its first moment on.
    pub attributes: Attributes,
}

/// What a scan of a table returns.
#[derive(Clone, Debug, Default)]
pub struct ScanOptions {
    /// The top-level columns to read, in this order; `None` is all. An unknown name is an error.
    pub projection: Option<Vec<String>>,
    /// Only rows for which this holds. It may name columns that are not projected.
    pub predicate: Option<Predicate>,
    /// At most this many rows, after the predicate.
    pub limit: Option<u64>,
    /// Skips this many rows first, after the predicate.
    pub offset: u64,
    /// The most rows in a batch; `None` leaves it to the backend.
    pub batch_rows: Option<usize>,
}

impl ScanOptions {
    /// Reads only these columns, in this order.
    #[must_use]
    pub fn with_projection<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.projection = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Reads only rows for which the predicate holds.
    #[must_use]
    pub fn with_predicate(mut self, predicate: Predicate) -> Self {
        self.predicate = Some(predicate);
        self
    }

    /// Reads at most this many rows.
    #[must_use]
    pub fn with_limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Skips this many rows first.
    #[must_use]
    pub fn with_offset(mut self, rows: u64) -> Self {
        self.offset = rows;
        self
    }

    /// Sets the most rows in a batch, at least 1.
    #[must_use]
    pub fn with_batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = Some(rows);
        self
    }
}
