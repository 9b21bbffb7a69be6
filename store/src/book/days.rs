//! A key a day for what the book keeps of people, so that what is erased is gone.
//!
//! What SQLite deletes it overwrites in its file; what lies below the file (the pages of a flash chip), or in a copy of it, nobody
//! overwrites. So each row is sealed under the key of its kind and day (`day_key`), and by what a person is found again is
//! kept as a mark under the same key. When rows have gone, by whichever way, their key goes: rows that stay are sealed anew
//! first. The keys lie in the book, sealed under a secret of the key store; with each destruction all that stay are
//! sealed under the next secret, and the one before is removed ([`super::seal`]). All of it is one transaction, and what a cut of
//! power leaves is a whole book and, at worst, a secret that the next start removes.
//!
//! Nobody has to think of it where rows are erased: triggers of the database note under `spent` of which keys some are gone.
//! No live row is ever lost by a clock: only keys whose rows are gone, or sealed anew, are destroyed.
//!
//! | kind | rows |
//! |---|---|
//! | `record` | `record`, and `change` under the key of its record |
//! | `message` | `delivery` |
//! | `list`, `setting`, `shift` | `roster`, `setting`, `shift` |
//! | `ledger` | `ledger`: the keyed hash that it counts by |
//! | `find` | none: makes of a person what marks are made of, stays as long as the book, and finds nobody by itself |

use super::seal::{Key, Seal, seal, unseal};
use super::{BookError, failed};
use drivers::key_store::KeyStoreError;
use events::event::Bytes;
use events::subject::{Person, Purpose, keyed};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Record,
    Message,
    List,
    Setting,
    Shift,
    Ledger,
}

/// The kind of the one key that finds.
const FIND: &str = "find";

impl Kind {
    pub(super) const fn id(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Message => "message",
            Self::List => "list",
            Self::Setting => "setting",
            Self::Shift => "shift",
            Self::Ledger => "ledger",
        }
    }
}

/// A table with sealed rows.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The sealed column; beside it stands `key`.
    pub(super) body: &'static str,
    /// Where a row lies, in SQL.
    pub(super) place: &'static str,
    /// In which a person is found: [`Framed`], with a mark in `subject`.
    pub(super) finds: bool,
    /// In which a row is written over, or emptied, and what stood there is to be gone.
    pub(super) replaced: bool,
}

/// All of them. A test compares with the schema.
pub(super) const TABLES: [Table; 7] = [
    Table { name: "record", kind: Kind::Record, body: "body", place: "'record/' || id", finds: true, replaced: false },
    Table {
        name: "change",
        kind: Kind::Record,
        body: "body",
        place: "'change/' || record || '/' || number",
        finds: false,
        replaced: false,
    },
    Table {
        name: "delivery",
        kind: Kind::Message,
        body: "body",
        place: "'delivery/' || record || '/' || recipient",
        finds: true,
        replaced: true,
    },
    Table {
        name: "roster",
        kind: Kind::List,
        body: "body",
        place: "'roster/' || profile || '/' || id",
        finds: false,
        replaced: true,
    },
    Table {
        name: "setting",
        kind: Kind::Setting,
        body: "value",
        place: "'setting/' || name",
        finds: false,
        replaced: true,
    },
    Table { name: "shift", kind: Kind::Shift, body: "body", place: "'shift/' || at", finds: false, replaced: false },
    Table {
        name: "ledger",
        kind: Kind::Ledger,
        body: "body",
        place: "'ledger/' || profile || '/' || scope || '/' || at",
        finds: true,
        replaced: false,
    },
];

/// A sealed row with the key that it is under.
pub(super) struct Sealed {
    pub(super) key: i64,
    pub(super) body: Vec<u8>,
    /// The mark of whose it is.
    pub(super) subject: Option<Vec<u8>>,
}

/// What is sealed of a row in which a person is found: under what they are found, and the rest.
pub(super) struct Framed(Zeroizing<Vec<u8>>);

