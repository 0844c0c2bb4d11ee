//! Counts calls, so that tests can assert what an operation costs.

use super::{Observer, Operation};
use crate::Result;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// An [`Observer`] that counts the calls of each operation.
#[derive(Debug, Default)]
pub struct CallCounts {
    counts: Mutex<BTreeMap<Operation, u64>>,
}

impl CallCounts {
    /// How often `operation` was called since the last [`CallCounts::reset`].
    pub fn of(&self, operation: Operation) -> u64 {
        self.snapshot().get(&operation).copied().unwrap_or(0)
    }

    /// How many calls there were in all.
    pub fn total(&self) -> u64 {
        self.snapshot().values().sum()
    }

    /// Every operation that was called, with its count.
    pub fn snapshot(&self) -> BTreeMap<Operation, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts again from zero.
    pub fn reset(&self) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Observer for CallCounts {
    fn before(&self, operation: Operation, _path: &str) -> Result<()> {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(operation).or_default() += 1;
        Ok(())
    }
}
