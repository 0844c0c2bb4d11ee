//! The text form of `!!binary`: Base64 with padding, spread over any number of lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::config::error::{ConfigError, ConfigErrorKind};

pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn decode_base64(text: &str) -> Result<Vec<u8>, ConfigError> {
    let packed: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    STANDARD.decode(packed).map_err(|error| {
        ConfigError::new(ConfigErrorKind::Syntax, format!("`!!binary` isn't Base64: {error}"))
    })
}
