//! Elements of an array as an Arrow array.

use super::BytesForm;
use super::nesting::{list_type, nest};
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, StringArray, StructArray};
use arrow_buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields, TimeUnit as ArrowUnit};
use fascicle_backend::{DType, Error, ErrorKind, Result, Shape, TimeUnit, Values};
use num_complex::Complex;
use std::{collections::HashMap, sync::Arc};

/// The key in a field's metadata that names the dtype of an array where the Arrow type does not tell it.
pub const DTYPE_KEY: &str = "fascicle.dtype";

/// The Arrow field of a column of `dtype` whose rows have the shape `trailing`. [`BytesForm::Auto`] counts as text here.
///
/// Errors: [`ErrorKind::LimitExceeded`] for an axis or an element longer than Arrow can say.
pub fn arrow_field(name: &str, dtype: DType, trailing: &[u64], bytes: BytesForm) -> Result<Field> {
    let leaf = leaf_type(dtype, bytes)?;
    let is_time = matches!(dtype, DType::DateTime64(_) | DType::TimeDelta64(_));
    let field = if trailing.is_empty() {
        Field::new(name, leaf, is_time)
    } else {
        Field::new(name, list_type(leaf, trailing, is_time)?, false)
    };
    Ok(match implied_dtype(field_leaf(&field)) {
        Some(implied) if implied == dtype => field,
        _ => field.with_metadata(HashMap::from([(DTYPE_KEY.to_owned(), dtype.to_string())])),
    })
}

/// The type within all lists of fixed size.
fn field_leaf(field: &Field) -> &DataType {
    let mut leaf = field.data_type();
    while let DataType::FixedSizeList(item, _) = leaf {
        leaf = item.data_type();
    }
    leaf
}

/// The elements of an array of `shape`, in C order, as an Arrow array of one value a row; a scalar is one row. Of the type
/// that [`arrow_field`] says, or of the binary form where [`BytesForm::Auto`] finds what is no text.
///
/// - Cost: numbers are not copied.
/// - Errors: [`ErrorKind::Mismatch`] for elements that do not fill the shape, and for bytes that are no text although
///   [`BytesForm::Text`] is asked for; [`ErrorKind::LimitExceeded`] for times that Arrow's unit cannot say and for more than
///   2 GiB of text.
pub fn values_to_arrow(values: Values, shape: &Shape, bytes: BytesForm) -> Result<ArrayRef> {
    let is_time = matches!(values, Values::DateTime64(..) | Values::TimeDelta64(..));
    nest(leaf_array(values, bytes)?, shape, is_time)
}

/// The Arrow type of single elements.
pub(super) fn leaf_type(dtype: DType, bytes: BytesForm) -> Result<DataType> {
    Ok(match dtype {
        DType::Bool => DataType::Boolean,
        DType::Int8 => DataType::Int8,
        DType::Int16 => DataType::Int16,
        DType::Int32 => DataType::Int32,
        DType::Int64 => DataType::Int64,
        DType::UInt8 => DataType::UInt8,
        DType::UInt16 => DataType::UInt16,
        DType::UInt32 => DataType::UInt32,
        DType::UInt64 => DataType::UInt64,
        DType::Float16 => DataType::Float16,
        DType::Float32 => DataType::Float32,
        DType::Float64 => DataType::Float64,
        DType::Complex64 => DataType::Struct(complex_fields(DataType::Float32)),
        DType::Complex128 => DataType::Struct(complex_fields(DataType::Float64)),
        DType::FixedBytes(width) => match bytes {
            BytesForm::Auto | BytesForm::Text => DataType::Utf8,
            BytesForm::Binary => DataType::FixedSizeBinary(arrow_length(u64::from(width), "an element")?),
        },
        DType::Text => DataType::Utf8,
        DType::DateTime64(TimeUnit::Day) => DataType::Date32,
        DType::DateTime64(unit) => DataType::Timestamp(arrow_unit(unit).0, None),
        DType::TimeDelta64(unit) => DataType::Duration(arrow_unit(unit).0),
    })
}

