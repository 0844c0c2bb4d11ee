//! Why a config is found or not: what was built of it, and the stored configs that come nearest.

use super::Build;
use super::foreign::{is_build_of, version_of};
use super::judge::version_difference;
use super::records::{Claim, End, Epoch, Retired, RetiredReason, read};
use super::resolve::ResolveOptions;
use super::search::Request;
use crate::config::{Config, Difference, IdentityRules, closest_name, config_differences};
use crate::directory::read_meta;
use crate::{EntryKind, EntryPath, Identity, Meta, Result, Root};
use futures::{StreamExt, TryStreamExt, future::BoxFuture};
use std::fmt;

/// How many stored configs are told that come nearest.
const NEAREST: usize = 5;
/// How many metas are read at once.
const METAS_AT_ONCE: usize = 16;

/// Why a config is found or not, see [`Root::explain`].
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The config, with the declared defaults filled in.
    pub config: Config,
    /// What identifies it under the rules of its type.
    pub identity: Identity,
    /// The finished directory that is found, if there is one.
    pub found: Option<EntryPath>,
    /// What the index knows of builds of it, in order.
    pub builds: Vec<PastBuild>,
    /// Directories of the root that hold this config and are not what is found, and why not.
    pub passed_over: Vec<(EntryPath, String)>,
    /// Other configs of the type that are stored in the root, those with the fewest differences first.
    pub nearest: Vec<NearConfig>,
    /// How many directories of the type there are in the root.
    pub of_this_type: usize,
    /// A type that is stored in the root and may have been meant, where there is none of this type.
    pub similar_type: Option<String>,
    /// Metas that could not be read, and why.
    pub unreadable: Vec<(EntryPath, String)>,
}

/// A build that the index knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastBuild {
    /// Its number among those of the config.
    pub epoch: u64,
    /// What became of it.
    pub outcome: PastOutcome,
}

/// What became of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PastOutcome {
    /// It is finished, in this directory.
    Done(String),
    /// It was finished, and the directory was modified afterwards.
    Modified(String),
    /// It was finished, and the directory was removed or moved away afterwards.
    Removed(String),
    /// It failed with this error.
    Failed(String),
    /// It stopped halfway, in this directory.
    Interrupted(String),
    /// Its builder died or fell silent.
    Abandoned,
    /// It is under way; by whom.
    Running(String),
}

impl PastOutcome {
    /// The stable machine-readable name.
    pub fn name(&self) -> &'static str {
        match self {
            PastOutcome::Done(_) => "done",
            PastOutcome::Modified(_) => "modified",
            PastOutcome::Removed(_) => "removed",
            PastOutcome::Failed(_) => "failed",
            PastOutcome::Interrupted(_) => "interrupted",
            PastOutcome::Abandoned => "abandoned",
            PastOutcome::Running(_) => "running",
        }
    }
}

impl fmt::Display for PastOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PastOutcome::Done(path) => write!(f, "finished in '{path}'"),
            PastOutcome::Modified(path) => write!(f, "finished in '{path}', which was modified afterwards"),
            PastOutcome::Removed(path) => write!(f, "finished in '{path}', which is no longer there"),
            PastOutcome::Failed(error) => write!(f, "failed: {error}"),
            PastOutcome::Interrupted(path) => write!(f, "stopped halfway in '{path}'"),
            PastOutcome::Abandoned => f.write_str("abandoned: its builder died or fell silent"),
            PastOutcome::Running(builder) => write!(f, "under way: {builder} builds it"),
        }
    }
}

/// A stored config that differs.
#[derive(Clone, Debug)]
pub struct NearConfig {
    /// Its directory.
    pub path: EntryPath,
    /// Whether it would be found by its own config.
    pub is_usable: bool,
    /// Every difference that counts, seen from the config that was asked for.
    pub differences: Vec<Difference>,
}

