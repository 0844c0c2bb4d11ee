//! Small arrays written as arguments: `0.5`, `[1, 2, 3]`, `[[a, b], [c, d]]`.

use crate::tables;
use fascicle::config::{Value, parse_argument_value};
use fascicle::{ArrayData, DType, Error, ErrorKind, Result, Shape, Values};
use half::f16;
use num_complex::Complex;

/// Reads an array. Without a dtype it is `bool`, `int64` (`uint64` beyond that), `float64` or text, whichever holds all
/// elements.
pub(crate) fn parse_array(text: &str, dtype: Option<DType>) -> Result<ArrayData> {
    let value = parse_argument_value(text)?;
    let mut lengths = Vec::new();
    let mut level = &value;
    while let Value::List(list) = level {
        lengths.push(list.len() as u64);
        match list.first() {
            Some(first) => level = first,
            None => break,
        }
    }
    let mut elements = Vec::new();
    collect(&value, &lengths, &mut elements)?;
    let dtype = match dtype {
        Some(dtype) => dtype.check()?,
        None => infer(&elements)?,
    };
    ArrayData::new(Shape::new(lengths)?, convert(&elements, dtype)?)
}

/// Puts a scalar into a list of one, so that it can be appended.
pub(crate) fn as_rows(data: ArrayData) -> Result<ArrayData> {
    let (shape, values) = data.into_parts();
    let shape = if shape.rank() == 0 { Shape::new([1])? } else { shape };
    ArrayData::new(shape, values)
}

fn collect<'a>(value: &'a Value, lengths: &[u64], elements: &mut Vec<&'a Value>) -> Result<()> {
    match (value, lengths.split_first()) {
        (Value::List(list), Some((length, inner))) if list.len() as u64 == *length => {
            list.iter().try_for_each(|value| collect(value, inner, elements))
        }
        (Value::List(_), _) | (_, Some(_)) => {
            Err(refused("the lists have different lengths, which no array has".to_owned()))
        }
        (element, None) => {
            elements.push(element);
            Ok(())
        }
    }
}

fn infer(elements: &[&Value]) -> Result<DType> {
    let all = |holds: fn(&Value) -> bool| elements.iter().all(|element| holds(element));
    if all(|element| matches!(element, Value::Bool(_))) && !elements.is_empty() {
        return Ok(DType::Bool);
    }
    if all(|element| matches!(element, Value::Int(integer) if i64::try_from(*integer).is_ok()))
        && !elements.is_empty()
    {
        return Ok(DType::Int64);
    }
    if all(|element| matches!(element, Value::Int(integer) if u64::try_from(*integer).is_ok()))
        && !elements.is_empty()
    {
        return Ok(DType::UInt64);
    }
    if all(|element| matches!(element, Value::Int(_) | Value::Float(_))) {
        return Ok(DType::Float64);
    }
    if all(|element| matches!(element, Value::Text(_))) {
        return Ok(DType::Text);
    }
    let kinds: std::collections::BTreeSet<&str> =
        elements.iter().map(|element| element.kind_name()).collect();
    let kinds = kinds.into_iter().collect::<Vec<_>>().join(", ");
    Err(refused(format!("the elements are of no common dtype: {kinds}")).hint("name the dtype with --dtype"))
}

