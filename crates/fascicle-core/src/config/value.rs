//! The values that a configuration is made of, and when two of them are the same.

use std::fmt;

use indexmap::IndexMap;

use super::yaml::{resolve_plain_scalar, write_double_quoted};

/// The fields of a configuration, in the order in which they were put in. The order never counts in comparisons.
pub type Map = IndexMap<String, Value>;

/// The number of levels that a value may nest: a list or map in a list or map is two levels.
pub const DEPTH_LIMIT: usize = 64;

/// A value of a configuration: what YAML and JSON can say, with exact integers and with bytes.
///
/// Equality (`==`, and [`Value::same_as`]) is that of the identity of configurations, not that of the enum:
///
/// - `1` and `1.0` are the same, and a float is the same as an integer only if it is exactly that integer;
/// - NaN is the same as NaN, and `-0.0` as `0`;
/// - `true` is not `1`, `"1"` is not `1`, null is not a missing field;
/// - the order of keys doesn't count, that of list elements does.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// Nothing: `None` in Python and Rust, `null` in YAML.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// An exact integer, wide enough for every `i64` and `u64`.
    Int(i128),
    /// A double-precision number, infinities and NaN included.
    Float(f64),
    /// Text.
    Text(String),
    /// Opaque bytes, `!!binary` in YAML.
    Bytes(Vec<u8>),
    /// Values in order.
    List(Vec<Value>),
    /// Values by name.
    Map(Map),
}

impl Value {
    /// Whether the two are the same to the identity of a configuration (see [`Value`]).
    pub fn same_as(&self, other: &Self) -> bool {
        match (self.as_exact_int(), other.as_exact_int()) {
            (Some(this), Some(other)) => return this == other,
            (None, None) => {}
            _ => return false,
        }
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(this), Self::Bool(other)) => this == other,
            (Self::Float(this), Self::Float(other)) => this == other || (this.is_nan() && other.is_nan()),
            (Self::Text(this), Self::Text(other)) => this == other,
            (Self::Bytes(this), Self::Bytes(other)) => this == other,
            (Self::List(this), Self::List(other)) => this == other,
            (Self::Map(this), Self::Map(other)) => this == other,
            _ => false,
        }
    }

    /// The integer that this number is, also when it is written as a float: `2.0` and `-0.0` are `2` and `0`.
    /// `None` for a float with a fraction, an infinity, NaN, a float beyond `i128`, and whatever isn't a number.
    pub fn as_exact_int(&self) -> Option<i128> {
        match self {
            Self::Int(int) => Some(*int),
            Self::Float(float) => exact_int(*float),
            _ => None,
        }
    }

    /// The number as a float, rounded to the nearest if it is an integer beyond 2^53.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(int) => Some(*int as f64),
            Self::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// The number as an `i64`, if it is exactly one.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_exact_int().and_then(|int| i64::try_from(int).ok())
    }

    /// The number as a `u64`, if it is exactly one.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_exact_int().and_then(|int| u64::try_from(int).ok())
    }

    /// The truth value.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(bool) = self { Some(*bool) } else { None }
    }

    /// The text.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// The elements of a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    /// The fields of a map.
    pub fn as_map(&self) -> Option<&Map> {
        if let Self::Map(map) = self { Some(map) } else { None }
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// What kind of value this is, in words for messages.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// The value at a dotted path through maps, see [`lookup`].
    pub fn get(&self, path: &str) -> Option<&Value> {
        self.as_map().and_then(|map| lookup(map, path))
    }

    /// Whether the value nests more than `limit` levels deep. Never looks deeper than that.
    pub(crate) fn is_deeper_than(&self, limit: usize) -> bool {
        match self {
            Self::List(list) => limit == 0 || list.iter().any(|value| value.is_deeper_than(limit - 1)),
            Self::Map(map) => limit == 0 || map.values().any(|value| value.is_deeper_than(limit - 1)),
            _ => false,
        }
    }
}

/// The value at a dotted path through nested maps: `a.b` is the field `b` of the map in the field `a`.
/// A key that itself contains a dot is found by the same words; it comes before the nested one.
pub fn lookup<'a>(map: &'a Map, path: &str) -> Option<&'a Value> {
    if let Some(value) = map.get(path) {
        return Some(value);
    }
    path.match_indices('.').find_map(|(dot, _)| match map.get(&path[..dot]) {
        Some(Value::Map(inner)) => lookup(inner, &path[dot + 1..]),
        _ => None,
    })
}

/// The integer that a float is exactly, if it is one within `i128`.
pub(crate) fn exact_int(float: f64) -> Option<i128> {
    // -2^127 and 2^127 are floats, so that the comparison is exact. NaN fails it.
    const BEYOND: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    let fits = (-BEYOND..BEYOND).contains(&float) && float.fract() == 0.0;
    fits.then_some(float as i128)
}

impl PartialEq for Value {
    /// [`Value::same_as`].
    fn eq(&self, other: &Self) -> bool {
        self.same_as(other)
    }
}

impl Eq for Value {}

impl fmt::Display for Value {
    /// On one line, as YAML flow. Text stands bare unless it would then read as something else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) if is_bare_text(text) => f.write_str(text),
            _ => write_flow(f, self),
        }
    }
}

fn is_bare_text(text: &str) -> bool {
    text.trim() == text
        && !text.chars().any(char::is_control)
        && matches!(resolve_plain_scalar(text), Ok(Value::Text(_)))
        && !text.starts_with(['\'', '"', '[', '{', '!'])
}

fn write_flow(f: &mut fmt::Formatter<'_>, value: &Value) -> fmt::Result {
    match value {
        Value::Null => f.write_str("null"),
        Value::Bool(bool) => write!(f, "{bool}"),
        Value::Int(int) => write!(f, "{int}"),
        Value::Float(float) => f.write_str(&float_text(*float)),
        Value::Text(text) => {
            let bare = is_bare_text(text) && !text.contains([',', ':', '[', ']', '{', '}', '#', '\'', '"']);
            if bare { f.write_str(text) } else { f.write_str(&write_double_quoted(text)) }
        }
        Value::Bytes(bytes) => write!(f, "!!binary {}", super::yaml::encode_base64(bytes)),
        Value::List(list) => {
            f.write_str("[")?;
            for (index, element) in list.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { ", " })?;
                write_flow(f, element)?;
            }
            f.write_str("]")
        }
        Value::Map(map) => {
            f.write_str("{")?;
            for (index, (key, element)) in map.iter().enumerate() {
                write!(f, "{}{key}: ", if index == 0 { "" } else { ", " })?;
                write_flow(f, element)?;
            }
            f.write_str("}")
        }
    }
}

/// The shortest text that reads back as the same float, in the forms that Python prints (`0.1`, `1e-05`, `1e+16`),
/// with the names of YAML for what isn't finite.
pub(crate) fn float_text(float: f64) -> String {
    if float.is_nan() {
        return ".nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{float}");
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
