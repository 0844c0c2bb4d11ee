//! What describes a build whose function is not asynchronous.

use super::{Directory, Root, wait};
use crate::config::{Config, IdentityRules};
use crate::{BuildResult, Explanation, Outcome, PinnedRoot, ResolveOptions, Result};
use serde::{Serialize, de::DeserializeOwned};

/// A config that knows how to build its directory, as [`crate::Build`] with a build function that is not asynchronous.
///
/// Both give the same identity to the same type and fields, so that one finds what the other built.
pub trait Build: Serialize + DeserializeOwned + Send + Sync {
    /// The type's name in configs and directory names; `None` takes the last part of the Rust type's name.
    const TYPE: Option<&'static str> = None;

    /// Whether [`Build::build`] goes on in the directory of a build that was [interrupted](crate::Interrupted), as
    /// [`crate::Build::RESUMES`].
    const RESUMES: bool = false;

    /// What makes two configs the same: declared defaults, excluded fields, the version of the build code, old names of
    /// fields.
    fn identity_rules() -> IdentityRules {
        IdentityRules::default()
    }

    /// A root that this type prefers, and how strongly.
    fn pinned_root() -> Result<Option<PinnedRoot>> {
        Ok(None)
    }

    /// Fills the directory. Called once for each config; when it fails, what it wrote is never found.
    fn build(&self, directory: &Directory) -> BuildResult;

    /// The name in configs and directory names.
    fn type_name() -> String {
        crate::build::type_name::<Self>(Self::TYPE)
    }

    /// The config with the declared defaults filled in. Fails with [`InvalidInput`](crate::ErrorKind::InvalidInput) for
    /// fields that no config can hold.
    fn config(&self) -> Result<Config> {
        let config = Config::from_serialize(Self::type_name(), self)?;
        Ok(Self::identity_rules().complete(&config)?)
    }

    /// Finds or builds the directory in the root that is in force, see [`crate::roots`].
    fn resolve(&self) -> Result<Directory>
    where
        Self: Sized,
    {
        Root::from(crate::roots::prefer(Self::pinned_root()?)?).resolve(self)
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

impl From<crate::Resolution> for Resolution {
    fn from(resolution: crate::Resolution) -> Self {
        let crate::Resolution { directory, outcome, reason, warnings } = resolution;
        Resolution { directory: directory.into(), outcome, reason, warnings }
    }
}

impl Root {
    /// Finds the finished directory of a config, or builds it by running its build function once, or waits for whoever is
    /// building it. As [`crate::Root::resolve`].
    pub fn resolve<T: Build>(&self, config: &T) -> Result<Directory> {
        Ok(self.resolve_with(config, &ResolveOptions::default())?.directory)
    }

    /// Finds or builds with options, and says how the directory was come by.
    pub fn resolve_with<T: Build>(&self, config: &T, options: &ResolveOptions) -> Result<Resolution> {
        let options = ResolveOptions { resume: options.resume || T::RESUMES, ..options.clone() };
        self.resolve_config(&config.config()?, &T::identity_rules(), &options, |directory| {
            config.build(directory)
        })
    }

    /// Finds or builds the directory of a config made at run time. `build` is called with the directory to fill.
    ///
    /// ```
    /// # use fascicle_core::{blocking::Root, ResolveOptions, Outcome, config::{Config, IdentityRules}};
    /// # let root = Root::new(fascicle_memory::MemoryBackend::new());
    /// let config = Config::new("Cells").with("n_cells", 3);
    /// let built = root.resolve_config(&config, &IdentityRules::default(), &ResolveOptions::default(), |dir| {
    ///     dir.put("cell_id", [0i64, 1, 2])?;
    ///     Ok(())
    /// })?;
    /// assert_eq!(built.outcome, Outcome::Built);
    /// # Ok::<(), fascicle_core::Error>(())
    /// ```
    pub fn resolve_config(
        &self,
        config: &Config,
        rules: &IdentityRules,
        options: &ResolveOptions,
        build: impl Fn(&Directory) -> BuildResult + Sync,
    ) -> Result<Resolution> {
        let build = &build;
        let build = |directory: crate::Directory| async move { build(&directory.into()) };
        Ok(wait(self.inner.resolve_config(config, rules, options, build))?.into())
    }

    /// Finds the finished directory of a config; `None` when there is none. Builds nothing and waits for nobody.
    pub fn find<T: Build>(&self, config: &T) -> Result<Option<Directory>> {
        self.find_config(&config.config()?, &T::identity_rules())
    }

    /// Why a config is found or not, as [`crate::Root::explain`].
    pub fn explain<T: Build>(&self, config: &T) -> Result<Explanation> {
        self.explain_config(&config.config()?, &T::identity_rules())
    }

    /// The same for a config made at run time.
    pub fn explain_config(&self, config: &Config, rules: &IdentityRules) -> Result<Explanation> {
        wait(self.inner.explain_config(config, rules))
    }

    /// Finds the finished directory of a config made at run time.
    pub fn find_config(&self, config: &Config, rules: &IdentityRules) -> Result<Option<Directory>> {
        Ok(wait(self.inner.find_config(config, rules))?.map(Directory::from))
    }
}
