//! What central's log says of the device's events, kept beside them: receipts, and the last checkpoint that was taken.
//!
//! A receipt is checked when it comes: the log's signature by the operator's table of keys, the event by its own bytes, and that the log
//! extends what the device saw of it before. What is not right is not kept. Where the log contradicts what it signed, both
//! checkpoints are kept as evidence.
//!
//! The device goes on sending all the same: the log's operator would otherwise decide by a false signature what reaches whoever watches
//! central, and the device's own word of the contradiction is an event, too. It gives up nothing by that: as long as the
//! contradiction stands no event is erased by its age.
//!
//! Tables beside the outbox's, in its file: `receipt(sequence, bytes)`, `log_seen(origin, checkpoint)`,
//! `log_trouble(origin, code, message, evidence, at, told)`.

use crate::outbox::{CONTRADICTED, Outbox, OutboxError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use events::sync::InLog;
use rusqlite::{OptionalExtension as _, params};
use tlog::{Consistency, Keys, LogError, Seen};

/// What became of a receipt.
#[derive(Debug)]
pub enum Took {
    /// It is kept, and so is its checkpoint, over so many entries.
    Kept(u64),
    /// It is not what it should be.
    Refused(LogError),
}

/// What is wrong with central's log, as this device sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The log.
    pub origin: String,
    /// A code of the log.
    pub code: String,
    /// For people.
    pub message: String,
    /// Both checkpoints, where the log contradicts what it signed: [`tlog::Evidence`].
    pub evidence: Option<Vec<u8>>,
    /// Since when, seconds since 1970.
    pub at: i64,
}

impl Trouble {
    /// Whether the log contradicts what it signed.
    #[must_use]
    pub fn is_contradiction(&self) -> bool {
        self.code == CONTRADICTED
    }
}

fn failed(source: rusqlite::Error) -> OutboxError {
    OutboxError::Database { operation: "keep a receipt", source }
}

/// What central should show, read and checked: the receipt's bytes, and what was seen once it is taken.
fn checked(keys: &Keys, mut seen: Seen, said: &InLog, event: &[u8]) -> Result<(Vec<u8>, Seen), LogError> {
    let receipt = BASE64.decode(&said.receipt).map_err(|_| LogError::Receipt("not in base64"))?;
    let (_, signed) = keys.open_entry(&receipt, event)?;
    let proof = said.extends.as_deref().map(|proof| {
        let bytes = BASE64.decode(proof).map_err(|_| LogError::Proof("not in base64"))?;
        Consistency::from_bytes(&bytes)
    });
    seen.take(signed, proof.transpose()?.as_ref())?;
    Ok((receipt, seen))
}

