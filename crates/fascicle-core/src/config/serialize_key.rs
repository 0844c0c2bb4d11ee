//! The keys of a map on their way into a value.

use serde::ser::{Impossible, Serialize, Serializer};

use super::error::{ConfigError, ConfigErrorKind};

/// Takes the keys of maps, which must be text: `1` and `"1"` would otherwise become one key.
pub(super) struct KeySerializer;

fn not_text(what: &str) -> ConfigError {
    let message =
        format!("a key of a map is {what}; the keys of a config are text, so turn them into text first");
    ConfigError::new(ConfigErrorKind::KeyNotText, message)
}

macro_rules! refuse_keys {
    ($($method:ident: $number:ty),*) => {$(
        fn $method(self, key: $number) -> Result<String, ConfigError> {
            Err(not_text(&format!("the {} {key}", stringify!($number))))
        }
    )*};
}

impl Serializer for KeySerializer {
    type Ok = String;
    type Error = ConfigError;
    type SerializeSeq = Impossible<String, ConfigError>;
    type SerializeTuple = Impossible<String, ConfigError>;
    type SerializeTupleStruct = Impossible<String, ConfigError>;
    type SerializeTupleVariant = Impossible<String, ConfigError>;
    type SerializeMap = Impossible<String, ConfigError>;
    type SerializeStruct = Impossible<String, ConfigError>;
    type SerializeStructVariant = Impossible<String, ConfigError>;

    refuse_keys!(
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_i128: i128, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_u128: u128, serialize_f32: f32, serialize_f64: f64
    );

    fn serialize_str(self, key: &str) -> Result<String, ConfigError> {
        Ok(key.to_owned())
    }

    fn serialize_char(self, key: char) -> Result<String, ConfigError> {
        Ok(key.to_string())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<String, ConfigError> {
        Ok(variant.to_owned())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        key: &T,
    ) -> Result<String, ConfigError> {
        key.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, key: &T) -> Result<String, ConfigError> {
        key.serialize(self)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<String, ConfigError> {
        Err(not_text("bytes"))
    }

    fn serialize_none(self) -> Result<String, ConfigError> {
        Err(not_text("nothing"))
    }

    fn serialize_unit(self) -> Result<String, ConfigError> {
        Err(not_text("nothing"))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<String, ConfigError> {
        Err(not_text("nothing"))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<String, ConfigError> {
        Err(not_text("a variant with data"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, ConfigError> {
        Err(not_text("a list"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, ConfigError> {
        Err(not_text("a tuple"))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, ConfigError> {
        Err(not_text("a tuple"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, ConfigError> {
        Err(not_text("a variant with data"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, ConfigError> {
        Err(not_text("a map"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, ConfigError> {
        Err(not_text("a struct"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, ConfigError> {
        Err(not_text("a variant with data"))
    }
}
