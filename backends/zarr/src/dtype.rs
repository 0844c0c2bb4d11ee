//! Element types: the contract's dtypes under the names that zarr-python writes, and others that it reads.

use fascicle_backend::{DType, Error, ErrorKind, Result, TimeUnit};
use serde_json::{Value, json};

/// How the elements of a dtype lie in a decoded chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Each takes the dtype's own bytes.
    Fixed,
    /// Text of this many code points of 4 bytes each, padded with zeros: NumPy's `U`. Read only.
    Utf32(usize),
    /// Text of any length.
    VariableText,
}

/// The type of a stored array's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ElementType {
    pub(crate) dtype: DType,
    pub(crate) storage: Storage,
    /// Whether fixed bytes were declared as raw bytes instead of as NumPy's `S`, which decides how a fill value is written.
    pub(crate) is_raw: bool,
}

impl ElementType {
    /// The type under which a new array of `dtype` is stored.
    pub(crate) fn of(dtype: DType) -> Self {
        let storage = if dtype == DType::Text { Storage::VariableText } else { Storage::Fixed };
        ElementType { dtype, storage, is_raw: false }
    }

    /// The bytes of an element in a decoded chunk; `None` when they vary.
    pub(crate) fn stored_width(&self) -> Option<usize> {
        match self.storage {
            Storage::Fixed => self.dtype.fixed_bytes(),
            Storage::Utf32(length) => length.checked_mul(4),
            Storage::VariableText => None,
        }
    }

    /// The bytes of the numbers that elements are made of, whose order the byte order concerns.
    pub(crate) fn number_width(&self) -> usize {
        match (self.storage, self.dtype) {
            (Storage::Utf32(_), _) => 4,
            (_, DType::FixedBytes(_) | DType::Text) => 1,
            (_, DType::Complex64) => 4,
            (_, DType::Complex128) => 8,
            (_, dtype) => dtype.fixed_bytes().unwrap_or(1),
        }
    }

    /// The `data_type` of `zarr.json`.
    pub(crate) fn to_v3(self) -> Value {
        let time = |name: &str, unit: TimeUnit| {
            // NumPy and zarr-python call a microsecond "us".
            json!({"name": name, "configuration": {"unit": unit.code(), "scale_factor": 1}})
        };
        match self.dtype {
            DType::FixedBytes(width) => {
                json!({"name": "null_terminated_bytes", "configuration": {"length_bytes": width}})
            }
            DType::DateTime64(unit) => time("numpy.datetime64", unit),
            DType::TimeDelta64(unit) => time("numpy.timedelta64", unit),
            plain => json!(plain.to_string()),
        }
    }

    /// Reads the `data_type` of a `zarr.json`.
    pub(crate) fn from_v3(data_type: &Value) -> Result<Self> {
        let fixed = |dtype| Ok(ElementType { dtype, storage: Storage::Fixed, is_raw: false });
        let (name, configuration) = match data_type {
            Value::String(name) => (name.as_str(), None),
            Value::Object(object) => match object.get("name").and_then(Value::as_str) {
                Some(name) => (name, object.get("configuration")),
                None => return Err(unsupported(data_type)),
            },
            _ => return Err(unsupported(data_type)),
        };
        let setting = |name: &str| configuration.and_then(|settings| settings.get(name));
        let length = || {
            let length = setting("length_bytes").and_then(Value::as_u64);
            length.and_then(|length| u32::try_from(length).ok()).ok_or_else(|| {
                Error::new(
                    ErrorKind::Corrupt,
                    format!("the data type {data_type} has no valid 'length_bytes'"),
                )
            })
        };
        if let Some(plain) = DType::PLAIN.into_iter().find(|dtype| dtype.to_string() == name) {
            return fixed(plain);
        }
        match name {
            "string" => Ok(ElementType::of(DType::Text)),
            "null_terminated_bytes" => fixed(DType::FixedBytes(length()?).check()?),
            "raw_bytes" => {
                let dtype = DType::FixedBytes(length()?).check()?;
                Ok(ElementType { dtype, storage: Storage::Fixed, is_raw: true })
            }
            "fixed_length_utf32" => utf32(length()? as usize / 4),
            "numpy.datetime64" | "numpy.timedelta64" => {
                let scale = setting("scale_factor").and_then(Value::as_u64).unwrap_or(1);
                let unit = setting("unit").and_then(Value::as_str).and_then(unit_of);
                match unit {
                    Some(unit) if scale == 1 && name == "numpy.datetime64" => fixed(DType::DateTime64(unit)),
                    Some(unit) if scale == 1 => fixed(DType::TimeDelta64(unit)),
                    _ => Err(unsupported(data_type)),
                }
            }
            raw => match raw.strip_prefix('r').and_then(|bits| bits.parse::<u32>().ok()) {
                Some(bits) if bits.is_multiple_of(8) => {
                    let dtype = DType::FixedBytes(bits / 8).check()?;
                    Ok(ElementType { dtype, storage: Storage::Fixed, is_raw: true })
                }
                _ => Err(unsupported(data_type)),
            },
        }
    }

