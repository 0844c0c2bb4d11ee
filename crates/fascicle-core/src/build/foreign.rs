//! Finished directories that the index does not know: made by the Python package datamate, or from before the index was
//! lost, or from before the type's rules changed.

use super::known::{Answer, Known, NameHash, rules_key, save_parts};
use crate::config::{Config, IdentityRules, Value, identity, matches};
use crate::directory::{is_of_the_directory, read_meta};
use crate::{Backend, EntryKind, EntryPath, Identity, Meta, Result, Root, Status};
use futures::{StreamExt, TryStreamExt, future::BoxFuture};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many metas are read at once.
const METAS_AT_ONCE: usize = 16;

/// What was learned of directories so far, so that not every search reads the metas of all of them.
#[derive(Debug, Default)]
pub(crate) struct ForeignDirectories {
    /// By the key of the rules.
    known: Mutex<HashMap<String, Known>>,
    /// One search at a time looks at what is new; the others know it then.
    looking: tokio::sync::Mutex<()>,
}

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) config: &'a Config,
    pub(super) rules: &'a IdentityRules,
    pub(super) identity: &'a Identity,
}

/// A directory that has the config that is looked for.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// Complete.
    Finished(EntryPath),
    /// Being built by somebody who shows no heartbeat.
    Running(EntryPath),
}

/// A directory of the root.
struct Listed {
    name: String,
    /// The stamp of its meta, and whether that is certain; `None` where the storage knows none.
    stamp: Option<(u64, bool)>,
}

/// What a meta says.
enum Seen {
    /// Which question the directory answers, and whether that is worth remembering.
    Answers(Answer, bool),
    /// Somebody else is building it.
    Running(Box<Meta>),
}

