//! What is strange in the log, kept so that somebody can look at it: events that this program does not know, bytes that are no
//! event, signed events that contradict each other, clocks that are wrong.
//!
//! Version 5 of the database adds, besides `event.kind` (of an event whose kind or keys were not known when it came) and
//! `event.skew` (when it came less when it happened, by the device's word):
//!
//! | table | a row is |
//! |---|---|
//! | `passed` | a place of a chain whose event cannot be read: the bytes, what is wrong with them, and the hash by which the event behind names it |
//! | `evidence` | a signed event that contradicts the chain (`event_fork`, `event_chain_broken`), or came for a place that was passed over (`event_late`) |
//! | `device_clock` | what a day's events of a device say of its clock |
//!
//! What one device can fill is bounded: bytes of so many places ([`BYTES_OF`]), so much evidence ([`EVIDENCE_OF`]), a row a day.

use super::sqlite::place;
use events::event::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) const SCHEMA: &str = "
    ALTER TABLE event ADD COLUMN kind TEXT;
    ALTER TABLE event ADD COLUMN skew INTEGER;
    CREATE INDEX event_unknown ON event (device, kind) WHERE kind IS NOT NULL;
    CREATE TABLE passed (
        device TEXT NOT NULL REFERENCES device (name),
        sequence INTEGER NOT NULL,
        code TEXT NOT NULL,
        named BLOB,
        bytes BLOB,
        received_at INTEGER NOT NULL,
        PRIMARY KEY (device, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE evidence (
        device TEXT NOT NULL REFERENCES device (name),
        sequence INTEGER NOT NULL,
        hash BLOB NOT NULL,
        code TEXT NOT NULL,
        bytes BLOB NOT NULL,
        received_at INTEGER NOT NULL,
        PRIMARY KEY (device, sequence, hash)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE device_clock (
        device TEXT NOT NULL REFERENCES device (name),
        day INTEGER NOT NULL,
        events INTEGER NOT NULL,
        ahead INTEGER NOT NULL,
        late INTEGER NOT NULL,
        least INTEGER NOT NULL,
        most INTEGER NOT NULL,
        quality TEXT NOT NULL,
        PRIMARY KEY (device, day)
    ) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 5;
";

/// Of so many places that were passed over the bytes are kept, for each device.
const BYTES_OF: i64 = 200;
/// So much evidence is kept of each device.
const EVIDENCE_OF: i64 = 100;
/// The most bytes of what is no event.
const MOST_BYTES: usize = events::signed::MAX_EVENT;
/// A clock that is further off is shown, seconds.
const OFF: i64 = 300;
const DAY: i64 = 86_400;

/// A place whose event cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// What came for it.
    pub bytes: Vec<u8>,
    /// What is wrong with that.
    pub code: &'static str,
    /// The hash by which the event behind names it; none where that cannot be read either.
    pub named: Option<Bytes<32>>,
}

/// What stands at a place of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An event, with its hash.
    Event(Bytes<32>),
    /// Nothing that can be read.
    Passed {
        /// What is wrong with what came for it.
        code: String,
        /// The hash by which the event behind names it.
        named: Option<Bytes<32>>,
    },
}

/// A signed event that has no place in its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The device whose key signed it.
    pub device: String,
    /// The place that it claims.
    pub sequence: u64,
    /// `event_fork`, `event_chain_broken` or `event_late`.
    pub code: String,
    /// The signed bytes.
    pub bytes: Vec<u8>,
    /// When it came, seconds since 1970.
    pub received_at: i64,
}

/// Events of a kind, or with keys, that were not known when they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StrangeKind {
    /// The device.
    pub device: String,
    /// The kind.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// The first place.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// What is kept apart: of a place that was passed over, or evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// The device.
    pub device: String,
    /// The place.
    pub sequence: u64,
    /// What is wrong.
    pub code: String,
    /// When it came, seconds since 1970.
    pub received_at: i64,
    /// What came; none where that was too much to keep.
    pub bytes: Option<Vec<u8>>,
    /// The event that stands at the place.
    pub kept: Option<Vec<u8>>,
}

/// A day of a device whose clock was off by more than five minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StrangeClock {
    /// The device.
    pub device: String,
    /// The day on which the events came, counted since 1970.
    pub day: i64,
    /// How many events.
    pub events: u64,
    /// So many happened later than they came: the clock was ahead.
    pub ahead: u64,
    /// So many came late: they waited, or the clock is behind.
    pub late: u64,
    /// The least delay, seconds; negative where the clock was ahead.
    pub least: i64,
    /// The longest.
    pub most: i64,
    /// What the device said of its time last.
    pub quality: String,
}

/// What is strange in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strange {
    /// What is not known.
    pub unknown: Vec<StrangeKind>,
    /// What is damaged.
    pub passed: Vec<Withheld>,
    /// What contradicts the log.
    pub evidence: Vec<Withheld>,
    /// Clocks that are wrong.
    pub clocks: Vec<StrangeClock>,
}

/// What the events of a batch say of the clock.
#[derive(Debug, Default)]
pub(super) struct ClockOfBatch {
    events: i64,
    ahead: i64,
    late: i64,
    least: i64,
    most: i64,
    quality: String,
}

impl ClockOfBatch {
    /// Counts one; the delay as it is.
    pub(super) fn saw(&mut self, skew: i64, quality: &str) -> i64 {
        let first = self.events == 0;
        self.least = if first { skew } else { self.least.min(skew) };
        self.most = if first { skew } else { self.most.max(skew) };
        self.events += 1;
        self.ahead += i64::from(skew < -OFF);
        self.late += i64::from(skew > OFF);
        let plain = (1..=32).contains(&quality.len()) && quality.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        self.quality.clear();
        self.quality.push_str(if plain { quality } else { "other" });
        skew
    }

