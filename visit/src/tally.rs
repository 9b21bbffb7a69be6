//! What is counted of a visit: coarse classes that the profile declares, so that only sums need to leave the device. Pure.
//!
//! | by | classes | from |
//! |---|---|---|
//! | `age` | `0-13`, `14-17`, `18-29`, `30-44`, `45-59`, `60+` | the date of birth, on the day of the visit |
//! | `sex` | `f`, `m` | |
//! | `origin` | `domestic`, `foreign` | the document's issuer and nationality |
//! | `province` | two digits of the list of provinces since 2025-07-01; `abroad` | the end of the residence |
//! | `outcome` | `done`, `refused`, `cancelled` | |
//! | `refusal` | the code of the reason; nobody else is in this table | |
//! | `rung` | how much was assured | |
//!
//! Whoever's class is not known is `unknown`: never left out, and never guessed.

use crate::content::Content;
use crate::profile::{Counting, Item};
use crate::steps::Refusal;
use events::tally::{Counted, UNKNOWN, is_class};

/// One person in one table: the class, word by word.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// By what.
    pub by: Vec<Counted>,
    /// Of which class.
    pub of: Vec<String>,
}

/// How a visit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything was done.
    Done,
    /// The holder was turned away.
    Refused(Refusal),
    /// It was broken off.
    Cancelled,
}

/// Where one visit is counted; `today` is its day, `YYYY-MM-DD`.
#[must_use]
pub fn cells(counting: &Counting, content: &Content, ended: Ended, today: &str) -> Vec<Cell> {
    let outcome = [vec![Counted::Outcome]];
    let tables = outcome.iter().chain(&counting.by);
    let of = |by: &Vec<Counted>| {
        let of: Option<Vec<String>> = by.iter().map(|by| class(*by, content, ended, today)).collect();
        of.map(|of| Cell { by: by.clone(), of })
    };
    tables.filter_map(of).collect()
}

/// The class of somebody; nothing where they belong into no table of this kind.
fn class(by: Counted, content: &Content, ended: Ended, today: &str) -> Option<String> {
    let item = |item: Item| content.items.get(&item).map(|text| text.as_str().trim());
    let known = match by {
        Counted::Age => item(Item::DateOfBirth).and_then(|birth| age(birth, today)).map(band),
        Counted::Sex => item(Item::Sex).and_then(sex),
        Counted::Origin => origin(content),
        Counted::Province => match origin(content) {
            Some("foreign") => Some("abroad"),
            _ => item(Item::Residence).and_then(province),
        },
        Counted::Outcome => Some(match ended {
            Ended::Done => "done",
            Ended::Refused(_) => "refused",
            Ended::Cancelled => "cancelled",
        }),
        Counted::Refusal => match ended {
            Ended::Refused(why) => Some(why.code()),
            Ended::Done | Ended::Cancelled => return None,
        },
        Counted::Rung => content.assurance.as_ref().map(|assurance| assurance.rung.code()),
    };
    Some(known.filter(|word| is_class(word)).unwrap_or(UNKNOWN).to_owned())
}

/// Year, month and day of `dd/MM/yyyy` or `YYYY-MM-DD`.
fn date(text: &str) -> Option<(u32, u32, u32)> {
    let parts: Vec<u32> = text.split(['/', '-']).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts.as_slice() {
        [day, month, year] if *year > 31 => Some((*year, *month, *day)),
        [year, month, day] if *year > 31 => Some((*year, *month, *day)),
        _ => None,
    }
}

fn age(birth: &str, today: &str) -> Option<u32> {
    let ((year, month, day), now) = (date(birth)?, date(today)?);
    let years = now.0.checked_sub(year)?;
    years.checked_sub(u32::from((now.1, now.2) < (month, day))).filter(|years| *years < 130)
}

const fn band(age: u32) -> &'static str {
    match age {
        0..14 => "0-13",
        14..18 => "14-17",
        18..30 => "18-29",
        30..45 => "30-44",
        45..60 => "45-59",
        _ => "60+",
    }
}

