//! What the elements of an array amount to: extremes, mean, spread, and how they are distributed.

use crate::json::float_json;
use crate::selected::SelectedArray;
use crate::text::element_texts;
use fascicle::{DType, Result, Values};
use serde_json::{Value as Json, json};

/// Bars of a histogram.
const BINS: usize = 12;
const BAR_WIDTH: f64 = 40.0;
/// Characters of the line that shows how a series goes.
const SPARKS: u64 = 64;
const SPARK_LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Statistics of numbers, truth values and times.
pub(crate) struct Stats {
    dtype: DType,
    count: u64,
    /// NaN and "not a time".
    missing: u64,
    infinite: u64,
    mean: f64,
    /// The sum of squared distances to the mean.
    squares: f64,
    extremes: Option<(Number, Number)>,
    bins: Vec<u64>,
    /// The sum and number of the elements in each part of a one-dimensional array.
    parts: Vec<(f64, u64)>,
}

/// An element, exactly.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Number {
    Integer(i128),
    Float(f64),
}

impl Number {
    fn as_f64(self) -> f64 {
        match self {
            Number::Integer(integer) => integer as f64,
            Number::Float(float) => float,
        }
    }
}

impl Stats {
    /// Reads the array twice, block by block. `None` for dtypes without an order: complex numbers, bytes and text.
    pub(crate) async fn of(array: &SelectedArray) -> Result<Option<Self>> {
        let dtype = array.dtype();
        if matches!(dtype, DType::Complex64 | DType::Complex128 | DType::FixedBytes(_) | DType::Text) {
            return Ok(None);
        }
        let is_series = array.shape().rank() == 1;
        let total = array.shape().element_count();
        let mut stats = Stats {
            dtype,
            count: 0,
            missing: 0,
            infinite: 0,
            mean: 0.0,
            squares: 0.0,
            extremes: None,
            bins: vec![0; BINS],
            parts: if is_series { vec![(0.0, 0); SPARKS.min(total) as usize] } else { Vec::new() },
        };
        for block in array.blocks()? {
            stats.add(array.read(&block).await?.values(), total);
        }
        let range = stats.extremes.map(|(low, high)| (low.as_f64(), high.as_f64()));
        if let Some((low, high)) = range.filter(|(low, high)| low < high) {
            for block in array.blocks()? {
                for number in numbers(array.read(&block).await?.values()).flatten().map(Number::as_f64) {
                    let bin = ((number - low) / (high - low) * BINS as f64) as usize;
                    if number.is_finite()
                        && let Some(bin) = stats.bins.get_mut(bin.min(BINS - 1))
                    {
                        *bin += 1;
                    }
                }
            }
        }
        Ok(Some(stats))
    }

    fn add(&mut self, values: &Values, total: u64) {
        for number in numbers(values) {
            let at = self.count;
            self.count += 1;
            let Some(number) = number else {
                self.missing += 1;
                continue;
            };
            let float = number.as_f64();
            if !float.is_finite() {
                self.infinite += 1;
                continue;
            }
            let distance = float - self.mean;
            self.mean += distance / (self.count - self.missing - self.infinite) as f64;
            self.squares += distance * (float - self.mean);
            self.extremes = Some(match self.extremes {
                None => (number, number),
                Some((low, high)) => {
                    (if number < low { number } else { low }, if number > high { number } else { high })
                }
            });
            let parts = self.parts.len() as u128;
            let part = u128::from(at) * parts / u128::from(total.max(1));
            if let Some((sum, count)) = self.parts.get_mut(part as usize) {
                *sum += float;
                *count += 1;
            }
        }
    }

    fn finite(&self) -> u64 {
        self.count - self.missing - self.infinite
    }

    fn deviation(&self) -> f64 {
        (self.squares / self.finite() as f64).sqrt()
    }

    fn is_time(&self) -> bool {
        matches!(self.dtype, DType::DateTime64(_) | DType::TimeDelta64(_))
    }

    fn element_text(&self, number: Number) -> String {
        let text = match (number, self.dtype) {
            (Number::Integer(count), DType::DateTime64(unit)) => {
                element_texts(&Values::DateTime64(unit, vec![count as i64]))
                    .ok()
                    .and_then(|mut texts| texts.pop())
            }
            (Number::Integer(count), DType::TimeDelta64(unit)) => Some(format!("{count} {}", unit.code())),
            (Number::Integer(integer), _) => Some(integer.to_string()),
            (Number::Float(float), _) => Some(significant(float)),
        };
        text.unwrap_or_else(|| number.as_f64().to_string())
    }

    /// The statistics as `count`, `missing`, `infinite`, `min`, `max`, `mean`, `std` and `histogram`.
    pub(crate) fn json(&self) -> Json {
        let number = |number: Number| match number {
            _ if self.is_time() => json!(self.element_text(number)),
            Number::Integer(integer) => crate::json::to_json(&fascicle::config::Value::Int(integer)),
            Number::Float(float) => float_json(float),
        };
        let (low, high) =
            self.extremes.map_or((Json::Null, Json::Null), |(low, high)| (number(low), number(high)));
        let has_mean = self.finite() > 0 && !self.is_time();
        let mean = |value: f64| if has_mean { float_json(value) } else { Json::Null };
        json!({
            "count": self.count,
            "missing": self.missing,
            "infinite": self.infinite,
            "min": low,
            "max": high,
            "mean": mean(self.mean),
            "std": mean(self.deviation()),
            "histogram": self.bins,
        })
    }

