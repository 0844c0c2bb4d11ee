//! What is known of the directories of a root, so that their metas are not read again: kept in memory and, for other
//! processes, in records.
//!
//! | key | written | says |
//! |---|---|---|
//! | `v1/known/<r>.<k>` | again and again | part `k` of what is known under the rules `r` |
//!
//! A part holds for each directory the hash of its name, the stamp of its meta and the beginning of the identity that its config
//! has under the rules, or that it is the answer to no question. What it says is never trusted further than to leave a meta
//! unread: whatever looks like an answer is read. Losing a part costs reading the metas again.

use crate::config::{IdentityRules, Map, Value, yaml};
use crate::{Backend, Identity, RecordKey, Result};
use bytes::Bytes;
use std::collections::{HashMap, HashSet};

/// The beginning of every part, and its format.
const MAGIC: &[u8; 4] = b"fkn1";
/// Magic and the number of parts.
const HEAD_BYTES: usize = 8;
/// Name, stamp and answer, eight bytes each.
const ENTRY_BYTES: usize = 24;
/// How many directories a part is meant for. Names fall into parts by their hash, some of which hold more than others.
const ENTRIES_PER_PART: usize = 1500;
/// How many entries fit into a record.
const MAX_ENTRIES: usize = (crate::build::records::MAX_BODY_BYTES - HEAD_BYTES) / ENTRY_BYTES;
/// The most parts that are read; more directories than these hold are looked at again.
const MAX_PARTS: u32 = 4096;
/// How many directories may be looked at by every process anew before the parts are written again.
const UNSAVED: usize = 8;

/// The hash by which the name of a directory is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NameHash(u64);

impl NameHash {
    pub(super) fn of(name: &str) -> Self {
        NameHash(first_bytes(blake3::hash(name.as_bytes()).as_bytes()))
    }
}

/// The question to which a directory is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer(u64);

impl Answer {
    /// To none.
    pub(super) const NONE: Answer = Answer(0);

    /// To that for the directory of this identity.
    pub(super) fn to(identity: &Identity) -> Self {
        Answer(first_bytes(identity.as_bytes()).max(1))
    }
}

fn first_bytes(bytes: &[u8; 32]) -> u64 {
    let mut first = [0; 8];
    first.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    u64::from_le_bytes(first)
}

/// The name under which what is known under `rules` is kept. The version of the code is no part of it, because a directory
/// is known by the version it was built with.
pub(super) fn rules_key(rules: &IdentityRules) -> String {
    let texts = |texts: &[String]| texts.iter().map(|text| Value::from(text.as_str())).collect();
    let pairs = rules.aliases.iter().map(|(old, new)| Value::List(texts(&[old.clone(), new.clone()])));
    let mut map = Map::new();
    map.insert("defaults".to_owned(), Value::Map(rules.defaults.clone()));
    map.insert("excluded".to_owned(), Value::List(texts(&rules.excluded)));
    map.insert("aliases".to_owned(), Value::List(pairs.collect()));
    let text = yaml::write_yaml(&Value::Map(map)).unwrap_or_else(|_| format!("{rules:?}"));
    blake3::hash(text.as_bytes()).to_hex().chars().take(16).collect()
}

/// What is known under one set of rules.
#[derive(Debug, Default)]
pub(super) struct Known {
    entries: HashMap<NameHash, (u64, Answer)>,
    /// The parts as they are stored, as far as this process knows.
    stored: Vec<Bytes>,
    /// How many entries are not stored yet, or no longer true of what is.
    unsaved: usize,
    /// Whether all directories were looked at by some process that said so in the parts.
    is_complete: bool,
    /// Whether all directories were looked at by this process.
    looked_at: bool,
}

impl Known {
    /// Reads what is stored. What cannot be read is not known.
    pub(super) async fn load(backend: &dyn Backend, rules: &str) -> Self {
        let mut known = Known::default();
        let Some(first) = read_part(backend, rules, 0).await else { return known };
        let Some(parts) = known.take_in(&first, None) else { return known };
        known.is_complete = true;
        known.stored.push(first);
        for number in 1..parts.min(MAX_PARTS) {
            let part = read_part(backend, rules, number).await.unwrap_or_default();
            if known.take_in(&part, Some(parts)).is_none() {
                // Its directories are looked at again, and the part is written again.
                known.unsaved += UNSAVED;
            }
            known.stored.push(part);
        }
        known
    }

