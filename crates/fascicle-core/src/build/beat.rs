//! The heartbeat of a builder, on a thread of its own.

use super::{
    guard::BuildGuard,
    records::{self, Beat},
};
use crate::Root;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Shows that a builder is alive until it is dropped.
///
/// On an operating-system thread of its own: a build function that blocks its runtime must not look dead.
#[derive(Debug)]
pub(super) struct Heartbeat {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Heartbeat {
    pub(super) fn start(root: Root, guard: Arc<BuildGuard>) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("fascicle-heartbeat".to_owned()).spawn(move || {
            let RootTimes { beat, lease } = RootTimes::of(&root);
            let mut runtime = None;
            let mut last_success = Instant::now();
            for counter in 1.. {
                match stopped.recv_timeout(beat) {
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
                }
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
                let beaten = runtime.block_on(async {
                    records::overwrite(&**root.backend(), &guard.epoch.beat()?, &body).await
                });
                if beaten.is_ok() {
                    last_success = Instant::now();
                } else if last_success.elapsed() >= lease / 2 {
                    guard.lose();
                }
            }
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

impl Drop for Heartbeat {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A beat under way is waited for, so that none lands after the epoch has ended and its records may be gone.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
