//! Shapes of arrays, with checked arithmetic.

use crate::{DType, Error, ErrorKind, Result};
use std::{fmt, ops::Deref};

/// The largest number of axes an array can have, as in NumPy's and HDF5's formats.
pub const MAX_RANK: usize = 32;

/// The lengths of an array's axes; empty for a scalar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape(Vec<u64>);

impl Shape {
    /// A shape of the given axis lengths. Fails with [`ErrorKind::LimitExceeded`] beyond [`MAX_RANK`] axes, or when the
    /// product of the lengths does not fit 63 bits.
    pub fn new(lengths: impl Into<Vec<u64>>) -> Result<Self> {
        let lengths = lengths.into();
        if lengths.len() > MAX_RANK {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("an array has at most {MAX_RANK} axes, this one has {}", lengths.len()),
            ));
        }
        // Zero-length axes must not hide an overflow of the others: growing such an array would meet it later.
        let product = lengths
            .iter()
            .filter(|length| **length > 0)
            .try_fold(1u64, |product, length| product.checked_mul(*length));
        match product {
            Some(product) if product <= i64::MAX as u64 => Ok(Shape(lengths)),
            _ => Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "an array of shape {} has more elements than can be counted",
                    DisplayLengths(&lengths)
                ),
            )),
        }
    }

    /// The shape of a scalar: no axes, one element.
    pub fn scalar() -> Self {
        Shape(Vec::new())
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The number of elements; 1 for a scalar.
    pub fn element_count(&self) -> u64 {
        self.0.iter().product()
    }

    /// The number of bytes all elements take in memory, by the dtype's in-memory width. Fails with
    /// [`ErrorKind::LimitExceeded`] when that does not fit an allocation.
    pub fn size_bytes(&self, dtype: DType) -> Result<usize> {
        let bytes = u128::from(self.element_count()) * dtype.memory_bytes() as u128;
        if bytes > isize::MAX as u128 {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("{} elements of {dtype} do not fit into memory", self.element_count()),
            ));
        }
        Ok(bytes as usize)
    }

    /// The lengths of all axes but the first, which appended rows must have.
    pub fn trailing(&self) -> &[u64] {
        self.0.get(1..).unwrap_or(&[])
    }

    /// The length of the first axis; `None` for a scalar.
    pub fn rows(&self) -> Option<u64> {
        self.0.first().copied()
    }

    /// The same shape with another first axis. A scalar stays a scalar.
    pub fn with_rows(&self, rows: u64) -> Result<Self> {
        let mut lengths = self.0.clone();
        if let Some(first) = lengths.first_mut() {
            *first = rows;
        }
        Shape::new(lengths)
    }

    /// The lengths as `usize`, for in-memory arrays.
    pub fn to_usize(&self) -> Result<Vec<usize>> {
        self.0
            .iter()
            .map(|length| {
                usize::try_from(*length).map_err(|_| {
                    Error::new(
                        ErrorKind::LimitExceeded,
                        format!("an axis of {length} elements does not fit into memory"),
                    )
                })
            })
            .collect()
    }
}

impl Deref for Shape {
    type Target = [u64];
    fn deref(&self) -> &[u64] {
        &self.0
    }
}

struct DisplayLengths<'a>(&'a [u64]);

impl fmt::Display for DisplayLengths<'_> {
    /// As Python writes a tuple: `()`, `(3,)`, `(3, 4)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (axis, length) in self.0.iter().enumerate() {
            if axis > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{length}")?;
        }
        f.write_str(if self.0.len() == 1 { ",)" } else { ")" })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        DisplayLengths(&self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_print_as_tuples() {
        let text = |lengths: &[u64]| Shape::new(lengths).unwrap().to_string();
        assert_eq!([text(&[]), text(&[3]), text(&[3, 4])], ["()", "(3,)", "(3, 4)"]);
    }

    #[test]
    fn overflowing_shapes_are_refused_even_beside_a_zero() {
        for lengths in [vec![1 << 32, 1 << 32], vec![u64::MAX], vec![0, 1 << 40, 1 << 40]] {
            assert_eq!(Shape::new(lengths).unwrap_err().kind(), ErrorKind::LimitExceeded);
        }
        assert_eq!(Shape::new(vec![1; 33]).unwrap_err().kind(), ErrorKind::LimitExceeded);
    }

    #[test]
    fn sizes_are_checked() {
        let shape = Shape::new([1 << 61]).unwrap();
        assert_eq!(shape.size_bytes(DType::Float64).unwrap_err().kind(), ErrorKind::LimitExceeded);
        assert_eq!(Shape::scalar().size_bytes(DType::Float64).unwrap(), 8);
    }
}
