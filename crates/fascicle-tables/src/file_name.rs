//! The names in the folder of a table.

use fascicle_backend::{Error, ErrorKind, Result};

const PREFIX: &str = "part-";
/// What the names of all data files end with that other programs read.
pub(crate) const SUFFIX: &str = ".parquet";
const ASIDE_PREFIX: &str = "_merged-";
// After all parts in the order of names, so that whoever lists what comes after a part sees the manifests.
const MANIFEST_PREFIX: &str = "table-";
const DIGITS: usize = 20;

/// How many parts a generation can have.
pub const PARTS_OF_A_GENERATION: u64 = 1_000_000_000_000;

/// What a name in the folder of a table stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileName {
    /// `part-<n>.parquet`: the part of this number.
    Part(u64),
    /// `part-<first>-<last>.parquet`: the rows of all parts from one number to another.
    Merged { first: u64, last: u64 },
    /// `_merged-<manifest>-<first>-<last>-<written>-<nonce>`: the same, which no other program looks at, meant for the manifest of
    /// this number; when it was written, in seconds since 1970 by its writer's clock.
    Aside { manifest: u64, first: u64, last: u64, written: u64 },
    /// `table-<n>.parquet`: the manifest of this number.
    Manifest(u64),
}

impl FileName {
    /// What `name` stands for; `None` for names that are not of this library.
    pub(crate) fn parse(name: &str) -> Option<FileName> {
        if let Some(rest) = name.strip_prefix(PREFIX) {
            let rest = rest.strip_suffix(SUFFIX)?;
            return match rest.split_once('-') {
                None => number(rest).map(FileName::Part),
                Some((first, last)) => {
                    range(first, last).map(|(first, last)| FileName::Merged { first, last })
                }
            };
        }
        if let Some(rest) = name.strip_prefix(ASIDE_PREFIX) {
            let mut pieces = rest.splitn(5, '-');
            let mut piece = || pieces.next();
            let manifest = number(piece()?)?;
            let (first, last) = range(piece()?, piece()?)?;
            let written = number(piece()?)?;
            return Some(FileName::Aside { manifest, first, last, written });
        }
        let manifest = name.strip_prefix(MANIFEST_PREFIX)?.strip_suffix(SUFFIX)?;
        number(manifest).map(FileName::Manifest)
    }

    /// The generation of tables that it belongs to.
    pub(crate) fn generation(self) -> u64 {
        match self {
            FileName::Part(number) | FileName::Manifest(number) => generation_of(number),
            FileName::Merged { first, .. } | FileName::Aside { first, .. } => generation_of(first),
        }
    }

    /// The first and the last part whose rows a data file holds; `None` for a manifest.
    pub(crate) fn parts(self) -> Option<(u64, u64)> {
        match self {
            FileName::Part(number) => Some((number, number)),
            FileName::Merged { first, last } | FileName::Aside { first, last, .. } => Some((first, last)),
            FileName::Manifest(_) => None,
        }
    }

    /// Whether it makes a table of what lies in the folder: it holds the first part of a generation, under a name that other
    /// programs read.
    fn is_key(self) -> bool {
        match self {
            FileName::Part(first) | FileName::Merged { first, .. } => {
                first.is_multiple_of(PARTS_OF_A_GENERATION)
            }
            FileName::Aside { .. } | FileName::Manifest(_) => false,
        }
    }
}

