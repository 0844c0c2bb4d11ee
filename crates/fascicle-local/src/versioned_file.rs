//! Small files that are read whole and replaced by compare-and-swap.
//!
//! A replacement is staged and renamed, so that a reader sees one state or the other. Writers compare under the file's
//! lock. Each state gets a later modification time than the one before, so that its version, made of that time and the
//! content, never returns.

use crate::{
    confined::Folder,
    error::storage_error,
    lock::FileLock,
    staging::{Existing, PublishOutcome, Staging},
};
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, MetaWriteMode, Result, Version};
use rustix::{
    fs::{AtFlags, Timespec, Timestamps},
    io::Errno,
};
use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
    time::Duration,
};

/// Nothing longer is read.
const MAX_BYTES: u64 = 16 << 20;

/// How often, and how far apart, a file that is empty is read again.
const REREADS: u32 = 5;
const REREAD_PAUSE: Duration = Duration::from_millis(20);

/// A state of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The content.
    pub bytes: Bytes,
    /// What identifies this state.
    pub version: Version,
}

/// Reads the file `name` in `folder`; `None` when there is none.
///
/// Other programs may rewrite it in place: an empty file is read again for a tenth of a second. Errors:
/// `LimitExceeded` beyond 16 MiB, `WrongKind` for a folder.
pub fn read(folder: &Folder, name: &str) -> Result<Option<Versioned>> {
    for _ in 0..REREADS {
        match read_once(folder, name)? {
            Some(state) if state.bytes.is_empty() => std::thread::sleep(REREAD_PAUSE),
            answer => return Ok(answer),
        }
    }
    read_once(folder, name)
}

fn read_once(folder: &Folder, name: &str) -> Result<Option<Versioned>> {
    let file = match folder.open_file(name) {
        Err(error) if error.is_not_found() => return Ok(None),
        answer => answer?,
    };
    let failed = |error: std::io::Error| storage_error("reading", &folder.path_of(name), error);
    let mut bytes = Vec::new();
    let length = (&file).take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if length as u64 > MAX_BYTES {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("'{}' is longer than {MAX_BYTES} bytes", folder.path_of(name).display()),
        ));
    }
    let (seconds, nanoseconds) = modification_time(&file).map_err(|error| failed(error.into()))?;
    let version = version_of(seconds, nanoseconds, &bytes);
    Ok(Some(Versioned { bytes: bytes.into(), version }))
}

/// Writes the file `name` in `folder` as a whole, as `mode` says, and returns the version of the new state.
///
/// - Atomic for readers; two concurrent updates of one version: exactly one wins, also among processes.
/// - Errors: `AlreadyExists` and `Conflict` as `mode` says, `Busy` when its lock is not free before `timeout`.
pub fn write(
    staging: &Staging,
    folder: &Folder,
    name: &str,
    bytes: &[u8],
    mode: &MetaWriteMode,
    timeout: Duration,
) -> Result<Version> {
    let _lock = FileLock::acquire(folder, name, timeout)?;
    let existing = match mode {
        MetaWriteMode::Create => Existing::Keep,
        MetaWriteMode::UpdateIf(expected) => {
            match read_once(folder, name)? {
                Some(state) if state.version == *expected => {}
                Some(_) => return Err(conflict("was changed by somebody else meanwhile")),
                None => return Err(conflict("was removed by somebody else meanwhile")),
            }
            Existing::Replace
        }
        MetaWriteMode::Overwrite => Existing::Replace,
    };
    let staged = staging.write_file(bytes)?;
    let path = staged.path();
    let failed = |error: Errno| storage_error("writing", &path, error);
    let file = File::open(&path).map_err(|error| storage_error("writing", &path, error))?;
    let mut time = modification_time(&file).map_err(failed)?;
    if let Some(previous) = previous_time(folder, name)?
        && time <= previous
    {
        time = after(previous);
        let last_modification = Timespec { tv_sec: time.0, tv_nsec: time.1 };
        rustix::fs::futimens(&file, &Timestamps { last_access: last_modification, last_modification })
            .map_err(failed)?;
        time = modification_time(&file).map_err(failed)?;
    }
    match staged.publish(folder, name, existing)? {
        PublishOutcome::Published => Ok(version_of(time.0, time.1, bytes)),
        PublishOutcome::Exists => {
            Err(Error::new(ErrorKind::AlreadyExists, format!("there is a '{name}' already")))
        }
    }
}

