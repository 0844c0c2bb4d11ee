//! How a store is opened and used.

use crate::{LocalStoreOptions, StoreOptions, StorePlace};
use fascicle_backend::Result;
use std::time::Duration;

/// What opens a [`Store`](crate::Store).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// Where it is.
    pub place: StorePlace,
    /// Options by the `object_store` crate's own keys. They come before what the environment says.
    pub options: StoreOptions,
    /// Limits of time, number and size.
    pub limits: StoreLimits,
    /// For local places.
    pub local: LocalStoreOptions,
    /// Whether whoever opens it is only going to read. Then nothing is found out about the store by writing to it.
    pub read_only: bool,
    /// How callers coordinate where the store has no conditional writes.
    pub coordination: Coordination,
}

/// How callers coordinate, as for building a directory once, where a store has no conditional writes. Where it has them, they
/// coordinate by them, whatever is said here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Coordination {
    /// They do not: creating a record is refused with `Unsupported`.
    #[default]
    Refused,
    /// By records in another store that has conditional writes. It is for one place alone, and everybody who uses that place names
    /// the same one.
    Elsewhere(Box<StoreConfig>),
    /// Not beyond this process: the caller promises that no other one builds there.
    WithinProcess,
}

impl StoreConfig {
    /// The store at a URL or path, see [`StorePlace::parse`], without options.
    pub fn new(place: &str) -> Result<Self> {
        Ok(StoreConfig {
            place: StorePlace::parse(place)?,
            options: StoreOptions::new(),
            limits: StoreLimits::default(),
            local: LocalStoreOptions::default(),
            read_only: false,
            coordination: Coordination::default(),
        })
    }

    /// Replaces the options.
    #[must_use]
    pub fn with_options(mut self, options: impl Into<StoreOptions>) -> Self {
        self.options = options.into();
        self
    }

    /// Replaces the limits.
    #[must_use]
    pub fn with_limits(mut self, limits: StoreLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Replaces the options of local places.
    #[must_use]
    pub fn with_local(mut self, local: LocalStoreOptions) -> Self {
        self.local = local;
        self
    }

    /// Sets whether whoever opens it is only going to read.
    #[must_use]
    pub fn with_read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Sets how callers coordinate where the store has no conditional writes.
    #[must_use]
    pub fn with_coordination(mut self, coordination: Coordination) -> Self {
        self.coordination = coordination;
        self
    }
}

/// Limits of a store's use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long a request may take, its body included.
    pub request_timeout: Duration,
    /// How often a request is made again that the service could not answer.
    pub max_retries: usize,
    /// How long an operation goes on making requests again.
    pub retry_timeout: Duration,
    /// How many requests of one operation are under way at once, at least 1.
    pub concurrency: usize,
    /// The size of the parts in which large files are uploaded, from 5 MiB on. Files up to this size go in one piece.
    pub part_bytes: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        StoreLimits {
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(60),
            max_retries: 5,
            retry_timeout: Duration::from_secs(60),
            concurrency: 16,
            part_bytes: 8 << 20,
        }
    }
}

impl StoreLimits {
    /// The least that the services take for a part of an upload.
    pub const LEAST_PART_BYTES: usize = 5 << 20;
}
