//! The site's book: what the device keeps of visits, sealed row by row, and what follows from them.
//!
//! SQLite, write-ahead log, `synchronous=FULL`, `secure_delete=ON`. One transaction puts a visit on disk with everything
//! that follows from it: its record, its place in the ledger, what is to be sent to whom, and the event that tells of
//! it. After a cut of power there is all of it or nothing.
//!
//! # Schema, version 3 (`PRAGMA user_version`)
//! | table | row | in the clear | sealed |
//! |---|---|---|---|
//! | `record` | a visit that is kept | identifier, profile, day, keyed hash, when it is erased | [`Content`](visit::content::Content) |
//! | `ledger` | somebody did something once | profile, scope, keyed hash, in or out, when | |
//! | `delivery` | something for a recipient | recipient, tries, when next | the message |
//! | `note` | an event that is not in the outbox yet | its body, which names nobody | |
//! | `batch` | a file that was made for a portal | when, how many, how many it took | |
//! | `roster` | a list | identifier, version, profile, last day | the list |
//! | `counter` | tickets of a day | day, how many | |
//! | `signer` | a document signer that nobody here vouches for | its certificate, how often, since when | |
//! | `setting` | one value | name | value |
//! | `stand` | what became of a record | version, version in the file for the portal, when withdrawn, who kept it | |
//! | `change` | an act on a record | record, running number | [`Version`] |
//! | `tally` | a visit that ended, or an act, without whose it was | profile, when, how, why, who of staff, how long it took | |
//! | `shift` | a handover | profile, when | what was handed over |
//!
//! Version 2 brought `signer`, version 3 the last four; an older book gets them when it is opened. With a record everything goes
//! that hangs on it: a trigger of the database sees to that, whoever erases.
//!
//! Whoever has the file without the key learns how many visits there were and when, and which rows are of one person.

pub mod access;
pub mod changes;
pub mod deliveries;
pub mod figures;
pub mod lodging;
mod rows;
mod schema;
pub mod seal;
pub mod signers;
pub mod tally;

pub use access::{Listed, Looked, Looker, Part, Seen, Which};
pub use changes::{Doing, Stated, Version};
use events::Body;
use events::event::Bytes;
use events::subject::Person;
use program::{Coded, Failure};
pub use rows::{Entry, Message, Portal, Record, Retention, Served, Visit};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use schema::{SCHEMA, SIGNERS, VERSIONS};
use seal::Seal;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;
use visit::finished::Keeping;
use visit::ledger::{Standing, allow};
use visit::profile::Rule;
use visit::roster::Roster;
use visit::steps::Refusal;
use zeroize::Zeroizing;

/// The book failed; nothing of the operation was kept.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BookError {
    /// The database failed.
    #[error("cannot {operation}")]
    Database {
        /// What was being done.
        operation: &'static str,
        /// Why not.
        #[source]
        source: rusqlite::Error,
    },
    /// The file, or its directory, cannot be made so that only its owner reads it.
    #[error("cannot keep {path} from others")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file was written by a newer version.
    #[error("the book has schema version {0}, which is newer than this program")]
    Schema(i64),
    /// Something does not open: it was changed, or sealed with another key.
    #[error("{0} does not open with this device's key")]
    Sealed(String),
    /// The cryptographic library failed.
    #[error("the book's cryptography failed")]
    Crypto(#[from] openssl::error::ErrorStack),
}

impl BookError {
    /// A stable identifier.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Database { source, .. } if source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) => {
                "book_disk_full"
            }
            Self::Database { .. } | Self::Open { .. } => "book_failed",
            Self::Schema(_) => "book_newer",
            Self::Sealed(_) => "book_sealed",
            Self::Crypto(_) => "book_crypto",
        }
    }
}

impl Coded for BookError {
    fn code(&self) -> &str {
        Self::code(self)
    }

