//! Whether two places hold the same, and what differs.
//!
//! A place is an entry of any kind, most often a directory; the two may stand on different backends. What is compared is
//! content, never storage: chunks, codecs, part files and batch boundaries do not count.
//!
//! - **Structure**: which entries there are, and of which kind.
//! - **Arrays**: dtype, shape and elements. NaN equals NaN, `-0.0` equals `0.0`, "not a time" equals itself. Arrays that
//!   differ in dtype or shape are not compared element by element.
//! - **Tables**: names, types and nullability of the columns in their order, and rows. Schema metadata does not count.
//! - **Files**: bytes.
//! - **Attributes** of every entry, as far as both backends keep any. `1` equals `1.0`.
//! - **Metas**: the config and the status. A directory without a meta counts as a finished one of the type `Directory`, which
//!   is what the Python package datamate takes it for. `modified` says when something was written rather than what, so
//!   it is compared only on request; what else a meta holds never is.
//!
//! An entry that exists on one side only is one difference, whatever is in it. Two places that do not exist are equal.
//!
//! Memory: a few blocks of 4 MiB, or a batch of each table, whatever the size of the data.

mod arrays;
mod attributes;
pub(crate) mod blocks;
mod comparison;
mod difference;
mod elements;
mod files;
mod metas;
mod rows;
mod tables;

#[cfg(test)]
mod tests;

pub use difference::{Differing, EntryDifference, difference_lines};

pub(crate) use comparison::refuse_ambiguous;

use comparison::Comparison;
use fascicle_backend::{Backend, EntryPath, Result};

/// An entry, or the root, of a backend.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Where it stands.
    pub backend: &'a dyn Backend,
    /// Which entry it is.
    pub path: &'a EntryPath,
}

impl<'a> Place<'a> {
    /// The entry at `path`.
    pub fn new(backend: &'a dyn Backend, path: &'a EntryPath) -> Self {
        Place { backend, path }
    }
}

/// What is compared. The default is everything but `modified`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompareOptions {
    /// The elements of arrays, the rows of tables and the bytes of files; without it only dtypes, shapes, schemas and
    /// numbers of rows are compared, and of files nothing.
    pub data: bool,
    /// The attributes of entries.
    pub attributes: bool,
    /// The configs of directories.
    pub config: bool,
    /// The statuses of directories.
    pub status: bool,
    /// Whether directories were modified after they were done.
    pub modified: bool,
}

impl Default for CompareOptions {
    fn default() -> Self {
        CompareOptions { data: true, attributes: true, config: true, status: true, modified: false }
    }
}

impl CompareOptions {
    /// Sets whether data is compared.
    #[must_use]
    pub fn with_data(mut self, compared: bool) -> Self {
        self.data = compared;
        self
    }

    /// Sets whether attributes are compared.
    #[must_use]
    pub fn with_attributes(mut self, compared: bool) -> Self {
        self.attributes = compared;
        self
    }

    /// Sets whether configs and statuses are compared.
    #[must_use]
    pub fn with_metas(mut self, compared: bool) -> Self {
        self.config = compared;
        self.status = compared;
        self
    }

    /// Sets whether `modified` is compared.
    #[must_use]
    pub fn with_modified(mut self, compared: bool) -> Self {
        self.modified = compared;
        self
    }
}

/// Everything in which two places differ, in the order of their entries.
///
/// - Cost: reads both sides once, as far as the options ask for data.
/// - Errors: what reading either side fails with; [`ErrorKind::Conflict`](fascicle_backend::ErrorKind::Conflict) when an
///   array changed its dtype or shrank meanwhile; [`ErrorKind::Corrupt`](fascicle_backend::ErrorKind::Corrupt) for a
///   meta that cannot be read and is not the same byte for byte.
pub async fn diff(
    this: Place<'_>,
    other: Place<'_>,
    options: &CompareOptions,
) -> Result<Vec<EntryDifference>> {
    let mut comparison = Comparison::new(this.backend, other.backend, *options, false);
    comparison.places(this.path, other.path).await?;
    Ok(comparison.found)
}

/// Whether two places hold the same. Stops reading at the first difference; otherwise as [`diff`].
pub async fn equal(this: Place<'_>, other: Place<'_>, options: &CompareOptions) -> Result<bool> {
    let mut comparison = Comparison::new(this.backend, other.backend, *options, true);
    comparison.places(this.path, other.path).await?;
    Ok(comparison.found.is_empty())
}
