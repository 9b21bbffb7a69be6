//! Which site belongs to which unit, since when and until when: a table that the operator keeps as a file. Since 2025-07-01 there are
//! provinces, and communes and wards below them; no districts.

use std::collections::BTreeMap;

/// The provinces since 2025-07-01, by the code of the statistics office.
pub const PROVINCES: [(&str, &str); 34] = [
    ("01", "Hà Nội"),
    ("04", "Cao Bằng"),
    ("08", "Tuyên Quang"),
    ("11", "Điện Biên"),
    ("12", "Lai Châu"),
    ("14", "Sơn La"),
    ("15", "Lào Cai"),
    ("19", "Thái Nguyên"),
    ("20", "Lạng Sơn"),
    ("22", "Quảng Ninh"),
    ("24", "Bắc Ninh"),
    ("25", "Phú Thọ"),
    ("31", "Hải Phòng"),
    ("33", "Hưng Yên"),
    ("37", "Ninh Bình"),
    ("38", "Thanh Hóa"),
    ("40", "Nghệ An"),
    ("42", "Hà Tĩnh"),
    ("44", "Quảng Trị"),
    ("46", "Huế"),
    ("48", "Đà Nẵng"),
    ("51", "Quảng Ngãi"),
    ("52", "Gia Lai"),
    ("56", "Khánh Hòa"),
    ("66", "Đắk Lắk"),
    ("68", "Lâm Đồng"),
    ("75", "Đồng Nai"),
    ("79", "Hồ Chí Minh"),
    ("80", "Tây Ninh"),
    ("82", "Đồng Tháp"),
    ("86", "Vĩnh Long"),
    ("91", "An Giang"),
    ("92", "Cần Thơ"),
    ("96", "Cà Mau"),
];

/// What a province is called.
#[must_use]
pub fn province(code: &str) -> Option<&'static str> {
    PROVINCES.iter().find(|(own, _)| *own == code).map(|(_, name)| *name)
}

/// What a unit is called that nobody named.
pub const NONE: &str = "unassigned";

/// A time in which a site belongs to a unit: from a day on, until before another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Belongs {
    unit: String,
    from: String,
    until: Option<String>,
}

/// Sites and their units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Units(BTreeMap<String, Vec<Belongs>>);

/// A line that says nothing, or contradicts another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct UnitsError {
    /// Which, from 1.
    pub line: usize,
    /// Why.
    pub why: &'static str,
}

fn is_day(day: &str) -> bool {
    let mut parts = day.splitn(3, '-').map(|part| part.parse::<u32>().ok());
    let (year, month, number) = (parts.next().flatten(), parts.next().flatten(), parts.next().flatten());
    day.len() == 10
        && year.is_some_and(|year| year >= 1975)
        && month.is_some_and(|month| (1..=12).contains(&month))
        && number.is_some_and(|number| (1..=31).contains(&number))
}

impl Units {
    /// Reads a table: `site,unit,province,from,until`, with a head; `until` may be empty. The unit is a commune or ward.
    ///
    /// # Errors
    /// With the line and why: a province that is none, a day that is none, a site in two units at once.
    pub fn parse(text: &str) -> Result<Self, UnitsError> {
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let mut all: BTreeMap<String, Vec<Belongs>> = BTreeMap::new();
        for (at, record) in reader.records().enumerate() {
            let line = at + 2;
            let wrong = |why| UnitsError { line, why };
            let record = record.map_err(|_| wrong("it has not five columns"))?;
            let column = |at: usize| record.get(at).unwrap_or_default();
            let [site, unit, code, from, until] = [0, 1, 2, 3, 4].map(column);
            if site.is_empty() || unit.is_empty() {
                return Err(wrong("site or unit is missing"));
            }
            province(code).ok_or_else(|| wrong("there is no province of this code"))?;
            if !is_day(from) || !(until.is_empty() || is_day(until)) {
                return Err(wrong("a day is YYYY-MM-DD"));
            }
            let until = (!until.is_empty()).then(|| until.to_owned());
            if until.as_deref().is_some_and(|until| until <= from) {
                return Err(wrong("it ends before it begins"));
            }
            let own = all.entry(site.to_owned()).or_default();
            let meets = |other: &Belongs| {
                until.as_deref().is_none_or(|until| other.from.as_str() < until)
                    && other.until.as_deref().is_none_or(|other| from < other)
            };
            if own.iter().any(meets) {
                return Err(wrong("the site is in two units at once"));
            }
            own.push(Belongs { unit: format!("{code} {unit}"), from: from.to_owned(), until });
        }
        Ok(Self(all))
    }

    /// The unit of a site on a day: province code and name.
    #[must_use]
    pub fn of(&self, site: &str, day: &str) -> &str {
        let then = |one: &&Belongs| one.from.as_str() <= day && one.until.as_deref().is_none_or(|until| day < until);
        let found = self.0.get(site).and_then(|all| all.iter().find(then));
        found.map_or(NONE, |one| one.unit.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "site,unit,province,from,until\n";

    #[test]
    fn units_that_merge_and_split_hold_for_their_time() {
        let text = format!(
            "{HEAD}A,Xã Mỹ Quí,82,2025-07-01,2026-01-01\nA,Phường Mỹ Tho,82,2026-01-01,\nB,\"Xã Thanh Mỹ, cũ\",82,2025-07-01,\n"
        );
        let units = Units::parse(&text).expect("units");
        assert_eq!(units.of("A", "2025-12-31"), "82 Xã Mỹ Quí");
        assert_eq!(units.of("A", "2026-01-01"), "82 Phường Mỹ Tho");
        assert_eq!(units.of("A", "2025-06-30"), NONE, "before there were such");
        assert_eq!(units.of("B", "2026-11-30"), "82 Xã Thanh Mỹ, cũ");
        assert_eq!(units.of("C", "2026-11-30"), NONE);
    }

    #[test]
    fn a_table_that_contradicts_itself_is_refused_with_its_line() {
        let refused = |rows: &str| Units::parse(&format!("{HEAD}{rows}")).expect_err("refused").line;
        assert_eq!(refused("A,X,82,2025-07-01,\nA,Y,82,2026-01-01,\n"), 3, "two at once");
        assert_eq!(refused("A,X,63,2025-07-01,\n"), 2, "63 is a district of before");
        assert_eq!(refused("A,X,82,01/07/2025,\n"), 2);
        assert_eq!(refused("A,X,82,2026-01-01,2025-07-01\n"), 2);
        assert_eq!(refused(",X,82,2025-07-01,\n"), 2);
        assert_eq!(refused("A,X,82\n"), 2);
    }

    #[test]
    fn there_are_34_provinces() {
        let mut codes: Vec<&str> = PROVINCES.iter().map(|(code, _)| *code).collect();
        codes.dedup();
        assert!(codes.len() == 34 && codes.is_sorted());
        assert_eq!(province("82"), Some("Đồng Tháp"));
    }
}
