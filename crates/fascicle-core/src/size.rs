//! How much an entry occupies and when anything in it was last changed.

use fascicle_backend::{Backend, EntryKind, EntryPath, EntryStat, ErrorKind, Result};
use futures::{StreamExt, TryStreamExt, future::BoxFuture, stream};
use std::time::SystemTime;

/// The size from which on a directory is called large, unless something else is said: 20 GiB.
pub const DEFAULT_SIZE_WARNING_BYTES: u64 = 20 << 30;

/// Requests that are under way at once within one directory.
const CONCURRENT_REQUESTS: usize = 16;

/// What an entry, with everything in it, amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes occupied in the storage, metas included.
    pub size_bytes: u64,
    /// The latest change, where the storage knows of any.
    pub last_modified: Option<SystemTime>,
    /// How many arrays there are.
    pub arrays: u64,
    /// How many tables there are.
    pub tables: u64,
    /// How many files there are, metas not counted.
    pub files: u64,
    /// How many directories there are, the entry itself included if it is one.
    pub directories: u64,
}

impl Usage {
    fn of(stat: &EntryStat) -> Self {
        let one_if = |kind| u64::from(stat.kind == kind);
        Usage {
            size_bytes: stat.size_bytes,
            last_modified: stat.modified,
            arrays: one_if(EntryKind::Array),
            tables: one_if(EntryKind::Table),
            files: one_if(EntryKind::File),
            directories: one_if(EntryKind::Directory),
        }
    }

    fn plus(self, other: Usage) -> Self {
        Usage {
            size_bytes: self.size_bytes.saturating_add(other.size_bytes),
            last_modified: self.last_modified.max(other.last_modified),
            arrays: self.arrays + other.arrays,
            tables: self.tables + other.tables,
            files: self.files + other.files,
            directories: self.directories + other.directories,
        }
    }
}

/// Adds up an entry and everything in it.
///
/// - Cost: a `stat` for each entry and a listing for each directory; no data is read.
/// - Entries that vanish meanwhile are not counted.
/// - Errors: [`ErrorKind::NotFound`] when the entry itself does not exist, and what `stat` and `list` fail with.
pub async fn usage(backend: &dyn Backend, path: &EntryPath) -> Result<Usage> {
    let stat = backend.stat(path).await?;
    contents(backend, path, stat).await
}

/// The bytes that an entry, with everything in it, occupies. Cost and errors as [`usage`].
pub async fn size_bytes(backend: &dyn Backend, path: &EntryPath) -> Result<u64> {
    Ok(usage(backend, path).await?.size_bytes)
}

/// When an entry, or anything in it, was last changed; `None` where the storage does not know. Cost and errors as
/// [`usage`].
pub async fn last_modified(backend: &dyn Backend, path: &EntryPath) -> Result<Option<SystemTime>> {
    Ok(usage(backend, path).await?.last_modified)
}

fn contents<'a>(
    backend: &'a dyn Backend,
    path: &'a EntryPath,
    stat: EntryStat,
) -> BoxFuture<'a, Result<Usage>> {
    Box::pin(async move {
        let own = Usage::of(&stat);
        if stat.kind != EntryKind::Directory {
            return Ok(own);
        }
        let Some(listing) = unless_gone(backend.list(path).await)? else { return Ok(own) };
        let entries = stream::iter(listing.entries).map(|entry| async move {
            let path = path.join(&entry.name)?;
            let Some(stat) = unless_gone(backend.stat(&path).await)? else { return Ok(Usage::default()) };
            contents(backend, &path, stat).await
        });
        let entries = entries.buffer_unordered(CONCURRENT_REQUESTS);
        entries.try_fold(own, |sum, entry| async move { Ok(sum.plus(entry)) }).await
    })
}

fn unless_gone<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        answer => answer.map(Some),
    }
}

/// A number of bytes for people, in datamate's form: `12.0B`, `4.1KiB`, `1.5GiB`.
pub fn format_size(bytes: u64) -> String {
    let mut number = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] {
        if number < 1024.0 {
            return format!("{number:.1}{unit}");
        }
        number /= 1024.0;
    }
    format!("{number:.1}EiB")
}

/// The warning about a directory called `name` of `size_bytes`, in datamate's words; `None` when it is smaller than
/// `limit_bytes`.
pub fn size_warning(name: &str, size_bytes: u64, limit_bytes: u64) -> Option<String> {
    (size_bytes >= limit_bytes)
        .then(|| format!("This directory {name} occupies {} of disk space.", format_size(size_bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{memory, path, put_array, put_directory, put_file};
    use fascicle_backend::Values;

    #[tokio::test]
    async fn everything_below_is_added_up() {
        let backend = memory();
        put_directory(backend.as_ref(), "a", "config: {type: A}\nstatus: done\n").await;
        put_directory(backend.as_ref(), "a/b", "status: done\n").await;
        put_array(backend.as_ref(), "a/b/x", &[3], Values::Int64(vec![1, 2, 3])).await;
        put_file(backend.as_ref(), "a/f.bin", b"12345").await;
        let total = usage(backend.as_ref(), &path("a")).await.unwrap();
        assert_eq!(total.size_bytes, 31 + 13 + 24 + 5);
        assert_eq!((total.arrays, total.tables, total.files, total.directories), (1, 0, 1, 2));
        let latest = backend.stat(&path("a/f.bin")).await.unwrap().modified;
        assert!(latest.is_some() && total.last_modified >= latest);
        assert_eq!(size_bytes(backend.as_ref(), &path("a/b/x")).await.unwrap(), 24);
        let error = usage(backend.as_ref(), &path("gone")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }

    #[test]
    fn sizes_are_written_as_in_the_original() {
        let texts = [0, 10, 1023, 1024, 4166, 20 << 30, u64::MAX].map(format_size);
        assert_eq!(texts, ["0.0B", "10.0B", "1023.0B", "1.0KiB", "4.1KiB", "20.0GiB", "16.0EiB"]);
    }

    #[test]
    fn warnings_begin_at_the_limit() {
        assert_eq!(size_warning("e2", 4166, 4167), None);
        let text = "This directory e2 occupies 4.1KiB of disk space.";
        assert_eq!(size_warning("e2", 4166, 4166).as_deref(), Some(text));
    }
}
