//! Elements of an array in memory, in C order, as they cross the contract.

use crate::{DType, Error, ErrorKind, Result, TimeUnit};
use half::f16;
use num_complex::Complex;

/// The elements of an array or of a part of one, in C order (the last axis varies fastest), native byte order.
///
/// Owned, so that a backend may hand them to another thread, and made of the vectors a user has, so that nothing is
/// copied on the way.
#[derive(Clone, Debug)]
pub enum Values {
    /// See [`DType::Bool`].
    Bool(Vec<bool>),
    /// See [`DType::Int8`].
    Int8(Vec<i8>),
    /// See [`DType::Int16`].
    Int16(Vec<i16>),
    /// See [`DType::Int32`].
    Int32(Vec<i32>),
    /// See [`DType::Int64`].
    Int64(Vec<i64>),
    /// See [`DType::UInt8`].
    UInt8(Vec<u8>),
    /// See [`DType::UInt16`].
    UInt16(Vec<u16>),
    /// See [`DType::UInt32`].
    UInt32(Vec<u32>),
    /// See [`DType::UInt64`].
    UInt64(Vec<u64>),
    /// See [`DType::Float16`].
    Float16(Vec<f16>),
    /// See [`DType::Float32`].
    Float32(Vec<f32>),
    /// See [`DType::Float64`].
    Float64(Vec<f64>),
    /// See [`DType::Complex64`].
    Complex64(Vec<Complex<f32>>),
    /// See [`DType::Complex128`].
    Complex128(Vec<Complex<f64>>),
    /// Elements of `width` bytes each, one after another; the length of `bytes` is a multiple of `width`.
    FixedBytes {
        /// Bytes in an element, at least 1.
        width: u32,
        /// All elements.
        bytes: Vec<u8>,
    },
    /// See [`DType::Text`].
    Text(Vec<String>),
    /// See [`DType::DateTime64`].
    DateTime64(TimeUnit, Vec<i64>),
    /// See [`DType::TimeDelta64`].
    TimeDelta64(TimeUnit, Vec<i64>),
}

/// Runs one expression on the vector of every variant whose elements are [`bytemuck::Pod`], a second one for `bool`, and
/// a third one for text.
macro_rules! by_storage {
    ($values:expr, |$pod:ident| $pod_case:expr, |$bools:ident| $bool_case:expr, |$texts:ident| $text_case:expr) => {
        match $values {
            Values::Bool($bools) => $bool_case,
            Values::Int8($pod) => $pod_case,
            Values::Int16($pod) => $pod_case,
            Values::Int32($pod) => $pod_case,
            Values::Int64($pod) => $pod_case,
            Values::UInt8($pod) => $pod_case,
            Values::UInt16($pod) => $pod_case,
            Values::UInt32($pod) => $pod_case,
            Values::UInt64($pod) => $pod_case,
            Values::Float16($pod) => $pod_case,
            Values::Float32($pod) => $pod_case,
            Values::Float64($pod) => $pod_case,
            Values::Complex64($pod) => $pod_case,
            Values::Complex128($pod) => $pod_case,
            Values::FixedBytes { bytes: $pod, .. } => $pod_case,
            Values::Text($texts) => $text_case,
            Values::DateTime64(_, $pod) => $pod_case,
            Values::TimeDelta64(_, $pod) => $pod_case,
        }
    };
}