fn sex(text: &str) -> Option<&'static str> {
    match text.to_lowercase().as_str() {
        "nam" | "m" => Some("m"),
        "nữ" | "f" => Some("f"),
        _ => None,
    }
}

fn origin(content: &Content) -> Option<&'static str> {
    let nationality = content.items.get(&Item::Nationality).map(|text| text.as_str().trim().to_lowercase());
    match nationality.as_deref() {
        Some("việt nam" | "vnm" | "vn") => Some("domestic"),
        Some(other) if !other.is_empty() => Some("foreign"),
        // A citizen number is given to citizens.
        _ => content.items.contains_key(&Item::IdNumber).then_some("domestic"),
    }
}

/// The province at the end of an address, as one of those since 2025-07-01: a card keeps the name of its time.
fn province(residence: &str) -> Option<&'static str> {
    let last = residence.rsplit(',').next()?.trim().to_lowercase();
    let mut name = last.as_str();
    for word in ["tỉnh ", "thành phố ", "tp. ", "tp.", "tp "] {
        name = name.strip_prefix(word).unwrap_or(name).trim();
    }
    PROVINCES.iter().find(|(_, names)| names.split('|').any(|one| one == name)).map(|(code, _)| *code)
}

/// The 34 provinces by the code of the statistics office, with the names of those that became part of them.
const PROVINCES: [(&str, &str); 34] = [
    ("01", "hà nội"),
    ("04", "cao bằng"),
    ("08", "tuyên quang|hà giang"),
    ("11", "điện biên"),
    ("12", "lai châu"),
    ("14", "sơn la"),
    ("15", "lào cai|yên bái"),
    ("19", "thái nguyên|bắc kạn"),
    ("20", "lạng sơn"),
    ("22", "quảng ninh"),
    ("24", "bắc ninh|bắc giang"),
    ("25", "phú thọ|hòa bình|hoà bình|vĩnh phúc"),
    ("31", "hải phòng|hải dương"),
    ("33", "hưng yên|thái bình"),
    ("37", "ninh bình|hà nam|nam định"),
    ("38", "thanh hóa|thanh hoá"),
    ("40", "nghệ an"),
    ("42", "hà tĩnh"),
    ("44", "quảng trị|quảng bình"),
    ("46", "huế|thừa thiên huế"),
    ("48", "đà nẵng|quảng nam"),
    ("51", "quảng ngãi|kon tum"),
    ("52", "gia lai|bình định"),
    ("56", "khánh hòa|khánh hoà|ninh thuận"),
    ("66", "đắk lắk|phú yên"),
    ("68", "lâm đồng|bình thuận|đắk nông"),
    ("75", "đồng nai|bình phước"),
    ("79", "hồ chí minh|bình dương|bà rịa - vũng tàu|bà rịa-vũng tàu"),
    ("80", "tây ninh|long an"),
    ("82", "đồng tháp|tiền giang"),
    ("86", "vĩnh long|bến tre|trà vinh"),
    ("91", "an giang|kiên giang"),
    ("92", "cần thơ|hậu giang|sóc trăng"),
    ("96", "cà mau|bạc liêu"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use program::Text;
    use std::collections::BTreeSet;

    fn somebody(items: &[(Item, &str)]) -> Content {
        let text = |(item, text): &(Item, &str)| (*item, Text::cleaned(text));
        Content { items: items.iter().map(text).collect(), ..Content::default() }
    }

    fn by(by: Counted, items: &[(Item, &str)]) -> String {
        class(by, &somebody(items), Ended::Done, "2026-11-30").expect("a class")
    }

    #[test]
    fn ages_are_those_of_the_day_and_a_birthday_counts_on_its_own_day() {
        let of = |birth: &str| by(Counted::Age, &[(Item::DateOfBirth, birth)]);
        let bands = ["30/11/2012", "01/12/2012", "30/11/2008", "30/11/1996", "30/11/1981", "30/11/1966", "01/12/1966"];
        assert_eq!(bands.map(of), ["14-17", "0-13", "18-29", "30-44", "45-59", "60+", "45-59"].map(str::to_owned));
        assert_eq!(of("1966-11-30"), "60+", "as passports have it");
        for none in ["", "2026", "30/11/2030", "01/01/1066", "30.11.1990", "<script>"] {
            assert_eq!(of(none), UNKNOWN, "{none}");
        }
    }

    #[test]
    fn provinces_of_before_2025_are_those_that_they_became_part_of() {
        let of = |residence: &str| by(Counted::Province, &[(Item::Residence, residence)]);
        assert_eq!(of("Ấp 2, Xã Mỹ Quí, Huyện Tháp Mười, Tỉnh Đồng Tháp"), "82");
        assert_eq!(of("12 Lê Lợi, Phường 1, Thành phố Mỹ Tho, Tiền Giang"), "82");
        assert_eq!(of("Quận 3, TP. Hồ Chí Minh"), "79");
        assert_eq!(of("Bà Rịa - Vũng Tàu"), "79");
        assert_eq!(of("Springfield"), UNKNOWN);
        assert_eq!(by(Counted::Province, &[(Item::Nationality, "FRA"), (Item::Residence, "Hà Nội")]), "abroad");
        let codes: BTreeSet<&str> = PROVINCES.iter().map(|(code, _)| *code).collect();
        let names: Vec<&str> = PROVINCES.iter().flat_map(|(_, names)| names.split('|')).collect();
        assert_eq!((codes.len(), names.iter().collect::<BTreeSet<_>>().len()), (34, names.len()), "nothing twice");
    }

    #[test]
    fn sex_and_origin_are_what_cards_and_passports_call_them() {
        assert_eq!(
            ["Nam", "M", "Nữ", "F", "<"].map(|text| by(Counted::Sex, &[(Item::Sex, text)])),
            ["m", "m", "f", "f", UNKNOWN]
        );
        let of = |text: &str| by(Counted::Origin, &[(Item::Nationality, text)]);
        assert_eq!(["Việt Nam", "VNM", "FRA", ""].map(of), ["domestic", "domestic", "foreign", UNKNOWN]);
        assert_eq!(by(Counted::Origin, &[(Item::IdNumber, "001099000017")]), "domestic");
    }

    #[test]
    fn nobody_is_left_out_and_only_who_was_turned_away_is_among_the_refusals() {
        let counting = Counting { by: vec![vec![Counted::Refusal], vec![Counted::Age, Counted::Sex]] };
        let done = cells(&counting, &Content::default(), Ended::Done, "2026-11-30");
        let of: Vec<Vec<&str>> = done.iter().map(|cell| cell.of.iter().map(String::as_str).collect()).collect();
        assert_eq!(of, [vec!["done"], vec![UNKNOWN, UNKNOWN]]);
        let refused = cells(&counting, &Content::default(), Ended::Refused(Refusal::AlreadyDone), "2026-11-30");
        assert_eq!(refused[1].of, [Refusal::AlreadyDone.code()]);
        for cell in done.iter().chain(&refused) {
            assert!(cell.of.iter().all(|word| is_class(word)), "{cell:?}");
        }
    }

    #[test]
    fn what_a_profile_does_not_take_it_does_not_count() {
        let of = |by: &[&[Counted]]| Counting { by: by.iter().map(|by| by.to_vec()).collect() };
        let takes = |item| item == Item::Sex;
        assert_eq!(of(&[&[Counted::Sex], &[Counted::Rung, Counted::Sex]]).fault(takes), None);
        let wrong: [&[&[Counted]]; 6] = [
            &[&[Counted::Age]],
            &[&[Counted::Sex, Counted::Origin]],
            &[&[]],
            &[&[Counted::Sex, Counted::Rung, Counted::Refusal]],
            &[&[Counted::Sex], &[Counted::Sex]],
            &[&[Counted::Outcome]],
        ];
        for by in wrong {
            assert!(of(by).fault(takes).is_some(), "{by:?}");
        }
    }
}
