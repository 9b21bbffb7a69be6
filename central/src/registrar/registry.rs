//! What central knows of its devices: who they are, which keys they have, whether they may in.
//!
//! Its tables stand in `store::registry`, beside those of the event store.

use super::residence::PROVED;
use super::said::Protection;
use crate::people::Scope;
use crate::store::{StoreError, sqlite};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde::Serialize;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

program::closed_set! {
    /// How a device stands.
    pub enum DeviceState {
        /// It is waited for.
        Expected = "expected",
        /// It was let in.
        Active = "active",
        /// There is a copy of it: both are shut out.
        Quarantined = "quarantined",
        /// Shut out for ever.
        Revoked = "revoked",
        /// Shut out, since another stands in its place.
        Replaced = "replaced",
    }
}

impl Default for DeviceState {
    /// Who is not known yet gets nothing.
    fn default() -> Self {
        Self::Expected
    }
}

impl FromSql for DeviceState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl ToSql for DeviceState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

/// A device as central knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// The serial number on the machine.
    pub serial: String,
    /// Where it stands.
    pub site: String,
    /// The profile that it begins with.
    pub profile: String,
    /// `expected`, `active`, `quarantined`, `revoked` or `replaced`.
    pub state: DeviceState,
    /// How it came in.
    pub way: Option<String>,
    /// Fingerprint of its birth key.
    pub birth: Option<String>,
    /// Its event key, DER in hexadecimal.
    #[serde(skip)]
    pub event_key: Option<String>,
    /// Fingerprint of the TLS key that was certified last.
    #[serde(skip)]
    pub tls_key: Option<String>,
    /// Fingerprint of the one before.
    #[serde(skip)]
    pub tls_before: Option<String>,
    /// Whether it has come with the last one.
    #[serde(skip)]
    pub tls_used: bool,
    /// Its certificate, DER.
    #[serde(skip)]
    pub certificate: Option<Vec<u8>>,
    /// When that ends.
    pub not_after: Option<i64>,
    /// The answer that it got last.
    #[serde(skip)]
    pub answer: Option<Vec<u8>>,
    /// Kind of machine.
    pub model: Option<String>,
    /// Where it says that its keys are, and what is proved of that.
    pub protection: Option<Protection>,
    /// Version of the agent.
    pub software: Option<String>,
    /// Version of the bundle that is active there.
    pub bundle: u64,
    /// Fingerprints of the roots that it trusts.
    pub roots: Vec<String>,
    /// How good its time is.
    pub time_quality: Option<String>,
    /// When it was last heard of.
    pub seen_at: Option<i64>,
    /// Since when it is in this state.
    pub since: i64,
    /// Why.
    pub why: Option<String>,
}

/// A request that waits for a technician.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Fingerprint of the birth key.
    pub birth: String,
    /// The serial number on the machine.
    pub serial: String,
    /// Kind of machine.
    pub model: String,
    /// Where it says that its keys are.
    pub protection: Protection,
    /// The signed request.
    pub request: Vec<u8>,
    /// When it came.
    pub at: i64,
    /// Whose place it takes: an address, or a technician who carries it.
    pub address: String,
    /// Site, profile and technician, once confirmed.
    pub approved: Option<(String, String, String)>,
}

/// What became of a request before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It was not answered.
    Never,
    /// It was the last one of its device that was answered.
    Newest,
    /// It was answered, and another of the device since.
    Before,
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deed {
    /// Seconds since 1970.
    pub at: i64,
    /// To which device.
    pub device: String,
    /// What was done.
    pub what: String,
    /// By whom.
    pub who: String,
    /// Why, or what exactly.
    pub why: Option<String>,
}

/// The registry. Every change is one transaction, on disk before it is answered.
#[derive(Debug)]
pub struct Registry(Mutex<Connection>);

pub(super) fn failed(operation: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { operation, source }
}

pub(super) const COLUMNS: &str =
    "name, serial, site, profile, state, way, birth, event_key, tls_key, tls_before, tls_used,
    certificate, not_after, answer, model, protection, software, bundle, roots, time_quality, seen_at, since, why";

