//! Reading everything, and saying what cannot be read or contradicts itself.

use super::finding::{Action, Finding, FindingKind};
use super::repair::{flaw_finding, flaws_within};
use super::survey::Survey;
use crate::digest::{Outcome, Witness, entry_digest};
use crate::{Digest, EntryKind, EntryPath, Error, ErrorKind, Result, Root};
use async_trait::async_trait;

/// What is verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyOptions {
    /// The entry; the whole root by default.
    pub path: EntryPath,
    /// The digest that it must have.
    pub digest: Option<Digest>,
}

impl VerifyOptions {
    /// Sets the entry.
    #[must_use]
    pub fn at(mut self, path: EntryPath) -> Self {
        self.path = path;
        self
    }

    /// Sets the digest that it must have.
    #[must_use]
    pub fn digest(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }
}

/// What verification found.
#[derive(Clone, Debug)]
pub struct VerifyReport {
    /// Everything that is not as it should be, the entries that cannot be read first.
    pub findings: Vec<Finding>,
    /// The digest of the entry, if all of it can be read.
    pub digest: Option<Digest>,
    /// Whether the digest is the one that was asked for, or none was.
    pub digest_matches: bool,
    /// How many entries were read, directories included.
    pub entries: u64,
}

impl VerifyReport {
    /// Whether everything can be read, nothing contradicts itself, and the digest is the one that was asked for. Builds that
    /// may be under way do not count, nor what is stored beyond the end of an array.
    pub fn is_sound(&self) -> bool {
        let counts = |finding: &Finding| {
            !matches!(
                finding.kind,
                FindingKind::OpenBuild
                    | FindingKind::ForeignRunning
                    | FindingKind::Flaw(crate::FlawKind::BeyondTheEnd)
            )
        };
        self.digest_matches && !self.findings.iter().any(counts)
    }
}

impl Root {
    /// Reads everything in an entry, or in the whole root, and says what cannot be read, which entries are stored with flaws,
    /// and where directories and the index contradict each other. Changes nothing.
    ///
    /// - Every element, row and byte is read, so that every checksum of the formats is compared.
    /// - Entries that cannot be read do not keep the others from being looked at.
    /// - Cost: reads everything once; looks at the metas of all directories in it and at the index.
    /// - Errors: `NotFound`; those of the storage.
    pub async fn verify(&self, options: &VerifyOptions) -> Result<VerifyReport> {
        let backend = self.backend();
        let kind = backend.stat(&options.path).await?.kind;
        let mut reader = Reader { findings: Vec::new(), entries: 0 };
        let outcome = entry_digest(&**backend, &options.path, kind, &mut reader).await;
        let digest = reader.entry(&options.path, kind, outcome).await?;
        let Reader { mut findings, entries } = reader;
        for (path, flaw) in flaws_within(self, options.path.clone()).await? {
            findings.push(flaw_finding(&path, &flaw));
        }
        if kind == EntryKind::Directory {
            let found = Survey::within(self, options.path.clone()).await?.found;
            // What cannot be read was found by reading.
            let is_new = |finding: &Finding| {
                finding.action != Action::Delete
                    && !matches!(finding.kind, FindingKind::BrokenMeta | FindingKind::Unreadable)
            };
            findings.extend(found.into_iter().map(|found| found.finding).filter(is_new));
        }
        let digest_matches = options.digest.is_none_or(|wanted| digest == Some(wanted));
        Ok(VerifyReport { findings, digest, digest_matches, entries })
    }
}

/// Notes what cannot be read and goes on.
struct Reader {
    findings: Vec<Finding>,
    entries: u64,
}

#[async_trait]
impl Witness for Reader {
    async fn entry(&mut self, path: &EntryPath, kind: EntryKind, outcome: Outcome) -> Outcome {
        self.entries += 1;
        match outcome {
            Err(error) if is_damage(&error) => {
                let is_meta = kind == EntryKind::Directory && error.operation() == Some("read the meta of");
                let kind = if is_meta { FindingKind::BrokenMeta } else { FindingKind::Unreadable };
                self.findings.push(Finding::new(path, kind, error.chain(), Action::Report));
                Ok(None)
            }
            // It was removed meanwhile.
            Err(error) if error.is_not_found() => Ok(None),
            other => other,
        }
    }
}

/// Whether an error says that data is damaged, and not that the storage cannot be reached.
fn is_damage(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Corrupt
            | ErrorKind::WrongKind
            | ErrorKind::Unsupported
            | ErrorKind::LimitExceeded
            | ErrorKind::InvalidInput
            | ErrorKind::PermissionDenied
            | ErrorKind::Busy
            | ErrorKind::Storage
            | ErrorKind::Internal
    )
}
