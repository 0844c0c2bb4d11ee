//! The folder of a table: immutable parts, numbered in the order in which they were committed.
//!
//! `t.parquet/part-00000000000000000000.parquet` and so on, 20 digits. A part appears whole, under the next free number,
//! and never changes. Part `n` is committed only when the ones before it are, so that the longest run without a gap is the
//! state of the table at one moment. Names beginning with `_` or `.` are not parts.
//!
//! The last twelve digits count the parts; those before them are the **generation**. Where a folder cannot be replaced as a
//! whole, a table that takes another one's place begins the next generation: its first part appears in one step, and with
//! it the new table, because only the highest generation that has a first part counts. What is left of lower ones is
//! removed afterwards.
//!
//! A folder without such parts that holds other files ending in `.parquet` was written by another program: these files, in
//! the order of their names, are a data set that can be read and not appended to.

use fascicle_backend::{Error, ErrorKind, Result};
use parquet::file::reader::ChunkReader;
use std::io::Write;

const PREFIX: &str = "part-";
/// What the names of all data files end with.
pub(crate) const SUFFIX: &str = ".parquet";
const DIGITS: usize = 20;

/// How many parts a generation can have.
pub const PARTS_OF_A_GENERATION: u64 = 1_000_000_000_000;

/// A place that holds the parts of one table. Calls block.
pub trait PartFolder: Send + Sync + 'static {
    /// Reads one part.
    type Reader: ChunkReader + 'static;
    /// A part that is being written, outside of the folder. Dropping it leaves nothing behind.
    type Staged: Write + Send + 'static;

    /// Everything in the folder, in any order. What appears or vanishes meanwhile may be listed or not.
    fn list(&self) -> Result<Vec<ListedName>>;

    /// What [`list`](PartFolder::list) returns of the names that come after `name` in the order of bytes, at less cost where
    /// the place can. Nothing when there is no such name, also without a folder.
    fn list_after(&self, name: &str) -> Result<Vec<ListedName>> {
        let mut names = self.list()?;
        names.retain(|listed| listed.name.as_str() > name);
        Ok(names)
    }

    /// Whether there is something under `name`.
    fn contains(&self, name: &str) -> Result<bool>;

    /// The length of a file.
    fn size_bytes(&self, name: &str) -> Result<u64>;

    /// Opens a file for reading; its size is given where it was listed. Fails with `NotFound` when there is none.
    fn open(&self, name: &str, size_bytes: Option<u64>) -> Result<Self::Reader>;

    /// Makes a complete staged file appear under `name`: of any number of concurrent callers, in any process, exactly one is
    /// told [`CommitOutcome::Committed`]. Durable on return. May be called again with another name when the first was taken.
    fn commit(&self, staged: &mut Self::Staged, name: &str) -> Result<CommitOutcome>;

    /// Removes files; fine when some are gone already.
    fn remove(&self, names: &[String]) -> Result<()>;
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedName {
    /// The name.
    pub name: String,
    /// Whether it is a regular file, or a link to something.
    pub is_file: bool,
    /// The length of the file, where listing tells.
    pub size_bytes: Option<u64>,
    /// What the state of the file is told by, where listing tells.
    pub tag: Option<String>,
}

/// What [`PartFolder::commit`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// The name was free and now stands for the staged file.
    Committed {
        /// What listings will tell its state by, if that is known.
        tag: Option<String>,
    },
    /// The name stands for something else.
    Taken,
}

/// The file name of part `number`.
pub fn part_name(number: u64) -> String {
    format!("{PREFIX}{number:0width$}{SUFFIX}", width = DIGITS)
}

/// The number of the part of this file name; `None` for any other name.
pub fn part_number(name: &str) -> Option<u64> {
    number(name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?)
}

fn number(digits: &str) -> Option<u64> {
    let is_number = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// The generation that a part belongs to.
pub fn generation_of(number: u64) -> u64 {
    number / PARTS_OF_A_GENERATION
}

/// The number of the first part of a generation. Fails with `LimitExceeded` after more than 18 million of them.
pub fn first_of_generation(generation: u64) -> Result<u64> {
    let first = generation.checked_mul(PARTS_OF_A_GENERATION);
    first.filter(|first| first.checked_add(PARTS_OF_A_GENERATION).is_some()).ok_or_else(|| {
        let why = "the table was replaced too often under this name";
        Error::new(ErrorKind::LimitExceeded, why).hint("remove it, then write it anew")
    })
}

/// Whether a file of this name makes a table of what lies in the folder: the first part of a generation, or a file of another
/// program's data set.
pub fn is_key_name(name: &str) -> bool {
    match part_number(name) {
        Some(number) => number.is_multiple_of(PARTS_OF_A_GENERATION),
        None => name.ends_with(SUFFIX) && !name.starts_with(['_', '.']),
    }
}

/// The number of the first part of a table that takes the place of whatever is listed: of the generation after all that left
/// something.
pub fn next_generation(listed: &[ListedName]) -> Result<u64> {
    let highest = listed.iter().filter_map(|listed| part_number(&listed.name)).map(generation_of).max();
    first_of_generation(highest.map_or(0, |highest| highest.saturating_add(1)))
}

pub(crate) fn corrupt(why: String) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the table's folder is damaged: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_belong_together() {
        for number in [0, 7, u64::MAX] {
            assert_eq!(part_number(&part_name(number)), Some(number));
        }
        for name in [
            "part-0.parquet",
            "part-00000000000000000000.parque",
            "part-99999999999999999999.parquet",
            "part-+0000000000000000000.parquet",
            "xpart-00000000000000000000.parquet",
        ] {
            assert_eq!(part_number(name), None, "{name}");
        }
    }

    #[test]
    fn generations_follow_each_other_by_their_names() {
        let listed =
            |number: u64| ListedName { name: part_name(number), is_file: true, size_bytes: None, tag: None };
        assert_eq!(next_generation(&[]).unwrap(), 0);
        let second = next_generation(&[listed(0), listed(17)]).unwrap();
        assert_eq!(second, PARTS_OF_A_GENERATION);
        assert!(part_name(second) > part_name(PARTS_OF_A_GENERATION - 1));
        assert_eq!(generation_of(next_generation(&[listed(second + 3), listed(2)]).unwrap()), 2);
        let last = first_of_generation(u64::MAX / PARTS_OF_A_GENERATION - 1).unwrap();
        assert_eq!(next_generation(&[listed(last)]).unwrap_err().kind(), ErrorKind::LimitExceeded);
        assert!(is_key_name(&part_name(second)) && !is_key_name(&part_name(second + 1)));
        assert!(is_key_name("a.parquet") && !is_key_name("_a.parquet") && !is_key_name("a.txt"));
    }
}
