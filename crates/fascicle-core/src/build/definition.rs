//! What describes a build: a config type and the function that fills a directory.

use crate::config::{Config, IdentityRules};
use crate::{Directory, Result, Root};
use serde::{Serialize, de::DeserializeOwned};
use std::future::Future;

/// What a build function returns: any error may be given back with `?`.
pub type BuildResult = std::result::Result<(), Box<dyn std::error::Error + Send + Sync + 'static>>;

/// A config that knows how to build its directory.
///
/// The fields that serde sees are the config. The type's name is the last part of the Rust name unless `TYPE` says
/// otherwise.
///
/// ```
/// use fascicle_core::{Build, BuildResult, Directory, Root, config::IdentityRules};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Cells {
///     n_cells: usize,
///     seed: u64,
/// }
///
/// impl Build for Cells {
///     async fn build(&self, dir: &Directory) -> BuildResult {
///         dir.put("cell_id", (0..self.n_cells as i64).collect::<Vec<_>>()).await?;
///         Ok(())
///     }
/// }
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let root = Root::new(fascicle_memory::MemoryBackend::new());
/// let cells = root.resolve(&Cells { n_cells: 100, seed: 0 }).await?; // built
/// let again = root.resolve(&Cells { n_cells: 100, seed: 0 }).await?; // found
/// assert_eq!((cells.name(), again.name()), ("Cells_0000", "Cells_0000"));
/// # Ok::<(), fascicle_core::Error>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Build: Serialize + DeserializeOwned + Send + Sync {
    /// The type's name in configs and directory names; `None` takes the last part of the Rust type's name.
    const TYPE: Option<&'static str> = None;

    /// Whether [`Build::build`] goes on in the directory of a build that was [interrupted](crate::Interrupted), where it finds
    /// everything that was written; [`Directory::resumed_from`] says how far that one got.
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
    fn build(&self, directory: &Directory) -> impl Future<Output = BuildResult> + Send;

    /// The name in configs and directory names.
    fn type_name() -> String {
        type_name::<Self>(Self::TYPE)
    }

    /// The config with the declared defaults filled in. Fails with [`InvalidInput`](crate::ErrorKind::InvalidInput) for
    /// fields that no config can hold.
    fn config(&self) -> Result<Config> {
        let config = Config::from_serialize(Self::type_name(), self)?;
        Ok(Self::identity_rules().complete(&config)?)
    }

    /// Finds or builds the directory in the root that is in force, see [`crate::roots`].
    fn resolve(&self) -> impl Future<Output = Result<Directory>> + Send
    where
        Self: Sized,
    {
        async { crate::roots::for_type::<Self>()?.resolve(self).await }
    }
}

/// The name of a type in configs and directory names: the one given, or the last part of its Rust name.
pub(crate) fn type_name<T>(given: Option<&str>) -> String {
    let rust_name = std::any::type_name::<T>().split('<').next().unwrap_or_default();
    given.unwrap_or_else(|| rust_name.rsplit("::").next().unwrap_or(rust_name)).to_owned()
}

/// A root that a type prefers.
#[derive(Clone, Debug)]
pub struct PinnedRoot {
    /// The root.
    pub root: Root,
    /// How strongly it is preferred.
    pub precedence: Precedence,
}

/// How strongly a type's own root is preferred to others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precedence {
    /// It gives way to a default root and to a scoped one.
    Weak,
    /// It gives way to a scoped root.
    #[default]
    Normal,
    /// It always holds.
    Strong,
}
