//! The heartbeat of a builder, on a thread of its own.

use super::{
    guard::BuildGuard,
    records::{self, Beat},
};
use crate::Root;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A build that is over before this shows no sign of life but its claim. Where its builder dies before, nobody is told in which
/// directory it built, and that one stays marked as being built.
const FIRST_BEAT: Duration = Duration::from_secs(1);

/// Shows that a builder is alive until it is stopped or dropped.
///
/// On an operating-system thread of its own: a build function that blocks its runtime must not look dead.
#[derive(Debug)]
pub(super) struct Heartbeat {
    stop: Option<mpsc::Sender<()>>,
    /// Returns whether it has written anything, or may have.
    thread: Option<JoinHandle<bool>>,
}

impl Heartbeat {
    pub(super) fn start(root: Root, guard: Arc<BuildGuard>) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("fascicle-heartbeat".to_owned()).spawn(move || {
            let RootTimes { beat, lease } = RootTimes::of(&root);
            let mut runtime = None;
            let mut last_success = Instant::now();
            let mut has_beaten = false;
            let mut pause = beat.min(FIRST_BEAT);
            for counter in 0.. {
                match stopped.recv_timeout(pause) {
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => return has_beaten,
                }
                pause = beat;
                // Made at the first beat: most builds are over before.
                if runtime.is_none() {
                    runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok();
                }
                let Some(runtime) = &runtime else { continue };
                let body = Beat {
                    nonce: guard.nonce.clone(),
                    counter,
                    directory: Some(guard.directory().as_str().to_owned()),
                };
                has_beaten = true;
                let beaten = runtime.block_on(async {
                    records::overwrite(&**root.backend(), &guard.epoch.beat()?, &body).await
                });
                if beaten.is_ok() {
                    last_success = Instant::now();
                } else if last_success.elapsed() >= lease / 2 {
                    guard.lose();
                }
            }
            has_beaten
        })?;
        Ok(Heartbeat { stop: Some(stop), thread: Some(thread) })
    }
}

struct RootTimes {
    beat: Duration,
    lease: Duration,
}

impl RootTimes {
    fn of(root: &Root) -> Self {
        RootTimes { beat: root.options().beat, lease: root.options().lease }
    }
}

impl Heartbeat {
    /// Ends it, and returns whether there is a record of it.
    pub(super) fn stop(mut self) -> bool {
        self.end()
    }

    fn end(&mut self) -> bool {
        drop(self.stop.take());
        // A beat under way is waited for, so that none lands after the epoch has ended and its records may be gone.
        self.thread.take().is_some_and(|thread| thread.join().unwrap_or(true))
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.end();
    }
}