    /// Takes the entries of a part, and returns how many parts there are; `None` for what is no part of `parts`.
    fn take_in(&mut self, part: &Bytes, parts: Option<u32>) -> Option<u32> {
        let (head, entries) = part.split_at_checked(HEAD_BYTES)?;
        let (magic, count) = head.split_at_checked(MAGIC.len())?;
        let count = u32::from_le_bytes(count.try_into().ok()?);
        if magic != MAGIC || count == 0 || parts.is_some_and(|parts| parts != count) {
            return None;
        }
        for entry in entries.chunks_exact(ENTRY_BYTES) {
            let mut numbers = entry.chunks_exact(8).filter_map(|number| number.try_into().ok());
            let mut next = || numbers.next().map(u64::from_le_bytes);
            if let (Some(name), Some(stamp), Some(answer)) = (next(), next(), next()) {
                self.entries.insert(NameHash(name), (stamp, Answer(answer)));
            }
        }
        Some(count)
    }

    /// What the directory answers, if it is known in the state that `stamp` stands for.
    pub(super) fn get(&self, name: NameHash, stamp: u64) -> Option<Answer> {
        self.entries.get(&name).filter(|(known, _)| *known == stamp).map(|(_, answer)| *answer)
    }

    /// Whether all directories have been looked at.
    pub(super) fn is_of_all(&self) -> bool {
        self.is_complete || self.looked_at
    }

    /// Says that all directories have been looked at.
    pub(super) fn set_of_all(&mut self) {
        self.looked_at = true;
    }

    /// Whether any directory is the answer.
    pub(super) fn has(&self, answer: Answer) -> bool {
        self.entries.values().any(|(_, known)| *known == answer)
    }

    pub(super) fn insert(&mut self, name: NameHash, stamp: u64, answer: Answer) {
        if self.entries.insert(name, (stamp, answer)) != Some((stamp, answer)) {
            self.unsaved += 1;
        }
    }

    pub(super) fn remove(&mut self, name: NameHash) {
        if self.entries.remove(&name).is_some() {
            self.unsaved += 1;
        }
    }

    /// Forgets all directories but these.
    pub(super) fn retain(&mut self, names: &HashSet<NameHash>) {
        let before = self.entries.len();
        self.entries.retain(|name, _| names.contains(name));
        self.unsaved += before - self.entries.len();
    }

    /// The parts that are to be stored anew, when there is enough in them that others would not know.
    pub(super) fn unsaved_parts(&mut self) -> Vec<(u32, Bytes)> {
        if self.unsaved < UNSAVED && self.is_complete {
            return Vec::new();
        }
        let parts = self.parts();
        let changed =
            parts.iter().enumerate().filter(|(number, part)| self.stored.get(*number) != Some(*part));
        let changed = changed.filter_map(|(number, part)| Some((u32::try_from(number).ok()?, part.clone())));
        // The first part last: it says how many there are, and that all directories were looked at.
        let mut changed: Vec<_> = changed.collect();
        changed.reverse();
        self.stored = parts;
        self.unsaved = 0;
        self.is_complete = true;
        changed
    }

    fn parts(&self) -> Vec<Bytes> {
        let mut count = self.entries.len().div_ceil(ENTRIES_PER_PART).next_power_of_two().max(1);
        loop {
            let mut parts = vec![Vec::new(); count];
            for (name, (stamp, answer)) in &self.entries {
                // The hash of a name is spread evenly; its upper half decides.
                let part = usize::try_from(name.0 >> 32).unwrap_or(0) % count;
                if let Some(part) = parts.get_mut(part) {
                    part.push((*name, *stamp, *answer));
                }
            }
            if count < MAX_PARTS as usize && parts.iter().any(|part| part.len() > MAX_ENTRIES) {
                count *= 2;
                continue;
            }
            return parts.into_iter().map(|entries| encode(count, entries)).collect();
        }
    }
}

