//! Days and hours as Vietnam has them. Seconds are those since 1970, as every clock of the house gives them.

use time::{OffsetDateTime, UtcOffset};

/// Vietnam has one time zone and no summer time.
pub const VIETNAM: UtcOffset = match UtcOffset::from_hms(7, 0, 0) {
    Ok(offset) => offset,
    Err(_) => UtcOffset::UTC,
};

/// A time in Vietnam.
#[must_use]
pub fn in_vietnam(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH).to_offset(VIETNAM)
}

/// The day as the book has it, `YYYY-MM-DD`.
#[must_use]
pub fn day_of(seconds: i64) -> String {
    let at = in_vietnam(seconds);
    format!("{:04}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day())
}

/// The day as people read it, `dd/MM/yyyy`.
#[must_use]
pub fn date_of(seconds: i64) -> String {
    let at = in_vietnam(seconds);
    format!("{:02}/{:02}/{:04}", at.day(), u8::from(at.month()), at.year())
}

/// The time of day, `HH:MM`.
#[must_use]
pub fn time_of(seconds: i64) -> String {
    let at = in_vietnam(seconds);
    format!("{:02}:{:02}", at.hour(), at.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_begins_seven_hours_before_that_of_greenwich() {
        // 2026-11-29T17:00:00Z.
        let midnight = 1_795_971_600;
        assert_eq!((day_of(midnight - 1).as_str(), time_of(midnight - 1).as_str()), ("2026-11-29", "23:59"));
        assert_eq!((date_of(midnight).as_str(), time_of(midnight).as_str()), ("30/11/2026", "00:00"));
    }

    #[test]
    fn no_time_is_too_far() {
        assert_eq!(day_of(i64::MAX), "1970-01-01");
    }
}
