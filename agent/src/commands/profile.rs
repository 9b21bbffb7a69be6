//! `cccd-agent profile`: is a profile valid, what does it do with people's data, and how does a visit go.

#[cfg(all(feature = "kiosk", feature = "practice"))]
mod rehearsal;

use crate::commands::{print_json, print_text};
use program::{Failure, exit};
#[cfg(all(feature = "kiosk", feature = "practice"))]
pub use rehearsal::simulate;
use serde_json::json;
use visit::profile::{FormField, Keep, Profile, Sensitivity};

/// Lists the profiles that come with the agent.
///
/// # Errors
/// When standard output is closed.
pub fn list() -> Result<u8, Failure> {
    for id in Profile::names_built_in() {
        let profile = Profile::built_in(id)?;
        print_text(&format!("{id:<16} {} / {}\n", profile.title_vi, profile.title_en));
    }
    Ok(exit::GENUINE)
}

/// Says whether a profile is valid.
///
/// # Errors
/// With line and remedy when it is not.
pub fn check(name: &str) -> Result<u8, Failure> {
    let profile = Profile::load(name)?;
    print_text(&format!("{} is valid\n", profile.id));
    Ok(exit::GENUINE)
}

/// What a data group of the card is about (ICAO 9303-10; DG13 is the issuer's).
const fn content(group: u8) -> &'static str {
    match group {
        1 => "machine readable zone",
        2 => "portrait",
        3 => "fingerprints",
        4 => "irises",
        7 => "signature or usual mark",
        11 => "further personal details of passports: whole name, place of birth, address",
        12 => "further document details of passports: date and authority of issue",
        13 => "the card's text: name, birth, address, family",
        14 => "keys for chip authentication",
        15 => "key for active authentication",
        16 => "persons to notify",
        _ => "other",
    }
}

/// Prints what a profile does: the flow, what it takes, where it goes and how long it stays.
///
/// # Errors
/// When the profile is not valid.
pub fn explain(name: &str, as_json: bool) -> Result<u8, Failure> {
    let profile = Profile::load(name)?;
    if as_json {
        let groups =
            profile.data_groups().iter().map(|group| json!({ "data_group": group, "content": content(*group) }));
        let taken = profile.take().iter().map(|item| json!({ "item": item, "sensitivity": item.sensitivity() }));
        let report = json!({
            "schema": "cccd-agent/profile-explain/3",
            "id": profile.id,
            "title": { "vi": profile.title_vi, "en": profile.title_en },
            "purpose": { "vi": profile.purpose_vi, "en": profile.purpose_en, "version": profile.purpose_version },
            "legal_basis": profile.legal_basis,
            "practice": profile.practice,
            "steps": profile.steps(),
            "accept": profile.accept,
            "without_chip": profile.without_chip(),
            "alone_from": profile.alone_from,
            "documents": profile.documents().collect::<Vec<_>>(),
            "assurance": profile.terms(),
            "read": groups.collect::<Vec<_>>(),
            "taken": taken.collect::<Vec<_>>(),
            "asked": profile.form().collect::<Vec<_>>(),
            "roster": profile.roster(),
            "ledger": profile.ledger(),
            "kept": profile.keep(),
            "recipients": profile.recipients().collect::<Vec<_>>(),
            "event": {
                "fields": profile.event.fields.iter().map(|_| "keyed hash of the holder's number").collect::<Vec<_>>(),
                "recipients": profile.event.recipients,
                "retention_days": profile.event.retention_days,
            },
        });
        print_json(&report)?;
        return Ok(exit::GENUINE);
    }
    print_text(&explanation(&profile));
    Ok(exit::GENUINE)
}

/// The same in words.
fn explanation(profile: &Profile) -> String {
    let mut text = format!("{} — {} / {}\n\n", profile.id, profile.title_vi, profile.title_en);
    text += &format!("purpose      {}\n             {}\n", profile.purpose_vi, profile.purpose_en);
    text += &format!("legal basis  {}\n", profile.legal_basis);
    let steps: Vec<&str> = profile.steps().iter().map(|step| step.name()).collect();
    text += &format!("steps        {}\n\nread from the chip, held in memory for the visit\n", steps.join(" → "));
    for group in profile.data_groups() {
        text += &format!("  DG{group:<3} {}\n", content(*group));
    }
    text += "\ntaken of it; everything else is forgotten with the verdict\n";
    for item in profile.take() {
        let sensitive = if item.sensitivity() == Sensitivity::Sensitive { "  (sensitive)" } else { "" };
        text += &format!("  {:<16} {} / {}{sensitive}\n", item.name(), item.label().0, item.label().1);
    }
    if profile.form().len() > 0 {
        text += "\nasked of the person\n";
        for FormField { id, label_vi, label_en, optional, .. } in profile.form() {
            let may = if *optional { " (may be left empty)" } else { "" };
            text += &format!("  {id:<16} {label_vi} / {label_en}{may}\n");
        }
    }
    if let Some(roster) = profile.roster() {
        let rule = if roster.required { "whoever is not on it is turned away" } else { "whoever is not on it goes on" };
        text += &format!("\nlist         {rule}\n");
    }
    if let Some(ledger) = profile.ledger() {
        text += &format!("how often    {:?}, counted over {:?}\n", ledger.rule, ledger.scope).to_lowercase();
    }
    text += "\nkept on the device, sealed\n";
    text += &match profile.keep() {
        None => "  nothing\n".to_owned(),
        Some(Keep { days, until_reported: false }) => format!("  {days} days\n"),
        Some(Keep { days, .. }) => format!("  {days} days after the authority's count was confirmed, and not less\n"),
    };
    text += "\nreceived by\n";
    for recipient in profile.recipients() {
        text += &format!("  {:<16} {}\n", recipient.id, recipient.fields.join(", "));
    }
    text += "\nin signed events\n  verdict, checks, consent, who received which fields\n";
    for _ in &profile.event.fields {
        text += "  keyed hash of the holder's number\n";
    }
    let event = &profile.event;
    text + &format!("  to: {}\n  kept: {} days\n", event.recipients.join(", "), event.retention_days)
}
