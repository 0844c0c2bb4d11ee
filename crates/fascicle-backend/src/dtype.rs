//! Element types and their bit-exact meaning.

use crate::{Error, ErrorKind, Result};
use std::{fmt, str::FromStr};

/// The unit that `datetime64` and `timedelta64` count in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TimeUnit {
    /// 86,400 seconds.
    Day,
    /// 3,600 seconds.
    Hour,
    /// 60 seconds.
    Minute,
    /// One second.
    Second,
    /// 10⁻³ seconds.
    Millisecond,
    /// 10⁻⁶ seconds.
    Microsecond,
    /// 10⁻⁹ seconds.
    Nanosecond,
}

impl TimeUnit {
    /// Every unit, the longest first.
    pub const ALL: [TimeUnit; 7] = [
        TimeUnit::Day,
        TimeUnit::Hour,
        TimeUnit::Minute,
        TimeUnit::Second,
        TimeUnit::Millisecond,
        TimeUnit::Microsecond,
        TimeUnit::Nanosecond,
    ];

    /// NumPy's code for the unit.
    pub fn code(self) -> &'static str {
        match self {
            TimeUnit::Day => "D",
            TimeUnit::Hour => "h",
            TimeUnit::Minute => "m",
            TimeUnit::Second => "s",
            TimeUnit::Millisecond => "ms",
            TimeUnit::Microsecond => "us",
            TimeUnit::Nanosecond => "ns",
        }
    }

    /// The unit of a NumPy code.
    pub fn from_code(code: &str) -> Option<Self> {
        TimeUnit::ALL.into_iter().find(|unit| unit.code() == code)
    }
}

/// The type of an array's elements.
///
/// Floats keep every bit, NaN payloads and the sign of zero included. `Display` and `FromStr` use NumPy's
/// names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// `false` or `true`.
    Bool,
    /// Signed 8-bit integer.
    Int8,
    /// Signed 16-bit integer.
    Int16,
    /// Signed 32-bit integer.
    Int32,
    /// Signed 64-bit integer.
    Int64,
    /// Unsigned 8-bit integer.
    UInt8,
    /// Unsigned 16-bit integer.
    UInt16,
    /// Unsigned 32-bit integer.
    UInt32,
    /// Unsigned 64-bit integer.
    UInt64,
    /// IEEE 754 binary16.
    Float16,
    /// IEEE 754 binary32.
    Float32,
    /// IEEE 754 binary64.
    Float64,
    /// Real and imaginary part as binary32.
    Complex64,
    /// Real and imaginary part as binary64.
    Complex128,
    /// Exactly this many bytes (at least 1) in each element, NumPy's `S`; trailing zero bytes are kept here, though
    /// NumPy hides them.
    FixedBytes(u32),
    /// UTF-8 text of any length without NUL characters.
    Text,
    /// A point in time, counted in the unit since 1970-01-01T00:00:00 without zone; `i64::MIN` is "not a time".
    DateTime64(TimeUnit),
    /// A span of time counted in the unit; `i64::MIN` is "not a time".
    TimeDelta64(TimeUnit),
}

/// The widest fixed-length bytes element.
const MAX_FIXED_BYTES: u32 = 1 << 20;

impl DType {
    /// The dtypes with a fixed width and no parameter.
    pub const PLAIN: [DType; 14] = [
        DType::Bool,
        DType::Int8,
        DType::Int16,
        DType::Int32,
        DType::Int64,
        DType::UInt8,
        DType::UInt16,
        DType::UInt32,
        DType::UInt64,
        DType::Float16,
        DType::Float32,
        DType::Float64,
        DType::Complex64,
        DType::Complex128,
    ];

    /// The bytes one element takes in memory; for text the size of the handle alone.
    pub fn memory_bytes(self) -> usize {
        match self {
            DType::Text => std::mem::size_of::<String>(),
            other => other.fixed_bytes().unwrap_or(0),
        }
    }

    /// The bytes one element takes in memory and in fixed-width formats; `None` for text.
    pub fn fixed_bytes(self) -> Option<usize> {
        Some(match self {
            DType::Bool | DType::Int8 | DType::UInt8 => 1,
            DType::Int16 | DType::UInt16 | DType::Float16 => 2,
            DType::Int32 | DType::UInt32 | DType::Float32 => 4,
            DType::Int64 | DType::UInt64 | DType::Float64 | DType::Complex64 => 8,
            DType::DateTime64(_) | DType::TimeDelta64(_) => 8,
            DType::Complex128 => 16,
            DType::FixedBytes(width) => width as usize,
            DType::Text => return None,
        })
    }

