//! Running a future to its end on a thread that waits for it.

use crate::build::{current_stack, with_stack};
use crate::{Error, ErrorKind, Result, roots};
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime of all blocking calls of this process: its threads drive timers and work that was handed over, the futures
/// themselves run on the threads that wait for them.
static RUNTIME: Mutex<Option<Runtime>> = Mutex::new(None);

const RUNTIME_THREADS: usize = 2;

thread_local! {
    /// Whether this thread is within [`drive`].
    static DRIVES: Cell<bool> = const { Cell::new(false) };
}

/// Waits for a future, wherever the calling thread is: the way from blocking code to everything asynchronous.
///
/// Fails with [`ErrorKind::Unavailable`] when the process can have no further thread; otherwise as the future does.
///
/// ```
/// # let root = fascicle_core::Root::new(fascicle_memory::MemoryBackend::new());
/// use fascicle_core::blocking::wait;
/// assert!(!wait(root.contains("cells"))?);
/// # Ok::<(), fascicle_core::Error>(())
/// ```
pub fn wait<T: Send>(future: impl Future<Output = Result<T>> + Send) -> Result<T> {
    let runtime = runtime()?;
    match Handle::try_current() {
        // A task of the runtime itself: its thread drives the timers that the future may wait for, and hands that duty over.
        Ok(current) if current.id() == runtime.id() && !DRIVES.get() => {
            tokio::task::block_in_place(|| drive_elsewhere(&runtime, future))
        }
        Ok(current) if current.id() != runtime.id() => drive_elsewhere(&runtime, future),
        _ => drive(&runtime, future),
    }
}

fn runtime() -> Result<Handle> {
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = &*runtime {
        return Ok(runtime.handle().clone());
    }
    let made = Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .thread_name("fascicle")
        .enable_all()
        .build()
        .map_err(no_thread)?;
    Ok(runtime.insert(made).handle().clone())
}

/// Polls a future on this thread until it is ready.
///
/// Unlike [`Handle::block_on`] this may happen within a poll of another such future, as it does in a build function that
/// resolves what it depends on.
fn drive<T>(runtime: &Handle, future: impl Future<Output = T>) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            DRIVES.set(self.0);
        }
    }
    let _context = runtime.enter();
    let _restore = Restore(DRIVES.replace(true));
    let mut future = pin!(future);
    let alarm = Arc::new(Alarm::default());
    let waker = Waker::from(alarm.clone());
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => alarm.sleep(),
        }
    }
}

/// Drives a future on a thread of its own, because this one belongs to a scheduler that counts on its tasks not to wait.
fn drive_elsewhere<T: Send>(runtime: &Handle, future: impl Future<Output = Result<T>> + Send) -> Result<T> {
    let future = with_stack(current_stack(), future);
    let scoped_root = roots::scoped();
    let future = async {
        match scoped_root {
            Some(root) => roots::scope(root, future).await,
            None => future.await,
        }
    };
    std::thread::scope(|scope| {
        let helper = std::thread::Builder::new()
            .name("fascicle-wait".to_owned())
            .spawn_scoped(scope, || drive(runtime, future))
            .map_err(no_thread)?;
        helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn no_thread(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "no thread could be started for a blocking call")
        .hint("the process or the user has as many threads as it may have")
        .caused_by(error)
}

/// Wakes one waiting call. Each call has its own: the token of [`std::thread::park`] is one for the whole thread, and a
/// nested call would take the one that was meant for the call around it.
#[derive(Default)]
struct Alarm {
    ringing: Mutex<bool>,
    changed: Condvar,
}

impl Alarm {
    fn sleep(&self) {
        let ringing = self.ringing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ringing =
            self.changed.wait_while(ringing, |ringing| !*ringing).unwrap_or_else(PoisonError::into_inner);
        *ringing = false;
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.ringing.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn pause(milliseconds: u64) -> Result<u64> {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        Ok(milliseconds)
    }

    #[test]
    fn a_nested_wait_takes_no_wake_up_of_the_outer_one() {
        let (ring, mut rung) = tokio::sync::mpsc::unbounded_channel();
        let outer = async {
            let ringer = std::thread::spawn(move || {
                for number in 0..200u64 {
                    ring.send(number).unwrap();
                    std::thread::sleep(Duration::from_micros(50));
                }
            });
            let mut sum = 0;
            while let Some(number) = rung.recv().await {
                let yielding = async {
                    tokio::task::yield_now().await;
                    Ok(number)
                };
                sum += wait(yielding)?;
                if number % 50 == 0 {
                    wait(pause(1))?;
                }
            }
            ringer.join().unwrap();
            Ok(sum)
        };
        assert_eq!(wait(outer).unwrap(), 199 * 200 / 2);
    }

    #[test]
    fn nested_runtimes_of_others_are_recognised() {
        let outer = async {
            let other = Builder::new_current_thread().enable_all().build().unwrap();
            other.block_on(async { wait(pause(1)) })
        };
        assert_eq!(wait(outer).unwrap(), 1);
    }

    #[test]
    fn tasks_of_the_own_runtime_may_wait() {
        let spawned = async {
            let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(async { wait(pause(1)) })).collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap()?;
            }
            Ok(sum)
        };
        assert_eq!(wait(spawned).unwrap(), 8);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_panic_reaches_the_caller() {
        let caught = std::panic::catch_unwind(|| wait::<()>(async { panic!("on purpose") }));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"on purpose"));
    }
}
