//! What can be put into a directory as an array.

use super::{ArrayData, data::shape_of};
use crate::{DateTime64, Element, Result, TimeDelta64, unit};
use half::f16;
use ndarray::{ArrayBase, Data, DataOwned, Dimension, OwnedRepr};
use num_complex::Complex;

/// What can be put into a directory as an array: ndarray arrays and views of any dimension (by reference, copied into C
/// order; owned ones in C order are moved), slices and vectors (one axis), scalars (no axis), and [`ArrayData`].
pub trait IntoArray {
    /// The elements with their shape.
    fn into_array(self) -> Result<ArrayData>;
}

impl IntoArray for ArrayData {
    fn into_array(self) -> Result<ArrayData> {
        Ok(self)
    }
}

impl IntoArray for &ArrayData {
    fn into_array(self) -> Result<ArrayData> {
        Ok(self.clone())
    }
}

impl<T: Element, S: Data<Elem = T>, D: Dimension> IntoArray for &ArrayBase<S, D> {
    fn into_array(self) -> Result<ArrayData> {
        ArrayData::from_view(self)
    }
}

impl<T: Element, D: Dimension> IntoArray for ArrayBase<OwnedRepr<T>, D>
where
    OwnedRepr<T>: DataOwned<Elem = T>,
{
    fn into_array(self) -> Result<ArrayData> {
        if !self.is_standard_layout() {
            return ArrayData::from_view(&self);
        }
        let shape = shape_of(self.shape())?;
        match self.into_raw_vec_and_offset() {
            (elements, None | Some(0)) if elements.len() as u64 == shape.element_count() => {
                ArrayData::new(shape, T::into_values(elements))
            }
            (elements, offset) => {
                let count = shape.element_count() as usize;
                let elements = elements.into_iter().skip(offset.unwrap_or(0)).take(count).collect();
                ArrayData::new(shape, T::into_values(elements))
            }
        }
    }
}

impl<T: Element> IntoArray for Vec<T> {
    fn into_array(self) -> Result<ArrayData> {
        ArrayData::new(shape_of(&[self.len()])?, T::into_values(self))
    }
}

impl<T: Element> IntoArray for &Vec<T> {
    fn into_array(self) -> Result<ArrayData> {
        self.as_slice().into_array()
    }
}

impl<T: Element> IntoArray for &[T] {
    fn into_array(self) -> Result<ArrayData> {
        self.to_vec().into_array()
    }
}

impl<T: Element, const N: usize> IntoArray for [T; N] {
    fn into_array(self) -> Result<ArrayData> {
        Vec::from(self).into_array()
    }
}

impl<T: Element, const N: usize> IntoArray for &[T; N] {
    fn into_array(self) -> Result<ArrayData> {
        self.as_slice().into_array()
    }
}

impl IntoArray for &str {
    fn into_array(self) -> Result<ArrayData> {
        Ok(ArrayData::scalar(self.to_owned()))
    }
}

macro_rules! scalar_into_array {
    ($($rust:ty),* $(,)?) => {$(
        impl IntoArray for $rust {
            fn into_array(self) -> Result<ArrayData> {
                Ok(ArrayData::scalar(self))
            }
        }
    )*};
}

scalar_into_array!(
    bool,
    i8,
    i16,
    i32,
    i64,
    u8,
    u16,
    u32,
    u64,
    f16,
    f32,
    f64,
    Complex<f32>,
    Complex<f64>,
    String
);

impl<U: unit::Unit> IntoArray for DateTime64<U> {
    fn into_array(self) -> Result<ArrayData> {
        Ok(ArrayData::scalar(self))
    }
}

impl<U: unit::Unit> IntoArray for TimeDelta64<U> {
    fn into_array(self) -> Result<ArrayData> {
        Ok(ArrayData::scalar(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, s};

    fn shape(value: impl IntoArray) -> String {
        value.into_array().unwrap().shape().to_string()
    }

    #[test]
    fn everything_a_user_has_is_an_array() {
        let matrix = Array2::<f64>::zeros((3, 4));
        assert_eq!(shape(&matrix), "(3, 4)");
        assert_eq!(shape(matrix.t().to_owned()), "(4, 3)");
        assert_eq!(shape(&matrix.slice(s![.., 1])), "(3,)");
        assert_eq!(
            [shape(vec![1, 2]), shape([1.5]), shape(7u8), shape("text")],
            ["(2,)", "(1,)", "()", "()"]
        );
    }

    #[test]
    fn views_are_copied_in_c_order() {
        let matrix = Array2::from_shape_vec((2, 3), vec![1, 2, 3, 4, 5, 6]).unwrap();
        let elements = |value: ArrayData| value.into_vec::<i32>().unwrap();
        assert_eq!(elements((&matrix.t()).into_array().unwrap()), [1, 4, 2, 5, 3, 6]);
        assert_eq!(elements(matrix.clone().reversed_axes().into_array().unwrap()), [1, 4, 2, 5, 3, 6]);
        assert_eq!(elements(matrix.slice_move(s![1.., ..]).into_array().unwrap()), [4, 5, 6]);
    }
}
