//! What a query may use.

use fascicle_core::convert::BytesForm;
use std::num::NonZeroUsize;

/// What a query may use, and how arrays of bytes are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryOptions {
    /// The most bytes of memory that sorting, grouping and joining hold at once; beyond it they go to temporary files. Blocks
    /// of arrays and batches of tables that are under way come on top, some megabytes each.
    pub memory_bytes: u64,
    /// The most bytes of temporary files in the system's folder for them; 0 makes none.
    pub spill_bytes: u64,
    /// On how many cores groups and joins are computed; `None` is all there are.
    pub threads: Option<NonZeroUsize>,
    /// How arrays of fixed-length bytes are given. [`BytesForm::Auto`] is text here, as nothing is read to find out: bytes that
    /// are no text end the query with [`Mismatch`](fascicle_core::ErrorKind::Mismatch).
    pub bytes: BytesForm,
}

impl Default for QueryOptions {
    /// 1 GiB of memory, 64 GiB of temporary files, all cores.
    fn default() -> Self {
        QueryOptions { memory_bytes: 1 << 30, spill_bytes: 64 << 30, threads: None, bytes: BytesForm::Auto }
    }
}

impl QueryOptions {
    /// Sets the most bytes of memory.
    #[must_use]
    pub fn with_memory_bytes(mut self, bytes: u64) -> Self {
        self.memory_bytes = bytes;
        self
    }

    /// Sets the most bytes of temporary files.
    #[must_use]
    pub fn with_spill_bytes(mut self, bytes: u64) -> Self {
        self.spill_bytes = bytes;
        self
    }

    /// Sets on how many cores groups and joins are computed.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Sets how arrays of fixed-length bytes are given.
    #[must_use]
    pub fn with_bytes(mut self, form: BytesForm) -> Self {
        self.bytes = form;
        self
    }
}
