//! Automatic names: the type and a free number, the first one as far as anybody knows.
//!
//! Where the free numbers begin is kept in a record for each type, `v1/names/<hash of the type>`, so that a name costs the same
//! however many directories there are. It is a hint: whatever it says, of all who create a directory under a name one does.

use super::records::new_nonce;
use crate::{Backend, EntryKind, EntryPath, Error, ErrorKind, RecordKey, Result, ResultExt, Version};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often free numbers are looked for before a random name is taken.
const COLLISIONS: usize = 3;
/// How many numbers after a taken one are tried one by one: neighbours that begin at the same time take those.
const NEIGHBOURS: u64 = 16;
/// How far the hint that is stored may lag behind.
const LAG: u64 = 8;

/// Remembers where the free numbers begin.
#[derive(Debug, Default)]
pub(crate) struct NameHints {
    next: Mutex<HashMap<String, Hint>>,
}

/// Where the free numbers of a type begin.
#[derive(Clone, Copy, Debug)]
struct Hint {
    next: u64,
    /// What the record says.
    stored: Option<u64>,
}

/// The hint as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct StoredHint {
    #[serde(rename = "type")]
    type_name: String,
    next: u64,
}

impl NameHints {
    /// A free name. Somebody else may take it before it is created.
    pub(crate) async fn first_free(&self, backend: &dyn Backend, type_name: &str) -> Result<EntryPath> {
        check_type_name(type_name)?;
        let hint = self.hint(backend, type_name).await;
        numbered(type_name, free_number(backend, type_name, hint.next).await?)
    }

