//! What an array can be read as.

use super::ArrayData;
use crate::{Element, Error, ErrorKind, Result};
use ndarray::{Array, ArrayD, Dimension, IxDyn};

/// What an array can be read as: an ndarray array of fixed or dynamic dimension, a vector (all elements in C order of a
/// one-dimensional array), or [`ArrayData`], which takes every dtype.
pub trait FromArray: Sized {
    /// Converts elements that were read. Fails with [`ErrorKind::Mismatch`] when dtype or number of axes do not fit.
    fn from_array(data: ArrayData) -> Result<Self>;
}

impl FromArray for ArrayData {
    fn from_array(data: ArrayData) -> Result<Self> {
        Ok(data)
    }
}

impl<T: Element, D: Dimension> FromArray for Array<T, D> {
    fn from_array(data: ArrayData) -> Result<Self> {
        let (rank, shape) = (data.shape().rank(), data.shape().to_string());
        let array: ArrayD<T> = data.into_ndarray()?;
        array.into_dimensionality::<D>().map_err(|error| {
            Error::new(
                ErrorKind::Mismatch,
                format!(
                    "an array of shape {shape} cannot be read as one of {} axes",
                    D::NDIM.unwrap_or(rank)
                ),
            )
            .hint(format!("read it as Array{rank} or ArrayD, or select along an axis"))
            .caused_by(error)
        })
    }
}

impl<T: Element> FromArray for Vec<T> {
    fn from_array(data: ArrayData) -> Result<Self> {
        if data.shape().rank() != 1 {
            return Err(Error::new(
                ErrorKind::Mismatch,
                format!("an array of shape {} cannot be read as a vector", data.shape()),
            )
            .hint("read it as ArrayD or as ArrayData"));
        }
        data.into_vec()
    }
}

/// Elements that an existing array lends as a buffer, where its memory layout allows it.
pub(super) fn take_buffer<T: Element>(target: &mut ArrayD<T>) -> Option<Vec<T>> {
    if !target.is_standard_layout() {
        return None;
    }
    let length = target.len();
    let taken = std::mem::replace(target, ArrayD::from_shape_vec(IxDyn(&[0]), Vec::new()).ok()?);
    match taken.into_raw_vec_and_offset() {
        (elements, None | Some(0)) if elements.len() == length => Some(elements),
        _ => None,
    }
}
