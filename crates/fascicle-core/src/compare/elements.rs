//! When two elements are the same value, and how one is written.

use crate::convert::{BytesForm, values_to_arrow};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use fascicle_backend::{Error, ErrorKind, Result, Shape, Values};
use half::f16;
use num_complex::Complex;

/// Whether two values are the same: NaN is the same as NaN whatever its bits, and `-0.0` the same as `0.0`.
pub(super) trait SameValue {
    fn same_value(&self, other: &Self) -> bool;
}

macro_rules! same_if_equal {
    ($($type:ty),*) => {$(
        impl SameValue for $type {
            fn same_value(&self, other: &Self) -> bool {
                self == other
            }
        }
    )*};
}

macro_rules! same_float {
    ($($type:ty),*) => {$(
        impl SameValue for $type {
            fn same_value(&self, other: &Self) -> bool {
                self == other || self.is_nan() && other.is_nan()
            }
        }
    )*};
}

same_if_equal!(bool, i8, i16, i32, i64, u8, u16, u32, u64, String);
same_float!(f16, f32, f64);

impl<T: SameValue> SameValue for Complex<T> {
    fn same_value(&self, other: &Self) -> bool {
        self.re.same_value(&other.re) && self.im.same_value(&other.im)
    }
}

/// How many elements differ, and which one is the first. Both must have the same dtype and length.
pub(super) fn differing_elements(this: &Values, other: &Values) -> Result<(u64, Option<usize>)> {
    if this.dtype() != other.dtype() || this.len() != other.len() {
        return Err(Error::new(ErrorKind::Internal, "elements of different dtypes or numbers were compared"));
    }
    if this.same_bits(other) {
        return Ok((0, None));
    }
    macro_rules! by_variant {
        ($($variant:ident),*) => {
            match (this, other) {
                $((Values::$variant(this), Values::$variant(other)) => {
                    count(this.iter().zip(other).map(|(this, other)| this.same_value(other)))
                })*
                (Values::FixedBytes { width, bytes: this }, Values::FixedBytes { bytes: other, .. }) => {
                    let width = (*width as usize).max(1);
                    count(this.chunks(width).zip(other.chunks(width)).map(|(this, other)| this == other))
                }
                (Values::DateTime64(_, this), Values::DateTime64(_, other))
                | (Values::TimeDelta64(_, this), Values::TimeDelta64(_, other)) => {
                    count(this.iter().zip(other).map(|(this, other)| this == other))
                }
                _ => (0, None),
            }
        };
    }
    Ok(by_variant!(
        Bool, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64, Float16, Float32, Float64, Complex64,
        Complex128, Text
    ))
}

fn count(same: impl Iterator<Item = bool>) -> (u64, Option<usize>) {
    let mut count = 0;
    let mut first = None;
    for (at, _) in same.enumerate().filter(|(_, same)| !same) {
        count += 1;
        first.get_or_insert(at);
    }
    (count, first)
}

/// The element at `at` as text: numbers as Rust writes them, text as it is, bytes escaped, times as ISO 8601 says.
pub(super) fn element_text(values: &Values, at: usize) -> Result<String> {
    let element = values.slice(at..at + 1)?;
    if let Values::FixedBytes { bytes, .. } = &element {
        return Ok(format!("b\"{}\"", bytes.escape_ascii()));
    }
    let plain = match &element {
        Values::Complex64(numbers) => numbers.first().map(ToString::to_string),
        Values::Complex128(numbers) => numbers.first().map(ToString::to_string),
        Values::DateTime64(..) | Values::TimeDelta64(..) => None,
        Values::Float16(numbers) => numbers.first().map(|number| format!("{number:?}")),
        Values::Float32(numbers) => numbers.first().map(|number| format!("{number:?}")),
        Values::Float64(numbers) => numbers.first().map(|number| format!("{number:?}")),
        _ => None,
    };
    if let Some(plain) = plain {
        return Ok(plain);
    }
    match values_to_arrow(element.clone(), &Shape::scalar(), BytesForm::Binary) {
        Ok(array) => {
            let options = FormatOptions::new().with_null("NaT");
            let text =
                ArrayFormatter::try_new(&array, &options).map(|formatter| formatter.value(0).to_string());
            text.map_err(|error| Error::new(ErrorKind::Internal, "an element has no text").caused_by(error))
        }
        // A time beyond what Arrow can say.
        Err(_) => Ok(format!("{element:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fascicle_backend::TimeUnit;

    #[test]
    fn values_are_compared_and_not_bits() {
        let odd_nan = f64::from_bits(0x7ff8_0000_0000_0001);
        let this = Values::Float64(vec![f64::NAN, 0.0, 1.0, f64::NAN]);
        let other = Values::Float64(vec![odd_nan, -0.0, 1.5, 1.0]);
        assert_eq!(differing_elements(&this, &other).unwrap(), (2, Some(2)));
        let complex = |re, im| Values::Complex64(vec![Complex::new(re, im)]);
        assert_eq!(differing_elements(&complex(f32::NAN, 0.0), &complex(f32::NAN, -0.0)).unwrap(), (0, None));
        assert_eq!(
            differing_elements(&complex(f32::NAN, 0.0), &complex(0.0, f32::NAN)).unwrap(),
            (1, Some(0))
        );
        let bytes = |text: &[u8]| Values::FixedBytes { width: 2, bytes: text.to_vec() };
        assert_eq!(differing_elements(&bytes(b"aabb"), &bytes(b"aabc")).unwrap(), (1, Some(1)));
        assert!(differing_elements(&Values::Int8(vec![1]), &Values::UInt8(vec![1])).is_err());
    }

    #[test]
    fn elements_are_readable() {
        let texts = [
            (Values::Float64(vec![1.0]), "1.0"),
            (Values::Int8(vec![-3]), "-3"),
            (Values::Bool(vec![true]), "true"),
            (Values::Text(vec!["ü".into()]), "ü"),
            (Values::FixedBytes { width: 2, bytes: vec![b'a', 0] }, "b\"a\\x00\""),
            (Values::Complex128(vec![Complex::new(1.0, -2.0)]), "1-2i"),
            (Values::DateTime64(TimeUnit::Day, vec![1]), "1970-01-02"),
            (Values::DateTime64(TimeUnit::Second, vec![i64::MIN]), "NaT"),
        ];
        for (values, text) in texts {
            assert_eq!(element_text(&values, 0).unwrap(), text);
        }
    }
}