impl Root {
    /// Why a config is found or not: what the index knows of it, which directories hold it, and the nearest others.
    ///
    /// Cost: reads the metas of all directories in the root. Builds nothing, waits for nobody and changes nothing.
    pub async fn explain<T: Build>(&self, config: &T) -> Result<Explanation> {
        self.explain_config(&config.config()?, &T::identity_rules()).await
    }

    /// The same for a config made at run time.
    ///
    /// ```
    /// # use fascicle_core::{Root, ResolveOptions, config::{Config, IdentityRules}};
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let root = Root::new(fascicle_memory::MemoryBackend::new());
    /// let (rules, options) = (IdentityRules::default(), ResolveOptions::default());
    /// let stored = Config::new("Cells").with("n_cells", 100).with("seed", 0);
    /// root.resolve_config(&stored, &rules, &options, |_dir| async { Ok(()) }).await?;
    /// let asked = Config::new("Cells").with("n_cells", 100).with("seed", 1);
    /// let explanation = root.explain_config(&asked, &rules).await?;
    /// assert!(explanation.found.is_none());
    /// assert_eq!(explanation.nearest[0].path.as_str(), "Cells_0000");
    /// assert_eq!(explanation.nearest[0].differences[0].path, "seed");
    /// # Ok::<(), fascicle_core::Error>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn explain_config(&self, config: &Config, rules: &IdentityRules) -> Result<Explanation> {
        let options = ResolveOptions::default();
        let request = Request::new(self, config, rules, &options)?;
        let mut explanation = Explanation {
            config: request.config.clone(),
            identity: request.identity,
            found: None,
            builds: past_builds(self, request.key).await?,
            passed_over: Vec::new(),
            nearest: Vec::new(),
            of_this_type: 0,
            similar_type: None,
            unreadable: Vec::new(),
        };
        let mut types = Vec::new();
        for (path, meta) in metas(self).await? {
            match meta {
                Ok(Some(meta)) if meta.config.type_name() == config.type_name() => {
                    explanation.of_this_type += 1;
                    explanation.compare(path, &meta, rules)?;
                }
                Ok(Some(meta)) => types.push(meta.config.type_name().to_owned()),
                Ok(None) => {}
                Err(error) => explanation.unreadable.push((path, error)),
            }
        }
        explanation.found = explanation.usable_by_the_index().or(explanation.found);
        if let Some(found) = &explanation.found {
            explanation.passed_over.retain(|(path, _)| path != found);
        }
        explanation.nearest.sort_by_cached_key(|near| (near.differences.len(), near.path.clone()));
        explanation.nearest.truncate(NEAREST);
        if explanation.of_this_type == 0 {
            let similar = closest_name(config.type_name(), types.iter().map(String::as_str));
            explanation.similar_type = similar.map(str::to_owned);
        }
        Ok(explanation)
    }
}

