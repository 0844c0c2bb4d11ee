//! Object store servers on loopback, for tests alone.
//!
//! - [`ObjectServer`] runs in the test's process: the XML dialects of S3 and of Google Cloud Storage over one mutex, so that
//!   every request is atomic. It counts requests, and it can be slow, fail, and lose its answers. It is test code: what it proves
//!   about Google Cloud Storage is only that requests and answers fit together as documented there.
//! - [`MotoServer`] is moto, an S3 server in Python, with one lock around every request: without it, moto lets two conditional
//!   writes win at once.
//! - [`AzuriteServer`] is Azurite, the emulator of Azure Blob Storage by its makers.
//!
//! [`Rotation`] starts a new one of them for every so many places.
//!
//! All listen on a free port of 127.0.0.1 and are stopped when they are dropped.
//!
//! Made for tests, everything here panics when it cannot do what it is asked for.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code fails by panicking")]

mod azurite;
mod buckets;
mod faults;
mod listing;
mod moto;
mod process;
mod request;
mod respond;
mod rotation;
mod server;

pub use azurite::AzuriteServer;
pub use buckets::StoredObject;
pub use faults::{Fault, FaultKind};
pub use moto::MotoServer;
pub use request::{RequestKind, SeenRequest};
pub use rotation::Rotation;
pub use server::{ACCESS_KEY, BEARER_TOKEN, ObjectServer, SECRET_KEY};
