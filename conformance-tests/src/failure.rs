//! Why a check failed.

use std::{error::Error, fmt};

/// What a check returns.
pub type Checked = Result<(), Failure>;

/// Why a check failed, in words. Any error becomes one by `?`, with all its causes.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// A failure with this explanation.
    pub fn new(why: impl Into<String>) -> Self {
        Failure(why.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not an [`Error`] itself, so that every error can become one.
impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        // The contract's own error prints its kind and its causes only when asked for its Debug form.
        if let Some(error) = (&error as &(dyn Error + 'static)).downcast_ref::<fascicle_backend::Error>() {
            return Failure(format!("{error:?}"));
        }
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Failure(text)
    }
}

/// The Debug form of a value, cut to what a person reads.
pub(crate) fn shown(value: &dyn fmt::Debug) -> String {
    const MOST_CHARACTERS: usize = 600;
    let text = format!("{value:?}");
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}… ({} bytes)", text.get(..end).unwrap_or(""), text.len()),
        None => text,
    }
}

/// Fails the check with the message unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::Failure::new(format!($($message)+)));
        }
    };
}

/// Fails the check unless both values are equal, and says which two were not.
macro_rules! ensure_eq {
    ($found:expr, $expected:expr, $($message:tt)+) => {
        match (&$found, &$expected) {
            (found, expected) => {
                if *found != *expected {
                    return Err($crate::Failure::new(format!(
                        "{}: found {}, expected {}",
                        format_args!($($message)+),
                        $crate::failure::shown(found),
                        $crate::failure::shown(expected)
                    )));
                }
            }
        }
    };
}

pub(crate) use {ensure, ensure_eq};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_kind_and_causes() {
        let error = fascicle_backend::Error::new(fascicle_backend::ErrorKind::Storage, "the disk is gone")
            .caused_by(std::io::Error::other("on fire"));
        assert_eq!(Failure::from(error).to_string(), "storage: the disk is gone: on fire");
    }

    #[test]
    fn long_values_are_cut() {
        let text = shown(&"ü".repeat(10_000));
        assert!(text.ends_with("… (20002 bytes)") && text.chars().count() < 700);
    }
}
