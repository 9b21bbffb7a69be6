//! What staff ask of the log and of what stands beside it: how each device's chain stands, what is strange of it, which bundle is
//! the newest at its site. It is read from a connection of its own, so that nobody who looks holds up what devices send.

use super::StoreError;
use super::sqlite::SqliteStore;
use crate::people::Scope;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::BTreeMap;

/// What the log knows of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// The last place of its chain; 0 where it has sent nothing.
    pub sequence: u64,
    /// When the last event came, seconds since 1970.
    pub received_at: Option<i64>,
    /// Events of kinds, or with keys, that were not known when they came.
    pub unknown: u64,
    /// Places that were passed over, because what came for them cannot be read.
    pub passed: u64,
    /// Signed events that contradict its chain.
    pub evidence: u64,
    /// Of the last day with events: which, counted since 1970; how many were ahead of central's clock; the least delay in seconds.
    pub clock: Option<(i64, u64, i64)>,
    /// The newest bundle that was published for its site: version, and when.
    pub newest: Option<(u64, i64)>,
}

/// A deed at a device, as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// When, seconds since 1970.
    pub at: i64,
    /// What.
    pub what: String,
    /// By whom.
    pub who: String,
    /// Why, or what exactly.
    pub why: Option<String>,
}

/// Something of a device that is kept apart, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    /// The place of its chain.
    pub sequence: u64,
    /// What is wrong.
    pub code: String,
    /// When it came, seconds since 1970.
    pub received_at: i64,
}

fn failed(source: rusqlite::Error) -> StoreError {
    StoreError::Database { operation: "look at devices", source }
}

fn counted(connection: &Connection, query: &str) -> rusqlite::Result<Vec<(String, u64)>> {
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
    rows.collect()
}

fn looks(connection: &Connection, scope: &Scope) -> rusqlite::Result<BTreeMap<String, Look>> {
    let mut all = BTreeMap::new();
    let mut sites = BTreeMap::new();
    let query = format!(
        "SELECT name, site, (SELECT max(sequence) FROM event WHERE device = name),
             (SELECT received_at FROM event WHERE device = name ORDER BY sequence DESC LIMIT 1)
         FROM (SELECT name, site FROM fleet_device UNION SELECT name, site FROM device
               WHERE name NOT IN (SELECT name FROM fleet_device)) WHERE {}",
        Scope::clause("site", 1)
    );
    let mut statement = connection.prepare_cached(&query)?;
    let rows = statement.query_map([scope.sql()], |row| {
        let sequence = row.get::<_, Option<i64>>(2)?.unwrap_or_default().unsigned_abs();
        let look = Look { sequence, received_at: row.get(3)?, ..Look::default() };
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, look))
    })?;
    for row in rows {
        let (name, site, look) = row?;
        sites.insert(name.clone(), site);
        all.insert(name, look);
    }
    type Part = fn(&mut Look) -> &mut u64;
    let parts: [(&str, Part); 3] = [
        ("SELECT device, count(*) FROM event WHERE kind IS NOT NULL GROUP BY device", |look| &mut look.unknown),
        ("SELECT device, count(*) FROM passed GROUP BY device", |look| &mut look.passed),
        ("SELECT device, count(*) FROM evidence GROUP BY device", |look| &mut look.evidence),
    ];
    for (query, part) in parts {
        for (device, count) in counted(connection, query)? {
            if let Some(look) = all.get_mut(&device) {
                *part(look) = count;
            }
        }
    }
    let query = "SELECT device, max(day), ahead, least FROM device_clock GROUP BY device";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(look) = all.get_mut(&row.get::<_, String>(0)?) {
            look.clock = Some((row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs(), row.get(3)?));
        }
    }
    let query = "SELECT site, max(version), at FROM fleet_bundle GROUP BY site";
    let mut statement = connection.prepare_cached(query)?;
    let mut newest: BTreeMap<Option<String>, (u64, i64)> = BTreeMap::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        newest.insert(row.get(0)?, (row.get::<_, i64>(1)?.unsigned_abs(), row.get(2)?));
    }
    for (name, look) in &mut all {
        let own = sites.get(name).and_then(|site| newest.get(&Some(site.clone())));
        look.newest = own.into_iter().chain(newest.get(&None)).max().copied();
    }
    Ok(all)
}

impl SqliteStore {
    /// How the devices of some sites stand in the log, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn looks(&self, scope: &Scope) -> Result<BTreeMap<String, Look>, StoreError> {
        looks(&self.lock(), scope).map_err(failed)
    }

    /// What was done to a device, the newest first. Whoever asks has seen that it is theirs to ask.
    ///
    /// # Errors
    /// When the database fails.
    pub fn done_to(&self, device: &str, most: usize) -> Result<Vec<Done>, StoreError> {
        let connection = self.lock();
        let query = "SELECT at, what, who, why FROM fleet_journal WHERE device = ?1 ORDER BY position DESC LIMIT ?2";
        let mut statement = connection.prepare_cached(query).map_err(failed)?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![device, most], |row| {
            Ok(Done { at: row.get(0)?, what: row.get(1)?, who: row.get(2)?, why: row.get(3)? })
        });
        rows.and_then(Iterator::collect).map_err(failed)
    }

    /// What of a device is kept apart, the newest first: places that were passed over, and signed events that contradict its chain.
    ///
    /// # Errors
    /// When the database fails.
    pub fn apart(&self, device: &str, most: usize) -> Result<Vec<Apart>, StoreError> {
        let connection = self.lock();
        let query = "SELECT sequence, code, received_at FROM passed WHERE device = ?1
                     UNION ALL SELECT sequence, code, received_at FROM evidence WHERE device = ?1
                     ORDER BY received_at DESC, sequence LIMIT ?2";
        let mut statement = connection.prepare_cached(query).map_err(failed)?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![device, most], |row| {
            Ok(Apart { sequence: row.get::<_, i64>(0)?.unsigned_abs(), code: row.get(1)?, received_at: row.get(2)? })
        });
        rows.and_then(Iterator::collect).map_err(failed)
    }

    /// The event at a position of the log, to see whether a database is still the one that it was.
    ///
    /// # Errors
    /// When the database fails.
    pub fn hash_at(&self, position: u64) -> Result<Option<[u8; 32]>, StoreError> {
        let query = "SELECT hash FROM event WHERE position = ?1";
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        self.lock().query_row(query, [position], |row| row.get(0)).optional().map_err(failed)
    }
}
