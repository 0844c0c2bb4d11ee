//! From a configuration to a typed struct, with nothing left over and nothing guessed.

use std::cell::Cell;

use serde::de::value::{SeqDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Expected, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};

use super::configuration::Config;
use super::error::{ConfigError, ConfigErrorKind, closest_name};
use super::value::{Map, Value};

impl Config {
    /// The typed form of the fields.
    ///
    /// A field that the type doesn't have is refused at any depth, also without `deny_unknown_fields`. Only inside
    /// serde's flattened structs and untagged or internally tagged enums, which read everything before they choose,
    /// does it take `deny_unknown_fields`. A float that is exactly an integer is taken where an integer is asked for.
    ///
    /// # Errors
    /// `UnknownField` and `MissingField` name the field, its path, the fields that there are, and the closest of
    /// them; `WrongType` and `Invalid` name the path.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        T::deserialize(ValueDeserializer { node: Node::Map(self.fields()), was_ignored: None })
    }
}

impl Value {
    /// The typed form of the value, as strict as [`Config::decode`].
    ///
    /// # Errors
    /// As [`Config::decode`].
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        T::deserialize(ValueDeserializer { node: Node::of(self), was_ignored: None })
    }
}

impl de::Error for ConfigError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::new(ConfigErrorKind::Invalid, message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(ConfigErrorKind::WrongType, format!("expected {expected}, found {found}"))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(ConfigErrorKind::Invalid, format!("expected {expected}, found {found}"))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::unknown_field(field, known)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::missing_field(field)
    }

    fn unknown_variant(variant: &str, variants: &'static [&'static str]) -> Self {
        let near = closest_name(variant, variants.iter().copied());
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        let message = format!("unknown variant `{variant}`{hint} (variants: {})", variants.join(", "));
        Self::new(ConfigErrorKind::Invalid, message)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(ConfigErrorKind::DuplicateKey, format!("the field `{field}` is given twice"))
    }
}

/// A value, or a map that isn't inside one.
#[derive(Clone, Copy)]
enum Node<'a> {
    Value(&'a Value),
    Map(&'a Map),
}

impl<'a> Node<'a> {
    fn of(value: &'a Value) -> Self {
        match value {
            Value::Map(map) => Self::Map(map),
            other => Self::Value(other),
        }
    }
}

/// Deserialises one value, and notes whether the type asked to ignore it.
#[derive(Clone, Copy)]
struct ValueDeserializer<'de, 'note> {
    node: Node<'de>,
    was_ignored: Option<&'note Cell<bool>>,
}

impl<'de> ValueDeserializer<'de, '_> {
    /// The number as an integer visitor wants it: an integer also where it is written as a float.
    fn visit_integer<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.node {
            Node::Value(value) => match value.as_exact_int() {
                Some(int) => visit_exact_int(int, visitor),
                None => self.deserialize_any(visitor),
            },
            Node::Map(_) => self.deserialize_any(visitor),
        }
    }
}

fn visit_exact_int<'de, V: Visitor<'de>>(int: i128, visitor: V) -> Result<V::Value, ConfigError> {
    match (u64::try_from(int), i64::try_from(int)) {
        (Ok(int), _) => visitor.visit_u64(int),
        (_, Ok(int)) => visitor.visit_i64(int),
        _ => visitor.visit_i128(int),
    }
}