impl Values {
    /// `count` elements of zero bytes, `false`, or empty text. Fails with [`ErrorKind::LimitExceeded`] when the memory
    /// cannot be had; it is reserved before it is touched.
    pub fn zeros(dtype: DType, count: u64) -> Result<Self> {
        fn vector<T: Clone>(zero: T, count: u64, width: u64) -> Result<Vec<T>> {
            let too_large = || {
                Error::new(ErrorKind::LimitExceeded, format!("{count} elements do not fit into memory"))
                    .hint("read or write the array in parts")
            };
            let count = count
                .checked_mul(width)
                .and_then(|count| usize::try_from(count).ok())
                .ok_or_else(too_large)?;
            let mut vector = Vec::new();
            vector.try_reserve_exact(count).map_err(|error| too_large().caused_by(error))?;
            vector.resize(count, zero);
            Ok(vector)
        }
        dtype.check()?;
        Ok(match dtype {
            DType::Bool => Values::Bool(vector(false, count, 1)?),
            DType::Int8 => Values::Int8(vector(0, count, 1)?),
            DType::Int16 => Values::Int16(vector(0, count, 1)?),
            DType::Int32 => Values::Int32(vector(0, count, 1)?),
            DType::Int64 => Values::Int64(vector(0, count, 1)?),
            DType::UInt8 => Values::UInt8(vector(0, count, 1)?),
            DType::UInt16 => Values::UInt16(vector(0, count, 1)?),
            DType::UInt32 => Values::UInt32(vector(0, count, 1)?),
            DType::UInt64 => Values::UInt64(vector(0, count, 1)?),
            DType::Float16 => Values::Float16(vector(f16::ZERO, count, 1)?),
            DType::Float32 => Values::Float32(vector(0.0, count, 1)?),
            DType::Float64 => Values::Float64(vector(0.0, count, 1)?),
            DType::Complex64 => Values::Complex64(vector(Complex::default(), count, 1)?),
            DType::Complex128 => Values::Complex128(vector(Complex::default(), count, 1)?),
            DType::FixedBytes(width) => {
                Values::FixedBytes { width, bytes: vector(0, count, u64::from(width))? }
            }
            DType::Text => Values::Text(vector(String::new(), count, 1)?),
            DType::DateTime64(unit) => Values::DateTime64(unit, vector(0, count, 1)?),
            DType::TimeDelta64(unit) => Values::TimeDelta64(unit, vector(0, count, 1)?),
        })
    }

