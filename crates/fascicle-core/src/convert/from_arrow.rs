//! An Arrow array as elements of an array.

use super::cast::to_type_of;
use super::nesting::flatten;
use super::to_arrow::{DTYPE_KEY, arrow_unit, implied_dtype};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, TimeUnit as ArrowUnit};
use fascicle_backend::{DType, Error, ErrorKind, Result, Shape, TimeUnit, Values};
use num_complex::Complex;

/// What is known of a column beside its Arrow type.
#[derive(Clone, Debug, Default)]
pub struct ColumnRules {
    /// The dtype asked for; without it, the one that the type implies.
    pub dtype: Option<DType>,
    /// One element of that dtype, which stands for null.
    pub fill: Option<Values>,
}

impl ColumnRules {
    /// The rules of a field: the dtype that its metadata names under [`DTYPE_KEY`], if any.
    pub fn of_field(field: &Field) -> Result<Self> {
        let dtype = field.metadata().get(DTYPE_KEY).map(|name| name.parse()).transpose();
        let dtype = dtype.map_err(|error: Error| {
            Error::new(ErrorKind::Corrupt, format!("the metadata '{DTYPE_KEY}' names no dtype"))
                .caused_by(error)
        })?;
        Ok(ColumnRules { dtype, fill: None })
    }
}

/// The values of an Arrow array and their shape: one row a value, lists of one length as further axes.
///
/// - Null is the fill value; without one NaN in floats and "not a time" in times.
/// - A dtype that is asked for is converted to as far as no value changes; floats may be rounded to a shorter float, and anything
///   may be written as text.
/// - Time zones are dropped: the point in time in UTC is kept.
/// - Errors: [`ErrorKind::Unsupported`] for types that no array can have; [`ErrorKind::Mismatch`] for nulls without a fill
///   value, lists of different lengths, and values that the dtype cannot hold; [`ErrorKind::InvalidInput`] for a fill value
///   that is not one element of the dtype.
pub fn arrow_to_values(array: &ArrayRef, rules: &ColumnRules) -> Result<(Shape, Values)> {
    let rows = array.len() as u64;
    let (leaf, trailing) = flatten(array)?;
    let dtype = dtype_of(leaf.data_type(), rules)?;
    check_fill(dtype, rules.fill.as_ref())?;
    let leaf = to_type_of(&leaf, dtype)?;
    let values = leaf_values(&leaf, dtype, rules.fill.as_ref())?;
    let shape = Shape::new([&[rows], trailing.as_slice()].concat())?;
    Ok((shape, values))
}

/// The dtype of the array that a column becomes.
pub(super) fn dtype_of(leaf: &DataType, rules: &ColumnRules) -> Result<DType> {
    if let Some(dtype) = rules.dtype {
        return dtype.check();
    }
    implied_dtype(leaf).ok_or_else(|| {
        let error = Error::new(ErrorKind::Unsupported, format!("no dtype holds values of the type {leaf}"));
        match leaf {
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
                error.hint("give the dtype 'S<length>' of the longest value")
            }
            DataType::Null => error.hint("give a dtype"),
            _ => error.hint("convert the column first, give a dtype, leave it out, or store a table"),
        }
    })
}

/// Refuses a fill value that is not one element of `dtype`.
pub(super) fn check_fill(dtype: DType, fill: Option<&Values>) -> Result<()> {
    match fill {
        Some(fill) if fill.dtype() != dtype || fill.len() != 1 => Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "the value for nulls must be one element of {dtype}, this is {} of {}",
                fill.len(),
                fill.dtype()
            ),
        )),
        _ => Ok(()),
    }
}

