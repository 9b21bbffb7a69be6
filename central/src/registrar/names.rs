//! One name space: a name of the registry is none of the log, unless both are of one event key. The database refuses what is not so
//! (see `store::registry`).

use super::registry::{COLUMNS, Change, Device, device, failed};
use super::residence::PROVED;
use crate::store::StoreError;
use fleet::authority::is_device_name;
use rusqlite::{OptionalExtension as _, params};

fn base(serial: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let base: String = serial.chars().map(plain).take(50).collect();
    if is_device_name(&base) { base } else { "device".to_owned() }
}

/// A name that no other device has, from a serial number.
pub(super) fn free(change: &Change<'_>, serial: &str, event_key: Option<&str>) -> Result<String, StoreError> {
    let base = base(serial);
    let mut name = base.clone();
    let mut number = 1_u32;
    while change.is_taken(&name, event_key)? {
        number += 1;
        name = format!("{base}-{number}");
    }
    Ok(name)
}

/// Name and site under which the log takes events of this key, and the registry has nobody yet; the one like the serial number
/// before others.
pub(super) fn logged(
    change: &Change<'_>,
    serial: &str,
    event_key: &str,
) -> Result<Option<(String, String)>, StoreError> {
    let query = "SELECT name, site FROM device WHERE event_key = ?1 AND name NOT IN (SELECT name FROM fleet_device)
                 ORDER BY name <> ?2, name LIMIT 1";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    change.0.query_row(query, params![event_key, base(serial)], row).optional().map_err(failed("look up a name"))
}

impl Change<'_> {
    /// The entry of the list that lets a device in: it has the device's serial number and its birth key. One with the number alone,
    /// which stands on the back of the machine, lets nobody in without a technician ([`Self::promised`]).
    ///
    /// # Errors
    /// When the database fails.
    pub fn expected(&self, serial: &str, birth: &str) -> Result<Option<Device>, StoreError> {
        self.entry(serial, birth, "birth = ?2")
    }

    /// The entry of the list that has a name and a place for a device that somebody else let in: also one that has no birth key.
    ///
    /// # Errors
    /// When the database fails.
    pub fn promised(&self, serial: &str, birth: &str) -> Result<Option<Device>, StoreError> {
        self.entry(serial, birth, "(birth IS NULL OR birth = ?2)")
    }

    fn entry(&self, serial: &str, birth: &str, key: &str) -> Result<Option<Device>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS}, {PROVED} FROM fleet_device WHERE serial = ?1 AND state = 'expected' AND {key}
             ORDER BY birth IS NULL, name LIMIT 1"
        );
        self.0.query_row(&query, [serial, birth], device).optional().map_err(failed("look up a device"))
    }

    /// Whether a name is another device's: one of the registry, or one of the log that signs its events with another key than this
    /// one (DER in hexadecimal).
    ///
    /// # Errors
    /// When the database fails.
    pub fn is_taken(&self, name: &str, event_key: Option<&str>) -> Result<bool, StoreError> {
        let query = "SELECT EXISTS (SELECT 1 FROM fleet_device WHERE name = ?1
                         UNION ALL SELECT 1 FROM device WHERE name = ?1 AND event_key IS NOT ?2)";
        self.0.query_row(query, params![name, event_key], |row| row.get(0)).map_err(failed("look up a name"))
    }

    /// Moves a device that only the log knows. False where it knows none.
    ///
    /// # Errors
    /// When the database fails.
    pub fn move_logged(&self, name: &str, site: &str) -> Result<bool, StoreError> {
        let query = "UPDATE device SET site = ?2 WHERE name = ?1";
        Ok(self.0.execute(query, [name, site]).map_err(failed("move a device"))? == 1)
    }

    /// Takes a device off the list of those that are expected.
    ///
    /// # Errors
    /// When the database fails.
    pub fn forget_expected(&self, name: &str) -> Result<(), StoreError> {
        let query = "DELETE FROM fleet_device WHERE name = ?1 AND state = 'expected'";
        self.0.execute(query, [name]).map_err(failed("take a device off the list"))?;
        Ok(())
    }
}
