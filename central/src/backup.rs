//! Copies of central's database: made while it serves, put back, and tried.
//!
//! A copy is a file beside a statement of what is in it: how many events and devices, the end of the log, and one hash over the
//! ends of all chains ([`Content`]). Whoever puts a copy back compares what is in it with the statement, and so does a drill, which
//! compares the copy with the database that serves, too: everything that the copy has must stand there unchanged.

use crate::SqliteStore;
use crate::store::{StoreError, sqlite};
use events::event::Bytes;
use program::{exit, private};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// What the statement is; a change of meaning changes the number.
pub const SCHEMA: &str = "cccd-central/backup/1";

/// What a database has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Version of its schema.
    pub version: i64,
    /// Devices of the log.
    pub devices: u64,
    /// Events.
    pub events: u64,
    /// The position of the last one; 0 where there is none.
    pub position: u64,
    /// Its hash, in hexadecimal.
    pub last: String,
    /// SHA-256 over name, sequence and hash of the end of each device's chain, in the order of the names.
    pub chains: String,
}

/// A copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// [`SCHEMA`].
    pub schema: String,
    /// When it was made, seconds since 1970.
    pub at: i64,
    /// The file, beside this one.
    pub file: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// What is in it.
    pub content: Content,
}

/// Something is wrong with a copy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("cannot {what} {path}")]
    File {
        /// What was being done.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The statement cannot be read, or is one of another program.
    #[error("{0} is no statement of a copy")]
    Statement(PathBuf),
    /// The copy is not what its statement says.
    #[error("the copy is not what its statement says: {0}")]
    Differs(String),
    /// The database that serves does not have what the copy has.
    #[error("the database has not what the copy has: {0}")]
    Serves(String),
    /// A database is there already.
    #[error("{0} is there already")]
    There(PathBuf),
    /// There is no copy.
    #[error("there is no copy in {0}")]
    None(PathBuf),
}

impl BackupError {
    /// A stable identifier.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "backup_file",
            Self::Store(error) => error.code(),
            Self::Statement(_) => "backup_statement",
            Self::Differs(_) => "backup_differs",
            Self::Serves(_) => "backup_serves",
            Self::There(_) => "backup_there",
            Self::None(_) => "backup_none",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::File { .. } => "look at the directory's owner and the disk",
            Self::Store(error) => error.remedy(),
            Self::Statement(_) => "name the .json file of a copy, or the directory with copies",
            Self::Differs(_) => "do not use this copy; take another, and look at the disk that it lay on",
            Self::Serves(_) => {
                "keep both as they are: somebody or a fault has changed the database, or it is another one"
            }
            Self::There(_) => "stop central, move the database away, and do it again",
            Self::None(_) => "name the directory that `cccd-central backup` writes into",
        }
    }
}

program::coded!(BackupError, status);

impl BackupError {
    const fn status(&self) -> u8 {
        match self {
            Self::Differs(_) | Self::Serves(_) => exit::CHECK_FAILED,
            Self::Statement(_) | Self::There(_) | Self::None(_) => exit::USAGE,
            Self::File { .. } | Self::Store(_) => exit::DEVICE,
        }
    }
}

fn file<'a>(what: &'static str, path: &'a Path) -> impl Fn(io::Error) -> BackupError + use<'a> {
    move |source| BackupError::File { what, path: path.to_owned(), source }
}

fn database(operation: &'static str) -> impl Fn(rusqlite::Error) -> BackupError {
    move |source| StoreError::Database { operation, source }.into()
}

