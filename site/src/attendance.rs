//! Signed lists of who was there, and ledgers of rooms that were offline and meet later.
//!
//! # Format, version 1
//! A COSE_Sign1 document of the kind `attendance`, signed with the device's event key, whose payload is JSON:
//! `{"schema": "cccd-attendance/1", "device", "profile", "period", "made_at", "entries": [{"subject", "at", "device"}]}`.
//! People stand in it by keyed hash (hexadecimal), so that the file may be carried on a stick and mailed; devices of
//! one site share the hash's key, which is one for this profile and period. A device takes in what devices whose keys it has (`[roster] devices`) have signed.

use crate::site::Site;
use events::Verifier;
use events::event::Bytes;
use events::subject::Person;
use program::Failure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use visit::ledger::period;
use visit::profile::Profile;

/// The kind of document.
pub const KIND: &str = "attendance";
const SCHEMA: &str = "cccd-attendance/1";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    schema: String,
    device: String,
    profile: String,
    period: String,
    made_at: i64,
    entries: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    subject: String,
    at: i64,
    device: String,
}

/// What a merge found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// The device whose list it was.
    pub device: String,
    /// Entries that were new here.
    pub new: u64,
    /// People who were at more than one device, or more than once.
    pub duplicates: Vec<Duplicate>,
}

/// Somebody who was there more than once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// The first eight digits of the keyed hash: the same at every device.
    pub subject: String,
    /// What the list assigns them, where they are on this device's.
    pub listed: BTreeMap<String, String>,
    /// Device and time, seconds since 1970.
    pub seen: Vec<(String, i64)>,
}

fn no_ledger() -> Failure {
    Failure::usage("attendance_no_ledger", "this profile counts nobody", "use a profile with [ledger]")
}

/// The period that is counted now.
fn now_counted(site: &Site, profile: &Profile) -> Result<String, Failure> {
    let rules = profile.ledger().ok_or_else(no_ledger)?;
    Ok(period(rules.scope, site.now(), site.roster(&profile.id).as_ref().map(|list| list.roster().id.as_str())))
}

/// Signs who was there in the period that is counted now.
///
/// # Errors
/// When the profile counts nobody, or book or key fail.
pub fn sign(site: &Site, profile: &Profile) -> Result<Vec<u8>, Failure> {
    let period = now_counted(site, profile)?;
    let entries = site.book().ledger(&profile.id, &period)?;
    let line = |(subject, at, device): (Bytes<32>, i64, String)| Line { subject: subject.to_string(), at, device };
    let list = List {
        schema: SCHEMA.to_owned(),
        device: site.config.device.clone(),
        profile: profile.id.clone(),
        period,
        made_at: site.now(),
        entries: entries.into_iter().map(line).collect(),
    };
    let payload = serde_json::to_vec(&list).unwrap_or_default();
    site.recorder().sign_document(KIND, &payload)
}

/// Takes another device's list in, and says who was there more than once.
///
/// # Errors
/// When no device that is known here has signed it, it is about something else, or the book fails.
pub fn merge(site: &Site, profile: &Profile, signed: &[u8]) -> Result<Merged, Failure> {
    let list = open(site, signed)?;
    let period = now_counted(site, profile)?;
    if list.profile != profile.id || list.period != period {
        let message = format!("the list is about {} {}, here it is {} {period}", list.profile, list.period, profile.id);
        return Err(Failure::usage("attendance_other", message, "merge lists of the same list and day"));
    }
    let entry = |line: &Line| {
        let subject = hex::decode(&line.subject).ok()?.try_into().ok()?;
        Some((Bytes(subject), line.at, line.device.clone()))
    };
    let entries: Option<Vec<_>> = list.entries.iter().map(entry).collect();
    let entries = entries.ok_or_else(|| invalid("an entry is not a keyed hash"))?;
    let erase_at = site.now() + i64::from(profile.event.retention_days) * 86_400;
    let mut book = site.book();
    let new = book.merge(&profile.id, &period, &entries, erase_at)?;
    let all = book.ledger(&profile.id, &period)?;
    drop(book);
    let mut seen: BTreeMap<Bytes<32>, Vec<(String, i64)>> = BTreeMap::new();
    for (subject, at, device) in all {
        seen.entry(subject).or_default().push((device, at));
    }
    let roster = site.roster(&profile.id);
    let duplicates = seen.into_iter().filter(|(_, seen)| seen.len() > 1).map(|(subject, seen)| {
        let entry = roster.as_ref().and_then(|roster| {
            roster.roster().entries.iter().find(|entry| {
                let people = &site.recorder().people;
                let citizen = entry.number.as_ref().and_then(|number| Person::citizen(&number.0));
                let hashed = || Some(Bytes(hex::decode(entry.subject.as_deref()?).ok()?.try_into().ok()?));
                let listed = citizen.map(|citizen| people.listed(&citizen)).or_else(hashed);
                listed.is_some_and(|listed| people.counted(&profile.id, &period, &listed) == subject)
            })
        });
        let shown = profile.roster().map(|rules| rules.show.as_slice()).unwrap_or_default();
        let listed = entry.map(|entry| {
            let shown = entry.attributes.iter().filter(|(name, _)| shown.contains(name));
            shown.map(|(name, value)| (name.clone(), value.0.to_string())).collect()
        });
        Duplicate { subject: subject.to_string()[..8].to_owned(), listed: listed.unwrap_or_default(), seen }
    });
    Ok(Merged { device: list.device, new, duplicates: duplicates.collect() })
}

fn invalid(why: &str) -> Failure {
    Failure::usage("attendance_invalid", format!("this is no attendance list: {why}"), "export the list again")
}

fn open(site: &Site, signed: &[u8]) -> Result<List, Failure> {
    let directory = site.config.roster.as_ref().and_then(|roster| roster.devices.clone()).ok_or_else(|| {
        let message = "the configuration has no [roster] devices: no device is known whose list could be taken in";
        Failure::usage("attendance_no_devices", message, "put their public keys there, as DEVICE.pem")
    })?;
    let entries = std::fs::read_dir(&directory).map_err(|e| {
        let message = format!("cannot read {}: {e}", directory.display());
        Failure::usage("attendance_no_devices", message, "mend [roster] devices in agent.toml")
    })?;
    for entry in entries.flatten() {
        let path = entry.path();
        let Some(verifier) = std::fs::read(&path).ok().and_then(|pem| Verifier::from_pem(&pem).ok()) else { continue };
        let Ok(payload) = verifier.open_document(KIND, signed) else { continue };
        let list: List = serde_json::from_slice(&payload).map_err(|e| invalid(&format!("line {}", e.line())))?;
        // A device speaks for itself only.
        if list.schema != SCHEMA || path.file_stem().is_none_or(|stem| stem != list.device.as_str()) {
            return Err(invalid("it names another device than the one whose key has signed it"));
        }
        return Ok(list);
    }
    let message = "no device that is known here has signed this list";
    Err(Failure::usage("attendance_not_signed", message, "put the device's public key into [roster] devices"))
}
