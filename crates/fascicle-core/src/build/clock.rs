//! A clock that goes on while the machine sleeps.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The time since this was first asked, the time the machine was suspended included where that can be told: a builder that slept
/// for an hour has shown no sign of life for an hour.
pub(super) fn since_boot() -> Duration {
    /// When this was first asked, by the usual clock and, where there is one, by the one that goes on.
    static BEGIN: LazyLock<(Instant, Option<Duration>)> = LazyLock::new(|| (Instant::now(), uptime()));
    let (begin, begin_uptime) = &*BEGIN;
    let counted = begin.elapsed();
    match (begin_uptime, uptime()) {
        (Some(before), Some(now)) => counted.max(now.saturating_sub(*before)),
        // It could not be read this time: the process may have no file descriptor left.
        _ => counted,
    }
}

/// What Linux counts since it was started; it goes on in suspension.
fn uptime() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    Duration::try_from_secs_f64(text.split_ascii_whitespace().next()?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on() {
        let before = since_boot();
        std::thread::sleep(Duration::from_millis(60));
        let passed = since_boot() - before;
        assert!(passed >= Duration::from_millis(40) && passed < Duration::from_secs(60), "{passed:?}");
    }
}
