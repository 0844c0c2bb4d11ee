//! Runs one asynchronous piece of work so that nothing it does can disturb the next.

use crate::Failure;
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

/// Runs `work` on a runtime of its own with several threads. A panic, and running beyond the deadline, are failures.
pub(crate) fn run<T>(
    deadline: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            tokio::time::timeout(deadline, work)
                .await
                .unwrap_or_else(|_| Err(Failure::new(format!("not done after {deadline:?}"))))
        })
    }));
    // What hangs is left behind.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome.unwrap_or_else(|panic| Err(Failure::new(format!("panicked: {}", message(&*panic)))))
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_and_hangs_are_failures() {
        let second = Duration::from_secs(1);
        assert_eq!(run(second, async { Ok(1) }), Ok(1));
        let panicked = run::<()>(second, async { panic!("boom {}", 1) });
        assert_eq!(panicked.unwrap_err().to_string(), "panicked: boom 1");
        let hung = run::<()>(Duration::from_millis(5), std::future::pending());
        assert_eq!(hung.unwrap_err().to_string(), "not done after 5ms");
    }
}
