//! Watching a builder: whether it is alive, by what can be seen of it.

use super::records::{Beat, Claim, End, Epoch, read};
use crate::{Backend, Result};
use std::time::Duration;
use tokio::time::Instant;

/// Two reads of records that take longer than this, and than the lease, were interrupted by something else.
const SLOW_LOOK: Duration = Duration::from_secs(5);
/// So often at least a builder is looked at before it is taken for silent.
const LOOKS: u32 = 5;

/// What is seen of a builder at one look.
#[derive(Debug, PartialEq)]
pub(super) enum Sign {
    /// Its epoch has ended.
    Ended(End),
    /// Nothing speaks against it.
    Alive,
    /// It has shown nothing for a whole lease.
    Silent,
    /// It is certainly dead.
    Dead,
}

/// The looks at one builder. No clock but the looker's own is looked at.
#[derive(Debug)]
pub(super) struct Watch {
    epoch: Epoch,
    claim: Claim,
    beat: Option<Beat>,
    unchanged_since: Instant,
    looks: u32,
    stood_still: bool,
}

impl Watch {
    pub(super) fn new(epoch: Epoch, claim: Claim) -> Self {
        Watch { epoch, claim, beat: None, unchanged_since: Instant::now(), looks: 0, stood_still: false }
    }

    pub(super) fn claim(&self) -> &Claim {
        &self.claim
    }

    /// The last sign of life that was seen.
    pub(super) fn beat(&self) -> Option<&Beat> {
        self.beat.as_ref()
    }

    /// Looks once more. Reads two records, and changes nothing.
    pub(super) async fn look(&mut self, backend: &dyn Backend) -> Result<Sign> {
        let looking = Instant::now();
        if let Some(end) = read::<End>(backend, &self.epoch.end()?).await? {
            return Ok(Sign::Ended(end));
        }
        let seen = read::<Beat>(backend, &self.epoch.beat()?).await?;
        // A caller that was itself suspended has seen nothing: its window begins anew. Slow storage is no suspension, and a lease
        // may be shorter than the pauses of whoever waits: both must come to an end.
        self.stood_still |= looking.elapsed() > self.lease().max(SLOW_LOOK);
        if seen != self.beat || self.stood_still {
            self.beat = seen;
            self.begin_anew();
        }
        self.looks += 1;
        if self.claim.process.is_certainly_dead() {
            return Ok(Sign::Dead);
        }
        let is_silent = self.unchanged_since.elapsed() > self.lease() && self.looks >= LOOKS;
        Ok(if is_silent { Sign::Silent } else { Sign::Alive })
    }

    /// To be called after a pause between two looks: how long it was to be, and how long it was.
    pub(super) fn paused(&mut self, pause: Duration, took: Duration) {
        self.stood_still = took > (self.lease() / 4).max(pause * 4);
    }

    /// Counts from now on.
    pub(super) fn begin_anew(&mut self) {
        self.unchanged_since = Instant::now();
        self.looks = 0;
        self.stood_still = false;
    }

    fn lease(&self) -> Duration {
        Duration::from_millis(self.claim.lease_ms)
    }
}
