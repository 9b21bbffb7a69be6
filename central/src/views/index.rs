//! What the pages look things up in: a database of their own beside that of the log (`central.db` has `central.pages.db`).
//!
//! Of the log it has nothing that is not there, too: it follows the log event by event, and is made anew where the log is another
//! one than it was (a backup was put back). So no page holds up a device, and the log's schema knows nothing of pages. What it
//! has alone are alerts: since when, until when, and who took them.
//!
//! | table | a row is |
//! |---|---|
//! | `followed` | how far the log was read: one row |
//! | `event` | what a page shows of an event, with the site at which the device stood when it came |
//! | `state` | what a device said last of how it is |
//! | `tally`, `published` | a line of what a device counted; what was published of a month, as it was |
//! | `alert` | a trouble of a device, from the look that found it to the one that found it gone |

use crate::SqliteStore;
use crate::people::Scope;
use crate::store::{EventStore as _, StoreError};
use crate::views::care::Trouble;
use crate::views::tallies;
use events::{Body, Content};
use fleet::est::State;
use program::private;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params, params_from_iter};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const SCHEMA: &str = "
    CREATE TABLE followed (position INTEGER NOT NULL, hash BLOB) STRICT;
    INSERT INTO followed VALUES (0, NULL);
    CREATE TABLE event (
        id INTEGER PRIMARY KEY, device TEXT NOT NULL, site TEXT NOT NULL, sequence INTEGER NOT NULL, at INTEGER NOT NULL,
        received_at INTEGER NOT NULL, kind TEXT NOT NULL, known INTEGER NOT NULL, outcome TEXT NOT NULL, why TEXT, rung TEXT,
        profile TEXT NOT NULL) STRICT;
    CREATE INDEX event_at ON event (at);
    CREATE INDEX event_site ON event (site, at);
    CREATE INDEX event_device ON event (device, sequence);
    CREATE TABLE state (device TEXT PRIMARY KEY, at INTEGER NOT NULL, said TEXT NOT NULL) STRICT;
    CREATE TABLE alert (
        id INTEGER PRIMARY KEY, device TEXT NOT NULL, site TEXT NOT NULL, trouble TEXT NOT NULL, since INTEGER NOT NULL,
        ended INTEGER, taken_by TEXT, taken_at INTEGER) STRICT;
    CREATE UNIQUE INDEX alert_open ON alert (device, trouble) WHERE ended IS NULL;
    CREATE INDEX alert_since ON alert (since);
    PRAGMA user_version = 1;
";
const SCHEMA_VERSION: i64 = 1;
/// Alerts that are over are kept for so long.
const KEPT: i64 = 400 * 86_400;

/// One event, as pages show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// The device.
    pub device: String,
    /// Where it stood.
    pub site: String,
    /// The place of its chain.
    pub sequence: u64,
    /// When it happened, by the device's word: seconds since 1970.
    pub at: i64,
    /// When it came.
    pub received_at: i64,
    /// The kind.
    pub kind: String,
    /// Whether kind and keys are known here.
    pub known: bool,
    /// What came of it: a code; empty where the kind has none.
    pub outcome: String,
    /// Why: a code.
    pub why: Option<String>,
    /// How much was assured.
    pub rung: Option<String>,
    /// The profile.
    pub profile: String,
}

