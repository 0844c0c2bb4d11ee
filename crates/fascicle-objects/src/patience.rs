//! Waiting for others.

use crate::conditional::nonce;
use fascicle_backend::{Error, ErrorKind, Result};
use std::time::{Duration, Instant};

/// Waiting for other writers of one object with growing pauses, until a deadline.
#[derive(Debug)]
pub struct Patience {
    started: Instant,
    timeout: Duration,
}

impl Patience {
    /// Begins to wait, for `timeout` in all.
    pub fn new(timeout: Duration) -> Self {
        Patience { started: Instant::now(), timeout }
    }

    /// Waits a tenth of the time that has gone by, at least some milliseconds and at most a second; `Busy` after the deadline.
    pub async fn wait(&self) -> Result<()> {
        let waited = self.started.elapsed();
        if waited >= self.timeout {
            return Err(Error::new(
                ErrorKind::Busy,
                format!("others kept writing to the array for {:.1} s", waited.as_secs_f64()),
            )
            .hint("try again, or raise 'lock_timeout'"));
        }
        let pause = (waited / 10).clamp(Duration::from_millis(5), Duration::from_secs(1));
        // Contenders that wait for each other must not wake together.
        let jitter = nonce()?.bytes().fold(0u32, |sum, byte| sum + u32::from(byte)) % 64;
        tokio::time::sleep(pause.mul_f64(0.5 + f64::from(jitter) / 128.0)).await;
        Ok(())
    }
}
