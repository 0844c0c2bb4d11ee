//! The canonical bytes of elements of arrays.
//!
//! Numbers and times are little-endian, complex numbers their two parts, `bool` one byte, fixed-length bytes themselves, text
//! CBOR text. Every NaN is the quiet one without payload, and `-0.0` is `0.0`.

use crate::Values;
use crate::config::encode_text;
use half::f16;

/// A float with one form for all that count as the same.
pub(super) trait CanonicalFloat: Copy {
    fn put(self, out: &mut Vec<u8>);
}

macro_rules! canonical_float {
    ($($float:ty, $zero:expr, $nan:expr;)*) => {$(
        impl CanonicalFloat for $float {
            fn put(self, out: &mut Vec<u8>) {
                let bits = if self.is_nan() { $nan } else if self == $zero { 0 } else { self.to_bits() };
                out.extend_from_slice(&bits.to_le_bytes());
            }
        }
    )*};
}

canonical_float! {
    f16, f16::ZERO, 0x7e00;
    f32, 0.0, 0x7fc0_0000;
    f64, 0.0, 0x7ff8_0000_0000_0000;
}

/// Appends the canonical bytes of elements.
pub(super) fn encode_elements(out: &mut Vec<u8>, values: &Values) {
    macro_rules! little_endian {
        ($elements:expr) => {
            $elements.iter().for_each(|element| out.extend_from_slice(&element.to_le_bytes()))
        };
    }
    match values {
        Values::Bool(elements) => out.extend(elements.iter().map(|element| u8::from(*element))),
        Values::Int8(elements) => little_endian!(elements),
        Values::Int16(elements) => little_endian!(elements),
        Values::Int32(elements) => little_endian!(elements),
        Values::Int64(elements) => little_endian!(elements),
        Values::UInt8(elements) => out.extend_from_slice(elements),
        Values::UInt16(elements) => little_endian!(elements),
        Values::UInt32(elements) => little_endian!(elements),
        Values::UInt64(elements) => little_endian!(elements),
        Values::Float16(elements) => elements.iter().for_each(|element| element.put(out)),
        Values::Float32(elements) => elements.iter().for_each(|element| element.put(out)),
        Values::Float64(elements) => elements.iter().for_each(|element| element.put(out)),
        Values::Complex64(elements) => elements.iter().for_each(|element| {
            element.re.put(out);
            element.im.put(out);
        }),
        Values::Complex128(elements) => elements.iter().for_each(|element| {
            element.re.put(out);
            element.im.put(out);
        }),
        Values::FixedBytes { bytes, .. } => out.extend_from_slice(bytes),
        Values::Text(elements) => elements.iter().for_each(|element| encode_text(out, element)),
        Values::DateTime64(_, elements) | Values::TimeDelta64(_, elements) => little_endian!(elements),
    }
}
