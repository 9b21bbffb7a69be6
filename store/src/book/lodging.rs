//! The files for the police portal: what was made, what it took, what is due.
//!
//! The portal answers "success" to a file of which it took nothing (`docs/lodging.md`), so a batch counts as reported
//! only when somebody has typed back how many the portal shows, and the number is that of the file.

use crate::book::{Book, BookError, Record, failed};
use program::Failure;
use rusqlite::{Transaction, params};
use serde::Serialize;
use std::collections::BTreeSet;
use visit::group::is_citizen;
use visit::profile::Item;

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
    /// The file that was made in place of it.
    pub replaced_by: Option<i64>,
    /// Whether somebody in it was changed or withdrawn since it was made.
    pub stale: bool,
}

/// Somebody of whom the portal has not confirmed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// When they came, seconds since 1970.
    pub at: i64,
    /// The file that they are in.
    pub batch: Option<i64>,
    /// Whether they are a citizen of Vietnam.
    pub citizen: bool,
}

const DAY: i64 = 86_400;

impl Book {
    /// Of whom the portal has not confirmed anything: when they came, the file that they are in, and whether the law on citizens is
    /// theirs. It says nothing of who they are.
    ///
    /// # Errors
    /// When the database fails, or a record does not open.
    pub fn unreported(&self, profile: &str) -> Result<Vec<Owed>, BookError> {
        let failed = failed("count who is not reported");
        let query = "SELECT record.rowid, CASE WHEN taken = 0 THEN NULL ELSE batch END FROM record
                     LEFT JOIN stand ON stand.record = record.id LEFT JOIN batch ON batch.id = record.batch
                     WHERE profile = ?1 AND withdrawn_at IS NULL AND confirmed_at IS NULL ORDER BY record.at";
        let _moment = self.moment()?;
        let mut statement = self.connection.prepare(query).map_err(&failed)?;
        let rows = statement.query_map([profile], |row| Ok((row.get(0)?, row.get(1)?))).map_err(&failed)?;
        let rows: Vec<(i64, Option<i64>)> = rows.collect::<Result<_, _>>().map_err(&failed)?;
        let owed = rows.into_iter().filter_map(|(row, batch)| {
            let owed = self.record(row).map(|record| {
                record.map(|Record { at, content, .. }| {
                    let nationality = content.items.get(&Item::Nationality).map(|text| text.as_str());
                    Owed { at, batch, citizen: is_citizen(content.source, nationality) }
                })
            });
            owed.transpose()
        });
        owed.collect()
    }

    /// Notes a file with these people in it. A file that they were in before, and that nobody confirmed, is replaced by it; where
    /// others stay in that file and the portal showed as many as they are, that file is confirmed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn add_batch(&mut self, kind: &str, records: &[&Record], keep_days: u32, now: i64) -> Result<Batch, BookError> {
        let failed = failed("note a file for the portal");
        let transaction = self.begin("note a file for the portal")?;
        let made = records.len() as u64;
        let insert = "INSERT INTO batch (kind, at, made) VALUES (?1, ?2, ?3)";
        transaction.execute(insert, params![kind, now, i64::try_from(made).unwrap_or(i64::MAX)]).map_err(&failed)?;
        let id = transaction.last_insert_rowid();
        for record in records {
            let update = "UPDATE record SET batch = ?2 WHERE id = ?1";
            transaction.execute(update, params![record.id, id]).map_err(&failed)?;
            // What is in the file is what was read: who was changed meanwhile is not as filed.
            let update = "INSERT INTO stand (record, version, filed) VALUES (?1, ?2, ?2)
                          ON CONFLICT (record) DO UPDATE SET filed = ?2";
            let version = i64::try_from(record.version).unwrap_or(i64::MAX);
            transaction.execute(update, params![record.id, version]).map_err(&failed)?;
        }
        let before: BTreeSet<i64> = records.iter().filter_map(|record| record.batch).collect();
        for old in before {
            left_behind(&transaction, old, id, now + i64::from(keep_days) * DAY, now).map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)?;
        let kind = kind.to_owned();
        Ok(Batch { id, kind, at: now, made, taken: None, confirmed_at: None, replaced_by: None, stale: false })
    }

    /// Files, latest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn batches(&self) -> Result<Vec<Batch>, BookError> {
        let failed = failed("read the files for the portal");
        let query = "SELECT id, kind, at, made, taken, confirmed_at, replaced_by,
                     confirmed_at IS NULL AND EXISTS (SELECT 1 FROM record JOIN stand ON stand.record = record.id
                         WHERE record.batch = batch.id AND filed IS NOT version)
                     FROM batch ORDER BY id DESC LIMIT 100";
        let mut statement = self.connection.prepare(query).map_err(&failed)?;
        let rows = statement.query_map([], |row| {
            Ok(Batch {
                id: row.get(0)?,
                kind: row.get(1)?,
                at: row.get(2)?,
                made: row.get::<_, i64>(3)?.unsigned_abs(),
                taken: row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs),
                confirmed_at: row.get(5)?,
                replaced_by: row.get(6)?,
                stale: row.get(7)?,
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
        if let Some(by) = batch.replaced_by {
            let message = format!("file {by} was made in place of this one");
            return Err(Failure::usage("batch_replaced", message, "compare the newer file with the portal"));
        }
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
}

/// What becomes of a file some of whose people went into another one.
fn left_behind(transaction: &Transaction<'_>, old: i64, new: i64, erase_at: i64, now: i64) -> rusqlite::Result<()> {
    let query = "SELECT count(*), coalesce(sum(withdrawn_at IS NULL), 0) FROM record
                 LEFT JOIN stand ON stand.record = record.id WHERE batch = ?1";
    let (all, stay): (i64, i64) = transaction.query_row(query, [old], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if stay == 0 {
        // Who is withdrawn was in it, and is in no file from now on.
        let update = "UPDATE stand SET filed = NULL WHERE record IN (SELECT id FROM record WHERE batch = ?1)";
        transaction.execute(update, [old])?;
        transaction.execute("UPDATE record SET batch = NULL WHERE batch = ?1", [old])?;
        transaction.execute("UPDATE batch SET replaced_by = ?2 WHERE id = ?1", params![old, new])?;
        return Ok(());
    }
    let update = "UPDATE batch SET made = ?2, confirmed_at = CASE WHEN taken = ?2 THEN ?3 END WHERE id = ?1";
    transaction.execute(update, params![old, all, now])?;
    let update = "UPDATE record SET erase_at = ?2 WHERE batch = ?1
                  AND batch IN (SELECT id FROM batch WHERE confirmed_at IS NOT NULL)";
    transaction.execute(update, params![old, erase_at])?;
    Ok(())
}
