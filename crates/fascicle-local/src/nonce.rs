//! Names that nobody else chooses.

use fascicle_backend::{Error, ErrorKind, Result};
use std::fmt::Write;

/// 32 hexadecimal digits from the system's random source.
pub(crate) fn nonce() -> Result<String> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(ErrorKind::Unavailable, format!("the system gives no random numbers: {error}"))
    })?;
    Ok(bytes.iter().fold(String::with_capacity(32), |mut text, byte| {
        // Writing into a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
