//! Sums over coarse classes, by day and profile, until a tally tells them. They are sealed; of whom they are is in nothing.
//!
//! **Small days.** A tally is about [`LEAST`] people or more: a day with fewer is told together with the days behind it. What has
//! waited for [`LONGEST`] days is told all the same, by outcome alone: how many there were, and no class of anybody.

use super::days::Days;
use super::{Book, BookError, add_note, failed};
use events::Body;
use events::tally::{Counted, Row, Table, Tally};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use visit::tally::Cell;

/// The fewest people that a tally with classes is about.
pub const LEAST: u64 = 5;
/// Untold after which few are told, too.
pub const LONGEST: i64 = 31;

/// The rows of a table as they are kept.
type Counts = Vec<(Vec<String>, u64)>;
/// The same in the order in which they are told.
type Rows = BTreeMap<Vec<String>, u64>;

/// What one day has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Day(Vec<(Vec<Counted>, Counts)>);

impl Day {
    fn add(&mut self, by: &[Counted], of: &[String], n: u64) {
        let at = self.0.iter().position(|(own, _)| own == by).unwrap_or_else(|| {
            self.0.push((by.to_vec(), Vec::new()));
            self.0.len() - 1
        });
        if let Some((_, rows)) = self.0.get_mut(at) {
            match rows.iter_mut().find(|(own, _)| own == of) {
                Some((_, count)) => *count = count.saturating_add(n),
                None => rows.push((of.to_vec(), n)),
            }
        }
    }

    fn take_in(&mut self, other: &Self) {
        for (by, rows) in &other.0 {
            for (of, n) in rows {
                self.add(by, of, *n);
            }
        }
    }

    fn people(&self) -> u64 {
        let by_outcome = self.0.iter().find(|(by, _)| by == &[Counted::Outcome]);
        by_outcome.map_or(0, |(_, rows)| rows.iter().map(|(_, n)| n).sum())
    }

    /// As it is told: by outcome alone where there were few.
    fn tally(&self, profile: &str, from: &str, to: &str) -> Tally {
        let few = self.people() < LEAST;
        let told = self.0.iter().filter(|(by, _)| !few || by == &[Counted::Outcome]);
        let table = |(by, rows): &(Vec<Counted>, Counts)| {
            let rows: Rows = rows.iter().cloned().collect();
            Table { by: by.clone(), rows: rows.into_iter().map(|(of, n)| Row { n, of }).collect() }
        };
        let (profile, from, to) = (profile.to_owned(), from.to_owned(), to.to_owned());
        Tally { to, from, tables: told.map(table).collect(), profile }
    }
}

/// The days that were not told yet, `YYYY-MM-DD`.
type Untold = BTreeMap<String, Day>;

const PREFIX: &str = "figures/";

fn untold(connection: &Connection, keys: &Days, name: &str) -> Result<Untold, BookError> {
    match super::lists::setting(connection, keys, name) {
        Ok(plain) => Ok(plain.and_then(|plain| serde_json::from_slice(&plain).ok()).unwrap_or_default()),
        // Sums that do not open are lost; nobody is turned away for that.
        Err(BookError::Sealed(_)) => Ok(Untold::default()),
        Err(error) => Err(error),
    }
}

fn put(connection: &Connection, keys: &Days, name: &str, days: &Untold) -> Result<(), BookError> {
    if days.is_empty() {
        let failed = failed("keep what was counted");
        return connection.execute("DELETE FROM setting WHERE name = ?1", [name]).map(drop).map_err(failed);
    }
    super::lists::set(connection, keys, name, &visit::content::to_json(days))
}

/// Counts one visit, in the transaction of the visit.
pub(super) fn count(
    connection: &Connection,
    keys: &Days,
    profile: &str,
    day: &str,
    cells: &[Cell],
) -> Result<(), BookError> {
    if cells.is_empty() {
        return Ok(());
    }
    let name = format!("{PREFIX}{profile}");
    let mut days = untold(connection, keys, &name)?;
    let own = days.entry(day.to_owned()).or_default();
    for cell in cells {
        own.add(&cell.by, &cell.of, 1);
    }
    put(connection, keys, &name, &days)
}

