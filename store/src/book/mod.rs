//! The site's book: what the device keeps of visits, sealed row by row, and what follows from them.
//!
//! SQLite, write-ahead log, `synchronous=FULL`, `secure_delete=ON`. One transaction puts a visit on disk with everything
//! that follows from it: its record, its place in the ledger, what is to be sent to whom, and the event that tells of
//! it. After a cut of power there is all of it or nothing.
//!
//! # Schema, version 4 (`PRAGMA user_version`)
//! | table | row | in the clear | sealed |
//! |---|---|---|---|
//! | `record` | a visit that is kept | identifier, profile, day, marks of holder and party, when it is erased | [`Content`](visit::content::Content), party |
//! | `ledger` | somebody did something once | profile, scope, mark, in or out, when | keyed hash |
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
//! | `day_key` | a key, under which rows of one kind and day are sealed (`key`) | kind, day, whether rows of it are gone | the key |
//! | `day_state` | how far keys are | which secret they lie under, up to which they are destroyed, up to which day | |
//!
//! Version 2 brought `signer`, version 3 `stand` to `shift`, version 4 the keys (`book/days.rs`); an older book gets them when it is opened.
//! With a record everything goes that hangs on it: a trigger of the database sees to that, whoever erases.
//!
//! Whoever has the file without the key learns how many visits there were and when, and which rows of one day are of one person.

pub mod access;
pub mod changes;
mod days;
pub mod deliveries;
mod erasing;
pub mod figures;
mod ledger;
mod lists;
pub mod lodging;
mod rows;
mod schema;
pub mod seal;
pub mod signers;
pub mod tally;
mod upgrade;

pub use access::{Listed, Looked, Looker, Part, Seen, Which};
pub use changes::{Doing, Stated, Version};
use days::{Days, Framed, Kind};
use drivers::key_store::KeyStoreError;
use events::Body;
use events::chain::Class;
use events::event::Bytes;
use events::subject::Person;
use program::Coded;
pub use rows::{Entry, Message, Portal, Record, Retention, Served, Visit};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use schema::{SCHEMA, SIGNERS, VERSIONS};
use seal::Seal;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;
use visit::finished::Keeping;

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
    /// The secret that its keys lie under cannot be had, made or removed.
    #[error("the secret of the book")]
    Keys(#[from] KeyStoreError),
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
            Self::Keys(_) => "book_key_locked",
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
            "book_key_locked" => "restore the key directory, or enrol the device again",
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
    days: Days,
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
        let version = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(&failed)?;
        match version {
            0 => transaction.execute_batch(&[SCHEMA, SIGNERS, VERSIONS].concat()).map_err(&failed)?,
            1 => transaction.execute_batch(&[SIGNERS, VERSIONS].concat()).map_err(&failed)?,
            2 => transaction.execute_batch(VERSIONS).map_err(&failed)?,
            3 | 4 => {}
            newer => return Err(BookError::Schema(newer)),
        }
        let days = match version {
            4 => Days::open(&transaction, seal)?,
            older => upgrade::to_days(&transaction, seal, older != 0)?,
        };
        transaction.commit().map_err(&failed)?;
        // A cut of power may have come between the end of a key and that of the secret before.
        days.forget(&connection)?;
        Ok(Self { connection, days })
    }

    /// Begins to write. Another process may write beside this one, and destroy keys: what is sealed is sealed within.
    pub(crate) fn begin(&self, operation: &'static str) -> Result<Transaction<'_>, BookError> {
        Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate).map_err(failed(operation))
    }

    /// Rows and their keys as they are at one moment, where nothing is being written.
    fn moment(&self) -> Result<Option<Transaction<'_>>, BookError> {
        let begin = || Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred);
        self.connection.is_autocommit().then(begin).transpose().map_err(failed("read the book"))
    }

    /// Puts a visit onto the disk with everything that follows from it.
    ///
    /// # Errors
    /// When the disk fails; nothing was kept then.
    pub fn commit(&mut self, visit: &Visit<'_>) -> Result<Keeping<()>, BookError> {
        let failed = failed("keep a visit");
        let today = Some(Class::D1.epoch(visit.at));
        let transaction = self.begin("keep a visit")?;
        if let Some(entry) = &visit.entry
            && let Some(refusal) = ledger::enter(&transaction, &self.days, visit, entry)?
        {
            return Ok(Keeping::TooLate(refusal));
        }
        if visit.keep != Retention::NotKept {
            let erase_at = match visit.keep {
                Retention::Until(time) => Some(time),
                Retention::NotKept | Retention::UntilReported => None,
            };
            let sequence = i64::try_from(visit.sequence).unwrap_or(i64::MAX);
            let kept = rows::as_kept(visit.party.as_deref(), &visit.content.to_bytes());
            let framed = Framed::new(visit.subject.as_ref(), &kept);
            let sealed =
                self.days.frame(&transaction, (Kind::Record, today), &format!("record/{}", visit.id), &framed)?;
            let party = self.days.party(&transaction, sealed.key, visit.party.as_deref())?;
            transaction
                .execute(
                    "INSERT INTO record (id, profile, day, at, subject, party, sequence, number, erase_at, body, key)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                    params![
                        visit.id,
                        visit.profile,
                        visit.day,
                        visit.at,
                        sealed.subject,
                        party,
                        sequence,
                        visit.number,
                        erase_at,
                        sealed.body,
                        sealed.key
                    ],
                )
                .map_err(&failed)?;
            let insert = "INSERT INTO stand (record, version, staff) VALUES (?1, 1, ?2)";
            transaction.execute(insert, params![visit.id, visit.served.staff]).map_err(&failed)?;
        }
        let when = (visit.day.as_str(), visit.at);
        tally::count(&transaction, visit.profile, when, ("done", None), &visit.served).map_err(&failed)?;
        figures::count(&transaction, &self.days, visit.profile, &visit.day, &visit.counts)?;
        for message in &visit.messages {
            let place = format!("delivery/{}/{}", visit.id, message.recipient);
            let framed = Framed::new(visit.subject.as_ref(), &message.body);
            let sealed = self.days.frame(&transaction, (Kind::Message, today), &place, &framed)?;
            transaction
                .execute(
                    "INSERT INTO delivery (record, recipient, at, due, tries, state, subject, erase_at, body, key)
                     VALUES (?1, ?2, ?3, ?3, 0, 'due', ?4, ?5, ?6, ?7)",
                    params![
                        visit.id,
                        message.recipient,
                        visit.at,
                        sealed.subject,
                        message.erase_at,
                        sealed.body,
                        sealed.key
                    ],
                )
                .map_err(&failed)?;
        }
        add_note(&transaction, &visit.note).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(Keeping::Kept(()))
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
        self.days.handle(person)
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
mod erased;
#[cfg(test)]
pub(crate) mod tests;
