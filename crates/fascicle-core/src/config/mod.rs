//! Configurations: their values, how they are written and read, what identifies them, and how two of them differ.
//!
//! Everything here is pure: no input or output, no clock, no randomness.

mod arguments;
mod canonical;
mod configuration;
mod conversions;
mod decode;
mod deserialize;
mod diff;
mod error;
mod flatten;
mod identity;
mod paths;
mod serialize;
mod serialize_key;
mod value;
pub mod yaml;

pub(crate) use canonical::{encode_text, encode_value};

pub use arguments::{parse_argument_value, parse_arguments};
pub use configuration::{Config, TYPE_KEY};
pub use diff::{Difference, DifferenceKind, DifferenceLines, config_differences, differences};
pub use error::{ConfigError, ConfigErrorKind, closest_name};
pub use flatten::{SideBySide, flatten};
pub use identity::{CANONICAL_FORMAT_VERSION, Identity, IdentityRules, canonical_bytes, identity, matches};
pub use value::{DEPTH_LIMIT, Map, Value, lookup};
pub use yaml::{read_yaml, read_yaml_bytes, write_yaml};

#[cfg(test)]
mod testing;

#[cfg(test)]
mod decode_test;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod identity_vectors_test;
