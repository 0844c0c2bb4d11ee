//! Automatic names: the type and the first free number.

use super::records::new_nonce;
use crate::{Backend, EntryKind, EntryPath, Error, ErrorKind, Result, ResultExt, Version};
use bytes::Bytes;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

/// How often the listing is looked at again before a random name is taken.
const COLLISIONS: usize = 3;

/// Remembers where the free numbers begin, so that a name costs no listing each time.
#[derive(Debug, Default)]
pub(crate) struct NameHints {
    next: Mutex<HashMap<String, u64>>,
}

impl NameHints {
    /// The first free name. Somebody else may take it before it is created.
    pub(crate) async fn first_free(&self, backend: &dyn Backend, type_name: &str) -> Result<EntryPath> {
        check_type_name(type_name)?;
        numbered(type_name, first_gap(backend, type_name).await?)
    }

    /// Creates a directory under the first free name, and returns the version of its meta. Whoever else asks at the same time gets
    /// another one.
    pub(crate) async fn create(
        &self,
        backend: &dyn Backend,
        type_name: &str,
        meta: Bytes,
    ) -> Result<(EntryPath, Version)> {
        check_type_name(type_name)?;
        for _ in 0..COLLISIONS {
            let hint = self.next.lock().unwrap_or_else(PoisonError::into_inner).get(type_name).copied();
            let first = match hint {
                Some(number) => number,
                None => first_gap(backend, type_name).await?,
            };
            // Neighbours in one process collide on the hint only; they go on to the next number.
            for number in first..first.saturating_add(64) {
                let path = numbered(type_name, number)?;
                match backend.create_directory(&path, meta.clone()).await {
                    Ok(version) => {
                        self.next
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .insert(type_name.to_owned(), number + 1);
                        return Ok((path, version));
                    }
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(error),
                }
            }
            self.forget();
        }
        for _ in 0..COLLISIONS {
            let random = new_nonce()?;
            let path = EntryPath::parse(&format!("{type_name}_{}", random.get(..8).unwrap_or(&random)))?;
            match backend.create_directory(&path, meta.clone()).await {
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

    /// Looks at the listing again for the next name: an entry was removed or moved, and numbers may be free again.
    pub(crate) fn forget(&self) {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

async fn first_gap(backend: &dyn Backend, type_name: &str) -> Result<u64> {
    let listing = backend.list(&EntryPath::root()).await?;
    let taken: BTreeSet<u64> =
        listing.entries.iter().filter_map(|entry| number_of(type_name, &entry.name)).collect();
    Ok((0..)
        .zip(&taken)
        .find(|(number, taken)| number != *taken)
        .map_or(taken.len() as u64, |(number, _)| number))
}

fn numbered(type_name: &str, number: u64) -> Result<EntryPath> {
    EntryPath::parse(&format!("{type_name}_{number:04x}"))
}

/// The number in an automatic name, if it is one in the form that is given out.
fn number_of(type_name: &str, name: &str) -> Option<u64> {
    let digits = name.strip_prefix(type_name)?.strip_prefix('_')?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    (format!("{number:04x}") == digits).then_some(number)
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

    #[tokio::test]
    async fn gaps_are_filled_and_numbers_are_hexadecimal() {
        let backend = fascicle_memory::MemoryBackend::new();
        let hints = NameHints::default();
        let create = async |type_name: &str| {
            let (path, _) = hints.create(&backend, type_name, Bytes::new()).await.unwrap();
            path.as_str().to_owned()
        };
        for _ in 0..17 {
            create("Foo").await;
        }
        assert_eq!(hints.first_free(&backend, "Foo").await.unwrap().as_str(), "Foo_0011");
        backend.remove(&EntryPath::parse("Foo_0003").unwrap()).await.unwrap();
        hints.forget();
        assert_eq!(create("Foo").await, "Foo_0003");
        assert_eq!(create("Foo").await, "Foo_0011");
        assert_eq!(create("Foo_0000x").await, "Foo_0000x_0000");
    }

    #[test]
    fn only_usual_numbers_count() {
        let number = |name| number_of("A", name);
        assert_eq!(
            [number("A_0010"), number("A_10"), number("A_00010"), number("B_0000")],
            [Some(16), None, None, None]
        );
        assert!(
            check_type_name("a/b").is_err() && check_type_name("").is_err() && check_type_name("_x").is_err()
        );
    }
}