macro_rules! deserialize_integers {
    ($($method:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
            self.visit_integer(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for ValueDeserializer<'de, '_> {
    type Error = ConfigError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        let value = match self.node {
            Node::Map(map) => return visit_map(map, &[], visitor),
            Node::Value(value) => value,
        };
        match value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(bool) => visitor.visit_bool(*bool),
            Value::Int(int) => visit_exact_int(*int, visitor),
            Value::Float(float) => visitor.visit_f64(*float),
            Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Value::List(list) => visit_list(list, visitor),
            Value::Map(map) => visit_map(map, &[], visitor),
        }
    }

    deserialize_integers!(
        deserialize_i8,
        deserialize_i16,
        deserialize_i32,
        deserialize_i64,
        deserialize_i128,
        deserialize_u8,
        deserialize_u16,
        deserialize_u32,
        deserialize_u64,
        deserialize_u128
    );

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.node {
            Node::Value(Value::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        match self.node {
            // A struct without fields, at the root of a config without fields.
            Node::Map(map) if map.is_empty() => visitor.visit_unit(),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.node {
            // A `Vec<u8>` asks for a sequence, whatever the value was made from.
            Node::Value(Value::Bytes(bytes)) => {
                visitor.visit_seq(SeqDeserializer::new(bytes.iter().copied()))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        match self.node {
            Node::Map(map) => visit_map(map, fields, visitor),
            Node::Value(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        let (variant, content) = match self.node {
            Node::Value(Value::Text(variant)) => (variant.as_str(), None),
            Node::Map(map) if map.len() == 1 => match map.first() {
                Some((variant, content)) => (variant.as_str(), Some(content)),
                None => return self.deserialize_any(visitor),
            },
            _ => {
                let message = format!("expected one of the variants of {name}: {}", variants.join(", "));
                return Err(ConfigError::new(ConfigErrorKind::WrongType, message));
            }
        };
        visitor.visit_enum(Variant { name: variant, content })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        if let Some(was_ignored) = self.was_ignored {
            was_ignored.set(true);
        }
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool f32 f64 char str string bytes byte_buf unit tuple tuple_struct map identifier
    }
}

fn visit_list<'de, V: Visitor<'de>>(list: &'de [Value], visitor: V) -> Result<V::Value, ConfigError> {
    let mut elements = Elements { list, next: 0 };
    let made = visitor.visit_seq(&mut elements)?;
    if elements.next < list.len() {
        let message = format!("expected a list of {} elements, found {}", elements.next, list.len());
        return Err(ConfigError::new(ConfigErrorKind::WrongType, message));
    }
    Ok(made)
}

fn visit_map<'de, V: Visitor<'de>>(
    map: &'de Map,
    known_fields: &'static [&'static str],
    visitor: V,
) -> Result<V::Value, ConfigError> {
    visitor
        .visit_map(Fields { entries: map.iter(), current: None, known_fields })
        .map_err(|error| error.with_known_fields(known_fields))
}

struct Elements<'de> {
    list: &'de [Value],
    next: usize,
}

impl<'de> SeqAccess<'de> for &mut Elements<'de> {
    type Error = ConfigError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ConfigError> {
        let Some(value) = self.list.get(self.next) else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        let element = ValueDeserializer { node: Node::of(value), was_ignored: None };
        seed.deserialize(element).map(Some).map_err(|error| error.within_element(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.list.len() - self.next)
    }
}

struct Fields<'de> {
    entries: indexmap::map::Iter<'de, String, Value>,
    current: Option<(&'de String, &'de Value)>,
    known_fields: &'static [&'static str],
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = ConfigError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ConfigError> {
        self.current = self.entries.next();
        match self.current {
            Some((key, _)) => seed.deserialize(StrDeserializer::new(key)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, ConfigError> {
        let Some((key, value)) = self.current.take() else {
            return Err(ConfigError::new(
                ConfigErrorKind::Invalid,
                "the type asked for a value without its key",
            ));
        };
        let was_ignored = Cell::new(false);
        let field = ValueDeserializer { node: Node::of(value), was_ignored: Some(&was_ignored) };
        let made = seed.deserialize(field).map_err(|error| error.within(key))?;
        // A type ignores exactly the fields that it doesn't have.
        if was_ignored.get() {
            return Err(ConfigError::unknown_field(key, self.known_fields));
        }
        Ok(made)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// An enum in serde's external form: the name of a variant, or a map from that name to its data.
struct Variant<'de> {
    name: &'de str,
    content: Option<&'de Value>,
}

impl<'de> Variant<'de> {
    fn content(&self) -> Result<&'de Value, ConfigError> {
        self.content.ok_or_else(|| {
            let message = format!("the variant `{0}` needs data: write `{{{0}: …}}`", self.name);
            ConfigError::new(ConfigErrorKind::WrongType, message)
        })
    }
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = ConfigError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), ConfigError> {
        Ok((seed.deserialize(StrDeserializer::new(self.name))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = ConfigError;

    fn unit_variant(self) -> Result<(), ConfigError> {
        match self.content {
            None | Some(Value::Null) => Ok(()),
            Some(other) => {
                let message = format!("the variant has no data, found {}", other.kind_name());
                Err(ConfigError::new(ConfigErrorKind::WrongType, message).within(self.name))
            }
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, ConfigError> {
        let content = ValueDeserializer { node: Node::of(self.content()?), was_ignored: None };
        seed.deserialize(content).map_err(|error| error.within(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ConfigError> {
        let content = ValueDeserializer { node: Node::of(self.content()?), was_ignored: None };
        content.deserialize_any(visitor).map_err(|error| error.within(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        let content = ValueDeserializer { node: Node::of(self.content()?), was_ignored: None };
        content.deserialize_struct("", fields, visitor).map_err(|error| error.within(self.name))
    }
}
