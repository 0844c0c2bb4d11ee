//! Points in time as people read them.

use chrono::{DateTime, FixedOffset, Local, Utc};
use std::time::{SystemTime, UNIX_EPOCH};

/// The zone in which a time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TimeZone {
    /// The zone of the machine, or of the environment variable `TZ`.
    #[default]
    Local,
    /// Coordinated universal time.
    Utc,
    /// A fixed number of seconds east of UTC.
    SecondsEast(i32),
}

/// A time in datamate's form, `January 17, 2025 19:36:16`. `None` for a time some 260,000 years off, or an offset of a
/// day or more.
pub fn format_time(time: SystemTime, zone: TimeZone) -> Option<String> {
    let utc = to_utc(time)?;
    const FORM: &str = "%B %d, %Y %H:%M:%S";
    Some(match zone {
        TimeZone::Local => utc.with_timezone(&Local).format(FORM).to_string(),
        TimeZone::Utc => utc.format(FORM).to_string(),
        TimeZone::SecondsEast(seconds) => {
            utc.with_timezone(&FixedOffset::east_opt(seconds)?).format(FORM).to_string()
        }
    })
}

/// A time of the system's clock as a date. `None` beyond the range of dates, a day of which is kept free for zones.
pub(super) fn to_utc(time: SystemTime) -> Option<DateTime<Utc>> {
    let (seconds, nanoseconds) = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).ok()?, after.subsec_nanos()),
        Err(error) => {
            let before = error.duration();
            let whole = i64::try_from(before.as_secs()).ok()?.checked_neg()?;
            match before.subsec_nanos() {
                0 => (whole, 0),
                fraction => (whole.checked_sub(1)?, 1_000_000_000 - fraction),
            }
        }
    };
    let date = DateTime::from_timestamp(seconds, nanoseconds)?;
    let day = chrono::TimeDelta::days(1);
    let inside = date.checked_add_signed(day).is_some() && date.checked_sub_signed(day).is_some();
    inside.then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_written_as_in_the_original() {
        let time = UNIX_EPOCH + Duration::from_secs(1_737_142_576);
        assert_eq!(format_time(time, TimeZone::Utc).unwrap(), "January 17, 2025 19:36:16");
        assert_eq!(format_time(time, TimeZone::SecondsEast(6 * 3600)).unwrap(), "January 18, 2025 01:36:16");
        let early = UNIX_EPOCH - Duration::from_millis(500);
        assert_eq!(format_time(early, TimeZone::Utc).unwrap(), "December 31, 1969 23:59:59");
        assert!(format_time(time, TimeZone::Local).is_some());
    }

    #[test]
    fn absurd_times_are_left_out() {
        for seconds in [1 << 45, 1 << 62] {
            if let Some(late) = UNIX_EPOCH.checked_add(Duration::from_secs(seconds)) {
                assert_eq!(format_time(late, TimeZone::Local), None, "{seconds}");
            }
        }
        assert_eq!(format_time(UNIX_EPOCH, TimeZone::SecondsEast(86_400)), None);
    }
}
