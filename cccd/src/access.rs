//! From what is known about a card to the passwords worth trying.

use crate::date::CardDate;
use crate::number::Number;
use crate::qr::Qr;
use emrtd::{MrzKey, Password};
use time::Date;

/// EF.CardAccess as every CCCD seen so far has it: terminal authentication 1, chip authentication 1 with AES-128,
/// PACE-ECDH-GM-AES-128 on brainpoolP256r1. Assumed only when a chip does not give the file.
pub const CARD_ACCESS: [u8; 54] = [
    0x31, 0x34, 0x30, 0x0D, 0x06, 0x08, 0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x02, 0x02, 0x01, 0x01, 0x30, 0x0F,
    0x06, 0x0A, 0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x03, 0x02, 0x02, 0x02, 0x01, 0x01, 0x30, 0x12, 0x06, 0x0A,
    0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x04, 0x02, 0x02, 0x02, 0x01, 0x02, 0x02, 0x01, 0x0D,
];

/// Ages at which a card must be renewed (Luật Căn cước 26/2023, Art. 21).
const MILESTONES: [i32; 4] = [14, 25, 40, 60];

/// The most expiry dates that are worth a try: each wrong one costs the citizen a second.
const MAX_EXPIRIES: usize = 3;

/// Passwords from a number alone: the CAN.
#[must_use]
pub fn from_number(number: &Number) -> Vec<Password> {
    Password::can(number.can()).into_iter().collect()
}

/// Passwords from a QR code: the CAN, then, where it tells the days of birth and issue, the MRZ key data with each
/// expiry date that the card may have.
#[must_use]
pub fn from_qr(qr: &Qr) -> Vec<Password> {
    let mut passwords = from_number(&qr.number);
    if let (Some(birth), Some(issued)) = (qr.birth.and_then(CardDate::day), qr.issued.and_then(CardDate::day)) {
        let born = CardDate::from(birth).mrz();
        for expiry in expiry_candidates(birth, issued) {
            let expiry = CardDate::from(expiry).mrz();
            passwords.extend(MrzKey::new(qr.number.document_number(), &born, &expiry).map(Password::Mrz));
        }
    }
    passwords
}

/// The expiry dates that a card may have, likeliest first, at most three.
///
/// A card is valid to the next milestone birthday; one issued within two years before a milestone to the one
/// after it. Cards issued before 2024-07-01 knew no milestone at 14. Past 60 (or from 58) there is no expiry.
#[must_use]
pub fn expiry_candidates(birth: Date, issued: Date) -> Vec<Date> {
    let birthdays: Vec<Date> =
        MILESTONES.iter().filter_map(|age| add_years(birth, *age)).filter(|day| *day > issued).collect();
    let Some(next) = birthdays.first() else { return Vec::new() };
    let mut candidates = birthdays.clone();
    let near = add_years(issued, 2).is_some_and(|limit| *next <= limit);
    if near && candidates.len() > 1 {
        candidates.swap(0, 1);
    }
    candidates.truncate(MAX_EXPIRIES);
    candidates
}

/// The same day `years` later; 29 February becomes 28 February in common years.
fn add_years(date: Date, years: i32) -> Option<Date> {
    let year = date.year() + years;
    Date::from_calendar_date(year, date.month(), date.day())
        .or_else(|_| Date::from_calendar_date(year, date.month(), date.day() - 1))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::date;
    use emrtd::hazmat::security_info::SecurityInfos;
    use proptest::prelude::*;

    fn day(text: &str) -> Date {
        date::parse_day_first(text).expect("date")
    }

    #[test]
    fn expiry_is_the_next_milestone_birthday() {
        assert_eq!(expiry_candidates(day("15011999"), day("15042021"))[0], day("15012024"));
        assert_eq!(expiry_candidates(day("15011999"), day("15042024"))[0], day("15012039"));
        // Issued within the two years before turning 25: valid to 40.
        assert_eq!(expiry_candidates(day("15011999"), day("16012022"))[..2], [day("15012039"), day("15012024")]);
        // Exactly on the milestone: the next one counts.
        assert_eq!(expiry_candidates(day("15011999"), day("15012024"))[0], day("15012039"));
        assert_eq!(expiry_candidates(day("15011950"), day("15042021")), []);
        assert_eq!(expiry_candidates(day("29022000"), day("01012021"))[0], day("28022025"));
    }

    #[test]
    fn a_leap_day_birthday_has_an_anniversary_every_year() {
        assert_eq!(add_years(day("29022004"), 25), Some(day("28022029")));
        assert_eq!(add_years(day("29022004"), 40), Some(day("29022044")));
    }

    #[test]
    fn a_code_opens_by_its_number_and_where_it_tells_both_days_by_the_mrz() {
        let passwords = |text: &str| match crate::qr::parse(text) {
            Ok(crate::Scan::Cccd(qr)) => from_qr(&qr).len(),
            other => panic!("{other:?}"),
        };
        assert_eq!(passwords("001099000017||A|15011999|Nam|x|15042021"), 4);
        for text in ["001099000017|", "001099000017||A|1999|Nam|x|15042021", "001099000017||A|15011999|Nam|x|"] {
            assert_eq!(passwords(text), 1, "{text}");
        }
    }

    #[test]
    fn the_built_in_card_access_offers_pace() {
        assert_eq!(SecurityInfos::parse(&CARD_ACCESS).expect("SecurityInfos").pace.len(), 1);
    }

    proptest! {
        #[test]
        fn at_most_three_candidates_all_after_issue(birth in 2_420_000i32..2_461_000, age in 0i32..30_000) {
            let birth = Date::from_julian_day(birth).expect("date");
            let issued = Date::from_julian_day(birth.to_julian_day() + age).expect("date");
            let candidates = expiry_candidates(birth, issued);
            prop_assert!(candidates.len() <= 3);
            prop_assert!(candidates.iter().all(|day| *day > issued));
        }
    }
}