impl Shown {
    /// Of what an event says.
    fn of(content: &Content) -> Self {
        let event = match content {
            Content::Unknown { kind, .. } => {
                return Self { kind: kind.clone(), outcome: "kept".to_owned(), ..Self::default() };
            }
            Content::Known(event) => event,
        };
        let rung = |rung: Option<_>| rung.as_ref().map(code);
        let own = |outcome: &str, profile: &str| Self {
            kind: event.body.kind().to_owned(),
            known: true,
            outcome: outcome.to_owned(),
            profile: profile.to_owned(),
            ..Self::default()
        };
        match &event.body {
            Body::Verification(it) => {
                let outcome = it.word.as_ref().map(code).or_else(|| it.decision.as_ref().map(code));
                Self { rung: rung(it.rung), ..own(&outcome.unwrap_or_default(), &it.profile) }
            }
            Body::Visit(it) => {
                let why = it.why.clone().or_else(|| it.mark.as_ref().map(code));
                Self { rung: rung(it.rung), why, ..own(&it.result, &it.profile) }
            }
            Body::Consent(it) => own(&it.act, &it.profile),
            Body::Erasure(it) => Self { why: Some(it.why.clone()), ..own("erased", &it.profile) },
            Body::Disclosure(_) => own("disclosed", ""),
            Body::Signer(_) => own("seen", ""),
            Body::Access(it) => Self { why: Some(it.what.code().to_owned()), ..own("looked", &it.profile) },
            Body::Change(it) => Self { why: it.why.clone(), ..own(it.act.code(), &it.profile) },
            Body::Handover(it) => own("handed_over", &it.profile),
            Body::Tally(it) => own("counted", &it.profile),
            Body::Device(it) => Self { why: it.to.clone(), ..own(&it.what, "") },
            other => Self { kind: other.kind().to_owned(), known: true, ..Self::default() },
        }
    }
}

/// The word that stands for a member of a closed set.
fn code(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Which events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// From when on, seconds since 1970.
    pub from: Option<i64>,
    /// Until before when.
    pub until: Option<i64>,
    /// At which site.
    pub site: Option<String>,
    /// Of which device.
    pub device: Option<String>,
    /// Of which kind.
    pub kind: Option<String>,
    /// With which outcome.
    pub outcome: Option<String>,
    /// Behind this row, from the newest on.
    pub before: Option<i64>,
}

/// Events, and where the next ones begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The newest first.
    pub events: Vec<Shown>,
    /// What to ask for next; none at the end.
    pub next: Option<i64>,
    /// How many there are in all, or this many and more.
    pub count: u64,
}

/// What is counted at most: nobody reads further, and nobody waits for it.
pub const COUNTED: u64 = 100_000;

/// A trouble that is, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Names it.
    pub id: i64,
    /// The device.
    pub device: String,
    /// Where it stood.
    pub site: String,
    /// What is wrong.
    pub trouble: Trouble,
    /// Since when it is known, seconds since 1970.
    pub since: i64,
    /// When it was found gone.
    pub ended: Option<i64>,
    /// Who took it, and when.
    pub taken: Option<(String, i64)>,
}

/// What became of an alert that somebody takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Take {
    /// It is theirs.
    Taken,
    /// Somebody was first.
    Before(String),
    /// There is none of this number that they may see.
    Unknown,
}

/// The database of the pages.
#[derive(Debug)]
pub struct Index(Mutex<Connection>);

fn failed(operation: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { operation, source }
}

/// Where the database of the pages lies, beside that of the log.
#[must_use]
pub fn beside(db: &Path) -> PathBuf {
    db.with_extension("pages.db")
}

