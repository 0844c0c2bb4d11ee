//! The strict in-memory backend of fascicle: the reference for what the contract means, and the default in tests.
//!
//! Everything is one tree of nodes behind one lock, so that each call is one atomic step. Data is kept exactly as long
//! as a handle lives; clones of a [`MemoryBackend`] share it. All capabilities are declared but
//! [`Durable`](fascicle_backend::Capability::Durable). Codecs and chunks are accepted and change nothing but what
//! `describe` says of chunks.
//!
//! ```
//! use fascicle_backend::{Backend, EntryPath};
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let backend = fascicle_memory::MemoryBackend::new();
//! backend.create_directory(&EntryPath::parse("cells")?, "config: {}\n".into()).await?;
//! assert_eq!(backend.list(&EntryPath::root()).await?.entries.len(), 1);
//! # Ok::<(), fascicle_backend::Error>(())
//! # }).unwrap();
//! ```

mod array;
mod backend;
mod file;
mod maintenance;
mod meta;
mod node;
mod record;
mod table;
#[cfg(test)]
mod tests;

pub use backend::MemoryBackend;