/// Creates a file at `path` that nobody else knows yet, and returns the version it will have wherever it is moved.
pub fn create_at(path: &Path, bytes: &[u8]) -> Result<Version> {
    let mut file = File::create_new(path).map_err(|error| storage_error("creating", path, error))?;
    file.write_all(bytes).map_err(|error| storage_error("writing", path, error))?;
    let (seconds, nanoseconds) =
        modification_time(&file).map_err(|error| storage_error("writing", path, error))?;
    Ok(version_of(seconds, nanoseconds, bytes))
}

fn conflict(what: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("the stored state {what}"))
        .hint("read it again, and apply the change to what is stored now")
}

fn version_of(seconds: i64, nanoseconds: i64, bytes: &[u8]) -> Version {
    Version::new(format!("{seconds}.{nanoseconds:09}-{}", blake3::hash(bytes).to_hex()))
}

/// Seconds and nanoseconds; tuples of these compare like the times.
type Time = (i64, i64);

fn time_of(stat: &rustix::fs::Stat) -> Time {
    (stat.st_mtime, stat.st_mtime_nsec as i64)
}

fn modification_time(file: &File) -> Result<Time, Errno> {
    rustix::fs::fstat(file).map(|stat| time_of(&stat))
}

fn previous_time(folder: &Folder, name: &str) -> Result<Option<Time>> {
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(time_of(&stat))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(storage_error("looking at", &folder.path_of(name), error)),
    }
}

/// A later time, by a microsecond: some file systems keep no more digits.
fn after((seconds, nanoseconds): Time) -> Time {
    let nanoseconds = nanoseconds - nanoseconds % 1000 + 1000;
    if nanoseconds < 1_000_000_000 { (seconds, nanoseconds) } else { (seconds.saturating_add(1), 0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Root;

    struct Site {
        keep: tempfile::TempDir,
        staging: Staging,
        folder: Folder,
    }

    impl Site {
        fn new() -> Site {
            let keep = tempfile::tempdir().unwrap();
            let root = Root::new(keep.path(), false).unwrap();
            let folder = root.folder("").unwrap();
            Site { keep, staging: Staging::new(root, false), folder }
        }

        fn write(&self, bytes: &[u8], mode: MetaWriteMode) -> Result<Version> {
            write(&self.staging, &self.folder, "_meta.yaml", bytes, &mode, Duration::from_secs(30))
        }

        fn read(&self) -> Versioned {
            read(&self.folder, "_meta.yaml").unwrap().unwrap()
        }
    }

    #[test]
    fn each_mode_refuses_what_it_says() {
        let site = Site::new();
        assert_eq!(read(&site.folder, "_meta.yaml").unwrap(), None);
        let missing = site.write(b"0", MetaWriteMode::UpdateIf(Version::new("none"))).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::Conflict);
        let first = site.write(b"1", MetaWriteMode::Create).unwrap();
        assert_eq!(site.read(), Versioned { bytes: Bytes::from_static(b"1"), version: first.clone() });
        assert_eq!(site.write(b"2", MetaWriteMode::Create).unwrap_err().kind(), ErrorKind::AlreadyExists);
        let second = site.write(b"2", MetaWriteMode::UpdateIf(first.clone())).unwrap();
        let lost = site.write(b"3", MetaWriteMode::UpdateIf(first)).unwrap_err();
        assert_eq!((lost.kind(), site.read().version), (ErrorKind::Conflict, second));
        let third = site.write(b"3", MetaWriteMode::Overwrite).unwrap();
        assert_eq!((site.read().version, site.read().bytes), (third, Bytes::from_static(b"3")));
        assert_eq!(std::fs::read_dir(site.keep.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_version_never_returns_even_with_the_same_content() {
        let site = Site::new();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..200 {
            assert!(seen.insert(site.write(b"same", MetaWriteMode::Overwrite).unwrap()));
        }
        assert!(seen.contains(&site.read().version));
    }

    #[test]
    fn a_change_in_place_by_another_program_is_noticed() {
        let site = Site::new();
        let version = site.write(b"ours", MetaWriteMode::Create).unwrap();
        std::fs::write(site.keep.path().join("_meta.yaml"), "theirs").unwrap();
        let error = site.write(b"ours again", MetaWriteMode::UpdateIf(version)).unwrap_err();
        assert_eq!((error.kind(), &site.read().bytes[..]), (ErrorKind::Conflict, &b"theirs"[..]));
    }

    #[test]
    fn a_file_that_stays_empty_is_read_as_empty() {
        let site = Site::new();
        std::fs::write(site.keep.path().join("_meta.yaml"), "").unwrap();
        assert!(site.read().bytes.is_empty());
    }

    #[test]
    fn times_grow() {
        for time in [(0, 0), (5, 999_999_999), (5, 999_999_000), (7, 1_500)] {
            assert!(after(time) > time, "{time:?}");
        }
    }
}
