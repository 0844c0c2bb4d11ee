//! Footers that were read before. A part of one state has one footer for ever, so that nothing here can be stale.

use crate::{footer::Footer, stored_array::PartObject};
use fascicle_objects::object_store::path::Path;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

/// So many footers are remembered by a handle, and no larger ones than that.
const MOST_FOOTERS: usize = 512;
const MOST_ROW_GROUPS: usize = 256;

/// A footer, and the entity tag of the state that it was read from.
#[derive(Clone, Debug)]
pub(crate) struct Remembered {
    pub(crate) footer: Arc<Footer>,
    pub(crate) e_tag: Option<String>,
}

/// What a listing says of an object's state.
type State = (u64, Option<String>, SystemTime);

/// The footers that a handle remembers.
#[derive(Debug, Default)]
pub(crate) struct FooterCache {
    footers: Mutex<HashMap<Path, (State, Remembered)>>,
}

fn state_of(part: &PartObject) -> State {
    (part.size, part.state.0.clone(), part.state.1)
}

impl FooterCache {
    /// The footer of a part, if it was read in the state in which it was listed.
    pub(crate) fn get(&self, part: &PartObject) -> Option<Remembered> {
        // Where a store has no entity tags, nothing says whether the state is the same.
        part.state.0.as_ref()?;
        let footers = self.footers.lock().unwrap_or_else(PoisonError::into_inner);
        footers.get(&part.key).filter(|(state, _)| *state == state_of(part)).map(|(_, footer)| footer.clone())
    }

    pub(crate) fn put(&self, part: &PartObject, footer: Remembered) {
        if footer.footer.groups.len() > MOST_ROW_GROUPS {
            return;
        }
        let mut footers = self.footers.lock().unwrap_or_else(PoisonError::into_inner);
        if footers.len() >= MOST_FOOTERS {
            footers.clear();
        }
        footers.insert(part.key.clone(), (state_of(part), footer));
    }
}
