//! Figures without persons: what devices counted, added up, and shown so that no small number can be found out.
//!
//! A month is published once, when it is over and [`CLOSED`] days have passed; what comes later is not put into it any more. So there
//! are no two versions of a table to subtract from each other, and there is no table of anybody's own choice: the tables of a month
//! and a profile are the same for everybody, and are hidden as one system ([`suppress`]).
//!
//! A unit with one site is not shown by itself: it goes with others.

pub mod open;
pub mod suppress;
pub mod units;

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use suppress::{Sum, hide};
use units::Units;

/// Days after the end of a month when it is published: devices that were away have come back by then.
pub const CLOSED: i64 = 5;
/// The fewest people of a cell that staff see.
pub const INSIDE: u64 = 5;
/// The fewest people of a cell that everybody sees.
pub const OUTSIDE: u64 = 10;
/// What a class of people is called whose units are too small to stand alone.
pub const OTHERS: &str = "others";

/// A line of a device's tally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it stood.
    pub site: String,
    /// The last day of the tally, `YYYY-MM-DD`.
    pub day: String,
    /// By what, words joined by `+`.
    pub by: String,
    /// Of which class, words joined by `+`.
    pub of: String,
    /// How many.
    pub n: u64,
}

/// A count that is shown, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// How many.
    Count(u64),
    /// It is hidden: it is small, or would give a small one away.
    Hidden,
}

/// A table with its margins: the last column and the last row are totals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// What its rows are: `day`, `unit`, or a class.
    pub rows_by: String,
    /// What its columns are.
    pub columns_by: String,
    /// Its rows; the last is `total`.
    pub rows: Vec<String>,
    /// Its columns; the last is `total`.
    pub columns: Vec<String>,
    /// Row by row.
    pub cells: Vec<Vec<Cell>>,
}

impl Table {
    /// A cell by the words of its row and its column.
    #[must_use]
    pub fn cell(&self, row: &str, column: &str) -> Option<Cell> {
        let at = |words: &[String], word: &str| words.iter().position(|one| one == word);
        self.cells.get(at(&self.rows, row)?)?.get(at(&self.columns, column)?).copied()
    }
}

/// What is published of a month and a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// `YYYY-MM`.
    pub month: String,
    /// The profile.
    pub profile: String,
    /// The fewest people of a cell.
    pub least: u64,
    /// How many sites told anything.
    pub sites: u64,
    /// The tables.
    pub tables: Vec<Table>,
}

impl Publication {
    /// The table of rows by columns.
    #[must_use]
    pub fn table(&self, rows_by: &str, columns_by: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.rows_by == rows_by && table.columns_by == columns_by)
    }
}

/// The word of a total.
pub const TOTAL: &str = "total";

/// A table before anything is hidden.
struct Counted {
    rows_by: String,
    columns_by: String,
    counts: BTreeMap<(String, String), u64>,
}

impl Counted {
    fn new(rows_by: &str, columns_by: &str) -> Self {
        Self { rows_by: rows_by.to_owned(), columns_by: columns_by.to_owned(), counts: BTreeMap::new() }
    }

    fn add(&mut self, row: &str, column: &str, n: u64) {
        let cell = self.counts.entry((row.to_owned(), column.to_owned())).or_default();
        *cell = cell.saturating_add(n);
    }

    fn words(&self, of: fn(&(String, String)) -> &String) -> Vec<String> {
        let words: BTreeSet<&String> = self.counts.keys().map(of).collect();
        words.into_iter().cloned().chain([TOTAL.to_owned()]).collect()
    }
}

/// All tables as one system of cells and sums.
#[derive(Default)]
struct System {
    cells: Vec<u64>,
    sums: Vec<Sum>,
}

/// Where a table lies in the system.
struct Placed {
    rows: Vec<String>,
    columns: Vec<String>,
    first: usize,
}