impl ForeignDirectories {
    /// Looks for a directory of `wanted` among the children of the root. A finished one comes before one that is being built,
    /// the first by name before the others.
    ///
    /// - Cost: one listing, and the metas of directories that neither this process nor, by what it stored, any other has read in
    ///   the state they are in. Where foreign directories are not expected nothing is listed once all were looked at.
    /// - `remember` says whether what is new may be stored for other processes.
    pub(super) async fn find(
        &self,
        root: &Root,
        wanted: Wanted<'_>,
        remember: bool,
    ) -> Result<Option<Found>> {
        let rules = rules_key(wanted.rules);
        let answer = Answer::to(wanted.identity);
        let looking = self.looking.lock().await;
        if !self.known().contains_key(&rules) {
            let loaded = Known::load(&**root.backend(), &rules).await;
            self.known().insert(rules.clone(), loaded);
        }
        if !root.options().adopts_foreign()
            && self.known().get(&rules).is_some_and(|known| known.is_of_all() && !known.has(answer))
        {
            return Ok(None);
        }
        let listed = listed(&**root.backend()).await?;
        let (mut candidates, mut unknown) = (Vec::new(), Vec::new());
        if let Some(known) = self.known().get_mut(&rules) {
            known.retain(&listed.iter().map(|listed| NameHash::of(&listed.name)).collect::<HashSet<_>>());
            for listed in listed {
                match known.get(NameHash::of(&listed.name), listed.stamp.map_or(0, |(stamp, _)| stamp)) {
                    Some(known) if known == answer => candidates.push(listed.name),
                    Some(_) => {}
                    None => unknown.push(listed),
                }
            }
        }
        let looks: Vec<BoxFuture<'_, Result<(Listed, Seen)>>> = unknown
            .into_iter()
            .map(|listed| Box::pin(look(root, wanted.rules, listed)) as BoxFuture<'_, _>)
            .collect();
        let mut looks = futures::stream::iter(looks).buffer_unordered(METAS_AT_ONCE);
        let mut running = Vec::new();
        while let Some((listed, seen)) = looks.try_next().await? {
            let name = NameHash::of(&listed.name);
            let mut known = self.known();
            let Some(known) = known.get_mut(&rules) else { continue };
            match seen {
                Seen::Answers(found, is_lasting) => {
                    if is_lasting {
                        known.insert(name, listed.stamp.map_or(0, |(stamp, _)| stamp), found);
                    } else {
                        known.remove(name);
                    }
                    if found == answer {
                        candidates.push(listed.name.clone());
                    }
                }
                Seen::Running(meta) if is_build_of(&meta, wanted.config, wanted.rules) => {
                    running.push(listed.name.clone());
                }
                Seen::Running(_) => {}
            }
        }
        if let Some(known) = self.known().get_mut(&rules) {
            known.set_of_all();
        }
        if remember {
            let parts = self.known().get_mut(&rules).map(Known::unsaved_parts).unwrap_or_default();
            save_parts(&**root.backend(), &rules, parts).await;
        }
        drop(looking);
        candidates.sort_unstable();
        for name in candidates {
            let path = EntryPath::root().join(&name)?;
            let meta = readable_meta(root, &path).await?;
            if meta.is_some_and(|meta| meta.is_usable() && is_build_of(&meta, wanted.config, wanted.rules)) {
                return Ok(Some(Found::Finished(path)));
            }
            self.forget(&path);
        }
        running.sort_unstable();
        running.first().map(|name| EntryPath::root().join(name).map(Found::Running)).transpose()
    }

    /// Forgets what was read of a directory whose meta changes now.
    pub(crate) fn forget(&self, path: &EntryPath) {
        let name = NameHash::of(path.as_str());
        self.known().values_mut().for_each(|known| known.remove(name));
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The directories of the root, with the stamps of their metas where the storage knows them.
async fn listed(backend: &dyn Backend) -> Result<Vec<Listed>> {
    let root = EntryPath::root();
    if let Some(stamps) = backend.meta_stamps(&root).await? {
        let listed = |stamp: crate::MetaStamp| Listed {
            name: stamp.name,
            stamp: Some((stamp.stamp, stamp.is_settled)),
        };
        return Ok(stamps.into_iter().map(listed).collect());
    }
    let entries = backend.list(&root).await?.entries.into_iter();
    let directories = entries.filter(|entry| entry.kind == EntryKind::Directory);
    Ok(directories.map(|entry| Listed { name: entry.name, stamp: None }).collect())
}

/// Reads the meta of a directory.
async fn look(root: &Root, rules: &IdentityRules, listed: Listed) -> Result<(Listed, Seen)> {
    let path = EntryPath::root().join(&listed.name)?;
    let seen = match readable_meta(root, &path).await? {
        Some(meta) => seen(meta, rules, listed.stamp),
        None => Seen::Answers(Answer::NONE, listed.stamp.is_some_and(|(_, is_settled)| is_settled)),
    };
    Ok((listed, seen))
}

fn seen(meta: Meta, rules: &IdentityRules, stamp: Option<(u64, bool)>) -> Seen {
    let is_lasting = match (&meta.build, stamp) {
        // Whoever changes what was built here writes another file, whatever the clock says.
        (Some(_), Some(_)) => true,
        (None, Some((_, is_settled))) => is_settled,
        // Without a stamp nobody notices that a name is used again, other than by a build, which the index knows. What is
        // built at a given path the index does not know by its config.
        (Some(mark), None) => mark.key == mark.identity,
        (None, None) => false,
    };
    match (&meta.status, &meta.build) {
        _ if meta.modified => Seen::Answers(Answer::NONE, is_lasting),
        (Status::Done, _) => Seen::Answers(answer_of(&meta, rules), is_lasting),
        (Status::Running, None) => Seen::Running(Box::new(meta)),
        // A build of our own is waited for by its claim; and it may be done the next time.
        (Status::Running, Some(_)) => Seen::Answers(Answer::NONE, false),
        (Status::Stopped | Status::Other(_), _) => Seen::Answers(Answer::NONE, is_lasting),
    }
}

/// The question that a finished directory answers under `rules`.
fn answer_of(meta: &Meta, rules: &IdentityRules) -> Answer {
    identity_of(meta, rules).map_or(Answer::NONE, |identity| Answer::to(&identity))
}

/// The identity that the config of a directory has under `rules`, built by the version of the code that built it.
pub(super) fn identity_of(meta: &Meta, rules: &IdentityRules) -> Result<Identity> {
    let of_its_version = IdentityRules { version: version_of(meta).cloned(), ..rules.clone() };
    Ok(identity(&meta.config, &of_its_version)?)
}

/// The meta of a directory, if there is one that can be read. A broken one is the matter of its own directory; storage that
/// fails is everybody's, because what is not seen would be built again.
async fn readable_meta(root: &Root, path: &EntryPath) -> Result<Option<Meta>> {
    match read_meta(root, path).await {
        Ok(read) => Ok(read.map(|(meta, _)| meta)),
        Err(error) if is_of_the_directory(&error) => {
            log::warn!("{}", error.chain());
            Ok(None)
        }
        Err(error) => Err(error),
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
