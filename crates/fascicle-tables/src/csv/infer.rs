//! The types of the columns of a CSV file.

use arrow_schema::DataType;

/// Integers up to here are floats without loss.
const MAX_EXACT_FLOAT: u64 = 1 << 53;

/// What the values of a column seen so far can be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evidence {
    is_empty: bool,
    bool: bool,
    int: bool,
    uint: bool,
    float: bool,
}

impl Default for Evidence {
    fn default() -> Self {
        Evidence { is_empty: true, bool: true, int: true, uint: true, float: true }
    }
}

impl Evidence {
    /// Takes one value into account.
    pub(super) fn add(&mut self, value: &str) {
        if value.is_empty() {
            return;
        }
        self.is_empty = false;
        self.bool &= parse_bool(value).is_some();
        if self.int || self.uint || self.float {
            let is_integer = is_integer(value);
            self.int &= is_integer && value.parse::<i64>().is_ok();
            self.uint &= is_integer && value.parse::<u64>().is_ok();
            let is_exact =
                || value.trim_start_matches('-').parse::<u64>().is_ok_and(|value| value <= MAX_EXACT_FLOAT);
            self.float &= if is_integer { is_exact() } else { parse_float(value).is_some() };
        }
    }

    /// The narrowest type that holds every value.
    pub(super) fn data_type(&self) -> DataType {
        match self {
            Evidence { is_empty: true, .. } => DataType::Null,
            Evidence { bool: true, .. } => DataType::Boolean,
            Evidence { int: true, .. } => DataType::Int64,
            Evidence { uint: true, .. } => DataType::UInt64,
            Evidence { float: true, .. } => DataType::Float64,
            _ => DataType::Utf8,
        }
    }
}

pub(super) fn parse_bool(value: &str) -> Option<bool> {
    if value.eq_ignore_ascii_case("true") {
        Some(true)
    } else if value.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// A number as programs print it: text such as `001` or `+1` would not come back the same.
pub(super) fn parse_float(value: &str) -> Option<f64> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let is_special = digits.eq_ignore_ascii_case("inf") || digits.eq_ignore_ascii_case("nan");
    let starts_well = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    if is_special || starts_well && !has_leading_zero(digits) { value.parse().ok() } else { None }
}

/// `0`, `-17`; neither `-0`, `007` nor `+1`.
fn is_integer(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !has_leading_zero(digits)
        && value != "-0"
}

fn has_leading_zero(digits: &str) -> bool {
    let mut bytes = digits.bytes();
    bytes.next() == Some(b'0') && bytes.next().is_some_and(|second| second.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_type_is_found() {
        for (values, expected) in [
            (&["", ""][..], DataType::Null),
            (&["True", "", "false"], DataType::Boolean),
            (&["1", "", "-9223372036854775808"], DataType::Int64),
            (&["18446744073709551615", "1"], DataType::UInt64),
            (&["18446744073709551615", "-1"], DataType::Utf8),
            (&["18446744073709551616"], DataType::Utf8),
            (&["1", "1.5", "-inf", "1e+20", "nan", ".5", "5.", "-0"], DataType::Float64),
            (&["1.5", "9007199254740993"], DataType::Utf8),
            (&["001"], DataType::Utf8),
            (&["00.5"], DataType::Utf8),
            (&["+1"], DataType::Utf8),
            (&[" 1"], DataType::Utf8),
            (&["infinity"], DataType::Utf8),
            (&["1", "true"], DataType::Utf8),
            (&["NA"], DataType::Utf8),
            (&["2020-01-01"], DataType::Utf8),
            (&["1e"], DataType::Utf8),
            (&["--1", "-"], DataType::Utf8),
        ] {
            let mut evidence = Evidence::default();
            values.iter().for_each(|value| evidence.add(value));
            assert_eq!(evidence.data_type(), expected, "{values:?}");
        }
    }
}
