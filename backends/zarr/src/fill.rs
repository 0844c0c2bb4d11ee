//! Fill values: one element, as `zarr.json` writes it and as chunks need it.

use crate::dtype::{ElementType, Storage};
use base64::{Engine, engine::general_purpose::STANDARD};
use fascicle_backend::{DType, Error, ErrorKind, Result, Values};
use half::f16;
use serde_json::{Value, json};

/// One element: its bytes in native order, or its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    Bytes(Vec<u8>),
    Text(String),
}

impl Fill {
    /// Zero, `false` or empty text.
    pub(crate) fn zero(element: ElementType) -> Self {
        match element.dtype.fixed_bytes() {
            Some(width) => Fill::Bytes(vec![0; width]),
            None => Fill::Text(String::new()),
        }
    }

    /// The fill value of a caller, who may have given none.
    pub(crate) fn from_values(values: Option<&Values>, element: ElementType) -> Result<Self> {
        let Some(values) = values else { return Ok(Fill::zero(element)) };
        if values.dtype() != element.dtype || values.len() != 1 {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the fill value of an array of {} must be one element of that type", element.dtype),
            ));
        }
        match (values.as_bytes(), values.as_text()) {
            (Some(bytes), _) => Ok(Fill::Bytes(bytes.to_vec())),
            (None, Some([text])) => Ok(Fill::Text(text.clone())),
            _ => Ok(Fill::zero(element)),
        }
    }

    /// The fill value as a caller sees it, `None` where it is zero.
    pub(crate) fn to_values(&self, element: ElementType) -> Result<Option<Values>> {
        if *self == Fill::zero(element) {
            return Ok(None);
        }
        match self {
            Fill::Bytes(bytes) => Values::from_bytes(element.dtype, bytes).map(Some),
            Fill::Text(text) => Ok(Some(Values::Text(vec![text.clone()]))),
        }
    }

    /// The `fill_value` of a new array's `zarr.json`.
    pub(crate) fn to_json(&self, element: ElementType) -> Value {
        let bytes = match self {
            Fill::Text(text) => return json!(text),
            Fill::Bytes(bytes) => bytes.as_slice(),
        };
        macro_rules! number {
            ($type:ty) => {
                json!(<$type>::from_ne_bytes(fixed(bytes)))
            };
        }
        let f32_at = |at: usize| float32_json(u32::from_ne_bytes(fixed(bytes.get(at..).unwrap_or(&[]))));
        let f64_at = |at: usize| float64_json(u64::from_ne_bytes(fixed(bytes.get(at..).unwrap_or(&[]))));
        match element.dtype {
            DType::Bool => json!(bytes.first().is_some_and(|byte| *byte != 0)),
            DType::Int8 => number!(i8),
            DType::Int16 => number!(i16),
            DType::Int32 => number!(i32),
            DType::Int64 | DType::DateTime64(_) | DType::TimeDelta64(_) => number!(i64),
            DType::UInt8 => number!(u8),
            DType::UInt16 => number!(u16),
            DType::UInt32 => number!(u32),
            DType::UInt64 => number!(u64),
            DType::Float16 => float16_json(u16::from_ne_bytes(fixed(bytes))),
            DType::Float32 => f32_at(0),
            DType::Float64 => f64_at(0),
            DType::Complex64 => json!([f32_at(0), f32_at(4)]),
            DType::Complex128 => json!([f64_at(0), f64_at(8)]),
            DType::FixedBytes(_) if element.is_raw => json!(STANDARD.encode(bytes)),
            DType::FixedBytes(_) => {
                let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                json!(STANDARD.encode(bytes.get(..end).unwrap_or(bytes)))
            }
            DType::Text => json!(""),
        }
    }

    /// Reads a `fill_value`. A null, which only version 2 has, is zero.
    pub(crate) fn from_json(value: &Value, element: ElementType) -> Result<Self> {
        if value.is_null() {
            return Ok(Fill::zero(element));
        }
        parse(value, element).ok_or_else(|| {
            let shown: String = value.to_string().chars().take(60).collect();
            Error::new(ErrorKind::Corrupt, format!("the fill value {shown} is no value of {}", element.dtype))
        })
    }
}

