//! How often a request was sent. The client sends again by itself what got no answer, and says nothing of it.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// Goes with the requests of one call, and counts them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sends(Arc<AtomicU32>);

impl Sends {
    /// Notes that the request is sent.
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether it was sent more than once. What needs no requests is done once.
    pub(crate) fn were_several(&self) -> bool {
        self.0.load(Ordering::Acquire) > 1
    }
}