    /// Refuses a dtype that no array can have: fixed-length bytes of zero or of more than 1 MiB.
    pub fn check(self) -> Result<Self> {
        match self {
            DType::FixedBytes(0) => {
                Err(Error::new(ErrorKind::InvalidInput, "fixed-length bytes need a length of at least 1"))
            }
            DType::FixedBytes(width) if width > MAX_FIXED_BYTES => Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("fixed-length bytes of {width} bytes exceed the limit of {MAX_FIXED_BYTES}"),
            )
            .hint("store long byte strings as files or in a table")),
            dtype => Ok(dtype),
        }
    }

    /// Whether every value of `self` is a value of `wider`, so that input may be widened without loss.
    ///
    /// Integers widen to integers that hold their range and to floats that hold them exactly, floats to wider floats,
    /// real to complex, bytes to longer bytes. `bool` is no number.
    pub fn widens_to(self, wider: DType) -> bool {
        use DType::*;
        let float_digits = |dtype| match dtype {
            Float16 => Some(11),
            Float32 | Complex64 => Some(24),
            Float64 | Complex128 => Some(53),
            _ => None,
        };
        match (self, wider) {
            (a, b) if a == b => true,
            (Float16, Float32 | Float64 | Complex64 | Complex128) => true,
            (Float32, Float64 | Complex64 | Complex128) | (Float64, Complex128) | (Complex64, Complex128) => {
                true
            }
            (FixedBytes(a), FixedBytes(b)) => a < b,
            (a, b) => match (a.integer_bits(), b.integer_bits(), float_digits(b)) {
                (Some((signed, bits)), Some((wide_signed, wide_bits)), _) => {
                    bits < wide_bits && (!signed || wide_signed)
                }
                (Some((signed, bits)), None, Some(digits)) => {
                    bits - u32::from(signed) <= digits && b != Float16 || b == Float16 && bits == 8
                }
                _ => false,
            },
        }
    }

    /// Signedness and width in bits of an integer type.
    fn integer_bits(self) -> Option<(bool, u32)> {
        Some(match self {
            DType::Int8 => (true, 8),
            DType::Int16 => (true, 16),
            DType::Int32 => (true, 32),
            DType::Int64 => (true, 64),
            DType::UInt8 => (false, 8),
            DType::UInt16 => (false, 16),
            DType::UInt32 => (false, 32),
            DType::UInt64 => (false, 64),
            _ => return None,
        })
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DType::Bool => f.write_str("bool"),
            DType::Int8 => f.write_str("int8"),
            DType::Int16 => f.write_str("int16"),
            DType::Int32 => f.write_str("int32"),
            DType::Int64 => f.write_str("int64"),
            DType::UInt8 => f.write_str("uint8"),
            DType::UInt16 => f.write_str("uint16"),
            DType::UInt32 => f.write_str("uint32"),
            DType::UInt64 => f.write_str("uint64"),
            DType::Float16 => f.write_str("float16"),
            DType::Float32 => f.write_str("float32"),
            DType::Float64 => f.write_str("float64"),
            DType::Complex64 => f.write_str("complex64"),
            DType::Complex128 => f.write_str("complex128"),
            DType::FixedBytes(width) => write!(f, "S{width}"),
            DType::Text => f.write_str("string"),
            DType::DateTime64(unit) => write!(f, "datetime64[{}]", unit.code()),
            DType::TimeDelta64(unit) => write!(f, "timedelta64[{}]", unit.code()),
        }
    }
}

impl FromStr for DType {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let unit = |prefix: &str| {
            let code = name.strip_prefix(prefix)?.strip_suffix(']')?;
            TimeUnit::from_code(code)
        };
        if let Some(plain) = DType::PLAIN.into_iter().find(|dtype| dtype.to_string() == name) {
            return Ok(plain);
        }
        if name == "string" {
            return Ok(DType::Text);
        }
        if let Some(unit) = unit("datetime64[") {
            return Ok(DType::DateTime64(unit));
        }
        if let Some(unit) = unit("timedelta64[") {
            return Ok(DType::TimeDelta64(unit));
        }
        if let Some(width) = name.strip_prefix('S').and_then(|digits| digits.parse().ok()) {
            return DType::FixedBytes(width).check();
        }
        Err(Error::new(ErrorKind::InvalidInput, format!("'{name}' is not a dtype")).hint(
            "dtypes are bool, int8 … int64, uint8 … uint64, float16, float32, float64, complex64, complex128, S<length>, \
             string, datetime64[unit] and timedelta64[unit]",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        let others = [
            DType::Text,
            DType::FixedBytes(5),
            DType::DateTime64(TimeUnit::Nanosecond),
            DType::TimeDelta64(TimeUnit::Day),
        ];
        for dtype in DType::PLAIN.into_iter().chain(others) {
            assert_eq!(dtype.to_string().parse::<DType>().unwrap(), dtype);
        }
        for name in ["", "float", "S0", "S-1", "datetime64", "datetime64[Y]", "int128"] {
            assert!(name.parse::<DType>().is_err(), "{name}");
        }
    }

    #[test]
    fn widening_never_loses() {
        use DType::*;
        for (from, to) in [
            (Int8, Int64),
            (UInt8, Int16),
            (Int32, Float64),
            (UInt16, Float32),
            (Int8, Float16),
            (Float32, Complex64),
        ] {
            assert!(from.widens_to(to), "{from} to {to}");
        }
        for (from, to) in [
            (Int64, Float64),
            (Int8, UInt64),
            (UInt8, Int8),
            (Float64, Float32),
            (Bool, Int8),
            (Int16, Float16),
            (Int64, Int32),
        ] {
            assert!(!from.widens_to(to), "{from} to {to}");
        }
    }
}
