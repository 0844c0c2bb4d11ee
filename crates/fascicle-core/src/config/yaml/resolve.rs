//! What a plain (unquoted) scalar means.

use crate::config::error::{ConfigError, ConfigErrorKind};
use crate::config::value::Value;

/// The value of a scalar that is written without quotes, decided as ruamel.yaml decides it (see the module above).
///
/// # Errors
/// `OutOfRange` for an integer beyond `i128`.
pub fn resolve_plain_scalar(text: &str) -> Result<Value, ConfigError> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.')) {
        return Ok(Value::Text(text.to_owned()));
    }
    if let Some(float) = resolve_float(text) {
        return Ok(Value::Float(float));
    }
    Ok(match resolve_integer(text)? {
        Some(integer) => Value::Int(integer),
        None => Value::Text(text.to_owned()),
    })
}

/// The float, if the text has the form of one.
pub(super) fn resolve_float(text: &str) -> Option<f64> {
    let (negative, unsigned) = split_sign(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY }),
        _ => {}
    }
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(f64::NAN);
    }
    has_float_form(unsigned).then(|| text.replace('_', "").parse().ok()).flatten()
}

fn has_float_form(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent_is_signed = exponent.is_some_and(|exponent| exponent.starts_with(['+', '-']));
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
    }
    let Some((whole, fraction)) = mantissa.split_once('.') else {
        return exponent.is_some() && starts_with_digit(mantissa) && is_digits(mantissa, 10);
    };
    if !is_digits(fraction, 10) {
        return false;
    }
    if whole.is_empty() {
        // `.5e5` is text, `.5e+5` is a number: so says the pattern that ruamel.yaml inherited.
        return !fraction.is_empty() && (exponent.is_none() || exponent_is_signed);
    }
    starts_with_digit(whole) && is_digits(whole, 10)
}

/// The integer, if the text has the form of one.
pub(super) fn resolve_integer(text: &str) -> Result<Option<i128>, ConfigError> {
    let (negative, unsigned) = split_sign(text);
    let (digits, radix) = match unsigned.as_bytes() {
        [b'0', b'x', ..] => (&unsigned[2..], 16),
        [b'0', b'o', ..] => (&unsigned[2..], 8),
        [b'0', b'b', ..] => (&unsigned[2..], 2),
        _ => (unsigned, 10),
    };
    if !is_digits(digits, radix) {
        return Ok(None);
    }
    let packed = digits.replace('_', "");
    if packed.is_empty() {
        return Ok(None);
    }
    let signed = if negative { format!("-{packed}") } else { packed };
    i128::from_str_radix(&signed, radix).map(Some).map_err(|_| {
        let message = format!("the integer `{text}` needs more than 128 bits; quote it to keep it as text");
        ConfigError::new(ConfigErrorKind::OutOfRange, message)
    })
}

/// Whether the text is nothing but digits and underscores.
fn is_digits(text: &str, radix: u32) -> bool {
    text.chars().all(|character| character == '_' || character.is_digit(radix))
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}