impl Framed {
    pub(super) fn new(handle: Option<&Bytes<32>>, rest: &[u8]) -> Self {
        let mut bytes = Zeroizing::new(Vec::with_capacity(33 + rest.len()));
        bytes.push(u8::from(handle.is_some()));
        bytes.extend_from_slice(&handle.map_or([0; 32], |handle| handle.0));
        bytes.extend_from_slice(rest);
        Self(bytes)
    }

    fn parse(plain: Zeroizing<Vec<u8>>) -> Option<Self> {
        (plain.len() >= 33 && plain[0] <= 1).then_some(Self(plain))
    }

    pub(super) fn handle(&self) -> Option<Bytes<32>> {
        (self.0[0] == 1).then(|| Bytes(std::array::from_fn(|at| self.0[at + 1])))
    }

    pub(super) fn rest(&self) -> &[u8] {
        &self.0[33..]
    }

    pub(super) fn into_plain(self) -> Zeroizing<Vec<u8>> {
        self.0
    }
}

/// The party in the body of a record.
#[derive(Deserialize)]
struct InParty {
    party: Option<String>,
}

struct Open {
    wrap: Option<(i64, Key)>,
    keys: BTreeMap<i64, Key>,
}

/// The keys of a book.
pub(super) struct Days {
    pub(super) seal: Seal,
    find: Key,
    open: RefCell<Open>,
}

impl std::fmt::Debug for Days {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Days({})", self.open.borrow().keys.len())
    }
}

fn random() -> Result<Key, BookError> {
    let mut key = Zeroizing::new([0; 32]);
    openssl::rand::rand_priv_bytes(&mut *key)?;
    Ok(key)
}

fn place(id: i64, kind: &str, day: u32) -> String {
    format!("day_key/{id}/{kind}/{day}")
}

fn mark_under(key: &Key, what: &str, bytes: &[u8]) -> [u8; 32] {
    keyed(&**key, "cccd-book-v4", &[what.as_bytes(), bytes]).0
}

fn state(connection: &Connection, column: &str) -> Result<i64, BookError> {
    let query = format!("SELECT {column} FROM day_state");
    connection.query_row(&query, [], |row| row.get(0)).map_err(failed("read the state of the keys"))
}

fn is_one(column: &str) -> String {
    format!("SELECT {column} FROM day_key WHERE ")
}

impl Days {
    /// The keys of a book that has none yet, in the transaction that makes it. `find` is what found people before.
    pub(super) fn begin(connection: &Connection, seal: Seal, find: Option<Key>) -> Result<Self, BookError> {
        let find = find.map_or_else(random, Ok)?;
        let first = state(connection, "generation")?;
        let wrap = Some((first, seal.fresh(first)?));
        let days = Self { seal, find, open: RefCell::new(Open { wrap, keys: BTreeMap::new() }) };
        days.add(connection, FIND, 0, days.find.clone())?;
        Ok(days)
    }

    /// Those of one that has.
    pub(super) fn open(connection: &Connection, seal: Seal) -> Result<Self, BookError> {
        let open = RefCell::new(Open { wrap: None, keys: BTreeMap::new() });
        let mut days = Self { seal, find: Key::default(), open };
        let id = connection.query_row(&(is_one("id") + "kind = ?1"), [FIND], |row| row.get(0));
        let id: Option<i64> = id.optional().map_err(failed("read a key"))?;
        days.find = days.key(connection, id.ok_or_else(|| BookError::Sealed(FIND.to_owned()))?)?;
        Ok(days)
    }

    /// Under what a person's rows are found: marks are made of it, and it is nowhere on the disk but sealed.
    pub(super) fn handle(&self, person: &Person) -> Bytes<32> {
        person.hash(&*self.find, Purpose::Book)
    }

    fn wrap(&self, number: i64) -> Result<Key, KeyStoreError> {
        if let Some((known, key)) = &self.open.borrow().wrap
            && *known == number
        {
            return Ok(key.clone());
        }
        let key = self.seal.secret(number)?;
        self.open.borrow_mut().wrap = Some((number, key.clone()));
        Ok(key)
    }

