//! Reading dates.
//!
//! Text comes from EF.DG13, QR codes, lists and keyboards. Between the parts stand `/`, `.`, `-` or nothing; a part
//! that is not known is empty, zeros or signs such as `--`, `**`, `xx`:
//!
//! | parts | forms |
//! |---|---|
//! | day, month, year | `dd/MM/yyyy`, `d/M/yyyy`, `dd-MM-yyyy`, `dd.MM.yyyy`, `ddMMyyyy` |
//! | year, month, day | `yyyy-MM-dd` |
//! | month, year | `MM/yyyy`, `yyyy-MM`, `MMyyyy` |
//! | year | `yyyy`, `00/00/yyyy`, `--/--/yyyy`, `//yyyy`, `0000yyyy`, `00yyyy` |
//!
//! A day without a month says nothing that can be compared, so it is dropped.

use super::{CardDate, Century};
use time::{Date, Month};

/// Years that documents and lists may name. Earlier ones are digits in the wrong order.
const YEARS: std::ops::RangeInclusive<i32> = 1800..=9999;

/// One part of a date: a number, or not known.
type Part = Option<u16>;

pub(super) fn text(text: &str) -> Option<CardDate> {
    let dash = |c: char| if matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}') { '-' } else { c };
    let text: zeroize::Zeroizing<String> = zeroize::Zeroizing::new(text.trim().chars().map(dash).collect());
    let separator = ['/', '.', '-'].into_iter().find(|separator| text.contains(*separator));
    let parts: Vec<&str> = match separator {
        Some(separator) => text.split(separator).map(str::trim).collect(),
        None if !text.bytes().all(|b| b.is_ascii_digit()) => return None,
        None => match text.len() {
            8 => vec![&text[..2], &text[2..4], &text[4..]],
            6 => vec![&text[..2], &text[2..]],
            4 => vec![&text],
            _ => return None,
        },
    };
    let (year, month, day) = match parts[..] {
        [year, month, day] if is_year(year) => (year, month, day),
        [day, month, year] => (year, month, day),
        [year, month] if is_year(year) => (year, month, ""),
        [month, year] => (year, month, ""),
        [year] => (year, "", ""),
        _ => return None,
    };
    let year = match part(year, 4)? {
        Some(_) if year.len() != 4 => return None,
        year => year.map(i32::from),
    };
    date(year, part(month, 2)?, part(day, 2)?)
}

fn is_year(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit())
}

pub(super) fn mrz(text: &str, century: Century) -> Option<CardDate> {
    if text.len() != 6 || !text.is_ascii() {
        return None;
    }
    let two = |text: &str| match text {
        "<<" => Some(None),
        text if text.bytes().all(|b| b.is_ascii_digit()) => text.parse::<u16>().ok().map(Some),
        _ => None,
    };
    let known = |part: Part| part.filter(|part| *part != 0);
    let (year, month, day) = (two(&text[..2])?, known(two(&text[2..4])?), known(two(&text[4..])?));
    let year = year.map(i32::from).map(|year| match century {
        Century::Birth { not_after } => not_after - (not_after - year).rem_euclid(100),
        Century::Expiry => 2000 + year,
    });
    date(year, month, day)
}

/// `None` for what is neither a number of at most so many digits nor a way to say that it is not known.
fn part(text: &str, digits: usize) -> Option<Part> {
    if text.chars().all(|c| matches!(c, '0' | '-' | '*' | 'x' | 'X' | '?' | '_' | '<')) {
        return Some(None);
    }
    let is_number = text.len() <= digits && text.bytes().all(|b| b.is_ascii_digit());
    if is_number { text.parse().ok().map(Some) } else { None }
}

fn date(year: Option<i32>, month: Part, day: Part) -> Option<CardDate> {
    let month = month.map(|month| u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok()));
    let day = day.map(|day| u8::try_from(day).ok().filter(|day| *day <= 31));
    // What is there must be possible, whether or not it is of use.
    let month = match month {
        Some(None) => return None,
        month => month.flatten(),
    };
    let day = match day {
        Some(None) => return None,
        day => day.flatten(),
    };
    if year.is_some_and(|year| !YEARS.contains(&year)) {
        return None;
    }
    Some(match (year, month, day) {
        (None, None, None) => CardDate::Unknown,
        // A day or month of no year is no date.
        (None, _, _) => return None,
        (Some(year), None, _) => CardDate::Year(year),
        (Some(year), Some(month), None) => CardDate::Month { year, month },
        (Some(year), Some(month), Some(day)) => CardDate::Day(Date::from_calendar_date(year, month, day).ok()?),
    })
}
