//! Builds that wait for each other in a circle, in whatever processes they run.
//!
//! A build that waits for another one says so in its signs of life, and looks at those of the build that it waits for: what that
//! one waits for, and so on. Of builds in a circle the one that says so last sees all of it.

use super::guard::Waiting;
use super::records::{Beat, Epoch, WaitingOn, read};
use super::resolve::BuildStack;
use crate::{Backend, Error, ErrorKind, Result, Root};
use std::collections::{HashSet, VecDeque};

/// How many builds are looked at.
const MAX_BUILDS: usize = 64;

/// That the builds of a stack wait for another build.
#[derive(Debug)]
pub(super) struct Circle<'a> {
    root: &'a Root,
    stack: &'a BuildStack,
    waiting_on: Option<(WaitingOn, Vec<Waiting>)>,
}

impl<'a> Circle<'a> {
    pub(super) fn of(root: &'a Root, stack: &'a BuildStack) -> Self {
        Circle { root, stack, waiting_on: None }
    }

    /// Whether somebody waits who could be waited for.
    pub(super) fn is_possible(&self) -> bool {
        !self.stack.is_empty()
    }

    /// To be called at every look at the build of `epoch`. Fails with [`ErrorKind::Conflict`] when that one waits, over however
    /// many others, for a build of the stack.
    pub(super) async fn check(&mut self, epoch: &Epoch) -> Result<()> {
        if !self.is_possible() {
            return Ok(());
        }
        let other = WaitingOn { key: epoch.key.to_string(), epoch: epoch.number };
        if self.waiting_on.as_ref().is_none_or(|(waiting, _)| *waiting != other) {
            let waiting = self.stack.0.iter().map(|entry| entry.guard.wait_on(other.clone())).collect();
            self.waiting_on = Some((other, waiting));
            for entry in &self.stack.0 {
                // Others may look only at what is there; the next sign of life says it otherwise.
                if let Err(error) = entry.guard.beat(&entry.storage).await {
                    log::debug!("it could not be said what a build waits for: {}", error.chain());
                }
            }
        }
        match self.closes(epoch).await? {
            false => Ok(()),
            true => Err(Error::new(
                ErrorKind::Conflict,
                "the build that is waited for waits for a build that waits for it",
            )
            .hint("builds cannot ask for each other in a circle")
            .retryable(false)),
        }
    }

    async fn closes(&self, epoch: &Epoch) -> Result<bool> {
        let backend: &dyn Backend = &**self.root.backend();
        let mut seen = HashSet::new();
        let mut ahead = VecDeque::from([epoch.clone()]);
        while let Some(epoch) = ahead.pop_front() {
            if seen.len() >= MAX_BUILDS || !seen.insert((epoch.key, epoch.number)) {
                continue;
            }
            let Some(beat) = read::<Beat>(backend, &epoch.beat()?).await? else { continue };
            if self.stack.0.iter().any(|entry| entry.nonce == beat.nonce) {
                return Ok(true);
            }
            let waited_for = beat.waiting_on.iter();
            ahead.extend(
                waited_for
                    .filter_map(|other| Some(Epoch { key: other.key.parse().ok()?, number: other.epoch })),
            );
        }
        Ok(false)
    }
}
