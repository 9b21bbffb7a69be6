//! The store for one node: SQLite, write-ahead log, `synchronous=FULL`.
//!
//! Schema version 1 (`PRAGMA user_version`):
//! `device(name PRIMARY KEY, site, event_key)`,
//! `event(position INTEGER PRIMARY KEY, device, sequence, bytes, hash, received_at, UNIQUE(device, sequence))`.
//! Version 2 adds the tables of `store::registry`.
//! Version 3 adds the index of document signers, which is made from the log when an older database is opened:
//! `signer(fingerprint PRIMARY KEY, certificate)`,
//! `signer_seen(fingerprint, device, count, numbers, since, at, document, PRIMARY KEY (fingerprint, device))`, a row for the
//! newest word of each device.
//! Version 4 adds what `store::registry` says of it.
//! Version 5 adds what `store::strange` says of it.
//! Version 6 adds the tree over the log, as `store::log` says.
//! Version 7 adds what `store::staff` says of it.
//! Version 8 adds what `store::registry` says of it, of TPMs.

use super::log::{self, InLog, LogStore};
use super::registry;
use super::signers::{self, SeenSigner, Told};
use super::staff;
use super::strange::{self, Evidence, Place, Strange};
use super::{Addition, Entry, EventStore, StoreError, StoredEvent, Trouble};
use crate::people::Scope;
use events::event::Bytes;
use events::sync::Enrolment;
use events::{Chain, hash};
use program::private;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior, params};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tlog::tree::Frontier;

/// A SQLite database.
#[derive(Debug)]
pub struct SqliteStore(Mutex<Connection>);

const SCHEMA_VERSION: i64 = 8;
/// Bytes on the disk below which somebody should look: a day of a thousand devices has a tenth of it.
const LEAST_ROOM: u64 = 1024 * 1024 * 1024;
const SCHEMA: &str = "
    CREATE TABLE device (name TEXT PRIMARY KEY, site TEXT NOT NULL, event_key TEXT NOT NULL) STRICT;
    CREATE TABLE event (
        position INTEGER PRIMARY KEY,
        device TEXT NOT NULL REFERENCES device (name),
        sequence INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        hash BLOB NOT NULL,
        received_at INTEGER NOT NULL,
        UNIQUE (device, sequence)
    ) STRICT;
    PRAGMA user_version = 1;
";
const SIGNERS: &str = "
    CREATE TABLE signer (fingerprint BLOB PRIMARY KEY, certificate BLOB NOT NULL) STRICT;
    CREATE TABLE signer_seen (
        fingerprint BLOB NOT NULL REFERENCES signer (fingerprint),
        device TEXT NOT NULL REFERENCES device (name),
        count INTEGER NOT NULL,
        numbers INTEGER NOT NULL,
        since INTEGER NOT NULL,
        at INTEGER NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (fingerprint, device)
    ) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 3;
";

fn failed(operation: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { operation, source }
}

fn unmade(path: &Path) -> impl Fn(std::io::Error) -> StoreError {
    move |source| StoreError::File { path: path.to_owned(), source }
}

/// A connection to a database that is there. It may write even where it only reads: what the last one leaves of a write-ahead
/// log is then put away, and nothing stays beside the database.
pub(crate) fn existing(path: &Path) -> Result<Connection, StoreError> {
    let failed = failed("open the database");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(&failed)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(&failed)?;
    // What is erased is overwritten.
    connection.pragma_update(None, "secure_delete", "ON").map_err(&failed)?;
    Ok(connection)
}