impl Book {
    /// Tells what was counted on days before `today`, with an event for each tally; how many. `waited` is the day [`LONGEST`] days
    /// ago.
    ///
    /// # Errors
    /// When the database fails; nothing was told then.
    pub fn tell_tallies(&mut self, today: &str, waited: &str) -> Result<u64, BookError> {
        let failed = failed("tell what was counted");
        let transaction = self.begin("tell what was counted")?;
        let names: Vec<String> = {
            let query = "SELECT name FROM setting WHERE name >= ?1 AND name < 'figures0' ORDER BY name";
            let mut statement = transaction.prepare(query).map_err(&failed)?;
            let rows = statement.query_map([PREFIX], |row| row.get(0));
            rows.and_then(Iterator::collect).map_err(&failed)?
        };
        let mut told = 0;
        for name in names {
            let profile = name.trim_start_matches(PREFIX).to_owned();
            let all = untold(&transaction, &self.days, &name)?;
            let mut left = Untold::new();
            let mut sum = Day::default();
            let mut from: Option<String> = None;
            let mut together = Untold::new();
            for (day, own) in &all {
                if day.as_str() >= today {
                    left.insert(day.clone(), own.clone());
                    continue;
                }
                let first = from.get_or_insert_with(|| day.clone()).clone();
                sum.take_in(own);
                together.insert(day.clone(), own.clone());
                if sum.people() >= LEAST || first.as_str() < waited {
                    add_note(&transaction, &Body::Tally(sum.tally(&profile, &first, day))).map_err(&failed)?;
                    told += 1;
                    (sum, from) = (Day::default(), None);
                    together.clear();
                }
            }
            left.extend(together);
            if left != all {
                put(&transaction, &self.days, &name, &left)?;
            }
        }
        transaction.commit().map_err(&failed)?;
        Ok(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Served;
    use crate::book::seal::Seal;

    fn cell(by: &[Counted], of: &[&str]) -> Cell {
        Cell { by: by.to_vec(), of: of.iter().map(|word| (*word).to_owned()).collect() }
    }

    fn end(book: &Book, day: &str, sex: &str) {
        let note =
            Body::Erasure(events::Erasure { why: String::new(), count: 0, profile: String::new(), subject: None });
        let cells = [cell(&[Counted::Outcome], &["cancelled"]), cell(&[Counted::Sex], &[sex])];
        book.ended("lodging", None, &Served::default(), &note, (day, 0), &cells).expect("noted");
    }

    fn book() -> Book {
        Book::in_memory(Seal::new(zeroize::Zeroizing::new([7; 32]))).expect("book")
    }

    /// The tallies among the notes, which are taken away.
    fn tallies(book: &mut Book) -> Vec<Tally> {
        let mut out = Vec::new();
        while let Some((row, _, body)) = book.next_note().expect("notes") {
            if let Body::Tally(tally) = body {
                assert!(tally.is_whole(), "{tally:?}");
                out.push(tally);
            }
            book.noted(row).expect("taken");
        }
        out
    }

    #[test]
    fn a_day_is_told_once_and_only_when_it_is_over() {
        let mut book = book();
        for sex in ["f", "f", "m", "m", "m", "m"] {
            end(&book, "2026-11-28", sex);
        }
        assert_eq!(book.tell_tallies("2026-11-28", "2026-10-28").expect("told"), 0, "it goes on");
        assert_eq!(book.tell_tallies("2026-11-29", "2026-10-29").expect("told"), 1);
        assert_eq!(book.tell_tallies("2026-11-29", "2026-10-29").expect("told"), 0);
        let told = tallies(&mut book);
        let by_sex = told[0].tables.iter().find(|table| table.by == [Counted::Sex]).expect("a table");
        assert_eq!(by_sex.rows.iter().map(|row| (row.of[0].as_str(), row.n)).collect::<Vec<_>>(), [("f", 2), ("m", 4)]);
        assert_eq!((told[0].from.as_str(), told[0].to.as_str(), told[0].all()), ("2026-11-28", "2026-11-28", 6));
    }

    #[test]
    fn a_small_day_waits_for_others_and_no_class_of_a_few_is_ever_told() {
        let mut book = book();
        for day in ["2026-11-20", "2026-11-22"] {
            end(&book, day, "f");
            end(&book, day, "m");
        }
        assert_eq!(book.tell_tallies("2026-11-29", "2026-10-29").expect("told"), 0, "four are few");
        end(&book, "2026-11-24", "f");
        assert_eq!(book.tell_tallies("2026-11-29", "2026-10-29").expect("told"), 1);
        let told = tallies(&mut book);
        assert_eq!((told[0].from.as_str(), told[0].to.as_str(), told[0].all()), ("2026-11-20", "2026-11-24", 5));
        end(&book, "2026-11-25", "m");
        assert_eq!(book.tell_tallies("2026-12-27", "2026-11-26").expect("told"), 1, "it has waited for long");
        let told = tallies(&mut book);
        assert_eq!(told[0].tables.iter().map(|table| table.by.clone()).collect::<Vec<_>>(), [vec![Counted::Outcome]]);
    }

    #[test]
    fn what_is_on_the_disk_names_no_class_and_what_does_not_open_turns_nobody_away() {
        let mut book = book();
        end(&book, "2026-11-28", "f");
        let sealed: Vec<u8> = book
            .connection
            .query_row("SELECT value FROM setting WHERE name = 'figures/lodging'", [], |row| row.get(0))
            .expect("sums");
        assert!(!sealed.windows(3).any(|part| part == b"sex"));
        book.connection.execute("UPDATE setting SET value = x'00'", []).expect("damaged");
        end(&book, "2026-11-28", "f");
        assert_eq!(book.tell_tallies("2026-12-29", "2026-12-28").expect("told"), 1);
        assert_eq!(tallies(&mut book)[0].all(), 1);
    }
}