/// Reads a leaf that [`to_type_of`] brought to the type of `dtype`.
fn leaf_values(leaf: &ArrayRef, dtype: DType, fill: Option<&Values>) -> Result<Values> {
    /// The numbers of a leaf, `$null` in the place of nulls where the dtype has a value that means as much.
    macro_rules! numbers {
        ($type:ty, $variant:ident, $null:expr) => {{
            let fill = match fill {
                Some(Values::$variant(fill)) => fill.first().copied(),
                _ => $null,
            };
            Values::$variant(primitive::<$type>(leaf, fill, dtype)?)
        }};
    }
    Ok(match dtype {
        DType::Bool => {
            let fill = match fill {
                Some(Values::Bool(fill)) => fill.first().copied(),
                _ => None,
            };
            let bools = leaf.as_boolean_opt().ok_or_else(unexpected)?;
            let values = bools.values().iter().collect();
            Values::Bool(filled(values, bools.nulls(), fill, dtype)?)
        }
        DType::Int8 => numbers!(Int8Type, Int8, None),
        DType::Int16 => numbers!(Int16Type, Int16, None),
        DType::Int32 => numbers!(Int32Type, Int32, None),
        DType::Int64 => numbers!(Int64Type, Int64, None),
        DType::UInt8 => numbers!(UInt8Type, UInt8, None),
        DType::UInt16 => numbers!(UInt16Type, UInt16, None),
        DType::UInt32 => numbers!(UInt32Type, UInt32, None),
        DType::UInt64 => numbers!(UInt64Type, UInt64, None),
        DType::Float16 => numbers!(Float16Type, Float16, Some(half::f16::NAN)),
        DType::Float32 => numbers!(Float32Type, Float32, Some(f32::NAN)),
        DType::Float64 => numbers!(Float64Type, Float64, Some(f64::NAN)),
        DType::Complex64 => {
            let fill = match fill {
                Some(Values::Complex64(fill)) => fill.first().copied(),
                _ => Some(Complex::new(f32::NAN, f32::NAN)),
            };
            Values::Complex64(complex::<Float32Type>(leaf, fill, f32::NAN, dtype)?)
        }
        DType::Complex128 => {
            let fill = match fill {
                Some(Values::Complex128(fill)) => fill.first().copied(),
                _ => Some(Complex::new(f64::NAN, f64::NAN)),
            };
            Values::Complex128(complex::<Float64Type>(leaf, fill, f64::NAN, dtype)?)
        }
        DType::FixedBytes(width) => fixed_bytes(leaf, width, fill)?,
        DType::Text => {
            let fill = match fill {
                Some(Values::Text(fill)) => fill.first().cloned(),
                _ => None,
            };
            let texts = leaf.as_string_opt::<i32>().ok_or_else(unexpected)?;
            let owned = (0..texts.len())
                .map(|row| if texts.is_null(row) { String::new() } else { texts.value(row).to_owned() });
            Values::Text(filled(owned.collect(), texts.nulls(), fill, dtype)?)
        }
        DType::DateTime64(unit) => {
            let fill = match fill {
                Some(Values::DateTime64(_, fill)) => fill.first().copied(),
                _ => Some(i64::MIN),
            };
            Values::DateTime64(unit, date_times(leaf, unit, fill, dtype)?)
        }
        DType::TimeDelta64(unit) => {
            let fill = match fill {
                Some(Values::TimeDelta64(_, fill)) => fill.first().copied(),
                _ => Some(i64::MIN),
            };
            Values::TimeDelta64(unit, time_deltas(leaf, unit, fill, dtype)?)
        }
    })
}

/// `values` with `fill` in the place of nulls; an error when there are nulls and no fill.
fn filled<T: Clone>(
    mut values: Vec<T>,
    nulls: Option<&NullBuffer>,
    fill: Option<T>,
    dtype: DType,
) -> Result<Vec<T>> {
    let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) else { return Ok(values) };
    let fill = fill.ok_or_else(|| {
        let count = nulls.null_count();
        let are = if count == 1 { "value is" } else { "values are" };
        Error::new(ErrorKind::Mismatch, format!("{count} {are} null, and an array of {dtype} has no null"))
            .hint("give a value that stands for null, or a float dtype, in which null becomes NaN")
    })?;
    for (value, valid) in values.iter_mut().zip(nulls.iter()) {
        if !valid {
            value.clone_from(&fill);
        }
    }
    Ok(values)
}

fn primitive<T: ArrowPrimitiveType>(
    leaf: &ArrayRef,
    fill: Option<T::Native>,
    dtype: DType,
) -> Result<Vec<T::Native>> {
    let numbers = leaf.as_primitive_opt::<T>().ok_or_else(unexpected)?;
    filled(numbers.values().to_vec(), numbers.nulls(), fill, dtype)
}

/// Complex numbers; a part that is null is `nan`.
fn complex<T: ArrowPrimitiveType>(
    leaf: &ArrayRef,
    fill: Option<Complex<T::Native>>,
    nan: T::Native,
    dtype: DType,
) -> Result<Vec<Complex<T::Native>>> {
    let numbers: &StructArray = leaf.as_struct_opt().ok_or_else(unexpected)?;
    let [re, im] = numbers.columns() else { return Err(unexpected()) };
    let (re, im) = (primitive::<T>(re, Some(nan), dtype)?, primitive::<T>(im, Some(nan), dtype)?);
    let values = re.into_iter().zip(im).map(|(re, im)| Complex::new(re, im)).collect();
    filled(values, numbers.nulls(), fill, dtype)
}