    /// The statistics as lines, with a histogram, and for one-dimensional arrays a line that shows how the elements go.
    pub(crate) fn lines(&self) -> Vec<String> {
        let missing = if self.is_time() { "NaT" } else { "NaN" };
        let mut facts = vec![format!("count {}", self.count), format!("{missing} {}", self.missing)];
        if self.infinite > 0 {
            facts.push(format!("infinite {}", self.infinite));
        }
        let Some((low, high)) = self.extremes else { return vec![facts.join("  ")] };
        facts.push(format!("min {}", self.element_text(low)));
        facts.push(format!("max {}", self.element_text(high)));
        if !self.is_time() {
            facts.push(format!("mean {}", significant(self.mean)));
            facts.push(format!("std {}", significant(self.deviation())));
        }
        let mut lines = vec![facts.join("  ")];
        lines.extend(self.histogram(low, high));
        lines.extend(self.sparks(low.as_f64(), high.as_f64()));
        lines
    }

    fn histogram(&self, low: Number, high: Number) -> Vec<String> {
        let (first, last) = (low.as_f64(), high.as_f64());
        let most = self.bins.iter().copied().max().unwrap_or(0);
        if first >= last || most == 0 {
            return Vec::new();
        }
        let edge = |bin: usize| {
            let edge = first + (last - first) * bin as f64 / BINS as f64;
            self.element_text(if self.is_time() {
                Number::Integer(edge as i128)
            } else {
                Number::Float(edge)
            })
        };
        let row = |(bin, count): (usize, &u64)| {
            let bar = (*count as f64 / most as f64 * BAR_WIDTH).ceil() as usize;
            vec![edge(bin), "█".repeat(bar), count.to_string()]
        };
        super::aligned(&self.bins.iter().enumerate().map(row).collect::<Vec<_>>(), false)
    }

    fn sparks(&self, low: f64, high: f64) -> Option<String> {
        if self.parts.len() < 2 || low >= high {
            return None;
        }
        let spark = |(sum, count): &(f64, u64)| match *count {
            0 => ' ',
            count => {
                let level = (sum / count as f64 - low) / (high - low) * SPARK_LEVELS.len() as f64;
                SPARK_LEVELS.get((level as usize).min(SPARK_LEVELS.len() - 1)).copied().unwrap_or(' ')
            }
        };
        Some(self.parts.iter().map(spark).collect())
    }
}

/// The elements as numbers; `None` for NaN and "not a time".
fn numbers(values: &Values) -> Box<dyn Iterator<Item = Option<Number>> + '_> {
    fn integers<'a, T: Copy + Into<i128>>(numbers: &'a [T]) -> Box<dyn Iterator<Item = Option<Number>> + 'a> {
        Box::new(numbers.iter().map(|number| Some(Number::Integer((*number).into()))))
    }
    fn float(number: f64) -> Option<Number> {
        (!number.is_nan()).then_some(Number::Float(number))
    }
    match values {
        Values::Bool(truths) => {
            Box::new(truths.iter().map(|truth| Some(Number::Integer(i128::from(*truth)))))
        }
        Values::Int8(numbers) => integers(numbers),
        Values::Int16(numbers) => integers(numbers),
        Values::Int32(numbers) => integers(numbers),
        Values::Int64(numbers) => integers(numbers),
        Values::UInt8(numbers) => integers(numbers),
        Values::UInt16(numbers) => integers(numbers),
        Values::UInt32(numbers) => integers(numbers),
        Values::UInt64(numbers) => integers(numbers),
        Values::Float16(numbers) => Box::new(numbers.iter().map(|number| float(number.to_f64()))),
        Values::Float32(numbers) => Box::new(numbers.iter().map(|number| float(f64::from(*number)))),
        Values::Float64(numbers) => Box::new(numbers.iter().map(|number| float(*number))),
        Values::DateTime64(_, counts) | Values::TimeDelta64(_, counts) => Box::new(
            counts.iter().map(|count| (*count != i64::MIN).then_some(Number::Integer(i128::from(*count)))),
        ),
        Values::Complex64(_) | Values::Complex128(_) | Values::FixedBytes { .. } | Values::Text(_) => {
            Box::new(std::iter::empty())
        }
    }
}

/// A number with six significant digits.
fn significant(number: f64) -> String {
    if number != 0.0 && !(1e-4..1e9).contains(&number.abs()) {
        return format!("{number:.5e}");
    }
    let digits = if number == 0.0 { 0 } else { number.abs().log10().floor() as i32 };
    let text = format!("{number:.*}", (5 - digits).max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_six_digits() {
        for (number, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-0.123456789, "-0.123457"),
            (123456789.0, "123456789"),
            (1e-7, "1.00000e-7"),
        ] {
            assert_eq!(significant(number), text);
        }
    }
}
