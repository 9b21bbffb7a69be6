//! The Merkle tree over the log's events, in the database that has the events.
//!
//! Version 6 adds:
//!
//! | table | a row is |
//! |---|---|
//! | `log` | the one row: the tree's frontier, from which it goes on |
//! | `log_tile` | up to 256 hashes of the tree, as C2SP `tlog-tiles` numbers them |
//! | `log_gone_back` | that a checkpoint of this origin was seen which this database never had: it was taken back to an older state |
//!
//! The entry `n` of the log is the event at position `n + 1`. The tree *follows* the events, and nobody hands leaves to it: each
//! transaction that adds events ends with `follow`, which takes every event behind the tree's end in the order of their positions
//! and refuses a gap. So an event without a leaf cannot be committed, by whichever way it came into the table; and what an older
//! version left without leaves gets them in the same way, so many at a time.

use super::StoreError;
use events::event::Bytes;
use rusqlite::{Connection, OptionalExtension as _, params};
use tlog::tiles::{Tile, Tiles, WIDTH, fold};
use tlog::tree::{Frontier, leaf};
use tlog::{Hash, LogError};

pub(super) const SCHEMA: &str = "
    CREATE TABLE log (one INTEGER PRIMARY KEY CHECK (one = 1), frontier BLOB NOT NULL) STRICT;
    CREATE TABLE log_tile (
        level INTEGER NOT NULL,
        number INTEGER NOT NULL,
        hashes BLOB NOT NULL,
        PRIMARY KEY (level, number)
    ) STRICT;
    CREATE TABLE log_gone_back (origin TEXT PRIMARY KEY, checkpoint BLOB NOT NULL, at INTEGER NOT NULL) STRICT;
    CREATE TRIGGER event_stays BEFORE DELETE ON event
        BEGIN SELECT RAISE(ABORT, 'an entry of the log is never taken out'); END;
    CREATE TRIGGER event_keeps_its_place BEFORE UPDATE OF position, device, sequence, hash ON event
        BEGIN SELECT RAISE(ABORT, 'an entry of the log never changes its place'); END;
    PRAGMA user_version = 6;
";

/// How many events get their leaves in one transaction where an older version left many without.
pub(super) const AT_ONCE: u64 = 8192;

/// The last event of a device's chain, and which entry of the log it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InLog {
    /// Its place in the chain.
    pub sequence: u64,
    /// Which entry it is, from 0.
    pub index: u64,
}

/// The log of a store: what it needs to prove itself. It only grows, together with the events.
pub trait LogStore {
    /// Size and peaks of the tree over all events.
    ///
    /// # Errors
    /// When the store fails.
    fn frontier(&self) -> Result<Frontier, StoreError>;

    /// Hashes of a tile, as many as there are; `None` where there are none.
    ///
    /// # Errors
    /// When the store fails.
    fn tile(&self, level: u8, number: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Entries of the log from `first` on, at most `count`; `None` for one that is gone.
    ///
    /// # Errors
    /// When the store fails.
    fn entries(&self, first: u64, count: u64) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// The last event of a device.
    ///
    /// # Errors
    /// When the store fails.
    fn last_of(&self, device: &str) -> Result<Option<InLog>, StoreError>;

    /// The checkpoint by which it is known that the log of this origin went back.
    ///
    /// # Errors
    /// When the store fails.
    fn gone_back(&self, origin: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps that checkpoint, the first one of an origin.
    ///
    /// # Errors
    /// When the store fails.
    fn note_gone_back(&self, origin: &str, checkpoint: &[u8], at: i64) -> Result<(), StoreError>;
}

/// The tree of a store's log at a size, for proofs.
pub fn tree(store: &(impl LogStore + ?Sized), size: u64) -> Tiles<impl Fn(&Tile) -> Result<Vec<u8>, LogError>> {
    let read = |tile: &Tile| {
        let tlog::tiles::Kind::Hashes(level) = tile.kind else { return Err(LogError::Position) };
        let found = store.tile(level, tile.index).map_err(|error| LogError::Unreadable {
            path: tile.path(),
            why: std::io::Error::other(program::describe(&error)),
        })?;
        found.ok_or_else(|| LogError::Missing(tile.path()))
    };
    Tiles { size, read }
}

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Database { operation: "extend the log", source }
}

fn number(place: u64) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}

/// What the tree goes on from.
pub(super) fn frontier(connection: &Connection) -> Result<Frontier, StoreError> {
    let query = "SELECT frontier FROM log";
    let kept: Option<Vec<u8>> = connection.query_row(query, [], |row| row.get(0)).optional().map_err(failed)?;
    kept.map_or_else(
        || Ok(Frontier::default()),
        |kept| Frontier::from_bytes(&kept).map_err(|_| StoreError::Log("its frontier cannot be read")),
    )
}

