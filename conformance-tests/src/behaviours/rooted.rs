//! Roots over the backend under test, and the builds that checks make in them.

pub(super) use fascicle_core::{
    BuildResult, Config, Directory, IdentityRules, Meta, OnMismatch, Outcome, PutOptions, Resolution,
    ResolveOptions, Root, RootOptions, Status,
};

use super::prelude::*;
use arrow_array::{Array, RecordBatch, StringArray};
use fascicle_backend::{Backend, RecordKey};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinHandle};

/// How roots find and build in checks: waiting costs no more than it must.
pub(super) fn quick() -> RootOptions {
    RootOptions { poll: (Duration::from_millis(1), Duration::from_millis(10)), ..RootOptions::default() }
}

impl Subject {
    /// A root on a new handle.
    pub(super) async fn root(&self) -> Result<Root, Failure> {
        Ok(Root::with_options(self.open_bare().await?, quick()))
    }

    /// Roots that know nothing of each other and share one handle.
    pub(super) async fn roots<const N: usize>(&self) -> Result<[Root; N], Failure> {
        let backend = self.open_bare().await?;
        Ok(std::array::from_fn(|_| Root::with_options(backend.clone(), quick())))
    }

    /// Roots that know nothing of each other, each on a new handle.
    pub(super) async fn opened_roots<const N: usize>(&self) -> Result<Vec<Root>, Failure> {
        let mut roots = Vec::with_capacity(N);
        for _ in 0..N {
            roots.push(self.root().await?);
        }
        Ok(roots)
    }
}

/// A root on a handle that is there, which knows nothing of what other roots know.
pub(super) fn root_over(backend: &Arc<dyn Backend>) -> Root {
    Root::with_options(backend.clone(), quick())
}

/// The config of a directory of the type `Cells`.
pub(super) fn cells(seed: i64) -> Config {
    Config::new("Cells").with("n_cells", 100).with("seed", seed)
}

/// A build function that counts how often it is run, see [`Builds::run`].
#[derive(Clone, Default)]
pub(super) struct Builds {
    runs: Arc<AtomicUsize>,
    pause: Duration,
}

impl Builds {
    /// A build function that takes some time between its two writes.
    pub(super) fn slow(pause: Duration) -> Self {
        Builds { pause, ..Builds::default() }
    }

    /// How often it was run.
    pub(super) fn count(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// Fills the directory with a file `content` and a file `inner/more`.
    pub(super) async fn run(&self, directory: Directory) -> BuildResult {
        self.runs.fetch_add(1, Ordering::SeqCst);
        directory.put_file("content", "some bytes").await?;
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        directory.put_file("inner/more", "more bytes").await?;
        Ok(())
    }

    /// Finds or builds the directory of a config.
    pub(super) async fn resolve(&self, root: &Root, config: &Config) -> Result<Resolution> {
        self.resolve_with(root, config, &IdentityRules::default(), &ResolveOptions::default()).await
    }

    /// Finds or builds the directory of a config at a path.
    pub(super) async fn resolve_at(&self, root: &Root, config: &Config, path: &str) -> Result<Resolution> {
        let options = ResolveOptions::default().at(path);
        self.resolve_with(root, config, &IdentityRules::default(), &options).await
    }

    pub(super) async fn resolve_with(
        &self,
        root: &Root,
        config: &Config,
        rules: &IdentityRules,
        options: &ResolveOptions,
    ) -> Result<Resolution> {
        root.resolve_config(config, rules, options, |directory| self.run(directory)).await
    }
}

/// Finds or builds the directory of a config with a build function that fails.
pub(super) async fn fail_to_build(root: &Root, config: &Config, why: &str) -> Result<Resolution> {
    let build = |directory: Directory| async move {
        directory.put_file("content", "half of it").await?;
        Err(why.into())
    };
    root.resolve_config(config, &IdentityRules::default(), &ResolveOptions::default(), build).await
}

/// The directory of a config, if it is found without being built.
pub(super) async fn found(root: &Root, config: &Config) -> Result<Option<Directory>> {
    root.find_config(config, &IdentityRules::default()).await
}

/// Expects what [`Builds::run`] makes, finished and unchanged.
pub(super) async fn is_complete(directory: &Directory) -> Checked {
    let path = directory.path();
    let meta = directory.meta().await?;
    let Some(meta) = meta else {
        return Err(Failure::new(format!("'{path}' has no meta")));
    };
    ensure!(meta.is_usable(), "'{path}' is {}, modified: {}", meta.status, meta.modified);
    ensure_eq!(directory.names().await?, ["content", "inner"], "the names in '{path}'");
    ensure_eq!(directory.file("content").await?.read().await?, "some bytes".as_bytes(), "a file");
    ensure_eq!(directory.file("inner/more").await?.read().await?, "more bytes".as_bytes(), "a file");
    Ok(())
}

/// How a directory was come by, and its path.
pub(super) fn told(resolution: &Resolution) -> (Outcome, &str) {
    (resolution.outcome, resolution.directory.path().as_str())
}

/// A build that waits until it is told to go on.
pub(super) struct Held {
    begun: watch::Sender<bool>,
    go_on: watch::Sender<bool>,
    /// What it writes after it was told to go on.
    last: &'static str,
}

impl Held {
    /// A build that comes to what [`Builds::run`] makes.
    pub(super) fn new() -> Arc<Self> {
        Held::that_ends_with("more bytes")
    }