fn parse(value: &Value, element: ElementType) -> Option<Fill> {
    macro_rules! integer {
        ($type:ty, $read:ident) => {
            <$type>::try_from(integral(value).and_then(|value| value.$read())?).ok()?.to_ne_bytes().to_vec()
        };
    }
    Some(Fill::Bytes(match element.dtype {
        DType::Text => {
            // Version 2 writes 0 for text made of objects.
            let text = if value.as_u64() == Some(0) { "" } else { value.as_str()? };
            let text =
                if let Storage::Utf32(_) = element.storage { text.trim_end_matches('\0') } else { text };
            return Some(Fill::Text(text.to_owned()));
        }
        DType::Bool => vec![u8::from(value.as_bool().or_else(|| Some(value.as_u64()? != 0))?)],
        DType::Int8 => integer!(i8, as_i64),
        DType::Int16 => integer!(i16, as_i64),
        DType::Int32 => integer!(i32, as_i64),
        DType::Int64 => integer!(i64, as_i64),
        DType::DateTime64(_) | DType::TimeDelta64(_) => match value.as_str() {
            Some("NaT") => i64::MIN.to_ne_bytes().to_vec(),
            Some(_) => return None,
            None => integer!(i64, as_i64),
        },
        DType::UInt8 => integer!(u8, as_u64),
        DType::UInt16 => integer!(u16, as_u64),
        DType::UInt32 => integer!(u32, as_u64),
        DType::UInt64 => integer!(u64, as_u64),
        DType::Float16 => float16(value)?.to_ne_bytes().to_vec(),
        DType::Float32 => float32(value)?.to_ne_bytes().to_vec(),
        DType::Float64 => float64(value)?.to_ne_bytes().to_vec(),
        DType::Complex64 => {
            let (re, im) = parts(value)?;
            [float32(re)?.to_ne_bytes(), float32(im)?.to_ne_bytes()].concat()
        }
        DType::Complex128 => {
            let (re, im) = parts(value)?;
            [float64(re)?.to_ne_bytes(), float64(im)?.to_ne_bytes()].concat()
        }
        DType::FixedBytes(width) => {
            let mut bytes = match value {
                Value::String(text) => STANDARD.decode(text).ok()?,
                Value::Array(items) => {
                    items.iter().map(|item| u8::try_from(item.as_u64()?).ok()).collect::<Option<_>>()?
                }
                Value::Number(zero) if zero.as_u64() == Some(0) => Vec::new(),
                _ => return None,
            };
            if bytes.len() > width as usize {
                return None;
            }
            bytes.resize(width as usize, 0);
            bytes
        }
    }))
}

/// An integer, which some writers write as a float.
fn integral(value: &Value) -> Option<Value> {
    if value.is_i64() || value.is_u64() {
        return Some(value.clone());
    }
    let float = value.as_f64()?;
    (float.fract() == 0.0 && float.abs() < 9.0e15).then(|| json!(float as i64))
}

/// The real and the imaginary part; version 2 may give a real number.
fn parts(value: &Value) -> Option<(&Value, &Value)> {
    const ZERO: &Value = &Value::Null;
    match value {
        Value::Array(parts) => match parts.as_slice() {
            [re, im] => Some((re, im)),
            _ => None,
        },
        Value::Number(_) | Value::String(_) => Some((value, ZERO)),
        _ => None,
    }
}

