//! The device's durable queue of signed events: SQLite, write-ahead log, `synchronous=FULL`.
//!
//! An event exists when `append` returns, and not before. It is kept after central has acknowledged it: [`KEEP_DAYS`] days, and the
//! newest [`KEEP`] for longer; never more than [`KEEP_MOST`]. The devices are central's journal: one that was restored from an
//! older backup gets from them what it lost since.
//!
//! Schema version 1 (`PRAGMA user_version`): `event(sequence INTEGER PRIMARY KEY, bytes BLOB)` and
//! `state(acknowledged INTEGER)` with one row. `refused(sequence INTEGER PRIMARY KEY, code TEXT)`, what central could not read,
//! came later and is made where it is missing: the version stays, so that an agent that is taken back opens it still. So did
//! `acknowledged(day INTEGER PRIMARY KEY, sequence INTEGER)`, how far central had acknowledged at the end of a day, and the tables of
//! [`crate::receipts`].

use events::sync::RefusedEvent;
use events::{Chain, EventError, SignedEvent, hash};
use program::Coded;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// How many acknowledged events stay, however old they are.
pub const KEEP: u64 = 10_000;
/// For how many days an event stays after central has acknowledged it.
pub const KEEP_DAYS: i64 = 30;
/// How many acknowledged events stay at most: 140 MB of a desk that signs an event every thirteen seconds, day and night.
pub const KEEP_MOST: u64 = 200_000;
/// The code of a log that contradicts what it signed.
pub(crate) const CONTRADICTED: &str = "log_inconsistent";
/// Seconds of a day.
const DAY: i64 = 86_400;

/// The outbox failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// The directory cannot be made.
    #[error("cannot make {path}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database failed; nothing of the operation was kept.
    #[error("cannot {operation}")]
    Database {
        /// What was being done.
        operation: &'static str,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
    /// The file was written by a newer version.
    #[error("the outbox has schema version {0}, which is newer than this program")]
    Schema(i64),
    /// The event could not be signed.
    #[error("the event could not be made")]
    Event(#[from] EventError),
}

impl OutboxError {
    /// A stable identifier.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Database { source, .. } if source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) => {
                "outbox_disk_full"
            }
            Self::Directory { .. } | Self::Database { .. } => "outbox_failed",
            Self::Schema(_) => "outbox_newer",
            Self::Event(inner) => inner.code(),
        }
    }
}

impl Coded for OutboxError {
    fn code(&self) -> &str {
        Self::code(self)
    }

    fn remedy(&self) -> &str {
        match self.code() {
            "outbox_disk_full" => "free space on the device; nothing was lost",
            _ => "check the disk and the state directory; nothing was lost",
        }
    }
}

fn failed(operation: &'static str) -> impl Fn(rusqlite::Error) -> OutboxError {
    move |source| OutboxError::Database { operation, source }
}

/// The queue.
#[derive(Debug)]
pub struct Outbox {
    pub(crate) connection: Connection,
}

