//! What can be wrong with a configuration: one closed kind, the place inside the value, and what would fit.

use std::fmt::{self, Write};

/// The kind of a [`ConfigError`], to match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// The document holds nothing: no bytes, or only space and comments. Writers that truncate before
    /// they write leave a file so for a moment, hence reading again a little later can help.
    Empty,
    /// The document stops in the middle of something. As for `Empty`, reading again can help.
    Truncated,
    /// The text isn't YAML, isn't UTF-8, or an argument isn't `key=value`.
    Syntax,
    /// The document or value exceeds a limit on size, nodes or depth.
    Limit,
    /// YAML that this crate refuses on purpose: anchors, aliases, merge keys, unknown tags, directives, several documents.
    Refused,
    /// One key stands twice in one map.
    DuplicateKey,
    /// A map key isn't text.
    KeyNotText,
    /// A number doesn't fit the range of the integers of a configuration.
    OutOfRange,
    /// A field that the type doesn't have.
    UnknownField,
    /// A field that the type needs isn't there.
    MissingField,
    /// A value of another type than the one asked for.
    WrongType,
    /// Two statements about one field contradict each other.
    Conflict,
    /// A value that has the right type and still isn't valid.
    Invalid,
}

impl ConfigErrorKind {
    /// Whether reading the same source again a little later can help.
    pub fn is_momentary(self) -> bool {
        matches!(self, Self::Empty | Self::Truncated)
    }
}

/// What is wrong with a configuration, and where inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    kind: ConfigErrorKind,
    message: String,
    path: String,
    field: Option<String>,
    known_fields: Vec<String>,
}

impl ConfigError {
    /// An error without a place.
    pub(crate) fn new(kind: ConfigErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), path: String::new(), field: None, known_fields: Vec::new() }
    }

    /// A field that isn't among `known`.
    pub(crate) fn unknown_field(field: &str, known: &[&str]) -> Self {
        let mut error = Self::new(ConfigErrorKind::UnknownField, format!("unknown field `{field}`"));
        error.field = Some(field.to_owned());
        error.known_fields = known.iter().map(|name| (*name).to_owned()).collect();
        error
    }

    /// A field that isn't there.
    pub(crate) fn missing_field(field: &str) -> Self {
        let mut error = Self::new(ConfigErrorKind::MissingField, format!("missing field `{field}`"));
        error.field = Some(field.to_owned());
        error
    }

    /// Names the fields that the type has, unless they are known already.
    pub(crate) fn with_known_fields(mut self, known: &[&str]) -> Self {
        let of_a_field = matches!(self.kind, ConfigErrorKind::UnknownField | ConfigErrorKind::MissingField);
        if of_a_field && self.path.is_empty() && self.known_fields.is_empty() {
            self.known_fields = known.iter().map(|name| (*name).to_owned()).collect();
        }
        self
    }

    /// Puts `key` in front of the place: the error lies inside the field `key`.
    pub(crate) fn within(mut self, key: &str) -> Self {
        let rest = std::mem::take(&mut self.path);
        self.path = if rest.is_empty() || rest.starts_with('[') {
            format!("{key}{rest}")
        } else {
            format!("{key}.{rest}")
        };
        self
    }

    /// Puts `[index]` in front of the place: the error lies inside that element of a list.
    pub(crate) fn within_element(self, index: usize) -> Self {
        self.within(&format!("[{index}]"))
    }

    /// The kind, to match on.
    pub fn kind(&self) -> ConfigErrorKind {
        self.kind
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The dotted path of the place inside the value, such as `training.layers[2].units`. For an unknown or missing
    /// field it ends in the name of that field. Empty when the whole value is meant.
    pub fn path(&self) -> String {
        match &self.field {
            Some(field) if self.path.is_empty() => field.clone(),
            Some(field) => format!("{}.{field}", self.path),
            None => self.path.clone(),
        }
    }

    /// The unknown or missing field.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// The fields that the type has, where they are known.
    pub fn known_fields(&self) -> &[String] {
        &self.known_fields
    }

    /// The known field whose name is nearest to the unknown one, if any is near.
    pub fn closest_field(&self) -> Option<&str> {
        if self.kind != ConfigErrorKind::UnknownField {
            return None;
        }
        closest_name(self.field.as_deref()?, self.known_fields.iter().map(String::as_str))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_printable(f, &self.message)?;
        if !self.path.is_empty() {
            f.write_str(" in `")?;
            write_printable(f, &self.path)?;
            f.write_str("`")?;
        }
        if let Some(closest) = self.closest_field() {
            write!(f, "; did you mean `{closest}`?")?;
        }
        if !self.known_fields.is_empty() {
            write!(f, " (known fields: {})", self.known_fields.join(", "))?;
        } else if self.kind == ConfigErrorKind::UnknownField {
            f.write_str(" (the type has no fields)")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Writes text that may come from a document: characters that would drive a terminal are escaped.
fn write_printable(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for character in text.chars() {
        match character.is_control() && character != '\n' {
            true => write!(f, "{}", character.escape_default())?,
            false => f.write_char(character)?,
        }
    }
    Ok(())
}

/// The candidate whose spelling is nearest to `name`, if it is near enough to be a slip of the same word.
pub fn closest_name<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR_ENOUGH: f64 = 0.75;
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= NEAR_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_a_dotted_path() {
        let error = ConfigError::unknown_field("unis", &["units", "rate"])
            .within_element(2)
            .within("layers")
            .within("net");
        assert_eq!(error.path(), "net.layers[2].unis");
        assert_eq!(error.closest_field(), Some("units"));
        assert_eq!(
            error.to_string(),
            "unknown field `unis` in `net.layers[2]`; did you mean `units`? (known fields: units, rate)"
        );
    }

    #[test]
    fn a_far_name_is_not_offered() {
        assert_eq!(closest_name("temperature", ["n_cells", "seed"]), None);
        assert_eq!(closest_name("N_cels", ["seed", "n_cells"]), Some("n_cells"));
    }
}
