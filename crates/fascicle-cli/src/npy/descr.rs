//! NumPy's short names of dtypes, such as `<f8`, `|S5` and `>M8[ns]`.

use super::Encoding;
use fascicle::{DType, Error, ErrorKind, Result, TimeUnit};

/// The widest text, in characters: elements of 1 MiB, as for fixed-length bytes.
const MAX_TEXT_WIDTH: u64 = 1 << 18;

/// Reads a short name.
pub(crate) fn parse_descr(descr: &str) -> Result<Encoding> {
    let (order, code) = match descr.chars().next() {
        Some(order @ ('<' | '>' | '|' | '=')) => (order, descr.get(1..).unwrap_or("")),
        _ => ('=', descr),
    };
    let big_endian = order == '>' || order == '=' && cfg!(target_endian = "big");
    let encoded = |dtype: DType| -> Result<Encoding> {
        let width = dtype.check()?.fixed_bytes().unwrap_or(0) as u64;
        Ok(Encoding { dtype, width, big_endian })
    };
    let unsupported = |why: &str, hint: &str| {
        Err(Error::new(ErrorKind::Unsupported, format!("the dtype '{}' {why}", descr.escape_debug()))
            .hint(hint))
    };
    let dtype = match code {
        "?" | "b1" => DType::Bool,
        "i1" | "b" => DType::Int8,
        "i2" => DType::Int16,
        "i4" => DType::Int32,
        "i8" => DType::Int64,
        "u1" | "B" => DType::UInt8,
        "u2" => DType::UInt16,
        "u4" => DType::UInt32,
        "u8" => DType::UInt64,
        "f2" => DType::Float16,
        "f4" => DType::Float32,
        "f8" => DType::Float64,
        "c8" => DType::Complex64,
        "c16" => DType::Complex128,
        "f16" | "f12" | "c32" | "c24" => {
            return unsupported("has no portable form", "convert it to float64 or complex128 first");
        }
        _ if code.starts_with('O') => {
            return unsupported(
                "holds pickled objects, which are never loaded",
                "save numbers, text or times",
            );
        }
        _ if code.starts_with('V') => {
            return unsupported("is structured or void", "save each field as an array of its own");
        }
        _ if code.starts_with(['S', 'a']) => match digits(code.get(1..)) {
            Some(width) => DType::FixedBytes(u32::try_from(width).unwrap_or(u32::MAX)),
            None => return Err(unknown(descr)),
        },
        _ if code.starts_with('U') => {
            return match digits(code.get(1..)) {
                Some(width) if width <= MAX_TEXT_WIDTH => {
                    Ok(Encoding { dtype: DType::Text, width: width * 4, big_endian })
                }
                Some(width) => Err(Error::new(
                    ErrorKind::LimitExceeded,
                    format!("text of {width} characters exceeds the limit of {MAX_TEXT_WIDTH}"),
                )),
                None => Err(unknown(descr)),
            };
        }
        _ if code.starts_with("M8") || code.starts_with("m8") => {
            let unit = code.get(2..).unwrap_or("");
            let unit =
                unit.strip_prefix('[').and_then(|unit| unit.strip_suffix(']')).and_then(TimeUnit::from_code);
            match unit {
                Some(unit) if code.starts_with('M') => DType::DateTime64(unit),
                Some(unit) => DType::TimeDelta64(unit),
                None => {
                    return unsupported(
                        "counts in a unit that is not stored",
                        "use D, h, m, s, ms, us or ns",
                    );
                }
            }
        }
        _ => return Err(unknown(descr)),
    };
    encoded(dtype)
}

/// Writes a short name; text needs the number of characters of its longest element.
pub(crate) fn format_descr(dtype: DType, text_width: u64) -> String {
    let order = if cfg!(target_endian = "big") { '>' } else { '<' };
    match dtype {
        DType::Bool => "|b1".to_owned(),
        DType::Int8 => "|i1".to_owned(),
        DType::UInt8 => "|u1".to_owned(),
        DType::FixedBytes(width) => format!("|S{width}"),
        DType::Int16 => format!("{order}i2"),
        DType::Int32 => format!("{order}i4"),
        DType::Int64 => format!("{order}i8"),
        DType::UInt16 => format!("{order}u2"),
        DType::UInt32 => format!("{order}u4"),
        DType::UInt64 => format!("{order}u8"),
        DType::Float16 => format!("{order}f2"),
        DType::Float32 => format!("{order}f4"),
        DType::Float64 => format!("{order}f8"),
        DType::Complex64 => format!("{order}c8"),
        DType::Complex128 => format!("{order}c16"),
        DType::Text => format!("{order}U{text_width}"),
        DType::DateTime64(unit) => format!("{order}M8[{}]", unit.code()),
        DType::TimeDelta64(unit) => format!("{order}m8[{}]", unit.code()),
    }
}

fn digits(text: Option<&str>) -> Option<u64> {
    let text = text.filter(|text| !text.is_empty() && text.len() < 19)?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn unknown(descr: &str) -> Error {
    let shown: String = descr.chars().take(40).flat_map(char::escape_debug).collect();
    Error::new(ErrorKind::Unsupported, format!("the dtype '{shown}' is not known"))
        .hint("arrays hold bool, integers, floats, complex numbers, bytes, text and times")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        let others = [
            DType::FixedBytes(5),
            DType::DateTime64(TimeUnit::Day),
            DType::TimeDelta64(TimeUnit::Nanosecond),
        ];
        for dtype in DType::PLAIN.into_iter().chain(others) {
            let encoding = parse_descr(&format_descr(dtype, 0)).unwrap();
            assert_eq!((encoding.dtype, encoding.width), (dtype, dtype.fixed_bytes().unwrap() as u64));
        }
        let text = parse_descr(&format_descr(DType::Text, 7)).unwrap();
        assert_eq!((text.dtype, text.width), (DType::Text, 28));
        assert!(parse_descr(">i4").unwrap().big_endian && !parse_descr("<i4").unwrap().big_endian);
    }

    #[test]
    fn other_dtypes_are_refused() {
        for descr in [
            "|O",
            "|V8",
            "<f16",
            "<M8",
            "<M8[10ns]",
            "<M8[Y]",
            "<U",
            "|S",
            "<U-1",
            "x",
            "",
            "<U9999999999",
            "<é8",
        ] {
            let kind = parse_descr(descr).unwrap_err().kind();
            assert!(matches!(kind, ErrorKind::Unsupported | ErrorKind::LimitExceeded), "{descr}: {kind}");
        }
        assert!(parse_descr("|S0").is_err() && parse_descr("|S9999999").is_err());
    }
}