fn convert(elements: &[&Value], dtype: DType) -> Result<Values> {
    fn each<T>(elements: &[&Value], dtype: DType, one: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>> {
        let convert = |element: &&Value| {
            one(element).ok_or_else(|| refused(format!("'{element}' cannot be an element of {dtype}")))
        };
        elements.iter().map(convert).collect()
    }
    fn integers<T: TryFrom<i128>>(elements: &[&Value], dtype: DType) -> Result<Vec<T>> {
        each(elements, dtype, |element| T::try_from(element.as_exact_int()?).ok())
    }
    Ok(match dtype {
        DType::Bool => Values::Bool(each(elements, dtype, Value::as_bool)?),
        DType::Int8 => Values::Int8(integers(elements, dtype)?),
        DType::Int16 => Values::Int16(integers(elements, dtype)?),
        DType::Int32 => Values::Int32(integers(elements, dtype)?),
        DType::Int64 => Values::Int64(integers(elements, dtype)?),
        DType::UInt8 => Values::UInt8(integers(elements, dtype)?),
        DType::UInt16 => Values::UInt16(integers(elements, dtype)?),
        DType::UInt32 => Values::UInt32(integers(elements, dtype)?),
        DType::UInt64 => Values::UInt64(integers(elements, dtype)?),
        DType::Float16 => {
            Values::Float16(each(elements, dtype, |value| Some(f16::from_f64(value.as_f64()?)))?)
        }
        DType::Float32 => Values::Float32(each(elements, dtype, |value| Some(value.as_f64()? as f32))?),
        DType::Float64 => Values::Float64(each(elements, dtype, Value::as_f64)?),
        DType::Complex64 => {
            let one =
                |value: &Value| complex(value).map(|number| Complex::new(number.re as f32, number.im as f32));
            Values::Complex64(each(elements, dtype, one)?)
        }
        DType::Complex128 => Values::Complex128(each(elements, dtype, complex)?),
        DType::FixedBytes(width) => {
            let one = |value: &Value| {
                let mut bytes = value.as_bytes().or_else(|| value.as_str().map(str::as_bytes))?.to_vec();
                (bytes.len() <= width as usize).then(|| bytes.resize(width as usize, 0))?;
                Some(bytes)
            };
            Values::FixedBytes { width, bytes: each(elements, dtype, one)?.concat() }
        }
        DType::Text => {
            let one = |value: &Value| value.as_str().filter(|text| !text.contains('\0')).map(str::to_owned);
            Values::Text(each(elements, dtype, one)?)
        }
        DType::DateTime64(unit) => {
            let one = |value: &Value| value.as_i64().or_else(|| tables::parse_time(value.as_str()?, unit));
            Values::DateTime64(unit, each(elements, dtype, one)?)
        }
        DType::TimeDelta64(unit) => {
            let one =
                |value: &Value| value.as_i64().or_else(|| (value.as_str()? == "NaT").then_some(i64::MIN));
            Values::TimeDelta64(unit, each(elements, dtype, one)?)
        }
    })
}

/// A number, or text in Python's form: `1+2j`, `-0.5j`.
fn complex(value: &Value) -> Option<Complex<f64>> {
    if let Some(real) = value.as_f64() {
        return Some(Complex::new(real, 0.0));
    }
    let text = value.as_str()?.strip_suffix(['j', 'J'])?;
    // The sign between the parts, which is not the one of an exponent.
    let sign = text.char_indices().skip(1).filter(|(at, character)| {
        matches!(character, '+' | '-') && !text.get(..*at).is_some_and(|before| before.ends_with(['e', 'E']))
    });
    let (real, imaginary) = text.split_at(sign.last().map_or(0, |(at, _)| at));
    let real = if real.is_empty() { 0.0 } else { real.parse().ok()? };
    Some(Complex::new(real, imaginary.parse().ok()?))
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, message).during("understand the value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, dtype: Option<&str>) -> Result<(String, Values)> {
        let data = parse_array(text, dtype.map(|dtype| dtype.parse().unwrap()))?;
        let (shape, values) = data.into_parts();
        Ok((format!("{} {shape}", values.dtype()), values))
    }

    #[test]
    fn the_dtype_holds_all_elements() {
        for (text, facts) in [
            ("[1, 2, 3]", "int64 (3,)"),
            ("[1, 2.5]", "float64 (2,)"),
            ("[[true], [false]]", "bool (2, 1)"),
            ("[a, b]", "string (2,)"),
            ("18446744073709551615", "uint64 ()"),
            ("[]", "float64 (0,)"),
            ("[[], []]", "float64 (2, 0)"),
            ("no", "string ()"),
        ] {
            assert_eq!(read(text, None).unwrap().0, facts, "{text}");
        }
    }

    #[test]
    fn elements_are_converted_or_refused() {
        let values = |text, dtype| read(text, Some(dtype)).unwrap().1;
        assert!(values("[1, 2.0]", "int8").same_bits(&Values::Int8(vec![1, 2])));
        assert!(
            values("[ab, c]", "S3").same_bits(&Values::FixedBytes { width: 3, bytes: b"ab\0c\0\0".to_vec() })
        );
        let expected = vec![Complex::new(1.0, -2e-3), Complex::new(0.0, 1.5), Complex::new(3.0, 0.0)];
        assert!(values("['1-2e-3j', 1.5j, 3]", "complex128").same_bits(&Values::Complex128(expected)));
        let times = values("['1970-01-02', 3, NaT]", "datetime64[D]");
        assert!(times.same_bits(&Values::DateTime64(fascicle::TimeUnit::Day, vec![1, 3, i64::MIN])));
        let times = values("['1970-01-01T00:00:01.5']", "datetime64[ms]");
        assert!(times.same_bits(&Values::DateTime64(fascicle::TimeUnit::Millisecond, vec![1500])));
        for (text, dtype) in [
            ("[300]", "int8"),
            ("[1.5]", "int64"),
            ("[-1]", "uint8"),
            ("[abcd]", "S3"),
            ("[x]", "float64"),
            ("[1]", "string"),
            ("[x]", "complex64"),
            ("['1970-01-01T12:00:00']", "datetime64[D]"),
            ("[tomorrow]", "datetime64[s]"),
        ] {
            assert_eq!(
                read(text, Some(dtype)).unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{text} {dtype}"
            );
        }
        for text in ["[1, [2]]", "[[1], [2, 3]]", "[1, a]", "{a: 1}", "[1", "[null]"] {
            assert_eq!(read(text, None).unwrap_err().kind(), ErrorKind::InvalidInput, "{text}");
        }
    }
}