/// What a database has, read in one transaction.
///
/// # Errors
/// When it cannot be read.
pub fn content(db: &Path) -> Result<Content, BackupError> {
    let failed = database("read the database");
    let mut connection = sqlite::existing(db)?;
    let transaction = connection.transaction().map_err(&failed)?;
    let count = |query: &str| transaction.query_row(query, [], |row| row.get::<_, i64>(0));
    let version = count("PRAGMA user_version").map_err(&failed)?;
    let devices = count("SELECT count(*) FROM device").map_err(&failed)?.unsigned_abs();
    let events = count("SELECT count(*) FROM event").map_err(&failed)?.unsigned_abs();
    let last = "SELECT position, hash FROM event ORDER BY position DESC LIMIT 1";
    let last = transaction.query_row(last, [], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), Bytes(row.get(1)?))));
    let (position, last) = match last {
        Ok(found) => found,
        Err(rusqlite::Error::QueryReturnedNoRows) => (0, Bytes([0; 32])),
        Err(error) => return Err(failed(error)),
    };
    let mut all = Vec::new();
    {
        let ends = "SELECT name, (SELECT max(sequence) FROM event WHERE device = name),
                        (SELECT hash FROM event WHERE device = name ORDER BY sequence DESC LIMIT 1)
                    FROM device ORDER BY name";
        let mut statement = transaction.prepare(ends).map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let read = || -> rusqlite::Result<(String, i64, Option<[u8; 32]>)> {
                Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.unwrap_or_default(), row.get(2)?))
            };
            let (name, sequence, head) = read().map_err(&failed)?;
            all.extend((name.len() as u64).to_be_bytes());
            all.extend(name.as_bytes());
            all.extend(sequence.to_be_bytes());
            all.extend(head.unwrap_or_default());
        }
    }
    Ok(Content { version, devices, events, position, last: last.to_string(), chains: events::hash(&all).to_string() })
}

fn digest(path: &Path) -> Result<(u64, String), BackupError> {
    let wrong = file("read", path);
    let mut hasher = openssl::sha::Sha256::new();
    let mut from = fs::File::open(path).map_err(&wrong)?;
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        match from.read(&mut buffer).map_err(&wrong)? {
            0 => return Ok((bytes, hex::encode(hasher.finish()))),
            many => {
                hasher.update(&buffer[..many]);
                bytes += many as u64;
            }
        }
    }
}

/// Copies a database, also one that is being written, into a directory that only its owner reads; the copy's statement and where it
/// lies.
///
/// # Errors
/// When it cannot be read, or the copy cannot be written.
pub fn make(db: &Path, into: &Path, at: i64) -> Result<(PathBuf, Statement), BackupError> {
    if !db.is_file() {
        return Err(StoreError::Absent(db.to_owned()).into());
    }
    private::directory(into).map_err(file("make", into))?;
    let name = format!("central-{at}.db");
    let copy = into.join(&name);
    if copy.exists() {
        return Err(BackupError::There(copy));
    }
    // Nothing of a copy that was broken off looks like one: it has no statement.
    let part = into.join(format!("{name}.part"));
    program::ignore(fs::remove_file(&part), "mostly there is none");
    // An empty file that only its owner reads: SQLite fills it.
    private::file(&part).map_err(file("make", &part))?;
    let text = part.to_string_lossy().into_owned();
    sqlite::existing(db)?.execute("VACUUM INTO ?1", [text]).map_err(database("copy the database"))?;
    fs::File::open(&part).and_then(|copy| copy.sync_all()).map_err(file("write", &part))?;
    let content = content(&part)?;
    let (bytes, sha256) = digest(&part)?;
    fs::rename(&part, &copy).map_err(file("name", &copy))?;
    let statement = Statement { schema: SCHEMA.to_owned(), at, file: name, bytes, sha256, content };
    let path = copy.with_extension("json");
    let text = serde_json::to_string_pretty(&statement).unwrap_or_default() + "\n";
    private::replace(&path, text.as_bytes()).map_err(file("write", &path))?;
    fs::File::open(into).and_then(|directory| directory.sync_all()).map_err(file("write", into))?;
    Ok((path, statement))
}

/// The statement of a copy; of a directory that of the newest.
///
/// # Errors
/// When there is none.
pub fn find(path: &Path) -> Result<(PathBuf, Statement), BackupError> {
    let mut found = path.to_owned();
    if path.is_dir() {
        let list = fs::read_dir(path).map_err(file("read", path))?;
        let all =
            list.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "json"));
        let statements = all.filter_map(|path| Some((read(&path).ok()?.at, path)));
        found = statements.max().map(|(_, path)| path).ok_or_else(|| BackupError::None(path.to_owned()))?;
    }
    let statement = read(&found)?;
    Ok((found, statement))
}

