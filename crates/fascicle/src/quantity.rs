//! Numbers of bytes and lengths of time, as people write them in options: `8MiB`, `30s`.

use fascicle_core::config::Value;
use fascicle_core::{Error, ErrorKind, Result};
#[cfg(any(feature = "hdf5", feature = "parquet", feature = "zarr"))]
use std::time::Duration;

const BYTE_UNITS: [(&str, u64); 5] =
    [("", 1), ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
#[cfg(any(feature = "hdf5", feature = "parquet", feature = "zarr"))]
const TIME_UNITS: [(&str, f64); 5] = [("", 1.0), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// What [`byte_size`] understands, for messages.
pub(crate) const BYTE_SIZE_FORM: &str = "a number of bytes, such as 8MiB, 512KiB or 1000000";

/// What [`duration`] understands, for messages.
#[cfg(any(feature = "hdf5", feature = "parquet", feature = "zarr"))]
pub(crate) const DURATION_FORM: &str = "a length of time, such as 500ms, 30s, 5m or a number of seconds";

/// A number of bytes.
pub(crate) fn byte_size(value: &Value) -> Option<u64> {
    let Some(text) = value.as_str() else { return value.as_u64() };
    let (number, unit) = split_unit(text);
    let (_, factor) = BYTE_UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// A number of bytes as people write it: `8MiB`, `512KiB`, `1000000`. Fails with [`ErrorKind::InvalidInput`], saying what is
/// understood.
pub fn parse_byte_size(text: &str) -> Result<u64> {
    byte_size(&Value::from(text))
        .ok_or_else(|| Error::new(ErrorKind::InvalidInput, format!("'{text}' is not {BYTE_SIZE_FORM}")))
}

/// A length of time; a number counts seconds.
#[cfg(any(feature = "hdf5", feature = "parquet", feature = "zarr"))]
pub(crate) fn duration(value: &Value) -> Option<Duration> {
    let seconds = match value.as_str() {
        None => value.as_f64()?,
        Some(text) => {
            let (number, unit) = split_unit(text);
            let (_, factor) = TIME_UNITS.iter().find(|(name, _)| *name == unit)?;
            number.parse::<f64>().ok()? * factor
        }
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// A number and its unit, with or without space between them.
fn split_unit(text: &str) -> (&str, &str) {
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    (number, unit.trim_start_matches(' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes() {
        for (text, bytes) in
            [("8MiB", 8 << 20), ("512KiB", 512 << 10), ("2 GiB", 2 << 30), ("10B", 10), ("7", 7)]
        {
            assert_eq!(byte_size(&Value::from(text)), Some(bytes), "{text}");
        }
        assert_eq!(byte_size(&Value::from(1_000_000)), Some(1_000_000));
        assert_eq!(byte_size(&Value::from(2.0)), Some(2));
        for text in
            ["", "MiB", "8MB", "8mib", "1.5MiB", "-1", "8 M iB", "99999999999GiB", "1e3", " 8MiB", "٣MiB"]
        {
            assert_eq!(byte_size(&Value::from(text)), None, "{text}");
        }
        for value in [Value::from(-1), Value::from(1.5), Value::from(f64::NAN), Value::Null, true.into()] {
            assert_eq!(byte_size(&value), None, "{value}");
        }
    }

    #[cfg(any(feature = "hdf5", feature = "parquet", feature = "zarr"))]
    #[test]
    fn lengths_of_time() {
        for (text, milliseconds) in
            [("500ms", 500), ("30s", 30_000), ("1.5 m", 90_000), ("2h", 7_200_000), ("3", 3000)]
        {
            assert_eq!(duration(&Value::from(text)), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        assert_eq!(duration(&Value::from(0.25)), Some(Duration::from_millis(250)));
        for text in ["", "s", "-1s", "1.2.3s", "5 weeks", "1e400"] {
            assert_eq!(duration(&Value::from(text)), None, "{text}");
        }
        for value in [Value::from(-1), Value::from(f64::INFINITY), Value::from(1e300), Value::Null] {
            assert_eq!(duration(&value), None, "{value}");
        }
    }
}
