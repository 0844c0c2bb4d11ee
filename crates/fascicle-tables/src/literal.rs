//! Literals of predicates as values of a column's type.

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeBinaryArray, Float64Array, Int64Array, StringArray,
    UInt64Array,
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, TimeUnit};
use fascicle_backend::{Error, ErrorKind, Literal, Result};
use std::sync::Arc;

/// What a column is compared with.
#[derive(Clone, Debug)]
pub(crate) enum Constant {
    /// One value of the column's type, or of its values' type when it is encoded by a dictionary or in runs.
    Value(ArrayRef),
    /// No comparison is true or false, because the column can hold nothing but nulls.
    Unknown,
}

/// Casts a literal to the type of `column`. Nothing is lost, except that floats are rounded to the column's precision.
pub(crate) fn cast_literal(literal: &Literal, column: &str, data_type: &DataType) -> Result<Constant> {
    let refuse = || {
        Error::new(
            ErrorKind::InvalidInput,
            format!("the column '{column}' holds {data_type}, which {} does not fit", describe(literal)),
        )
    };
    let value = match data_type {
        DataType::Null => return Ok(Constant::Unknown),
        DataType::Dictionary(_, values) => return cast_literal(literal, column, values),
        DataType::RunEndEncoded(_, values) => return cast_literal(literal, column, values.data_type()),
        DataType::Boolean => boolean(literal),
        kind if kind.is_integer() => integer(literal, kind),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => float(literal, data_type),
        kind if kind.is_decimal() => decimal(literal, kind),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => text(literal, data_type),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => text(literal, &DataType::Utf8)
            .and_then(|texts| cast(&texts, &DataType::Binary))
            .and_then(|bytes| cast(&bytes, data_type)),
        DataType::FixedSizeBinary(width) => fixed_bytes(literal, *width),
        DataType::Date32
        | DataType::Date64
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Timestamp(_, _) => {
            return time(literal, data_type).map(Constant::Value).ok_or_else(|| {
                refuse().hint("write times as text, such as \"2024-05-01\" or \"2024-05-01T12:30:00\"")
            });
        }
        DataType::Duration(_) => duration(literal, data_type),
        other => {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the column '{column}' holds {other}, which cannot be compared with a literal"),
            ));
        }
    };
    value.map(Constant::Value).ok_or_else(refuse)
}

fn describe(literal: &Literal) -> String {
    match literal {
        Literal::Bool(value) => format!("the truth value {value}"),
        Literal::Int(value) => format!("the integer {value}"),
        Literal::UInt(value) => format!("the integer {value}"),
        Literal::Float(value) => format!("the float {value:?}"),
        Literal::Text(value) => format!("the text {value:?}"),
    }
}

/// Casts without loss of what does not fit; `None` when it does not.
fn cast(array: &ArrayRef, data_type: &DataType) -> Option<ArrayRef> {
    let strictly = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, data_type, &strictly).ok().filter(|value| value.null_count() == 0)
}

fn boolean(literal: &Literal) -> Option<ArrayRef> {
    let value = match literal {
        Literal::Bool(value) => *value,
        Literal::Text(value) if value.eq_ignore_ascii_case("true") => true,
        Literal::Text(value) if value.eq_ignore_ascii_case("false") => false,
        _ => return None,
    };
    Some(Arc::new(BooleanArray::from(vec![value])))
}

/// Whole numbers stay whole numbers on the way: 64-bit integers would lose digits as floats.
fn integer(literal: &Literal, data_type: &DataType) -> Option<ArrayRef> {
    let value: i128 = match literal {
        Literal::Int(value) => i128::from(*value),
        Literal::UInt(value) => i128::from(*value),
        // Within these bounds the conversion is exact.
        Literal::Float(value) if value.fract() == 0.0 && value.abs() < 1e20 => *value as i128,
        Literal::Text(value) => value.trim().parse().ok()?,
        _ => return None,
    };
    let value: ArrayRef = match i64::try_from(value) {
        Ok(value) => Arc::new(Int64Array::from(vec![value])),
        Err(_) => Arc::new(UInt64Array::from(vec![u64::try_from(value).ok()?])),
    };
    cast(&value, data_type)
}

fn float(literal: &Literal, data_type: &DataType) -> Option<ArrayRef> {
    let value = match literal {
        Literal::Int(value) => *value as f64,
        Literal::UInt(value) => *value as f64,
        Literal::Float(value) => *value,
        Literal::Text(value) => value.trim().parse().ok()?,
        Literal::Bool(_) => return None,
    };
    let overflows = value.is_finite()
        && match data_type {
            DataType::Float16 => half::f16::from_f64(value).is_infinite(),
            DataType::Float32 => (value as f32).is_infinite(),
            _ => false,
        };
    let value: ArrayRef = Arc::new(Float64Array::from(vec![value]));
    if overflows { None } else { cast(&value, data_type) }
}

/// Decimals go by their digits, and all of these must find a place.
fn decimal(literal: &Literal, data_type: &DataType) -> Option<ArrayRef> {
    let digits = match literal {
        Literal::Int(value) => value.to_string(),
        Literal::UInt(value) => value.to_string(),
        Literal::Float(value) if value.is_finite() => value.to_string(),
        Literal::Text(value) => value.trim().to_owned(),
        _ => return None,
    };
    let text: ArrayRef = Arc::new(StringArray::from(vec![digits.as_str()]));
    let value = cast(&text, data_type)?;
    let back = cast(&value, &DataType::Utf8)?;
    let back = back.as_any().downcast_ref::<StringArray>()?.iter().next()??.to_owned();
    (plain_digits(&back) == plain_digits(&digits)).then_some(value)
}

/// A decimal number without a plus sign and without zeros that mean nothing.
fn plain_digits(digits: &str) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits.strip_prefix('+').unwrap_or(digits)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let sign = if whole.is_empty() && fraction.is_empty() { "" } else { sign };
    format!("{sign}{whole}.{fraction}")
}

fn text(literal: &Literal, data_type: &DataType) -> Option<ArrayRef> {
    let Literal::Text(value) = literal else { return None };
    let value: ArrayRef = Arc::new(StringArray::from(vec![value.as_str()]));
    cast(&value, data_type)
}

fn fixed_bytes(literal: &Literal, width: i32) -> Option<ArrayRef> {
    let Literal::Text(value) = literal else { return None };
    let bytes = BinaryArray::from(vec![value.as_bytes()]);
    let fits = usize::try_from(width).is_ok_and(|width| width == value.len());
    let value = FixedSizeBinaryArray::try_from_iter(bytes.iter().flatten()).ok().filter(|_| fits)?;
    Some(Arc::new(value))
}

/// Dates and times are parsed from text, and refused when they are finer than what the column counts.
fn time(literal: &Literal, data_type: &DataType) -> Option<ArrayRef> {
    let text = text(literal, &DataType::Utf8)?;
    let finest = match data_type {
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Nanosecond),
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Nanosecond, zone.clone()),
        _ => DataType::Timestamp(TimeUnit::Nanosecond, None),
    };
    let value = cast(&text, data_type)?;
    // Years that nanoseconds cannot count have no finer form to compare with.
    match (cast(&text, &finest), cast(&value, &finest)) {
        (Some(exact), Some(rounded)) if exact.to_data() != rounded.to_data() => None,
        _ => Some(value),
    }
}

/// Spans of time are given as counts of the column's unit.
fn duration(literal: &Literal, data_type: &DataType) -> Option<ArrayRef> {
    cast(&integer(literal, &DataType::Int64)?, data_type)
}