    /// Creates a directory under a free name, with the meta that `meta_at` gives it there. Whoever else asks at the same time gets
    /// another one.
    ///
    /// - Cost: one read and one creation where the hint is right; where there is none, a number of looks that grows with the logarithm of the
    ///   number of directories.
    pub(crate) async fn create(
        &self,
        backend: &dyn Backend,
        type_name: &str,
        meta_at: impl Fn(&EntryPath) -> Result<Bytes> + Sync,
    ) -> Result<(EntryPath, Version)> {
        check_type_name(type_name)?;
        let hint = self.hint(backend, type_name).await;
        let mut first = match hint.stored {
            Some(_) => hint.next,
            // Without a hint there may be any number of directories, or none.
            None => free_number(backend, type_name, hint.next).await?,
        };
        for _ in 0..COLLISIONS {
            for number in first..first.saturating_add(NEIGHBOURS) {
                let path = numbered(type_name, number)?;
                match backend.create_directory(&path, meta_at(&path)?).await {
                    Ok(version) => {
                        self.advance(backend, type_name, number + 1).await;
                        return Ok((path, version));
                    }
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(error),
                }
            }
            first = free_number(backend, type_name, first.saturating_add(NEIGHBOURS)).await?;
        }
        for _ in 0..COLLISIONS {
            let random = new_nonce()?;
            let path = EntryPath::parse(&format!("{type_name}_{}", random.get(..8).unwrap_or(&random)))?;
            match backend.create_directory(&path, meta_at(&path)?).await {
                Ok(version) => return Ok((path, version)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("no free name was found for a directory of type '{type_name}'"),
        ))
    }

    /// To be called after an entry of the root was removed or moved away: its number is free again.
    pub(crate) async fn freed(&self, backend: &dyn Backend, path: &EntryPath) {
        let Some((type_name, number)) = typed_number(path.as_str()) else { return };
        self.next().remove(type_name);
        let stored = read_hint(backend, type_name).await;
        if stored.is_none_or(|stored| stored > number) {
            store_hint(backend, type_name, number).await;
        }
    }

    async fn hint(&self, backend: &dyn Backend, type_name: &str) -> Hint {
        if let Some(hint) = self.next().get(type_name) {
            return *hint;
        }
        let stored = read_hint(backend, type_name).await;
        let hint = Hint { next: stored.unwrap_or(0), stored };
        self.next().insert(type_name.to_owned(), hint);
        hint
    }

    /// Says that the free numbers begin at `next`, to others only now and then.
    async fn advance(&self, backend: &dyn Backend, type_name: &str, next: u64) {
        let stored = self.next().get(type_name).and_then(|hint| hint.stored);
        let is_due = stored.is_none_or(|stored| next >= stored.saturating_add(LAG));
        self.next()
            .insert(type_name.to_owned(), Hint { next, stored: if is_due { Some(next) } else { stored } });
        if is_due {
            store_hint(backend, type_name, next).await;
        }
    }

    fn next(&self) -> MutexGuard<'_, HashMap<String, Hint>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A free number, `from` or one whose predecessor is taken. Looks farther and farther ahead, and then between.
async fn free_number(backend: &dyn Backend, type_name: &str, from: u64) -> Result<u64> {
    if !is_taken(backend, type_name, from).await? {
        return Ok(from);
    }
    let (mut taken, mut step) = (from, 1u64);
    let mut free = loop {
        let ahead = from.saturating_add(step);
        if !is_taken(backend, type_name, ahead).await? {
            break ahead;
        }
        taken = ahead;
        step = step.saturating_mul(2);
    };
    while free - taken > 1 {
        let between = taken + (free - taken) / 2;
        if is_taken(backend, type_name, between).await? {
            taken = between;
        } else {
            free = between;
        }
    }
    Ok(free)
}

async fn is_taken(backend: &dyn Backend, type_name: &str, number: u64) -> Result<bool> {
    match backend.stat(&numbered(type_name, number)?).await {
        Ok(_) => Ok(true),
        Err(error) if error.is_not_found() => Ok(false),
        // Something is there that cannot be told what it is.
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(true),
        Err(error) => Err(error),
    }
}

async fn read_hint(backend: &dyn Backend, type_name: &str) -> Option<u64> {
    let stored = match backend.records().read(&hint_key(type_name).ok()?).await {
        Ok(stored) => stored?,
        Err(error) => {
            log::debug!("where free names begin could not be read: {}", error.chain());
            return None;
        }
    };
    let hint: StoredHint = serde_json::from_slice(&stored).ok()?;
    (hint.type_name == type_name).then_some(hint.next)
}

/// Stores a hint. Failing to costs the next one a few looks.
async fn store_hint(backend: &dyn Backend, type_name: &str, next: u64) {
    let hint = StoredHint { type_name: type_name.to_owned(), next };
    let stored = match (hint_key(type_name), serde_json::to_vec(&hint)) {
        (Ok(key), Ok(body)) => backend.records().overwrite(&key, body.into()).await,
        _ => return,
    };
    if let Err(error) = stored {
        log::debug!("where free names begin could not be stored: {}", error.chain());
    }
}

fn hint_key(type_name: &str) -> Result<RecordKey> {
    let hash = blake3::hash(type_name.as_bytes()).to_hex();
    RecordKey::parse(&format!("v1/names/{}", hash.get(..16).unwrap_or(&hash)))
}

fn numbered(type_name: &str, number: u64) -> Result<EntryPath> {
    EntryPath::parse(&format!("{type_name}_{number:04x}"))
}

/// The type and the number in an automatic name, if it is one in the form that is given out.
fn typed_number(name: &str) -> Option<(&str, u64)> {
    let (type_name, digits) = name.rsplit_once('_')?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    (format!("{number:04x}") == digits && !type_name.contains('/')).then_some((type_name, number))
}

/// Refuses a type whose name cannot begin the name of a directory.
pub(super) fn check_type_name(type_name: &str) -> Result<()> {
    if type_name.contains('/') || type_name.len() > 120 {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("'{type_name}' cannot be a type: its name becomes part of a directory's name"),
        ));
    }
    numbered(type_name, 0)?
        .check_creatable(EntryKind::Directory)
        .context("name a directory of type", type_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wrap::{CallCounts, observed};
    use std::sync::Arc;

    fn no_meta(_: &EntryPath) -> Result<Bytes> {
        Ok(Bytes::new())
    }

    #[tokio::test]
    async fn gaps_are_filled_and_numbers_are_hexadecimal() {
        let backend = fascicle_memory::MemoryBackend::new();
        let (hints, others) = (NameHints::default(), NameHints::default());
        for _ in 0..17 {
            hints.create(&backend, "Foo", no_meta).await.unwrap();
        }
        assert_eq!(hints.first_free(&backend, "Foo").await.unwrap().as_str(), "Foo_0011");
        let gap = EntryPath::parse("Foo_0003").unwrap();
        backend.remove(&gap).await.unwrap();
        hints.freed(&backend, &gap).await;
        assert_eq!(others.create(&backend, "Foo", no_meta).await.unwrap().0.as_str(), "Foo_0003");
        assert_eq!(hints.create(&backend, "Foo", no_meta).await.unwrap().0.as_str(), "Foo_0011");
        assert_eq!(hints.create(&backend, "Foo_0000x", no_meta).await.unwrap().0.as_str(), "Foo_0000x_0000");
    }

    #[tokio::test]
    async fn names_cost_the_same_however_many_there_are() {
        for count in [0u64, 10, 100, 1000] {
            let store = fascicle_memory::MemoryBackend::new();
            for number in 0..count {
                store.create_directory(&numbered("Foo", number).unwrap(), Bytes::new()).await.unwrap();
            }
            let counts = Arc::new(CallCounts::default());
            let backend = observed(Arc::new(store), counts.clone());
            let name = |number: u64| numbered("Foo", number).unwrap();
            assert_eq!(NameHints::default().create(&backend, "Foo", no_meta).await.unwrap().0, name(count));
            assert!(counts.total() <= 24, "{count} directories and no hint: {:?}", counts.snapshot());
            counts.reset();
            let second = NameHints::default().create(&backend, "Foo", no_meta).await.unwrap().0;
            assert_eq!(second, name(count + 1));
            assert_eq!(counts.total(), 2, "{count} directories: {:?}", counts.snapshot());
        }
    }

    #[tokio::test]
    async fn a_hint_that_is_wrong_costs_looks_and_nothing_else() {
        let backend = fascicle_memory::MemoryBackend::new();
        for _ in 0..100 {
            NameHints::default().create(&backend, "Foo", no_meta).await.unwrap();
        }
        for (wrong, right) in [("{\"type\": \"Foo\", \"next\": 3}", 100), ("no hint", 101)] {
            backend.records().overwrite(&hint_key("Foo").unwrap(), wrong.into()).await.unwrap();
            let name = NameHints::default().create(&backend, "Foo", no_meta).await.unwrap().0;
            assert_eq!(name, numbered("Foo", right).unwrap());
        }
    }

    #[test]
    fn only_usual_numbers_count() {
        assert_eq!(
            [typed_number("A_0010"), typed_number("A_10"), typed_number("A_00010"), typed_number("a/A_0000")],
            [Some(("A", 16)), None, None, None]
        );
        assert!(
            check_type_name("a/b").is_err() && check_type_name("").is_err() && check_type_name("_x").is_err()
        );
    }
}
