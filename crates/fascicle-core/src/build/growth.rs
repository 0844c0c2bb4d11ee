//! Whether more is to be expected of an entry: looks at the builds that it stands in, and changes nothing.

use super::records::{Claim, End, Epoch, read};
use super::tending::unknown_claim;
use super::watch::{Sign, Watch};
use crate::directory::read_meta;
use crate::meta::{BuildMark, is_attempt_name};
use crate::size::last_modified;
use crate::{EntryPath, Error, ErrorKind, Meta, Result, Root, Status};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Whether more is to be expected.
#[derive(Debug)]
pub(crate) enum Growth {
    GoesOn,
    Over,
    /// The build ended otherwise than by being done.
    Broken(Error),
}

/// The builds that an entry stands in, looked at again and again.
#[derive(Debug)]
pub(crate) struct Growing {
    root: Root,
    path: EntryPath,
    /// The attempts that began the directories above, as far as they were seen.
    began: Vec<(EntryPath, String)>,
    /// Who builds the outermost directory that is being built.
    builder: Option<Builder>,
}

/// Who builds a directory.
#[derive(Debug)]
enum Builder {
    /// Somebody who claimed its epoch.
    Claimed { mark: Box<BuildMark>, watch: Box<Watch> },
    /// Another program: since when, as this process counts, nothing has changed.
    Foreign { path: EntryPath, last: Option<SystemTime>, unchanged_since: Instant },
}

impl Growing {
    pub(crate) fn new(root: &Root, path: &EntryPath) -> Self {
        Growing { root: root.clone(), path: path.clone(), began: Vec::new(), builder: None }
    }

    /// Looks at the metas of the directories above. `is_idle` says that nothing came since the last look: then whether the builder
    /// is alive is looked at, too.
    ///
    /// Fails with [`ErrorKind::Conflict`] when one of the directories is another attempt's than it was at an earlier look.
    pub(crate) async fn look(&mut self, is_idle: bool) -> Result<Growth> {
        let path = self.path.clone();
        for above in path.ancestors() {
            // What an attempt writes into ends with the directory that it becomes.
            if is_attempt_name(above.name()) {
                continue;
            }
            let Some((meta, _)) = read_meta(&self.root, &above).await? else { continue };
            self.check_attempt(&above, &meta)?;
            match meta.status {
                Status::Running if is_idle => return self.look_at_builder(&above, meta.build).await,
                Status::Running => {
                    // What came is a sign of life.
                    self.builder = None;
                    return Ok(Growth::GoesOn);
                }
                Status::Stopped => {
                    let was_interrupted = meta.build.is_some_and(|mark| mark.interrupted.is_some());
                    return Ok(Growth::Broken(if was_interrupted {
                        interrupted(&above)
                    } else {
                        failed(&above)
                    }));
                }
                Status::Done | Status::Other(_) => {}
            }
        }
        Ok(Growth::Over)
    }

    /// To be called after a pause between two looks: how long it was to be, and how long it was.
    pub(crate) fn paused(&mut self, pause: Duration, took: Duration) {
        if let Some(Builder::Claimed { watch, .. }) = &mut self.builder {
            watch.paused(pause, took);
        }
    }

