//! Under which keys the chunks of an array are stored.
//!
//! The keys of chunks are fixed by their positions, so an array that replaces another one would overwrite the chunks that
//! readers are still reading. Zarr knows several ways of writing these keys, and three of them never meet, whatever the
//! number of axes: those are the key spaces. A new array takes one that is free, and appears by one write of `zarr.json`,
//! which says which one it is.

use fascicle_backend::{Error, ErrorKind, Result};
use serde_json::{Value, json};

/// A `chunk_key_encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkKeyEncoding {
    /// Whether keys begin with `c`, as is the default of version 3.
    pub(crate) has_prefix: bool,
    pub(crate) separator: char,
}

/// Keys that never meet those of another key space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeySpace {
    /// `c/0/1`; `c` for a scalar.
    Slashes,
    /// `0/1`; `0` for a scalar.
    Bare,
    /// `c.0.1`. A scalar's would be that of [`KeySpace::Slashes`].
    Dots,
}

impl KeySpace {
    pub(crate) const ALL: [KeySpace; 3] = [KeySpace::Slashes, KeySpace::Bare, KeySpace::Dots];

    /// The name in claims.
    pub(crate) fn name(self) -> &'static str {
        match self {
            KeySpace::Slashes => "slashes",
            KeySpace::Bare => "bare",
            KeySpace::Dots => "dots",
        }
    }

    /// The encoding that new arrays in this space have; `None` when arrays of the rank cannot be there.
    pub(crate) fn encoding(self, rank: usize) -> Option<ChunkKeyEncoding> {
        match self {
            KeySpace::Slashes => Some(ChunkKeyEncoding { has_prefix: true, separator: '/' }),
            KeySpace::Bare => Some(ChunkKeyEncoding { has_prefix: false, separator: '/' }),
            KeySpace::Dots if rank > 0 => Some(ChunkKeyEncoding { has_prefix: true, separator: '.' }),
            KeySpace::Dots => None,
        }
    }

    /// Whether a key, relative to the array, lies in this space.
    pub(crate) fn contains(self, key: &str) -> bool {
        match self {
            KeySpace::Slashes => key == "c" || key.starts_with("c/"),
            KeySpace::Bare => key.starts_with(|first: char| first.is_ascii_digit()),
            KeySpace::Dots => key.starts_with("c."),
        }
    }
}

impl ChunkKeyEncoding {
    /// The space that chunks of this encoding lie in.
    pub(crate) fn key_space(self, rank: usize) -> KeySpace {
        match (self.has_prefix, self.separator) {
            (false, _) => KeySpace::Bare,
            (true, '.') if rank > 0 => KeySpace::Dots,
            (true, _) => KeySpace::Slashes,
        }
    }

    /// The indices of the chunk under a key of this encoding, of an array of this rank; `None` for any other key.
    pub(crate) fn indices(self, key: &str, rank: usize) -> Option<Vec<u64>> {
        let indices: Option<Vec<u64>> = match (self.has_prefix, rank) {
            (_, 0) => Some(Vec::new()),
            (true, _) => key
                .strip_prefix('c')?
                .strip_prefix(self.separator)?
                .split(self.separator)
                .map(number)
                .collect(),
            (false, _) => key.split(self.separator).map(number).collect(),
        };
        indices.filter(|indices| indices.len() == rank && self.key(indices) == key)
    }

    /// The key of a chunk, relative to the array.
    pub(crate) fn key(self, indices: &[u64]) -> String {
        let mut key = String::with_capacity(2 + indices.len() * 4);
        if self.has_prefix {
            key.push('c');
        } else if indices.is_empty() {
            key.push('0');
        }
        for (axis, index) in indices.iter().enumerate() {
            if axis > 0 || self.has_prefix {
                key.push(self.separator);
            }
            key.push_str(&index.to_string());
        }
        key
    }

    pub(crate) fn to_json(self) -> Value {
        let name = if self.has_prefix { "default" } else { "v2" };
        json!({"name": name, "configuration": {"separator": self.separator.to_string()}})
    }

    pub(crate) fn from_json(value: &Value) -> Result<Self> {
        let (name, separator) = match value {
            Value::String(name) => (Some(name.as_str()), None),
            value => (value.get("name").and_then(Value::as_str), value.pointer("/configuration/separator")),
        };
        let has_prefix = match name {
            Some("default") => true,
            Some("v2") => false,
            Some(name) => {
                let name: String = name.chars().take(60).collect();
                let why = format!("the array has the chunk key encoding '{name}', which is not read here");
                return Err(Error::new(ErrorKind::Unsupported, why));
            }
            None => return Err(Error::new(ErrorKind::Corrupt, "the chunk key encoding has no name")),
        };
        let separator = match separator.map(Value::as_str) {
            None => {
                if has_prefix {
                    '/'
                } else {
                    '.'
                }
            }
            Some(Some("/")) => '/',
            Some(Some(".")) => '.',
            Some(_) => {
                return Err(Error::new(
                    ErrorKind::Corrupt,
                    "chunk keys are separated by neither '/' nor '.'",
                ));
            }
        };
        Ok(ChunkKeyEncoding { has_prefix, separator })
    }
}

/// The number that digits say.
fn number(digits: &str) -> Option<u64> {
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_specification() {
        let key =
            |has_prefix, separator, indices: &[u64]| ChunkKeyEncoding { has_prefix, separator }.key(indices);
        assert_eq!(key(true, '/', &[1, 23]), "c/1/23");
        assert_eq!(key(true, '.', &[1, 23]), "c.1.23");
        assert_eq!(key(false, '/', &[1, 23]), "1/23");
        assert_eq!(key(false, '.', &[1, 23]), "1.23");
        assert_eq!([key(true, '/', &[]), key(true, '.', &[]), key(false, '.', &[])], ["c", "c", "0"]);
    }

    #[test]
    fn key_spaces_never_meet() {
        for (has_prefix, separator) in [(true, '/'), (true, '.'), (false, '/'), (false, '.')] {
            let encoding = ChunkKeyEncoding { has_prefix, separator };
            for indices in [vec![], vec![0], vec![10, 2], vec![1, 2, 3]] {
                let space = encoding.key_space(indices.len());
                let key = encoding.key(&indices);
                let containing: Vec<_> =
                    KeySpace::ALL.into_iter().filter(|space| space.contains(&key)).collect();
                assert_eq!(containing, [space], "{key}");
                assert_eq!(encoding.indices(&key, indices.len()), Some(indices.clone()), "{key}");
            }
            assert_eq!(ChunkKeyEncoding::from_json(&encoding.to_json()).unwrap(), encoding);
        }
        for space in KeySpace::ALL {
            assert!(!space.contains("zarr.json"));
        }
        let encoding = ChunkKeyEncoding { has_prefix: true, separator: '/' };
        for other in ["c/01", "c/+1", "c/1/2", "c.1", "c/", "c", "x/1", "zarr.json"] {
            assert_eq!(encoding.indices(other, 1), None, "{other}");
        }
    }
}