/// The dtype that a column of this type has when nothing else is said; `None` when there is none.
pub(super) fn implied_dtype(leaf: &DataType) -> Option<DType> {
    let unit = |unit: &ArrowUnit| match unit {
        ArrowUnit::Second => TimeUnit::Second,
        ArrowUnit::Millisecond => TimeUnit::Millisecond,
        ArrowUnit::Microsecond => TimeUnit::Microsecond,
        ArrowUnit::Nanosecond => TimeUnit::Nanosecond,
    };
    Some(match leaf {
        DataType::Boolean => DType::Bool,
        DataType::Int8 => DType::Int8,
        DataType::Int16 => DType::Int16,
        DataType::Int32 => DType::Int32,
        DataType::Int64 => DType::Int64,
        DataType::UInt8 => DType::UInt8,
        DataType::UInt16 => DType::UInt16,
        DataType::UInt32 => DType::UInt32,
        DataType::UInt64 => DType::UInt64,
        DataType::Float16 => DType::Float16,
        DataType::Float32 => DType::Float32,
        DataType::Float64 => DType::Float64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DType::Text,
        DataType::FixedSizeBinary(width) if *width > 0 => DType::FixedBytes(width.unsigned_abs()),
        DataType::Date32 => DType::DateTime64(TimeUnit::Day),
        DataType::Date64 => DType::DateTime64(TimeUnit::Millisecond),
        DataType::Timestamp(count, _) => DType::DateTime64(unit(count)),
        DataType::Duration(count) => DType::TimeDelta64(unit(count)),
        DataType::Struct(fields) => match complex_part(fields)? {
            DataType::Float32 => DType::Complex64,
            _ => DType::Complex128,
        },
        DataType::Dictionary(_, value) => implied_dtype(value)?,
        _ => return None,
    })
}

/// The type of the parts when `fields` are those of a complex number.
pub(super) fn complex_part(fields: &Fields) -> Option<&DataType> {
    match fields.as_ref() {
        [re, im] if re.name() == "re" && im.name() == "im" && re.data_type() == im.data_type() => {
            Some(re.data_type()).filter(|part| matches!(part, DataType::Float32 | DataType::Float64))
        }
        _ => None,
    }
}

fn complex_fields(part: DataType) -> Fields {
    Fields::from(vec![Field::new("re", part.clone(), false), Field::new("im", part, false)])
}

/// Arrow's unit for a unit, and how many of it the unit is.
pub(super) fn arrow_unit(unit: TimeUnit) -> (ArrowUnit, i64) {
    match unit {
        TimeUnit::Day => (ArrowUnit::Second, 86_400),
        TimeUnit::Hour => (ArrowUnit::Second, 3_600),
        TimeUnit::Minute => (ArrowUnit::Second, 60),
        TimeUnit::Second => (ArrowUnit::Second, 1),
        TimeUnit::Millisecond => (ArrowUnit::Millisecond, 1),
        TimeUnit::Microsecond => (ArrowUnit::Microsecond, 1),
        TimeUnit::Nanosecond => (ArrowUnit::Nanosecond, 1),
    }
}

/// A length as Arrow's signed 32-bit number.
pub(super) fn arrow_length(length: u64, what: &str) -> Result<i32> {
    i32::try_from(length).map_err(|_| {
        Error::new(ErrorKind::LimitExceeded, format!("{what} of length {length} does not fit into a table"))
    })
}

fn leaf_array(values: Values, bytes: BytesForm) -> Result<ArrayRef> {
    Ok(match values {
        Values::Bool(bools) => Arc::new(BooleanArray::from(bools)),
        Values::Int8(numbers) => primitive::<Int8Type>(numbers),
        Values::Int16(numbers) => primitive::<Int16Type>(numbers),
        Values::Int32(numbers) => primitive::<Int32Type>(numbers),
        Values::Int64(numbers) => primitive::<Int64Type>(numbers),
        Values::UInt8(numbers) => primitive::<UInt8Type>(numbers),
        Values::UInt16(numbers) => primitive::<UInt16Type>(numbers),
        Values::UInt32(numbers) => primitive::<UInt32Type>(numbers),
        Values::UInt64(numbers) => primitive::<UInt64Type>(numbers),
        Values::Float16(numbers) => primitive::<Float16Type>(numbers),
        Values::Float32(numbers) => primitive::<Float32Type>(numbers),
        Values::Float64(numbers) => primitive::<Float64Type>(numbers),
        Values::Complex64(numbers) => complex::<Float32Type>(numbers)?,
        Values::Complex128(numbers) => complex::<Float64Type>(numbers)?,
        Values::FixedBytes { width, bytes: elements } => match bytes {
            BytesForm::Text => bytes_as_text(width, &elements)?,
            BytesForm::Auto if are_text(width, &elements) => bytes_as_text(width, &elements)?,
            BytesForm::Auto | BytesForm::Binary => {
                let width = arrow_length(u64::from(width), "an element")?;
                Arc::new(FixedSizeBinaryArray::try_new(width, Buffer::from(elements), None).map_err(refused)?)
            }
        },
        Values::Text(texts) => text(texts.iter().map(String::as_str))?,
        Values::DateTime64(TimeUnit::Day, days) => date(days)?,
        Values::DateTime64(unit, counts) => match arrow_unit(unit) {
            (ArrowUnit::Second, factor) => time::<TimestampSecondType>(counts, factor, unit)?,
            (ArrowUnit::Millisecond, factor) => time::<TimestampMillisecondType>(counts, factor, unit)?,
            (ArrowUnit::Microsecond, factor) => time::<TimestampMicrosecondType>(counts, factor, unit)?,
            (ArrowUnit::Nanosecond, factor) => time::<TimestampNanosecondType>(counts, factor, unit)?,
        },
        Values::TimeDelta64(unit, counts) => match arrow_unit(unit) {
            (ArrowUnit::Second, factor) => time::<DurationSecondType>(counts, factor, unit)?,
            (ArrowUnit::Millisecond, factor) => time::<DurationMillisecondType>(counts, factor, unit)?,
            (ArrowUnit::Microsecond, factor) => time::<DurationMicrosecondType>(counts, factor, unit)?,
            (ArrowUnit::Nanosecond, factor) => time::<DurationNanosecondType>(counts, factor, unit)?,
        },
    })
}