/// Text or bytes, each padded with zero bytes to `width`.
fn fixed_bytes(leaf: &ArrayRef, width: u32, fill: Option<&Values>) -> Result<Values> {
    let fill = match fill {
        Some(Values::FixedBytes { bytes, .. }) => Some(bytes.as_slice()),
        _ => None,
    };
    let value = |row: usize| -> Result<&[u8]> {
        match leaf.data_type() {
            DataType::Utf8 => Ok(leaf.as_string::<i32>().value(row).as_bytes()),
            DataType::Binary => Ok(leaf.as_binary::<i32>().value(row)),
            _ => Err(unexpected()),
        }
    };
    let mut elements = Values::zeros(DType::FixedBytes(width), leaf.len() as u64)?;
    let Some(bytes) = elements.bytes_mut() else { return Err(unexpected()) };
    // Refuses nulls that nothing stands for before anything else.
    filled(vec![(); leaf.len()], leaf.nulls(), fill.map(|_| ()), DType::FixedBytes(width))?;
    for (row, element) in bytes.chunks_mut((width as usize).max(1)).enumerate() {
        let value = match fill {
            Some(fill) if leaf.is_null(row) => fill,
            _ => value(row)?,
        };
        let target = element.get_mut(..value.len()).ok_or_else(|| {
            Error::new(
                ErrorKind::Mismatch,
                format!("value {row} has {} bytes and does not fit into S{width}", value.len()),
            )
            .hint("give a longer dtype, or 'string' for text of any length")
        })?;
        target.copy_from_slice(value);
    }
    Ok(elements)
}

fn date_times(leaf: &ArrayRef, unit: TimeUnit, fill: Option<i64>, dtype: DType) -> Result<Vec<i64>> {
    if unit == TimeUnit::Day {
        let dates = leaf.as_primitive_opt::<Date32Type>().ok_or_else(unexpected)?;
        let days = dates.values().iter().map(|day| i64::from(*day)).collect();
        return filled(days, dates.nulls(), fill, dtype);
    }
    match arrow_unit(unit) {
        (ArrowUnit::Second, factor) => counts::<TimestampSecondType>(leaf, factor, fill, dtype),
        (ArrowUnit::Millisecond, factor) => counts::<TimestampMillisecondType>(leaf, factor, fill, dtype),
        (ArrowUnit::Microsecond, factor) => counts::<TimestampMicrosecondType>(leaf, factor, fill, dtype),
        (ArrowUnit::Nanosecond, factor) => counts::<TimestampNanosecondType>(leaf, factor, fill, dtype),
    }
}

fn time_deltas(leaf: &ArrayRef, unit: TimeUnit, fill: Option<i64>, dtype: DType) -> Result<Vec<i64>> {
    match arrow_unit(unit) {
        (ArrowUnit::Second, factor) => counts::<DurationSecondType>(leaf, factor, fill, dtype),
        (ArrowUnit::Millisecond, factor) => counts::<DurationMillisecondType>(leaf, factor, fill, dtype),
        (ArrowUnit::Microsecond, factor) => counts::<DurationMicrosecondType>(leaf, factor, fill, dtype),
        (ArrowUnit::Nanosecond, factor) => counts::<DurationNanosecondType>(leaf, factor, fill, dtype),
    }
}

/// Counts of Arrow's unit as counts of one that is `factor` of it.
fn counts<T: ArrowPrimitiveType<Native = i64>>(
    leaf: &ArrayRef,
    factor: i64,
    fill: Option<i64>,
    dtype: DType,
) -> Result<Vec<i64>> {
    let times = leaf.as_primitive_opt::<T>().ok_or_else(unexpected)?;
    let mut counts = times.values().to_vec();
    for (row, count) in counts.iter_mut().enumerate().filter(|(row, _)| times.is_valid(*row)) {
        if *count % factor != 0 || *count == i64::MIN {
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!("the time in row {row} is no value of {dtype}"),
            )
            .hint("give a dtype of a finer unit"));
        }
        *count /= factor;
    }
    filled(counts, times.nulls(), fill, dtype)
}

/// A leaf that is not of the type it was brought to.
fn unexpected() -> Error {
    Error::new(ErrorKind::Internal, "a column is not of the type that it was converted to")
}
