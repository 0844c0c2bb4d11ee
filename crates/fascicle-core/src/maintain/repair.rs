//! Taking the steps that somebody who died did not take.

use super::finding::{Action, Finding, FindingKind, Outcome, Report};
use super::survey::{Found, Step, Survey, indexed};
use crate::build::{EpochId, Sealing, index_finished};
use crate::{Capability, EntryPath, Error, ErrorKind, Flaw, Result, Root};
use futures::future::BoxFuture;
use futures::{StreamExt, stream};

/// How a root is repaired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairOptions {
    /// Whether anything is changed; without it only what would be done is said.
    pub apply: bool,
}

impl RepairOptions {
    /// Sets whether anything is changed.
    #[must_use]
    pub fn apply(mut self, apply: bool) -> Self {
        self.apply = apply;
        self
    }
}

/// How many builds are watched at once.
const WATCHED_AT_ONCE: usize = 32;

impl Root {
    /// Takes the steps that builders and writers which died did not take: ends their builds, says of complete directories that
    /// they are, clears the marks they left in files, enters finished directories into an index that was lost, and gives metas
    /// their marks back. Deletes no data.
    ///
    /// - Builds whose builder cannot be seen from here are watched for a lease, all at the same time; without `apply` they are
    ///   only listed.
    /// - Cost: a look at every entry and the meta of every directory, and two reads for each build in the index.
    /// - Errors: `Unsupported` for `apply` in a place that is open for reading only; those of the storage. What concerns one
    ///   finding alone is told there.
    pub async fn repair(&self, options: &RepairOptions) -> Result<Report> {
        refuse_read_only(self, options.apply)?;
        let survey = Survey::of(self).await?;
        let is_ours = |found: &Found| !matches!(found.finding.action, Action::Delete);
        let steps = stream::iter(survey.found.into_iter().filter(is_ours));
        let mut findings: Vec<Finding> = steps
            .map(|found| async move { if options.apply { apply(self, found).await } else { found.finding } })
            .buffered(WATCHED_AT_ONCE)
            .collect()
            .await;
        // Builds that turned out to be alive are no findings.
        findings.retain(|finding| !is_alive(finding));
        for (path, flaw) in flaws_within(self, EntryPath::root()).await? {
            findings.push(mend(self, &path, flaw, options.apply).await);
        }
        Ok(Report { findings })
    }
}

pub(super) fn refuse_read_only(root: &Root, apply: bool) -> Result<()> {
    if apply && !root.backend().capabilities().has(Capability::Write) {
        return Err(Error::new(ErrorKind::Unsupported, "this place is open for reading only")
            .hint("nothing is mended and nothing deleted there; look without applying")
            .during("maintain")
            .at(root.location()));
    }
    Ok(())
}

/// What is said of a build that turned out to be alive.
const ALIVE: &str = "its builder is alive";

fn is_alive(finding: &Finding) -> bool {
    finding.kind == FindingKind::OpenBuild && matches!(&finding.outcome, Outcome::Left(why) if why == ALIVE)
}

async fn apply(root: &Root, found: Found) -> Finding {
    let Found { mut finding, step } = found;
    let answer = match step {
        Step::Nothing | Step::RemoveAttempt { .. } | Step::RemoveRecord { .. } => return finding,
        Step::RollForward { id, nonce, path } => id.roll_forward(root, &nonce, &path).await,
        Step::Stop { id, path } => id.stop(root, &path).await,
        Step::RestoreMark { mark, path } => EpochId::restore_mark(root, &mark, &path).await,
        Step::Retire { id } => id.retire(root).await,
        Step::EndBuild { id, attempt } => match id.end_if_dead(root, attempt.as_ref()).await {
            Ok(Sealing::Alive) => return finding.left(ALIVE),
            Ok(Sealing::Sealed) => Ok(true),
            Ok(Sealing::Ended) => Ok(false),
            Err(error) => Err(error),
        },
        Step::Index { mark, path } => match index_finished(root, &mark, &path).await.map(indexed) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(why)) => return finding.left(why),
            Err(error) => Err(error),
        },
    };
    finding.tried(answer);
    finding
}

/// The flaws of an entry and everything in it. What cannot be looked at is left to `verify`, which says why.
pub(super) fn flaws_within(root: &Root, path: EntryPath) -> BoxFuture<'_, Result<Vec<(EntryPath, Flaw)>>> {
    Box::pin(async move {
        let backend = root.backend();
        let Some(maintenance) = backend.maintenance() else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        match maintenance.flaws(&path).await {
            Ok(flaws) => found.extend(flaws.into_iter().map(|flaw| (path.clone(), flaw))),
            Err(error) if is_of_the_entry(&error) => return Ok(found),
            Err(error) => return Err(error),
        }
        let is_directory = path.is_root()
            || match backend.stat(&path).await {
                Ok(stat) => stat.kind == crate::EntryKind::Directory,
                Err(error) if is_of_the_entry(&error) => false,
                Err(error) => return Err(error),
            };
        if is_directory {
            let listing = match backend.list(&path).await {
                Err(error) if is_of_the_entry(&error) => return Ok(found),
                answer => answer?,
            };
            for entry in listing.entries {
                found.extend(flaws_within(root, path.join(&entry.name)?).await?);
            }
        }
        Ok(found)
    })
}

/// Whether an error says something of one entry, and not of the storage.
fn is_of_the_entry(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::Corrupt
            | ErrorKind::WrongKind
            | ErrorKind::LimitExceeded
            | ErrorKind::Unsupported
            | ErrorKind::PermissionDenied
    )
}

pub(super) fn flaw_finding(path: &EntryPath, flaw: &Flaw) -> Finding {
    let action = if flaw.mendable { Action::Mend } else { Action::Report };
    Finding::new(path, FindingKind::Flaw(flaw.kind), flaw.what.clone(), action)
}

async fn mend(root: &Root, path: &EntryPath, flaw: Flaw, apply: bool) -> Finding {
    let mut finding = flaw_finding(path, &flaw);
    if let (true, true, Some(maintenance)) = (apply, flaw.mendable, root.backend().maintenance()) {
        finding.tried(maintenance.mend(path, flaw.kind).await);
    }
    finding
}
