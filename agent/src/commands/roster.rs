//! `cccd-agent roster` and `cccd-agent attendance`: lists of people at a device without a browser.

use crate::commands::{open_site, print_json, print_text};
use config::Config;
use events::SystemClock;
use program::files::pass_phrase;
use program::{Failure, exit};
use serde_json::json;
use site::Site;
use site::attendance;
use std::path::Path;
use std::sync::Arc;
use visit::profile::Profile;

/// The site without its central: these commands run beside an agent that sends.
fn site(config: &Path) -> Result<(Arc<Site>, Profile), Failure> {
    let mut config = Config::load(config)?;
    config.sync = false;
    config.recipient.clear();
    let site = open_site(config, Arc::new(SystemClock::new()))?;
    let profile = site.profile();
    Ok((site, profile))
}

/// Takes a list in.
///
/// # Errors
/// When it is not the operator's, or older than the one that is there.
pub fn import(config: &Path, file: &Path, pass_phrase_file: Option<&Path>) -> Result<u8, Failure> {
    let (site, profile) = site(config)?;
    let phrase = pass_phrase_file.map(pass_phrase).transpose()?;
    let list = site.import_roster(&profile.id, &program::files::read(file)?, phrase.as_deref().map(Vec::as_slice))?;
    let roster = list.roster();
    let (id, version, entries) = (&roster.id, roster.version, roster.entries.len());
    print_text(&format!("{id} version {version}, {entries} people, {} to {}\n", roster.valid_from, roster.valid_until));
    Ok(exit::GENUINE)
}

/// Writes the signed list of who was there.
///
/// # Errors
/// When the profile counts nobody.
pub fn export_attendance(config: &Path, out: &Path) -> Result<u8, Failure> {
    let (site, profile) = site(config)?;
    let bytes = attendance::sign(&site, &profile)?;
    std::fs::write(out, bytes).map_err(|e| {
        Failure::usage("file_unwritable", format!("cannot write {}: {e}", out.display()), "name another file")
    })?;
    print_text(&format!("{}\n", out.display()));
    Ok(exit::GENUINE)
}

/// Takes other rooms' lists in, and says who was in more than one.
///
/// # Errors
/// When one is not signed by a device that is known here, or is about something else.
pub fn merge_attendance(config: &Path, files: &[std::path::PathBuf], as_json: bool) -> Result<u8, Failure> {
    let (site, profile) = site(config)?;
    let mut last = None;
    for file in files {
        let merged = attendance::merge(&site, &profile, &program::files::read(file)?)?;
        if !as_json {
            print_text(&format!("{}: {} new\n", merged.device, merged.new));
        }
        last = Some(merged);
    }
    let duplicates = last.map(|merged| merged.duplicates).unwrap_or_default();
    if as_json {
        print_json(&json!({ "duplicates": duplicates }))?;
    } else {
        for duplicate in &duplicates {
            let listed: Vec<&str> = duplicate.listed.values().map(String::as_str).collect();
            let seen: Vec<&str> = duplicate.seen.iter().map(|(device, _)| device.as_str()).collect();
            print_text(&format!("twice: {} ({}) at {}\n", listed.join(" "), duplicate.subject, seen.join(", ")));
        }
    }
    Ok(if duplicates.is_empty() { exit::GENUINE } else { exit::CHECK_FAILED })
}