    fn remedy(&self) -> &str {
        match self.code() {
            "book_disk_full" => "free space on the device; nothing was lost",
            "book_newer" => "install the version of the agent that wrote it, or a newer one",
            "book_sealed" => "restore the key directory that belongs to the state directory",
            _ => "check the disk and the state directory; nothing was lost",
        }
    }
}

pub(crate) fn failed(operation: &'static str) -> impl Fn(rusqlite::Error) -> BookError {
    move |source| BookError::Database { operation, source }
}

/// The book.
#[derive(Debug)]
pub struct Book {
    pub(crate) connection: Connection,
    pub(crate) seal: Seal,
}

impl Book {
    /// Opens or makes the book.
    ///
    /// # Errors
    /// When it cannot be opened or is of a newer version.
    pub fn open(path: &Path, seal: Seal) -> Result<Self, BookError> {
        let open = |path: &Path| {
            let path = path.to_owned();
            move |source| BookError::Open { path, source }
        };
        if let Some(directory) = path.parent() {
            program::private::directory(directory).map_err(open(directory))?;
        }
        // SQLite gives what it writes beside the same mode.
        program::private::file(path).map_err(open(path))?;
        let failed = failed("open the book");
        let connection = Connection::open(path).map_err(&failed)?;
        Self::prepare(connection, seal)
    }

