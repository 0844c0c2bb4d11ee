//! One search a key in a process: whoever asks meanwhile shares its answer.

use super::resolve::Outcome;
use crate::{EntryPath, Error, ErrorKind};
use std::collections::HashMap;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::watch;

/// What a search came to, as those who waited for it are told.
pub(super) type Shared = Result<SharedAnswer, SharedError>;

/// A directory that several callers get.
#[derive(Clone, Debug)]
pub(super) struct SharedAnswer {
    pub(super) path: EntryPath,
    pub(super) outcome: Outcome,
    pub(super) warnings: Vec<String>,
}

/// An error that several callers get.
#[derive(Clone, Debug)]
pub(super) struct SharedError {
    kind: ErrorKind,
    message: Arc<str>,
}

impl SharedError {
    pub(super) fn of(error: &Error) -> Self {
        SharedError { kind: error.kind(), message: error.chain().into() }
    }

    /// Whether every caller would have met it, and not only the one that searched.
    pub(super) fn is_of_the_build(&self) -> bool {
        self.kind == ErrorKind::BuildFailed
    }

    pub(super) fn to_error(&self) -> Error {
        Error::new(self.kind, format!("the build that was waited for failed: {}", self.message))
    }
}

/// The searches under way.
#[derive(Debug, Default)]
pub(crate) struct SingleFlight {
    flights: Mutex<HashMap<String, Flight>>,
}

/// A search under way, as those see it who wait for it.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    /// The answer, or `None` until there is one.
    pub(super) answer: watch::Receiver<Option<Shared>>,
    epoch: Arc<AtomicU64>,
}

impl Flight {
    /// The epoch that the search has come to.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }
}

/// A place in a search.
pub(super) enum Seat<'a> {
    /// This caller searches, for all.
    Leader(Leader<'a>),
    /// Somebody else does.
    Follower(Flight),
}

/// The right to search for a key; dropping it lets the next caller search.
pub(super) struct Leader<'a> {
    flights: &'a SingleFlight,
    key: String,
    answer: watch::Sender<Option<Shared>>,
    epoch: Arc<AtomicU64>,
}

impl SingleFlight {
    /// Joins the search for `key`, or begins one.
    pub(super) fn join(&self, key: &str) -> Seat<'_> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(key) {
            return Seat::Follower(flight.clone());
        }
        let ((sender, answer), epoch) = (watch::channel(None), Arc::new(AtomicU64::new(0)));
        flights.insert(key.to_owned(), Flight { answer, epoch: epoch.clone() });
        Seat::Leader(Leader { flights: self, key: key.to_owned(), answer: sender, epoch })
    }
}

impl Leader<'_> {
    /// Says which epoch the search has come to.
    pub(super) fn reaches(&self, epoch: u64) {
        self.epoch.store(epoch, Ordering::Release);
    }

    /// Gives the answer to everybody who waits.
    pub(super) fn land(self, answer: Shared) {
        self.answer.send_replace(Some(answer));
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        self.flights.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
