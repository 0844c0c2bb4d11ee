//! Which files are the parts of a table at one moment.

use crate::{
    file_name::{
        FileName, PARTS_OF_A_GENERATION, SUFFIX, first_of_generation, generation_of, manifest_name, part_name,
    },
    manifest::Manifest,
    parts::{ListedName, PartFolder, corrupt},
    snapshot::open_named,
};
use fascicle_backend::{Error, ErrorKind, Result};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The parts of a table at one moment, in the order of their rows. Clones share them.
#[derive(Clone, Debug)]
pub struct PartList {
    parts: Arc<[ListedName]>,
    /// The number under which the next part is committed; `None` for a data set of another program.
    next: Option<u64>,
    manifest: Option<Arc<Manifest>>,
    /// What lies in the folder and is none of the table.
    remains: Arc<[ListedName]>,
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

    pub(crate) fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_deref()
    }

    pub(crate) fn remains(&self) -> &[ListedName] {
        &self.remains
    }
}

/// The parts of the table in `folder` at one moment during the call.
///
/// A listing is not taken at one moment: while parts are merged, it may show a part that is gone and miss the manifest that says
/// so. What seems damaged is looked at again, until two listings agree.
///
/// Fails with [`Corrupt`](fascicle_backend::ErrorKind::Corrupt), naming the file, when a part is missing among others, when
/// there are no parts at all, and when something else lies in the folder.
pub fn list_parts(folder: &impl PartFolder) -> Result<PartList> {
    let mut before: Option<BTreeSet<String>> = None;
    loop {
        let listed = folder.list()?;
        let names: BTreeSet<String> = listed.iter().map(|listed| listed.name.clone()).collect();
        match parts_of(folder, listed) {
            Err(error) if error.kind() == ErrorKind::Corrupt && before.as_ref() != Some(&names) => {
                before = Some(names);
            }
            answer => return answer,
        }
    }
}

fn parts_of(folder: &impl PartFolder, listed: Vec<ListedName>) -> Result<PartList> {
    let mut known: Vec<(FileName, ListedName)> = Vec::new();
    let mut foreign = Vec::new();
    for entry in listed {
        match FileName::parse(&entry.name) {
            Some(name) if entry.is_file => known.push((name, entry)),
            _ if entry.name.starts_with(['_', '.']) => {}
            _ if !entry.is_file => {
                return Err(corrupt(format!("'{}' in it is not a file", entry.name))
                    .hint("tables spread over sub-folders cannot be read"));
            }
            _ if entry.name.ends_with(SUFFIX) => foreign.push(entry),
            _ => {
                return Err(corrupt(format!("the file '{}' in it is no part of a table", entry.name))
                    .hint("remove the file, or let its name begin with '_'"));
            }
        }
    }
    let has_parts = known.iter().any(|(name, _)| matches!(name, FileName::Part(_) | FileName::Merged { .. }));
    match foreign.first() {
        None if has_parts => numbered(folder, known),
        None => Err(corrupt("it holds no part".to_owned())),
        Some(file) if has_parts => {
            Err(corrupt(format!("the file '{}' lies among numbered parts", file.name)).hint(
                "append through this library, or keep data sets of other programs in a folder of their own",
            ))
        }
        Some(_) => {
            foreign.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(PartList { parts: foreign.into(), next: None, manifest: None, remains: Arc::default() })
        }
    }
}

/// The parts of the generation that counts.
fn numbered(folder: &impl PartFolder, known: Vec<(FileName, ListedName)>) -> Result<PartList> {
    let begins = |name: &FileName| match name {
        FileName::Manifest(_) => true,
        name => name.parts().is_some_and(|(first, _)| first.is_multiple_of(PARTS_OF_A_GENERATION)),
    };
    let visible = known.iter().filter(|(name, _)| !matches!(name, FileName::Aside { .. }));
    let generation = visible.filter(|(name, _)| begins(name)).map(|(name, _)| name.generation()).max();
    let Some(generation) = generation else {
        let highest = known.iter().map(|(name, _)| name.generation()).max().unwrap_or(0);
        return Err(missing(first_of_generation(highest)?));
    };
    let number = known.iter().filter_map(|(name, _)| match name {
        FileName::Manifest(number) if generation_of(*number) == generation => Some(*number),
        _ => None,
    });
    let by_name: BTreeMap<&str, &ListedName> =
        known.iter().map(|(_, listed)| (listed.name.as_str(), listed)).collect();
    let manifest = match number.max() {
        Some(number) => Some(read_manifest(folder, number)?),
        None => None,
    };
    let mut parts: Vec<ListedName> = Vec::new();
    for file in manifest.iter().flat_map(|manifest| &manifest.files) {
        let listed = by_name.get(file.as_str()).map(|listed| (*listed).clone());
        // What was not listed was written after the listing, or is missing: opening it tells.
        parts.push(listed.unwrap_or_else(|| ListedName::unlisted(file.clone())));
    }
    let first = match &manifest {
        Some(manifest) => manifest.next,
        None => first_of_generation(generation)?,
    };
    let mut from: BTreeMap<u64, (u64, ListedName)> = BTreeMap::new();
    for (name, listed) in &known {
        if let FileName::Part(_) | FileName::Merged { .. } = name
            && let Some((begin, end)) = name.parts()
            && name.generation() == generation
            && begin >= first
            && from.get(&begin).is_none_or(|(other, _)| *other < end)
        {
            from.insert(begin, (end, listed.clone()));
        }
    }
    let (more, next) = run(folder, first, from)?;
    parts.extend(more);
    let used: BTreeSet<&str> = parts.iter().map(|part| part.name.as_str()).collect();
    let remains = known.iter().map(|(_, listed)| listed);
    let remains = remains.filter(|listed| !used.contains(listed.name.as_str())).cloned().collect();
    Ok(PartList { parts: parts.into(), next: Some(next), manifest: manifest.map(Arc::new), remains })
}

fn read_manifest(folder: &impl PartFolder, number: u64) -> Result<Manifest> {
    let name = manifest_name(number);
    Manifest::read(&open_named(folder, &name, None)?, number)
}

/// The parts from `first` on without a gap, and the number after them; `from` holds files by their first part, with their last
/// one. A listing is not taken at one moment: a part may be missing from it that was committed before others which are listed, so
/// that every apparent gap is looked at again.
pub(crate) fn run(
    folder: &impl PartFolder,
    first: u64,
    from: BTreeMap<u64, (u64, ListedName)>,
) -> Result<(Vec<ListedName>, u64)> {
    let mut parts = Vec::new();
    let mut next = first;
    for (begin, (end, part)) in from {
        if begin < next {
            // Merged into the one before.
            continue;
        }
        while next < begin {
            let name = part_name(next);
            if !folder.contains(&name)? {
                return Err(missing(next));
            }
            parts.push(ListedName::unlisted(name));
            next += 1;
        }
        parts.push(part);
        next = end.saturating_add(1);
    }
    Ok((parts, next))
}

fn missing(number: u64) -> Error {
    corrupt(format!("the part '{}' is missing, later ones are there", part_name(number)))
        .hint("restore the file from a copy; no rows after the gap can be placed")
}
