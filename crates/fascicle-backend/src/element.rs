//! The Rust types that can be elements of an array.

use crate::{DType, TimeUnit, Values};
use half::f16;
use num_complex::Complex;
use std::marker::PhantomData;

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that is an element of an array: `bool`, the integers of 8 to 64 bits, `f16`, `f32`, `f64`, complex
/// numbers of the latter two, `[u8; N]`, `String`, [`DateTime64`] and [`TimeDelta64`].
///
/// Sealed: the list of dtypes is part of the contract.
pub trait Element: sealed::Sealed + Clone + Default + Send + Sync + 'static {
    /// The dtype of arrays of this type.
    const DTYPE: DType;

    /// Wraps a vector without copying it.
    fn into_values(elements: Vec<Self>) -> Values;

    /// Unwraps a vector without copying it; gives the values back when they are of another dtype.
    fn from_values(values: Values) -> Result<Vec<Self>, Values>;
}

macro_rules! plain_element {
    ($($rust:ty => $variant:ident),* $(,)?) => {$(
        impl sealed::Sealed for $rust {}
        impl Element for $rust {
            const DTYPE: DType = plain_element!(@dtype $variant);
            fn into_values(elements: Vec<Self>) -> Values {
                Values::$variant(elements)
            }
            fn from_values(values: Values) -> Result<Vec<Self>, Values> {
                match values {
                    Values::$variant(elements) => Ok(elements),
                    other => Err(other),
                }
            }
        }
    )*};
    (@dtype $variant:ident) => { DType::$variant };
}

plain_element! {
    bool => Bool, i8 => Int8, i16 => Int16, i32 => Int32, i64 => Int64, u8 => UInt8, u16 => UInt16, u32 => UInt32,
    u64 => UInt64, f16 => Float16, f32 => Float32, f64 => Float64, Complex<f32> => Complex64, Complex<f64> => Complex128,
    String => Text,
}

impl<const N: usize> sealed::Sealed for [u8; N] where [u8; N]: Default {}
impl<const N: usize> Element for [u8; N]
where
    [u8; N]: Default + bytemuck::Pod,
{
    const DTYPE: DType = DType::FixedBytes(N as u32);
    fn into_values(elements: Vec<Self>) -> Values {
        Values::FixedBytes { width: N as u32, bytes: elements.into_flattened() }
    }
    fn from_values(values: Values) -> Result<Vec<Self>, Values> {
        match values {
            Values::FixedBytes { width, bytes } if width as usize == N => {
                Ok(bytes.as_chunks::<N>().0.to_vec())
            }
            other => Err(other),
        }
    }
}

/// The units of [`DateTime64`] and [`TimeDelta64`] as types.
pub mod unit {
    use super::{TimeUnit, sealed};

    /// A unit of time known at compile time.
    pub trait Unit: sealed::Sealed + Clone + Copy + Default + Send + Sync + 'static {
        /// The unit.
        const UNIT: TimeUnit;
    }

    macro_rules! units {
        ($($name:ident => $unit:ident, $doc:literal);* $(;)?) => {$(
            #[doc = $doc]
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name;
            impl sealed::Sealed for $name {}
            impl Unit for $name {
                const UNIT: TimeUnit = TimeUnit::$unit;
            }
        )*};
    }

    units! {
        Days => Day, "86,400 seconds.";
        Hours => Hour, "3,600 seconds.";
        Minutes => Minute, "60 seconds.";
        Seconds => Second, "One second.";
        Milliseconds => Millisecond, "10⁻³ seconds.";
        Microseconds => Microsecond, "10⁻⁶ seconds.";
        Nanoseconds => Nanosecond, "10⁻⁹ seconds.";
    }
}

macro_rules! time_element {
    ($name:ident, $variant:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(transparent)]
        pub struct $name<U: unit::Unit>(pub i64, PhantomData<U>);

        impl<U: unit::Unit> $name<U> {
            /// "Not a time".
            pub const NOT_A_TIME: Self = $name(i64::MIN, PhantomData);

            /// A value of `count` units.
            pub const fn new(count: i64) -> Self {
                $name(count, PhantomData)
            }

            /// Whether this is "not a time".
            pub fn is_not_a_time(self) -> bool {
                self.0 == i64::MIN
            }
        }

        impl<U: unit::Unit> sealed::Sealed for $name<U> {}
        impl<U: unit::Unit> Element for $name<U> {
            const DTYPE: DType = DType::$variant(U::UNIT);
            fn into_values(elements: Vec<Self>) -> Values {
                Values::$variant(U::UNIT, elements.into_iter().map(|element| element.0).collect())
            }
            fn from_values(values: Values) -> Result<Vec<Self>, Values> {
                match values {
                    Values::$variant(unit, counts) if unit == U::UNIT => {
                        Ok(counts.into_iter().map(Self::new).collect())
                    }
                    other => Err(other),
                }
            }
        }
    };
}

time_element!(
    DateTime64,
    DateTime64,
    "A point in time, counted in units since 1970-01-01T00:00:00 without zone."
);
time_element!(TimeDelta64, TimeDelta64, "A span of time, counted in units.");

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<T: Element + PartialEq + std::fmt::Debug>(elements: Vec<T>) {
        let values = T::into_values(elements.clone());
        assert_eq!(values.dtype(), T::DTYPE);
        assert_eq!(values.len(), elements.len());
        assert_eq!(T::from_values(values).unwrap(), elements);
    }

    #[test]
    fn every_element_type_round_trips() {
        round_trip(vec![true, false]);
        round_trip(vec![1i8, -1]);
        round_trip(vec![u64::MAX]);
        round_trip(vec![f16::from_f32(1.5)]);
        round_trip(vec![Complex::new(1.0f64, -2.0)]);
        round_trip(vec![*b"abc", *b"d\0\0"]);
        round_trip(vec!["ü".to_owned()]);
        round_trip(vec![DateTime64::<unit::Nanoseconds>::new(7), DateTime64::NOT_A_TIME]);
        round_trip(vec![TimeDelta64::<unit::Days>::new(-7)]);
    }

    #[test]
    fn another_dtype_is_given_back() {
        assert!(i8::from_values(Values::UInt8(vec![1])).is_err());
        assert!(<[u8; 2]>::from_values(Values::FixedBytes { width: 3, bytes: vec![0; 3] }).is_err());
        assert!(
            DateTime64::<unit::Days>::from_values(Values::DateTime64(TimeUnit::Second, vec![1])).is_err()
        );
    }
}
