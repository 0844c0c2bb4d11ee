//! Looking at a directory that may be the answer: at a given path, and where an epoch has ended.

use super::foreign::{identity_of, is_build_of, version_of};
use super::given_path::{is_empty, move_up, remove_attempt};
use super::records::{Epoch, Retired, RetiredReason, create_once, new_nonce, read};
use super::resolve::OnMismatch;
use super::search::Request;
use super::tending::{EpochId, lost_mark_at};
use super::wait::wait_for_foreign;
use crate::config::{Difference, DifferenceKind, DifferenceLines, Value, config_differences, matches};
use crate::directory::{read_meta, update_meta};
use crate::{Capability, EntryKind, EntryPath, Error, ErrorKind, Meta, Result, Root, Status};

/// What an ended epoch is good for.
pub(super) enum Ended {
    /// Its directory is the answer.
    Usable(EntryPath),
    /// It is not, and why.
    PassedOver(String),
}

impl Request<'_> {
    /// Looks at the directory at a fixed path: it must have the config asked for. `None` when it is to be built.
    pub(super) async fn look_at_fixed(
        &self,
        path: &EntryPath,
        warnings: &mut Vec<String>,
    ) -> Result<Option<EntryPath>> {
        match self.backend().stat(path).await {
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
            Ok(stat) if stat.kind != EntryKind::Directory => {
                return Err(Error::new(
                    ErrorKind::WrongKind,
                    format!("there is an entry of kind '{}'", stat.kind),
                ));
            }
            Ok(_) => {}
        }
        let Some(meta) = self.meta_at(path).await? else { return Ok(None) };
        if !is_build_of(&meta, &self.config, self.rules) {
            let stored = self.rules.complete(&meta.config)?;
            let mut differences = config_differences(&self.config, &stored);
            differences.extend(version_difference(version_of(&meta), self.rules.version.as_ref()));
            let lines = DifferenceLines::new(&differences);
            let difference = lines.named("passed", "stored").to_string();
            if self.options().on_mismatch == OnMismatch::Warn {
                warnings.push(format!("'{path}' has another config than the one asked for: {difference}"));
                return Ok(Some(path.clone()));
            }
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!("the directory that is there has another config: {difference}"),
            )
            .hint("choose another path, or leave the path out"));
        }
        if meta.build.is_none() && !self.backend().capabilities().has(Capability::Rename) {
            self.regain_mark(path, &meta, warnings).await?;
        }
        match (&meta.status, &meta.build) {
            (Status::Done, _) if meta.modified => {
                warnings.push(format!("'{path}' was modified after it was built"));
                Ok(Some(path.clone()))
            }
            (Status::Done, _) => Ok(Some(path.clone())),
            (_, Some(_)) => Ok(None),
            (Status::Running, None) => match wait_for_foreign(self.root, path, self.deadline()).await? {
                Some(Status::Done) => Ok(Some(path.clone())),
                other => Err(self.foreign_unfinished(other)),
            },
            (status, None) => Err(self.foreign_unfinished(Some(status.clone()))),
        }
    }

    /// The meta of the directory at a given path; `None` for an empty folder, in which a meta is to be written: its maker may be about
    /// to, or have died before.
    async fn meta_at(&self, path: &EntryPath) -> Result<Option<Meta>> {
        if let Some((meta, _)) = read_meta(self.root, path).await? {
            return Ok(Some(meta));
        }
        if is_empty(self.root, path).await? {
            return Ok(None);
        }
        match read_meta(self.root, path).await? {
            Some((meta, _)) => Ok(Some(meta)),
            None => Err(Error::new(ErrorKind::Mismatch, "the directory that is there has no config")
                .hint("open it by its path, or choose another one")),
        }
    }

    /// Where entries stay in the directory of an attempt, only the mark in the meta above leads to them. Writes one again that another
    /// program lost.
    async fn regain_mark(&self, path: &EntryPath, meta: &Meta, warnings: &mut Vec<String>) -> Result<()> {
        let Some(mark) = lost_mark_at(self.root, self.key, path, meta).await? else { return Ok(()) };
        if !self.may_repair() {
            return Err(Error::new(
                ErrorKind::Conflict,
                "another program rewrote the meta, and lost the mark that leads to the entries",
            )
            .hint("`fascicle repair --apply` writes it again, where the place may be written to")
            .retryable(false));
        }
        EpochId::restore_mark(self.root, &mark, path).await?;
        warnings
            .push(format!("another program had rewritten the meta of '{path}'; its mark was written again"));
        Ok(())
    }

    fn foreign_unfinished(&self, status: Option<Status>) -> Error {
        let status = status.map_or("gone".to_owned(), |status| status.to_string());
        Error::new(
            ErrorKind::Conflict,
            format!("another program left the directory unfinished, its status is '{status}'"),
        )
        .hint("remove it, or choose another path")
        .retryable(false)
    }

    /// Whether a directory whose epoch ended well still is what was built; if not, says so for everybody.
    pub(super) async fn judge_done(
        &self,
        epoch: &Epoch,
        nonce: &str,
        directory: &str,
        warnings: &mut Vec<String>,
    ) -> Result<Ended> {
        let path = self.checked_path(directory)?;
        let Some((meta, _)) = read_meta(self.root, &path).await? else {
            return self.retire(epoch, RetiredReason::Deleted, format!("'{path}' is gone")).await;
        };
        let same_attempt = meta.build.as_ref().is_none_or(|mark| mark.nonce == nonce);
        if !same_attempt {
            return self.retire(epoch, RetiredReason::Deleted, format!("'{path}' is gone")).await;
        }
        if meta.modified {
            warnings.push(format!("'{path}' was modified after it was built and is passed over"));
            return self
                .retire(epoch, RetiredReason::Modified, format!("'{path}' was modified after it was built"))
                .await;
        }
        if !matches(&meta.config, &self.config, self.rules)? {
            // At a given path it was built meanwhile for somebody who asked for another config.
            if self.fixed.is_some()
                && let Some(path) = self.look_at_fixed(&path, warnings).await?
            {
                return Ok(Ended::Usable(path));
            }
            // Without a mark it is another program's, which removed what was here and gave the name to another config.
            if self.fixed.is_some() || meta.build.is_none() {
                return self.retire(epoch, RetiredReason::Deleted, format!("'{path}' is gone")).await;
            }
            if identity_of(&meta, self.rules)? == self.identity {
                return Err(Error::new(
                    ErrorKind::Internal,
                    format!("the configs asked for and in '{path}' differ, and have the same identity"),
                )
                .hint("please report it with both configs"));
            }
            // Told apart by the rules of today, and not by those under which it was built; or changed by hand. It stays the answer
            // for whoever asks by its rules, in an epoch of its own.
            let why = format!(
                "'{path}' holds another config, which had the same identity under the rules of its time"
            );
            return Ok(Ended::PassedOver(why));
        }
        match meta.status {
            Status::Done => Ok(Ended::Usable(path)),
            // Another program removed what was here, and builds the same again.
            Status::Running if meta.build.is_none() => {
                self.retire(epoch, RetiredReason::Deleted, format!("'{path}' was taken by another program"))
                    .await
            }
            // Its builder committed, and died before it could say so in the meta.
            Status::Running if !self.may_repair() => Ok(Ended::Usable(path)),
            Status::Running => mark_done(self.root, epoch, nonce, &path).await.map(|()| Ended::Usable(path)),
            Status::Stopped | Status::Other(_) => {
                let why = format!("the status of '{path}' was changed to '{}'", meta.status);
                self.retire(epoch, RetiredReason::Deleted, why).await
            }
        }
    }

    /// A path named by a record, which anybody with access to the storage could have written.
    pub(super) fn checked_path(&self, directory: &str) -> Result<EntryPath> {
        let path = EntryPath::parse(directory)?;
        let expected = match &self.fixed {
            Some(fixed) => path == *fixed,
            None => path.names().count() == 1,
        };
        if expected {
            return Ok(path);
        }
        Err(Error::new(
            ErrorKind::Corrupt,
            format!("a record of the index names '{directory}', which no build could have made"),
        )
        .hint(
            "the index below '_index' was damaged; it may be removed, finished directories are found again",
        ))
    }

    /// Whether what others left undone is done here: who only reads sees the same and changes nothing.
    fn may_repair(&self) -> bool {
        self.backend().capabilities().has(Capability::Write)
    }

    async fn retire(&self, epoch: &Epoch, reason: RetiredReason, why: String) -> Result<Ended> {
        if !self.may_repair() {
            return Ok(Ended::PassedOver(why));
        }
        let record = epoch.retired()?;
        if read::<Retired>(self.backend(), &record).await?.is_none() {
            let body = Retired { nonce: new_nonce()?, reason };
            create_once(self.backend(), &record, &body, self.root.options().lease).await?;
        }
        Ok(Ended::PassedOver(why))
    }
}