fn primitive<T: ArrowPrimitiveType>(numbers: Vec<T::Native>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(numbers), None))
}

fn complex<T: ArrowPrimitiveType>(numbers: Vec<Complex<T::Native>>) -> Result<ArrayRef> {
    let (re, im) = numbers.into_iter().map(|number| (number.re, number.im)).unzip();
    let parts = vec![primitive::<T>(re), primitive::<T>(im)];
    Ok(Arc::new(StructArray::try_new(complex_fields(T::DATA_TYPE), parts, None).map_err(refused)?))
}

/// Counts of a unit as counts of Arrow's, `factor` of which it is.
fn time<T: ArrowPrimitiveType<Native = i64>>(
    counts: Vec<i64>,
    factor: i64,
    unit: TimeUnit,
) -> Result<ArrayRef> {
    let nulls = times_as_nulls(&counts);
    let counts = if factor == 1 {
        counts
    } else {
        let scaled = counts.into_iter().map(|count| match count {
            i64::MIN => Ok(0),
            count => count.checked_mul(factor).ok_or_else(|| out_of_range(count, unit)),
        });
        scaled.collect::<Result<_>>()?
    };
    Ok(Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(counts), nulls)))
}

fn date(days: Vec<i64>) -> Result<ArrayRef> {
    let nulls = times_as_nulls(&days);
    let days = days.into_iter().map(|day| match day {
        i64::MIN => Ok(0),
        day => i32::try_from(day).map_err(|_| out_of_range(day, TimeUnit::Day)),
    });
    let days: Vec<i32> = days.collect::<Result<_>>()?;
    Ok(Arc::new(PrimitiveArray::<Date32Type>::new(ScalarBuffer::from(days), nulls)))
}

/// Which counts are times.
fn times_as_nulls(counts: &[i64]) -> Option<NullBuffer> {
    counts.contains(&i64::MIN).then(|| counts.iter().map(|count| *count != i64::MIN).collect())
}

fn out_of_range(count: i64, unit: TimeUnit) -> Error {
    Error::new(
        ErrorKind::LimitExceeded,
        format!("the time {count} in units of '{}' is beyond what a table can say", unit.code()),
    )
}

/// Elements without their trailing zero bytes.
fn stripped(width: u32, elements: &[u8]) -> impl Iterator<Item = &[u8]> {
    elements.chunks((width as usize).max(1)).map(|element| {
        let end = element.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        element.get(..end).unwrap_or(element)
    })
}

/// Whether every element is UTF-8 after its trailing zero bytes are dropped.
pub(super) fn are_text(width: u32, elements: &[u8]) -> bool {
    stripped(width, elements).all(|element| std::str::from_utf8(element).is_ok())
}

fn bytes_as_text(width: u32, elements: &[u8]) -> Result<ArrayRef> {
    let texts = stripped(width, elements).enumerate().map(|(at, element)| {
        std::str::from_utf8(element).map_err(|error| {
            Error::new(ErrorKind::Mismatch, format!("the bytes of element {at} are no UTF-8 text"))
                .hint("ask for the binary form of bytes")
                .caused_by(error)
        })
    });
    text(texts.collect::<Result<Vec<_>>>()?.into_iter())
}

fn text<'a>(texts: impl Iterator<Item = &'a str> + Clone) -> Result<ArrayRef> {
    let bytes: u64 = texts.clone().map(|text| text.len() as u64).sum();
    if bytes > i32::MAX as u64 {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("{bytes} bytes of text do not fit into one batch of a table"),
        )
        .hint("read the table as a stream of batches"));
    }
    Ok(Arc::new(StringArray::from_iter_values(texts)))
}

/// An answer of Arrow to what was checked before.
pub(super) fn refused(error: ArrowError) -> Error {
    Error::new(ErrorKind::Internal, "Arrow refused a converted array").caused_by(error)
}
