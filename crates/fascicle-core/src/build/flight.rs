//! One search a key in a process: whoever asks meanwhile shares its answer.

use crate::{EntryPath, Error, ErrorKind};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// What a search came to, as those who waited for it are told.
pub(super) type Shared = Result<EntryPath, SharedError>;

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
    flights: Mutex<HashMap<String, watch::Receiver<Option<Shared>>>>,
}

/// A place in a search.
pub(super) enum Seat<'a> {
    /// This caller searches, for all.
    Leader(Leader<'a>),
    /// Somebody else does; the answer, or `None` when that caller gave up, arrives here.
    Follower(watch::Receiver<Option<Shared>>),
}

/// The right to search for a key; dropping it lets the next caller search.
pub(super) struct Leader<'a> {
    flights: &'a SingleFlight,
    key: String,
    answer: watch::Sender<Option<Shared>>,
}

impl SingleFlight {
    /// Joins the search for `key`, or begins one.
    pub(super) fn join(&self, key: &str) -> Seat<'_> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = flights.get(key) {
            return Seat::Follower(answer.clone());
        }
        let (sender, receiver) = watch::channel(None);
        flights.insert(key.to_owned(), receiver);
        Seat::Leader(Leader { flights: self, key: key.to_owned(), answer: sender })
    }
}

impl Leader<'_> {
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
