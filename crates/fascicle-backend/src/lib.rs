//! The contract between a fascicle Directory and a storage backend.
