//! Requests that wait for a technician. Whoever can reach central can send one, so a place costs something: an address has a few,
//! the newest there is kept before the oldest, and whoever does not ask again is forgotten within minutes. A request whose code a
//! technician has in hand stands outside of all that.

use super::registry::{Answered, Change, PENDING, Pending, failed, pending};
use crate::store::StoreError;
use events::event::Bytes;
use rusqlite::{OptionalExtension as _, params};

/// How long a request waits that is not repeated, seconds. A device that waits asks every few seconds.
const UNREPEATED: i64 = 10 * 60;
/// How long a confirmation waits for its device, which asks every few seconds.
const CONFIRMED: i64 = 86_400;
/// For how long a code is held that a technician looked up.
const HELD: i64 = 10 * 60;
/// Requests of one address.
const OF_AN_ADDRESS: u64 = 16;
/// Requests of all.
const MOST: u64 = 2000;
/// Digits of a code that say which device it is, to begin with.
const CODE: usize = 8;

/// A code as it is typed or scanned: the fingerprint of a birth key, or its beginning.
pub(super) fn code(text: &str) -> Option<String> {
    let plain: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let code = plain.to_ascii_lowercase();
    let digits = code.bytes().all(|b| b.is_ascii_hexdigit());
    ((CODE..=64).contains(&code.len()) && digits).then_some(code)
}

/// Keeps a request, and makes room for it: nobody is refused because others wait.
pub(super) fn keep(change: &Change<'_>, request: &Pending) -> Result<(), StoreError> {
    change.forget_waiting(request.at)?;
    if !change.waits(&request.birth)? && !change.is_held(&request.birth)? {
        if change.count_waiting(Some(&request.address))? >= OF_AN_ADDRESS {
            change.shed(Some(&request.address))?;
        }
        if change.count_waiting(None)? >= MOST {
            change.shed(None)?;
        }
    }
    change.wait(request)
}

/// Those that may be forgotten.
const LOOSE: &str = "approved_site IS NULL
    AND NOT EXISTS (SELECT 1 FROM fleet_hold WHERE substr(fleet_pending.birth, 1, length(prefix)) = prefix)";

