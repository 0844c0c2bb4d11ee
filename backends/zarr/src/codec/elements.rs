//! The elements of a chunk in memory, in C order.

use crate::fill::Fill;
use bytes::Bytes;
use fascicle_backend::{Error, ErrorKind, Result};

/// The elements of a chunk, in C order.
#[derive(Clone, Debug)]
pub(crate) enum Elements {
    /// In native byte order, perhaps just as they were fetched.
    Fetched(Bytes),
    /// In native byte order.
    Bytes(Vec<u8>),
    /// Texts.
    Text(Vec<String>),
}

impl Elements {
    /// `count` times the fill value. The memory is reserved before it is touched.
    pub(crate) fn filled(fill: &Fill, count: u64) -> Result<Self> {
        let too_large = || {
            Error::new(
                ErrorKind::LimitExceeded,
                format!("a chunk of {count} elements does not fit into memory"),
            )
        };
        let count = usize::try_from(count).map_err(|_| too_large())?;
        match fill {
            Fill::Bytes(element) if element.iter().all(|byte| *byte == 0) => {
                let size = count.checked_mul(element.len()).ok_or_else(too_large)?;
                let mut bytes: Vec<u8> = Vec::new();
                bytes.try_reserve_exact(size).map_err(|error| too_large().caused_by(error))?;
                bytes.resize(size, 0);
                Ok(Elements::Bytes(bytes))
            }
            Fill::Bytes(element) => {
                let size = count.checked_mul(element.len()).ok_or_else(too_large)?;
                let mut bytes: Vec<u8> = Vec::new();
                bytes.try_reserve_exact(size).map_err(|error| too_large().caused_by(error))?;
                for _ in 0..count {
                    bytes.extend_from_slice(element);
                }
                Ok(Elements::Bytes(bytes))
            }
            Fill::Text(text) => {
                let mut texts: Vec<String> = Vec::new();
                texts.try_reserve_exact(count).map_err(|error| too_large().caused_by(error))?;
                texts.resize(count, text.clone());
                Ok(Elements::Text(texts))
            }
        }
    }

    /// The bytes; empty for text.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Elements::Fetched(bytes) => bytes,
            Elements::Bytes(bytes) => bytes,
            Elements::Text(_) => &[],
        }
    }

    /// The texts; empty for anything else.
    pub(crate) fn texts(&self) -> &[String] {
        match self {
            Elements::Text(texts) => texts,
            _ => &[],
        }
    }

    /// The same elements where they can be changed.
    pub(crate) fn into_owned(self) -> Self {
        match self {
            Elements::Fetched(bytes) => Elements::Bytes(bytes.into()),
            owned => owned,
        }
    }
}