impl SqliteStore {
    /// Opens or makes a database, which only its owner reads.
    ///
    /// # Errors
    /// When it cannot be opened or is of a newer version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = failed("open the event store");
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            private::directory(directory).map_err(unmade(directory))?;
        }
        private::file(path).map_err(unmade(path))?;
        // SQLite gives `-wal` and `-shm` the mode of the database when it makes them; these were left by a crash.
        for left in ["-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(left);
            let left = Path::new(&name);
            if left.exists() {
                private::file(left).map_err(unmade(left))?;
            }
        }
        let mut connection = existing(path)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(&failed)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(&failed)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(&failed)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let version = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(&failed)?;
        if version > SCHEMA_VERSION {
            return Err(StoreError::Schema(version));
        }
        if version < 1 {
            transaction.execute_batch(SCHEMA).map_err(&failed)?;
        }
        if version < 2 {
            transaction.execute_batch(registry::SCHEMA).map_err(&failed)?;
        }
        if version < 3 {
            index_signers(&transaction).map_err(&failed)?;
        }
        if version < 4 {
            transaction.execute_batch(registry::DOOR).map_err(&failed)?;
        }
        if version < 5 {
            transaction.execute_batch(strange::SCHEMA).map_err(&failed)?;
        }
        if version < 6 {
            transaction.execute_batch(log::SCHEMA).map_err(&failed)?;
        }
        if version < 7 {
            transaction.execute_batch(staff::SCHEMA).map_err(&failed)?;
        }
        if version < 8 {
            transaction.execute_batch(registry::PROOFS).map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)?;
        // Events of an older version have no leaves yet. A start that is broken off goes on with the next one.
        loop {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
            let more = log::follow(&transaction, log::AT_ONCE)?;
            transaction.commit().map_err(&failed)?;
            if !more {
                break;
            }
        }
        Ok(Self(Mutex::new(connection)))
    }

    /// Opens a database that is there, to read it: nothing is made and nothing changed.
    ///
    /// # Errors
    /// When it is not there, or not as this program writes it.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        if !path.is_file() {
            return Err(StoreError::Absent(path.to_owned()));
        }
        let connection = existing(path)?;
        let failed = failed("read the event store");
        connection.pragma_update(None, "query_only", true).map_err(&failed)?;
        match connection.query_row("PRAGMA user_version", [], |row| row.get(0)) {
            Ok(SCHEMA_VERSION) => {}
            Ok(0) => return Err(StoreError::Other(path.to_owned())),
            Ok(older) if older < SCHEMA_VERSION => return Err(StoreError::Older(older)),
            Ok(newer) => return Err(StoreError::Schema(newer)),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                return Err(StoreError::Other(path.to_owned()));
            }
            Err(error) => return Err(failed(error)),
        }
        Ok(Self(Mutex::new(connection)))
    }

    /// How many devices are registered.
    ///
    /// # Errors
    /// When the database fails.
    pub fn devices(&self) -> Result<u64, StoreError> {
        let count = self.lock().query_row("SELECT count(*) FROM device", [], |row| row.get::<_, i64>(0));
        count.map(i64::unsigned_abs).map_err(failed("count the devices"))
    }

    /// Devices whose key in the registry is another than in the log.
    ///
    /// # Errors
    /// When the database fails.
    pub fn disagreements(&self) -> Result<Vec<String>, StoreError> {
        let failed = failed("compare registry and log");
        let query = "SELECT device.name FROM device JOIN fleet_device ON fleet_device.name = device.name
                     WHERE fleet_device.event_key IS NOT NULL AND fleet_device.event_key <> device.event_key
                     ORDER BY device.name";
        let connection = self.lock();
        let mut statement = connection.prepare(query).map_err(&failed)?;
        let names = statement.query_map([], |row| row.get(0));
        names.and_then(Iterator::collect).map_err(&failed)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Connection> {
        // Transactions roll back when a panic drops them, so the connection stays sound.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn chain_of(connection: &Connection, device: &str) -> rusqlite::Result<Chain> {
    let query = "SELECT sequence, hash FROM event WHERE device = ?1 ORDER BY sequence DESC LIMIT 1";
    let row = |row: &rusqlite::Row<'_>| {
        Ok(Chain { sequence: row.get::<_, i64>(0)?.unsigned_abs(), head: Bytes(row.get(1)?) })
    };
    Ok(connection.query_row(query, [device], row).optional()?.unwrap_or(Chain::EMPTY))
}