impl Explanation {
    fn compare(&mut self, path: EntryPath, meta: &Meta, rules: &IdentityRules) -> Result<()> {
        if is_build_of(meta, &self.config, rules) {
            let why = match (meta.is_usable(), meta.modified) {
                (true, _) if self.found.is_none() => {
                    self.found = Some(path);
                    return Ok(());
                }
                (true, _) => "another directory comes before it".to_owned(),
                (false, true) => "it was modified after it was built".to_owned(),
                (false, false) => format!("its status is '{}'", meta.status),
            };
            self.passed_over.push((path, why));
            return Ok(());
        }
        let stored = rules.complete(&meta.config).unwrap_or_else(|_| meta.config.clone());
        let counts = |difference: &Difference| {
            !rules.excluded.iter().any(|excluded| {
                difference
                    .path
                    .strip_prefix(excluded.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        let mut differences = config_differences(&self.config, &stored);
        differences.retain(counts);
        differences.extend(version_difference(version_of(meta), rules.version.as_ref()));
        self.nearest.push(NearConfig { path, is_usable: meta.is_usable(), differences });
        Ok(())
    }

    /// What the index names is what is found, unless the directory says otherwise.
    fn usable_by_the_index(&self) -> Option<EntryPath> {
        let done = self.builds.iter().rev().find_map(|build| match &build.outcome {
            PastOutcome::Done(path) => EntryPath::parse(path).ok(),
            _ => None,
        })?;
        let is_there = self.found.as_ref() == Some(&done)
            || self.passed_over.iter().any(|(path, why)| *path == done && why.starts_with("another"));
        is_there.then_some(done)
    }
}

impl fmt::Display for Explanation {
    /// As lines of text, the answer first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.found {
            Some(path) => write!(f, "found: '{path}' holds {}", self.config)?,
            None => write!(f, "not found: no finished directory holds {}", self.config)?,
        }
        for build in &self.builds {
            write!(f, "\nbuild {}: {}", build.epoch, build.outcome)?;
        }
        for (path, why) in &self.passed_over {
            write!(f, "\nthe same config: '{path}', passed over: {why}")?;
        }
        match (&self.similar_type, self.of_this_type) {
            (Some(similar), _) => {
                let asked = self.config.type_name();
                write!(f, "\nthere is no directory of the type '{asked}'; did you mean '{similar}'?")?;
            }
            (None, 0) => write!(f, "\nthere is no directory of the type '{}'", self.config.type_name())?,
            (None, _) => {}
        }
        for near in &self.nearest {
            let lines = crate::config::DifferenceLines::new(&near.differences);
            let unusable = if near.is_usable { "" } else { ", not finished" };
            write!(f, "\nnear: '{}'{unusable}", near.path)?;
            for (asked, stored) in lines.this.iter().zip(&lines.other) {
                write!(f, "\n  asked {asked}   stored {stored}")?;
            }
        }
        for (path, error) in &self.unreadable {
            write!(f, "\nunreadable: '{path}': {error}")?;
        }
        Ok(())
    }
}

/// The metas of all directories in the root, by name.
async fn metas(root: &Root) -> Result<Vec<(EntryPath, Result<Option<Meta>, String>)>> {
    let listing = root.backend().list(&EntryPath::root()).await?;
    let mut looks: Vec<BoxFuture<'_, Result<_>>> = Vec::new();
    for entry in listing.entries.iter().filter(|entry| entry.kind == EntryKind::Directory) {
        let path = EntryPath::root().join(&entry.name)?;
        looks.push(Box::pin(async move {
            let meta = match read_meta(root, &path).await {
                Ok(read) => Ok(read.map(|(meta, _)| meta)),
                Err(error) => Err(error.chain()),
            };
            Ok((path, meta))
        }));
    }
    futures::stream::iter(looks).buffered(METAS_AT_ONCE).try_collect().await
}

async fn past_builds(root: &Root, key: Identity) -> Result<Vec<PastBuild>> {
    let backend = &**root.backend();
    let mut builds = Vec::new();
    for number in 0.. {
        let epoch = Epoch { key, number };
        let outcome = match read::<End>(backend, &epoch.end()?).await? {
            Some(End::Done { directory, .. }) => match read::<Retired>(backend, &epoch.retired()?).await? {
                None => PastOutcome::Done(directory),
                Some(Retired { reason: RetiredReason::Modified, .. }) => PastOutcome::Modified(directory),
                Some(Retired { reason: RetiredReason::Deleted, .. }) => PastOutcome::Removed(directory),
            },
            Some(End::Stopped { error, .. }) => PastOutcome::Failed(error),
            Some(End::Interrupted { directory, .. }) => PastOutcome::Interrupted(directory),
            Some(End::Abandoned { .. }) => PastOutcome::Abandoned,
            None => match read::<Claim>(backend, &epoch.claim()?).await? {
                Some(claim) => PastOutcome::Running(claim.process.to_string()),
                None => break,
            },
        };
        let is_last = matches!(outcome, PastOutcome::Running(_));
        builds.push(PastBuild { epoch: number, outcome });
        if is_last {
            break;
        }
    }
    Ok(builds)
}
