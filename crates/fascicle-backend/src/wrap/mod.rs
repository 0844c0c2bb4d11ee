//! Wrappers: backends made of a backend.
//!
//! [`Enforced`] is always on. [`observed`] lets an [`Observer`] see, and refuse, every call; [`ReadOnly`],
//! [`Faults`] and [`CallCounts`] are observers.

mod counting;
mod enforced;
mod faulty;
mod maintained;
mod observed;
mod operation;
mod read_only;

pub use counting::CallCounts;
pub use enforced::Enforced;
pub use faulty::{Faults, Moment};
pub use observed::{Observed, Observer, observed};
pub use operation::Operation;
pub use read_only::ReadOnly;
