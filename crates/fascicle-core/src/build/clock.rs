//! A clock that goes on while the machine sleeps.

use std::time::Duration;

/// The time since the machine was started, the time it was suspended included: a builder that slept for an hour has shown no
/// sign of life for an hour.
#[cfg(target_os = "linux")]
pub(super) fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The time since this was first asked. Elsewhere the usual clock is the best there is.
#[cfg(not(target_os = "linux"))]
pub(super) fn since_boot() -> Duration {
    static BEGIN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGIN.elapsed()
}