fn read(path: &Path) -> Result<Statement, BackupError> {
    let text = fs::read(path).map_err(file("read", path))?;
    let statement: Statement = serde_json::from_slice(&text).map_err(|_| BackupError::Statement(path.to_owned()))?;
    let plain = Path::new(&statement.file).file_name().is_some_and(|name| *name == *statement.file);
    if statement.schema != SCHEMA || !plain {
        return Err(BackupError::Statement(path.to_owned()));
    }
    Ok(statement)
}

/// Puts a copy where there is no database, after it was compared with its statement.
///
/// # Errors
/// When it is not what its statement says, or something is there.
pub fn restore(path: &Path, db: &Path) -> Result<Statement, BackupError> {
    let (path, statement) = find(path)?;
    for there in [db.to_owned(), beside(db, "-wal"), beside(db, "-shm")] {
        if there.exists() {
            return Err(BackupError::There(there));
        }
    }
    let copy = path.with_file_name(&statement.file);
    if let Some(directory) = db.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        private::directory(directory).map_err(file("make", directory))?;
    }
    let part = beside(db, ".part");
    private::file(&part).map_err(file("make", &part))?;
    fs::copy(&copy, &part).map_err(file("copy", &copy))?;
    let checked = check(&part, &statement).and_then(|()| {
        fs::File::open(&part).and_then(|file| file.sync_all()).map_err(file("write", &part))?;
        fs::rename(&part, db).map_err(file("name", db))
    });
    if checked.is_err() {
        program::ignore(fs::remove_file(&part), "what cannot be used is no database, whatever lies there");
    }
    checked.map(|()| statement)
}

