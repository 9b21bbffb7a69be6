//! Calendar dates as documents, lists and people write them, each with the precision that it has.
//!
//! Of some people only the year of birth is known, or the month and year. Cards, lists and portals write that in many
//! ways (`1955`, `00/00/1955`, `--/--/1955`; in an MRZ `55<<<<` or `550000`). A date is read once, here, and written
//! from here in the form that the other side wants; two dates are compared in the parts that both know.
//!
//! | file | content |
//! |---|---|
//! | `mod.rs` | the type, comparison, writers |
//! | `read.rs` | from text and from the MRZ |

mod read;

use crate::name::Folded;
use time::{Date, Month};
use zeroize::DefaultIsZeroes;

/// A date of known precision. Personal data: `Debug` says the precision only; it can be wiped (`Zeroize`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum CardDate {
    /// Nothing is known.
    #[default]
    Unknown,
    /// The year.
    Year(i32),
    /// The month and year.
    Month {
        /// Year of the Gregorian calendar.
        year: i32,
        /// Month.
        month: Month,
    },
    /// The day.
    Day(Date),
}

impl DefaultIsZeroes for CardDate {}

impl std::fmt::Debug for CardDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CardDate({:?}, …)", self.precision())
    }
}

impl From<Date> for CardDate {
    fn from(day: Date) -> Self {
        Self::Day(day)
    }
}

/// How much of a date is known, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Precision {
    Unknown,
    Year,
    Month,
    Day,
}

/// What a comparison of two dates says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Agreement {
    /// Equal, and equally precise.
    Same,
    /// Equal in the parts that both know; one knows less.
    Coarser,
    /// A part that both know differs.
    Differs,
    /// One of them knows nothing.
    NotKnown,
}

/// To which century the two digits of an MRZ year belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Century {
    /// A date of birth: the latest year that is not after this one, this year for instance.
    Birth {
        /// The last year that it can be.
        not_after: i32,
    },
    /// A date of expiry: 2000 to 2099.
    Expiry,
}

impl CardDate {
    /// From text: see `read.rs` for the forms. `None` for what is no date, and for days that no calendar has; a text
    /// that says that nothing is known, such as `00/00/0000`, is [`CardDate::Unknown`].
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        read::text(text)
    }

    /// From the six characters `YYMMDD` of an MRZ (ICAO 9303-3, 4.8), where `<<` or `00` stands for a month or day
    /// that is not known, and `<<` for a year. `None` for anything else.
    #[must_use]
    pub fn from_mrz(text: &str, century: Century) -> Option<Self> {
        read::mrz(text, century)
    }

    /// How much is known.
    #[must_use]
    pub const fn precision(self) -> Precision {
        match self {
            Self::Unknown => Precision::Unknown,
            Self::Year(_) => Precision::Year,
            Self::Month { .. } => Precision::Month,
            Self::Day(_) => Precision::Day,
        }
    }

    /// The year, where it is known.
    #[must_use]
    pub const fn year(self) -> Option<i32> {
        match self {
            Self::Unknown => None,
            Self::Year(year) | Self::Month { year, .. } => Some(year),
            Self::Day(day) => Some(day.year()),
        }
    }

    /// The month, where it is known.
    #[must_use]
    pub const fn month(self) -> Option<Month> {
        match self {
            Self::Unknown | Self::Year(_) => None,
            Self::Month { month, .. } => Some(month),
            Self::Day(day) => Some(day.month()),
        }
    }

    /// The day, where it is known.
    #[must_use]
    pub const fn day(self) -> Option<Date> {
        match self {
            Self::Day(day) => Some(day),
            _ => None,
        }
    }

    /// Compares in the parts that both know. Symmetric.
    #[must_use]
    pub fn agrees_with(self, other: Self) -> Agreement {
        let differs = |a: Option<i32>, b: Option<i32>| a.is_some() && b.is_some() && a != b;
        let month = |date: Self| date.month().map(|month| i32::from(u8::from(month)));
        let day = |date: Self| date.day().map(|day| i32::from(day.day()));
        if self == Self::Unknown || other == Self::Unknown {
            Agreement::NotKnown
        } else if differs(self.year(), other.year())
            || differs(month(self), month(other))
            || differs(day(self), day(other))
        {
            Agreement::Differs
        } else if self.precision() == other.precision() {
            Agreement::Same
        } else {
            Agreement::Coarser
        }
    }

    /// `dd/MM/yyyy`, `MM/yyyy` or `yyyy`; nothing where nothing is known.
    #[must_use]
    pub fn day_first(self) -> Option<String> {
        Some(match self {
            Self::Unknown => return None,
            Self::Year(year) => format!("{year:04}"),
            Self::Month { year, month } => format!("{:02}/{year:04}", u8::from(month)),
            Self::Day(day) => format!("{:02}/{:02}/{:04}", day.day(), u8::from(day.month()), day.year()),
        })
    }

    /// `yyyy-MM-dd`, `yyyy-MM` or `yyyy`, as FHIR's `date` has it; nothing where nothing is known.
    #[must_use]
    pub fn iso(self) -> Option<String> {
        Some(match self {
            Self::Unknown => return None,
            Self::Year(year) => format!("{year:04}"),
            Self::Month { year, month } => format!("{year:04}-{:02}", u8::from(month)),
            Self::Day(day) => format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day()),
        })
    }

    /// `yyyyMMdd0000`, zeros for what is not known, as the health insurer's NGAY_SINH has it (QĐ 3176/QĐ-BYT);
    /// nothing where nothing is known.
    #[must_use]
    pub fn compact(self) -> Option<String> {
        let day = self.day().map_or(0, Date::day);
        let month = self.month().map_or(0, u8::from);
        self.year().map(|year| format!("{year:04}{month:02}{day:02}0000"))
    }

    /// `YYMMDD` of an MRZ, with `<<` for what is not known.
    #[must_use]
    pub fn mrz(self) -> String {
        let two = |part: Option<u8>| part.map_or_else(|| "<<".to_owned(), |part| format!("{part:02}"));
        let year = self.year().map(|year| year.rem_euclid(100) as u8);
        [two(year), two(self.month().map(u8::from)), two(self.day().map(Date::day))].concat()
    }
}

/// Whether a text in the place of a date of expiry says that there is none: "Không thời hạn", "Không xác định thời
/// hạn", in any spelling that [`Folded`] takes for these.
#[must_use]
pub fn is_without_end(text: &str) -> bool {
    matches!(Folded::new(text).plain().as_str(), "khong thoi han" | "khong xac dinh thoi han")
}

/// A whole day in one of the two forms of the card: `dd/MM/yyyy` (DG13) or `ddMMyyyy` (QR). Where dates of less
/// precision or other forms may come, use [`CardDate::from_text`].
#[must_use]
pub fn parse_day_first(text: &str) -> Option<Date> {
    let as_printed = text.len() == 10 && text.bytes().enumerate().all(|(at, b)| (b == b'/') == matches!(at, 2 | 5));
    let as_scanned = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
    if as_printed || as_scanned { CardDate::from_text(text)?.day() } else { None }
}

#[cfg(test)]
mod tests;