/// Says in the meta of a directory what the end of its epoch says: that it is done; its entries are moved up before, where they are
/// not at the given path yet.
pub(super) async fn mark_done(root: &Root, epoch: &Epoch, nonce: &str, path: &EntryPath) -> Result<()> {
    let attempt = match read_meta(root, path).await? {
        Some((meta, _)) => meta.build.filter(|mark| mark.nonce == nonce).and_then(|mark| mark.attempt_name()),
        None => None,
    };
    let attempt = attempt.map(|name| path.join(&name)).transpose()?;
    if let Some(attempt) = &attempt {
        move_up(root, path, attempt).await?;
    }
    let meta = update_meta(root, path, |meta| {
        let own = meta.build.as_ref().is_some_and(|mark| mark.nonce == nonce && mark.epoch == epoch.number);
        let running = own && meta.status == Status::Running;
        if running {
            meta.status = Status::Done;
        }
        running
    });
    match meta.await? {
        Some(meta) if meta.status == Status::Done => {
            if let Some(attempt) = &attempt {
                remove_attempt(root, attempt).await;
            }
            Ok(())
        }
        _ => Err(Error::new(
            ErrorKind::Conflict,
            "the directory was removed or replaced as its build was completed",
        )),
    }
}

/// How the version of the code that built a directory differs from the declared one.
pub(super) fn version_difference(stored: Option<&Value>, declared: Option<&Value>) -> Option<Difference> {
    let kind = match (declared, stored) {
        (Some(declared), Some(stored)) if declared.same_as(stored) => return None,
        (None, None) => return None,
        (Some(_), Some(_)) => DifferenceKind::Changed,
        (Some(_), None) => DifferenceKind::Added,
        (None, Some(_)) => DifferenceKind::Removed,
    };
    let path = "version of the code".to_owned();
    Some(Difference { path, kind, this: declared.cloned(), other: stored.cloned() })
}