    fn key(&self, connection: &Connection, id: i64) -> Result<Key, BookError> {
        if let Some(key) = self.open.borrow().keys.get(&id) {
            return Ok(key.clone());
        }
        let query = "SELECT generation, kind, day, day_key.body FROM day_key, day_state WHERE id = ?1";
        let row = connection.query_row(query, [id], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get::<_, Vec<u8>>(3)?))
        });
        let gone = || BookError::Sealed(format!("day_key/{id}"));
        let (number, kind, day, body) = row.optional().map_err(failed("read a key"))?.ok_or_else(gone)?;
        let plain = unseal(&self.wrap(number)?, &place(id, &kind, day), &body).ok_or_else(gone)?;
        let key: [u8; 32] = plain.as_slice().try_into().map_err(|_| gone())?;
        let key = Zeroizing::new(key);
        self.open.borrow_mut().keys.insert(id, key.clone());
        Ok(key)
    }

    fn add(&self, connection: &Connection, kind: &str, day: u32, key: Key) -> Result<i64, BookError> {
        // By chance and not counted: what is known of a key that a transaction took back is no other key's.
        let mut id = [0; 8];
        openssl::rand::rand_bytes(&mut id)?;
        let id = i64::from_be_bytes(id) & i64::MAX;
        let wrap = self.wrap(state(connection, "generation")?)?;
        let sealed = seal(&wrap, &place(id, kind, day), &*key)?;
        let insert = "INSERT INTO day_key (id, kind, day, body) VALUES (?1, ?2, ?3, ?4)";
        connection.execute(insert, params![id, kind, day, sealed]).map_err(failed("keep a key"))?;
        self.open.borrow_mut().keys.insert(id, key);
        Ok(id)
    }

    /// The key of a kind and a day, which is made where it is not there; of the latest day that the book knows, where none is
    /// named.
    pub(super) fn of(&self, connection: &Connection, kind: Kind, day: Option<u32>) -> Result<i64, BookError> {
        let failed = failed("read a key");
        let latest = "SELECT max(rolled, coalesce((SELECT max(day) FROM day_key), 0)) FROM day_state";
        let day = match day {
            Some(day) => day,
            None => connection.query_row(latest, [], |row| row.get(0)).map_err(&failed)?,
        };
        let query = is_one("id") + "kind = ?1 AND day = ?2";
        let id = connection.query_row(&query, params![kind.id(), day], |row| row.get(0));
        match id.optional().map_err(&failed)? {
            Some(id) => Ok(id),
            None => self.add(connection, kind.id(), day, random()?),
        }
    }

    /// Seals a row under the key of its kind and day. Part of the transaction that writes the row: another process may destroy
    /// keys between two.
    pub(super) fn seal(
        &self,
        connection: &Connection,
        (kind, day): (Kind, Option<u32>),
        place: &str,
        plain: &[u8],
    ) -> Result<Sealed, BookError> {
        let key = self.of(connection, kind, day)?;
        self.seal_under(connection, key, place, plain)
    }

    /// The same of a row in which a person is found.
    pub(super) fn frame(
        &self,
        connection: &Connection,
        (kind, day): (Kind, Option<u32>),
        place: &str,
        framed: &Framed,
    ) -> Result<Sealed, BookError> {
        let key = self.of(connection, kind, day)?;
        self.frame_under(connection, key, place, framed)
    }

    /// Seals a row under a key that is there.
    pub(super) fn seal_under(
        &self,
        connection: &Connection,
        key: i64,
        place: &str,
        plain: &[u8],
    ) -> Result<Sealed, BookError> {
        Ok(Sealed { key, body: seal(&self.key(connection, key)?, place, plain)?, subject: None })
    }

    /// The same of a row in which a person is found.
    pub(super) fn frame_under(
        &self,
        connection: &Connection,
        key: i64,
        place: &str,
        framed: &Framed,
    ) -> Result<Sealed, BookError> {
        let subject = framed.handle().map(|handle| self.mark(connection, key, "person", &handle.0)).transpose()?;
        let subject = subject.map(|mark| mark.to_vec());
        Ok(Sealed { subject, ..self.seal_under(connection, key, place, &framed.0)? })
    }

    /// Opens a row.
    pub(super) fn unseal(
        &self,
        connection: &Connection,
        key: Option<i64>,
        place: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, BookError> {
        let closed = || BookError::Sealed(place.to_owned());
        unseal(&self.key(connection, key.ok_or_else(closed)?)?, place, sealed).ok_or_else(closed)
    }

    /// Opens a row in which a person is found.
    pub(super) fn unframe(
        &self,
        connection: &Connection,
        key: Option<i64>,
        place: &str,
        sealed: &[u8],
    ) -> Result<Framed, BookError> {
        let plain = self.unseal(connection, key, place, sealed)?;
        Framed::parse(plain).ok_or_else(|| BookError::Sealed(place.to_owned()))
    }

    /// The mark of something under a key.
    pub(super) fn mark(
        &self,
        connection: &Connection,
        key: i64,
        what: &str,
        bytes: &[u8],
    ) -> Result<[u8; 32], BookError> {
        Ok(mark_under(&self.key(connection, key)?, what, bytes))
    }

    /// The marks that something may have, as a JSON list of hexadecimal strings: one under each key of a kind.
    pub(super) fn marks(
        &self,
        connection: &Connection,
        kind: Kind,
        what: &str,
        bytes: &[u8],
    ) -> Result<String, BookError> {
        let marks = ids(connection, "kind = ?1", &[&kind.id()])?
            .into_iter()
            .map(|key| Ok(Bytes(self.mark(connection, key, what, bytes)?).to_string()));
        let marks = marks.collect::<Result<Vec<_>, BookError>>()?;
        Ok(serde_json::Value::from(marks).to_string())
    }

    /// Destroys keys of which rows are gone: those of days before `day`; all, where somebody asked for it. Before the last
    /// of a day's rows is gone its key waits for the next day, so that a day's rows are sealed anew once at most. True where
    /// there was one; [`Days::forget`] is to follow when that is on the disk.
    pub(super) fn roll(&self, connection: &Connection, day: Option<u32>) -> Result<bool, BookError> {
        let failed = failed("destroy keys");
        let spent = match day {
            None => ids(connection, "spent", &[])?,
            Some(day) => {
                let is_new = i64::from(day) > state(connection, "rolled")?;
                let rows = |table: &Table| format!("NOT EXISTS (SELECT 1 FROM {} WHERE key = day_key.id)", table.name);
                let empty = TABLES.iter().map(rows).collect::<Vec<_>>().join(" AND ");
                let spent = ids(connection, &format!("spent AND day < ?1 AND (?2 OR ({empty}))"), &[&day, &is_new])?;
                connection.execute("UPDATE day_state SET rolled = max(rolled, ?1)", [day]).map_err(&failed)?;
                spent
            }
        };
        if spent.is_empty() {
            return Ok(false);
        }
        for key in spent {
            self.move_rows(connection, key)?;
            connection.execute("DELETE FROM day_key WHERE id = ?1", [key]).map_err(&failed)?;
            self.open.borrow_mut().keys.remove(&key);
        }
        let next = state(connection, "generation")? + 1;
        let wrap = self.seal.fresh(next)?;
        let query = "SELECT id, kind, day FROM day_key";
        let mut statement = connection.prepare(query).map_err(&failed)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?)));
        let stay = rows.map_err(&failed)?.collect::<Result<Vec<_>, _>>().map_err(&failed)?;
        for (id, kind, day) in stay {
            let sealed = seal(&wrap, &place(id, &kind, day), &*self.key(connection, id)?)?;
            connection.execute("UPDATE day_key SET body = ?2 WHERE id = ?1", params![id, sealed]).map_err(&failed)?;
        }
        connection.execute("UPDATE day_state SET generation = ?1", [next]).map_err(&failed)?;
        // Not before all of it is on the disk is this the secret.
        self.open.borrow_mut().wrap = None;
        Ok(true)
    }

    /// Seals the rows that are left under a key anew, under another of the same kind and day.
    fn move_rows(&self, connection: &Connection, old: i64) -> Result<(), BookError> {
        let failed = failed("seal rows anew");
        let of = connection
            .query_row(&(is_one("kind, day") + "id = ?1"), [old], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)));
        let (kind, day) = of.map_err(&failed)?;
        let mut fresh = None;
        for table in TABLES.iter().filter(|table| table.kind.id() == kind) {
            for (row, place, body) in rows(connection, table, "key = ?1", &[&old])? {
                let new = match fresh {
                    Some(new) => new,
                    None => *fresh.insert(self.add(connection, &kind, day, random()?)?),
                };
                let plain = self.unseal(connection, Some(old), &place, &body)?;
                self.put(connection, table, (row, new), &place, plain)?;
            }
        }
        Ok(())
    }

    /// Writes a row anew that is there, under a key.
    pub(super) fn put(
        &self,
        connection: &Connection,
        table: &Table,
        (row, key): (i64, i64),
        place: &str,
        plain: Zeroizing<Vec<u8>>,
    ) -> Result<(), BookError> {
        let failed = failed("seal rows anew");
        let Table { name, body, .. } = table;
        if !table.finds {
            let sealed = self.seal_under(connection, key, place, &plain)?;
            let update = format!("UPDATE {name} SET key = ?2, {body} = ?3 WHERE rowid = ?1");
            connection.execute(&update, params![row, key, sealed.body]).map_err(&failed)?;
            return Ok(());
        }
        let framed = Framed::parse(plain).ok_or_else(|| BookError::Sealed(place.to_owned()))?;
        let sealed = self.frame_under(connection, key, place, &framed)?;
        let update = format!("UPDATE {name} SET key = ?2, {body} = ?3, subject = ?4 WHERE rowid = ?1");
        connection.execute(&update, params![row, key, sealed.body, sealed.subject]).map_err(&failed)?;
        if table.name == "record" {
            let closed = |_| BookError::Sealed(place.to_owned());
            let InParty { party } = serde_json::from_slice(framed.rest()).map_err(closed)?;
            let party = self.party(connection, key, party.as_deref())?;
            let update = "UPDATE record SET party = ?2 WHERE rowid = ?1";
            connection.execute(update, params![row, party]).map_err(&failed)?;
        }
        Ok(())
    }

    /// The mark of a party, as it stands beside a record.
    pub(super) fn party(
        &self,
        connection: &Connection,
        key: i64,
        party: Option<&str>,
    ) -> Result<Option<String>, BookError> {
        let mark = |party: &str| Ok(Bytes(self.mark(connection, key, "party", party.as_bytes())?).to_string());
        party.map(mark).transpose()
    }

    /// Removes every secret that nothing lies under any more. To be called when that is on the disk.
    pub(super) fn forget(&self, connection: &Connection) -> Result<(), BookError> {
        let (destroyed, generation) = (state(connection, "destroyed")?, state(connection, "generation")?);
        if destroyed + 1 < generation {
            // The log beside the file has the keys as they lay under the secret before.
            checkpoint(connection)?;
            for number in destroyed + 1..generation {
                self.seal.remove(number)?;
            }
            let update = "UPDATE day_state SET destroyed = max(destroyed, ?1)";
            connection.execute(update, [generation - 1]).map_err(failed("destroy keys"))?;
        }
        Ok(())
    }
}

/// What was erased must not live on in the log beside the file.
pub(super) fn checkpoint(connection: &Connection) -> Result<(), BookError> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(failed("empty the log of the book"))
}

fn ids(connection: &Connection, clause: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<i64>, BookError> {
    let failed = failed("read keys");
    let mut statement = connection.prepare(&(is_one("id") + clause)).map_err(&failed)?;
    let rows = statement.query_map(values, |row| row.get(0)).map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(&failed)
}

/// Rows with something sealed in them: where they lie, and what.
pub(super) fn rows(
    connection: &Connection,
    table: &Table,
    clause: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<Vec<(i64, String, Vec<u8>)>, BookError> {
    let failed = failed("read sealed rows");
    let Table { name, body, place, .. } = table;
    let query = format!("SELECT rowid, {place}, {body} FROM {name} WHERE {body} IS NOT NULL AND {clause}");
    let mut statement = connection.prepare(&query).map_err(&failed)?;
    let rows = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(&failed)
}
