//! The header of an entry's canonical bytes, and values that JSON and Arrow have in the form of configs.

use super::DIGEST_FORMAT;
use crate::config::{Map, Value, encode_value};
use crate::{Attributes, DType, EntryKind, Error, ErrorKind, Result, Shape};
use arrow_schema::{DataType, Field, Fields, IntervalUnit, Schema, TimeUnit};

/// The canonical bytes of `[format, kind, attributes, ...what]`.
pub(super) fn header(
    kind: EntryKind,
    attributes: &Attributes,
    what: impl IntoIterator<Item = Value>,
) -> Vec<u8> {
    let attributes = attributes.iter().map(|(name, value)| (name.clone(), of_json(value))).collect();
    let mut list = vec![Value::from(DIGEST_FORMAT), Value::from(kind.name()), Value::Map(attributes)];
    list.extend(what);
    let mut bytes = Vec::new();
    encode_value(&mut bytes, &Value::List(list));
    bytes
}

/// What an array is: its dtype and its shape.
pub(super) fn of_array(dtype: DType, shape: &Shape) -> [Value; 2] {
    [Value::from(dtype.to_string()), shape.iter().map(|length| Value::Int(i128::from(*length))).collect()]
}

/// What a table is: its columns.
pub(super) fn of_schema(schema: &Schema) -> Result<Value> {
    of_fields(schema.fields())
}

fn of_fields(fields: &Fields) -> Result<Value> {
    let named = fields.iter().map(|field| {
        let mut list = vec![Value::from(field.name().as_str())];
        list.extend(of_content(field)?);
        Ok(Value::List(list))
    });
    Ok(Value::List(named.collect::<Result<_>>()?))
}

/// Nullability and type; the names of list items do not count.
fn of_content(field: &Field) -> Result<[Value; 2]> {
    Ok([Value::from(field.is_nullable()), of_type(field.data_type())?])
}

fn of_type(data_type: &DataType) -> Result<Value> {
    let plain = |name: &str| Ok(Value::from(name));
    let list = |name: &str, more: Vec<Value>| {
        Ok(Value::List(std::iter::once(Value::from(name)).chain(more).collect()))
    };
    let decimal = |name: &str, precision: u8, scale: i8| {
        list(name, vec![Value::Int(i128::from(precision)), Value::Int(i128::from(scale))])
    };
    match data_type {
        DataType::Null => plain("null"),
        DataType::Boolean => plain("bool"),
        DataType::Int8 => plain("int8"),
        DataType::Int16 => plain("int16"),
        DataType::Int32 => plain("int32"),
        DataType::Int64 => plain("int64"),
        DataType::UInt8 => plain("uint8"),
        DataType::UInt16 => plain("uint16"),
        DataType::UInt32 => plain("uint32"),
        DataType::UInt64 => plain("uint64"),
        DataType::Float16 => plain("float16"),
        DataType::Float32 => plain("float32"),
        DataType::Float64 => plain("float64"),
        DataType::Utf8 => plain("utf8"),
        DataType::LargeUtf8 => plain("large_utf8"),
        DataType::Utf8View => plain("utf8_view"),
        DataType::Binary => plain("binary"),
        DataType::LargeBinary => plain("large_binary"),
        DataType::BinaryView => plain("binary_view"),
        DataType::FixedSizeBinary(width) => list("fixed_size_binary", vec![Value::Int(i128::from(*width))]),
        DataType::Date32 => plain("date32"),
        DataType::Date64 => plain("date64"),
        DataType::Time32(unit) => list("time32", vec![of_unit(*unit)]),
        DataType::Time64(unit) => list("time64", vec![of_unit(*unit)]),
        DataType::Duration(unit) => list("duration", vec![of_unit(*unit)]),
        DataType::Timestamp(unit, zone) => {
            list("timestamp", vec![of_unit(*unit), zone.as_deref().map_or(Value::Null, Value::from)])
        }
        DataType::Interval(unit) => {
            let unit = match unit {
                IntervalUnit::YearMonth => "year_month",
                IntervalUnit::DayTime => "day_time",
                IntervalUnit::MonthDayNano => "month_day_nano",
            };
            list("interval", vec![Value::from(unit)])
        }
        DataType::Decimal32(precision, scale) => decimal("decimal32", *precision, *scale),
        DataType::Decimal64(precision, scale) => decimal("decimal64", *precision, *scale),
        DataType::Decimal128(precision, scale) => decimal("decimal128", *precision, *scale),
        DataType::Decimal256(precision, scale) => decimal("decimal256", *precision, *scale),
        DataType::List(item) => list("list", of_content(item)?.into()),
        DataType::LargeList(item) => list("large_list", of_content(item)?.into()),
        DataType::ListView(item) => list("list_view", of_content(item)?.into()),
        DataType::LargeListView(item) => list("large_list_view", of_content(item)?.into()),
        DataType::FixedSizeList(item, length) => {
            let [nullable, item] = of_content(item)?;
            list("fixed_size_list", vec![Value::Int(i128::from(*length)), nullable, item])
        }
        DataType::Struct(fields) => list("struct", vec![of_fields(fields)?]),
        DataType::Map(entries, sorted) => {
            let [nullable, entries] = of_content(entries)?;
            list("map", vec![Value::from(*sorted), nullable, entries])
        }
        DataType::Dictionary(keys, values) => list("dictionary", vec![of_type(keys)?, of_type(values)?]),
        DataType::RunEndEncoded(ends, values) => {
            let [nullable, values] = of_content(values)?;
            list("run_end_encoded", vec![of_type(ends.data_type())?, nullable, values])
        }
        DataType::Union(..) => Err(Error::new(
            ErrorKind::Unsupported,
            format!("no digest is defined for columns of the type {data_type}"),
        )),
    }
}

fn of_unit(unit: TimeUnit) -> Value {
    Value::from(match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    })
}

/// A JSON value in the form of configs, which has one form for every number.
fn of_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(bool) => Value::from(*bool),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => Value::Int(i128::from(int)),
            (None, Some(int)) => Value::Int(i128::from(int)),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(list) => Value::List(list.iter().map(of_json).collect()),
        serde_json::Value::Object(map) => {
            Value::Map(map.iter().map(|(name, value)| (name.clone(), of_json(value))).collect::<Map>())
        }
    }
}
