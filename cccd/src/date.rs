//! Calendar dates as the card writes them.

use time::{Date, Month};

/// `dd/MM/yyyy` (DG13) or `ddMMyyyy` (QR).
#[must_use]
pub fn parse_day_first(text: &str) -> Option<Date> {
    let digits: Vec<u8> = match text.as_bytes() {
        [d1, d2, b'/', m1, m2, b'/', year @ ..] if year.len() == 4 => [&[*d1, *d2, *m1, *m2], year].concat(),
        bytes if bytes.len() == 8 => bytes.to_vec(),
        _ => return None,
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| digits[range].iter().fold(0i32, |n, b| n * 10 + i32::from(b - b'0'));
    let month = Month::try_from(number(2..4) as u8).ok()?;
    Date::from_calendar_date(number(4..8), month, number(0..2) as u8).ok()
}

/// `YYMMDD` of the MRZ.
#[must_use]
pub fn mrz(date: Date) -> String {
    format!("{:02}{:02}{:02}", date.year() % 100, u8::from(date.month()), date.day())
}

/// The same day `years` later; 29 February becomes 28 February in common years.
#[must_use]
pub fn add_years(date: Date, years: i32) -> Option<Date> {
    let year = date.year() + years;
    Date::from_calendar_date(year, date.month(), date.day())
        .or_else(|_| Date::from_calendar_date(year, date.month(), date.day() - 1))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_days_are_dates() {
        assert!(parse_day_first("29/02/2024").is_some());
        for text in ["29/02/2023", "32/01/2000", "15-01-1999", "1501199", "", "15/01/99", "aa/bb/cccc"] {
            assert!(parse_day_first(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_leap_day_birthday_has_an_anniversary_every_year() {
        let born = parse_day_first("29022004").expect("date");
        assert_eq!(mrz(add_years(born, 25).expect("date")), "290228");
        assert_eq!(mrz(add_years(born, 40).expect("date")), "440229");
    }
}
