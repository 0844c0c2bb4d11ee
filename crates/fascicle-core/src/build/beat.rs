//! The heartbeat of a builder, on a thread of its own.

use super::guard::BuildGuard;
use crate::Root;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// A build that is over before this need not show that its builder is alive: its claim does.
const FIRST_BEAT: Duration = Duration::from_secs(1);

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
            let mut runtime = None;
            let mut pause = root.options().beat.min(FIRST_BEAT);
            loop {
                match stopped.recv_timeout(pause) {
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
                }
                pause = root.options().beat;
                // Made at the first beat: most builds are over before.
                if runtime.is_none() {
                    runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok();
                }
                let Some(runtime) = &runtime else { continue };
                if let Err(error) = runtime.block_on(guard.beat(&root)) {
                    log::warn!("a sign of life was not written: {}", error.chain());
                }
            }
        })?;
        Ok(Heartbeat { stop: Some(stop), thread: Some(thread) })
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