    pub(super) fn write(&self, transaction: &Transaction<'_>, device: &str, at: i64) -> rusqlite::Result<()> {
        if self.events == 0 {
            return Ok(());
        }
        let keep = "INSERT INTO device_clock (device, day, events, ahead, late, least, most, quality)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                    ON CONFLICT (device, day) DO UPDATE SET events = events + ?3, ahead = ahead + ?4, late = late + ?5,
                        least = min(least, ?6), most = max(most, ?7), quality = ?8";
        let Self { events, ahead, late, least, most, quality } = self;
        let row = params![device, at.div_euclid(DAY), events, ahead, late, least, most, quality];
        transaction.prepare_cached(keep)?.execute(row).map(drop)
    }
}

/// Notes a place that is passed over.
pub(super) fn pass(
    transaction: &Transaction<'_>,
    device: &str,
    sequence: u64,
    passed: &Passed,
    at: i64,
) -> rusqlite::Result<()> {
    let count = "SELECT count(*) FROM passed WHERE device = ?1 AND bytes IS NOT NULL";
    let many: i64 = transaction.prepare_cached(count)?.query_row([device], |row| row.get(0))?;
    let bytes = (many < BYTES_OF).then(|| &passed.bytes[..passed.bytes.len().min(MOST_BYTES)]);
    let insert =
        "INSERT INTO passed (device, sequence, code, named, bytes, received_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let named = passed.named.map(|hash| hash.0);
    transaction
        .prepare_cached(insert)?
        .execute(params![device, place(sequence), passed.code, named, bytes, at])
        .map(drop)
}

pub(super) fn keep(connection: &Connection, evidence: &Evidence) -> rusqlite::Result<()> {
    let Evidence { device, sequence, code, bytes, received_at } = evidence;
    let insert = "INSERT INTO evidence (device, sequence, hash, code, bytes, received_at)
                  SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE (SELECT count(*) FROM evidence WHERE device = ?1) < ?7
                  ON CONFLICT (device, sequence, hash) DO NOTHING";
    let row = params![device, place(*sequence), events::hash(bytes).0, code, bytes, received_at, EVIDENCE_OF];
    connection.prepare_cached(insert)?.execute(row).map(drop)
}

pub(super) fn places(
    connection: &Connection,
    device: &str,
    first: u64,
    last: u64,
) -> rusqlite::Result<BTreeMap<u64, Place>> {
    let query = "SELECT sequence, hash, NULL, NULL FROM event WHERE device = ?1 AND sequence BETWEEN ?2 AND ?3
                 UNION ALL
                 SELECT sequence, NULL, code, named FROM passed WHERE device = ?1 AND sequence BETWEEN ?2 AND ?3";
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_map(params![device, place(first), place(last)], |row| {
        let sequence = row.get::<_, i64>(0)?.unsigned_abs();
        let what = match row.get::<_, Option<[u8; 32]>>(1)? {
            Some(hash) => Place::Event(Bytes(hash)),
            None => Place::Passed { code: row.get(2)?, named: row.get::<_, Option<[u8; 32]>>(3)?.map(Bytes) },
        };
        Ok((sequence, what))
    })?;
    rows.collect()
}

pub(super) fn list(connection: &Connection, most: usize) -> rusqlite::Result<Strange> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let count = |row: &rusqlite::Row<'_>, at: usize| row.get::<_, i64>(at).map(i64::unsigned_abs);
    let query = "SELECT device, kind, count(*), min(sequence), max(sequence) FROM event WHERE kind IS NOT NULL
                 GROUP BY device, kind ORDER BY count(*) DESC, device, kind LIMIT ?1";
    let unknown = connection
        .prepare(query)?
        .query_map([most], |row| {
            let (first, last) = (count(row, 3)?, count(row, 4)?);
            Ok(StrangeKind { device: row.get(0)?, kind: row.get(1)?, count: count(row, 2)?, first, last })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let query = "SELECT device, day, events, ahead, late, least, most, quality FROM device_clock
                 WHERE ahead > 0 OR least > ?2 ORDER BY day DESC, device LIMIT ?1";
    let clocks = connection
        .prepare(query)?
        .query_map([most, OFF], |row| {
            Ok(StrangeClock {
                device: row.get(0)?,
                day: row.get(1)?,
                events: count(row, 2)?,
                ahead: count(row, 3)?,
                late: count(row, 4)?,
                least: row.get(5)?,
                most: row.get(6)?,
                quality: row.get(7)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Strange {
        unknown,
        passed: withheld(connection, "passed", most)?,
        evidence: withheld(connection, "evidence", most)?,
        clocks,
    })
}

/// Rows of one of the two tables, the newest first.
fn withheld(connection: &Connection, table: &str, most: i64) -> rusqlite::Result<Vec<Withheld>> {
    let query = format!(
        "SELECT device, sequence, code, received_at, bytes FROM {table} ORDER BY received_at DESC, device, sequence LIMIT ?1"
    );
    let kept = "SELECT bytes FROM event WHERE device = ?1 AND sequence = ?2";
    let mut statement = connection.prepare(&query)?;
    let rows = statement.query_map([most], |row| {
        let (device, at): (String, i64) = (row.get(0)?, row.get(1)?);
        let kept = connection.prepare_cached(kept)?.query_row(params![device, at], |row| row.get(0)).optional()?;
        let (code, received_at, bytes) = (row.get(2)?, row.get(3)?, row.get(4)?);
        Ok(Withheld { device, sequence: at.unsigned_abs(), code, received_at, bytes, kept })
    })?;
    rows.collect()
}