pub(super) fn device(row: &rusqlite::Row<'_>) -> rusqlite::Result<Device> {
    let roots: String = row.get(18)?;
    let proof: Option<String> = row.get("proved")?;
    let proof = proof.and_then(|word| word.parse().ok());
    Ok(Device {
        name: row.get(0)?,
        serial: row.get(1)?,
        site: row.get(2)?,
        profile: row.get(3)?,
        state: row.get(4)?,
        way: row.get(5)?,
        birth: row.get(6)?,
        event_key: row.get(7)?,
        tls_key: row.get(8)?,
        tls_before: row.get(9)?,
        tls_used: row.get(10)?,
        certificate: row.get(11)?,
        not_after: row.get(12)?,
        answer: row.get(13)?,
        model: row.get(14)?,
        protection: row.get::<_, Option<Protection>>(15)?.map(|said| said.proved(proof)),
        software: row.get(16)?,
        bundle: row.get::<_, i64>(17)?.unsigned_abs(),
        roots: roots.split_whitespace().map(str::to_owned).collect(),
        time_quality: row.get(19)?,
        seen_at: row.get(20)?,
        since: row.get(21)?,
        why: row.get(22)?,
    })
}

/// The columns that [`pending`] reads.
pub(super) const PENDING: &str =
    "birth, serial, model, protection, request, at, approved_site, approved_profile, approved_by, address";

pub(super) fn pending(row: &rusqlite::Row<'_>) -> rusqlite::Result<Pending> {
    let (site, profile, by): (Option<String>, Option<String>, Option<String>) = (row.get(6)?, row.get(7)?, row.get(8)?);
    Ok(Pending {
        birth: row.get(0)?,
        serial: row.get(1)?,
        model: row.get(2)?,
        protection: row.get(3)?,
        request: row.get(4)?,
        at: row.get(5)?,
        address: row.get(9)?,
        approved: site.zip(profile).zip(by).map(|((site, profile), by)| (site, profile, by)),
    })
}

/// What is done in one transaction.
#[derive(Debug)]
pub struct Change<'a>(pub(super) Transaction<'a>);

impl Registry {
    /// Opens the registry of a database that the event store has made.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let failed = failed("open the registry");
        let connection = sqlite::existing(path)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(&failed)?;
        Ok(Self(Mutex::new(connection)))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something in one transaction; nothing of it is kept when it fails.
    ///
    /// # Errors
    /// With what `work` says, or when the database fails.
    pub fn change<T, E: From<StoreError>>(&self, work: impl FnOnce(&Change<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let change = Change(transaction.map_err(failed("change the registry"))?);
        let done = work(&change)?;
        change.0.commit().map_err(failed("change the registry"))?;
        Ok(done)
    }

    /// Puts the write-ahead log away, so that what was erased does not live on in it.
    ///
    /// # Errors
    /// When the database fails.
    pub fn put_away(&self) -> Result<(), StoreError> {
        let done = self.lock().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        done.map_err(failed("put the write-ahead log away"))
    }

    /// A device by its name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn device(&self, name: &str) -> Result<Option<Device>, StoreError> {
        let query = format!("SELECT {COLUMNS}, {PROVED} FROM fleet_device WHERE name = ?1");
        self.lock().query_row(&query, [name], device).optional().map_err(failed("look up a device"))
    }

