//! What a device counted: how many people it served, by coarse classes that its profile declares. Sums leave the device, and
//! nothing of anybody.

use serde::{Deserialize, Serialize};

/// Counts of a span of days at one profile. A day with few people is told together with the days behind it, so that a sum is never
/// one of a few.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// The last day, `YYYY-MM-DD` in Vietnam.
    pub to: String,
    /// The first.
    pub from: String,
    /// The same people, counted by one thing after the other.
    pub tables: Vec<Table>,
    /// The site profile.
    pub profile: String,
}

/// People by one class, or by two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// By what, one word each.
    pub by: Vec<Counted>,
    /// How many of what.
    pub rows: Vec<Row>,
}

/// How many of what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// How many.
    pub n: u64,
    /// Of which class, one word for each of `by`.
    pub of: Vec<String>,
}

/// By what may be counted: a closed set, each coarse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// Bands of age: `0-13`, `14-17`, `18-29`, `30-44`, `45-59`, `60+`.
    Age,
    /// `f`, `m`.
    Sex,
    /// How much was assured: a rung.
    Rung,
    /// Vietnamese or not: `domestic`, `foreign`.
    Origin,
    /// How the visit ended: `done`, `refused`, `cancelled`. Every tally has it, by itself.
    Outcome,
    /// Why somebody was turned away: a code.
    Refusal,
    /// Where they live, as one of the provinces since 2025: two digits; `abroad`.
    Province,
}

impl Counted {
    /// Every one.
    pub const ALL: [Self; 7] =
        [Self::Age, Self::Sex, Self::Rung, Self::Origin, Self::Outcome, Self::Refusal, Self::Province];

    /// Its word.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Sex => "sex",
            Self::Rung => "rung",
            Self::Origin => "origin",
            Self::Outcome => "outcome",
            Self::Refusal => "refusal",
            Self::Province => "province",
        }
    }
}

/// The class of those of whom it is not known.
pub const UNKNOWN: &str = "unknown";

/// A word that may stand for a class: so short and plain that no name, number or address is one.
#[must_use]
pub fn is_class(word: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'+');
    // Longer runs of digits are numbers of something.
    let run = word.bytes().fold((0, 0), |(now, most), b| {
        let now = if b.is_ascii_digit() { now + 1 } else { 0 };
        (now, most.max(now))
    });
    (1..=32).contains(&word.len()) && word.bytes().all(plain) && run.1 <= 4
}

/// `YYYY-MM-DD`, as far as its form goes.
fn is_day(day: &str) -> bool {
    day.len() == 10
        && day.bytes().enumerate().all(|(at, b)| if at == 4 || at == 7 { b == b'-' } else { b.is_ascii_digit() })
}

impl Tally {
    /// How many people it is about: those of the table by outcome.
    #[must_use]
    pub fn all(&self) -> u64 {
        let by_outcome = self.tables.iter().find(|table| table.by == [Counted::Outcome]);
        by_outcome.map_or(0, |table| table.rows.iter().fold(0, |sum, row| sum.saturating_add(row.n)))
    }

    /// Whether it is one that may be signed: days in order, one table by outcome, no table twice, no class twice in a table or
    /// empty, no word that could be somebody's, and no table about more people than there were.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let all = self.all();
        let mut seen: Vec<&[Counted]> = Vec::new();
        is_day(&self.from)
            && is_day(&self.to)
            && self.from <= self.to
            && all > 0
            && self.tables.iter().all(|table| {
                let twice = seen.contains(&table.by.as_slice());
                seen.push(&table.by);
                !twice && (1..=2).contains(&table.by.len()) && table.is_whole(all)
            })
    }
}

impl Table {
    fn is_whole(&self, all: u64) -> bool {
        let fits = |row: &Row| row.n > 0 && row.of.len() == self.by.len() && row.of.iter().all(|word| is_class(word));
        let sum = self.rows.iter().fold(0, |sum: u64, row| sum.saturating_add(row.n));
        sum <= all && self.rows.iter().all(fits) && self.rows.windows(2).all(|pair| pair[0].of < pair[1].of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(by: &[Counted], rows: &[(u64, &[&str])]) -> Table {
        let row = |(n, of): &(u64, &[&str])| Row { n: *n, of: of.iter().map(|word| (*word).to_owned()).collect() };
        Table { by: by.to_vec(), rows: rows.iter().map(row).collect() }
    }

    fn tally() -> Tally {
        Tally {
            to: "2026-11-28".to_owned(),
            from: "2026-11-27".to_owned(),
            tables: vec![
                table(&[Counted::Outcome], &[(9, &["done"]), (1, &["refused"])]),
                table(&[Counted::Age, Counted::Sex], &[(4, &["18-29", "f"]), (6, &["60+", "unknown"])]),
            ],
            profile: "lodging".to_owned(),
        }
    }

    #[test]
    fn a_tally_that_could_be_about_somebody_or_does_not_add_up_is_none() {
        assert!(tally().is_whole() && tally().all() == 10);
        type Make = fn(&mut Tally);
        let wrong: [(&str, Make); 11] = [
            ("no outcome", |it| drop(it.tables.remove(0))),
            ("days the other way", |it| it.to = "2026-11-26".to_owned()),
            ("no day", |it| it.from = "27/11/2026".to_owned()),
            ("a table twice", |it| it.tables.push(it.tables[1].clone())),
            ("three classes", |it| it.tables[1].by.push(Counted::Rung)),
            ("more than there were", |it| it.tables[1].rows[0].n = 7),
            ("nobody", |it| it.tables[1].rows[0].n = 0),
            ("a class twice", |it| it.tables[1].rows[1] = it.tables[1].rows[0].clone()),
            ("words that are missing", |it| it.tables[1].rows[0].of.truncate(1)),
            ("a number", |it| it.tables[1].rows[1].of[1] = "001099000017".to_owned()),
            ("a name", |it| it.tables[1].rows[1].of[1] = "Nguyễn Văn An".to_owned()),
        ];
        for (what, make) in wrong {
            let mut it = tally();
            make(&mut it);
            assert!(!it.is_whole(), "{what}");
        }
    }

    #[test]
    fn sums_that_overflow_are_no_tally() {
        let mut it = tally();
        it.tables[1].rows[0].n = u64::MAX;
        assert!(!it.is_whole());
    }
}