/// Gives the next events behind the tree's end their leaves, at most `most`, and says whether there were so many.
pub(super) fn follow(connection: &Connection, most: u64) -> Result<bool, StoreError> {
    let mut frontier = frontier(connection)?;
    let before = frontier.size();
    let query = "SELECT position, bytes FROM event WHERE position > ?1 ORDER BY position LIMIT ?2";
    let mut statement = connection.prepare_cached(query).map_err(failed)?;
    let mut rows = statement.query([number(before), number(most)]).map_err(failed)?;
    let mut leaves = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let position = row.get::<_, i64>(0).map_err(failed)?.unsigned_abs();
        if position != frontier.size() + 1 {
            return Err(StoreError::Log("an event between others is gone"));
        }
        let hash = leaf(row.get_ref(1).map_err(failed)?.as_blob().map_err(|error| failed(error.into()))?);
        frontier.push(hash);
        leaves.push(hash);
    }
    if (leaves.len() as u64) < most {
        // Events that are gone from the end would let others take their places.
        let last = "SELECT ifnull(max(position), 0) FROM event";
        let last: i64 = connection.query_row(last, [], |row| row.get(0)).map_err(failed)?;
        if last.unsigned_abs() != frontier.size() {
            return Err(StoreError::Log("events at its end are gone"));
        }
    }
    if leaves.is_empty() {
        return Ok(false);
    }
    extend(connection, 0, before, &leaves)?;
    let keep = "INSERT INTO log (one, frontier) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET frontier = ?1";
    connection.prepare_cached(keep).and_then(|mut keep| keep.execute([frontier.to_bytes()])).map_err(failed)?;
    Ok(leaves.len() as u64 == most)
}

/// Appends hashes to a level that has `before`, and the roots of tiles that became full to the level above.
fn extend(connection: &Connection, level: u8, before: u64, hashes: &[Hash]) -> Result<(), StoreError> {
    let (mut at, mut rest, mut full) = (before, hashes, Vec::new());
    while !rest.is_empty() {
        let (index, have) = (at / WIDTH, at % WIDTH);
        let (now, later) = rest.split_at(rest.len().min((WIDTH - have) as usize));
        let mut bytes = if have == 0 { Vec::new() } else { tile(connection, level, index)?.unwrap_or_default() };
        if bytes.len() as u64 != have * 32 {
            return Err(StoreError::Log("a tile has another length than the log's size wants"));
        }
        bytes.extend(now.iter().flat_map(|hash| hash.0));
        let keep = "INSERT INTO log_tile (level, number, hashes) VALUES (?1, ?2, ?3)
                    ON CONFLICT (level, number) DO UPDATE SET hashes = ?3";
        let mut keep = connection.prepare_cached(keep).map_err(failed)?;
        keep.execute(params![level, number(index), bytes]).map_err(failed)?;
        if have + now.len() as u64 == WIDTH {
            let row: Vec<Hash> = bytes.as_chunks::<32>().0.iter().copied().map(Bytes).collect();
            full.extend(fold(&row));
        }
        (at, rest) = (at + now.len() as u64, later);
    }
    if full.is_empty() { Ok(()) } else { extend(connection, level + 1, before / WIDTH, &full) }
}

pub(super) fn tile(connection: &Connection, level: u8, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let query = "SELECT hashes FROM log_tile WHERE level = ?1 AND number = ?2";
    let mut statement = connection.prepare_cached(query).map_err(failed)?;
    statement.query_row(params![level, number(index)], |row| row.get(0)).optional().map_err(failed)
}

pub(super) fn entries(connection: &Connection, first: u64, count: u64) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
    let query = "SELECT bytes FROM event WHERE position > ?1 ORDER BY position LIMIT ?2";
    let mut statement = connection.prepare_cached(query).map_err(failed)?;
    let rows = statement.query_map([number(first), number(count)], |row| {
        let bytes: Vec<u8> = row.get(0)?;
        Ok((!bytes.is_empty()).then_some(bytes))
    });
    rows.and_then(Iterator::collect).map_err(failed)
}

pub(super) fn last_of(connection: &Connection, device: &str) -> Result<Option<InLog>, StoreError> {
    let query = "SELECT sequence, position FROM event WHERE device = ?1 ORDER BY sequence DESC LIMIT 1";
    let mut statement = connection.prepare_cached(query).map_err(failed)?;
    let row = |row: &rusqlite::Row<'_>| {
        let sequence = row.get::<_, i64>(0)?.unsigned_abs();
        Ok(InLog { sequence, index: row.get::<_, i64>(1)?.unsigned_abs().saturating_sub(1) })
    };
    statement.query_row([device], row).optional().map_err(failed)
}

pub(super) fn gone_back(connection: &Connection, origin: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let query = "SELECT checkpoint FROM log_gone_back WHERE origin = ?1";
    connection.query_row(query, [origin], |row| row.get(0)).optional().map_err(failed)
}

pub(super) fn note_gone_back(
    connection: &Connection,
    origin: &str,
    checkpoint: &[u8],
    at: i64,
) -> Result<(), StoreError> {
    let keep = "INSERT INTO log_gone_back (origin, checkpoint, at) VALUES (?1, ?2, ?3) ON CONFLICT (origin) DO NOTHING";
    connection.execute(keep, params![origin, checkpoint, at]).map(drop).map_err(failed)
}
