//! What a handle remembers of the ends of arrays.

use crate::append::Tail;
use fascicle_objects::object_store::path::Path;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Mutex as AsyncMutex;

/// So many arrays are remembered by a handle.
const MOST_REMEMBERED: usize = 64;

/// The end of an array; also the queue of the handle's own changes of it.
type Slot = Arc<AsyncMutex<Option<Tail>>>;

/// The ends of the arrays that a handle changes.
#[derive(Debug, Default)]
pub(crate) struct Tails {
    slots: Mutex<HashMap<Path, Slot>>,
}

impl Tails {
    /// That of the array in a folder.
    pub(crate) fn of(&self, prefix: &Path) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MOST_REMEMBERED {
            // Those that nobody is using.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(prefix.clone()).or_default())
    }
}