impl System {
    fn place(&mut self, table: &Counted) -> Placed {
        let (rows, columns) = (table.words(|key| &key.0), table.words(|key| &key.1));
        let (high, wide, first) = (rows.len() - 1, columns.len() - 1, self.cells.len());
        let at = |row: usize, column: usize| first + row * (wide + 1) + column;
        self.cells.resize(first + (high + 1) * (wide + 1), 0);
        for (r, row) in rows.iter().take(high).enumerate() {
            for (c, column) in columns.iter().take(wide).enumerate() {
                let n = table.counts.get(&(row.clone(), column.clone())).copied().unwrap_or_default();
                for place in [at(r, c), at(r, wide), at(high, c), at(high, wide)] {
                    self.cells[place] = self.cells[place].saturating_add(n);
                }
            }
        }
        for row in 0..=high {
            self.sums.push(Sum { total: at(row, wide), parts: (0..wide).map(|column| at(row, column)).collect() });
        }
        for column in 0..=wide {
            self.sums.push(Sum { total: at(high, column), parts: (0..high).map(|row| at(row, column)).collect() });
        }
        Placed { rows, columns, first }
    }
}

impl Placed {
    fn at(&self, row: &str, column: &str) -> Option<usize> {
        let place = |words: &[String], word: &str| words.iter().position(|one| one == word);
        Some(self.first + place(&self.rows, row)? * self.columns.len() + place(&self.columns, column)?)
    }
}

/// The unit that each site is counted under: one with a single site goes with others.
fn grouped(sites: &BTreeSet<&str>, units: &Units, day: &str) -> BTreeMap<String, String> {
    let own: BTreeMap<&str, String> = sites.iter().map(|site| (*site, units.of(site, day).to_owned())).collect();
    let mut many: BTreeMap<&str, usize> = BTreeMap::new();
    for unit in own.values() {
        *many.entry(unit).or_default() += 1;
    }
    let mut alone: BTreeSet<&str> = many.iter().filter(|(_, sites)| **sites < 2).map(|(unit, _)| *unit).collect();
    if alone.len() == 1 {
        // Others of one site would be that site: the smallest of the rest goes along.
        alone.extend(
            many.iter().filter(|(_, sites)| **sites >= 2).min_by_key(|(_, sites)| **sites).map(|(unit, _)| *unit),
        );
    }
    let shown = |unit: &String| if alone.contains(unit.as_str()) { OTHERS.to_owned() } else { unit.clone() };
    own.iter().map(|(site, unit)| ((*site).to_owned(), shown(unit))).collect()
}

/// Makes the tables of a month and a profile, with nothing in them that is small or gives away what is.
#[must_use]
pub fn publish((month, profile): (&str, &str), lines: &[Line], units: &Units, least: u64) -> Publication {
    let sites: BTreeSet<&str> = lines.iter().map(|line| line.site.as_str()).collect();
    let unit = grouped(&sites, units, &format!("{month}-15"));
    let mut tables = vec![
        Counted::new("day", "outcome"),
        Counted::new("day", "origin"),
        Counted::new("unit", "outcome"),
        Counted::new("unit", "origin"),
    ];
    for line in lines {
        let under = unit.get(&line.site).map_or(OTHERS, String::as_str);
        match (line.by.as_str(), line.of.split_once('+')) {
            ("outcome", _) => {
                tables[0].add(&line.day, &line.of, line.n);
                tables[2].add(under, &line.of, line.n);
            }
            ("origin", _) => {
                tables[1].add(&line.day, &line.of, line.n);
                tables[3].add(under, &line.of, line.n);
            }
            (by, of) => {
                let (rows_by, columns_by) = by.split_once('+').unwrap_or(("all", by));
                let (row, column) = of.unwrap_or(("all", &line.of));
                let found = tables.iter().position(|table| table.rows_by == rows_by && table.columns_by == columns_by);
                let at = found.unwrap_or_else(|| {
                    tables.push(Counted::new(rows_by, columns_by));
                    tables.len() - 1
                });
                tables[at].add(row, column, line.n);
            }
        }
    }
    tables.retain(|table| !table.counts.is_empty());
    let mut system = System::default();
    let placed: Vec<Placed> = tables.iter().map(|table| system.place(table)).collect();
    link(&mut system, &tables, &placed);
    let hidden = hide(&system.cells, &system.sums, least);
    let shown = |place: usize| if hidden[place] { Cell::Hidden } else { Cell::Count(system.cells[place]) };
    let made = tables.iter().zip(&placed).map(|(table, place)| {
        let wide = place.columns.len();
        let row = |row: usize| (0..wide).map(|column| shown(place.first + row * wide + column)).collect();
        Table {
            rows_by: table.rows_by.clone(),
            columns_by: table.columns_by.clone(),
            rows: place.rows.clone(),
            columns: place.columns.clone(),
            cells: (0..place.rows.len()).map(row).collect(),
        }
    });
    Publication {
        month: month.to_owned(),
        profile: profile.to_owned(),
        least,
        sites: sites.len() as u64,
        tables: made.collect(),
    }
}

