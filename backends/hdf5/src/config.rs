//! How a place is used.

use std::time::Duration;

/// Options of an [`Hdf5Backend`](crate::Hdf5Backend). They are properties of the handle, not of what is stored: a place may
/// be opened with others at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hdf5Options {
    /// Whether what was written survives a power failure when the call returns. Without it a file costs
    /// tenths of a millisecond instead of several; what is written still appears whole or not at all, as long as
    /// the machine runs.
    pub fsync: bool,
    /// How long a writer waits for another one at the same entry before it gives up with `Busy`.
    pub lock_timeout: Duration,
    /// Whether symbolic links are followed that lead out of the root. Those that stay inside always are.
    pub follow_symlinks: bool,
    /// How new tables are stored. Tables of either format are always read.
    pub tables: TableFormat,
}

/// How new tables are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TableFormat {
    /// A folder of Parquet files, which keep the full schema.
    #[default]
    Parquet,
    /// A CSV file as datamate writes it, which keeps plain text, numbers and truth values only.
    Csv,
}

impl Default for Hdf5Options {
    fn default() -> Self {
        Hdf5Options {
            fsync: true,
            lock_timeout: Duration::from_secs(30),
            follow_symlinks: false,
            tables: TableFormat::default(),
        }
    }
}

impl Hdf5Options {
    /// Sets whether what was written survives a power failure.
    #[must_use]
    pub fn with_fsync(mut self, fsync: bool) -> Self {
        self.fsync = fsync;
        self
    }

    /// Sets how long a writer waits for another one.
    #[must_use]
    pub fn with_lock_timeout(mut self, lock_timeout: Duration) -> Self {
        self.lock_timeout = lock_timeout;
        self
    }

    /// Sets whether symbolic links are followed that lead out of the root.
    #[must_use]
    pub fn with_follow_symlinks(mut self, follow_symlinks: bool) -> Self {
        self.follow_symlinks = follow_symlinks;
        self
    }

    /// Sets how new tables are stored.
    #[must_use]
    pub fn with_tables(mut self, tables: TableFormat) -> Self {
        self.tables = tables;
        self
    }
}