impl Change<'_> {
    /// Keeps a request for a technician; a repetition replaces it, and one that was confirmed stays what it was.
    ///
    /// # Errors
    /// When the database fails.
    pub fn wait(&self, pending: &Pending) -> Result<(), StoreError> {
        let query = "INSERT INTO fleet_pending (birth, serial, model, protection, request, at, address)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                     ON CONFLICT (birth) DO UPDATE SET request = excluded.request, at = excluded.at, serial = excluded.serial
                     WHERE approved_site IS NULL";
        let p = pending;
        let values = params![p.birth, p.serial, p.model, p.protection, p.request, p.at, p.address];
        self.0.execute(query, values).map_err(failed("keep a request"))?;
        Ok(())
    }

    fn waits(&self, birth: &str) -> Result<bool, StoreError> {
        let query = "SELECT EXISTS (SELECT 1 FROM fleet_pending WHERE birth = ?1)";
        self.0.query_row(query, [birth], |row| row.get(0)).map_err(failed("look up a request"))
    }

    /// How many requests wait, of one address or of all. Those that are held are not counted.
    fn count_waiting(&self, address: Option<&str>) -> Result<u64, StoreError> {
        let query = format!("SELECT count(*) FROM fleet_pending WHERE (?1 IS NULL OR address = ?1) AND {LOOSE}");
        let count = self.0.query_row(&query, [address], |row| row.get::<_, i64>(0));
        Ok(count.map_err(failed("count requests"))?.unsigned_abs())
    }

    /// Forgets the oldest request of an address, or of the address with the most.
    fn shed(&self, address: Option<&str>) -> Result<(), StoreError> {
        let of = match address {
            Some(address) => address.to_owned(),
            None => {
                let query = format!(
                    "SELECT address FROM fleet_pending WHERE {LOOSE} GROUP BY address ORDER BY count(*) DESC, min(at) LIMIT 1"
                );
                let most = self.0.query_row(&query, [], |row| row.get(0)).optional();
                let Some(most) = most.map_err(failed("forget a request"))? else { return Ok(()) };
                most
            }
        };
        let query = format!(
            "DELETE FROM fleet_pending WHERE birth =
                 (SELECT birth FROM fleet_pending WHERE address = ?1 AND {LOOSE} ORDER BY at, rowid LIMIT 1)"
        );
        self.0.execute(&query, [of]).map_err(failed("forget a request"))?;
        Ok(())
    }

    /// Forgets what nobody repeated, confirmations that nobody came for, and codes that nobody has in hand any more.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_waiting(&self, now: i64) -> Result<(), StoreError> {
        let failed = failed("forget requests");
        self.0.execute("DELETE FROM fleet_hold WHERE until <= ?1", [now]).map_err(&failed)?;
        let query = "DELETE FROM fleet_pending
                     WHERE (approved_site IS NULL AND at <= ?1) OR (approved_site IS NOT NULL AND at <= ?2)";
        self.0.execute(query, [now - UNREPEATED, now - CONFIRMED]).map_err(&failed)?;
        Ok(())
    }

    /// Keeps the requests under a code for as long as a technician has it in hand.
    ///
    /// # Errors
    /// When the database fails.
    pub fn hold(&self, code: &str, by: &str, now: i64) -> Result<(), StoreError> {
        let query = "INSERT OR REPLACE INTO fleet_hold (prefix, who, until) VALUES (?1, ?2, ?3)";
        self.0.execute(query, params![code, by, now + HELD]).map_err(failed("hold a code"))?;
        Ok(())
    }

    fn is_held(&self, birth: &str) -> Result<bool, StoreError> {
        let query = "SELECT EXISTS (SELECT 1 FROM fleet_hold WHERE substr(?1, 1, length(prefix)) = prefix)";
        self.0.query_row(query, [birth], |row| row.get(0)).map_err(failed("look up a code"))
    }

    /// The requests under a code, two at most: more than one is not the one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn waiting_under(&self, code: &str) -> Result<Vec<Pending>, StoreError> {
        let failed = failed("look up a request");
        let query = format!("SELECT {PENDING} FROM fleet_pending WHERE substr(birth, 1, length(?1)) = ?1 LIMIT 2");
        let mut statement = self.0.prepare(&query).map_err(&failed)?;
        let rows = statement.query_map([code], pending).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Confirms a request.
    ///
    /// # Errors
    /// When the database fails.
    pub fn approve(&self, birth: &str, site: &str, profile: &str, by: &str) -> Result<bool, StoreError> {
        let query = "UPDATE fleet_pending SET approved_site = ?2, approved_profile = ?3, approved_by = ?4
                     WHERE birth = ?1 AND approved_site IS NULL";
        Ok(self.0.execute(query, [birth, site, profile, by]).map_err(failed("confirm a request"))? == 1)
    }

    /// What a technician confirmed of a birth key, with the request that was confirmed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn approved(&self, birth: &str) -> Result<Option<Pending>, StoreError> {
        let query = format!("SELECT {PENDING} FROM fleet_pending WHERE birth = ?1 AND approved_site IS NOT NULL");
        self.0.query_row(&query, [birth], pending).optional().map_err(failed("look up a request"))
    }

    /// What became of a request before, by its nonce.
    ///
    /// # Errors
    /// When the database fails.
    pub fn answered(&self, birth: &str, nonce: Bytes<16>) -> Result<Answered, StoreError> {
        let query = "SELECT position = (SELECT max(position) FROM fleet_answered WHERE birth = ?1) FROM fleet_answered
                     WHERE birth = ?1 AND nonce = ?2";
        let newest: Option<bool> = self
            .0
            .query_row(query, params![birth, nonce.0], |row| row.get(0))
            .optional()
            .map_err(failed("look up a request"))?;
        Ok(match newest {
            None => Answered::Never,
            Some(true) => Answered::Newest,
            Some(false) => Answered::Before,
        })
    }

    /// Notes that a request was answered.
    ///
    /// # Errors
    /// When the database fails.
    pub fn note_answered(&self, birth: &str, nonce: Bytes<16>) -> Result<(), StoreError> {
        let query = "INSERT OR IGNORE INTO fleet_answered (birth, nonce) VALUES (?1, ?2)";
        self.0.execute(query, params![birth, nonce.0]).map_err(failed("note a request"))?;
        Ok(())
    }
}
