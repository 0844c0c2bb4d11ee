//! The folder of a table: immutable parts, numbered from 0 in the order in which they were committed.
//!
//! `t.parquet/part-00000000000000000000.parquet` and so on, 20 digits. A part appears whole, under the next free number,
//! and never changes. Part `n` is committed only when `0..n` are, so that the longest prefix without a gap is the state of
//! the table at one moment. Names beginning with `_` or `.` are not looked at.
//!
//! A folder without such parts that holds other files ending in `.parquet` was written by another program: these files, in
//! the order of their names, are a data set that can be read and not appended to.

use fascicle_backend::{Error, ErrorKind, Result};
use parquet::file::reader::ChunkReader;
use std::path::Path;

const PREFIX: &str = "part-";
const SUFFIX: &str = ".parquet";
const DIGITS: usize = 20;

/// A place that holds the parts of one table. Calls block.
pub trait PartFolder: Send + Sync + 'static {
    /// Reads one part.
    type Reader: ChunkReader + 'static;

    /// Everything in the folder, in any order. What appears or vanishes meanwhile may be listed or not.
    fn list(&self) -> Result<Vec<ListedName>>;

    /// Whether there is something under `name`.
    fn contains(&self, name: &str) -> Result<bool>;

    /// The length of a file.
    fn size_bytes(&self, name: &str) -> Result<u64>;

    /// Opens a file for reading. Fails with `NotFound` when there is none.
    fn open(&self, name: &str) -> Result<Self::Reader>;

    /// Makes the local file `staged`, which is complete and durable, appear under `name`: of any number of concurrent
    /// callers, in any process, exactly one is told [`CommitOutcome::Committed`]. Durable on return. The staged file may be
    /// left where it is.
    fn commit(&self, staged: &Path, name: &str) -> Result<CommitOutcome>;
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedName {
    /// The name.
    pub name: String,
    /// Whether it is a regular file, or a link to something.
    pub is_file: bool,
}

/// What [`PartFolder::commit`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// The name was free and now stands for the staged file.
    Committed,
    /// The name stands for something else.
    Taken,
}

/// The parts of a table at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartList {
    /// The parts `0..count`.
    Numbered {
        /// How many, at least one.
        count: u64,
    },
    /// The files of a data set that another program wrote, at least one.
    Foreign {
        /// Their names, in order.
        names: Vec<String>,
    },
}

impl PartList {
    /// How many parts there are.
    pub fn count(&self) -> u64 {
        match self {
            PartList::Numbered { count } => *count,
            PartList::Foreign { names } => names.len() as u64,
        }
    }

    /// The file name of the part at `position`; `None` beyond the last.
    pub fn name(&self, position: u64) -> Option<String> {
        match self {
            PartList::Numbered { count } => (position < *count).then(|| part_name(position)),
            PartList::Foreign { names } => names.get(usize::try_from(position).ok()?).cloned(),
        }
    }
}

/// The file name of part `number`.
pub fn part_name(number: u64) -> String {
    format!("{PREFIX}{number:0width$}{SUFFIX}", width = DIGITS)
}

/// The number of the part of this file name; `None` for any other name.
pub fn part_number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let is_number = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// The parts of the table in `folder` at one moment during the call.
///
/// Fails with [`ErrorKind::Corrupt`], naming the file, when a part is missing among others, when there are no parts at all,
/// and when something else lies in the folder.
pub fn list_parts(folder: &impl PartFolder) -> Result<PartList> {
    let mut numbers = Vec::new();
    let mut foreign = Vec::new();
    for entry in folder.list()? {
        if entry.name.starts_with(['_', '.']) {
            continue;
        }
        if !entry.is_file {
            return Err(corrupt(format!("'{}' in it is not a file", entry.name))
                .hint("tables spread over sub-folders cannot be read"));
        }
        match part_number(&entry.name) {
            Some(number) => numbers.push(number),
            None if entry.name.ends_with(SUFFIX) => foreign.push(entry.name),
            None => {
                return Err(corrupt(format!("the file '{}' in it is no part of a table", entry.name))
                    .hint("remove the file, or let its name begin with '_'"));
            }
        }
    }
    foreign.sort();
    match (numbers.is_empty(), foreign.first()) {
        (true, Some(_)) => Ok(PartList::Foreign { names: foreign }),
        (true, None) => Err(corrupt("it holds no part".to_owned())),
        (false, Some(name)) => Err(corrupt(format!("the file '{name}' lies among numbered parts")).hint(
            "append through this library, or keep data sets of other programs in a folder of their own",
        )),
        (false, None) => {
            numbers.sort_unstable();
            Ok(PartList::Numbered { count: prefix(folder, &numbers)? })
        }
    }
}

/// The number of parts from 0 on without a gap. A listing is not taken at one moment: a part may be missing from it that
/// was committed before others which are listed, so that every apparent gap is looked at again.
fn prefix(folder: &impl PartFolder, numbers: &[u64]) -> Result<u64> {
    let mut count = 0;
    for number in numbers {
        while count < *number {
            let name = part_name(count);
            if !folder.contains(&name)? {
                return Err(corrupt(format!("the part '{name}' is missing, later ones are there"))
                    .hint("restore the file from a copy; no rows after the gap can be placed"));
            }
            count += 1;
        }
        count = number.saturating_add(1);
    }
    Ok(count)
}

/// Commits a staged part under the first free number from `number` on, and returns that.
pub fn commit_next(folder: &impl PartFolder, staged: &Path, mut number: u64) -> Result<u64> {
    loop {
        if folder.commit(staged, &part_name(number))? == CommitOutcome::Committed {
            return Ok(number);
        }
        number = number.checked_add(1).ok_or_else(|| corrupt("its parts cannot be counted".to_owned()))?;
    }
}

fn corrupt(why: String) -> Error {
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
}
