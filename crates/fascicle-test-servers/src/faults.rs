//! Things that go wrong on the way to a store and back.

use crate::request::SeenRequest;
use std::{fmt, time::Duration};

/// How a request goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The service is overloaded: nothing happens, the answer is 503.
    Unavailable,
    /// It happens, and then the connection is closed without an answer.
    LostAnswer,
    /// It happens, and the answer is 500.
    FailedAnswer,
    /// Nothing happens, the answer is 409, as S3 gives it to writers who meet at one key.
    ConditionalConflict,
    /// It happens, and half of the answer's body arrives before the connection is closed.
    CutAnswer,
    /// It happens twice, as when something on the way sends it again; the second answer is given.
    Repeated,
    /// It happens after this time.
    Delay(Duration),
}

/// A fault that befalls the next requests of some sort.
pub struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) times: usize,
    pub(crate) befalls: Box<dyn Fn(&SeenRequest) -> bool + Send>,
}

impl Fault {
    /// Befalls the next request for which `befalls` holds.
    pub fn once(kind: FaultKind, befalls: impl Fn(&SeenRequest) -> bool + Send + 'static) -> Fault {
        Fault { kind, times: 1, befalls: Box::new(befalls) }
    }

    /// Befalls that many requests.
    #[must_use]
    pub fn times(mut self, times: usize) -> Fault {
        self.times = times;
        self
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fault({:?}, {} times)", self.kind, self.times)
    }
}
