//! Parties, check-out, and the files for the police portal: what was made, what it took, what is due.
//!
//! The portal answers "success" to a file of which it took nothing (`docs/lodging.md`), so a batch counts as reported
//! only when somebody has typed back how many the portal shows, and the number is that of the file.

use crate::book::{Book, BookError, Record, failed};
use program::Failure;
use rusqlite::params;
use serde::Serialize;

/// A file that was made for the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Batch {
    /// Its number.
    pub id: i64,
    /// `xlsx` for citizens, `xml` for foreigners.
    pub kind: String,
    /// When, seconds since 1970.
    pub at: i64,
    /// People in it.
    pub made: u64,
    /// How many the portal shows, once somebody has looked.
    pub taken: Option<u64>,
    /// When the numbers were the same.
    pub confirmed_at: Option<i64>,
}

const DAY: i64 = 86_400;

impl Book {
    /// Of whom the portal has not confirmed anything: when they came, and the file that they are in. It says nothing of who
    /// they are.
    ///
    /// # Errors
    /// When the database fails.
    pub fn unreported(&self, profile: &str) -> Result<Vec<(i64, Option<i64>)>, BookError> {
        let failed = failed("count who is not reported");
        let query = "SELECT at, batch FROM record WHERE profile = ?1
                     AND (batch IS NULL OR batch IN (SELECT id FROM batch WHERE confirmed_at IS NULL)) ORDER BY at";
        let mut statement = self.connection.prepare(query).map_err(&failed)?;
        let rows = statement.query_map([profile], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.map_err(&failed)?.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Notes a file with these people in it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn add_batch(&mut self, kind: &str, records: &[&Record], now: i64) -> Result<Batch, BookError> {
        let failed = failed("note a file for the portal");
        let transaction = self.begin("note a file for the portal")?;
        let made = records.len() as u64;
        let insert = "INSERT INTO batch (kind, at, made) VALUES (?1, ?2, ?3)";
        transaction.execute(insert, params![kind, now, i64::try_from(made).unwrap_or(i64::MAX)]).map_err(&failed)?;
        let id = transaction.last_insert_rowid();
        for record in records {
            let update = "UPDATE record SET batch = ?2 WHERE id = ?1";
            transaction.execute(update, params![record.id, id]).map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)?;
        Ok(Batch { id, kind: kind.to_owned(), at: now, made, taken: None, confirmed_at: None })
    }

    /// Files, latest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn batches(&self) -> Result<Vec<Batch>, BookError> {
        let failed = failed("read the files for the portal");
        let query = "SELECT id, kind, at, made, taken, confirmed_at FROM batch ORDER BY id DESC LIMIT 100";
        let mut statement = self.connection.prepare(query).map_err(&failed)?;
        let rows = statement.query_map([], |row| {
            Ok(Batch {
                id: row.get(0)?,
                kind: row.get(1)?,
                at: row.get(2)?,
                made: row.get::<_, i64>(3)?.unsigned_abs(),
                taken: row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs),
                confirmed_at: row.get(5)?,
            })
        });
        rows.map_err(&failed)?.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Somebody has looked: the portal shows this many. Equal numbers confirm the file, and the clock of retention of
    /// its people starts (`keep_days`). Other numbers leave it open.
    ///
    /// # Errors
    /// `batch_unknown`, `batch_differs`; when the database fails.
    pub fn reconcile(&mut self, id: i64, taken: u64, keep_days: u32, now: i64) -> Result<Batch, Failure> {
        let failed = failed("reconcile a file");
        let Some(batch) = self.batches()?.into_iter().find(|batch| batch.id == id) else {
            let message = format!("there is no file {id}");
            return Err(Failure::usage("batch_unknown", message, "choose a file from the list"));
        };
        let matches = batch.made == taken;
        let transaction = self.begin("reconcile a file")?;
        let update = "UPDATE batch SET taken = ?2, confirmed_at = ?3 WHERE id = ?1";
        let confirmed_at = matches.then_some(now);
        let shown = i64::try_from(taken).unwrap_or(i64::MAX);
        transaction.execute(update, params![id, shown, confirmed_at]).map_err(&failed)?;
        if matches {
            let erase_at = now + i64::from(keep_days) * DAY;
            let update = "UPDATE record SET erase_at = ?2 WHERE batch = ?1";
            transaction.execute(update, params![id, erase_at]).map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)?;
        if !matches {
            let message = format!("the file has {} people, the portal shows {taken}", batch.made);
            let remedy =
                "see on the portal who is missing, mend it there or make the file again; it does not count as sent";
            return Err(Failure::usage("batch_differs", message, remedy));
        }
        Ok(Batch { taken: Some(taken), confirmed_at, ..batch })
    }

    /// Notes that the people of a party, or one person, have left; how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn check_out(&self, party_or_record: &str, now: i64) -> Result<u64, BookError> {
        let update = "UPDATE record SET gone_at = ?2 WHERE (party = ?1 OR id = ?1) AND gone_at IS NULL";
        let done = self.connection.execute(update, params![party_or_record, now]).map_err(failed("check out"))?;
        Ok(done as u64)
    }
}
