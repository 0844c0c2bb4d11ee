//! Values with a shape.

use crate::{Element, Error, ErrorKind, Result, Shape, Values};
use ndarray::{ArrayBase, ArrayD, Data, Dimension, IxDyn};

/// The elements of an array together with its shape: what is put into a directory and what is read from one when the
/// dtype is only known at run time.
///
/// ```
/// use fascicle_core::{ArrayData, DType};
/// let data = ArrayData::from_vec([2, 3], vec![1.0f64, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// assert_eq!((data.dtype(), data.shape().to_string()), (DType::Float64, "(2, 3)".to_owned()));
/// let array = data.into_ndarray::<f64>()?;
/// assert_eq!(array[[1, 2]], 6.0);
/// # Ok::<(), fascicle_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ArrayData {
    shape: Shape,
    values: Values,
}

impl ArrayData {
    /// Joins a shape and its values. Fails with [`ErrorKind::Mismatch`] when their numbers differ.
    pub fn new(shape: Shape, values: Values) -> Result<Self> {
        if shape.element_count() != values.len() as u64 {
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!("{} values do not fill an array of shape {shape}", values.len()),
            ));
        }
        Ok(ArrayData { shape, values })
    }

    /// Joins axis lengths and elements in C order.
    pub fn from_vec<T: Element>(shape: impl Into<Vec<u64>>, elements: Vec<T>) -> Result<Self> {
        ArrayData::new(Shape::new(shape)?, T::into_values(elements))
    }

    /// An array of no axes and one element.
    pub fn scalar<T: Element>(element: T) -> Self {
        ArrayData { shape: Shape::scalar(), values: T::into_values(vec![element]) }
    }

    /// Copies the elements of any view into C order.
    pub fn from_view<T: Element, S: Data<Elem = T>, D: Dimension>(view: &ArrayBase<S, D>) -> Result<Self> {
        let shape = shape_of(view.shape())?;
        let elements = match view.as_slice() {
            Some(slice) => slice.to_vec(),
            None => view.iter().cloned().collect(),
        };
        ArrayData::new(shape, T::into_values(elements))
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The type of the elements.
    pub fn dtype(&self) -> crate::DType {
        self.values.dtype()
    }

    /// The elements in C order.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Shape and elements.
    pub fn into_parts(self) -> (Shape, Values) {
        (self.shape, self.values)
    }

    /// The elements as a vector in C order. Fails with [`ErrorKind::Mismatch`] when they are not of type `T` and do
    /// not widen to it without loss.
    pub fn into_vec<T: Element>(self) -> Result<Vec<T>> {
        let stored = self.dtype();
        let values = super::widen(self.values, T::DTYPE).map_err(|error| {
            error.hint(format!(
                "the elements are {stored}; read them as that type or as one that holds all its values"
            ))
        })?;
        T::from_values(values).map_err(|other| {
            Error::new(ErrorKind::Internal, format!("{} is not {}", other.dtype(), T::DTYPE))
        })
    }

    /// The elements as an array of as many axes as there are. Fails as [`ArrayData::into_vec`].
    pub fn into_ndarray<T: Element>(self) -> Result<ArrayD<T>> {
        let shape = self.shape.to_usize()?;
        let elements = self.into_vec()?;
        ArrayD::from_shape_vec(IxDyn(&shape), elements).map_err(|error| {
            Error::new(ErrorKind::Internal, "shape and elements do not agree").caused_by(error)
        })
    }
}

/// The shape of in-memory axis lengths.
pub(super) fn shape_of(lengths: &[usize]) -> Result<Shape> {
    Shape::new(lengths.iter().map(|length| *length as u64).collect::<Vec<_>>())
}
