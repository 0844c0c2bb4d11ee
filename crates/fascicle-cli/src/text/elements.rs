//! Elements of arrays as text and as JSON.

use crate::json::float_json;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use base64::Engine;
use fascicle::convert::{BytesForm, values_to_arrow};
use fascicle::{Error, ErrorKind, Result, Shape, Values};
use serde_json::{Value as Json, json};

/// Decimals of floats, as NumPy prints them.
const DECIMALS: usize = 8;

/// The elements as text, floats of one array with the same number of decimals.
pub(crate) fn element_texts(values: &Values) -> Result<Vec<String>> {
    Ok(match values {
        Values::Bool(truths) => {
            truths.iter().map(|truth| if *truth { "True" } else { "False" }.to_owned()).collect()
        }
        Values::Int8(numbers) => numbers.iter().map(ToString::to_string).collect(),
        Values::Int16(numbers) => numbers.iter().map(ToString::to_string).collect(),
        Values::Int32(numbers) => numbers.iter().map(ToString::to_string).collect(),
        Values::Int64(numbers) => numbers.iter().map(ToString::to_string).collect(),
        Values::UInt8(numbers) => numbers.iter().map(ToString::to_string).collect(),
        Values::UInt16(numbers) => numbers.iter().map(ToString::to_string).collect(),
        Values::UInt32(numbers) => numbers.iter().map(ToString::to_string).collect(),
        Values::UInt64(numbers) => numbers.iter().map(ToString::to_string).collect(),
        Values::Float16(numbers) => {
            floats(numbers.iter().map(|number| (number.to_f64(), number.to_string())))
        }
        Values::Float32(numbers) => {
            floats(numbers.iter().map(|number| (f64::from(*number), number.to_string())))
        }
        Values::Float64(numbers) => floats(numbers.iter().map(|number| (*number, number.to_string()))),
        Values::Complex64(numbers) => {
            complexes(numbers.iter().map(|number| (f64::from(number.re), f64::from(number.im))))
        }
        Values::Complex128(numbers) => complexes(numbers.iter().map(|number| (number.re, number.im))),
        Values::FixedBytes { width, bytes } => {
            bytes.chunks((*width as usize).max(1)).map(bytes_text).collect()
        }
        Values::Text(texts) => texts.iter().map(|text| format!("'{}'", text.escape_debug())).collect(),
        Values::DateTime64(..) => times(values)?,
        Values::TimeDelta64(unit, counts) => {
            let text = |count: &i64| match *count {
                i64::MIN => "NaT".to_owned(),
                count => format!("{count} {}", unit.code()),
            };
            counts.iter().map(text).collect()
        }
    })
}

/// The elements as JSON numbers, text, and pairs of real and imaginary part; "not a time" is null.
pub(crate) fn elements_json(values: &Values) -> Result<Vec<Json>> {
    Ok(match values {
        Values::Bool(truths) => truths.iter().map(|truth| json!(truth)).collect(),
        Values::Int8(numbers) => numbers.iter().map(|number| json!(number)).collect(),
        Values::Int16(numbers) => numbers.iter().map(|number| json!(number)).collect(),
        Values::Int32(numbers) => numbers.iter().map(|number| json!(number)).collect(),
        Values::Int64(numbers) => numbers.iter().map(|number| json!(number)).collect(),
        Values::UInt8(numbers) => numbers.iter().map(|number| json!(number)).collect(),
        Values::UInt16(numbers) => numbers.iter().map(|number| json!(number)).collect(),
        Values::UInt32(numbers) => numbers.iter().map(|number| json!(number)).collect(),
        Values::UInt64(numbers) => numbers.iter().map(|number| json!(number)).collect(),
        Values::Float16(numbers) => {
            numbers.iter().map(|number| shortest_json(number.to_f64(), number)).collect()
        }
        Values::Float32(numbers) => {
            numbers.iter().map(|number| shortest_json(f64::from(*number), number)).collect()
        }
        Values::Float64(numbers) => numbers.iter().map(|number| float_json(*number)).collect(),
        Values::Complex64(numbers) => {
            let pair = |number: &num_complex::Complex<f32>| {
                json!([
                    shortest_json(f64::from(number.re), &number.re),
                    shortest_json(f64::from(number.im), &number.im)
                ])
            };
            numbers.iter().map(pair).collect()
        }
        Values::Complex128(numbers) => {
            numbers.iter().map(|number| json!([float_json(number.re), float_json(number.im)])).collect()
        }
        Values::FixedBytes { width, bytes } => {
            let element = |element: &[u8]| match std::str::from_utf8(without_padding(element)) {
                Ok(text) => json!(text),
                Err(_) => json!({ "base64": base64::engine::general_purpose::STANDARD.encode(element) }),
            };
            bytes.chunks((*width as usize).max(1)).map(element).collect()
        }
        Values::Text(texts) => texts.iter().map(|text| json!(text)).collect(),
        Values::DateTime64(..) => times(values)?
            .into_iter()
            .map(|time| if time == "NaT" { Json::Null } else { json!(time) })
            .collect(),
        Values::TimeDelta64(_, counts) => {
            counts.iter().map(|count| if *count == i64::MIN { Json::Null } else { json!(count) }).collect()
        }
    })
}

