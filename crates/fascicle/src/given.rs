//! Options of a backend as values of their types.

use crate::quantity::{BYTE_SIZE_FORM, DURATION_FORM, byte_size, duration};
use fascicle_core::config::{Map, Value};
use fascicle_core::{Error, ErrorKind, Result};
use std::time::Duration;

/// The options that a caller gave, before those that a root has of its own.
pub(crate) struct Given<'a> {
    pub(crate) options: &'a Map,
    pub(crate) stored: &'a Map,
}

impl<'a> Given<'a> {
    /// The value of an option, unless it is not given or `null`.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        let given = self.options.get(name).or_else(|| self.stored.get(name));
        given.filter(|value| !value.is_null())
    }

    pub(crate) fn truth(&self, name: &str) -> Result<Option<bool>> {
        self.typed(name, "true or false", |value| value.as_bool())
    }

    pub(crate) fn bytes(&self, name: &str) -> Result<Option<u64>> {
        self.typed(name, BYTE_SIZE_FORM, byte_size)
    }

    pub(crate) fn duration(&self, name: &str) -> Result<Option<Duration>> {
        self.typed(name, DURATION_FORM, duration)
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>> {
        self.typed(name, "a number from 0 on", |value| value.as_u64())
    }

    /// One of several words.
    pub(crate) fn word<T: Clone>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.typed(name, &known.join(" or "), |value| {
            words.iter().find(|(word, _)| value.as_str() == Some(word)).map(|(_, meaning)| meaning.clone())
        })
    }

    fn typed<T>(
        &self,
        name: &str,
        fits: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>> {
        self.value(name).map(|value| read(value).ok_or_else(|| bad_value(name, value, fits))).transpose()
    }
}

/// Refuses the value of an option.
pub(crate) fn bad_value(option: &str, value: &Value, fits: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("the option '{option}' cannot be '{value}'"))
        .hint(format!("it is {fits}"))
}
