//! Deleting what nobody will ever need.

use super::finding::{Action, Finding, FindingKind, Report};
use super::repair::refuse_read_only;
use super::survey::{Found, Step, Survey, age_of};
use crate::{Leftover, LeftoverKind, Owner, Result, Root};
use std::time::Duration;

/// For how long something must not have changed before it is deleted, where nothing tells whether its maker is alive.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// What gc deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GcOptions {
    /// Whether anything is deleted; without it only what would be is said.
    pub apply: bool,
    /// For how long something must not have changed. What failed builds wrote is kept as long, too, so that it can be looked
    /// at.
    ///
    /// With a short time what a writer that is alive, elsewhere, is writing at this moment may go: that writer fails, and
    /// nothing that had appeared is lost.
    pub older_than: Duration,
}

impl Default for GcOptions {
    fn default() -> Self {
        GcOptions { apply: false, older_than: DEFAULT_GRACE }
    }
}

impl GcOptions {
    /// Sets whether anything is deleted.
    #[must_use]
    pub fn apply(mut self, apply: bool) -> Self {
        self.apply = apply;
        self
    }

    /// Sets for how long something must not have changed.
    #[must_use]
    pub fn older_than(mut self, age: Duration) -> Self {
        self.older_than = age;
        self
    }
}

impl Root {
    /// Deletes what nobody will ever need: attempts to build that failed or were abandoned, signs of life of builds that have
    /// ended, and what was being written or removed when its writer died.
    ///
    /// - Attempts are told by the index: one whose epoch ended without it can never be found. Finished directories are never
    ///   deleted, nor ones that were modified, nor what has no mark of ours, nor claims and ends.
    /// - Cost: as [`Root::repair`], and a walk through the whole storage. A claim or a removal that was broken off is watched
    ///   before it is taken over, for up to a minute each.
    /// - Errors: as [`Root::repair`].
    pub async fn gc(&self, options: &GcOptions) -> Result<Report> {
        refuse_read_only(self, options.apply)?;
        let mut findings = Vec::new();
        for found in Survey::of(self).await?.found {
            if found.finding.action == Action::Delete {
                findings.push(self.collect_attempt(found, options).await?);
            }
        }
        if let Some(maintenance) = self.backend().maintenance() {
            for leftover in maintenance.leftovers().await? {
                if leftover.owner != Owner::Alive {
                    let mut finding = leftover_finding(&leftover, options.older_than);
                    if options.apply && matches!(finding.outcome, super::Outcome::Planned) {
                        finding.tried(maintenance.collect(&leftover).await);
                    }
                    findings.push(finding);
                }
            }
        }
        Ok(Report { findings })
    }

    async fn collect_attempt(&self, found: Found, options: &GcOptions) -> Result<Finding> {
        let Found { mut finding, step } = found;
        match step {
            Step::RemoveRecord { key } if options.apply => {
                finding.tried(self.backend().records().remove(&key).await.map(|()| true));
            }
            Step::RemoveRecord { .. } => {}
            Step::RemoveAttempt { path, meta } => {
                let Some(maintenance) = self.backend().maintenance() else {
                    return Ok(finding.left("this storage cannot remove a directory on a condition"));
                };
                let age = age_of(self, &path).await?;
                if age.is_none_or(|age| age < options.older_than) && !options.older_than.is_zero() {
                    return Ok(finding.left(too_new(age, options.older_than)));
                }
                if options.apply {
                    let removed = maintenance.remove_directory_if(&path, &meta).await;
                    if matches!(removed, Ok(true)) {
                        self.name_hints().freed(&**self.backend(), &path).await;
                    }
                    finding.tried(removed);
                }
            }
            _ => {}
        }
        Ok(finding)
    }
}

fn leftover_finding(leftover: &Leftover, older_than: Duration) -> Finding {
    let what = match leftover.kind {
        LeftoverKind::Staged => "what was being written, and never appeared",
        LeftoverKind::Trash => "what was removed, and is not deleted yet",
        LeftoverKind::Lock => "the lock of a writer that died",
        LeftoverKind::Probe => "what the storage was probed with",
        LeftoverKind::Unfinished => {
            "an array that was being written, replaced or removed when its writer died"
        }
        LeftoverKind::Removal => "a directory or a table whose removal was broken off",
        LeftoverKind::Superseded => "the parts of a table that another one has replaced",
        LeftoverKind::Foreign => "what another program was writing when it was killed",
        LeftoverKind::Suspect => {
            "a file that a killed program may have left, and that may be somebody's own: remove it by hand"
        }
    };
    let what = format!("{what} ({})", crate::size::format_size(leftover.size_bytes));
    let action = if leftover.kind == LeftoverKind::Suspect { Action::Report } else { Action::Delete };
    let finding = Finding::new(&leftover.stored_as, FindingKind::Leftover(leftover.kind), what, action);
    let is_old = older_than.is_zero() || leftover.age.is_some_and(|age| age >= older_than);
    if action == Action::Delete && leftover.owner == Owner::Unknown && !is_old {
        return finding.left(too_new(leftover.age, older_than));
    }
    finding
}

fn too_new(age: Option<Duration>, older_than: Duration) -> String {
    match age {
        Some(age) => {
            format!("it changed {} s ago, and is kept for {} s", age.as_secs(), older_than.as_secs())
        }
        None => "the storage does not tell its age".to_owned(),
    }
}