/// A float of less precision, with as many digits as it needs among its own kind: `0.1` and not `0.10000000149011612`.
fn shortest_json(wide: f64, number: &impl ToString) -> Json {
    if wide.is_finite() {
        number.to_string().parse().map_or_else(|_| float_json(wide), float_json)
    } else {
        float_json(wide)
    }
}

fn floats(numbers: impl Iterator<Item = (f64, String)> + Clone) -> Vec<String> {
    let magnitudes = || {
        numbers.clone().map(|(number, _)| number.abs()).filter(|number| number.is_finite() && *number > 0.0)
    };
    let (smallest, largest) = (magnitudes().fold(f64::INFINITY, f64::min), magnitudes().fold(0.0, f64::max));
    let in_powers = largest >= 1e16 || smallest < 1e-4 || largest / smallest > 1e8;
    let decimals = numbers.clone().filter(|(number, _)| number.is_finite()).map(|(number, shortest)| {
        let rounded = format!("{number:.DECIMALS$}");
        let digits =
            |text: &str| text.split_once('.').map_or(0, |(_, decimals)| decimals.trim_end_matches('0').len());
        digits(&rounded).min(digits(&shortest))
    });
    let decimals = decimals.max().unwrap_or(0);
    let text = |(number, shortest): (f64, String)| match number {
        _ if number.is_nan() => "nan".to_owned(),
        _ if number.is_infinite() => if number > 0.0 { "inf" } else { "-inf" }.to_owned(),
        _ if in_powers => format!("{:e}", shortest.parse().unwrap_or(number)),
        _ if decimals == 0 => format!("{number:.0}."),
        _ => {
            // The zeros that the others need are left blank, as in NumPy.
            let fixed = format!("{number:.decimals$}");
            let trimmed = fixed.trim_end_matches('0');
            format!("{trimmed}{}", " ".repeat(fixed.len() - trimmed.len()))
        }
    };
    numbers.map(text).collect()
}

fn complexes(numbers: impl Iterator<Item = (f64, f64)>) -> Vec<String> {
    numbers
        .map(|(re, im)| format!("{re}{}{}j", if im.is_sign_negative() { "-" } else { "+" }, im.abs()))
        .collect()
}

fn bytes_text(element: &[u8]) -> String {
    format!("b'{}'", without_padding(element).escape_ascii())
}

fn without_padding(element: &[u8]) -> &[u8] {
    let end = element.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    element.get(..end).unwrap_or(element)
}

fn times(values: &Values) -> Result<Vec<String>> {
    let shape = Shape::new([values.len() as u64])?;
    let array = values_to_arrow(values.clone(), &shape, BytesForm::Auto)?;
    let failed = |error: fascicle::arrow::schema::ArrowError| {
        Error::new(ErrorKind::LimitExceeded, "a time is too far off to be written as a date").caused_by(error)
    };
    let options = FormatOptions::default().with_null("NaT").with_display_error(false);
    let formatter = ArrayFormatter::try_new(&array, &options).map_err(failed)?;
    (0..array.len()).map(|at| formatter.value(at).try_to_string().map_err(failed)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fascicle::TimeUnit;

    #[test]
    fn floats_are_printed_as_in_numpy() {
        let text = |numbers: &[f64]| element_texts(&Values::Float64(numbers.to_vec())).unwrap();
        assert_eq!(text(&[0.1, 0.25, 1.0]), ["0.1 ", "0.25", "1.  "]);
        assert_eq!(text(&[1.0, 2.0]), ["1.", "2."]);
        assert_eq!(text(&[f64::NAN, -f64::INFINITY, 1.5]), ["nan", "-inf", "1.5"]);
        assert_eq!(text(&[1e-10, 1.0]), ["1e-10", "1e0"]);
        assert_eq!(text(&[std::f64::consts::PI]), ["3.14159265"]);
        assert_eq!(element_texts(&Values::Float32(vec![0.1])).unwrap(), ["0.1"]);
        assert_eq!(element_texts(&Values::Float64(vec![])).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn other_elements_have_their_forms() {
        let text = |values| element_texts(&values).unwrap().remove(0);
        assert_eq!(text(Values::FixedBytes { width: 4, bytes: b"a\xff\0\0".to_vec() }), "b'a\\xff'");
        assert_eq!(text(Values::Text(vec!["a\nü".to_owned()])), "'a\\nü'");
        assert_eq!(text(Values::DateTime64(TimeUnit::Second, vec![0])), "1970-01-01T00:00:00");
        assert_eq!(text(Values::DateTime64(TimeUnit::Day, vec![i64::MIN])), "NaT");
        assert_eq!(text(Values::TimeDelta64(TimeUnit::Hour, vec![-3])), "-3 h");
        assert_eq!(text(Values::Complex128(vec![num_complex::Complex::new(1.5, -2.0)])), "1.5-2j");
    }

    #[test]
    fn elements_are_json() {
        let values = Values::Float32(vec![0.1, f32::NAN]);
        assert_eq!(json!(elements_json(&values).unwrap()).to_string(), r#"[0.1,"NaN"]"#);
        let values = Values::DateTime64(TimeUnit::Day, vec![1, i64::MIN]);
        assert_eq!(json!(elements_json(&values).unwrap()).to_string(), r#"["1970-01-02",null]"#);
    }
}
