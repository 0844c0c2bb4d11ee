//! The configuration of a directory: the name of its type, and the values of its fields.

use std::fmt;

use super::error::{ConfigError, ConfigErrorKind};
use super::value::{DEPTH_LIMIT, Map, Value, lookup};

/// The key under which a stored configuration carries the name of its type.
pub const TYPE_KEY: &str = "type";

/// The levels that a meta puts around the fields of a configuration, kept free so that each fits in a meta.
const LEVELS_OF_META: usize = 4;

/// A configuration: a type name and fields. Two are equal if the names are, and the fields by [`Value::same_as`].
///
/// ```
/// use fascicle_core::config::Config;
///
/// let config = Config::new("CellMeasurements").with("n_cells", 100).with("seed", 0);
/// assert_eq!(config.get("n_cells").and_then(|n| n.as_i64()), Some(100));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    type_name: String,
    fields: Map,
}

impl Config {
    /// A configuration without fields.
    pub fn new(type_name: impl Into<String>) -> Self {
        Self { type_name: type_name.into(), fields: Map::new() }
    }

    /// A configuration of these fields.
    pub fn from_fields(type_name: impl Into<String>, fields: Map) -> Self {
        Self { type_name: type_name.into(), fields }
    }

    /// The same with one more field, or with another value of it.
    #[must_use]
    pub fn with(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.insert(field, value);
        self
    }

    /// Sets a field and gives its old value. The name is taken as it is: a dot in it doesn't nest.
    pub fn insert(&mut self, field: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.fields.insert(field.into(), value.into())
    }

    /// The name of the type.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The fields, without `type`.
    pub fn fields(&self) -> &Map {
        &self.fields
    }

    /// The fields, to change them.
    pub fn fields_mut(&mut self) -> &mut Map {
        &mut self.fields
    }

    /// The fields, by value.
    pub fn into_fields(self) -> Map {
        self.fields
    }

    /// The value at a dotted path (`training.rate`), see [`lookup`].
    pub fn get(&self, path: &str) -> Option<&Value> {
        lookup(&self.fields, path)
    }

    /// The fields in order.
    pub fn iter(&self) -> indexmap::map::Iter<'_, String, Value> {
        self.fields.iter()
    }

    /// Whether the two are the same to the identity of configurations, no rules applied.
    pub fn same_as(&self, other: &Self) -> bool {
        self == other
    }

    /// Reads the form that is stored: a map with the text `type` among its fields.
    ///
    /// # Errors
    /// `WrongType` if it isn't a map or `type` isn't text, `MissingField` if there is no `type`.
    pub fn from_value(value: Value) -> Result<Self, ConfigError> {
        let mut fields = match value {
            Value::Map(fields) => fields,
            other => {
                let message = format!("a config is a map with a `{TYPE_KEY}`, this is {}", other.kind_name());
                return Err(ConfigError::new(ConfigErrorKind::WrongType, message));
            }
        };
        match fields.shift_remove(TYPE_KEY) {
            Some(Value::Text(type_name)) => Ok(Self { type_name, fields }),
            Some(other) => {
                let message = format!("the type of a config is a name, this is {}", other.kind_name());
                Err(ConfigError::new(ConfigErrorKind::WrongType, message).within(TYPE_KEY))
            }
            None => Err(ConfigError::missing_field(TYPE_KEY)),
        }
    }

    /// The form that is stored: a map whose first key is `type`.
    pub fn to_value(&self) -> Value {
        let mut map = Map::with_capacity(self.fields.len() + 1);
        map.insert(TYPE_KEY.to_owned(), Value::Text(self.type_name.clone()));
        let fields = self.fields.iter().filter(|(key, _)| *key != TYPE_KEY);
        map.extend(fields.map(|(key, value)| (key.clone(), value.clone())));
        Value::Map(map)
    }

    /// Whether the configuration can be stored and found again.
    ///
    /// # Errors
    /// `Invalid` if the type name is empty or a field is named `type`, `Limit` if the fields nest too deep.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.type_name.is_empty() {
            return Err(ConfigError::new(ConfigErrorKind::Invalid, "the type name of a config is empty"));
        }
        if self.fields.contains_key(TYPE_KEY) {
            let message = format!(
                "a field cannot be named `{TYPE_KEY}`: that key holds the name of the type; rename the field"
            );
            return Err(ConfigError::new(ConfigErrorKind::Invalid, message).within(TYPE_KEY));
        }
        let limit = DEPTH_LIMIT - LEVELS_OF_META;
        if let Some((key, _)) = self.fields.iter().find(|(_, value)| value.is_deeper_than(limit)) {
            let message = format!("the value nests more than {limit} levels deep");
            return Err(ConfigError::new(ConfigErrorKind::Limit, message).within(key));
        }
        Ok(())
    }
}

impl<'a> IntoIterator for &'a Config {
    type Item = (&'a String, &'a Value);
    type IntoIter = indexmap::map::Iter<'a, String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Config {
    /// `CellMeasurements{n_cells: 100, seed: 0}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.type_name, Value::Map(self.fields.clone()))
    }
}
