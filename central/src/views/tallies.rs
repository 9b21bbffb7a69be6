//! What devices counted, in the pages' database: a line of each tally, and what was published, as it was.

use super::index::Index;
use crate::figures::units::Units;
use crate::figures::{Line, Publication, is_closed, publish};
use crate::store::StoreError;
use events::Tally;
use rusqlite::{Connection, OptionalExtension as _, params};

pub(super) const SCHEMA: &str = "
    CREATE TABLE tally (
        device TEXT NOT NULL, sequence INTEGER NOT NULL, site TEXT NOT NULL, profile TEXT NOT NULL, day TEXT NOT NULL,
        counted TEXT NOT NULL, of TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (device, sequence, counted, of)) STRICT, WITHOUT ROWID;
    CREATE INDEX tally_month ON tally (profile, day);
    CREATE TABLE published (
        month TEXT NOT NULL, profile TEXT NOT NULL, least INTEGER NOT NULL, at INTEGER NOT NULL, said TEXT NOT NULL,
        PRIMARY KEY (month, profile, least)) STRICT, WITHOUT ROWID;
";

fn failed(operation: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { operation, source }
}

/// Keeps the lines of a tally.
pub(super) fn keep(
    connection: &Connection,
    (device, sequence, site): (&str, i64, &str),
    tally: &Tally,
) -> rusqlite::Result<()> {
    let insert = "INSERT OR IGNORE INTO tally (device, sequence, site, profile, day, counted, of, n)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let mut insert = connection.prepare_cached(insert)?;
    for table in &tally.tables {
        let by = table.by.iter().map(|by| by.code()).collect::<Vec<_>>().join("+");
        for row in &table.rows {
            // A class may end in a plus sign; the words are joined by one that no class has.
            let of = row.of.iter().map(|word| word.replace('+', "")).collect::<Vec<_>>().join("+");
            let n = i64::try_from(row.n).unwrap_or(i64::MAX);
            insert.execute(params![device, sequence, site, tally.profile, tally.to, by, of, n])?;
        }
    }
    Ok(())
}

impl Index {
    /// Publishes every month that is over and was not published, and says all that were, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn publications(
        &self,
        (today, now): (&str, i64),
        units: &Units,
        least: u64,
    ) -> Result<Vec<Publication>, StoreError> {
        let failed = failed("publish figures");
        let connection = self.lock();
        let open: Vec<(String, String)> = {
            let query = "SELECT DISTINCT substr(day, 1, 7) AS month, profile FROM tally
                         WHERE NOT EXISTS (SELECT 1 FROM published WHERE published.month = substr(day, 1, 7)
                                           AND published.profile = tally.profile AND least = ?1)";
            let mut statement = connection.prepare_cached(query).map_err(&failed)?;
            let rows = statement.query_map([least.min(1000) as i64], |row| Ok((row.get(0)?, row.get(1)?)));
            rows.and_then(Iterator::collect).map_err(&failed)?
        };
        for (month, profile) in open.iter().filter(|(month, _)| is_closed(month, today)) {
            let lines = lines(&connection, month, profile).map_err(&failed)?;
            let said = serde_json::to_string(&publish((month, profile), &lines, units, least)).unwrap_or_default();
            let insert =
                "INSERT OR IGNORE INTO published (month, profile, least, at, said) VALUES (?1, ?2, ?3, ?4, ?5)";
            connection.execute(insert, params![month, profile, least.min(1000) as i64, now, said]).map_err(&failed)?;
        }
        let query = "SELECT said FROM published WHERE least = ?1 ORDER BY month DESC, profile";
        let mut statement = connection.prepare_cached(query).map_err(&failed)?;
        let rows = statement.query_map([least.min(1000) as i64], |row| row.get::<_, String>(0));
        let rows: Vec<String> = rows.and_then(Iterator::collect).map_err(&failed)?;
        // What cannot be read is not shown: nobody guesses what it was.
        Ok(rows.iter().filter_map(|said| serde_json::from_str(said).ok()).collect())
    }

    /// How many people were counted that are in no publication yet: of months that go on, or that came late.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tallied_until(&self) -> Result<Option<String>, StoreError> {
        let query = "SELECT max(day) FROM tally";
        self.lock()
            .query_row(query, [], |row| row.get(0))
            .optional()
            .map(Option::flatten)
            .map_err(failed("read figures"))
    }
}

fn lines(connection: &Connection, month: &str, profile: &str) -> rusqlite::Result<Vec<Line>> {
    let query = "SELECT site, day, counted, of, sum(n) FROM tally WHERE profile = ?2 AND substr(day, 1, 7) = ?1
                 GROUP BY site, day, counted, of";
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_map([month, profile], |row| {
        let n = row.get::<_, i64>(4)?.unsigned_abs();
        Ok(Line { site: row.get(0)?, day: row.get(1)?, by: row.get(2)?, of: row.get(3)?, n })
    })?;
    rows.collect()
}
