//! What one behaviour is: its name, the sentence it holds a backend to, when it applies, and its check.

use crate::{Checked, Need, Subject};
use futures::future::BoxFuture;

/// Finds out whether a backend behaves as the contract says.
pub type Check = fn(Subject) -> BoxFuture<'static, Checked>;

/// One thing that every backend does, or that every backend with certain capabilities does.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// `area::what_holds`, unique.
    pub name: &'static str,
    /// The sentence that a backend is held to.
    pub contract: &'static str,
    /// When it applies: all of these must be met, and an empty list is always met.
    pub needs: &'static [Need],
    /// The check, made at a place of its own.
    pub check: Check,
}

impl Behaviour {
    /// What its name begins with.
    pub fn area(&self) -> &'static str {
        self.name.split("::").next().unwrap_or(self.name)
    }
}

/// Makes the list of one area. Each item is the sentence of a behaviour, the name of the function that checks it, and
/// the capabilities it needs, those that must not be declared with a `!`.
macro_rules! behaviours {
    ($area:literal $( $(#[doc = $contract:literal])+ $name:ident [$($needs:tt)*]; )+) => {
        pub(super) fn behaviours() -> Vec<$crate::Behaviour> {
            vec![$(
                $crate::Behaviour {
                    name: concat!($area, "::", stringify!($name)),
                    contract: concat!($($contract),+).trim(),
                    needs: $crate::behaviour::needs!(@ [] $($needs)*),
                    check: |subject| Box::pin($name(subject)),
                }
            ),+]
        }
    };
}

/// The needs of one behaviour, see [`behaviours`].
macro_rules! needs {
    (@ [$($done:expr,)*]) => { &[$($done,)*] };
    (@ [$($done:expr,)*] ! $capability:ident $(, $($rest:tt)*)?) => {
        $crate::behaviour::needs!(
            @ [$($done,)* $crate::Need::Undeclared(fascicle_backend::Capability::$capability),] $($($rest)*)?
        )
    };
    (@ [$($done:expr,)*] $capability:ident $(, $($rest:tt)*)?) => {
        $crate::behaviour::needs!(
            @ [$($done,)* $crate::Need::Declared(fascicle_backend::Capability::$capability),] $($($rest)*)?
        )
    };
}

pub(crate) use {behaviours, needs};
