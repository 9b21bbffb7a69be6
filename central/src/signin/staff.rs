//! The staff that have a pass word here, and where each may look. Its tables (`PRAGMA user_version` 7, made by `store::staff`):
//!
//! | table | a row is |
//! |---|---|
//! | `staff` | somebody with a role and a pass word |
//! | `staff_place` | a site or unit of somebody |
//! | `staff_ended` | a name all of whose sessions until a time are over |
//! | `unit_site` | a site that stands in a unit |

use crate::people::{Person, Role, Scope};
use crate::store::{StoreError, sqlite};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

impl FromSql for Role {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl ToSql for Role {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

/// A pass word, as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PassWord {
    /// Cost and salt of the hash.
    pub salt: Vec<u8>,
    /// Argon2id.
    pub hash: Vec<u8>,
}

/// Where somebody may look, as an operator says it. What nobody says is nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Places {
    /// All sites.
    #[serde(default)]
    pub everywhere: bool,
    /// Sites by name.
    #[serde(default)]
    pub sites: BTreeSet<String>,
    /// Units: all sites that stand there now.
    #[serde(default)]
    pub units: BTreeSet<String>,
}

/// Somebody of the table, for a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Their name.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// Where they may look.
    #[serde(flatten)]
    pub places: Places,
}

/// What the table says of a name now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// Who it is and by which pass word, where it is one of the table.
    pub(super) local: Option<(PassWord, Person)>,
    /// Sessions that began until then are over, seconds since 1970.
    pub(super) ended: Option<i64>,
}

fn failed(operation: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { operation, source }
}

/// The tables.
#[derive(Debug)]
pub struct Staff(Mutex<Connection>);

impl Staff {
    /// Opens the tables of a database that the event store has made.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = failed("open the staff's table");
        let connection = sqlite::existing(path)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(&failed)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(&failed)?;
        Ok(Self(Mutex::new(connection)))
    }

    fn change<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let failed = failed("change the staff's table");
        let mut connection = program::lock(&self.0);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let done = work(&transaction).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(done)
    }

    /// The sites of some places, as units have them now.
    ///
    /// # Errors
    /// When the database fails.
    pub fn scope(&self, places: &Places) -> Result<Scope, StoreError> {
        scope(&program::lock(&self.0), places).map_err(failed("look up a unit"))
    }

    pub(super) fn standing(&self, name: &str) -> Result<Standing, StoreError> {
        let connection = program::lock(&self.0);
        let look = || {
            let query = "SELECT role, everywhere, salt, hash FROM staff WHERE name = ?1";
            let row = |row: &rusqlite::Row<'_>| {
                let pass_word = PassWord { salt: row.get(2)?, hash: row.get(3)? };
                Ok((row.get::<_, Role>(0)?, row.get::<_, bool>(1)?, pass_word))
            };
            let found = connection.query_row(query, [name], row).optional()?;
            let local = match found {
                None => None,
                Some((role, everywhere, pass_word)) => {
                    let places = Places { everywhere, ..places(&connection, name)? };
                    Some((pass_word, Person::new(name, role, scope(&connection, &places)?)))
                }
            };
            let ended = "SELECT at FROM staff_ended WHERE name = ?1";
            Ok(Standing { local, ended: connection.query_row(ended, [name], |row| row.get(0)).optional()? })
        };
        look().map_err(failed("look up a person"))
    }

    /// Keeps somebody, who may look at `places` and nowhere else.
    ///
    /// # Errors
    /// When the database fails.
    pub fn put(&self, member: &Member, pass_word: &PassWord, (at, by): (i64, &str)) -> Result<(), StoreError> {
        self.change(|change| {
            let Member { name, role, .. } = member;
            change.execute("DELETE FROM staff WHERE name = ?1", [name])?;
            let query = "INSERT INTO staff (name, role, everywhere, salt, hash) VALUES (?1, ?2, 0, ?3, ?4)";
            change.execute(query, params![name, role, pass_word.salt, pass_word.hash])?;
            placed(change, member)?;
            journal(change, "staff_put", (at, by), &format!("{name}: {}", said(member)))
        })
    }

    /// Gives somebody another role and other places. False where there is nobody of this name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn place(&self, member: &Member, (at, by): (i64, &str)) -> Result<bool, StoreError> {
        self.change(|change| {
            let Member { name, role, .. } = member;
            let there = change.execute("UPDATE staff SET role = ?2 WHERE name = ?1", params![name, role])? == 1;
            if there {
                placed(change, member)?;
                journal(change, "staff_placed", (at, by), &format!("{name}: {}", said(member)))?;
            }
            Ok(there)
        })
    }

    /// Forgets somebody; their sessions end. False where there is nobody of this name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn remove(&self, name: &str, (at, by): (i64, &str)) -> Result<bool, StoreError> {
        self.change(|change| {
            let there = change.execute("DELETE FROM staff WHERE name = ?1", [name])? == 1;
            if there {
                journal(change, "staff_removed", (at, by), name)?;
            }
            Ok(there)
        })
    }

    /// Ends all sessions of a name that began until now, wherever they signed in.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end(&self, name: &str, (at, by): (i64, &str)) -> Result<(), StoreError> {
        self.change(|change| {
            change.execute("INSERT OR REPLACE INTO staff_ended (name, at) VALUES (?1, ?2)", params![name, at])?;
            journal(change, "sessions_ended", (at, by), name)
        })
    }

    /// Says which sites stand in a unit: these, and no other.
    ///
    /// # Errors
    /// When the database fails.
    pub fn unit(&self, unit: &str, sites: &BTreeSet<String>, (at, by): (i64, &str)) -> Result<(), StoreError> {
        self.change(|change| {
            change.execute("DELETE FROM unit_site WHERE unit = ?1", [unit])?;
            for site in sites {
                change.execute("INSERT INTO unit_site (unit, site) VALUES (?1, ?2)", [unit, site])?;
            }
            let list: Vec<&str> = sites.iter().map(String::as_str).collect();
            journal(change, "unit_set", (at, by), &format!("{unit}: {}", list.join(", ")))
        })
    }

    /// The units with their sites.
    ///
    /// # Errors
    /// When the database fails.
    pub fn units(&self) -> Result<BTreeMap<String, BTreeSet<String>>, StoreError> {
        let connection = program::lock(&self.0);
        let look = || {
            let mut statement = connection.prepare("SELECT unit, site FROM unit_site")?;
            let mut units = BTreeMap::<String, BTreeSet<String>>::new();
            let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
            for row in rows {
                let (unit, site) = row?;
                units.entry(unit).or_default().insert(site);
            }
            Ok(units)
        };
        look().map_err(failed("list the units"))
    }

    /// Everybody, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn list(&self) -> Result<Vec<Member>, StoreError> {
        let connection = program::lock(&self.0);
        let look = || {
            let mut statement = connection.prepare("SELECT name, role, everywhere FROM staff ORDER BY name")?;
            let rows = statement
                .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Role>(1)?, row.get::<_, bool>(2)?)))?;
            let each = |row: rusqlite::Result<(String, Role, bool)>| {
                let (name, role, everywhere) = row?;
                let places = Places { everywhere, ..places(&connection, &name)? };
                Ok(Member { name, role, places })
            };
            rows.map(each).collect::<rusqlite::Result<_>>()
        };
        look().map_err(failed("list the staff"))
    }
}

