//! What was done, without whose it was: figures by day for whoever answers for a place, and what one shift leaves to the next.
//!
//! A row of the tally says when a visit ended, how, by whom of staff and how long it took. It names nobody who was served, so it
//! stays when their record goes, and goes itself after [`DAYS`].

use crate::book::changes::Doing;
use crate::book::days::Kind;
use crate::book::rows::{Portal, Served, Shown, stand};
use crate::book::{Book, BookError, add_note, failed};
use events::chain::Class;
use events::{Act, Body, Handover};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use visit::steps::Refusal;

/// Days for which a tally is kept: a year can be compared with the one before.
pub const DAYS: i64 = 800;

/// A visit that ended, or an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Counts up with each of them.
    pub id: i64,
    /// The day in Vietnam.
    pub day: String,
    /// When, seconds since 1970.
    pub at: i64,
    /// `done`, `refused`, `cancelled`; `corrected`, `withdrawn`.
    pub result: String,
    /// Why: a stable code.
    pub why: Option<String>,
    /// Who of staff; empty where it is not known.
    pub staff: String,
    /// Seconds from begin to end.
    pub took: Option<i64>,
}

/// How many records of a profile there are of each kind; what stands in the clear says it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Came today.
    pub today: u64,
    /// Have not gone.
    pub here: u64,
    /// Went today.
    pub gone_today: u64,
    /// Are in no file for the portal.
    pub unsent: u64,
    /// Are in a file that nobody has confirmed.
    pub in_file: u64,
    /// Were changed since that file was made.
    pub stale: u64,
    /// Are to be corrected at the portal.
    pub correct: u64,
    /// Are withdrawn.
    pub withdrawn: u64,
}

/// What one shift left to the next: sealed, with what somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// Its number, from 1.
    #[serde(skip)]
    pub number: i64,
    /// When it was closed.
    pub at: i64,
    /// Since when.
    pub since: i64,
    /// The last of what was counted in it: a second may hold what was done before and after.
    pub counted: i64,
    /// Who handed over.
    pub by: String,
    /// Who took over, if anybody did.
    pub to: Option<String>,
    /// What they were told.
    pub note: Option<program::Text>,
    /// What stood on the paper.
    pub lines: Vec<String>,
}

pub(super) fn count(
    connection: &Connection,
    profile: &str,
    (day, at): (&str, i64),
    (result, why): (&str, Option<&str>),
    served: &Served,
) -> rusqlite::Result<()> {
    let insert = "INSERT INTO tally (profile, day, at, result, why, staff, took) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let staff = served.staff.as_deref().unwrap_or_default();
    connection.execute(insert, params![profile, day, at, result, why, staff, served.took])?;
    Ok(())
}

pub(super) fn count_act(connection: &Connection, profile: &str, doing: &Doing<'_>, act: Act) -> rusqlite::Result<()> {
    let served = Served { staff: Some(doing.by.to_owned()), took: None };
    count(connection, profile, (doing.day, doing.at), (act.code(), doing.why), &served)
}

pub(super) fn expire(connection: &Connection, now: i64) -> rusqlite::Result<()> {
    for table in ["tally", "shift"] {
        connection.execute(&format!("DELETE FROM {table} WHERE at <= ?1"), [now - DAYS * 86_400])?;
    }
    Ok(())
}

impl Book {
    /// Notes that a visit ended without being kept, with its event.
    ///
    /// # Errors
    /// When the database fails.
    pub fn ended(
        &self,
        profile: &str,
        why: Option<Refusal>,
        served: &Served,
        note: &Body,
        (day, now): (&str, i64),
        counts: &[visit::tally::Cell],
    ) -> Result<(), BookError> {
        let failed = failed("note the end of a visit");
        let transaction = self.connection.unchecked_transaction().map_err(&failed)?;
        let result = if why.is_some() { "refused" } else { "cancelled" };
        count(&transaction, profile, (day, now), (result, why.map(Refusal::code)), served).map_err(&failed)?;
        super::figures::count(&transaction, &self.days, profile, day, counts)?;
        add_note(&transaction, note).map_err(&failed)?;
        transaction.commit().map_err(&failed)
    }

