//! Configurations and metas as YAML, read and written exactly as ruamel.yaml and hence datamate hold them.
//!
//! What a plain scalar means is decided as ruamel.yaml does by default, that is by YAML 1.2: `no` is text, `012` is
//! twelve, `1_000` is a thousand, `1e-5` is a float, `1:30` is text. There are three deliberate differences. Dates
//! and time stamps stay text, since configurations have no such type. What makes ruamel.yaml fail (`0x_`,
//! `2001-02-30`) is text. An integer beyond 128 bits is an error.
//!
//! Documents come from shared folders, so reading is bounded in size, nodes and depth, and refuses what no writer of
//! configurations needs: anchors, aliases, merge keys, unknown tags, directives, several documents.

mod binary;
mod read;
mod resolve;
mod write;

pub(crate) use binary::encode_base64;
pub use read::{DOCUMENT_BYTE_LIMIT, NODE_LIMIT, read_yaml, read_yaml_bytes};
pub use resolve::resolve_plain_scalar;
pub(crate) use write::write_double_quoted;
pub use write::write_yaml;

#[cfg(test)]
mod golden_test;
#[cfg(test)]
mod written_test;