    /// Whether the log takes events of a device of this name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn logged(&self, name: &str) -> Result<bool, StoreError> {
        let query = "SELECT EXISTS (SELECT 1 FROM device WHERE name = ?1)";
        self.lock().query_row(query, [name], |row| row.get(0)).map_err(failed("look up a device"))
    }

    /// The devices of these sites, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn devices(&self, scope: &Scope) -> Result<Vec<Device>, StoreError> {
        let places = Scope::clause("site", 1);
        let query = format!("SELECT {COLUMNS}, {PROVED} FROM fleet_device WHERE {places} ORDER BY name");
        let connection = self.lock();
        let mut statement = connection.prepare(&query).map_err(failed("list devices"))?;
        let rows = statement.query_map([scope.sql()], device).map_err(failed("list devices"))?;
        rows.collect::<Result<_, _>>().map_err(failed("list devices"))
    }

    /// A request that waits, by the fingerprint of its birth key.
    ///
    /// # Errors
    /// When the database fails.
    pub fn pending(&self, birth: &str) -> Result<Option<Pending>, StoreError> {
        let query = format!("SELECT {PENDING} FROM fleet_pending WHERE birth = ?1");
        self.lock().query_row(&query, [birth], pending).optional().map_err(failed("look up a request"))
    }

    /// The requests that wait and nobody has confirmed, the newest first. A request says nothing of a site that anybody would
    /// believe: whoever may not look everywhere sees those of machines that their sites expect, and finds others by the code in hand.
    ///
    /// # Errors
    /// When the database fails.
    pub fn waiting(&self, scope: &Scope) -> Result<Vec<Pending>, StoreError> {
        let query = format!(
            "SELECT {PENDING} FROM fleet_pending WHERE approved_site IS NULL AND (?1 = 'true' OR EXISTS
                 (SELECT 1 FROM fleet_device d WHERE d.serial = fleet_pending.serial AND d.state = 'expected' AND {}))
             ORDER BY at DESC LIMIT 200",
            Scope::clause("d.site", 1)
        );
        let connection = self.lock();
        let mut statement = connection.prepare(&query).map_err(failed("list requests"))?;
        let rows = statement.query_map([scope.sql()], pending).map_err(failed("list requests"))?;
        rows.collect::<Result<_, _>>().map_err(failed("list requests"))
    }

    /// The newest bundle for a site that is newer than `after`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn bundle(&self, site: &str, after: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let query = "SELECT bytes FROM fleet_bundle WHERE version > ?1 AND (site IS NULL OR site = ?2)
                     ORDER BY version DESC LIMIT 1";
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let found = self.lock().query_row(query, params![after, site], |row| row.get(0)).optional();
        found.map_err(failed("look up a bundle"))
    }

    /// The journal of what was done to devices that stand at these sites now, the oldest first; what was done to no device is for
    /// those who may look everywhere.
    ///
    /// # Errors
    /// When the database fails.
    pub fn journal(&self, scope: &Scope) -> Result<Vec<Deed>, StoreError> {
        let connection = self.lock();
        let query = format!(
            "SELECT at, device, what, who, why FROM fleet_journal WHERE ?1 = 'true' OR device IN
                 (SELECT name FROM fleet_device WHERE {}) ORDER BY position",
            Scope::clause("site", 1)
        );
        let mut statement = connection.prepare(&query).map_err(failed("read the journal"))?;
        let rows = statement
            .query_map([scope.sql()], |row| {
                let (at, device, what) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(Deed { at, device, what, who: row.get(3)?, why: row.get(4)? })
            })
            .map_err(failed("read the journal"))?;
        rows.collect::<Result<_, _>>().map_err(failed("read the journal"))
    }
}

