//! What the cells of a column of CSV could all be.

use arrow_array::types::{Date32Type, Float64Type, TimestampNanosecondType};
use arrow_cast::parse::Parser;
use arrow_schema::{DataType, TimeUnit};

/// What the cells of a column seen so far could all be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guess {
    seen: bool,
    truth: bool,
    signed: bool,
    unsigned: bool,
    float: bool,
    date: bool,
    time: bool,
}

impl Default for Guess {
    fn default() -> Self {
        Guess { seen: false, truth: true, signed: true, unsigned: true, float: true, date: true, time: true }
    }
}

impl Guess {
    /// Takes one cell into account.
    pub(crate) fn narrow(&mut self, cell: &str) {
        self.seen = true;
        self.truth &= cell.eq_ignore_ascii_case("true") || cell.eq_ignore_ascii_case("false");
        let digits = cell.strip_prefix('-').unwrap_or(cell);
        let led_by_zero = digits.starts_with('0') && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        let is_integer =
            !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()) && !led_by_zero;
        self.signed &= is_integer && cell.parse::<i64>().is_ok();
        self.unsigned &= is_integer && cell.parse::<u64>().is_ok();
        self.float &= !led_by_zero && cell.trim() == cell && Float64Type::parse(cell).is_some();
        self.date &= cell.len() == 10 && Date32Type::parse(cell).is_some();
        self.time &= is_local_time(cell) && TimestampNanosecondType::parse(cell).is_some();
    }

    /// The first type that all cells are of.
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Guess { seen: false, .. } => DataType::Utf8,
            Guess { truth: true, .. } => DataType::Boolean,
            Guess { signed: true, .. } => DataType::Int64,
            Guess { unsigned: true, .. } => DataType::UInt64,
            Guess { float: true, .. } => DataType::Float64,
            Guess { date: true, .. } => DataType::Date32,
            Guess { time: true, .. } => DataType::Timestamp(TimeUnit::Nanosecond, None),
            _ => DataType::Utf8,
        }
    }
}

/// Whether this looks like a date with a time of day and without a zone.
fn is_local_time(cell: &str) -> bool {
    let bytes = cell.as_bytes();
    let clock = cell.get(11..).unwrap_or("");
    matches!(bytes.get(10), Some(b'T' | b' '))
        && clock.len() >= 5
        && clock.bytes().all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.')
}
