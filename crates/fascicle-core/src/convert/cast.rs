//! Brings an Arrow array to the type of a dtype, as far as no value changes.

use super::BytesForm;
use super::to_arrow::{complex_part, leaf_type, refused};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, StructArray, new_null_array};
use arrow_cast::{CastOptions, can_cast_types, cast_with_options};
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use fascicle_backend::{DType, Error, ErrorKind, Result, Values};
use std::sync::Arc;

/// The array in the Arrow type of `dtype`; for fixed-length bytes in `Utf8` or `Binary`.
pub(super) fn to_type_of(array: &ArrayRef, dtype: DType) -> Result<ArrayRef> {
    let array = &without_dictionary(array)?;
    let is_bytes = matches!(
        array.data_type(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)
    );
    match dtype {
        DType::FixedBytes(_) if is_bytes => exact(array, &DataType::Binary),
        DType::Text if is_bytes => exact(&exact(array, &DataType::Binary)?, &DataType::Utf8),
        DType::Complex64 | DType::Complex128 => to_complex(array, dtype),
        dtype => exact(array, &leaf_type(dtype, BytesForm::Text)?),
    }
}

fn without_dictionary(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Dictionary(_, value) => exact(array, value),
        _ => Ok(Arc::clone(array)),
    }
}

fn to_complex(array: &ArrayRef, dtype: DType) -> Result<ArrayRef> {
    let target = leaf_type(dtype, BytesForm::Text)?;
    let DataType::Struct(target_fields) = &target else { return Err(no_conversion(array, &target)) };
    let Some(part) = complex_part(target_fields) else { return Err(no_conversion(array, &target)) };
    if array.data_type() == &DataType::Null {
        return Ok(new_null_array(&target, array.len()));
    }
    let (re, im, nulls) = match array.as_struct_opt() {
        Some(numbers) if complex_part(numbers.fields()).is_some() => {
            let [re, im] = numbers.columns() else { return Err(no_conversion(array, &target)) };
            (exact(re, part)?, exact(im, part)?, numbers.nulls().cloned())
        }
        Some(_) => return Err(no_conversion(array, &target)),
        None => {
            let re = exact(array, part)?;
            let dtype = if part == &DataType::Float32 { DType::Float32 } else { DType::Float64 };
            let zeros = Values::zeros(dtype, re.len() as u64)?;
            let shape = fascicle_backend::Shape::new([re.len() as u64])?;
            let im = super::values_to_arrow(zeros, &shape, BytesForm::Binary)?;
            let nulls = re.nulls().cloned();
            (re, im, nulls)
        }
    };
    // A part may be null by itself, which the fields of a complex number otherwise exclude.
    let fields: Fields =
        target_fields.iter().map(|field| Field::new(field.name(), part.clone(), true)).collect();
    Ok(Arc::new(StructArray::try_new(fields, vec![re, im], nulls).map_err(refused)?))
}

/// Converts to `target`. Fails with [`ErrorKind::Mismatch`] when a value does not survive: numbers out of range, fractions in
/// integers, times between two counts of a unit, text that says no such value.
fn exact(array: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let from = array.data_type();
    if from == target {
        return Ok(Arc::clone(array));
    }
    if !can_cast_types(from, target) || !is_meaningful(from, target) {
        return Err(no_conversion(array, target));
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let does_not_fit =
        || Error::new(ErrorKind::Mismatch, format!("a value of the type {from} is no value of {target}"));
    let converted =
        cast_with_options(array, target, &options).map_err(|error| does_not_fit().caused_by(error))?;
    if may_round(from, target) {
        let back =
            cast_with_options(&converted, from, &options).map_err(|error| does_not_fit().caused_by(error))?;
        if back.to_data() != array.to_data() {
            return Err(does_not_fit().hint("some values would change; convert the column first"));
        }
    }
    Ok(converted)
}

/// Whether a conversion that Arrow has is one between values, not between numbers and how they happen to be counted.
fn is_meaningful(from: &DataType, target: &DataType) -> bool {
    let number = |data_type: &DataType| data_type.is_numeric() || data_type == &DataType::Boolean;
    !(number(from) && target.is_temporal() || from.is_temporal() && number(target))
}

/// Whether Arrow's conversion may drop a part of a value without an error.
fn may_round(from: &DataType, target: &DataType) -> bool {
    let fine = |data_type: &DataType| match data_type {
        DataType::Date32 => 0,
        DataType::Timestamp(TimeUnit::Second, _) | DataType::Duration(TimeUnit::Second) => 1,
        DataType::Timestamp(TimeUnit::Millisecond, _) | DataType::Duration(TimeUnit::Millisecond) => 2,
        DataType::Date64 => 2,
        DataType::Timestamp(TimeUnit::Microsecond, _) | DataType::Duration(TimeUnit::Microsecond) => 3,
        _ => 4,
    };
    let is_decimal =
        |data_type: &DataType| matches!(data_type, DataType::Decimal128(..) | DataType::Decimal256(..));
    let to_whole = target.is_integer() || target == &DataType::Boolean;
    let drops_digits = if to_whole {
        from.is_floating() || from.is_integer() || is_decimal(from)
    } else {
        target.is_floating() && from.is_integer()
    };
    drops_digits || from.is_temporal() && target.is_temporal() && fine(from) > fine(target)
}

fn no_conversion(array: &ArrayRef, target: &DataType) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("values of the type {} do not become {target}", array.data_type()),
    )
    .hint("convert the column first, give another dtype, or leave it out")
}