    /// Reads the `dtype` of a `.zarray`, and whether numbers are stored with the most significant byte first. `is_text`
    /// says that a filter makes text of objects.
    pub(crate) fn from_v2(dtype: &Value, is_text: bool) -> Result<(Self, bool)> {
        let fixed = |dtype| ElementType { dtype, storage: Storage::Fixed, is_raw: false };
        let code = dtype.as_str().ok_or_else(|| unsupported(dtype))?;
        let big_endian = code.starts_with('>');
        let code = code.strip_prefix(['<', '>', '|', '=']).unwrap_or(code);
        let plain = match code {
            "b1" => Some(DType::Bool),
            "i1" => Some(DType::Int8),
            "i2" => Some(DType::Int16),
            "i4" => Some(DType::Int32),
            "i8" => Some(DType::Int64),
            "u1" => Some(DType::UInt8),
            "u2" => Some(DType::UInt16),
            "u4" => Some(DType::UInt32),
            "u8" => Some(DType::UInt64),
            "f2" => Some(DType::Float16),
            "f4" => Some(DType::Float32),
            "f8" => Some(DType::Float64),
            "c8" => Some(DType::Complex64),
            "c16" => Some(DType::Complex128),
            _ => None,
        };
        let element = match (plain, code.split_at_checked(1)) {
            (Some(plain), _) => fixed(plain),
            (None, Some(("O", ""))) if is_text => ElementType::of(DType::Text),
            (None, Some((kind @ ("S" | "V" | "U"), length))) => {
                let length: u32 = length.parse().map_err(|_| unsupported(dtype))?;
                match kind {
                    "U" => utf32(length as usize)?,
                    kind => ElementType { is_raw: kind == "V", ..fixed(DType::FixedBytes(length).check()?) },
                }
            }
            (None, Some((kind @ ("M" | "m"), rest))) => {
                let unit = rest.strip_prefix("8[").and_then(|rest| rest.strip_suffix(']')).and_then(unit_of);
                let unit = unit.ok_or_else(|| unsupported(dtype))?;
                fixed(if kind == "M" { DType::DateTime64(unit) } else { DType::TimeDelta64(unit) })
            }
            _ => return Err(unsupported(dtype)),
        };
        Ok((element, big_endian))
    }
}

fn unit_of(code: &str) -> Option<TimeUnit> {
    TimeUnit::from_code(if code == "μs" { "us" } else { code })
}

/// The longest text of fixed length.
const MAX_UTF32_LENGTH: usize = 1 << 18;

fn utf32(length: usize) -> Result<ElementType> {
    if !(1..=MAX_UTF32_LENGTH).contains(&length) {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("text of a fixed length of {length} is outside of 1 to {MAX_UTF32_LENGTH}"),
        ));
    }
    Ok(ElementType { dtype: DType::Text, storage: Storage::Utf32(length), is_raw: false })
}

fn unsupported(data_type: &Value) -> Error {
    let name: String = data_type.to_string().chars().take(120).collect();
    Error::new(ErrorKind::Unsupported, format!("the array has the data type {name}, which is not read here"))
        .hint("read it with zarr-python and store it as one of fascicle's dtypes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let others =
            TimeUnit::ALL.into_iter().flat_map(|unit| [DType::DateTime64(unit), DType::TimeDelta64(unit)]);
        let others = others.chain([DType::Text, DType::FixedBytes(5)]);
        for dtype in DType::PLAIN.into_iter().chain(others) {
            let element = ElementType::of(dtype);
            assert_eq!(ElementType::from_v3(&element.to_v3()).unwrap(), element);
        }
    }

    #[test]
    fn unknown_types_are_named_in_the_refusal() {
        let bad = [
            json!("int128"),
            json!("r7"),
            json!({"name": "numpy.datetime64", "configuration": {"unit": "s", "scale_factor": 25}}),
            json!({"name": "numpy.datetime64", "configuration": {"unit": "Y", "scale_factor": 1}}),
            json!({"name": "structured"}),
            json!({}),
            json!(7),
            json!(null),
        ];
        for data_type in bad {
            let error = ElementType::from_v3(&data_type).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{data_type}");
            assert!(error.message().contains(&data_type.to_string()), "{error}");
        }
        for (data_type, kind) in [
            (json!({"name": "raw_bytes"}), ErrorKind::Corrupt),
            (json!("r0"), ErrorKind::InvalidInput),
            (json!("r4294967288"), ErrorKind::LimitExceeded),
            (
                json!({"name": "fixed_length_utf32", "configuration": {"length_bytes": 0}}),
                ErrorKind::LimitExceeded,
            ),
        ] {
            assert_eq!(ElementType::from_v3(&data_type).unwrap_err().kind(), kind, "{data_type}");
        }
    }

    #[test]
    fn codes_of_version_two_are_read() {
        let read = |code: &str| ElementType::from_v2(&json!(code), false);
        let (element, big_endian) = read(">f8").unwrap();
        assert_eq!((element.dtype, big_endian), (DType::Float64, true));
        assert_eq!(read("|S3").unwrap().0.dtype, DType::FixedBytes(3));
        assert_eq!(read("<U7").unwrap().0.storage, Storage::Utf32(7));
        assert_eq!(read("<M8[ns]").unwrap().0.dtype, DType::DateTime64(TimeUnit::Nanosecond));
        assert_eq!(ElementType::from_v2(&json!("|O"), true).unwrap().0.dtype, DType::Text);
        for bad in ["|O", "", "<", "é", "<f16", "<M8", "<M8[25s]", "|S", "|Sx"] {
            assert_eq!(read(bad).unwrap_err().kind(), ErrorKind::Unsupported, "{bad}");
        }
    }
}
