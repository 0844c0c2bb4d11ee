//! Runs one asynchronous piece of work so that nothing it does can disturb the next.

use crate::Failure;
use std::{
    any::Any,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};

/// Runtimes with several threads, each used by one piece of work at a time. One in which work panicked or hung is not
/// used again.
#[derive(Default)]
pub(crate) struct Runtimes {
    idle: Mutex<Vec<Runtime>>,
}

impl Runtimes {
    /// Runs `work`. A panic, and running beyond the deadline, are failures.
    pub(crate) fn run<T>(
        &self,
        deadline: Duration,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
    {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let runtime = match idle {
            Some(runtime) => runtime,
            None => Builder::new_multi_thread().worker_threads(2).enable_all().build()?,
        };
        // As a task of its own, so that work which never comes to rest is noticed, too.
        let work = runtime.spawn(work);
        match runtime.block_on(async { tokio::time::timeout(deadline, work).await }) {
            Ok(Ok(answer)) => {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(runtime);
                answer
            }
            Ok(Err(ended)) => {
                runtime.shutdown_background();
                match ended.try_into_panic() {
                    Ok(panic) => Err(Failure::new(format!("panicked: {}", message(&*panic)))),
                    Err(ended) => Err(ended.into()),
                }
            }
            Err(_elapsed) => {
                runtime.shutdown_background();
                Err(Failure::new(format!("not done after {deadline:?}")))
            }
        }
    }
}

impl fmt::Debug for Runtimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runtimes")
    }
}

impl Drop for Runtimes {
    fn drop(&mut self) {
        // Does not wait, so that it may happen inside of another runtime.
        for runtime in self.idle.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            runtime.shutdown_background();
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    #[test]
    fn panics_and_hangs_are_failures() {
        let (runtimes, second) = (Runtimes::default(), Duration::from_secs(1));
        assert_eq!(runtimes.run(second, async { Ok(1) }), Ok(1));
        let panicked = runtimes.run::<()>(second, async { panic!("boom {}", 1) });
        assert_eq!(panicked.unwrap_err().to_string(), "panicked: boom 1");
        let hung = runtimes.run::<()>(Duration::from_millis(5), std::future::pending());
        assert_eq!(hung.unwrap_err().to_string(), "not done after 5ms");
        let go_on = Arc::new(AtomicBool::new(true));
        let is_on = go_on.clone();
        let spinning = runtimes.run::<()>(Duration::from_millis(5), async move {
            while is_on.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
            Ok(())
        });
        go_on.store(false, Ordering::Relaxed);
        assert_eq!(spinning.unwrap_err().to_string(), "not done after 5ms");
        assert_eq!(runtimes.run(second, async { Ok(2) }), Ok(2));
    }
}
