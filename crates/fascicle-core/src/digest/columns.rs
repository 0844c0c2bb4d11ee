//! The canonical bytes of the values of columns.
//!
//! A value that may be null begins with a byte: 0 for null, with nothing after it, or 1. Then the value: numbers, times and
//! decimals little-endian, floats as elements of arrays are, `bool` one byte; text, bytes, lists and maps a length of 8
//! bytes, little-endian, and what they hold; lists and bytes of a fixed size only what they hold; structs their fields.
//! Dictionaries and runs count as the values they stand for.

use super::elements::CanonicalFloat;
use crate::{Error, ErrorKind, Result};
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow_schema::{DataType, IntervalUnit, TimeUnit};

/// Appends the canonical bytes of all values of an array.
pub(super) fn encode_column(out: &mut Vec<u8>, array: &ArrayRef, nullable: bool) -> Result<()> {
    macro_rules! primitive {
        ($type:ty, $put:expr) => {{
            encode_primitive::<$type>(out, array, nullable, $put);
            Ok(())
        }};
    }
    macro_rules! plain {
        ($type:ty) => {
            primitive!($type, |out: &mut Vec<u8>, value: <$type as ArrowPrimitiveType>::Native| {
                out.extend_from_slice(&value.to_le_bytes())
            })
        };
    }
    macro_rules! float {
        ($type:ty) => {
            primitive!($type, |out: &mut Vec<u8>, value: <$type as ArrowPrimitiveType>::Native| value
                .put(out))
        };
    }
    macro_rules! by_unit {
        ($unit:expr, $second:ty, $milli:ty, $micro:ty, $nano:ty) => {
            match $unit {
                TimeUnit::Second => plain!($second),
                TimeUnit::Millisecond => plain!($milli),
                TimeUnit::Microsecond => plain!($micro),
                TimeUnit::Nanosecond => plain!($nano),
            }
        };
    }
    match array.data_type() {
        DataType::Int8 => plain!(Int8Type),
        DataType::Int16 => plain!(Int16Type),
        DataType::Int32 => plain!(Int32Type),
        DataType::Int64 => plain!(Int64Type),
        DataType::UInt8 => plain!(UInt8Type),
        DataType::UInt16 => plain!(UInt16Type),
        DataType::UInt32 => plain!(UInt32Type),
        DataType::UInt64 => plain!(UInt64Type),
        DataType::Float16 => float!(Float16Type),
        DataType::Float32 => float!(Float32Type),
        DataType::Float64 => float!(Float64Type),
        DataType::Date32 => plain!(Date32Type),
        DataType::Date64 => plain!(Date64Type),
        DataType::Time32(TimeUnit::Second) => plain!(Time32SecondType),
        DataType::Time32(_) => plain!(Time32MillisecondType),
        DataType::Time64(TimeUnit::Microsecond) => plain!(Time64MicrosecondType),
        DataType::Time64(_) => plain!(Time64NanosecondType),
        DataType::Timestamp(unit, _) => by_unit!(
            unit,
            TimestampSecondType,
            TimestampMillisecondType,
            TimestampMicrosecondType,
            TimestampNanosecondType
        ),
        DataType::Duration(unit) => by_unit!(
            unit,
            DurationSecondType,
            DurationMillisecondType,
            DurationMicrosecondType,
            DurationNanosecondType
        ),
        DataType::Interval(IntervalUnit::YearMonth) => plain!(IntervalYearMonthType),
        DataType::Interval(IntervalUnit::DayTime) => {
            primitive!(IntervalDayTimeType, |out, value| {
                out.extend_from_slice(&value.days.to_le_bytes());
                out.extend_from_slice(&value.milliseconds.to_le_bytes());
            })
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            primitive!(IntervalMonthDayNanoType, |out, value| {
                out.extend_from_slice(&value.months.to_le_bytes());
                out.extend_from_slice(&value.days.to_le_bytes());
                out.extend_from_slice(&value.nanoseconds.to_le_bytes());
            })
        }
        DataType::Decimal32(..) => plain!(Decimal32Type),
        DataType::Decimal64(..) => plain!(Decimal64Type),
        DataType::Decimal128(..) => plain!(Decimal128Type),
        DataType::Decimal256(..) => plain!(Decimal256Type),
        _ => encode_rows(out, array, nullable),
    }
}