/// Sums that are the same in several tables are so to everybody: the number of people, those of each class, those turned away. They are
/// one wherever they are the same number, as whoever reads them would take them to be.
fn link(system: &mut System, tables: &[Counted], placed: &[Placed]) {
    let mut same: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (table, place) in tables.iter().zip(placed) {
        for column in &place.columns {
            let word = if column == TOTAL { "people" } else { table.columns_by.as_str() };
            let key = match (table.columns_by.as_str(), column.as_str()) {
                ("refusal", TOTAL) => ("outcome".to_owned(), "refused".to_owned()),
                _ => (word.to_owned(), column.clone()),
            };
            same.entry(key).or_default().extend(place.at(TOTAL, column));
        }
        // The rows of days and units, where two tables have them.
        for row in place.rows.iter().filter(|row| *row != TOTAL) {
            same.entry((format!("row {}", table.rows_by), row.clone())).or_default().extend(place.at(row, TOTAL));
        }
    }
    for places in same.values() {
        for (at, place) in places.iter().enumerate() {
            let equal = |other: &&usize| system.cells[**other] == system.cells[*place];
            if let Some(other) = places[at + 1..].iter().find(equal) {
                system.sums.push(Sum { total: *place, parts: vec![*other] });
            }
        }
    }
}

/// The month before the one of a day, where it may be published on that day: `YYYY-MM-DD` to `YYYY-MM`. And those before it.
#[must_use]
pub fn is_closed(month: &str, today: &str) -> bool {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<i64>().ok());
    let parts = |text: &str| {
        let mut parts = text.split('-');
        Some((number(parts.next())?, number(parts.next())?, number(parts.next())))
    };
    let (Some((year, month, _)), Some((this_year, this_month, Some(day)))) = (parts(month), parts(today)) else {
        return false;
    };
    let after = (this_year * 12 + this_month) - (year * 12 + month);
    after > 1 || (after == 1 && day > CLOSED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(site: &str, day: u64, by: &str, of: &str, n: u64) -> Line {
        Line { site: site.to_owned(), day: format!("2026-10-{day:02}"), by: by.to_owned(), of: of.to_owned(), n }
    }

    fn units() -> Units {
        Units::parse("site,unit,province,from,until\nA,Mỹ Tho,82,2025-07-01,\nB,Mỹ Tho,82,2025-07-01,\nC,Cao Lãnh,82,2025-07-01,\n")
            .expect("units")
    }

    #[test]
    fn a_publication_adds_up_and_shows_what_is_large() {
        let lines = [
            line("A", 1, "outcome", "done", 40),
            line("B", 1, "outcome", "done", 30),
            line("B", 2, "outcome", "done", 20),
            line("C", 2, "outcome", "done", 25),
            line("A", 1, "age+sex", "18-29+f", 40),
        ];
        let made = publish(("2026-10", "lodging"), &lines, &units(), INSIDE);
        let days = made.table("day", "outcome").expect("a table");
        assert_eq!(days.cell("2026-10-01", "done"), Some(Cell::Count(70)));
        assert_eq!(days.cell(TOTAL, TOTAL), Some(Cell::Count(115)));
        assert_eq!(made.table("age", "sex").and_then(|table| table.cell("18-29", "f")), Some(Cell::Count(40)));
        assert_eq!(made.sites, 3);
    }

    #[test]
    fn a_unit_of_one_site_never_stands_alone() {
        let lines = [
            line("A", 1, "outcome", "done", 40),
            line("B", 1, "outcome", "done", 30),
            line("C", 1, "outcome", "done", 25),
        ];
        let made = publish(("2026-10", "lodging"), &lines, &units(), INSIDE);
        let table = made.table("unit", "outcome").expect("a table");
        assert_eq!(table.rows, [OTHERS, TOTAL], "one other unit went with it");
        let more = [line("D", 1, "outcome", "done", 25), line("E", 1, "outcome", "done", 25)];
        let made = publish(("2026-10", "lodging"), &[&lines[..], &more[..]].concat(), &units(), INSIDE);
        assert_eq!(made.table("unit", "outcome").expect("a table").rows.len(), 3, "sites of no known unit are one");
    }

    #[test]
    fn what_one_table_hides_no_other_table_of_the_publication_gives_away() {
        // Three foreigners: in the table by day, in that by unit, and in the totals of both.
        let mut lines = vec![line("A", 1, "origin", "foreign", 3)];
        for (site, day, n) in [("A", 1, 40), ("B", 2, 50), ("C", 3, 60)] {
            lines.push(line(site, day, "origin", "domestic", n));
            let extra = if site == "A" { 3 } else { 0 };
            lines.push(line(site, day, "outcome", "done", n + extra));
        }
        let made = publish(("2026-10", "lodging"), &lines, &units(), INSIDE);
        for table in made.tables.iter().filter(|table| table.columns_by == "origin") {
            let column =
                |word: &str| table.rows.iter().map(|row| table.cell(row, word).expect("a cell")).collect::<Vec<_>>();
            assert!(!column("foreign").contains(&Cell::Count(3)), "{table:?}");
            assert_eq!(table.cell(TOTAL, "domestic"), Some(Cell::Hidden), "the rest would tell: {table:?}");
        }
    }

    #[test]
    fn a_month_is_closed_some_days_after_its_end() {
        let closed = |today: &str| is_closed("2026-12", today);
        assert_eq!(
            ["2026-12-31", "2027-01-05", "2027-01-06", "2027-02-01", "2026-11-30", "x"].map(closed),
            [false, false, true, true, false, false]
        );
        assert!(!is_closed("", "2027-01-06") && is_closed("2026-11", "2027-01-01"));
    }

    /// All cells of a publication, and whether each is hidden.
    fn all(made: &Publication) -> impl Iterator<Item = Cell> + '_ {
        made.tables.iter().flat_map(|table| table.cells.iter().flatten().copied())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn no_small_count_is_shown_and_a_person_more_or_less_shows_nowhere_small(
            counts in proptest::collection::vec((0_usize..3, 1_u64..4, 0_usize..2, 0_u64..9), 1..14),
            least in prop_oneof![Just(INSIDE), Just(OUTSIDE)],
        ) {
            let mut lines = Vec::new();
            for (site, day, origin, n) in counts.iter().filter(|count| count.3 > 0) {
                let site = ["A", "B", "C"][*site];
                lines.push(line(site, *day, "origin", ["domestic", "foreign"][*origin], *n));
                lines.push(line(site, *day, "outcome", "done", *n));
                lines.push(line(site, *day, "age", ["0-13", "60+"][*origin], *n));
            }
            let made = publish(("2026-10", "lodging"), &lines, &units(), least);
            for cell in all(&made) {
                if let Cell::Count(n) = cell {
                    prop_assert!(n == 0 || n >= least, "{n} in {made:?}");
                }
            }
            // Whoever reads the open tables has the same words as whoever reads those inside.
            let text = serde_json::to_string(&made).expect("JSON");
            let back: Publication = serde_json::from_str(&text).expect("the same");
            prop_assert_eq!(back, made);
        }
    }
}
