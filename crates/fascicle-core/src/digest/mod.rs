//! What a place holds, as one number: the same for equal content on every backend.
//!
//! The digest of an entry is the BLAKE3-256 hash of its canonical bytes: a header in canonical CBOR that says what it is, and
//! then its data. `docs/format/digest.md` describes them to the last byte, with examples to check other implementations by.
//!
//! - **What counts** is content, never storage: chunks, codecs, part files and batch boundaries do not. Two entries without a
//!   [difference](crate::compare) have the same digest: NaN is one value, `-0.0` is `0.0`, and numbers in configs and
//!   attributes count by their value.
//! - **Arrays** count by dtype, shape and elements in C order; **tables** by names, types and nullability of their columns in
//!   order, and by rows; **files** by their bytes; every entry by its attributes.
//! - **Directories** count by config and by the names and digests of their entries. So the digest of a directory is made of
//!   those of what is in it, down to each array. Status and `modified` say where a directory stands and not what it holds; they
//!   do not count. A directory without a meta counts as one of the type `Directory`.
//! - Names do not count for an entry itself, only for the directory that it stands in.
//!
//! ```
//! # use fascicle_core::Root;
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let (here, there) = (Root::new(fascicle_memory::MemoryBackend::new()), Root::new(fascicle_memory::MemoryBackend::new()));
//! let cells = here.dir("cells")?;
//! cells.put("x", [0.5, 1.5]).await?;
//! let copy = there.as_dir().copy_from(&cells, "elsewhere", Default::default()).await?;
//! assert_eq!(cells.digest().await?, copy.digest().await?);
//! # Ok::<(), fascicle_core::Error>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod columns;
mod elements;
mod entries;
mod header;

#[cfg(test)]
mod tests;

pub(crate) use entries::{Outcome, Witness, entry_digest};

use crate::compare::Place;
use crate::{Directory, Error, ErrorKind, Result};
use entries::Strict;
use std::{fmt, str::FromStr};

/// The version of the canonical bytes, which stands in every header.
pub const DIGEST_FORMAT: &str = "fascicle digest 1";

/// The digest of an entry. Written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = Error;

    /// Reads 64 hexadecimal digits. Fails with [`ErrorKind::InvalidInput`].
    fn from_str(text: &str) -> Result<Self> {
        blake3::Hash::from_hex(text).map(|hash| Digest(*hash.as_bytes())).map_err(|error| {
            Error::new(ErrorKind::InvalidInput, format!("{text:?} is not a digest"))
                .hint("a digest is 64 hexadecimal digits")
                .caused_by(error)
        })
    }
}

impl From<blake3::Hash> for Digest {
    fn from(hash: blake3::Hash) -> Self {
        Digest(*hash.as_bytes())
    }
}

/// The digest of the entry, or the root, at a place.
///
/// - Cost: everything in it is read once.
/// - Memory: two blocks of 4 MiB of an array, or a batch of a table, whatever the size of the data.
/// - What is written meanwhile may count or not.
/// - Errors: [`ErrorKind::NotFound`]; [`ErrorKind::Corrupt`] for data and metas that cannot be read, and for a name that
///   stands for two stored objects; [`ErrorKind::Conflict`] for an array that shrank or changed its dtype meanwhile;
///   [`ErrorKind::Unsupported`] for columns of unions, which no digest is defined for.
pub async fn digest(place: Place<'_>) -> Result<Digest> {
    let stat = place.backend.stat(place.path).await?;
    let digest = entry_digest(place.backend, place.path, stat.kind, &mut Strict).await?;
    digest.ok_or_else(|| Error::new(ErrorKind::Internal, "an entry was left out of a digest"))
}

impl Directory {
    /// The digest of what this directory holds, see [`digest`](crate::digest). Reads all of it.
    pub async fn digest(&self) -> Result<Digest> {
        digest(self.place()).await
    }

    /// The digest of the entry at `name`.
    pub async fn digest_of(&self, name: &str) -> Result<Digest> {
        let path = self.entry(name)?;
        digest(Place::new(&**self.root().backend(), &path)).await
    }
}
