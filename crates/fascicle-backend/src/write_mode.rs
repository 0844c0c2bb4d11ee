//! What a write does when something is there already, and the versions that conditional writes compare.

use std::fmt;

/// What writing an entry does when an entry of that name exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WriteMode {
    /// Fails with [`AlreadyExists`](crate::ErrorKind::AlreadyExists), whatever its kind.
    Create,
    /// Replaces an entry of the same kind; fails with [`WrongKind`](crate::ErrorKind::WrongKind) on any other.
    #[default]
    Overwrite,
    /// Replaces an entry of any kind, a directory with everything in it included. Between kinds the change is
    /// not atomic: for a moment a reader may find nothing under the name.
    Replace,
}

/// What writing a directory's meta does when a meta exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetaWriteMode {
    /// Fails with [`AlreadyExists`](crate::ErrorKind::AlreadyExists) when there is one.
    Create,
    /// Fails with [`Conflict`](crate::ErrorKind::Conflict) unless the stored meta has this version.
    UpdateIf(Version),
    /// Writes in any case.
    Overwrite,
}

/// Identifies one stored state of a meta. Opaque: only its equality means anything, and only at one place.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Version(String);

impl Version {
    /// Wraps what the backend compares: an entity tag, a content hash, a counter.
    pub fn new(token: impl Into<String>) -> Self {
        Version(token.into())
    }

    /// The backend's own token.
    pub fn token(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({})", self.0)
    }
}
