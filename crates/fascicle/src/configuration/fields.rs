//! The fields of a mapping in the file, taken one by one, with errors that name the dotted path.

use fascicle_core::config::{Map, Value, closest_name};
use fascicle_core::{Error, ErrorKind, Result};

/// A mapping and where it stands. A field that is `null` is one that is not there.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    map: &'a Map,
    path: String,
}

impl<'a> Fields<'a> {
    /// The mapping at `path`, which may have the fields that are `known`.
    pub(super) fn new(map: &'a Map, path: &str, known: &[&str]) -> Result<Self> {
        let fields = Fields { map, path: path.to_owned() };
        match map.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(fields),
            Some(name) => {
                let meant = did_you_mean(name, known.iter().copied());
                Err(fields
                    .refuse(name, &format!("is not known{meant}"))
                    .hint(format!("known are {}", known.join(", "))))
            }
        }
    }

    /// The mapping at `path`, whose fields have names that users choose.
    pub(super) fn named_by_user(map: &'a Map, path: &str) -> Self {
        Fields { map, path: path.to_owned() }
    }

    /// The fields that are there.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        self.map.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.as_str(), value))
    }

    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| self.wrong_kind(name, value, "text"))?;
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(self.refuse(name, "is empty or holds a control character"));
        }
        Ok(Some(text))
    }

    /// The mapping in a field, and its path.
    pub(super) fn map(&self, name: &str) -> Result<Option<(&'a Map, String)>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let map = value.as_map().ok_or_else(|| self.wrong_kind(name, value, "a mapping"))?;
        Ok(Some((map, self.path_of(name))))
    }

    /// The error of a field of another kind. Says what it is and not what is in it.
    pub(super) fn wrong_kind(&self, name: &str, value: &Value, expected: &str) -> Error {
        self.refuse(name, &format!("is {}, and not {expected}", value.kind_name()))
    }

    /// The error of a field.
    pub(super) fn refuse(&self, name: &str, why: &str) -> Error {
        Error::new(ErrorKind::InvalidInput, format!("`{}` {why}", self.path_of(name)))
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { shown(name) } else { format!("{}.{}", self.path, shown(name)) }
    }
}

/// A name of anybody's choice as it can stand in a message.
pub(super) fn shown(name: &str) -> String {
    const MOST: usize = 80;
    let more = if name.chars().nth(MOST).is_some() { "…" } else { "" };
    let begin: String = name.chars().take(MOST).collect();
    format!("{}{more}", begin.escape_debug())
}

/// The end of a message about an unknown name.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // Long names are no slips, and comparing costs the product of the lengths.
    const LONGEST: usize = 200;
    let near = Some(name).filter(|name| name.len() <= LONGEST).and_then(|name| closest_name(name, known));
    near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default()
}