/// Writes what one device sent; the end of its chain then.
fn appended(transaction: &Transaction<'_>, addition: &Addition) -> rusqlite::Result<Chain> {
    let Addition { device, from, entries, at } = addition;
    let mut chain = *from;
    let insert = "INSERT INTO event (device, sequence, bytes, hash, received_at, kind, skew)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut insert = transaction.prepare_cached(insert)?;
    let mut clock = strange::ClockOfBatch::default();
    for entry in entries {
        let next = chain.sequence + 1;
        match entry {
            Entry::Passed(passed) => {
                strange::pass(transaction, device, next, passed, *at)?;
                chain = Chain { sequence: next, head: passed.named.unwrap_or(Chain::EMPTY.head) };
            }
            Entry::Event { bytes, unknown, time } => {
                chain = Chain { sequence: next, head: hash(bytes) };
                let skew = time.as_ref().map(|(when, quality)| clock.saw(at.saturating_sub(*when), quality));
                insert.execute(params![device, place(next), bytes, chain.head.0, at, unknown, skew])?;
                if let Some(told) = signers::told(bytes) {
                    saw(transaction, device, &told)?;
                }
            }
        }
    }
    clock.write(transaction, device, *at)?;
    Ok(chain)
}

/// A position, as the database has it.
pub(super) fn place(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

/// Makes the index of document signers from the log. The database picks the events by their bytes, so that ten million others
/// are read past and not decoded.
fn index_signers(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(SIGNERS)?;
    let query = "SELECT device, bytes FROM event WHERE instr(bytes, ?1) > 0 ORDER BY position";
    let mut statement = transaction.prepare(query)?;
    let mut rows = statement.query([signers::MARK])?;
    while let Some(row) = rows.next()? {
        if let Some(told) = signers::told(row.get_ref(1)?.as_blob()?) {
            saw(transaction, &row.get::<_, String>(0)?, &told)?;
        }
    }
    Ok(())
}

/// Keeps what a device's newest event tells of a document signer.
fn saw(transaction: &Transaction<'_>, device: &str, told: &Told) -> rusqlite::Result<()> {
    let Told { fingerprint, certificate, document, count, numbers, since, at } = told;
    let keep = "INSERT INTO signer (fingerprint, certificate) VALUES (?1, ?2) ON CONFLICT (fingerprint) DO NOTHING";
    transaction.prepare_cached(keep)?.execute(params![fingerprint.0, certificate])?;
    // A device that was set up anew begins to count anew; the signer was seen since then all the same.
    let keep = "INSERT INTO signer_seen (fingerprint, device, count, numbers, since, at, document)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                ON CONFLICT (fingerprint, device) DO UPDATE SET
                    count = ?3, numbers = ?4, since = min(since, ?5), at = ?6, document = ?7";
    transaction.prepare_cached(keep)?.execute(params![fingerprint.0, device, count, numbers, since, at, document])?;
    Ok(())
}

fn stored(row: &rusqlite::Row<'_>) -> rusqlite::Result<StoredEvent> {
    Ok(StoredEvent {
        device: row.get(0)?,
        sequence: row.get::<_, i64>(1)?.unsigned_abs(),
        bytes: row.get(2)?,
        received_at: row.get(3)?,
    })
}

impl EventStore for SqliteStore {
    fn add_device(&self, enrolment: &Enrolment) -> Result<(), StoreError> {
        let failed = failed("register a device");
        let Enrolment { device, site, event_key } = enrolment;
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        // The registry's names are the log's.
        let query = "SELECT event_key, NULL FROM fleet_device WHERE name = ?1
                     UNION ALL SELECT event_key, site FROM device WHERE name = ?1";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let there: rusqlite::Result<Vec<(Option<String>, Option<String>)>> = transaction
            .prepare(query)
            .and_then(|mut statement| statement.query_map([device], row).and_then(Iterator::collect));
        for (key, place) in there.map_err(&failed)? {
            if key.as_ref() != Some(event_key) {
                return Err(StoreError::DeviceExists(device.clone()));
            }
            if place.is_some_and(|place| place != *site) {
                return Err(StoreError::DeviceElsewhere(device.clone()));
            }
        }
        let insert = "INSERT INTO device (name, site, event_key) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO NOTHING";
        transaction.execute(insert, params![device, site, event_key]).map_err(&failed)?;
        transaction.commit().map_err(&failed)
    }

    fn move_device(&self, enrolment: &Enrolment) -> Result<(), StoreError> {
        let Enrolment { device, site, event_key } = enrolment;
        let query = "UPDATE device SET site = ?2 WHERE name = ?1 AND event_key = ?3";
        let moved = self.lock().execute(query, [device, site, event_key]).map_err(failed("move a device"))?;
        if moved == 0 { Err(StoreError::DeviceExists(device.clone())) } else { Ok(()) }
    }

    fn device(&self, name: &str) -> Result<Option<Enrolment>, StoreError> {
        let query = "SELECT name, site, event_key FROM device WHERE name = ?1";
        let row =
            |row: &rusqlite::Row<'_>| Ok(Enrolment { device: row.get(0)?, site: row.get(1)?, event_key: row.get(2)? });
        self.lock().query_row(query, [name], row).optional().map_err(failed("look up a device"))
    }

    fn chain(&self, device: &str) -> Result<Chain, StoreError> {
        chain_of(&self.lock(), device).map_err(failed("read a chain"))
    }

    fn event(&self, device: &str, sequence: u64) -> Result<Option<StoredEvent>, StoreError> {
        let query = "SELECT device, sequence, bytes, received_at FROM event WHERE device = ?1 AND sequence = ?2";
        let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
        self.lock().query_row(query, params![device, sequence], stored).optional().map_err(failed("read an event"))
    }

    fn commit(&self, additions: &[Addition]) -> Result<Vec<Result<Chain, StoreError>>, StoreError> {
        let failed = failed("append events");
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        // Nothing is put into the place of what is gone.
        while log::follow(&transaction, log::AT_ONCE)? {}
        let mut ends = Vec::with_capacity(additions.len());
        for addition in additions {
            if chain_of(&transaction, &addition.device).map_err(&failed)? != addition.from {
                ends.push(Err(StoreError::Conflict(addition.device.clone())));
                continue;
            }
            ends.push(Ok(appended(&transaction, addition).map_err(&failed)?));
        }
        while log::follow(&transaction, log::AT_ONCE)? {}
        transaction.commit().map_err(&failed)?;
        Ok(ends)
    }

    fn places(&self, device: &str, first: u64, last: u64) -> Result<BTreeMap<u64, Place>, StoreError> {
        strange::places(&self.lock(), device, first, last).map_err(failed("read a chain"))
    }

    fn keep(&self, evidence: &Evidence) -> Result<(), StoreError> {
        strange::keep(&self.lock(), evidence).map_err(failed("keep an event apart"))
    }

    fn troubles(&self, at: i64) -> Vec<Trouble> {
        let mut connection = self.lock();
        let written = connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|transaction| {
            // The same again: it goes to the disk as anything else does.
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            transaction.commit()
        });
        let newest = "SELECT received_at FROM event ORDER BY position DESC LIMIT 1";
        let newest = connection.query_row(newest, [], |row| row.get::<_, i64>(0)).optional();
        let room = connection.path().and_then(|path| rustix::fs::statvfs(path).ok());
        let room = room.map(|room| room.f_bavail.saturating_mul(room.f_frsize));
        let found = [
            (written.is_err(), Trouble::Unwritable),
            (room.is_none_or(|room| room < LEAST_ROOM), Trouble::Disk),
            (newest.is_ok_and(|newest| newest.is_some_and(|newest| newest > at.saturating_add(300))), Trouble::Clock),
        ];
        found.into_iter().filter(|(is, _)| *is).map(|(_, trouble)| trouble).collect()
    }

    fn strange(&self, most: usize) -> Result<Strange, StoreError> {
        strange::list(&self.lock(), most).map_err(failed("read what is strange"))
    }

    fn scan(&self, after: u64, limit: usize) -> Result<(Vec<StoredEvent>, u64), StoreError> {
        let failed = failed("read the log");
        let connection = self.lock();
        let query = "SELECT device, sequence, bytes, received_at, position FROM event
                     WHERE position > ?1 ORDER BY position LIMIT ?2";
        let mut statement = connection.prepare_cached(query).map_err(&failed)?;
        let after_sql = i64::try_from(after).unwrap_or(i64::MAX);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement
            .query_map(params![after_sql, limit], |row| Ok((stored(row)?, row.get::<_, i64>(4)?.unsigned_abs())))
            .map_err(&failed)?;
        let mut cursor = after;
        let mut found = Vec::new();
        for row in rows {
            let (event, position) = row.map_err(&failed)?;
            cursor = position;
            found.push(event);
        }
        Ok((found, cursor))
    }

    fn signers(&self, most: usize, scope: &Scope) -> Result<Vec<SeenSigner>, StoreError> {
        let failed = failed("read the document signers");
        let connection = self.lock();
        let query = format!(
            "SELECT fingerprint, certificate, devices, documents, count, numbers, since, last FROM
                 (SELECT fingerprint, count(*) AS devices, group_concat(DISTINCT document) AS documents,
                     sum(count) AS count, sum(numbers) AS numbers, min(since) AS since, max(at) AS last
                  FROM signer_seen JOIN device ON device.name = signer_seen.device
                  WHERE {} GROUP BY fingerprint
                  ORDER BY devices DESC, numbers DESC, count DESC, fingerprint LIMIT ?1)
             JOIN signer USING (fingerprint) ORDER BY devices DESC, numbers DESC, count DESC, fingerprint",
            Scope::clause("device.site", 2)
        );
        let mut statement = connection.prepare_cached(&query).map_err(&failed)?;
        let rows = statement.query_map(params![i64::try_from(most).unwrap_or(i64::MAX), scope.sql()], |row| {
            let counted = |at: usize| row.get::<_, i64>(at).map(i64::unsigned_abs);
            let mut documents: Vec<String> = row.get::<_, String>(3)?.split(',').map(str::to_owned).collect();
            documents.sort();
            Ok(SeenSigner {
                fingerprint: Bytes(row.get(0)?),
                certificate: row.get(1)?,
                documents,
                devices: counted(2)?,
                count: counted(4)?,
                numbers: counted(5)?,
                since: row.get(6)?,
                last: row.get(7)?,
            })
        });
        rows.and_then(Iterator::collect).map_err(&failed)
    }
}

