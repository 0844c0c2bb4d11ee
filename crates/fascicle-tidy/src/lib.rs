//! Checks of the workspace itself: dependency arrows, documents that must be current.