fn number(digits: &str) -> Option<u64> {
    let is_number = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

fn range(first: &str, last: &str) -> Option<(u64, u64)> {
    let (first, last) = (number(first)?, number(last)?);
    (first <= last && generation_of(first) == generation_of(last)).then_some((first, last))
}

/// The file name of part `number`.
pub fn part_name(number: u64) -> String {
    format!("{PREFIX}{number:0DIGITS$}{SUFFIX}")
}

/// The file name of the merged parts from `first` to `last`.
pub(crate) fn merged_name(first: u64, last: u64) -> String {
    format!("{PREFIX}{first:0DIGITS$}-{last:0DIGITS$}{SUFFIX}")
}

/// The file name of merged parts that wait for the manifest of this number.
pub(crate) fn aside_name(manifest: u64, (first, last): (u64, u64), written: u64, nonce: &str) -> String {
    format!("{ASIDE_PREFIX}{manifest:0DIGITS$}-{first:0DIGITS$}-{last:0DIGITS$}-{written:0DIGITS$}-{nonce}")
}

/// The file name of the manifest of this number.
pub(crate) fn manifest_name(number: u64) -> String {
    format!("{MANIFEST_PREFIX}{number:0DIGITS$}{SUFFIX}")
}

/// The number of the part of this file name; `None` for any other name.
pub fn part_number(name: &str) -> Option<u64> {
    match FileName::parse(name)? {
        FileName::Part(number) => Some(number),
        _ => None,
    }
}

/// The generation that a part belongs to.
pub(crate) fn generation_of(number: u64) -> u64 {
    number / PARTS_OF_A_GENERATION
}

/// The generation of tables that a file in the folder of a table belongs to; `None` for files of other programs.
pub fn generation_of_name(name: &str) -> Option<u64> {
    FileName::parse(name).map(FileName::generation)
}

/// The number of the first part of a generation. Fails with `LimitExceeded` after more than 18 million of them.
pub(crate) fn first_of_generation(generation: u64) -> Result<u64> {
    let first = generation.checked_mul(PARTS_OF_A_GENERATION);
    first.filter(|first| first.checked_add(PARTS_OF_A_GENERATION).is_some()).ok_or_else(|| {
        let why = "the table was replaced too often under this name";
        Error::new(ErrorKind::LimitExceeded, why).hint("remove it, then write it anew")
    })
}

/// Whether a file of this name makes a table of what lies in the folder: it holds the first part of a generation, or is one of
/// another program's data set.
pub fn is_key_name(name: &str) -> bool {
    match FileName::parse(name) {
        Some(name) => name.is_key(),
        None => name.ends_with(SUFFIX) && !name.starts_with(['_', '.']),
    }
}

/// The number of the first part of a table that takes the place of whatever has these names: of the generation after all that
/// left something.
pub fn next_generation<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<u64> {
    let highest = names.into_iter().filter_map(generation_of_name).max();
    first_of_generation(highest.map_or(0, |highest| highest.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_belong_together() {
        for number in [0, 7, u64::MAX] {
            assert_eq!(part_number(&part_name(number)), Some(number));
            assert_eq!(FileName::parse(&manifest_name(number)), Some(FileName::Manifest(number)));
        }
        assert_eq!(FileName::parse(&merged_name(3, 9)), Some(FileName::Merged { first: 3, last: 9 }));
        let aside = FileName::Aside { manifest: 1, first: 3, last: 9, written: 77 };
        assert_eq!(FileName::parse(&aside_name(1, (3, 9), 77, "0f")), Some(aside));
        for name in [
            "part-0.parquet",
            "part-00000000000000000000.parque",
            "part-99999999999999999999.parquet",
            "part-+0000000000000000000.parquet",
            "part-00000000000000000009-00000000000000000003.parquet",
            "xpart-00000000000000000000.parquet",
            "_merged-00000000000000000000",
            "table-1.parquet",
        ] {
            assert_eq!(FileName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn generations_follow_each_other_by_their_names() {
        let next = |numbers: &[u64]| {
            let names: Vec<String> = numbers.iter().map(|number| part_name(*number)).collect();
            next_generation(names.iter().map(String::as_str))
        };
        assert_eq!(next(&[]).unwrap(), 0);
        let second = next(&[0, 17]).unwrap();
        assert_eq!(second, PARTS_OF_A_GENERATION);
        assert!(part_name(second) > part_name(PARTS_OF_A_GENERATION - 1));
        assert_eq!(generation_of(next(&[second + 3, 2]).unwrap()), 2);
        assert_eq!(next_generation([merged_name(second, second + 9).as_str()]).unwrap(), 2 * second);
        let last = first_of_generation(u64::MAX / PARTS_OF_A_GENERATION - 1).unwrap();
        assert_eq!(next(&[last]).unwrap_err().kind(), ErrorKind::LimitExceeded);
    }

    #[test]
    fn first_parts_and_files_of_others_make_a_table() {
        let second = PARTS_OF_A_GENERATION;
        for name in [part_name(0), part_name(second), merged_name(second, second + 4), "a.parquet".to_owned()]
        {
            assert!(is_key_name(&name), "{name}");
        }
        for name in [
            part_name(1),
            merged_name(1, 2),
            manifest_name(0),
            aside_name(0, (0, 1), 0, "0"),
            "_a.parquet".to_owned(),
            "a.txt".to_owned(),
        ] {
            assert!(!is_key_name(&name), "{name}");
        }
    }
}
