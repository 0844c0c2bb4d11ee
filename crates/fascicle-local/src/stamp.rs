//! What tells one state of a file from every other without reading it.

use crate::{confined::Folder, error::storage_error};
use fascicle_backend::Result;
use rustix::{
    fs::{AtFlags, FileType, Stat},
    io::Errno,
};
use std::os::fd::AsFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A file that was written longer ago than this cannot be written again at the same time by the clock of any usual file
/// system, the coarsest of which count in steps of two seconds.
const COARSEST_CLOCK: Duration = Duration::from_secs(3);

/// A state of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStamp {
    /// Another number for another file, another length, and another time of the last change.
    pub stamp: u64,
    /// Whether the last change is so long ago that the next one has another time.
    pub is_settled: bool,
}

/// The stamp of the file `name` in the folder `subfolder` of `folder`; `None` when there is no such file. A link is none.
pub fn file_stamp(folder: &Folder, subfolder: &str, name: &str) -> Result<Option<FileStamp>> {
    let relative = format!("{subfolder}/{name}");
    match rustix::fs::statat(folder.as_fd(), &relative, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(of_stat(&stat)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => Ok(None),
        Err(error) => Err(storage_error("looking at", &folder.path_of(&relative), error)),
    }
}

fn of_stat(stat: &Stat) -> Option<FileStamp> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let mut hasher = blake3::Hasher::new();
    let times = [stat.st_mtime, stat.st_ctime].map(i128::from);
    let parts = [stat.st_mtime_nsec, stat.st_ctime_nsec].map(i128::from);
    let facts = [i128::from(stat.st_dev), i128::from(stat.st_ino), i128::from(stat.st_size)];
    for number in times.into_iter().chain(parts).chain(facts) {
        hasher.update(&number.to_le_bytes());
    }
    let mut bytes = [0u8; 8];
    hasher.finalize_xof().fill(&mut bytes);
    let changed = u64::try_from(stat.st_mtime).ok().map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
    let is_settled = changed.is_some_and(|changed| {
        SystemTime::now().duration_since(changed).is_ok_and(|age| age > COARSEST_CLOCK)
    });
    Some(FileStamp { stamp: u64::from_le_bytes(bytes), is_settled })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Root;

    #[test]
    fn another_state_has_another_stamp() {
        let keep = tempfile::tempdir().unwrap();
        let file = keep.path().join("d/x");
        std::fs::create_dir(keep.path().join("d")).unwrap();
        std::fs::write(&file, "a").unwrap();
        let folder = Root::new(keep.path(), false).unwrap().folder("").unwrap();
        let stamp = || file_stamp(&folder, "d", "x").unwrap();
        let first = stamp().unwrap();
        assert!(!first.is_settled, "it was written this moment");
        assert_eq!(stamp(), Some(first));
        std::fs::write(&file, "ab").unwrap();
        assert_ne!(stamp().unwrap().stamp, first.stamp, "another length");
        let before = stamp().unwrap().stamp;
        std::fs::write(keep.path().join("d/y"), "ab").unwrap();
        std::fs::rename(keep.path().join("d/y"), &file).unwrap();
        assert_ne!(stamp().unwrap().stamp, before, "another file");
        let old = SystemTime::now() - Duration::from_secs(60);
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
        assert!(stamp().unwrap().is_settled);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(stamp(), None);
    }
}