    /// A book in memory.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn in_memory(seal: Seal) -> Result<Self, BookError> {
        Self::prepare(Connection::open_in_memory().map_err(failed("open the book"))?, seal)
    }

    fn prepare(mut connection: Connection, seal: Seal) -> Result<Self, BookError> {
        let failed = failed("open the book");
        connection.busy_timeout(Duration::from_secs(10)).map_err(&failed)?;
        for (name, value) in [("journal_mode", "WAL"), ("synchronous", "FULL"), ("secure_delete", "ON")] {
            connection.pragma_update(None, name, value).map_err(&failed)?;
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        match transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(&failed)? {
            0 => transaction.execute_batch(&[SCHEMA, SIGNERS, VERSIONS].concat()).map_err(&failed)?,
            1 => transaction.execute_batch(&[SIGNERS, VERSIONS].concat()).map_err(&failed)?,
            2 => transaction.execute_batch(VERSIONS).map_err(&failed)?,
            3 => {}
            newer => return Err(BookError::Schema(newer)),
        }
        transaction.commit().map_err(&failed)?;
        Ok(Self { connection, seal })
    }

    pub(crate) fn begin(&mut self, operation: &'static str) -> Result<Transaction<'_>, BookError> {
        self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed(operation))
    }

    /// Puts a visit onto the disk with everything that follows from it.
    ///
    /// # Errors
    /// When the disk fails; nothing was kept then.
    pub fn commit(&mut self, visit: &Visit<'_>) -> Result<Keeping<()>, BookError> {
        let failed = failed("keep a visit");
        let body = self.seal.seal(&format!("record/{}", visit.id), &visit.content.to_bytes())?;
        let mut messages = Vec::new();
        for message in &visit.messages {
            let place = format!("delivery/{}/{}", visit.id, message.recipient);
            messages.push((message, self.seal.seal(&place, &message.body)?));
        }
        let subject = visit.subject.map(|subject| subject.0.to_vec());
        let Self { connection, seal } = self;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        if let Some(entry) = &visit.entry {
            // What cannot be counted has no place where people are counted.
            let Some(subject) = &visit.counted_as else { return Ok(Keeping::TooLate(Refusal::NoNumber)) };
            let standing = standing(&transaction, visit.profile, &entry.scope, subject).map_err(&failed)?;
            if let Err(refusal) = allow(entry.rule, entry.direction, standing) {
                return Ok(Keeping::TooLate(refusal));
            }
            let inside = entry.rule == Rule::InOut && !standing.inside;
            transaction
                .execute(
                    "INSERT INTO ledger (profile, scope, subject, inside, at, device, record, erase_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                    params![
                        visit.profile,
                        entry.scope,
                        subject.0,
                        inside,
                        visit.at,
                        visit.device,
                        visit.id,
                        entry.erase_at
                    ],
                )
                .map_err(&failed)?;
        }
        if visit.keep != Retention::NotKept {
            let erase_at = match visit.keep {
                Retention::Until(time) => Some(time),
                Retention::NotKept | Retention::UntilReported => None,
            };
            let sequence = i64::try_from(visit.sequence).unwrap_or(i64::MAX);
            transaction
                .execute(
                    "INSERT INTO record (id, profile, day, at, subject, party, sequence, number, erase_at, body)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                    params![
                        visit.id,
                        visit.profile,
                        visit.day,
                        visit.at,
                        subject,
                        visit.party,
                        sequence,
                        visit.number,
                        erase_at,
                        body
                    ],
                )
                .map_err(&failed)?;
            let insert = "INSERT INTO stand (record, version, staff) VALUES (?1, 1, ?2)";
            transaction.execute(insert, params![visit.id, visit.served.staff]).map_err(&failed)?;
        }
        let when = (visit.day.as_str(), visit.at);
        tally::count(&transaction, visit.profile, when, ("done", None), &visit.served).map_err(&failed)?;
        figures::count(&transaction, seal, visit.profile, &visit.day, &visit.counts)?;
        for (message, sealed) in messages {
            transaction
                .execute(
                    "INSERT INTO delivery (record, recipient, at, due, tries, state, subject, erase_at, body)
                     VALUES (?1, ?2, ?3, ?3, 0, 'due', ?4, ?5, ?6)",
                    params![visit.id, message.recipient, visit.at, subject, message.erase_at, sealed],
                )
                .map_err(&failed)?;
        }
        add_note(&transaction, &visit.note).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(Keeping::Kept(()))
    }

    /// Where a person stands in a ledger.
    ///
    /// # Errors
    /// When the database fails.
    pub fn standing(&self, profile: &str, scope: &str, subject: &Bytes<32>) -> Result<Standing, BookError> {
        standing(&self.connection, profile, scope, subject).map_err(failed("read the ledger"))
    }

    /// How many people are inside.
    ///
    /// # Errors
    /// When the database fails.
    pub fn inside(&self, profile: &str) -> Result<u64, BookError> {
        let query = "SELECT count(*) FROM ledger AS last WHERE profile = ?1 AND inside = 1
                     AND id = (SELECT max(id) FROM ledger WHERE profile = last.profile AND scope = last.scope
                               AND subject = last.subject)";
        let count: i64 =
            self.connection.query_row(query, [profile], |row| row.get(0)).map_err(failed("count who is inside"))?;
        Ok(count.unsigned_abs())
    }

    /// The next number of a day's tickets, from 1.
    ///
    /// # Errors
    /// When the database fails.
    pub fn next_ticket(&self, day: &str) -> Result<u64, BookError> {
        let failed = failed("count a ticket");
        self.connection.execute("DELETE FROM counter WHERE day <> ?1", [day]).map_err(&failed)?;
        let upsert =
            "INSERT INTO counter VALUES (?1, 1) ON CONFLICT (day) DO UPDATE SET value = value + 1 RETURNING value";
        let value: i64 = self.connection.query_row(upsert, [day], |row| row.get(0)).map_err(&failed)?;
        Ok(value.unsigned_abs())
    }

    /// Under what a person's rows are found here: a keyed hash under a secret of this device, which is in no event.
    #[must_use]
    pub fn handle(&self, person: &Person) -> Bytes<32> {
        self.seal.handle(person)
    }

    /// Erases what is past its time, and notes for each profile how many records went, and how many messages nobody took.
    ///
    /// # Errors
    /// When the database fails.
    pub fn expire(&mut self, now: i64) -> Result<u64, BookError> {
        let failed = failed("erase what is past its time");
        let transaction = self.begin("erase what is past its time")?;
        let mut counts: Vec<(String, u64)> = Vec::new();
        {
            let query = "SELECT profile, count(*) FROM record WHERE erase_at <= ?1 GROUP BY profile";
            let mut statement = transaction.prepare(query).map_err(&failed)?;
            let rows = statement.query_map([now], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())));
            for row in rows.map_err(&failed)? {
                counts.push(row.map_err(&failed)?);
            }
        }
        // What nobody took in time is lost to its recipient: that is said, not passed over.
        tally::expire(&transaction, now).map_err(&failed)?;
        let query = "SELECT count(*) FROM delivery WHERE erase_at <= ?1 AND state <> 'done'";
        let undelivered: i64 = transaction.query_row(query, [now], |row| row.get(0)).map_err(&failed)?;
        for table in ["record", "ledger", "delivery"] {
            transaction.execute(&format!("DELETE FROM {table} WHERE erase_at <= ?1"), [now]).map_err(&failed)?;
        }
        for (profile, count) in &counts {
            let body = Body::Erasure(events::Erasure {
                why: "retention".to_owned(),
                count: *count,
                profile: profile.clone(),
                subject: None,
            });
            add_note(&transaction, &body).map_err(&failed)?;
        }
        if undelivered > 0 {
            let (why, count) = ("undelivered".to_owned(), undelivered.unsigned_abs());
            let erasure = events::Erasure { why, count, profile: String::new(), subject: None };
            add_note(&transaction, &Body::Erasure(erasure)).map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)?;
        if !counts.is_empty() || undelivered > 0 {
            // What was erased must not live on in the log.
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(&failed)?;
        }
        Ok(counts.iter().map(|(_, count)| count).sum::<u64>() + undelivered.unsigned_abs())
    }

    /// Erases everything about a person, by each of their [`Book::handle`]s, because they ask for it. The event names nobody. What an authority has not confirmed yet stays; how
    /// many went and how many stayed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn erase_subjects(&mut self, handles: &[Bytes<32>]) -> Result<(u64, u64), BookError> {
        let failed = failed("erase what is known of a person");
        let transaction = self.begin("erase what is known of a person")?;
        let (mut gone, mut stays) = (0, 0_i64);
        for handle in handles {
            let bytes = handle.0.to_vec();
            gone += transaction
                .execute("DELETE FROM record WHERE subject = ?1 AND erase_at IS NOT NULL", [&bytes])
                .map_err(&failed)?;
            transaction.execute("DELETE FROM delivery WHERE subject = ?1", [&bytes]).map_err(&failed)?;
            let query = "SELECT count(*) FROM record WHERE subject = ?1";
            stays += transaction.query_row(query, [&bytes], |row| row.get::<_, i64>(0)).map_err(&failed)?;
        }
        let body = Body::Erasure(events::Erasure {
            why: "request".to_owned(),
            count: gone as u64,
            profile: String::new(),
            subject: None,
        });
        add_note(&transaction, &body).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(&failed)?;
        Ok((gone as u64, stays.unsigned_abs()))
    }

    /// Notes an event that is to go into the outbox.
    ///
    /// # Errors
    /// When the database fails.
    pub fn note(&self, body: &Body) -> Result<(), BookError> {
        add_note(&self.connection, body).map_err(failed("note an event"))
    }

    /// The oldest event that is not in the outbox yet: its row, identifier and body.
    ///
    /// # Errors
    /// When the database fails.
    pub fn next_note(&self) -> Result<Option<(i64, Bytes<16>, Body)>, BookError> {
        let failed = failed("read a noted event");
        let query = "SELECT id, event, body FROM note ORDER BY id LIMIT 1";
        let row = self.connection.query_row(query, [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 16]>(1)?, row.get::<_, Vec<u8>>(2)?))
        });
        let Some((id, event, body)) = row.optional().map_err(&failed)? else { return Ok(None) };
        let body = serde_cbor::from_slice(&body).map_err(|_| BookError::Sealed(format!("note/{id}")))?;
        Ok(Some((id, Bytes(event), body)))
    }

    /// Forgets a noted event: it is in the outbox.
    ///
    /// # Errors
    /// When the database fails.
    pub fn noted(&self, id: i64) -> Result<(), BookError> {
        self.connection.execute("DELETE FROM note WHERE id = ?1", [id]).map_err(failed("forget a noted event"))?;
        Ok(())
    }

    /// Takes a list in. False when one of the same version is there already.
    ///
    /// # Errors
    /// `roster_older` when a newer one is there; when the database fails.
    pub fn take_roster(&mut self, roster: &Roster) -> Result<bool, Failure> {
        let failed = failed("take a list in");
        let query = "SELECT version FROM roster WHERE profile = ?1 AND id = ?2";
        let known = self.connection.query_row(query, [&roster.profile, &roster.id], |row| row.get(0));
        let known: Option<u32> = known.optional().map_err(&failed)?;
        match known {
            Some(known) if known == roster.version => return Ok(false),
            Some(known) if known > roster.version => {
                let message = format!("list {} is here in version {known}, this is {}", roster.id, roster.version);
                return Err(Failure::usage("roster_older", message, "use the newest list"));
            }
            _ => {}
        }
        let plain = visit::content::to_json(roster);
        let sealed =
            self.seal.seal(&format!("roster/{}/{}", roster.profile, roster.id), &plain).map_err(BookError::from)?;
        let insert = "INSERT OR REPLACE INTO roster (id, version, profile, until, body) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.connection
            .execute(insert, params![roster.id, roster.version, roster.profile, roster.valid_until, sealed])
            .map_err(&failed)?;
        Ok(true)
    }

    /// The lists for a profile.
    ///
    /// # Errors
    /// When the database fails, or one does not open.
    pub fn rosters(&self, profile: &str) -> Result<Vec<Roster>, BookError> {
        let failed = failed("read lists");
        let mut statement =
            self.connection.prepare("SELECT id, body FROM roster WHERE profile = ?1 ORDER BY id").map_err(&failed)?;
        let rows = statement.query_map([profile], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)));
        rows.map_err(&failed)?
            .map(|row| {
                let (id, sealed) = row.map_err(&failed)?;
                let place = format!("roster/{profile}/{id}");
                let plain = self.seal.unseal(&place, &sealed).ok_or_else(|| BookError::Sealed(place.clone()))?;
                serde_json::from_slice(&plain).map_err(|_| BookError::Sealed(place))
            })
            .collect()
    }

    /// What tells whether the lists of a profile have changed, also by another process.
    ///
    /// # Errors
    /// When the database fails.
    pub fn rosters_mark(&self, profile: &str) -> Result<String, BookError> {
        let query = "SELECT coalesce(group_concat(id || '/' || version, ' '), '') FROM
                     (SELECT id, version FROM roster WHERE profile = ?1 ORDER BY id)";
        self.connection.query_row(query, [profile], |row| row.get(0)).map_err(failed("look for lists"))
    }

    /// Erases lists whose last day lies before `day`, `YYYY-MM-DD`, and notes it; how many.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drop_rosters(&mut self, day: &str) -> Result<u64, BookError> {
        let failed = failed("erase old lists");
        let transaction = self.begin("erase old lists")?;
        let gone = transaction.execute("DELETE FROM roster WHERE until < ?1", [day]).map_err(&failed)? as u64;
        if gone > 0 {
            let why = "roster_expired".to_owned();
            let erasure = events::Erasure { why, count: gone, profile: String::new(), subject: None };
            add_note(&transaction, &Body::Erasure(erasure)).map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)?;
        Ok(gone)
    }

    /// A sealed value by its name.
    ///
    /// # Errors
    /// When the database fails, or it does not open.
    pub fn setting(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, BookError> {
        let query = "SELECT value FROM setting WHERE name = ?1";
        let sealed: Option<Vec<u8>> =
            self.connection.query_row(query, [name], |row| row.get(0)).optional().map_err(failed("read a setting"))?;
        let Some(sealed) = sealed else { return Ok(None) };
        let place = format!("setting/{name}");
        self.seal.unseal(&place, &sealed).map(Some).ok_or(BookError::Sealed(place))
    }

    /// Sets a sealed value.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set(&self, name: &str, value: &[u8]) -> Result<(), BookError> {
        let sealed = self.seal.seal(&format!("setting/{name}"), value)?;
        let insert = "INSERT OR REPLACE INTO setting (name, value) VALUES (?1, ?2)";
        self.connection.execute(insert, params![name, sealed]).map_err(failed("keep a setting"))?;
        Ok(())
    }

    /// Everything that a ledger says of one period: keyed hash, when, where.
    ///
    /// # Errors
    /// When the database fails.
    pub fn ledger(&self, profile: &str, scope: &str) -> Result<Vec<(Bytes<32>, i64, String)>, BookError> {
        let failed = failed("read the ledger");
        let query = "SELECT subject, at, device FROM ledger WHERE profile = ?1 AND scope = ?2 ORDER BY at, id";
        let mut statement = self.connection.prepare(query).map_err(&failed)?;
        let rows = statement
            .query_map([profile, scope], |row| Ok((Bytes(row.get::<_, [u8; 32]>(0)?), row.get(1)?, row.get(2)?)));
        rows.map_err(&failed)?.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Takes in what another device's ledger says of a period; how many entries were new.
    ///
    /// # Errors
    /// When the database fails.
    pub fn merge(
        &mut self,
        profile: &str,
        scope: &str,
        entries: &[(Bytes<32>, i64, String)],
        erase_at: i64,
    ) -> Result<u64, BookError> {
        let failed = failed("merge a ledger");
        let transaction = self.begin("merge a ledger")?;
        let mut new = 0;
        for (subject, at, device) in entries {
            let insert = "INSERT INTO ledger (profile, scope, subject, inside, at, device, erase_at)
                          SELECT ?1, ?2, ?3, 0, ?4, ?5, ?6 WHERE NOT EXISTS (
                              SELECT 1 FROM ledger WHERE profile = ?1 AND scope = ?2 AND subject = ?3 AND at = ?4 AND device = ?5)";
            let done = transaction.execute(insert, params![profile, scope, subject.0, at, device, erase_at]);
            new += done.map_err(&failed)? as u64;
        }
        transaction.commit().map_err(&failed)?;
        Ok(new)
    }
}