    /// A build that writes something of its own in the end.
    pub(super) fn that_ends_with(last: &'static str) -> Arc<Self> {
        Arc::new(Held { begun: watch::Sender::new(false), go_on: watch::Sender::new(false), last })
    }

    /// Finds or builds on a task of its own; the build says that it has begun and waits.
    pub(super) fn resolve(self: &Arc<Self>, root: &Root, config: &Config) -> JoinHandle<Result<Resolution>> {
        let (held, root, config) = (self.clone(), root.clone(), config.clone());
        tokio::spawn(async move {
            let build = |directory: Directory| {
                let held = held.clone();
                async move {
                    directory.put_file("content", "some bytes").await?;
                    held.begun.send_replace(true);
                    held.go_on.subscribe().wait_for(|go_on| *go_on).await?;
                    directory.put_file("inner/more", held.last).await?;
                    Ok(())
                }
            };
            root.resolve_config(&config, &IdentityRules::default(), &ResolveOptions::default(), build).await
        })
    }

    pub(super) async fn has_begun(&self) -> Checked {
        self.begun.subscribe().wait_for(|begun| *begun).await?;
        Ok(())
    }

    pub(super) fn go_on(&self) {
        self.go_on.send_replace(true);
    }
}

/// Sixty milliseconds, and longer on storage whose answers take their time: builders that show no sign of life for so long are
/// taken for dead, while nobody who is asked at the storage's own pace is.
pub(super) async fn short_lease(backend: &Arc<dyn Backend>) -> Result<Duration> {
    let begin = Instant::now();
    for _ in 0..3 {
        backend.records().read(&RecordKey::parse("v1/pace")?).await?;
    }
    Ok(Duration::from_millis(60) + (begin.elapsed() * 20).min(Duration::from_secs(3)))
}

/// How a root shows signs of life, every `beat`, and believes in those of others, for no longer than `lease`.
pub(super) fn alive(beat: Duration, lease: Duration) -> RootOptions {
    let poll = (Duration::from_millis(2), Duration::from_millis(5));
    RootOptions { beat, lease, poll, ..quick() }
}

/// A root whose builds show no sign of life and soon look dead.
pub(super) async fn silent_root(backend: &Arc<dyn Backend>) -> Result<Root> {
    let options = alive(Duration::from_secs(60), short_lease(backend).await?);
    Ok(Root::with_options(backend.clone(), options))
}

/// What each of these tasks came to.
pub(super) async fn joined<T>(tasks: Vec<JoinHandle<Result<T, Failure>>>) -> Result<Vec<T>, Failure> {
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        answers.push(task.await??);
    }
    Ok(answers)
}

/// The names of the directories of the root.
pub(super) async fn names(root: &Root) -> Result<Vec<String>> {
    root.as_dir().names().await
}

/// A cell of a column of text; `None` for a null, and where there is no such column.
pub(super) fn text_cell(table: &RecordBatch, column: &str, row: usize) -> Option<String> {
    let column = table.column_by_name(column)?.as_any().downcast_ref::<StringArray>()?;
    column.is_valid(row).then(|| column.value(row).to_owned())
}

/// Removes all records, as somebody who tidies up would.
pub(super) async fn lose_the_index(root: &Root) -> Checked {
    let records = root.backend().records();
    let keys = records.list(&RecordKey::parse("v1")?).await?;
    ensure!(!keys.is_empty(), "there are no records to lose");
    for key in keys {
        records.remove(&key).await?;
    }
    Ok(())
}
