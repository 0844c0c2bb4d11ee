//! Which root is in force: the default one, a scoped one, or one that a type prefers.
//!
//! - The **default root** holds for the whole process ([`set_default`]).
//! - A **scoped root** holds within a future ([`scope`]) or a closure ([`scope_blocking`]), and only there: for the task that
//!   awaits the future, or the thread that runs the closure. Scopes nest; the innermost holds.
//! - A type's **own root** ([`Build::pinned_root`]) gives way or not according to its [`Precedence`]:
//!
//! | precedence | no other root | default root | scoped root |
//! |---|---|---|---|
//! | `Weak` | own | default | scoped |
//! | `Normal` | own | own | scoped |
//! | `Strong` | own | own | own |

use crate::{Build, Error, ErrorKind, PinnedRoot, Precedence, Result, Root};
use std::future::Future;
use std::sync::{PoisonError, RwLock};

static DEFAULT: RwLock<Option<Root>> = RwLock::new(None);

tokio::task_local! {
    static SCOPE: Root;
}

/// Sets the default root of this process, for all its threads and tasks; `None` takes it away.
pub fn set_default(root: Option<Root>) {
    *DEFAULT.write().unwrap_or_else(PoisonError::into_inner) = root;
}

/// The default root of this process.
pub fn default() -> Option<Root> {
    DEFAULT.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Runs a future within which `root` is in force. Tasks that it spawns are outside.
pub async fn scope<F: Future>(root: Root, future: F) -> F::Output {
    SCOPE.scope(root, future).await
}

/// Runs a closure within which `root` is in force, on this thread.
pub fn scope_blocking<R>(root: Root, run: impl FnOnce() -> R) -> R {
    SCOPE.sync_scope(root, run)
}

/// The innermost scoped root of this task or thread.
pub fn scoped() -> Option<Root> {
    SCOPE.try_with(Clone::clone).ok()
}

/// The root in force where no type has a say: the scoped one, else the default one. Fails with
/// [`ErrorKind::InvalidInput`] when there is neither.
pub fn current() -> Result<Root> {
    scoped().or_else(default).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "there is no root")
            .hint("set one with roots::set_default or roots::scope, or open one and use its methods")
    })
}

/// The root in force for a type. Fails as [`current`], and with the type's own error.
pub fn for_type<T: Build>() -> Result<Root> {
    prefer(T::pinned_root()?)
}

/// The root in force for a type whose own root is `pinned`. Fails as [`current`].
pub(crate) fn prefer(pinned: Option<PinnedRoot>) -> Result<Root> {
    let Some(pinned) = pinned else { return current() };
    let other = match pinned.precedence {
        Precedence::Strong => None,
        Precedence::Normal => scoped(),
        Precedence::Weak => scoped().or_else(default),
    };
    Ok(other.unwrap_or(pinned.root))
}