impl LogStore for SqliteStore {
    fn frontier(&self) -> Result<Frontier, StoreError> {
        log::frontier(&self.lock())
    }

    fn tile(&self, level: u8, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        log::tile(&self.lock(), level, number)
    }

    fn entries(&self, first: u64, count: u64) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        log::entries(&self.lock(), first, count)
    }

    fn last_of(&self, device: &str) -> Result<Option<InLog>, StoreError> {
        log::last_of(&self.lock(), device)
    }

    fn gone_back(&self, origin: &str) -> Result<Option<Vec<u8>>, StoreError> {
        log::gone_back(&self.lock(), origin)
    }

    fn note_gone_back(&self, origin: &str, checkpoint: &[u8], at: i64) -> Result<(), StoreError> {
        log::note_gone_back(&self.lock(), origin, checkpoint, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::{self, tells};

    #[test]
    fn the_sqlite_store_conforms() {
        let directory = tempfile::tempdir().expect("directory");
        let open = || SqliteStore::open(&directory.path().join("central.db")).expect("store");
        conformance::run(&open(), || Box::new(open()));
    }

    #[test]
    fn a_database_of_before_the_door_keeps_what_waits_and_gets_one_name_space() {
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("central.db");
        let old = Connection::open(&path).expect("database");
        for schema in [SCHEMA, registry::SCHEMA, SIGNERS] {
            old.execute_batch(schema).expect("schema");
        }
        // Two of one name, which were possible.
        old.execute_batch(
            "INSERT INTO device VALUES ('a', 's', 'k1');
             INSERT INTO fleet_device (name, serial, site, profile, state, since) VALUES ('a', 'A', 't', 'p', 'expected', 1);
             INSERT INTO fleet_pending (birth, serial, model, protection, request, at) VALUES ('b', 'B', 'm', 'file', x'00', 1);
             INSERT INTO fleet_technician VALUES ('an', x'01', x'02');",
        )
        .expect("rows");
        drop(old);
        for _ in 0..2 {
            drop(SqliteStore::open(&path).expect("store"));
        }
        let new = Connection::open(&path).expect("database");
        let waits: (String, String) = new
            .query_row("SELECT birth, address FROM fleet_pending", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("it waits still");
        assert_eq!(waits, ("b".to_owned(), String::new()));
        let query = "SELECT name, role, everywhere, salt, hash FROM staff";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
        let staff: (String, String, bool, Vec<u8>, Vec<u8>) = new.query_row(query, [], row).expect("a technician");
        assert_eq!(
            staff,
            ("an".to_owned(), "technician".to_owned(), true, vec![1], vec![2]),
            "may do what it could before"
        );
        let expect = |name: &str, key: Option<&str>| {
            let insert = "INSERT INTO fleet_device (name, serial, site, profile, state, since, event_key)
                          VALUES (?1, 'X', 't', 'p', 'active', 1, ?2)";
            new.execute(insert, params![name, key]).is_ok()
        };
        new.execute_batch("INSERT INTO device VALUES ('c', 's', 'k3')").expect("of the log");
        assert_eq!([expect("c", None), expect("c", Some("k4")), expect("c", Some("k3"))], [false, false, true]);
        assert!(expect("d", Some("k5")));
        for (key, taken) in [("k6", false), ("k5", true)] {
            let insert = "INSERT INTO device VALUES ('d', 's', ?1)";
            assert_eq!(new.execute(insert, [key]).is_ok(), taken, "{key}");
        }
    }

    #[test]
    fn an_older_database_gets_its_index_from_its_log() {
        for version in [1, 2] {
            let directory = tempfile::tempdir().expect("directory");
            let path = directory.path().join("central.db");
            let old = Connection::open(&path).expect("database");
            old.execute_batch(SCHEMA).expect("schema");
            if version == 2 {
                old.execute_batch(registry::SCHEMA).expect("schema");
            }
            old.execute_batch("INSERT INTO device VALUES ('a', 's', 'k1'), ('b', 's', 'k2')").expect("devices");
            let log = [
                ("a", 1, tells("a", 1, 1, 100)),
                ("a", 2, b"about the text \x66signer, and no event".to_vec()),
                ("b", 1, tells("b", 1, 4, 50)),
                ("a", 3, tells("a", 3, 2, 100)),
            ];
            for (device, sequence, bytes) in &log {
                let insert =
                    "INSERT INTO event (device, sequence, bytes, hash, received_at) VALUES (?1, ?2, ?3, ?4, 9)";
                old.execute(insert, params![device, sequence, bytes, hash(bytes).0]).expect("event");
            }
            drop(old);
            for _ in 0..2 {
                let seen = SqliteStore::open(&path).expect("store").signers(10, &Scope::everywhere()).expect("signers");
                assert_eq!(seen.len(), 1, "version {version}");
                assert_eq!((seen[0].devices, seen[0].count, seen[0].since), (2, 6, 50), "version {version}");
            }
            // And what comes is indexed as ever.
            let store = SqliteStore::open(&path).expect("store");
            let end = store.chain("a").expect("chain");
            store.append("a", end, &[tells("a", 4, 8, 100)], 10).expect("appended");
            assert_eq!(store.signers(10, &Scope::everywhere()).expect("signers")[0].count, 12);
        }
        let directory = tempfile::tempdir().expect("directory");
        let path = directory.path().join("central.db");
        let version = SCHEMA_VERSION + 1;
        Connection::open(&path).expect("database").pragma_update(None, "user_version", version).expect("version");
        assert!(matches!(SqliteStore::open(&path), Err(StoreError::Schema(newer)) if newer == version));
    }
}