    /// Refuses a directory that is now another attempt's. One that goes on with an interrupted attempt goes on with its rows.
    fn check_attempt(&mut self, path: &EntryPath, meta: &Meta) -> Result<()> {
        let began = meta.build.as_ref().map(BuildMark::began);
        let known = self.began.iter().find(|(known, _)| known == path).map(|(_, began)| began);
        let is_another = match (known, &began) {
            (Some(known), Some(began)) => known != began,
            // Other programs drop the mark of what is done, and build without one.
            (Some(_), None) => meta.status == Status::Running,
            (None, _) => false,
        };
        if is_another {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("'{path}' was built, or is being built, anew while it was followed"),
            )
            .hint("what came is of an attempt that is gone; open it again, and follow it from the beginning")
            .retryable(false));
        }
        if let (None, Some(began)) = (known, began) {
            self.began.push((path.clone(), began));
        }
        Ok(())
    }

    /// Looks whether whoever builds a directory is alive, or has ended and not come to say so in the meta.
    async fn look_at_builder(&mut self, path: &EntryPath, mark: Option<BuildMark>) -> Result<Growth> {
        let builder = match (self.builder.take(), mark) {
            (Some(Builder::Claimed { mark: known, watch }), Some(mark)) if *known == mark => {
                Builder::Claimed { mark: known, watch }
            }
            (Some(foreign @ Builder::Foreign { .. }), None) if foreign.is_of(path) => foreign,
            (_, Some(mark)) => self.claimed(mark).await?,
            (_, None) => Builder::Foreign { path: path.clone(), last: None, unchanged_since: Instant::now() },
        };
        match self.builder.insert(builder) {
            Builder::Claimed { mark, watch } => {
                let backend = &**self.root.backend();
                let sign = match watch.look(backend).await? {
                    // It may have ended between the two reads, and its process after that.
                    sign @ (Sign::Dead | Sign::Silent) => {
                        match read::<End>(backend, &Epoch::of_mark(mark).end()?).await? {
                            Some(end) => Sign::Ended(end),
                            None => sign,
                        }
                    }
                    sign => sign,
                };
                let process = &watch.claim().process;
                Ok(match sign {
                    Sign::Alive => Growth::GoesOn,
                    Sign::Ended(End::Done { nonce, .. }) if nonce == mark.nonce => Growth::Over,
                    Sign::Ended(End::Interrupted { .. }) => Growth::Broken(interrupted(path)),
                    Sign::Ended(_) => Growth::Broken(failed(path)),
                    Sign::Dead => {
                        Growth::Broken(died(path, &format!("{process}, which was building it, is dead")))
                    }
                    Sign::Silent => {
                        let silent = "whoever was building it has shown no sign of life for a lease";
                        Growth::Broken(died(path, silent))
                    }
                })
            }
            Builder::Foreign { last, unchanged_since, .. } => {
                let modified = last_modified(&**self.root.backend(), path).await?;
                if modified != *last {
                    (*last, *unchanged_since) = (modified, Instant::now());
                }
                let patience = self.root.options().foreign_timeout;
                Ok(match unchanged_since.elapsed() >= patience {
                    true => Growth::Broken(died(
                        path,
                        "another program was building it, and has stopped changing it",
                    )),
                    false => Growth::GoesOn,
                })
            }
        }
    }

    /// The builder that left a mark.
    async fn claimed(&self, mark: BuildMark) -> Result<Builder> {
        let epoch = Epoch::of_mark(&mark);
        let claim = read::<Claim>(&**self.root.backend(), &epoch.claim()?).await?;
        // An attempt from before the index was lost has no claim in it.
        let claim =
            claim.filter(|claim| claim.nonce == mark.nonce).unwrap_or_else(|| unknown_claim(&self.root));
        Ok(Builder::Claimed { watch: Box::new(Watch::new(epoch, claim)), mark: Box::new(mark) })
    }
}

impl Builder {
    /// Whether it is another program that builds the directory at `path`.
    fn is_of(&self, path: &EntryPath) -> bool {
        matches!(self, Builder::Foreign { path: known, .. } if known == path)
    }
}

fn failed(path: &EntryPath) -> Error {
    Error::new(ErrorKind::BuildFailed, format!("the build of '{path}' did not come to its end"))
        .hint("what was committed before is all there is")
}

fn interrupted(path: &EntryPath) -> Error {
    Error::new(ErrorKind::BuildFailed, format!("the build of '{path}' was interrupted"))
        .hint("a later build may go on with what is there; follow it then from the row that was to come")
}

fn died(path: &EntryPath, how: &str) -> Error {
    Error::new(ErrorKind::BuildFailed, format!("the build of '{path}' will not come to its end: {how}"))
        .hint("what was committed before is all there is; whoever asks for the directory builds it anew")
}