const SCHEMA: &str = "
    CREATE TABLE event (sequence INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE state (acknowledged INTEGER NOT NULL) STRICT;
    INSERT INTO state VALUES (0);
    PRAGMA user_version = 1;
";

const LATER: &str = "
    CREATE TABLE IF NOT EXISTS refused (sequence INTEGER PRIMARY KEY, code TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS acknowledged (day INTEGER PRIMARY KEY, sequence INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS receipt (sequence INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS log_seen (origin TEXT PRIMARY KEY, checkpoint BLOB NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS log_trouble (
        origin TEXT PRIMARY KEY,
        code TEXT NOT NULL,
        message TEXT NOT NULL,
        evidence BLOB,
        at INTEGER NOT NULL,
        told INTEGER NOT NULL DEFAULT 0
    ) STRICT;
";

impl Outbox {
    /// Opens or makes the outbox at a path.
    ///
    /// # Errors
    /// When it cannot be opened or is of a newer version.
    pub fn open(path: &Path) -> Result<Self, OutboxError> {
        if let Some(directory) = path.parent() {
            program::private::directory(directory)
                .map_err(|source| OutboxError::Directory { path: directory.to_owned(), source })?;
        }
        program::private::file(path).map_err(|source| OutboxError::Directory { path: path.to_owned(), source })?;
        let failed = failed("open the outbox");
        let mut connection = Connection::open(path).map_err(&failed)?;
        connection.busy_timeout(Duration::from_secs(10)).map_err(&failed)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(&failed)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(&failed)?;
        connection.pragma_update(None, "secure_delete", "ON").map_err(&failed)?;
        connection.pragma_update(None, "journal_size_limit", 4 * 1024 * 1024).map_err(&failed)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        match transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(&failed)? {
            0 => transaction.execute_batch(SCHEMA).map_err(&failed)?,
            1 => {}
            newer => return Err(OutboxError::Schema(newer)),
        }
        transaction.execute_batch(LATER).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(Self { connection })
    }

    /// Makes the next event and commits it to disk. `make` is told the end of the chain and signs what follows it.
    ///
    /// # Errors
    /// When signing or the disk fails; the chain is then as it was.
    pub fn append(
        &mut self,
        make: impl FnOnce(Chain) -> Result<SignedEvent, EventError>,
    ) -> Result<SignedEvent, OutboxError> {
        let failed = failed("append an event");
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let mut chain = end_of(&transaction).map_err(&failed)?;
        let signed = make(chain)?;
        chain.append(&signed)?;
        let sequence = i64::try_from(chain.sequence).unwrap_or(i64::MAX);
        let insert = "INSERT INTO event (sequence, bytes) VALUES (?1, ?2)";
        transaction.execute(insert, (sequence, &signed.bytes)).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(signed)
    }

    /// The end of the chain.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end(&self) -> Result<Chain, OutboxError> {
        end_of(&self.connection).map_err(failed("read the end of the chain"))
    }

    /// The last event, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn last(&self) -> Result<Option<Vec<u8>>, OutboxError> {
        let query = "SELECT bytes FROM event ORDER BY sequence DESC LIMIT 1";
        self.connection.query_row(query, [], |row| row.get(0)).optional().map_err(failed("read the last event"))
    }

    /// The newest events that are there, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn newest(&self, limit: usize) -> Result<Vec<Vec<u8>>, OutboxError> {
        let failed = failed("read the newest events");
        let query = "SELECT bytes FROM event ORDER BY sequence DESC LIMIT ?1";
        let mut statement = self.connection.prepare_cached(query).map_err(&failed)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map([limit], |row| row.get(0)).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Position up to which central has acknowledged.
    ///
    /// # Errors
    /// When the database fails.
    pub fn acknowledged(&self) -> Result<u64, OutboxError> {
        let row: i64 = self
            .connection
            .query_row("SELECT acknowledged FROM state", [], |row| row.get(0))
            .map_err(failed("read the acknowledged position"))?;
        Ok(row.unsigned_abs())
    }

    /// Notes an event that central could not read and passed over.
    ///
    /// # Errors
    /// When the database fails.
    pub fn note_refused(&mut self, refused: &RefusedEvent) -> Result<(), OutboxError> {
        let sequence = i64::try_from(refused.sequence).unwrap_or(i64::MAX);
        let insert = "INSERT INTO refused (sequence, code) VALUES (?1, ?2) ON CONFLICT (sequence) DO NOTHING";
        let written = self.connection.execute(insert, (sequence, &refused.code));
        written.map(drop).map_err(failed("note a refusal"))
    }

    /// How many events central could not read.
    ///
    /// # Errors
    /// When the database fails.
    pub fn refused(&self) -> Result<u64, OutboxError> {
        let count = self.connection.query_row("SELECT count(*) FROM refused", [], |row| row.get::<_, i64>(0));
        count.map(i64::unsigned_abs).map_err(failed("count refusals"))
    }

    /// The next events that central has not acknowledged, in order.
    ///
    /// # Errors
    /// When the database fails.
    pub fn pending(&self, limit: usize) -> Result<Vec<Vec<u8>>, OutboxError> {
        let failed = failed("read pending events");
        let query = "SELECT bytes FROM event WHERE sequence > (SELECT acknowledged FROM state)
                     ORDER BY sequence LIMIT ?1";
        let mut statement = self.connection.prepare_cached(query).map_err(&failed)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map([limit], |row| row.get(0)).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// The event at a place of the chain, while it is here.
    ///
    /// # Errors
    /// When the database fails.
    pub fn event(&self, sequence: u64) -> Result<Option<Vec<u8>>, OutboxError> {
        let query = "SELECT bytes FROM event WHERE sequence = ?1";
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        self.connection.query_row(query, [sequence], |row| row.get(0)).optional().map_err(failed("read an event"))
    }

    /// Notes how far central has committed at a time, seconds since 1970. It may go back: a restored central wants events again.
    ///
    /// # Errors
    /// When the database fails.
    pub fn acknowledge(&mut self, committed: u64, at: i64) -> Result<(), OutboxError> {
        let failed = failed("note an acknowledgement");
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let end = end_of(&transaction).map_err(&failed)?.sequence;
        let position = i64::try_from(committed.min(end)).unwrap_or(i64::MAX);
        transaction.execute("UPDATE state SET acknowledged = ?1", [position]).map_err(&failed)?;
        let today = at.div_euclid(DAY);
        // What central lost was not acknowledged, whatever was noted then.
        transaction.execute("DELETE FROM acknowledged WHERE sequence > ?1", [position]).map_err(&failed)?;
        let note =
            "INSERT INTO acknowledged (day, sequence) VALUES (?1, ?2) ON CONFLICT (day) DO UPDATE SET sequence = ?2";
        transaction.execute(note, [today, position]).map_err(&failed)?;
        let query = "SELECT ifnull(max(sequence), 0) FROM acknowledged WHERE day < ?1";
        let old: i64 = transaction.query_row(query, [today - KEEP_DAYS], |row| row.get(0)).map_err(&failed)?;
        let least = |keep: u64| position.saturating_sub(i64::try_from(keep).unwrap_or(i64::MAX));
        // While central's log contradicts itself time erases nothing: what is here may be all that there is.
        let query = "SELECT count(*) FROM log_trouble WHERE code = ?1";
        let contradicted: i64 = transaction.query_row(query, [CONTRADICTED], |row| row.get(0)).map_err(&failed)?;
        let old = if contradicted > 0 { 0 } else { old };
        let gone = least(KEEP).min(old).max(least(KEEP_MOST));
        transaction.execute("DELETE FROM event WHERE sequence <= ?1", [gone]).map_err(&failed)?;
        transaction.execute("DELETE FROM receipt WHERE sequence <= ?1", [gone]).map_err(&failed)?;
        // One mark behind the time is enough to know what is older.
        let old = "DELETE FROM acknowledged WHERE day < (SELECT max(day) FROM acknowledged WHERE day < ?1)";
        transaction.execute(old, [today - KEEP_DAYS]).map_err(&failed)?;
        transaction.commit().map_err(&failed)
    }
}

fn end_of(connection: &Connection) -> rusqlite::Result<Chain> {
    let query = "SELECT sequence, bytes FROM event ORDER BY sequence DESC LIMIT 1";
    let row = |row: &rusqlite::Row<'_>| {
        let bytes: Vec<u8> = row.get(1)?;
        Ok(Chain { sequence: row.get::<_, i64>(0)?.unsigned_abs(), head: hash(&bytes) })
    };
    Ok(connection.query_row(query, [], row).optional()?.unwrap_or(Chain::EMPTY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_central_cannot_read_is_noted_once_and_an_older_agent_opens_the_outbox_still() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("outbox.db");
        for _ in 0..2 {
            let mut outbox = Outbox::open(&path).expect("outbox");
            let refused = RefusedEvent { sequence: 7, code: "event_signature".to_owned() };
            outbox.note_refused(&refused).expect("noted");
            assert_eq!(outbox.refused().expect("count"), 1);
        }
        let version: i64 = Connection::open(&path)
            .and_then(|connection| connection.query_row("PRAGMA user_version", [], |row| row.get(0)))
            .expect("version");
        assert_eq!(version, 1);
    }
}
