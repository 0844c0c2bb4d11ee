//! One options struct for each operation that has options.

use crate::{Attributes, Predicate, Values};
use std::time::Duration;

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

/// How rows are added to a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppendOptions {
    /// Whether the rows may have columns that the table does not have yet, and lack columns that it has. All of these must be
    /// nullable: rows are null in the columns that they were written without. New columns come after the others.
    pub new_columns: bool,
}

impl AppendOptions {
    /// Allows rows to have new nullable columns, and to lack nullable ones.
    #[must_use]
    pub fn with_new_columns(mut self) -> Self {
        self.new_columns = true;
        self
    }
}

/// How the parts of a table are merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompactOptions {
    /// About how many bytes a merged part has; parts of at least half of it are left as they are.
    pub target_bytes: u64,
    /// For how long the parts that were merged stay where other programs read them, and the merged ones where they do not. A
    /// compaction after that lets the merged parts take their place. Readers of this library see the merged ones at once.
    pub grace: Duration,
    /// Whether only to say what would be done.
    pub dry_run: bool,
}

impl Default for CompactOptions {
    fn default() -> Self {
        CompactOptions { target_bytes: 128 << 20, grace: Duration::from_secs(24 * 60 * 60), dry_run: false }
    }
}

impl CompactOptions {
    /// Sets about how many bytes a merged part has.
    #[must_use]
    pub fn with_target_bytes(mut self, bytes: u64) -> Self {
        self.target_bytes = bytes;
        self
    }

    /// Sets how long the parts that were merged stay where other programs read them.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Only says what would be done.
    #[must_use]
    pub fn with_dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }
}

/// What a compaction of a table did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compaction {
    /// In how many parts the rows were stored.
    pub parts_before: u64,
    /// In how many parts they are stored now.
    pub parts_after: u64,
    /// How many parts were merged with others.
    pub merged_parts: u64,
    /// How many files were removed.
    pub removed_files: u64,
    /// How many files wait until the grace is over: a later compaction removes them.
    pub waiting_files: u64,
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