fn beside(db: &Path, end: &str) -> PathBuf {
    let mut name = db.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// That a file is the one of a statement, is sound, and has what the statement says.
fn check(copy: &Path, statement: &Statement) -> Result<(), BackupError> {
    let differs = |what: String| BackupError::Differs(what);
    let (bytes, sha256) = digest(copy)?;
    if (bytes, &sha256) != (statement.bytes, &statement.sha256) {
        return Err(differs(format!("{bytes} bytes with SHA-256 {sha256}")));
    }
    let connection = sqlite::existing(copy)?;
    let sound: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(database("check the copy"))?;
    if sound != "ok" {
        return Err(differs(sound));
    }
    drop(connection);
    let own = content(copy)?;
    if own != statement.content {
        return Err(differs(format!("{} events of {} devices, to {}", own.events, own.devices, own.position)));
    }
    Ok(())
}

/// Puts a copy into a directory of its own, opens it as central does, and compares it with its statement and with the database that
/// serves. Nothing of it is left.
///
/// # Errors
/// When it could not be put back today, or the database that serves has not what it has.
pub fn drill(path: &Path, db: &Path, scratch: &Path) -> Result<Statement, BackupError> {
    let place = scratch.join("drill");
    program::ignore(fs::remove_dir_all(&place), "mostly there is none");
    let done = drilled(path, db, &place);
    program::ignore(fs::remove_dir_all(&place), "the next drill takes it away");
    done
}

fn drilled(path: &Path, db: &Path, place: &Path) -> Result<Statement, BackupError> {
    let own = place.join("central.db");
    let statement = restore(path, &own)?;
    // It is brought to this version's schema, as a start would bring it.
    let restored = SqliteStore::open(&own)?;
    let serves = SqliteStore::read(db)?;
    let mut position = 0;
    loop {
        let (events, next) = crate::store::EventStore::scan(&restored, position, 1000)?;
        if events.is_empty() {
            return Ok(statement);
        }
        let (there, at) = crate::store::EventStore::scan(&serves, position, events.len())?;
        if there != events || at != next {
            return Err(BackupError::Serves(format!("they part behind position {position}")));
        }
        position = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::EventStore as _;
    use crate::store::conformance::tells;
    use events::sync::Enrolment;

    fn store(directory: &Path) -> (PathBuf, SqliteStore) {
        let db = directory.join("central.db");
        let store = SqliteStore::open(&db).expect("store");
        let (device, site, event_key) = ("a".to_owned(), "A".to_owned(), "k".to_owned());
        store.add_device(&Enrolment { device, site, event_key }).expect("a device");
        store.append("a", events::Chain::EMPTY, &[tells("a", 1, 1, 10), tells("a", 2, 2, 10)], 100).expect("stored");
        (db, store)
    }

    fn code<T: std::fmt::Debug>(result: Result<T, BackupError>) -> &'static str {
        result.expect_err("refused").code()
    }

    #[test]
    fn a_copy_that_is_made_while_central_writes_is_put_back_as_it_was() {
        let directory = tempfile::tempdir().expect("directory");
        let (db, store) = store(directory.path());
        let copies = directory.path().join("copies");
        let (path, statement) = make(&db, &copies, 1000).expect("a copy");
        let end = store.chain("a").expect("chain");
        store.append("a", end, &[tells("a", 3, 3, 10)], 200).expect("it goes on");
        assert_eq!((statement.content.events, statement.content.devices, statement.content.position), (2, 1, 2));
        let scratch = directory.path().join("scratch");
        assert_eq!(drill(&copies, &db, &scratch).expect("a drill"), statement);
        assert!(!scratch.join("drill").exists(), "nothing is left");
        let elsewhere = directory.path().join("elsewhere/central.db");
        restore(&path, &elsewhere).expect("put back");
        let back = SqliteStore::open(&elsewhere).expect("store");
        assert_eq!(back.chain("a").expect("chain").sequence, 2);
        assert_eq!(code(restore(&path, &elsewhere)), "backup_there", "nothing is overwritten");
        assert_eq!(code(make(&db, &copies, 1000)), "backup_there");
        // The newest of a directory is taken.
        let (newer, _) = make(&db, &copies, 2000).expect("a copy");
        assert_eq!(find(&copies).expect("one").0, newer);
        use std::os::unix::fs::PermissionsExt as _;
        for file in fs::read_dir(&copies).expect("copies") {
            let mode = file.expect("a file").metadata().expect("about").permissions().mode();
            assert_eq!(mode & 0o077, 0, "nobody else reads it");
        }
    }

    #[test]
    fn a_copy_that_was_changed_is_never_put_back() {
        let directory = tempfile::tempdir().expect("directory");
        let (db, _store) = store(directory.path());
        let copies = directory.path().join("copies");
        let (path, statement) = make(&db, &copies, 1000).expect("a copy");
        let copy = copies.join(&statement.file);
        let good = fs::read(&copy).expect("the copy");
        let target = directory.path().join("new/central.db");
        let mut bad = good.clone();
        let last = bad.len() - 100;
        bad[last] ^= 1;
        for bytes in [bad, good[..good.len() - 4096].to_vec(), Vec::new()] {
            fs::write(&copy, bytes).expect("written");
            assert_eq!(code(restore(&path, &target)), "backup_differs");
            assert!(!target.exists() && fs::read_dir(target.parent().expect("new")).expect("list").next().is_none());
        }
        fs::write(&copy, &good).expect("written");
        let other = Statement { content: Content { events: 3, ..statement.content.clone() }, ..statement.clone() };
        fs::write(&path, serde_json::to_string(&other).expect("JSON")).expect("written");
        assert_eq!(code(restore(&path, &target)), "backup_differs", "of an event that is not there");
        let outside = Statement { file: "../central.db".to_owned(), ..statement };
        fs::write(&path, serde_json::to_string(&outside).expect("JSON")).expect("written");
        assert_eq!(code(restore(&path, &target)), "backup_statement");
        assert_eq!(code(find(directory.path())), "backup_none");
        assert_eq!(code(make(&directory.path().join("none.db"), &copies, 1)), "database_absent");
    }

    #[test]
    fn a_drill_notices_that_the_database_lost_what_the_copy_has() {
        let directory = tempfile::tempdir().expect("directory");
        let (db, store) = store(directory.path());
        let copies = directory.path().join("copies");
        make(&db, &copies, 1000).expect("a copy");
        drop(store);
        let connection = sqlite::existing(&db).expect("database");
        let deleted = "DROP TRIGGER event_stays; DELETE FROM event WHERE position = 2";
        connection.execute_batch(deleted).expect("deleted by somebody who can");
        drop(connection);
        assert_eq!(code(drill(&copies, &db, directory.path())), "backup_serves");
    }
}
