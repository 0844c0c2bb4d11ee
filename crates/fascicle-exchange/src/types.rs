//! Types of columns as people write them.

use arrow_schema::{DataType, TimeUnit};
use fascicle_backend::{Error, ErrorKind, Result};

/// Columns with their types, such as `id=int64, when=timestamp[us, UTC], price=decimal(10, 2)`; see [`parse_type`].
pub fn parse_types(text: &str) -> Result<Vec<(String, DataType)>> {
    let mut types: Vec<(String, DataType)> = Vec::new();
    for part in split_outside_brackets(text) {
        let part = part.trim();
        let Some((name, data_type)) = part.split_once('=').filter(|(name, _)| !name.trim().is_empty()) else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("'{part}' is not of the form COLUMN=TYPE"),
            ));
        };
        if types.iter().any(|(known, _)| known == name.trim()) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the column '{}' has two types", name.trim()),
            ));
        }
        types.push((name.trim().to_owned(), parse_type(data_type.trim())?));
    }
    Ok(types)
}

/// A type: `bool`, `int8` to `int64`, `uint8` to `uint64`, `float16` to `float64`, `string`, `binary`, `date`, `time[us]`,
/// `timestamp[us]`, `timestamp[us, UTC]`, `duration[us]` (units `s`, `ms`, `us`, `ns`), `decimal(10, 2)`; or in the words of
/// Arrow's Rust library, such as `List(Int64)`. Fails with [`ErrorKind::InvalidInput`].
pub fn parse_type(text: &str) -> Result<DataType> {
    let refuse = || {
        Error::new(ErrorKind::InvalidInput, format!("'{text}' is no type of a column")).hint(
            "types are bool, int8 to int64, uint8 to uint64, float16 to float64, string, binary, date, time[us], \
             timestamp[us], timestamp[us, UTC], duration[us], decimal(10, 2), or in Arrow's words, such as List(Int64)",
        )
    };
    let (word, arguments) = match text.find(['[', '(']) {
        Some(at) => {
            let (word, rest) = text.split_at(at);
            let inner = rest.get(1..rest.len().saturating_sub(1)).unwrap_or("");
            (word, inner.split(',').map(str::trim).collect::<Vec<_>>())
        }
        None => (text, Vec::new()),
    };
    let unit = |name: &str| {
        Some(match name {
            "s" => TimeUnit::Second,
            "ms" => TimeUnit::Millisecond,
            "us" => TimeUnit::Microsecond,
            "ns" => TimeUnit::Nanosecond,
            _ => return None,
        })
    };
    Ok(match (word, arguments.as_slice()) {
        ("bool", []) => DataType::Boolean,
        ("int8", []) => DataType::Int8,
        ("int16", []) => DataType::Int16,
        ("int32", []) => DataType::Int32,
        ("int64", []) => DataType::Int64,
        ("uint8", []) => DataType::UInt8,
        ("uint16", []) => DataType::UInt16,
        ("uint32", []) => DataType::UInt32,
        ("uint64", []) => DataType::UInt64,
        ("float16", []) => DataType::Float16,
        ("float32", []) => DataType::Float32,
        ("float64", []) => DataType::Float64,
        ("string" | "text", []) => DataType::Utf8,
        ("binary", []) => DataType::Binary,
        ("date", []) => DataType::Date32,
        ("timestamp", [name]) => DataType::Timestamp(unit(name).ok_or_else(refuse)?, None),
        ("timestamp", [name, zone]) if !zone.is_empty() => {
            DataType::Timestamp(unit(name).ok_or_else(refuse)?, Some((*zone).into()))
        }
        ("duration", [name]) => DataType::Duration(unit(name).ok_or_else(refuse)?),
        ("time", [name @ ("s" | "ms")]) => DataType::Time32(unit(name).ok_or_else(refuse)?),
        ("time", [name]) => DataType::Time64(unit(name).ok_or_else(refuse)?),
        ("decimal", [precision, scale]) => {
            let precision: u8 = precision.parse().map_err(|_| refuse())?;
            let scale: i8 = scale.parse().map_err(|_| refuse())?;
            if !(1..=38).contains(&precision) || scale.unsigned_abs() > precision {
                return Err(refuse());
            }
            DataType::Decimal128(precision, scale)
        }
        _ => text.parse().map_err(|error| refuse().caused_by(error))?,
    })
}

/// The parts between commas that stand in no brackets.
fn split_outside_brackets(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0usize);
    for (at, letter) in text.char_indices() {
        match letter {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

/// Fails with [`ErrorKind::InvalidInput`] for a type given to a column that is not there.
pub(crate) fn check_known(given: &[(String, DataType)], columns: &[String]) -> Result<()> {
    for (name, _) in given {
        if !columns.contains(name) {
            let closest = columns
                .iter()
                .map(|column| (strsim::jaro_winkler(column, name), column))
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .filter(|(likeness, _)| *likeness > 0.75);
            let error = Error::new(
                ErrorKind::InvalidInput,
                format!("a type is given for '{name}', and there is no such column"),
            );
            let listed = columns.iter().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(match closest {
                Some((_, column)) => error.hint(format!("did you mean '{column}'? the columns are {listed}")),
                None => error.hint(format!("the columns are {listed}")),
            });
        }
    }
    Ok(())
}