fn encode(parts: usize, mut entries: Vec<(NameHash, u64, Answer)>) -> Bytes {
    // In one order, so that parts that say the same are the same bytes.
    entries.sort_unstable_by_key(|(name, ..)| *name);
    let mut bytes = MAGIC.to_vec();
    bytes.extend(u32::try_from(parts).unwrap_or(u32::MAX).to_le_bytes());
    for (name, stamp, answer) in entries.into_iter().take(MAX_ENTRIES) {
        [name.0, stamp, answer.0].into_iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    }
    bytes.into()
}

async fn read_part(backend: &dyn Backend, rules: &str, number: u32) -> Option<Bytes> {
    let key = part_key(rules, number).ok()?;
    match backend.records().read(&key).await {
        Ok(part) => part,
        Err(error) => {
            log::warn!("what is known of the directories could not be read: {}", error.chain());
            None
        }
    }
}

/// Stores parts for other processes. Failing to costs them time and nothing else.
pub(super) async fn save_parts(backend: &dyn Backend, rules: &str, parts: Vec<(u32, Bytes)>) {
    for (number, part) in parts {
        let saved = match part_key(rules, number) {
            Ok(key) => backend.records().overwrite(&key, part).await,
            Err(error) => Err(error),
        };
        if let Err(error) = saved {
            log::debug!("what is known of the directories could not be stored: {}", error.chain());
            return;
        }
    }
}

fn part_key(rules: &str, number: u32) -> Result<RecordKey> {
    RecordKey::parse(&format!("v1/known/{rules}.{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(count: u64) -> Known {
        let mut known = Known::default();
        for number in 0..count {
            known.insert(NameHash::of(&format!("T_{number:04x}")), number, Answer(number % 7));
        }
        known
    }

    #[tokio::test]
    async fn what_is_stored_is_known_again() {
        for count in [0, 1, 100, 10_000] {
            let backend = fascicle_memory::MemoryBackend::new();
            let mut known = filled(count);
            let parts = known.unsaved_parts();
            assert!(parts.iter().all(|(_, part)| part.len() <= 64 << 10), "{count}");
            save_parts(&backend, "ab", parts).await;
            let again = Known::load(&backend, "ab").await;
            assert_eq!(again.entries, known.entries);
            assert!(again.is_complete && again.unsaved == 0);
            assert!(!Known::load(&backend, "cd").await.is_complete);
        }
    }

    #[tokio::test]
    async fn few_new_directories_are_not_worth_writing() {
        let mut known = filled(100);
        assert_eq!(known.unsaved_parts().len(), 1, "nobody else knows anything yet");
        known.insert(NameHash::of("new"), 0, Answer::NONE);
        assert!(known.unsaved_parts().is_empty());
        for number in 0..UNSAVED {
            known.insert(NameHash::of(&format!("new{number}")), 0, Answer::NONE);
        }
        assert_eq!(known.unsaved_parts().len(), 1);
    }

    #[tokio::test]
    async fn what_is_damaged_is_not_known() {
        let backend = fascicle_memory::MemoryBackend::new();
        let mut known = filled(10_000);
        save_parts(&backend, "ab", known.unsaved_parts()).await;
        backend.records().overwrite(&part_key("ab", 1).unwrap(), "fkn1".into()).await.unwrap();
        let again = Known::load(&backend, "ab").await;
        assert!(again.entries.len() < known.entries.len() && again.entries.len() > 5_000);
        backend.records().overwrite(&part_key("ab", 0).unwrap(), "".into()).await.unwrap();
        assert!(Known::load(&backend, "ab").await.entries.is_empty());
    }

    #[test]
    fn rules_have_their_own_keys() {
        let plain = IdentityRules::default();
        let keys = [
            rules_key(&plain),
            rules_key(&plain.clone().with_default("a", 1)),
            rules_key(&plain.clone().with_excluded("a")),
            rules_key(&plain.clone().with_alias("a", "b")),
        ];
        let distinct: HashSet<&String> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        assert_eq!(rules_key(&plain.clone().with_version(1)), keys[0], "a directory has its own version");
    }
}
