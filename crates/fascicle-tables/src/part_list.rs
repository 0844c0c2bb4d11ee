//! Which files are the parts of a table at one moment.

use crate::parts::{
    ListedName, PARTS_OF_A_GENERATION, PartFolder, SUFFIX, corrupt, generation_of, part_name, part_number,
};
use fascicle_backend::Result;
use std::{collections::BTreeMap, sync::Arc};

/// The parts of a table at one moment, in the order of their rows. Clones share them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartList {
    parts: Arc<[ListedName]>,
    /// The number under which the next part is committed; `None` for a data set of another program.
    next: Option<u64>,
}

impl PartList {
    /// How many parts there are, at least one.
    pub fn count(&self) -> u64 {
        self.parts.len() as u64
    }

    /// The file of the part at `position`; `None` beyond the last.
    pub fn part(&self, position: u64) -> Option<&ListedName> {
        self.parts.get(usize::try_from(position).ok()?)
    }

    /// The files, in order.
    pub fn iter(&self) -> impl Iterator<Item = &ListedName> {
        self.parts.iter()
    }

    /// The number of the next part; `None` for a data set of another program, which cannot be appended to.
    pub fn next(&self) -> Option<u64> {
        self.next
    }
}

/// The parts of the table in `folder` at one moment during the call.
///
/// Fails with [`ErrorKind::Corrupt`](fascicle_backend::ErrorKind::Corrupt), naming the file, when a part is missing among
/// others, when there are no parts at all, and when something else lies in the folder.
pub fn list_parts(folder: &impl PartFolder) -> Result<PartList> {
    let mut numbered = BTreeMap::new();
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
            Some(number) => drop(numbered.insert(number, entry)),
            None if entry.name.ends_with(SUFFIX) => foreign.push(entry),
            None => {
                return Err(corrupt(format!("the file '{}' in it is no part of a table", entry.name))
                    .hint("remove the file, or let its name begin with '_'"));
            }
        }
    }
    foreign.sort_by(|one, other| one.name.cmp(&other.name));
    match (numbered.is_empty(), foreign.first()) {
        (true, Some(_)) => Ok(PartList { parts: foreign.into(), next: None }),
        (true, None) => Err(corrupt("it holds no part".to_owned())),
        (false, Some(file)) => Err(corrupt(format!("the file '{}' lies among numbered parts", file.name))
            .hint(
                "append through this library, or keep data sets of other programs in a folder of their own",
            )),
        (false, None) => {
            let first = *current_generation(&numbered)?;
            let (parts, next) = run(folder, first, &mut numbered)?;
            Ok(PartList { parts: parts.into(), next: Some(next) })
        }
    }
}

/// The number of the first part of the generation that counts.
fn current_generation(numbered: &BTreeMap<u64, ListedName>) -> Result<&u64> {
    let mut firsts = numbered.keys().rev().filter(|number| number.is_multiple_of(PARTS_OF_A_GENERATION));
    firsts.next().ok_or_else(|| {
        let generation = numbered.keys().next_back().copied().map_or(0, generation_of);
        missing(generation.saturating_mul(PARTS_OF_A_GENERATION))
    })
}

/// The parts from `first` on without a gap, and the number after them. A listing is not taken at one moment: a part may be
/// missing from it that was committed before others which are listed, so that every apparent gap is looked at again.
pub(crate) fn run(
    folder: &impl PartFolder,
    first: u64,
    numbered: &mut BTreeMap<u64, ListedName>,
) -> Result<(Vec<ListedName>, u64)> {
    let mut parts = Vec::new();
    let mut next = first;
    let later = numbered.split_off(&first);
    for (number, part) in later {
        if generation_of(number) != generation_of(first) {
            // Left behind by a writer of a table that has been replaced since, or one that never began.
            break;
        }
        while next < number {
            let name = part_name(next);
            if !folder.contains(&name)? {
                return Err(missing(next));
            }
            parts.push(ListedName { name, is_file: true, size_bytes: None, tag: None });
            next += 1;
        }
        parts.push(part);
        next = number.saturating_add(1);
    }
    Ok((parts, next))
}

fn missing(number: u64) -> fascicle_backend::Error {
    corrupt(format!("the part '{}' is missing, later ones are there", part_name(number)))
        .hint("restore the file from a copy; no rows after the gap can be placed")
}
