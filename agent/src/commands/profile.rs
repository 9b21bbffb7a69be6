//! `cccd-agent profile`: is a profile valid, what does it do with people's data, and how does a visit go.

use crate::commands::{print_json, print_text};
use crate::failure::{Failure, exit};
use crate::flow::{Effect, Flow, Input, Place, Task};
use crate::profile::{FormField, Keyboard, Profile};
use kiosk_ui::playlist::Playlist;
use kiosk_ui::state::{Part, ReadStep, Verdict};
use kiosk_ui::theme::PANELS;
use kiosk_ui::{Act, Screen};
use serde_json::json;
use virtual_card::PERSONAS;

/// Lists the profiles that come with the agent.
///
/// # Errors
/// When standard output is closed.
pub fn list() -> Result<u8, Failure> {
    for id in Profile::names() {
        let profile = Profile::built_in(id)?;
        print_text(&format!("{id:<12} {} / {}\n", profile.title_vi, profile.title_en));
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
        11 => "further personal details",
        12 => "further document details",
        13 => "the card's text: name, birth, address, family",
        14 => "keys for chip authentication",
        15 => "key for active authentication",
        _ => "other",
    }
}

/// Prints what a profile does: the flow, what it takes, where it goes and how long it stays.
///
/// # Errors
/// When the profile is not valid.
pub fn explain(name: &str, as_json: bool) -> Result<u8, Failure> {
    let profile = Profile::load(name)?;
    let leaves: Vec<&str> = profile.event.fields.iter().map(|_| "keyed hash of the holder's number").collect();
    if as_json {
        let groups: Vec<_> = profile
            .data_groups
            .iter()
            .map(|group| json!({ "data_group": group, "content": content(*group) }))
            .collect();
        let form: Vec<_> = profile.form.iter().map(|f| json!({ "id": f.id, "optional": f.optional })).collect();
        let report = json!({
            "schema": "cccd-agent/profile-explain/1",
            "id": profile.id,
            "purpose": { "vi": profile.purpose_vi, "en": profile.purpose_en },
            "legal_basis": profile.legal_basis,
            "read": groups,
            "asked": form,
            "leaves_the_device": { "fields": leaves, "recipients": profile.event.recipients },
            "retention_days": profile.event.retention_days,
        });
        print_json(&report, true)?;
        return Ok(exit::GENUINE);
    }
    let mut text = format!("{} — {} / {}\n\n", profile.id, profile.title_vi, profile.title_en);
    text += &format!("purpose      {}\n             {}\n", profile.purpose_vi, profile.purpose_en);
    text += &format!("legal basis  {}\n\nread from the chip, held in memory for the visit\n", profile.legal_basis);
    for group in &profile.data_groups {
        text += &format!("  DG{group:<3} {}\n", content(*group));
    }
    if !profile.form.is_empty() {
        text += "\nasked of the person, held in memory for the visit\n";
        for FormField { id, label_vi, label_en, optional, .. } in &profile.form {
            let may = if *optional { " (may be left empty)" } else { "" };
            text += &format!("  {id:<8} {label_vi} / {label_en}{may}\n");
        }
    }
    text += "\nleaves the device, in one signed event a verdict\n  verdict and checks\n";
    for field in leaves {
        text += &format!("  {field}\n");
    }
    text += &format!("  to: {}\n  kept: {} days\n", profile.event.recipients.join(", "), profile.event.retention_days);
    print_text(&text);
    Ok(exit::GENUINE)
}

/// Plays a visit through the flow, with a made-up person: each screen, and what is done.
///
/// # Errors
/// When the profile is not valid.
pub fn simulate(name: &str, verdict: Verdict) -> Result<u8, Failure> {
    for line in visit(&Profile::load(name)?, verdict) {
        print_text(&format!("{line}\n"));
    }
    Ok(exit::GENUINE)
}

/// What a screen is called, without what is personal on it.
fn screen(screen: &Screen) -> String {
    match screen {
        Screen::Result { verdict, .. } => format!("verdict: {verdict:?}"),
        Screen::Form(field) => format!("form {}/{}: {}", field.at + 1, field.of, field.label.0),
        Screen::Consent { purpose } => format!("consent: {}", purpose.0),
        other => {
            let name = format!("{other:?}");
            name.split([' ', '(', '{']).next().unwrap_or_default().to_lowercase()
        }
    }
}

fn effect(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Read(_) => "the chip is read".to_owned(),
        Effect::Erase => "everything of the person is erased".to_owned(),
        Effect::CallStaff => "staff is called".to_owned(),
        Effect::Ticket(number, place) => format!("ticket {number}, {place}"),
        Effect::OpenDoor => "the door opens, where there is one".to_owned(),
        Effect::Answers(answers) => format!("{} fields are filled in", answers.len()),
        Effect::StopWaiting | Effect::SpeakScreen | Effect::Speak(_) | Effect::Sound(_) => return None,
    })
}

/// The lines of a visit.
fn visit(profile: &Profile, verdict: Verdict) -> Vec<String> {
    let place = Place {
        site: String::new(),
        queue: Some(('A', "…".to_owned())),
        panel: PANELS[0],
        patience_s: crate::flow::PATIENCE_S,
        playlist: Playlist::default(),
    };
    let mut flow = Flow::new(place, Task::from(profile));
    let persona = &PERSONAS[0];
    let mut inputs = vec![
        Input::Part(Part::Reader, None),
        Input::Act(Act::Start),
        Input::Act(Act::Agree),
        Input::Scan(persona.qr().into()),
        Input::Progress(ReadStep::Connect, 3),
        Input::Name(persona.name.to_owned().into()),
        Input::Judged(verdict, 1),
        Input::Act(Act::Finish),
    ];
    if verdict == Verdict::Genuine {
        for field in &profile.form {
            let keys = if field.keyboard == Keyboard::Digits { "0900000000" } else { "abc" };
            inputs.extend(keys.chars().map(|key| Input::Act(Act::Key(key))));
            inputs.push(Input::Act(Act::Confirm));
        }
        inputs.push(Input::Act(Act::Finish));
    }
    inputs.push(Input::CardGone);
    let mut lines = vec![format!("  {}", screen(&flow.state().screen))];
    let mut last = lines[0].clone();
    for input in inputs {
        let effects = flow.update(input);
        lines.extend(effects.iter().filter_map(effect).map(|done| format!("    → {done}")));
        let now = format!("  {}", screen(&flow.state().screen));
        if now != last {
            last.clone_from(&now);
            lines.push(now);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_shows_each_screen_and_what_is_done() {
        let profile = Profile::built_in("register").expect("profile");
        let lines = visit(&profile, Verdict::Genuine);
        let at = |text: &str| {
            lines.iter().position(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {lines:#?}"))
        };
        let order = [
            at("attract"),
            at("consent"),
            at("scan"),
            at("the chip is read"),
            at("verdict: Genuine"),
            at("form 1/2: Số điện thoại"),
            at("form 2/2"),
            at("2 fields are filled in"),
            at("ticket A001"),
            at("takecard"),
        ];
        assert!(order.is_sorted(), "{lines:#?}");
        assert!(lines.last().is_some_and(|line| line.contains("attract")), "{lines:#?}");
        let lines = visit(&profile, Verdict::NotGenuine);
        assert!(!lines.iter().any(|line| line.contains("form") || line.contains("ticket") || line.contains("door")));
        let all = lines.concat();
        assert!(!all.contains(PERSONAS[0].name) && !all.contains(PERSONAS[0].number), "nobody's data are printed");
    }
}
