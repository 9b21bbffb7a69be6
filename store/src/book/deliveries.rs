//! Messages on their way to recipients: tried until they are taken, or until their time is up.

use crate::book::{Book, BookError, failed};
use rusqlite::{OptionalExtension as _, params};
use serde::Serialize;
use zeroize::Zeroizing;

/// The longest pause between two tries, seconds.
const LONGEST_PAUSE: i64 = 3600;
/// The first one.
const FIRST_PAUSE: i64 = 5;

/// A message that is due.
#[derive(Debug)]
pub struct Due {
    /// Its row.
    pub id: i64,
    /// The visit.
    pub record: String,
    /// For whom.
    pub recipient: String,
    /// How often it was tried.
    pub tries: u32,
    /// The message.
    pub body: Zeroizing<Vec<u8>>,
}

/// How the messages for a recipient stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backlog {
    /// For whom.
    pub recipient: String,
    /// How many wait.
    pub waiting: u64,
    /// Refused for good by the recipient.
    pub refused: u64,
    /// Why the last try failed: a stable code.
    pub error: Option<String>,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// The recipient has it.
    Delivered,
    /// Not now: the code says why.
    Later(String),
    /// The recipient will not take it as it is: somebody has to look. It stays until its time is up.
    Refused(String),
}

/// Seconds until the next try: doubling, with up to a quarter more by `seed`, so that a thousand kiosks do not come
/// back in one moment.
#[must_use]
pub fn pause(tries: u32, seed: u64) -> i64 {
    let base = FIRST_PAUSE.saturating_mul(1_i64.checked_shl(tries.min(20)).unwrap_or(i64::MAX)).min(LONGEST_PAUSE);
    base + i64::try_from(seed % 256).unwrap_or(0) * base / 1024
}

impl Book {
    /// How many messages wait for their recipients.
    ///
    /// # Errors
    /// When the database fails.
    pub fn undelivered(&self) -> Result<u64, BookError> {
        let count =
            self.connection.query_row("SELECT count(*) FROM delivery WHERE state <> 'done'", [], |row| row.get(0));
        count.map(i64::unsigned_abs).map_err(failed("count what waits"))
    }

    /// The message that has waited longest, of those that are due.
    ///
    /// # Errors
    /// When the database fails, or the message does not open.
    pub fn due(&self, now: i64) -> Result<Option<Due>, BookError> {
        self.message("state = 'due' AND due <= ?1 ORDER BY due, id LIMIT 1", params![now])
    }

    /// A visit's message for a recipient, if it still waits.
    ///
    /// # Errors
    /// When the database fails, or the message does not open.
    pub fn waiting_for(&self, record: &str, recipient: &str) -> Result<Option<Due>, BookError> {
        self.message("state = 'due' AND record = ?1 AND recipient = ?2", params![record, recipient])
    }

    fn message(&self, clause: &str, values: impl rusqlite::Params) -> Result<Option<Due>, BookError> {
        let failed = failed("read a message");
        let query = format!("SELECT id, record, recipient, tries, body, key FROM delivery WHERE {clause}");
        let _moment = self.moment()?;
        let row = self.connection.query_row(&query, values, |row| {
            let due = Due {
                id: row.get(0)?,
                record: row.get(1)?,
                recipient: row.get(2)?,
                tries: row.get(3)?,
                body: Zeroizing::default(),
            };
            Ok((due, row.get::<_, Vec<u8>>(4)?, row.get(5)?))
        });
        let Some((mut due, sealed, key)) = row.optional().map_err(&failed)? else { return Ok(None) };
        let place = format!("delivery/{}/{}", due.record, due.recipient);
        let framed = self.days.unframe(&self.connection, key, &place, &sealed)?;
        due.body = framed.rest().to_vec().into();
        Ok(Some(due))
    }

    /// Notes how a try ended. A delivered message is erased with whose it was, its row stays to say when.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tried(&mut self, due: &Due, how: &Tried, now: i64) -> Result<(), BookError> {
        let failed = failed("note a delivery");
        let done = match how {
            Tried::Delivered => {
                let update = "UPDATE delivery SET state = 'done', body = NULL, subject = NULL, error = NULL, due = ?2
                              WHERE id = ?1";
                self.connection.execute(update, params![due.id, now])
            }
            Tried::Later(code) => {
                let next = now + pause(due.tries, due.id.unsigned_abs().wrapping_mul(2_654_435_761));
                let update = "UPDATE delivery SET tries = tries + 1, due = ?2, error = ?3 WHERE id = ?1";
                self.connection.execute(update, params![due.id, next, code])
            }
            Tried::Refused(code) => {
                let update = "UPDATE delivery SET tries = tries + 1, state = 'refused', error = ?2 WHERE id = ?1";
                self.connection.execute(update, params![due.id, code])
            }
        };
        done.map_err(failed)?;
        Ok(())
    }

    /// Tries everything again now: somebody mended what was wrong.
    ///
    /// # Errors
    /// When the database fails.
    pub fn retry(&self, now: i64) -> Result<u64, BookError> {
        let update = "UPDATE delivery SET state = 'due', due = ?1 WHERE state IN ('due', 'refused')";
        let done = self.connection.execute(update, [now]).map_err(failed("retry deliveries"))?;
        Ok(done as u64)
    }

    /// How the messages for each recipient stand.
    ///
    /// # Errors
    /// When the database fails.
    pub fn backlog(&self) -> Result<Vec<Backlog>, BookError> {
        let failed = failed("count deliveries");
        let query = "SELECT recipient, sum(state = 'due'), sum(state = 'refused'), max(error) FROM delivery
                     WHERE state <> 'done' GROUP BY recipient ORDER BY recipient";
        let mut statement = self.connection.prepare(query).map_err(&failed)?;
        let rows = statement.query_map([], |row| {
            Ok(Backlog {
                recipient: row.get(0)?,
                waiting: row.get::<_, i64>(1)?.unsigned_abs(),
                refused: row.get::<_, i64>(2)?.unsigned_abs(),
                error: row.get(3)?,
            })
        });
        rows.map_err(&failed)?.collect::<Result<_, _>>().map_err(&failed)
    }

    /// How each recipient's message of one visit stands: `due`, `refused` or `done`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn deliveries_of(&self, record: &str) -> Result<Vec<(String, String)>, BookError> {
        let failed = failed("read deliveries");
        let query = "SELECT recipient, state FROM delivery WHERE record = ?1 ORDER BY id";
        let mut statement = self.connection.prepare(query).map_err(&failed)?;
        let rows = statement.query_map([record], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.map_err(&failed)?.collect::<Result<_, _>>().map_err(&failed)
    }
}