impl Change<'_> {
    fn one(&self, column: &str, value: &str) -> Result<Option<Device>, StoreError> {
        let query = format!("SELECT {COLUMNS}, {PROVED} FROM fleet_device WHERE {column} = ?1");
        self.0.query_row(&query, [value], device).optional().map_err(failed("look up a device"))
    }

    /// A device by its name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn device(&self, name: &str) -> Result<Option<Device>, StoreError> {
        self.one("name", name)
    }

    /// The device with a birth key.
    ///
    /// # Errors
    /// When the database fails.
    pub fn by_birth(&self, birth: &str) -> Result<Option<Device>, StoreError> {
        self.one("birth", birth)
    }

    /// Where a device stands: by the registry or, where that does not know it, by the log.
    ///
    /// # Errors
    /// When the database fails.
    pub fn site_of(&self, name: &str) -> Result<Option<String>, StoreError> {
        if let Some(device) = self.device(name)? {
            return Ok(Some(device.site));
        }
        let query = "SELECT site FROM device WHERE name = ?1";
        self.0.query_row(query, [name], |row| row.get(0)).optional().map_err(failed("look up a device"))
    }

    /// Writes a device as it is now.
    ///
    /// # Errors
    /// When the database fails, or events come under its name with another key.
    pub fn put(&self, device: &Device) -> Result<(), StoreError> {
        let query = format!(
            "INSERT OR REPLACE INTO fleet_device ({COLUMNS}) VALUES
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)"
        );
        let d = device;
        let bundle = i64::try_from(d.bundle).unwrap_or(i64::MAX);
        let values = params![
            d.name,
            d.serial,
            d.site,
            d.profile,
            d.state,
            d.way,
            d.birth,
            d.event_key,
            d.tls_key,
            d.tls_before,
            d.tls_used,
            d.certificate,
            d.not_after,
            d.answer,
            d.model,
            d.protection,
            d.software,
            bundle,
            d.roots.join(" "),
            d.time_quality,
            d.seen_at,
            d.since,
            d.why
        ];
        self.0.execute(&query, values).map_err(failed("write a device"))?;
        if let Some(key) = &d.event_key {
            // A device that moved takes its chain with it; nobody takes another's.
            let query = "INSERT INTO device (name, site, event_key) VALUES (?1, ?2, ?3)
                         ON CONFLICT (name) DO UPDATE SET site = excluded.site WHERE event_key = excluded.event_key";
            let written = self.0.execute(query, params![d.name, d.site, key]).map_err(failed("write a device"))?;
            if written == 0 {
                return Err(StoreError::DeviceExists(d.name.clone()));
            }
        }
        Ok(())
    }

    /// Notes a key as a device's.
    ///
    /// # Errors
    /// When the database fails.
    pub fn note_key(&self, fingerprint: &str, device: &str, kind: &str) -> Result<(), StoreError> {
        let query = "INSERT OR IGNORE INTO fleet_key (fingerprint, device, kind) VALUES (?1, ?2, ?3)";
        self.0.execute(query, [fingerprint, device, kind]).map_err(failed("write a key"))?;
        Ok(())
    }

    /// Whose a key is, and whether it was revoked.
    ///
    /// # Errors
    /// When the database fails.
    pub fn key(&self, fingerprint: &str) -> Result<Option<(String, bool)>, StoreError> {
        let query = "SELECT device, revoked_at IS NOT NULL FROM fleet_key WHERE fingerprint = ?1";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        self.0.query_row(query, [fingerprint], row).optional().map_err(failed("look up a key"))
    }

    /// Revokes all keys of a device, for ever.
    ///
    /// # Errors
    /// When the database fails.
    pub fn revoke_keys(&self, device: &str, at: i64) -> Result<(), StoreError> {
        let query = "UPDATE fleet_key SET revoked_at = coalesce(revoked_at, ?2) WHERE device = ?1";
        self.0.execute(query, params![device, at]).map_err(failed("revoke keys"))?;
        Ok(())
    }

    /// Keeps a one-time token.
    ///
    /// # Errors
    /// When the database fails.
    pub fn add_token(&self, hash: &str, site: &str, profile: &str, until: i64) -> Result<(), StoreError> {
        let query = "INSERT INTO fleet_token (hash, site, profile, until) VALUES (?1, ?2, ?3, ?4)";
        self.0.execute(query, params![hash, site, profile, until]).map_err(failed("keep a token"))?;
        Ok(())
    }

    /// Spends a token on a birth key: site and profile, if it is valid and unspent. Whoever was cut off after it was spent repeats
    /// a request that was answered, and needs none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn spend_token(&self, hash: &str, birth: &str, now: i64) -> Result<Option<(String, String)>, StoreError> {
        let query = "UPDATE fleet_token SET birth = ?2
                     WHERE hash = ?1 AND birth IS NULL AND until > ?3 RETURNING site, profile";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        self.0.query_row(query, params![hash, birth, now], row).optional().map_err(failed("spend a token"))
    }

    /// Forgets a request, which was answered or refused.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget(&self, birth: &str) -> Result<(), StoreError> {
        self.0.execute("DELETE FROM fleet_pending WHERE birth = ?1", [birth]).map_err(failed("forget a request"))?;
        Ok(())
    }

    /// Keeps a bundle, for one site or for all.
    ///
    /// # Errors
    /// When there is one of this version.
    pub fn add_bundle(&self, version: u64, site: Option<&str>, bytes: &[u8], at: i64) -> Result<(), StoreError> {
        let version = i64::try_from(version).unwrap_or(i64::MAX);
        let query = "INSERT INTO fleet_bundle (version, site, bytes, at) VALUES (?1, ?2, ?3, ?4)";
        self.0.execute(query, params![version, site, bytes, at]).map_err(failed("keep a bundle"))?;
        Ok(())
    }

    /// Writes the journal.
    ///
    /// # Errors
    /// When the database fails.
    pub fn journal(&self, at: i64, device: &str, what: &str, who: &str, why: Option<&str>) -> Result<(), StoreError> {
        let query = "INSERT INTO fleet_journal (at, device, what, who, why) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.0.execute(query, params![at, device, what, who, why]).map_err(failed("write the journal"))?;
        Ok(())
    }
}