fn encode_primitive<T: ArrowPrimitiveType>(
    out: &mut Vec<u8>,
    array: &ArrayRef,
    nullable: bool,
    put: impl Fn(&mut Vec<u8>, T::Native),
) {
    let primitive = array.as_primitive::<T>();
    for (row, value) in primitive.values().iter().enumerate() {
        if presence(out, primitive.is_null(row), nullable) {
            put(out, *value);
        }
    }
}

/// Says whether a value is there, where it may be null.
fn presence(out: &mut Vec<u8>, is_null: bool, nullable: bool) -> bool {
    if nullable {
        out.push(u8::from(!is_null));
    }
    !(nullable && is_null)
}

fn encode_rows(out: &mut Vec<u8>, array: &ArrayRef, nullable: bool) -> Result<()> {
    macro_rules! rows {
        ($values:expr, |$value:ident| $put:expr) => {{
            let values = $values;
            for row in 0..values.len() {
                if presence(out, values.is_null(row), nullable) {
                    let $value = values.value(row);
                    $put;
                }
            }
        }};
    }
    macro_rules! items {
        ($values:expr, $item:expr) => {
            rows!($values, |items| {
                put_length(out, items.len());
                encode_column(out, &items, $item.is_nullable())?;
            })
        };
    }
    match array.data_type() {
        // There are no other values, and no buffer that says so.
        DataType::Null => out.resize(out.len() + if nullable { array.len() } else { 0 }, 0),
        DataType::Boolean => rows!(array.as_boolean(), |value| out.push(u8::from(value))),
        DataType::Utf8 => rows!(array.as_string::<i32>(), |value| put_bytes(out, value.as_bytes())),
        DataType::LargeUtf8 => rows!(array.as_string::<i64>(), |value| put_bytes(out, value.as_bytes())),
        DataType::Utf8View => rows!(array.as_string_view(), |value| put_bytes(out, value.as_bytes())),
        DataType::Binary => rows!(array.as_binary::<i32>(), |value| put_bytes(out, value)),
        DataType::LargeBinary => rows!(array.as_binary::<i64>(), |value| put_bytes(out, value)),
        DataType::BinaryView => rows!(array.as_binary_view(), |value| put_bytes(out, value)),
        DataType::FixedSizeBinary(_) => {
            rows!(array.as_fixed_size_binary(), |value| out.extend_from_slice(value));
        }
        DataType::List(item) => items!(array.as_list::<i32>(), item),
        DataType::LargeList(item) => items!(array.as_list::<i64>(), item),
        DataType::ListView(item) => items!(array.as_list_view::<i32>(), item),
        DataType::LargeListView(item) => items!(array.as_list_view::<i64>(), item),
        DataType::FixedSizeList(item, _) => {
            rows!(array.as_fixed_size_list(), |items| encode_column(out, &items, item.is_nullable())?);
        }
        DataType::Map(entries, _) => rows!(array.as_map(), |value| {
            put_length(out, value.len());
            encode_column(out, &(std::sync::Arc::new(value) as ArrayRef), entries.is_nullable())?;
        }),
        DataType::Struct(fields) => {
            let values = array.as_struct();
            for row in 0..values.len() {
                if presence(out, values.is_null(row), nullable) {
                    for (column, field) in values.columns().iter().zip(fields) {
                        encode_column(out, &column.slice(row, 1), field.is_nullable())?;
                    }
                }
            }
        }
        DataType::Dictionary(_, values) => encode_column(out, &cast(array, values)?, nullable)?,
        DataType::RunEndEncoded(_, values) => {
            encode_column(out, &cast(array, values.data_type())?, nullable)?
        }
        other => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("no digest is defined for columns of the type {other}"),
            ));
        }
    }
    Ok(())
}

fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    arrow_cast::cast(array, to).map_err(|error| {
        Error::new(ErrorKind::Unsupported, format!("the values of {} cannot be taken out", array.data_type()))
            .caused_by(error)
    })
}

fn put_length(out: &mut Vec<u8>, length: usize) {
    out.extend_from_slice(&(length as u64).to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}
