//! Finished directories that the index does not know: made by the Python package datamate, or from before the index was
//! lost.

use crate::config::{Config, IdentityRules, Value, matches};
use crate::directory::read_meta;
use crate::{EntryKind, EntryPath, Meta, Result, Root, Status};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// For how long what another program wrote is believed to be the same: it may delete a directory and use its name again.
const FOREIGN_MEMORY: Duration = Duration::from_secs(10);

/// What was read of directories so far, so that not every search reads all of them.
#[derive(Debug, Default)]
pub(crate) struct ForeignDirectories {
    seen: Mutex<HashMap<String, (Seen, Instant)>>,
}

#[derive(Clone, Debug)]
enum Seen {
    /// Never the answer to any question: modified, stopped, broken, or without a config.
    Unusable,
    /// Finished.
    Finished(Meta),
    /// Being built by somebody else; looked at again each time.
    Running(Meta),
}

/// A directory that has the config that is looked for.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// Complete.
    Finished(EntryPath),
    /// Being built by somebody who shows no heartbeat.
    Running(EntryPath),
}

impl ForeignDirectories {
    /// Looks for a directory of `wanted` among the children of the root. A finished one comes before one that is being
    /// built, the first by name before the others. Reads only metas that are new since the last call.
    pub(super) async fn find(
        &self,
        root: &Root,
        wanted: &Config,
        rules: &IdentityRules,
    ) -> Result<Option<Found>> {
        let listing = root.backend().list(&EntryPath::root()).await?;
        let mut running = None;
        for entry in listing.entries.iter().filter(|entry| entry.kind == EntryKind::Directory) {
            let path = EntryPath::root().join(&entry.name)?;
            let known = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(&entry.name).cloned();
            let seen = match known {
                // Whoever changes a directory that was built here says so.
                Some((Seen::Finished(meta), _)) if meta.build.is_some() => Seen::Finished(meta),
                Some((Seen::Running(_), _)) | None => self.look(root, &path).await,
                Some((_, since)) if since.elapsed() > FOREIGN_MEMORY => self.look(root, &path).await,
                Some((seen, _)) => seen,
            };
            match seen {
                Seen::Finished(meta)
                    if is_build_of(&meta, wanted, rules)
                        && self.is_still_usable(root, &path, wanted, rules).await =>
                {
                    return Ok(Some(Found::Finished(path)));
                }
                Seen::Running(meta) if is_build_of(&meta, wanted, rules) => {
                    running = running.or(Some(path));
                }
                _ => {}
            }
        }
        Ok(running.map(Found::Running))
    }

    /// Forgets what was read of a directory whose meta changes now.
    pub(crate) fn forget(&self, path: &EntryPath) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(path.as_str());
    }

    async fn look(&self, root: &Root, path: &EntryPath) -> Seen {
        let seen = match read_meta(root, path).await {
            // One broken meta is the matter of its own directory only.
            Err(error) => {
                log::warn!("{}", error.chain());
                Seen::Unusable
            }
            Ok(None) => return Seen::Unusable,
            Ok(Some((meta, _))) => match (&meta.status, &meta.build) {
                _ if meta.modified => Seen::Unusable,
                (Status::Done, _) => Seen::Finished(meta),
                (Status::Running, None) => Seen::Running(meta),
                // A build of our own is waited for by its claim; and it may be done the next time.
                (Status::Running, Some(_)) => return Seen::Unusable,
                (Status::Stopped | Status::Other(_), _) => Seen::Unusable,
            },
        };
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.as_str().to_owned(), (seen.clone(), Instant::now()));
        seen
    }

    async fn is_still_usable(
        &self,
        root: &Root,
        path: &EntryPath,
        wanted: &Config,
        rules: &IdentityRules,
    ) -> bool {
        let usable = match read_meta(root, path).await {
            Ok(Some((meta, _))) => meta.is_usable() && is_build_of(&meta, wanted, rules),
            Ok(None) | Err(_) => false,
        };
        if !usable {
            self.forget(path);
        }
        usable
    }
}

/// The declared version of the code that built a directory.
pub(super) fn version_of(meta: &Meta) -> Option<&Value> {
    meta.build.as_ref()?.version.as_ref()
}

/// Whether a directory was built from the config that is wanted, by the version of the code that is wanted.
///
/// Its identity is not asked: it was made by the rules of its time, and the type may have gained defaults, exclusions and
/// new names of fields since. Of what another program made no version is known, so that a declared one never matches.
pub(super) fn is_build_of(meta: &Meta, wanted: &Config, rules: &IdentityRules) -> bool {
    let same_version = match (version_of(meta), &rules.version) {
        (Some(stored), Some(wanted)) => stored.same_as(wanted),
        (stored, wanted) => stored.is_none() && wanted.is_none(),
    };
    same_version
        && meta.config.type_name() == wanted.type_name()
        && matches(&meta.config, wanted, rules).unwrap_or(false)
}
