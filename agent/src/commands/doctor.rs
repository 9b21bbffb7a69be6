//! `cccd-agent doctor`: which parts of a device are there, which are not, since when, and what to do.
//!
//! A running kiosk holds its devices: it is asked through [`parts`]. Otherwise each device is opened for a moment.

use crate::check;
use crate::commands::{print_json, print_text};
use config::{Config, Kiosk, Lines};
use devices::parts::{self, Entry};
use devices::specification::{self, Pins};
use drivers::device::DeviceError;
use drivers::touch::PictureSize;
use kiosk_ui::state::Part;
use program::{Failure, exit};
use reading::chips::{self, Chip};
use reading::readers;
use serde_json::json;
use site::checks::{self, Check};
use std::path::Path;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Long enough to open a device and hear nothing from it.
const MOMENT: Duration = Duration::from_millis(50);

/// Examines and reports; 70 when something is wrong.
///
/// # Errors
/// When the configuration is not valid.
pub fn run(config: &Path, json: bool) -> Result<u8, Failure> {
    let config = check::load_or_last(config, None)?;
    let running = parts::of_running(&config.state);
    let source = if running.is_some() { "running_kiosk" } else { "probe" };
    let parts = running.unwrap_or_else(|| probe(&config));
    let checks = checks::run(&config);
    let chips = chips::shown(&config.state);
    let wrong = parts.iter().any(|entry| entry.fault.is_some()) || checks.iter().any(|check| check.fault.is_some());
    if json {
        let schema = "cccd-agent/doctor/2";
        let report = json!({ "schema": schema, "source": source, "parts": parts, "checks": checks, "chips": chips });
        print_json(&report)?;
    } else {
        print_text(&for_people(&parts));
        print_text(&checks.iter().map(line).collect::<String>());
        print_text(&chips.iter().map(type_of_chip).collect::<String>());
    }
    Ok(if wrong { exit::DEVICE } else { exit::GENUINE })
}

fn for_people(parts: &[Entry]) -> String {
    let mut text = String::new();
    for Entry { part, since, fault, found } in parts {
        // A probe knows of no time.
        let since = if *since == 0 { None } else { OffsetDateTime::from_unix_timestamp(*since).ok() };
        let since = since.and_then(|at| at.format(&Rfc3339).ok()).map_or_else(String::new, |at| format!("since {at}"));
        match fault {
            None => {
                let found = found.as_deref().unwrap_or_default();
                let both = [since.as_str(), found].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>();
                text += &format!("ok    {part:<9} {}\n", both.join(": "));
            }
            Some(Failure { code, message, remedy, .. }) => {
                text += &format!("WRONG {part:<9} {since}\n      {message} [{code}]\n      → {remedy}\n");
            }
        }
    }
    text
}

fn line(check: &Check) -> String {
    let (word, fault) = match (&check.fault, &check.warning) {
        (None, None) => return format!("ok    {:<11} {}\n", check.id, check.found),
        (Some(fault), _) => ("WRONG", fault),
        (None, Some(warning)) => ("note ", warning),
    };
    let Failure { code, message, remedy, .. } = fault;
    format!("{word} {:<11} {message} [{code}]\n      → {remedy}\n", check.id)
}

/// What was learnt of a type of chip is nothing wrong, but explains why its cards take longer.
fn type_of_chip(chip: &Chip) -> String {
    let Chip { atr, signer, manner, without, short, cards, in_use, minutes_left, .. } = chip;
    let without = if without.is_empty() { String::new() } else { format!(" without {}", without.join(", ")) };
    let state = if *in_use { "in use" } else { "not in use yet: another card has to agree" };
    let signer = signer.get(..16).unwrap_or(signer);
    format!(
        "chip  {atr} of signer {signer}: {manner}{without}, {short} bytes; {cards} cards, {state}; {minutes_left} minutes left\n"
    )
}

fn probe(config: &Config) -> Vec<Entry> {
    let mut parts = Vec::new();
    let mut found = |part: Part, fault: Option<Failure>, found: Option<String>| {
        parts.push(Entry { part: part.id().to_owned(), since: 0, fault, found });
    };
    found(Part::Reader, readers::open(&config.reader).err(), None);
    // What is not even written as a device is among the settings.
    if let Some((fault, chosen)) = config.kiosk.as_ref().and_then(look) {
        found(Part::Display, fault, chosen);
    }
    for (part, result) in config.kiosk.iter().flat_map(devices) {
        found(part, result.err().map(Failure::from), None);
    }
    parts
}

/// A part and what its driver said.
type Tried = (Part, Result<(), DeviceError>);

/// The display: what is wrong with it, or what is chosen for it.
fn look(kiosk: &Kiosk) -> Option<(Option<Failure>, Option<String>)> {
    let (wish, mut display) = (specification::panel(kiosk).ok()?, specification::display(kiosk).ok()?);
    Some(match specification::look(&mut *display, wish) {
        Ok((format, panel)) => (None, Some(specification::chosen(&format, &panel))),
        Err(error) => (Some(error.into()), None),
    })
}

/// The other parts that are named.
fn devices(kiosk: &Kiosk) -> Vec<Tried> {
    let mut devices = Vec::new();
    if let Ok(Some(mut touch)) = specification::touch(kiosk, PictureSize::new(0, 0)) {
        devices.push((Part::Touch, touch.wait(MOMENT).map(drop)));
    }
    if let Ok(Some(mut scanner)) = specification::scanner(kiosk) {
        devices.push((Part::Scanner, scanner.wait_for_scan(MOMENT).map(drop)));
    }
    if let Ok(Some(mut printer)) = specification::printer(kiosk) {
        devices.push((Part::Printer, printer.check()));
    }
    if let Ok(Some(mut speaker)) = specification::speaker(kiosk) {
        devices.push((Part::Speaker, speaker.play(&[(0, 10)])));
    }
    if let Some(tried) = kiosk.lines.as_ref().and_then(try_lines) {
        devices.push((Part::Lines, tried));
    }
    devices
}

fn try_lines(lines: &Lines) -> Option<Result<(), DeviceError>> {
    let wiring = Pins::new(lines).ok()?.wiring();
    let first = (wiring.outputs.first().copied(), wiring.inputs.first().copied());
    let mut chip = specification::lines(&lines.chip, wiring).ok()?;
    Some(match first {
        (Some(output), _) => chip.set(output.line, false),
        (None, Some(input)) => chip.get(input.line).map(drop),
        (None, None) => Ok(()),
    })
}
