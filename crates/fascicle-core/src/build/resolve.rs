//! Finding or building a directory: what a caller asks, and what it is told.

use super::guard::BuildGuard;
use super::interruption::Interruption;
use super::search::Request;
use super::{Build, BuildResult};
use crate::config::{Config, IdentityRules};
use crate::{Directory, Identity, Result, Root};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// What happens when a directory at a given path has another config than the one asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMismatch {
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch), with the difference.
    #[default]
    Fail,
    /// The directory is returned as it is, with the difference as a warning.
    Warn,
}

/// How a directory is found or built.
#[derive(Clone, Debug, Default)]
pub struct ResolveOptions {
    /// The path it must have; `None` gives it an automatic name.
    pub path: Option<String>,
    /// How long to wait for somebody else who builds it; `None` waits as long as it takes.
    pub timeout: Option<Duration>,
    /// What happens when the directory at `path` has another config.
    pub on_mismatch: OnMismatch,
    /// Whether the build function can go on in the directory of a build that was [interrupted](crate::Interrupted).
    pub resume: bool,
    /// What asks the build function to stop halfway.
    pub interruption: Option<Interruption>,
}

impl ResolveOptions {
    /// Sets the path it must have.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Sets how long to wait for somebody else who builds it.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets whether the build function can go on in the directory of a build that was [interrupted](crate::Interrupted).
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Sets what asks the build function to stop halfway.
    #[must_use]
    pub fn interruption(mut self, interruption: Interruption) -> Self {
        self.interruption = Some(interruption);
        self
    }

    /// Sets what happens when the directory at the path has another config.
    #[must_use]
    pub fn on_mismatch(mut self, on_mismatch: OnMismatch) -> Self {
        self.on_mismatch = on_mismatch;
        self
    }
}

/// How a directory was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was there.
    Found,
    /// This caller built it.
    Built,
    /// Somebody else was building it, and was waited for.
    Waited,
    /// It was there, made by another program, and is known from now on.
    Adopted,
    /// This caller built it after another builder had died.
    TookOver,
}

impl Outcome {
    /// The stable machine-readable name.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Found => "found",
            Outcome::Built => "built",
            Outcome::Waited => "waited",
            Outcome::Adopted => "adopted",
            Outcome::TookOver => "took_over",
        }
    }
}

/// A directory that was found or built.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The directory; complete.
    pub directory: Directory,
    /// How it was come by.
    pub outcome: Outcome,
    /// Why: what stood in the way of finding it, who built it.
    pub reason: String,
    /// What the caller should know, such as a modified directory that was passed over.
    pub warnings: Vec<String>,
}

impl Root {
    /// Finds the finished directory of a config, or builds it by running its build function once, or waits for whoever is
    /// building it.
    ///
    /// Of any number of callers in any number of tasks, threads and processes one builds; all get the same directory, and
    /// nobody ever gets an unfinished one. A directory that was modified after it was done is passed over, with a warning
    /// in the log.
    ///
    /// - Cost of a hit: two small reads, whatever the number of directories.
    /// - Errors: `BuildFailed` with the build function's own error as source, for this caller and all who waited; the next
    ///   call builds again. `InvalidInput` for a build that asks for itself.
    pub async fn resolve<T: Build>(&self, config: &T) -> Result<Directory> {
        Ok(self.resolve_with(config, &ResolveOptions::default()).await?.directory)
    }

    /// Finds or builds with options, and says how the directory was come by.
    pub async fn resolve_with<T: Build>(&self, config: &T, options: &ResolveOptions) -> Result<Resolution> {
        let build = |directory: Directory| async move { config.build(&directory).await };
        let options = ResolveOptions { resume: options.resume || T::RESUMES, ..options.clone() };
        self.resolve_config(&config.config()?, &T::identity_rules(), &options, build).await
    }

    /// Finds or builds the directory of a config made at run time. `build` is called with the directory to fill.
    ///
    /// ```
    /// # use fascicle_core::{Root, ResolveOptions, Outcome, config::{Config, IdentityRules}};
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let root = Root::new(fascicle_memory::MemoryBackend::new());
    /// let config = Config::new("Cells").with("n_cells", 3);
    /// let built = root
    ///     .resolve_config(&config, &IdentityRules::default(), &ResolveOptions::default(), |dir| async move {
    ///         dir.put("cell_id", [0i64, 1, 2]).await?;
    ///         Ok(())
    ///     })
    ///     .await?;
    /// assert_eq!(built.outcome, Outcome::Built);
    /// # Ok::<(), fascicle_core::Error>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn resolve_config<B, F>(
        &self,
        config: &Config,
        rules: &IdentityRules,
        options: &ResolveOptions,
        build: B,
    ) -> Result<Resolution>
    where
        B: Fn(Directory) -> F + Sync,
        F: Future<Output = BuildResult> + Send,
    {
        let type_name = config.type_name().to_owned();
        let request = Request::new(self, config, rules, options)?;
        let resolution = request.resolve(&build).await.map_err(|error| {
            let at = options.path.clone().unwrap_or_else(|| format!("{type_name} in {}", self.location()));
            error.during("find or build").at(at)
        })?;
        resolution.warnings.iter().for_each(|warning| log::warn!("{warning}"));
        Ok(resolution)
    }

    /// Finds the finished directory of a config; `None` when there is none. Builds nothing and waits for nobody.
    pub async fn find<T: Build>(&self, config: &T) -> Result<Option<Directory>> {
        self.find_config(&config.config()?, &T::identity_rules()).await
    }

    /// Finds the finished directory of a config made at run time.
    pub async fn find_config(&self, config: &Config, rules: &IdentityRules) -> Result<Option<Directory>> {
        let options = ResolveOptions::default();
        let request = Request::new(self, config, rules, &options)?;
        Ok(request.find(&mut Vec::new()).await?.map(|path| Directory::at(self.clone(), path)))
    }
}

/// A build under way in this task.
#[derive(Clone, Debug)]
pub(super) struct StackEntry {
    /// Which opened place.
    pub root: usize,
    /// What the epochs are of.
    pub key: Identity,
    /// The claim.
    pub nonce: String,
    /// The build.
    pub guard: Arc<BuildGuard>,
    /// The root in which it builds.
    pub storage: Root,
}

/// The builds under way in this task, the outermost first.
#[derive(Clone, Debug, Default)]
pub(crate) struct BuildStack(pub(super) Vec<StackEntry>);

impl BuildStack {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of this task that are not over, or else those that gave out the root.
    pub(super) fn around(root: &Root) -> Self {
        let mut stack = current_stack();
        if stack.is_empty() {
            // The build function handed work to another task or thread.
            stack = root.builds().cloned().unwrap_or_default();
        }
        stack.0.retain(|entry| !entry.guard.is_over());
        stack
    }
}

tokio::task_local! {
    static STACK: BuildStack;
}

/// The builds under way in this task, to be taken along to another thread.
pub(crate) fn current_stack() -> BuildStack {
    STACK.try_with(Clone::clone).unwrap_or_default()
}

/// Runs a future as part of the builds of `stack`.
pub(crate) async fn with_stack<F: Future>(stack: BuildStack, future: F) -> F::Output {
    STACK.scope(stack, future).await
}