    /// What was done on these days, `YYYY-MM-DD`, the first and the last, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn counted(&self, profile: &str, from: &str, to: &str) -> Result<Vec<Counted>, BookError> {
        let failed = failed("read the tally");
        let query = "SELECT id, day, at, result, why, staff, took FROM tally
                     WHERE profile = ?1 AND day >= ?2 AND day <= ?3 ORDER BY id";
        let mut statement = self.connection.prepare(query).map_err(&failed)?;
        let rows = statement.query_map([profile, from, to], |row| {
            Ok(Counted {
                id: row.get(0)?,
                day: row.get(1)?,
                at: row.get(2)?,
                result: row.get(3)?,
                why: row.get(4)?,
                staff: row.get(5)?,
                took: row.get(6)?,
            })
        });
        rows.map_err(&failed)?.collect::<Result<_, _>>().map_err(&failed)
    }

    /// How many records of each kind there are; `filed` says whether the profile has a portal, `today` which day it is and when
    /// it began.
    ///
    /// # Errors
    /// When the database fails.
    pub fn counts(&self, profile: &str, filed: bool, today: (&str, i64)) -> Result<Counts, BookError> {
        let failed = failed("count records");
        // Nothing beyond the body of a row is asked for, and the body is not read.
        let query = "SELECT day, gone_at, batch, coalesce(stand.version, 1), filed, withdrawn_at, confirmed_at, taken
                     FROM record LEFT JOIN stand ON stand.record = record.id LEFT JOIN batch ON batch.id = record.batch
                     WHERE profile = ?1";
        let mut statement = self.connection.prepare(query).map_err(&failed)?;
        let mut rows = statement.query([profile]).map_err(&failed)?;
        let mut counts = Counts::default();
        while let Some(row) = rows.next().map_err(&failed)? {
            let read = || -> rusqlite::Result<_> {
                let (day, gone): (String, Option<i64>) = (row.get(0)?, row.get(1)?);
                let as_filed = row.get::<_, Option<i64>>(4)? == Some(row.get(3)?);
                let withdrawn = row.get::<_, Option<i64>>(5)?.is_some();
                Ok((day, gone, stand(Shown::of(row.get(2)?, row.get(6)?, row.get(7)?), as_filed, withdrawn), withdrawn))
            };
            let (day, gone, portal, withdrawn) = read().map_err(&failed)?;
            counts.today += u64::from(day == today.0 && !withdrawn);
            counts.here += u64::from(gone.is_none() && !withdrawn);
            counts.gone_today += u64::from(gone.is_some_and(|gone| gone >= today.1));
            if !filed {
                continue;
            }
            counts.withdrawn += u64::from(withdrawn);
            match portal {
                Portal::Waiting => counts.unsent += 1,
                Portal::InFile => counts.in_file += 1,
                Portal::Stale => counts.stale += 1,
                Portal::Correct => counts.correct += 1,
                Portal::Sent | Portal::Withdrawn => {}
            }
        }
        Ok(counts)
    }

    /// Closes a shift, with its event; its number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn close_shift(&self, shift: &Shift, handover: Handover) -> Result<i64, BookError> {
        let failed = failed("close a shift");
        let transaction = self.begin("close a shift")?;
        let (of, plain) = ((Kind::Shift, Some(Class::D1.epoch(shift.at))), visit::content::to_json(shift));
        let sealed = self.days.seal(&transaction, of, &place(shift.at), &plain)?;
        let insert = "INSERT INTO shift (profile, at, body, key) VALUES (?1, ?2, ?3, ?4)";
        transaction.execute(insert, params![handover.profile, shift.at, sealed.body, sealed.key]).map_err(&failed)?;
        let number = transaction.last_insert_rowid();
        add_note(&transaction, &Body::Handover(handover)).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(number)
    }

    /// The last shifts, latest first.
    ///
    /// # Errors
    /// When the database fails, or one does not open.
    pub fn shifts(&self, profile: &str, most: u32) -> Result<Vec<Shift>, BookError> {
        let failed = failed("read shifts");
        let _moment = self.moment()?;
        let query = "SELECT id, at, key, body FROM shift WHERE profile = ?1 ORDER BY id DESC LIMIT ?2";
        let mut statement = self.connection.prepare(query).map_err(&failed)?;
        let rows = statement.query_map(params![profile, most], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get(2)?, row.get::<_, Vec<u8>>(3)?))
        });
        rows.map_err(&failed)?
            .map(|row| {
                let (number, at, key, sealed) = row.map_err(&failed)?;
                let place = place(at);
                let plain = self.days.unseal(&self.connection, key, &place, &sealed)?;
                let shift: Shift = serde_json::from_slice(&plain).map_err(|_| BookError::Sealed(place))?;
                Ok(Shift { number, ..shift })
            })
            .collect()
    }
}

fn place(at: i64) -> String {
    format!("shift/{at}")
}
