//! Entity tags, and the modification times that make them unique.

use chrono::{DateTime, Utc};
use rustix::{
    fs::{AtFlags, Stat, Timespec, Timestamps},
    io::Errno,
};
use std::{
    fs::File,
    os::{fd::AsFd, unix::fs::FileExt},
    time::{SystemTime, UNIX_EPOCH},
};

/// Files up to this size are known by their content, too, so that a program which rewrites one in place within the
/// resolution of the clock is noticed. Metas and the metadata of arrays are smaller.
const SMALL_BYTES: u64 = 64 << 10;

/// What the file system knows of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) size: u64,
    number: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Facts {
    pub(crate) fn of(stat: &Stat) -> Facts {
        Facts {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            number: stat.st_ino,
            seconds: stat.st_mtime,
            nanoseconds: stat.st_mtime_nsec as i64,
        }
    }

    pub(crate) fn modified(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.seconds, u32::try_from(self.nanoseconds).unwrap_or(0))
            .unwrap_or_default()
    }

    fn time(&self) -> (i64, i64) {
        (self.seconds, self.nanoseconds)
    }
}

/// What is known of an open file.
pub(crate) fn facts(file: impl AsFd) -> Result<Facts, Errno> {
    rustix::fs::fstat(file).map(|stat| Facts::of(&stat))
}

/// The entity tag of an open file.
pub(crate) fn tag(file: &File, facts: &Facts) -> std::io::Result<String> {
    let mut tag =
        format!("\"{:x}-{:x}-{:x}.{:x}", facts.size, facts.number, facts.seconds, facts.nanoseconds);
    if facts.size <= SMALL_BYTES {
        let mut content = vec![0; usize::try_from(facts.size).unwrap_or(0)];
        file.read_exact_at(&mut content, 0)?;
        tag.push('-');
        tag.extend(blake3::hash(&content).to_hex().chars().take(32));
    }
    tag.push('"');
    Ok(tag)
}

/// Gives a staged file a modification time later than that of the file which it will replace, and than any given to a file of
/// its number before.
pub(crate) fn stamp(staged: &File, folder: impl AsFd, name: &str) -> Result<(), Errno> {
    // The file system's own stamps are as coarse as the kernel's ticks.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut time = (i64::try_from(now.as_secs()).unwrap_or(i64::MAX), i64::from(now.subsec_nanos()));
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => {
            let previous = Facts::of(&stat).time();
            if time <= previous {
                time = after(previous);
            }
        }
        Err(Errno::NOENT) => {}
        Err(error) => return Err(error),
    }
    let last_modification = Timespec { tv_sec: time.0, tv_nsec: time.1 };
    rustix::fs::futimens(staged, &Timestamps { last_access: last_modification, last_modification })
}

/// A later time, by a microsecond: some file systems keep no more digits.
fn after((seconds, nanoseconds): (i64, i64)) -> (i64, i64) {
    let nanoseconds = nanoseconds - nanoseconds % 1000 + 1000;
    if nanoseconds < 1_000_000_000 { (seconds, nanoseconds) } else { (seconds.saturating_add(1), 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_grow() {
        for time in [(0, 0), (5, 999_999_999), (5, 999_999_000), (7, 1_500)] {
            assert!(after(time) > time, "{time:?}");
        }
    }
}