fn said(Member { role, places, .. }: &Member) -> String {
    let list = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    match places.everywhere {
        true => format!("{role}, everywhere"),
        false => format!("{role}, sites: {}; units: {}", list(&places.sites), list(&places.units)),
    }
}

fn placed(change: &Transaction<'_>, Member { name, places, .. }: &Member) -> rusqlite::Result<()> {
    change.execute("UPDATE staff SET everywhere = ?2 WHERE name = ?1", params![name, places.everywhere])?;
    change.execute("DELETE FROM staff_place WHERE name = ?1", [name])?;
    for (kind, names) in [("site", &places.sites), ("unit", &places.units)] {
        for place in names {
            let query = "INSERT INTO staff_place (name, kind, place) VALUES (?1, ?2, ?3)";
            change.execute(query, [name, kind, place])?;
        }
    }
    Ok(())
}

fn journal(change: &Transaction<'_>, what: &str, (at, by): (i64, &str), why: &str) -> rusqlite::Result<()> {
    let query = "INSERT INTO fleet_journal (at, device, what, who, why) VALUES (?1, '-', ?2, ?3, ?4)";
    change.execute(query, params![at, what, by, why]).map(drop)
}

fn places(connection: &Connection, name: &str) -> rusqlite::Result<Places> {
    let mut found = Places::default();
    let mut statement = connection.prepare_cached("SELECT kind, place FROM staff_place WHERE name = ?1")?;
    let rows = statement.query_map([name], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    for row in rows {
        let (kind, place) = row?;
        match kind.as_str() {
            "site" => found.sites.insert(place),
            "unit" => found.units.insert(place),
            // A kind that a newer version knows is nowhere here.
            _ => continue,
        };
    }
    Ok(found)
}

fn scope(connection: &Connection, places: &Places) -> rusqlite::Result<Scope> {
    if places.everywhere {
        return Ok(Scope::everywhere());
    }
    let mut sites = places.sites.clone();
    let mut statement = connection.prepare_cached("SELECT site FROM unit_site WHERE unit = ?1")?;
    for unit in &places.units {
        for site in statement.query_map([unit], |row| row.get(0))? {
            sites.insert(site?);
        }
    }
    Ok(Scope::of(sites))
}
