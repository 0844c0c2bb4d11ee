//! Checks of the workspace itself: dependency arrows, module documentation, one shape for all backends.
//!
//! There is nothing here but tests, in `tests/`.
