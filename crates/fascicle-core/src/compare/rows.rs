//! Which rows of two Arrow arrays differ.

use super::elements::SameValue;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow_schema::DataType;
use fascicle_backend::{Error, ErrorKind, Result};

/// For every row whether the values differ; floats are compared by value (NaN is the same as NaN, `-0.0` as `0.0`), also
/// within lists and structs. Both arrays must have the same type and length.
pub(super) fn differing_rows(this: &ArrayRef, other: &ArrayRef) -> Result<Vec<bool>> {
    if this.len() != other.len() {
        return Err(Error::new(ErrorKind::Internal, "columns of different lengths were compared"));
    }
    // What Arrow takes for equal is equal here too, and most batches are.
    if this.to_data() == other.to_data() {
        return Ok(vec![false; this.len()]);
    }
    let mut differs = match this.data_type() {
        DataType::Float16 => differing_floats::<Float16Type>(this, other),
        DataType::Float32 => differing_floats::<Float32Type>(this, other),
        DataType::Float64 => differing_floats::<Float64Type>(this, other),
        DataType::Struct(_) => differing_structs(this, other)?,
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
            differing_lists(this, other)?
        }
        _ if is_flat(this.data_type()) => differing_flat(this, other)?,
        _ => {
            (0..this.len()).map(|row| this.slice(row, 1).to_data() != other.slice(row, 1).to_data()).collect()
        }
    };
    // What stands in the place of a null is of no meaning.
    for (row, differs) in differs.iter_mut().enumerate() {
        match (this.is_null(row), other.is_null(row)) {
            (true, true) => *differs = false,
            (false, false) => {}
            _ => *differs = true,
        }
    }
    Ok(differs)
}

fn differing_floats<T: ArrowPrimitiveType>(this: &ArrayRef, other: &ArrayRef) -> Vec<bool>
where
    T::Native: SameValue,
{
    let (this, other) = (this.as_primitive::<T>().values(), other.as_primitive::<T>().values());
    this.iter().zip(other.iter()).map(|(this, other)| !this.same_value(other)).collect()
}

fn differing_structs(this: &ArrayRef, other: &ArrayRef) -> Result<Vec<bool>> {
    let mut differs = vec![false; this.len()];
    for (this, other) in this.as_struct().columns().iter().zip(other.as_struct().columns()) {
        for (differs, field_differs) in differs.iter_mut().zip(differing_rows(this, other)?) {
            *differs |= field_differs;
        }
    }
    Ok(differs)
}

fn differing_lists(this: &ArrayRef, other: &ArrayRef) -> Result<Vec<bool>> {
    let items = |array: &ArrayRef, row: usize| match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        _ => array.as_fixed_size_list().value(row),
    };
    (0..this.len())
        .map(|row| {
            if this.is_null(row) || other.is_null(row) {
                return Ok(false);
            }
            let (this, other) = (items(this, row), items(other, row));
            Ok(this.len() != other.len() || differing_rows(&this, &other)?.contains(&true))
        })
        .collect()
}

/// Whether Arrow has a kernel that compares arrays of this type row by row.
fn is_flat(data_type: &DataType) -> bool {
    data_type.is_primitive()
        || matches!(
            data_type,
            DataType::Boolean
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
                | DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
                | DataType::FixedSizeBinary(_)
        )
}

fn differing_flat(this: &ArrayRef, other: &ArrayRef) -> Result<Vec<bool>> {
    let distinct = arrow_ord::cmp::distinct(this, other)
        .map_err(|error| Error::new(ErrorKind::Internal, "columns cannot be compared").caused_by(error))?;
    Ok(distinct.values().iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::builder::{FixedSizeListBuilder, Float64Builder, ListBuilder};
    use arrow_array::types::Int32Type;
    use arrow_array::{DictionaryArray, Float64Array, StringArray, StructArray};
    use arrow_schema::Field;
    use std::sync::Arc;

    fn differs(this: impl Array + 'static, other: impl Array + 'static) -> Vec<bool> {
        let (this, other): (ArrayRef, ArrayRef) = (Arc::new(this), Arc::new(other));
        let found = differing_rows(&this, &other).unwrap();
        assert_eq!(found, differing_rows(&other, &this).unwrap());
        found
    }

    #[test]
    fn floats_are_compared_by_value_and_nulls_by_presence() {
        let this = Float64Array::from(vec![Some(f64::NAN), Some(0.0), None, None, Some(1.0)]);
        let other = Float64Array::from(vec![Some(-f64::NAN), Some(-0.0), None, Some(0.0), Some(2.0)]);
        assert_eq!(differs(this, other), [false, false, false, true, true]);
    }

    #[test]
    fn text_is_compared_row_by_row() {
        let this = StringArray::from(vec![Some("a"), Some("b"), None, None]);
        let other = StringArray::from(vec![Some("a"), Some("c"), None, Some("")]);
        assert_eq!(differs(this, other), [false, true, false, true]);
    }

    #[test]
    fn dictionaries_are_compared_by_what_they_stand_for() {
        let this: DictionaryArray<Int32Type> = vec!["a", "b", "a"].into_iter().collect();
        let other: DictionaryArray<Int32Type> = vec!["b", "b", "a"].into_iter().collect();
        assert_eq!(differs(this, other), [true, false, false]);
    }

    #[test]
    fn nested_floats_are_compared_by_value() {
        let list = |rows: &[Option<&[f64]>]| {
            let mut builder = ListBuilder::new(Float64Builder::new());
            rows.iter().for_each(|row| builder.append_option(row.map(|row| row.iter().copied().map(Some))));
            builder.finish()
        };
        let this = list(&[Some(&[f64::NAN, 0.0]), Some(&[1.0]), None, Some(&[])]);
        let other = list(&[Some(&[-f64::NAN, -0.0]), Some(&[1.0, 2.0]), Some(&[]), Some(&[])]);
        assert_eq!(differs(this, other), [false, true, true, false]);

        let fixed = |value: f64| {
            let mut builder = FixedSizeListBuilder::new(Float64Builder::new(), 2);
            builder.values().append_slice(&[value, 1.0, 2.0, 3.0]);
            builder.append(true);
            builder.append(true);
            builder.finish()
        };
        assert_eq!(differs(fixed(0.0), fixed(-0.0)), [false, false]);
        assert_eq!(differs(fixed(0.0), fixed(5.0)), [true, false]);

        let with_field = |values: Vec<f64>| {
            let field = Arc::new(Field::new("x", DataType::Float64, false));
            StructArray::from(vec![(field, Arc::new(Float64Array::from(values)) as ArrayRef)])
        };
        assert_eq!(differs(with_field(vec![f64::NAN, 1.0]), with_field(vec![-f64::NAN, 2.0])), [false, true]);
    }
}