fn standing(connection: &Connection, profile: &str, scope: &str, subject: &Bytes<32>) -> rusqlite::Result<Standing> {
    let query = "SELECT count(*), max(at) FROM ledger WHERE profile = ?1 AND scope = ?2 AND subject = ?3";
    let (count, last): (i64, Option<i64>) =
        connection.query_row(query, params![profile, scope, subject.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let query = "SELECT inside FROM ledger WHERE profile = ?1 AND scope = ?2 AND subject = ?3 ORDER BY id DESC LIMIT 1";
    let inside: Option<bool> =
        connection.query_row(query, params![profile, scope, subject.0], |row| row.get(0)).optional()?;
    Ok(Standing { count: count.unsigned_abs(), inside: inside.unwrap_or(false), last })
}

pub(crate) fn add_note(connection: &Connection, body: &Body) -> rusqlite::Result<()> {
    let mut event = [0; 16];
    let fail = |e: &dyn std::fmt::Display| rusqlite::Error::ToSqlConversionFailure(e.to_string().into());
    openssl::rand::rand_bytes(&mut event).map_err(|e| fail(&e))?;
    let body = serde_cbor::to_vec(body).map_err(|e| fail(&e))?;
    connection.execute("INSERT INTO note (event, body) VALUES (?1, ?2)", params![event, body])?;
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
