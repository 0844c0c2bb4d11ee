//! From anything that serde can serialise to a value: structs become maps, enums take serde's external form.

use serde::ser::{self, Serialize, SerializeMap, SerializeSeq, Serializer};

use super::configuration::Config;
use super::error::{ConfigError, ConfigErrorKind};
use super::serialize_key::KeySerializer;
use super::value::{DEPTH_LIMIT, Map, Value};

impl Value {
    /// The value that `data` serialises to.
    ///
    /// Structs and maps become maps, sequences and tuples lists, `None` and `()` null, a variant without data its name,
    /// a variant with data a map from its name to the data, `f32` the same number exactly.
    ///
    /// # Errors
    /// `KeyNotText` for a map whose keys aren't text, `OutOfRange` for an integer beyond `i128`, `Limit` beyond
    /// [`DEPTH_LIMIT`], `DuplicateKey` for a field given twice, `Invalid` if the type itself refuses to serialise.
    pub fn from_serialize<T: Serialize + ?Sized>(data: &T) -> Result<Self, ConfigError> {
        data.serialize(ValueSerializer { levels_left: DEPTH_LIMIT })
    }
}

impl Config {
    /// The configuration whose fields are those of `data`, a struct or a map with text keys.
    ///
    /// # Errors
    /// As [`Value::from_serialize`]; `WrongType` if `data` has no fields, such as a number; and as [`Config::check`].
    pub fn from_serialize<T: Serialize + ?Sized>(
        type_name: impl Into<String>,
        data: &T,
    ) -> Result<Self, ConfigError> {
        let type_name = type_name.into();
        let fields = match Value::from_serialize(data)? {
            Value::Map(fields) => fields,
            Value::Null => Map::new(),
            other => {
                let message = format!(
                    "the config of `{type_name}` must be a struct or a map, it serialises to {}",
                    other.kind_name()
                );
                return Err(ConfigError::new(ConfigErrorKind::WrongType, message));
            }
        };
        let config = Self::from_fields(type_name, fields);
        config.check()?;
        Ok(config)
    }
}

impl ser::Error for ConfigError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::new(ConfigErrorKind::Invalid, message.to_string())
    }
}

#[derive(Clone, Copy)]
struct ValueSerializer {
    levels_left: usize,
}

impl ValueSerializer {
    fn one_level_down(self) -> Result<Self, ConfigError> {
        match self.levels_left.checked_sub(1) {
            Some(levels_left) => Ok(Self { levels_left }),
            None => {
                let message = format!("the value nests more than {DEPTH_LIMIT} levels deep");
                Err(ConfigError::new(ConfigErrorKind::Limit, message))
            }
        }
    }

    fn list(self, variant: Option<&'static str>) -> Result<ListBuilder, ConfigError> {
        let outer = if variant.is_some() { self.one_level_down()? } else { self };
        Ok(ListBuilder { elements: Vec::new(), element: outer.one_level_down()?, variant })
    }

    fn map(self, variant: Option<&'static str>) -> Result<MapBuilder, ConfigError> {
        let outer = if variant.is_some() { self.one_level_down()? } else { self };
        Ok(MapBuilder { fields: Map::new(), key: None, value: outer.one_level_down()?, variant })
    }
}

macro_rules! serialize_numbers {
    ($($method:ident: $number:ty),*) => {$(
        fn $method(self, number: $number) -> Result<Value, ConfigError> {
            Ok(Value::from(number))
        }
    )*};
}

impl Serializer for ValueSerializer {
    type Ok = Value;
    type Error = ConfigError;
    type SerializeSeq = ListBuilder;
    type SerializeTuple = ListBuilder;
    type SerializeTupleStruct = ListBuilder;
    type SerializeTupleVariant = ListBuilder;
    type SerializeMap = MapBuilder;
    type SerializeStruct = MapBuilder;
    type SerializeStructVariant = MapBuilder;