impl Outbox {
    /// The last checkpoint of a log that was taken, checked once more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn seen(&self, keys: &Keys) -> Result<Seen, OutboxError> {
        let query = "SELECT checkpoint FROM log_seen WHERE origin = ?1";
        let kept = self.connection.query_row(query, [keys.origin()], |row| row.get::<_, Vec<u8>>(0)).optional();
        let kept = kept.map_err(failed)?;
        // Signed by a key that the table no longer names it binds nobody.
        Ok(kept.and_then(|bytes| keys.open_cose(&bytes).ok()).map_or_else(Seen::nothing, Seen::kept))
    }

    /// The last checkpoint, as the header of a batch has it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn seen_header(&self, keys: &Keys) -> Result<Option<String>, OutboxError> {
        Ok(self.seen(keys)?.last().map(|signed| BASE64.encode(signed.bytes())))
    }

    /// Checks what central says of the log, and keeps it where it is right; where it is not, keeps why.
    ///
    /// # Errors
    /// When the database fails.
    pub fn take_receipt(&mut self, keys: &Keys, said: Option<&InLog>, at: i64) -> Result<Took, OutboxError> {
        let event = said.map(|said| self.event(said.sequence)).transpose()?.flatten();
        let seen = self.seen(keys)?;
        let checked = match (said, event) {
            (None, _) => Err(LogError::NoReceipt("central sent none")),
            (Some(_), None) => Err(LogError::NoReceipt("its event is not here any more")),
            (Some(said), Some(event)) => checked(keys, seen, said, &event),
        };
        match checked {
            Ok((receipt, seen)) => {
                let Some(signed) = seen.last() else { return Ok(Took::Kept(0)) };
                let transaction = self.connection.transaction().map_err(failed)?;
                let sequence = i64::try_from(said.map_or(0, |said| said.sequence)).unwrap_or(i64::MAX);
                let keep = "INSERT OR REPLACE INTO receipt (sequence, bytes) VALUES (?1, ?2)";
                transaction.execute(keep, params![sequence, receipt]).map_err(failed)?;
                let keep = "INSERT OR REPLACE INTO log_seen (origin, checkpoint) VALUES (?1, ?2)";
                transaction.execute(keep, params![keys.origin(), signed.bytes()]).map_err(failed)?;
                // A contradiction is not undone by what comes later.
                let well = "DELETE FROM log_trouble WHERE origin = ?1 AND code <> ?2";
                transaction.execute(well, params![keys.origin(), CONTRADICTED]).map_err(failed)?;
                transaction.commit().map_err(failed)?;
                Ok(Took::Kept(signed.checkpoint.size))
            }
            Err(error) => {
                let evidence = match &error {
                    LogError::Inconsistent(evidence) => Some(evidence.to_bytes()),
                    _ => None,
                };
                // The first contradiction stays; anything else gives way to what came last, with the time of the first.
                let keep = "INSERT INTO log_trouble (origin, code, message, evidence, at) VALUES (?1, ?2, ?3, ?4, ?5)
                            ON CONFLICT (origin) DO UPDATE SET code = ?2, message = ?3, evidence = ?4,
                                told = iif(code = ?2, told, 0) WHERE code <> ?6";
                let (code, message) = (error.code(), error.to_string());
                let values = params![keys.origin(), code, message, evidence, at, CONTRADICTED];
                self.connection.execute(keep, values).map_err(failed)?;
                Ok(Took::Refused(error))
            }
        }
    }

    /// The receipt of an event: its own, or that of the first event behind it that has one. That event's `prev` leads to it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn receipt_for(&self, sequence: u64) -> Result<Option<(u64, Vec<u8>)>, OutboxError> {
        let query = "SELECT sequence, bytes FROM receipt WHERE sequence >= ?1 ORDER BY sequence LIMIT 1";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?));
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        self.connection.query_row(query, [sequence], row).optional().map_err(failed)
    }

    /// What is wrong with central's log.
    ///
    /// # Errors
    /// When the database fails.
    pub fn log_trouble(&self, keys: &Keys) -> Result<Option<Trouble>, OutboxError> {
        let query = "SELECT origin, code, message, evidence, at FROM log_trouble WHERE origin = ?1";
        let row = |row: &rusqlite::Row<'_>| {
            Ok(Trouble {
                origin: row.get(0)?,
                code: row.get(1)?,
                message: row.get(2)?,
                evidence: row.get(3)?,
                at: row.get(4)?,
            })
        };
        self.connection.query_row(query, [keys.origin()], row).optional().map_err(failed)
    }

    /// The logs that contradict what they signed, of which no event tells yet.
    ///
    /// # Errors
    /// When the database fails.
    pub fn untold_contradictions(&self) -> Result<Vec<String>, OutboxError> {
        let query = "SELECT origin FROM log_trouble WHERE code = ?1 AND told = 0 ORDER BY origin";
        let mut statement = self.connection.prepare_cached(query).map_err(failed)?;
        let rows = statement.query_map([CONTRADICTED], |row| row.get(0));
        rows.and_then(Iterator::collect).map_err(failed)
    }

    /// An event tells of it now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn told_contradiction(&self, origin: &str) -> Result<(), OutboxError> {
        let note = "UPDATE log_trouble SET told = 1 WHERE origin = ?1";
        self.connection.execute(note, [origin]).map(drop).map_err(failed)
    }
}
