//! Points in time written as text.

use arrow_cast::parse::Parser;
use fascicle::TimeUnit;
use fascicle::arrow::array::types::{
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};

/// A date, or a date with a time of day, as a count of `unit` since 1970; `NaT` is "not a time". `None` for what is no time
/// or falls between two counts.
pub(crate) fn parse_time(text: &str, unit: TimeUnit) -> Option<i64> {
    if text == "NaT" {
        return Some(i64::MIN);
    }
    // A zone would be converted silently.
    let has_zone =
        text.ends_with(['Z', 'z']) || text.get(10..).is_some_and(|clock| clock.contains(['+', '-']));
    if has_zone {
        return None;
    }
    let seconds = |per: i64| {
        // Finer than a second, so that nothing is cut off unseen.
        let fine = TimestampMicrosecondType::parse(text)?;
        let divisor = per.checked_mul(1_000_000)?;
        (fine.rem_euclid(divisor) == 0).then(|| fine.div_euclid(divisor))
    };
    let exact = |coarse: Option<i64>, per: i64| {
        let (coarse, fine) = (coarse?, TimestampNanosecondType::parse(text));
        // Beyond the range of nanoseconds nothing finer can be written either way.
        fine.is_none_or(|fine| coarse.checked_mul(per) == Some(fine)).then_some(coarse)
    };
    match unit {
        TimeUnit::Day => seconds(86_400),
        TimeUnit::Hour => seconds(3_600),
        TimeUnit::Minute => seconds(60),
        TimeUnit::Second => exact(TimestampSecondType::parse(text), 1_000_000_000),
        TimeUnit::Millisecond => exact(TimestampMillisecondType::parse(text), 1_000_000),
        TimeUnit::Microsecond => exact(TimestampMicrosecondType::parse(text), 1_000),
        TimeUnit::Nanosecond => TimestampNanosecondType::parse(text),
    }
}
