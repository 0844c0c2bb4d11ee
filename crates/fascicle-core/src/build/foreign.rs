//! Finished directories that the index does not know: made by the Python package datamate, or from before the index was
//! lost.

use crate::config::{Config, IdentityRules, matches};
use crate::directory::read_meta;
use crate::{EntryKind, EntryPath, Identity, Result, Root, Status};
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
    /// Built by fascicle from this identity.
    Marked(Identity),
    /// Finished by somebody else from this config.
    Finished(Config),
    /// Being built by somebody else from this config; looked at again each time.
    Running(Config),
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
        key: &Identity,
        wanted: &Config,
        rules: &IdentityRules,
    ) -> Result<Option<Found>> {
        let listing = root.backend().list(&EntryPath::root()).await?;
        let mut running = None;
        for entry in listing.entries.iter().filter(|entry| entry.kind == EntryKind::Directory) {
            let path = EntryPath::root().join(&entry.name)?;
            let known = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(&entry.name).cloned();
            let seen = match known {
                Some((Seen::Marked(mark), _)) => Seen::Marked(mark),
                Some((Seen::Running(_), _)) | None => self.look(root, &path).await,
                Some((_, since)) if since.elapsed() > FOREIGN_MEMORY => self.look(root, &path).await,
                Some((seen, _)) => seen,
            };
            match seen {
                Seen::Marked(mark)
                    if mark == *key && self.is_still_usable(root, &path, key, wanted, rules).await =>
                {
                    return Ok(Some(Found::Finished(path)));
                }
                Seen::Finished(config)
                    if fits(&config, wanted, rules)
                        && self.is_still_usable(root, &path, key, wanted, rules).await =>
                {
                    return Ok(Some(Found::Finished(path)));
                }
                Seen::Running(config) if fits(&config, wanted, rules) => running = running.or(Some(path)),
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
            Ok(Some((meta, _))) => match (meta.status, meta.build) {
                _ if meta.modified => Seen::Unusable,
                (Status::Done, Some(mark)) => Seen::Marked(mark.identity),
                (Status::Done, None) => Seen::Finished(meta.config),
                (Status::Running, None) => Seen::Running(meta.config),
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
        key: &Identity,
        wanted: &Config,
        rules: &IdentityRules,
    ) -> bool {
        let usable = match read_meta(root, path).await {
            Ok(Some((meta, _))) => {
                meta.is_usable()
                    && match &meta.build {
                        Some(mark) => mark.identity == *key,
                        None => fits(&meta.config, wanted, rules),
                    }
            }
            Ok(None) | Err(_) => false,
        };
        if !usable {
            self.forget(path);
        }
        usable
    }
}

/// Whether a config that carries no identity is the one that is wanted. Nothing is known of the version of the code that
/// made it, so that a declared version never matches.
fn fits(stored: &Config, wanted: &Config, rules: &IdentityRules) -> bool {
    rules.version.is_none()
        && stored.type_name() == wanted.type_name()
        && matches(stored, wanted, rules).unwrap_or(false)
}