    serialize_numbers!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_f32: f32, serialize_f64: f64, serialize_char: char, serialize_str: &str
    );

    fn serialize_u128(self, number: u128) -> Result<Value, ConfigError> {
        i128::try_from(number).map(Value::Int).map_err(|_| {
            let message = format!("the integer {number} is larger than {}", i128::MAX);
            ConfigError::new(ConfigErrorKind::OutOfRange, message)
        })
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, ConfigError> {
        Ok(Value::Bytes(bytes.to_vec()))
    }

    fn serialize_none(self) -> Result<Value, ConfigError> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, data: &T) -> Result<Value, ConfigError> {
        data.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, ConfigError> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, ConfigError> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Value, ConfigError> {
        Ok(Value::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        data: &T,
    ) -> Result<Value, ConfigError> {
        data.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        data: &T,
    ) -> Result<Value, ConfigError> {
        let value = data.serialize(self.one_level_down()?).map_err(|error| error.within(variant))?;
        Ok(in_variant(Some(variant), value))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<ListBuilder, ConfigError> {
        self.list(None)
    }

    fn serialize_tuple(self, _: usize) -> Result<ListBuilder, ConfigError> {
        self.list(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<ListBuilder, ConfigError> {
        self.list(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<ListBuilder, ConfigError> {
        self.list(Some(variant))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<MapBuilder, ConfigError> {
        self.map(None)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<MapBuilder, ConfigError> {
        self.map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<MapBuilder, ConfigError> {
        self.map(Some(variant))
    }
}

/// The external form of an enum: the data under the name of the variant.
fn in_variant(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(variant) => Value::Map(Map::from_iter([(variant.to_owned(), value)])),
        None => value,
    }
}

struct ListBuilder {
    elements: Vec<Value>,
    element: ValueSerializer,
    variant: Option<&'static str>,
}

impl ListBuilder {
    fn push<T: Serialize + ?Sized>(&mut self, data: &T) -> Result<(), ConfigError> {
        let element =
            data.serialize(self.element).map_err(|error| error.within_element(self.elements.len()))?;
        self.elements.push(element);
        Ok(())
    }

    fn finish(self) -> Result<Value, ConfigError> {
        Ok(in_variant(self.variant, Value::List(self.elements)))
    }
}

macro_rules! list_like {
    ($($form:ident::$method:ident),*) => {$(
        impl ser::$form for ListBuilder {
            type Ok = Value;
            type Error = ConfigError;

            fn $method<T: Serialize + ?Sized>(&mut self, data: &T) -> Result<(), ConfigError> {
                self.push(data)
            }

            fn end(self) -> Result<Value, ConfigError> {
                self.finish()
            }
        }
    )*};
}

list_like!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

struct MapBuilder {
    fields: Map,
    key: Option<String>,
    value: ValueSerializer,
    variant: Option<&'static str>,
}

impl MapBuilder {
    fn insert<T: Serialize + ?Sized>(&mut self, key: String, data: &T) -> Result<(), ConfigError> {
        let value = data.serialize(self.value).map_err(|error| error.within(&key))?;
        if self.fields.contains_key(&key) {
            let message = format!("the field `{key}` is given twice");
            return Err(ConfigError::new(ConfigErrorKind::DuplicateKey, message));
        }
        self.fields.insert(key, value);
        Ok(())
    }

    fn finish(self) -> Result<Value, ConfigError> {
        Ok(in_variant(self.variant, Value::Map(self.fields)))
    }
}

impl SerializeMap for MapBuilder {
    type Ok = Value;
    type Error = ConfigError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ConfigError> {
        self.key = Some(key.serialize(KeySerializer)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, data: &T) -> Result<(), ConfigError> {
        match self.key.take() {
            Some(key) => self.insert(key, data),
            None => Err(ConfigError::new(ConfigErrorKind::Invalid, "a map gave a value without its key")),
        }
    }

    fn end(self) -> Result<Value, ConfigError> {
        self.finish()
    }
}

macro_rules! struct_like {
    ($($form:ident),*) => {$(
        impl ser::$form for MapBuilder {
            type Ok = Value;
            type Error = ConfigError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, data: &T) -> Result<(), ConfigError> {
                self.insert(key.to_owned(), data)
            }

            fn end(self) -> Result<Value, ConfigError> {
                self.finish()
            }
        }
    )*};
}

struct_like!(SerializeStruct, SerializeStructVariant);

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(bool) => serializer.serialize_bool(*bool),
            Self::Int(int) => match (i64::try_from(*int), u64::try_from(*int)) {
                // The narrow forms are those that every format has.
                (Ok(int), _) => serializer.serialize_i64(int),
                (_, Ok(int)) => serializer.serialize_u64(int),
                _ => serializer.serialize_i128(*int),
            },
            Self::Float(float) => serializer.serialize_f64(*float),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::List(list) => {
                let mut sequence = serializer.serialize_seq(Some(list.len()))?;
                list.iter().try_for_each(|element| sequence.serialize_element(element))?;
                sequence.end()
            }
            Self::Map(map) => serializer.collect_map(map),
        }
    }
}

impl Serialize for Config {
    /// As the map that is stored, `type` first.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;
    use crate::config::testing::any_value;

    #[derive(Serialize)]
    enum Model {
        Linear,
        Ridge(f32),
        Grid(u8, u8),
        Net { layers: Vec<usize> },
    }

    #[derive(Serialize)]
    struct Training {
        rate: f64,
        model: Model,
        seed: Option<u64>,
    }

    #[test]
    fn structs_become_maps_and_enums_take_the_external_form() {
        let forms = [
            (Model::Linear, "Linear"),
            (Model::Ridge(0.5), "{Ridge: 0.5}"),
            (Model::Grid(2, 3), "{Grid: [2, 3]}"),
            (Model::Net { layers: vec![8, 4] }, "{Net: {layers: [8, 4]}}"),
        ];
        for (model, expected) in forms {
            let config = Config::from_serialize("T", &Training { rate: 1e-5, model, seed: None }).unwrap();
            assert_eq!(config.to_string(), format!("T{{rate: 1e-05, model: {expected}, seed: null}}"));
        }
    }

    #[test]
    fn what_cannot_be_a_config_is_refused() {
        let kind = |error: ConfigError| error.kind();
        let error =
            Config::from_serialize("T", &BTreeMap::from([("a", BTreeMap::from([(1, 2)]))])).unwrap_err();
        assert_eq!((error.kind(), error.path().as_str()), (ConfigErrorKind::KeyNotText, "a"));
        assert!(error.to_string().contains("i32 1"), "{error}");
        assert_eq!(Config::from_serialize("T", &3).map_err(kind), Err(ConfigErrorKind::WrongType));
        assert_eq!(Value::from_serialize(&u128::MAX).map_err(kind), Err(ConfigErrorKind::OutOfRange));
        assert_eq!(
            Config::from_serialize("T", &BTreeMap::from([("type", 1)])).map_err(kind),
            Err(ConfigErrorKind::Invalid)
        );
        assert_eq!(Config::from_serialize("", &()).map_err(kind), Err(ConfigErrorKind::Invalid));
        let deep = (0..=DEPTH_LIMIT).fold(Value::Null, |inner, _| Value::List(vec![inner]));
        assert_eq!(Value::from_serialize(&deep).map_err(kind), Err(ConfigErrorKind::Limit));
    }

    proptest! {
        #[test]
        fn a_value_serialises_to_itself(value in any_value()) {
            let back = Value::from_serialize(&value).unwrap();
            prop_assert_eq!(format!("{back:?}"), format!("{value:?}"));
        }
    }
}
