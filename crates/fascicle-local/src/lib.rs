//! Atomic files, records and locks on a local file system.
