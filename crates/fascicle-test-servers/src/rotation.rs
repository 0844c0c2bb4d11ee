//! Servers that take turns, since servers made for tests take longer for each listing the more they hold.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// So many places are kept on one server.
const PLACES: usize = 32;

/// So many of the latest places are remembered. A server ends when it is that of none of them.
const REMEMBERED: usize = 4 * PLACES;

/// A server for each place: the one that the place was on before, or for a new place one that does not hold too many others.
pub struct Rotation<S> {
    start: fn() -> S,
    state: Mutex<State<S>>,
}

struct State<S> {
    places: VecDeque<(String, Arc<S>)>,
    /// How many places have been put on the latest server.
    on_latest: usize,
}

impl<S> Rotation<S> {
    /// Servers that `start` starts, the first one when it is needed.
    pub const fn new(start: fn() -> S) -> Self {
        Rotation { start, state: Mutex::new(State { places: VecDeque::new(), on_latest: 0 }) }
    }

    /// The server of a place.
    pub fn of(&self, place: &str) -> Arc<S> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, server)) = state.places.iter().find(|(known, _)| known == place) {
            return Arc::clone(server);
        }
        let server = match state.places.back() {
            Some((_, latest)) if state.on_latest < PLACES => Arc::clone(latest),
            _ => {
                state.on_latest = 0;
                Arc::new((self.start)())
            }
        };
        state.on_latest += 1;
        state.places.push_back((place.to_owned(), Arc::clone(&server)));
        if state.places.len() > REMEMBERED {
            state.places.pop_front();
        }
        server
    }
}

impl<S> fmt::Debug for Rotation<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rotation")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static STARTED: AtomicUsize = AtomicUsize::new(0);
    static ENDED: AtomicUsize = AtomicUsize::new(0);

    struct Server(usize);

    impl Drop for Server {
        fn drop(&mut self) {
            ENDED.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_place_stays_on_its_server_and_servers_that_nobody_needs_end() {
        let servers = Rotation::new(|| Server(STARTED.fetch_add(1, Ordering::Relaxed)));
        for place in 0..10 * PLACES {
            let server = servers.of(&place.to_string()).0;
            assert_eq!(server, place / PLACES);
            let before = place.saturating_sub(PLACES);
            assert_eq!(servers.of(&before.to_string()).0, before / PLACES);
        }
        assert_eq!(STARTED.load(Ordering::Relaxed), 10);
        assert_eq!(ENDED.load(Ordering::Relaxed), 6);
    }
}