    /// Elements from their bytes in native order; the way in for backends that read bytes. Fails with
    /// [`ErrorKind::Corrupt`] when the length is no multiple of the element's, when a `bool` is neither 0 nor 1, and with
    /// [`ErrorKind::InvalidInput`] for text, which has no fixed width.
    pub fn from_bytes(dtype: DType, bytes: &[u8]) -> Result<Self> {
        let width = dtype.check()?.fixed_bytes().ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "text has no fixed width and cannot be made from raw bytes")
        })?;
        if !bytes.len().is_multiple_of(width) {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("{} bytes are not a whole number of {dtype} elements of {width} bytes", bytes.len()),
            ));
        }
        if dtype == DType::Bool {
            let bools = bytes.iter().map(|byte| match byte {
                0 => Ok(false),
                1 => Ok(true),
                other => Err(Error::new(ErrorKind::Corrupt, format!("{other} is not a bool"))),
            });
            return Ok(Values::Bool(bools.collect::<Result<_>>()?));
        }
        let mut values = Values::zeros(dtype, (bytes.len() / width) as u64)?;
        if let Some(target) = values.bytes_mut() {
            target.copy_from_slice(bytes);
        }
        Ok(values)
    }

    /// The elements' dtype.
    pub fn dtype(&self) -> DType {
        match self {
            Values::Bool(_) => DType::Bool,
            Values::Int8(_) => DType::Int8,
            Values::Int16(_) => DType::Int16,
            Values::Int32(_) => DType::Int32,
            Values::Int64(_) => DType::Int64,
            Values::UInt8(_) => DType::UInt8,
            Values::UInt16(_) => DType::UInt16,
            Values::UInt32(_) => DType::UInt32,
            Values::UInt64(_) => DType::UInt64,
            Values::Float16(_) => DType::Float16,
            Values::Float32(_) => DType::Float32,
            Values::Float64(_) => DType::Float64,
            Values::Complex64(_) => DType::Complex64,
            Values::Complex128(_) => DType::Complex128,
            Values::FixedBytes { width, .. } => DType::FixedBytes(*width),
            Values::Text(_) => DType::Text,
            Values::DateTime64(unit, _) => DType::DateTime64(*unit),
            Values::TimeDelta64(unit, _) => DType::TimeDelta64(*unit),
        }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Values::FixedBytes { width, bytes } => bytes.len().checked_div(*width as usize).unwrap_or(0),
            other => by_storage!(other, |pod| pod.len(), |bools| bools.len(), |texts| texts.len()),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements' bytes in native order; `None` for text.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        by_storage!(
            self,
            |pod| Some(bytemuck::cast_slice(pod)),
            |bools| Some(bytemuck::cast_slice(bools)),
            |_texts| None
        )
    }

    /// The elements' bytes, to be overwritten; `None` for text, and for `bool`, whose bytes must be checked first
    /// (see [`Values::from_bytes`]).
    pub fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        by_storage!(self, |pod| Some(bytemuck::cast_slice_mut(pod)), |_bools| None, |_texts| None)
    }

    /// The texts; `None` for any other dtype.
    pub fn as_text(&self) -> Option<&[String]> {
        match self {
            Values::Text(texts) => Some(texts),
            _ => None,
        }
    }

    /// Whether both hold the same dtype and the same bits.
    pub fn same_bits(&self, other: &Values) -> bool {
        self.dtype() == other.dtype()
            && match (self.as_text(), other.as_text()) {
                (Some(a), Some(b)) => a == b,
                _ => self.as_bytes() == other.as_bytes(),
            }
    }

    /// Copies the elements at `source` (positions counted in elements) over those of `self` that begin at `at`. Both
    /// must have the same dtype and the ranges must exist, else [`ErrorKind::Internal`] and nothing is copied.
    pub fn copy_from(&mut self, at: usize, from: &Values, source: std::ops::Range<usize>) -> Result<()> {
        let outside = || {
            Error::new(
                ErrorKind::Internal,
                "elements were to be copied outside of a buffer or between dtypes",
            )
        };
        if self.dtype() != from.dtype() {
            return Err(outside());
        }
        fn copy<T: Clone>(
            to: &mut [T],
            at: usize,
            from: &[T],
            source: std::ops::Range<usize>,
            width: usize,
        ) -> Option<()> {
            let from = from.get(source.start * width..source.end * width)?;
            to.get_mut(at * width..at * width + from.len())?.clone_from_slice(from);
            Some(())
        }
        macro_rules! same {
            ($($variant:ident),*) => {
                match (self, from) {
                    $((Values::$variant(to), Values::$variant(from)) => copy(to, at, from, source, 1),)*
                    (Values::FixedBytes { width, bytes: to }, Values::FixedBytes { bytes: from, .. }) => {
                        copy(to, at, from, source, *width as usize)
                    }
                    (Values::DateTime64(_, to), Values::DateTime64(_, from)) => copy(to, at, from, source, 1),
                    (Values::TimeDelta64(_, to), Values::TimeDelta64(_, from)) => copy(to, at, from, source, 1),
                    _ => None,
                }
            };
        }
        same!(
            Bool, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float16, Float32, Float64,
            Complex64, Complex128, Text
        )
        .ok_or_else(outside)
    }

    /// The elements at `range` as values of their own; [`ErrorKind::Internal`] when the range does not exist.
    pub fn slice(&self, range: std::ops::Range<usize>) -> Result<Values> {
        let mut part = Values::zeros(self.dtype(), range.len() as u64)?;
        part.copy_from(0, self, range)?;
        Ok(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip_for_every_fixed_width_dtype() {
        let others = [DType::FixedBytes(3), DType::DateTime64(TimeUnit::Second)];
        for dtype in DType::PLAIN.into_iter().chain(others) {
            let width = dtype.fixed_bytes().unwrap();
            let bytes: Vec<u8> =
                (0..width * 4).map(|i| if dtype == DType::Bool { i as u8 % 2 } else { i as u8 }).collect();
            let values = Values::from_bytes(dtype, &bytes).unwrap();
            assert_eq!((values.len(), values.dtype()), (4, dtype));
            assert_eq!(values.as_bytes().unwrap(), bytes);
        }
    }

    #[test]
    fn bad_bytes_are_refused() {
        assert_eq!(Values::from_bytes(DType::Bool, &[2]).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(Values::from_bytes(DType::Int32, &[0; 5]).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(Values::from_bytes(DType::Text, &[]).unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn absurd_counts_are_errors_and_no_aborts() {
        for dtype in [DType::Float64, DType::Text, DType::FixedBytes(1000)] {
            assert_eq!(Values::zeros(dtype, 1 << 50).unwrap_err().kind(), ErrorKind::LimitExceeded);
        }
    }

    #[test]
    fn copies_stay_inside() {
        let mut target = Values::zeros(DType::FixedBytes(2), 3).unwrap();
        let source = Values::FixedBytes { width: 2, bytes: b"aabb".to_vec() };
        target.copy_from(1, &source, 0..2).unwrap();
        assert_eq!(target.as_bytes().unwrap(), b"\0\0aabb");
        assert!(target.copy_from(2, &source, 0..2).is_err());
        assert!(target.copy_from(0, &Values::Int8(vec![1]), 0..1).is_err());
        assert_eq!(source.slice(1..2).unwrap().as_bytes().unwrap(), b"bb");
    }
}