impl Index {
    /// Opens or makes it; only its owner reads it.
    ///
    /// # Errors
    /// When it cannot be opened or is of a newer version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        private::file(path).map_err(|source| StoreError::File { path: path.to_owned(), source })?;
        Self::prepare(Connection::open(path).map_err(failed("open the pages' database"))?)
    }

    /// One in memory.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::prepare(Connection::open_in_memory().map_err(failed("open the pages' database"))?)
    }

    fn prepare(mut connection: Connection) -> Result<Self, StoreError> {
        let failed = failed("open the pages' database");
        connection.busy_timeout(Duration::from_secs(10)).map_err(&failed)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(&failed)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        match transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(&failed)? {
            0 => transaction.execute_batch(&[tallies::SCHEMA, SCHEMA].concat()).map_err(&failed)?,
            SCHEMA_VERSION => {}
            newer => return Err(StoreError::Schema(newer)),
        }
        transaction.commit().map_err(&failed)?;
        Ok(Self(Mutex::new(connection)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is new in the log, `most` events at most; whether that was all.
    ///
    /// # Errors
    /// When a database fails.
    pub fn follow(&self, log: &SqliteStore, most: usize) -> Result<bool, StoreError> {
        let failed = failed("follow the log");
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?));
        let (mut position, hash): (u64, Option<[u8; 32]>) =
            transaction.query_row("SELECT position, hash FROM followed", [], row).map_err(&failed)?;
        if position > 0 && log.hash_at(position)? != hash {
            // Another log, or an older one.
            transaction.execute_batch("DELETE FROM event; DELETE FROM tally;").map_err(&failed)?;
            position = 0;
        }
        let (events, next) = log.scan(position, most)?;
        let all = events.len() < most;
        let mut sites: BTreeMap<String, String> = BTreeMap::new();
        {
            let insert = "INSERT INTO event
                              (device, site, sequence, at, received_at, kind, known, outcome, why, rung, profile)
                          VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
            let mut insert = transaction.prepare_cached(insert).map_err(&failed)?;
            for stored in &events {
                if !sites.contains_key(&stored.device) {
                    let site = log.device(&stored.device)?.map(|device| device.site).unwrap_or_default();
                    sites.insert(stored.device.clone(), site);
                }
                let Ok(received) = events::read_any(&stored.bytes) else { continue };
                let shown = Shown::of(&received.content);
                let sequence = i64::try_from(stored.sequence).unwrap_or(i64::MAX);
                if let Content::Known(event) = &received.content
                    && let Body::Tally(tally) = &event.body
                {
                    let site = sites.get(&stored.device).map(String::as_str).unwrap_or_default();
                    tallies::keep(&transaction, (&stored.device, sequence, site), tally).map_err(&failed)?;
                }
                let Shown { kind, known, outcome, why, rung, profile, .. } = shown;
                let site = sites.get(&stored.device);
                let (at, came) = (received.head.at, stored.received_at);
                insert
                    .execute(params![stored.device, site, sequence, at, came, kind, known, outcome, why, rung, profile])
                    .map_err(&failed)?;
            }
        }
        let last = events.last().map(|stored| events::hash(&stored.bytes).0).or_else(|| hash.filter(|_| position > 0));
        let to = i64::try_from(next).unwrap_or(i64::MAX);
        transaction.execute("UPDATE followed SET position = ?1, hash = ?2", params![to, last]).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(all)
    }

    /// Keeps how a device says that it is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn put_state(&self, device: &str, at: i64, state: &State) -> Result<(), StoreError> {
        let said = serde_json::to_string(state).unwrap_or_default();
        let put = "INSERT OR REPLACE INTO state (device, at, said) VALUES (?1, ?2, ?3)";
        self.lock().execute(put, params![device, at, said]).map(drop).map_err(failed("keep how a device is"))
    }

    /// How devices said that they are, and when.
    ///
    /// # Errors
    /// When the database fails.
    pub fn states(&self) -> Result<BTreeMap<String, (i64, State)>, StoreError> {
        let failed = failed("read how devices are");
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT device, at, said FROM state").map_err(&failed)?;
        let rows = statement.query_map([], |row| {
            let said: String = row.get(2)?;
            Ok((row.get(0)?, (row.get(1)?, serde_json::from_str(&said).unwrap_or_default())))
        });
        rows.and_then(Iterator::collect).map_err(&failed)
    }

    /// Events of one's places, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn events(&self, scope: &Scope, asked: &Asked, most: usize) -> Result<Found, StoreError> {
        let failed = failed("search events");
        let (clause, values) = condition(scope, asked);
        let connection = self.lock();
        let count = format!("SELECT count(*) FROM (SELECT 1 FROM event WHERE {clause} LIMIT {COUNTED})");
        let count = connection.query_row(&count, params_from_iter(&values), |row| row.get::<_, i64>(0));
        let count = count.map_err(&failed)?.unsigned_abs();
        let before = asked.before.unwrap_or(i64::MAX);
        let query = format!(
            "SELECT id, device, site, sequence, at, received_at, kind, known, outcome, why, rung, profile FROM event
             WHERE {clause} AND id < {before} ORDER BY id DESC LIMIT {}",
            most + 1
        );
        let mut statement = connection.prepare_cached(&query).map_err(&failed)?;
        let rows = statement.query_map(params_from_iter(&values), |row| {
            let shown = Shown {
                device: row.get(1)?,
                site: row.get(2)?,
                sequence: row.get::<_, i64>(3)?.unsigned_abs(),
                at: row.get(4)?,
                received_at: row.get(5)?,
                kind: row.get(6)?,
                known: row.get(7)?,
                outcome: row.get(8)?,
                why: row.get(9)?,
                rung: row.get(10)?,
                profile: row.get(11)?,
            };
            Ok((row.get::<_, i64>(0)?, shown))
        });
        let mut rows: Vec<(i64, Shown)> = rows.and_then(Iterator::collect).map_err(&failed)?;
        let more = rows.len() > most;
        rows.truncate(most);
        let next = rows.last().map(|(id, _)| *id).filter(|_| more);
        Ok(Found { events: rows.into_iter().map(|(_, shown)| shown).collect(), next, count })
    }

    /// What there is to choose from: the words of a column, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn kinds(&self, scope: &Scope) -> Result<(BTreeSet<String>, BTreeSet<String>), StoreError> {
        let failed = failed("list kinds");
        let connection = self.lock();
        let column = |column: &str| {
            let query = format!("SELECT DISTINCT {column} FROM event WHERE {}", Scope::clause("site", 1));
            let mut statement = connection.prepare_cached(&query)?;
            statement.query_map([scope.sql()], |row| row.get(0))?.collect::<rusqlite::Result<BTreeSet<String>>>()
        };
        Ok((column("kind").map_err(&failed)?, column("outcome").map_err(&failed)?))
    }

    /// Notes what is wrong now: what is new becomes an alert, what is gone ends. Only the devices that somebody looked at count.
    ///
    /// # Errors
    /// When the database fails.
    pub fn watch(&self, devices: &BTreeMap<String, (String, BTreeSet<Trouble>)>, now: i64) -> Result<(), StoreError> {
        let failed = failed("note what is wrong");
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let mut open: BTreeSet<(String, Trouble)> = BTreeSet::new();
        {
            let mut statement = transaction
                .prepare_cached("SELECT id, device, trouble FROM alert WHERE ended IS NULL")
                .map_err(&failed)?;
            let rows = statement
                .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)));
            let rows: Vec<_> = rows.and_then(Iterator::collect).map_err(&failed)?;
            for (id, device, word) in rows {
                let trouble = word.parse::<Trouble>().ok();
                let is = devices.get(&device).map(|(_, now)| trouble.is_some_and(|trouble| now.contains(&trouble)));
                match (is, trouble) {
                    (Some(true), Some(trouble)) => {
                        open.insert((device, trouble));
                    }
                    (Some(false), _) => {
                        let end = "UPDATE alert SET ended = ?2 WHERE id = ?1";
                        transaction.execute(end, params![id, now]).map_err(&failed)?;
                    }
                    _ => {}
                }
            }
            let insert = "INSERT INTO alert (device, site, trouble, since) VALUES (?1, ?2, ?3, ?4)
                          ON CONFLICT DO NOTHING";
            for (device, (site, troubles)) in devices {
                for trouble in troubles.iter().filter(|trouble| !open.contains(&(device.clone(), **trouble))) {
                    transaction.execute(insert, params![device, site, trouble.as_str(), now]).map_err(&failed)?;
                }
            }
        }
        transaction.execute("DELETE FROM alert WHERE ended < ?1", [now - KEPT]).map_err(&failed)?;
        transaction.commit().map_err(&failed)
    }

    /// Alerts of one's places: those that go on first, and the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn alerts(&self, scope: &Scope, most: usize) -> Result<Vec<Alert>, StoreError> {
        let failed = failed("list alerts");
        let query = format!(
            "SELECT id, device, site, trouble, since, ended, taken_by, taken_at FROM alert WHERE {}
             ORDER BY ended IS NOT NULL, coalesce(ended, since) DESC, id DESC LIMIT ?2",
            Scope::clause("site", 1)
        );
        let connection = self.lock();
        let mut statement = connection.prepare_cached(&query).map_err(&failed)?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![scope.sql(), most], |row| {
            let trouble: String = row.get(3)?;
            let (by, at): (Option<String>, Option<i64>) = (row.get(6)?, row.get(7)?);
            Ok(trouble.parse().ok().map(|trouble| {
                Ok::<_, rusqlite::Error>(Alert {
                    id: row.get(0)?,
                    device: row.get(1)?,
                    site: row.get(2)?,
                    trouble,
                    since: row.get(4)?,
                    ended: row.get(5)?,
                    taken: by.zip(at),
                })
            }))
        });
        let rows: Vec<_> = rows.and_then(Iterator::collect).map_err(&failed)?;
        // A newer version's word is none here.
        rows.into_iter().flatten().collect::<Result<_, _>>().map_err(&failed)
    }

    /// How many alerts of one's places go on and nobody has taken.
    ///
    /// # Errors
    /// When the database fails.
    pub fn waiting(&self, scope: &Scope) -> Result<u64, StoreError> {
        let query = format!(
            "SELECT count(*) FROM alert WHERE ended IS NULL AND taken_by IS NULL AND {}",
            Scope::clause("site", 1)
        );
        let count = self.lock().query_row(&query, [scope.sql()], |row| row.get::<_, i64>(0));
        count.map(i64::unsigned_abs).map_err(failed("count alerts"))
    }

    /// Somebody takes an alert of one of their places. Whoever was first has it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn take(&self, scope: &Scope, id: i64, by: &str, now: i64) -> Result<Take, StoreError> {
        let failed = failed("take an alert");
        let connection = self.lock();
        let update = format!(
            "UPDATE alert SET taken_by = ?3, taken_at = ?4 WHERE id = ?2 AND taken_by IS NULL AND {}",
            Scope::clause("site", 1)
        );
        if connection.execute(&update, params![scope.sql(), id, by, now]).map_err(&failed)? == 1 {
            return Ok(Take::Taken);
        }
        let query = format!("SELECT taken_by FROM alert WHERE id = ?2 AND {}", Scope::clause("site", 1));
        let taken = connection.query_row(&query, params![scope.sql(), id], |row| row.get::<_, Option<String>>(0));
        match taken.optional().map_err(&failed)?.flatten() {
            Some(who) if who == by => Ok(Take::Taken),
            Some(who) => Ok(Take::Before(who)),
            None => Ok(Take::Unknown),
        }
    }
}

/// The condition of a search and its parameters, the scope first.
fn condition(scope: &Scope, asked: &Asked) -> (String, Vec<rusqlite::types::Value>) {
    use rusqlite::types::Value;
    let mut clause = Scope::clause("site", 1);
    let mut values = vec![Value::Text(scope.sql())];
    let mut and = |column: &str, value: Option<Value>| {
        if let Some(value) = value {
            values.push(value);
            clause.push_str(&format!(" AND {column} ?{}", values.len()));
        }
    };
    let text = |text: &Option<String>| text.clone().map(Value::Text);
    and("at >=", asked.from.map(Value::Integer));
    and("at <", asked.until.map(Value::Integer));
    and("site =", text(&asked.site));
    and("device =", text(&asked.device));
    and("kind =", text(&asked.kind));
    and("outcome =", text(&asked.outcome));
    (clause, values)
}

#[cfg(test)]
mod tests;
