//! What the book keeps beside visits: lists of people, and single values by their names.

use super::days::{Days, Kind};
use super::{Book, BookError, add_note, failed};
use events::Body;
use program::Failure;
use rusqlite::{Connection, OptionalExtension as _, params};
use visit::roster::Roster;
use zeroize::Zeroizing;

impl Book {
    /// Takes a list in. False when one of the same version is there already.
    ///
    /// # Errors
    /// `roster_older` when a newer one is there; when the database fails.
    pub fn take_roster(&mut self, roster: &Roster) -> Result<bool, Failure> {
        let failed = failed("take a list in");
        let transaction = self.begin("take a list in")?;
        let query = "SELECT version FROM roster WHERE profile = ?1 AND id = ?2";
        let known = transaction.query_row(query, [&roster.profile, &roster.id], |row| row.get(0));
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
        let place = format!("roster/{}/{}", roster.profile, roster.id);
        let sealed = self.days.seal(&transaction, (Kind::List, None), &place, &plain)?;
        // Written over, not put in place of it: the trigger that notes a spent key hears of the one and not of the other.
        let insert = "INSERT INTO roster (id, version, profile, until, body, key) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                      ON CONFLICT (profile, id) DO UPDATE SET version = ?2, until = ?4, body = ?5, key = ?6";
        let values = params![roster.id, roster.version, roster.profile, roster.valid_until, sealed.body, sealed.key];
        transaction.execute(insert, values).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(true)
    }

    /// The lists for a profile.
    ///
    /// # Errors
    /// When the database fails, or one does not open.
    pub fn rosters(&self, profile: &str) -> Result<Vec<Roster>, BookError> {
        let failed = failed("read lists");
        let _moment = self.moment()?;
        let query = "SELECT id, key, body FROM roster WHERE profile = ?1 ORDER BY id";
        let mut statement = self.connection.prepare(query).map_err(&failed)?;
        let rows = statement
            .query_map([profile], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?)));
        rows.map_err(&failed)?
            .map(|row| {
                let (id, key, sealed) = row.map_err(&failed)?;
                let place = format!("roster/{profile}/{id}");
                let plain = self.days.unseal(&self.connection, key, &place, &sealed)?;
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
        let _moment = self.moment()?;
        setting(&self.connection, &self.days, name)
    }

    /// Sets a sealed value.
    ///
    /// # Errors
    /// When the database fails.
    pub fn set(&self, name: &str, value: &[u8]) -> Result<(), BookError> {
        let transaction = self.begin("keep a setting")?;
        set(&transaction, &self.days, name, value)?;
        transaction.commit().map_err(failed("keep a setting"))?;
        Ok(())
    }
}

/// A sealed value, within what reads or writes it.
pub(super) fn setting(
    connection: &Connection,
    days: &Days,
    name: &str,
) -> Result<Option<Zeroizing<Vec<u8>>>, BookError> {
    let query = "SELECT key, value FROM setting WHERE name = ?1";
    let row = connection.query_row(query, [name], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)));
    let Some((key, sealed)) = row.optional().map_err(failed("read a setting"))? else { return Ok(None) };
    days.unseal(connection, key, &format!("setting/{name}"), &sealed).map(Some)
}

/// Sets a sealed value, within the transaction of its reason.
pub(super) fn set(connection: &Connection, days: &Days, name: &str, value: &[u8]) -> Result<(), BookError> {
    let sealed = days.seal(connection, (Kind::Setting, None), &format!("setting/{name}"), value)?;
    let insert = "INSERT INTO setting (name, value, key) VALUES (?1, ?2, ?3)
                  ON CONFLICT (name) DO UPDATE SET value = ?2, key = ?3";
    connection.execute(insert, params![name, sealed.body, sealed.key]).map_err(failed("keep a setting"))?;
    Ok(())
}