fn named_float(value: &Value) -> Option<f64> {
    match value {
        Value::Null => Some(0.0),
        Value::Number(number) => number.as_f64(),
        Value::String(name) => match name.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// The bits of a float that is written as `0x…` with all its digits.
fn hexadecimal(value: &Value, digits: usize) -> Option<u64> {
    let text = value.as_str()?.strip_prefix("0x")?;
    if text.len() != digits || text.starts_with('+') {
        return None;
    }
    u64::from_str_radix(text, 16).ok()
}

fn float16(value: &Value) -> Option<u16> {
    match hexadecimal(value, 4) {
        Some(bits) => u16::try_from(bits).ok(),
        None => named_float(value).map(|float| f16::from_f64(float).to_bits()),
    }
}

fn float32(value: &Value) -> Option<u32> {
    match hexadecimal(value, 8) {
        Some(bits) => u32::try_from(bits).ok(),
        None => named_float(value).map(|float| (float as f32).to_bits()),
    }
}

fn float64(value: &Value) -> Option<u64> {
    hexadecimal(value, 16).or_else(|| named_float(value).map(f64::to_bits))
}

fn float_json(float: f64, is_plain_nan: bool, hexadecimal: String) -> Value {
    if float.is_nan() {
        return if is_plain_nan { json!("NaN") } else { json!(hexadecimal) };
    }
    if float.is_infinite() {
        return json!(if float > 0.0 { "Infinity" } else { "-Infinity" });
    }
    json!(float)
}

fn float16_json(bits: u16) -> Value {
    let float = f16::from_bits(bits);
    float_json(float.to_f64(), bits == 0x7e00, format!("0x{bits:04x}"))
}

fn float32_json(bits: u32) -> Value {
    float_json(f64::from(f32::from_bits(bits)), bits == 0x7fc0_0000, format!("0x{bits:08x}"))
}

fn float64_json(bits: u64) -> Value {
    float_json(f64::from_bits(bits), bits == 0x7ff8_0000_0000_0000, format!("0x{bits:016x}"))
}

/// The first `N` bytes; zeros where there are not as many.
fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;
    use fascicle_backend::TimeUnit;

    #[test]
    fn every_bit_of_a_fill_value_round_trips() {
        let others =
            [DType::FixedBytes(3), DType::DateTime64(TimeUnit::Second), DType::TimeDelta64(TimeUnit::Day)];
        for dtype in DType::PLAIN.into_iter().chain(others) {
            let width = dtype.fixed_bytes().unwrap();
            let patterns: [&dyn Fn(usize) -> u8; 5] =
                [&|_| 0, &|_| 1, &|i| (i * 37 + 11) as u8, &|_| 0xff, &|i| {
                    if i + 1 == width { 0x80 } else { 0 }
                }];
            for pattern in patterns {
                let bytes: Vec<u8> = (0..width).map(pattern).collect();
                if dtype == DType::Bool && bytes[0] > 1 {
                    continue;
                }
                let (fill, element) = (Fill::Bytes(bytes), ElementType::of(dtype));
                let json = fill.to_json(element);
                assert_eq!(Fill::from_json(&json, element).unwrap(), fill, "{dtype} {json}");
            }
        }
        let text = (Fill::Text("ü\"".into()), ElementType::of(DType::Text));
        assert_eq!(Fill::from_json(&text.0.to_json(text.1), text.1).unwrap(), text.0);
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for (dtype, value) in [
            (DType::Int8, json!(128)),
            (DType::UInt8, json!(-1)),
            (DType::UInt64, json!(1.5)),
            (DType::Float32, json!("0x7ff8000000000000")),
            (DType::Float64, json!("nan")),
            (DType::Float64, json!([1.0])),
            (DType::Complex64, json!([1.0])),
            (DType::Complex64, json!(true)),
            (DType::Bool, json!("true")),
            (DType::FixedBytes(2), json!("YWJj")),
            (DType::FixedBytes(2), json!([256])),
            (DType::Text, json!(["a"])),
            (DType::DateTime64(TimeUnit::Second), json!("today")),
        ] {
            let error = Fill::from_json(&value, ElementType::of(dtype)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{dtype} {value}");
        }
    }
}
